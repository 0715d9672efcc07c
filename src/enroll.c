#include "config.h"

#include "src/enroll.h"

#include "dns/resolver.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/json.h"
#include "src/acme_client.h"
#include "src/enroll_box.h"
#include "src/enroll_certificate.h"
#include "src/enroll_csr.h"
#include "src/enroll_key.h"
#include "src/enroll_line.h"
#include "src/enroll_options.h"
#include "src/enroll_place.h"
#include "src/enroll_proof.h"
#include "src/enroll_session.h"
#include "src/remote.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PASSWORD_MAX 1024
#define RESULT_MAX (64 * 1024)
#define MAIL_TIMEOUT_MS 60000
#define DNS_TRY_MS 5000
#define DNS_TOTAL_MS 20000

/* Sets of statuses. */
#define IS(status) (1u << (status))

/* --- what is there before anybody is asked ---------------------------------
 */

/* What lib/addr.c refuses it calls a matter of this server's policy. */
static int
bad_mailbox(struct enroll *e)
{
	if (e->j->err.kind != ERR_REJECTED_IDENTIFIER)
		return job_context(e->j, "--mailbox");
	job_recover(e->j);
	return job_fail(e->j, ERR_MALFORMED,
	    "--mailbox: there are certificates only for plain addresses at a "
	    "domain, such as alice@mail.example");
}

static int
parse_mailboxes(struct enroll *e)
{
	const struct addr_policy policy = { .utf8_local = true,
		.reserved_domains = true };
	const struct enroll_options *o = e->o;
	const char **list =
	    arena_calloc(e->j->arena, o->mailbox_count, sizeof(*list));
	struct addr a;

	for (size_t i = 0; i < o->mailbox_count; i++) {
		if (addr_parse(e->j, span_str(o->mailboxes[i]), &policy, &a) <
		    0)
			return bad_mailbox(e);
		for (size_t k = 0; k < i; k++)
			if (strcmp(list[k], a.canonical) == 0)
				return job_fail(e->j, ERR_MALFORMED,
				    "--mailbox %s: given twice", a.canonical);
		list[i] = a.canonical;
	}
	e->request.mailboxes = list;
	e->request.mailbox_count = o->mailbox_count;
	e->request.usage = o->usage;
	return 0;
}

static int
check_absent(struct enroll *e, const char *option, const char *path)
{
	if (path == NULL || e->o->force || access(path, F_OK) < 0)
		return 0;
	return job_fail(e->j, ERR_CONFLICT,
	    "%s %s exists: name another file, or overwrite it with --force",
	    option, path);
}

static int
read_p12_password(struct enroll *e)
{
	const char *file = e->o->p12_password_file;

	if (file == NULL)
		return 0;
	if (file_read_secret(e->j, file, PASSWORD_MAX, &e->p12_password) < 0)
		return job_context(e->j, "--p12-password-file");
	if (e->p12_password.n == 0 ||
	    memchr(e->p12_password.p, '\0', e->p12_password.n) != NULL)
		return job_fail(
		    e->j, ERR_MALFORMED, "%s: holds no password", file);
	return 0;
}

static int
load_or_create(struct enroll *e, const char *path, enum enroll_key_type type,
    struct evp_pkey_st **key)
{
	int found = enroll_key_load(e->j, path, key);

	if (found != 0)
		return found < 0 ? -1 : 0;
	if (enroll_key_create(e->j, path, type, key) < 0)
		return -1;
	enroll_tellf("made a new key: %s", path);
	return 0;
}

static int
load_keys(struct enroll *e)
{
	const struct enroll_options *o = e->o;
	const char *account = o->account_key;

	if (account == NULL &&
	    enroll_place_account(e->j, o->directory, o->out, &account) < 0)
		return -1;
	if (load_or_create(e, account, ENROLL_P256, &e->account_key) < 0)
		return job_context(e->j, "account key");
	if (!enroll_key_is(e->account_key, ENROLL_P256))
		return job_fail(e->j, ERR_MALFORMED,
		    "%s: the account key must be a P-256 key", account);
	if (load_or_create(e, o->key, o->key_type, &e->request.key) < 0)
		return -1;
	if (o->has_key_type && !enroll_key_is(e->request.key, o->key_type))
		return job_fail(e->j, ERR_MALFORMED,
		    "%s: is not a %s key, as --key-type says; name another "
		    "file, or leave the option out",
		    o->key, enroll_key_type_name(o->key_type));
	/* AC-135: the server would refuse. */
	if (EVP_PKEY_eq(e->account_key, e->request.key) == 1)
		return job_fail(e->j, ERR_MALFORMED,
		    "%s and %s hold the same key: the account needs one of "
		    "its own",
		    account, o->key);
	return 0;
}

static int
prepare(struct enroll *e)
{
	if (parse_mailboxes(e) < 0 || check_absent(e, "--out", e->o->out) < 0 ||
	    check_absent(e, "--p12", e->o->p12) < 0 || read_p12_password(e) < 0)
		return -1;
	return load_keys(e);
}

/* --- connections -----------------------------------------------------------
 */

static int
open_resolver(struct enroll *e)
{
	struct resolver_conf conf = { .config_file = e->o->dns_config,
		.trust_anchor = e->o->dns_trust_anchor,
		.try_ms = DNS_TRY_MS,
		.total_ms = DNS_TOTAL_MS };

	if (conf.config_file == NULL && conf.trust_anchor == NULL)
		return 0;
	return resolver_new(e->j, &conf, &e->resolver);
}

static int
read_password(struct enroll *e, const char *file, struct span *out)
{
	*out = span_str(NULL);
	return file == NULL ? 0
			    : file_read_secret(e->j, file, PASSWORD_MAX, out);
}

static int
open_box(struct enroll *e)
{
	const struct enroll_options *o = e->o;
	struct enroll_box_conf conf = {
		.imap = { .host = o->imap.host,
		    .port = o->imap.port,
		    .tls = o->imap.tls,
		    .ca_file = o->mail_ca_file,
		    .user = o->imap.user,
		    .folder = o->imap_folder,
		    .disposal = CONF_DISPOSAL_FLAG,
		    .timeout_ms = MAIL_TIMEOUT_MS },
		.smtp = { .host = o->smtp.host,
		    .port = o->smtp.port,
		    .tls = o->smtp.tls,
		    .ca_file = o->mail_ca_file,
		    .user = o->smtp.user,
		    .timeout_ms = MAIL_TIMEOUT_MS },
		.tell = enroll_tell,
	};

	if (o->manual)
		return 0;
	if (read_password(e, o->imap.password_file, &conf.imap.password) < 0 ||
	    read_password(e, o->smtp.password_file, &conf.smtp.password) < 0 ||
	    open_resolver(e) < 0)
		return -1;
	return enroll_box_new(e->j, &conf, &e->box);
}

#define EAB_KEY_MAX 1024

/* The file is as `countersign eab new` and others print the key. */
static int
read_binding(struct enroll *e, struct acme_client_account *account)
{
	struct span text;

	account->eab_kid = e->o->eab_kid;
	if (account->eab_kid == NULL)
		return 0;
	if (file_read_secret(e->j, e->o->eab_key_file, EAB_KEY_MAX, &text) < 0)
		return -1;
	if (text.n == 0 ||
	    b64url_parse(e->j->arena, text, &account->eab_key) < 0)
		return job_fail(e->j, ERR_MALFORMED,
		    "%s: does not hold a key in base64url", e->o->eab_key_file);
	return 0;
}

static int
open_account(struct enroll *e)
{
	const struct enroll_options *o = e->o;
	struct acme_client_conf conf = { .directory = o->directory,
		.ca_file = o->ca_file,
		.language = o->language,
		.account_key = e->account_key };
	struct acme_client_account account = { .contacts = o->contacts,
		.contact_count = o->contact_count,
		.accept_terms = o->accept_terms };
	bool made;

	if (read_binding(e, &account) < 0 ||
	    acme_client_new(e->j, &conf, &e->client) < 0 ||
	    acme_client_account(e->client, e->j, &account, &made) < 0)
		return -1;
	if (made)
		enroll_tell("made an account at the server");
	return 0;
}

/* --- order and certificate -------------------------------------------------
 */

static int
read_order(struct enroll *e, struct remote_order *order)
{
	struct remote_order now;

	while (acme_client_order_read(e->client, e->j, order->url, &now) < 0)
		if (!enroll_again(e))
			return -1;
	*order = now;
	return 0;
}

/* Reads the order until its status is none of the set. */
static int
wait_while(struct enroll *e, unsigned set, struct remote_order *order)
{
	while (set & IS(order->status)) {
		if (enroll_time_left(e) == 0)
			return enroll_out_of_time(
			    e, "the server has not finished the order", NULL);
		enroll_pause(e, order->retry_after);
		if (read_order(e, order) < 0)
			return -1;
	}
	return 0;
}

static int
expect_status(struct enroll *e, const struct remote_order *order, unsigned set)
{
	if (set & IS(order->status))
		return 0;
	return job_fail(e->j, ERR_MALFORMED,
	    "the server calls the order %s%s%s; run the same command again "
	    "for a new try",
	    remote_status_name(order->status), order->error != NULL ? ": " : "",
	    order->error != NULL ? order->error : "");
}

static int
prove_all(struct enroll *e, struct remote_order *order)
{
	if (!(IS(order->status) & IS(REMOTE_PENDING))) {
		enroll_tell("the server remembers earlier proofs");
		return 0;
	}
	for (size_t i = 0; i < order->authorization_count; i++)
		if (enroll_prove(e, order->authorizations[i]) < 0)
			return -1;
	if (read_order(e, order) < 0)
		return -1;
	return wait_while(e, IS(REMOTE_PENDING), order);
}

/* Whether an answer that got lost was a yes, the order tells. */
static int
finalize(struct enroll *e, struct remote_order *order)
{
	struct remote_order now;
	struct span csr;

	if (expect_status(e, order, IS(REMOTE_READY)) < 0 ||
	    enroll_csr(e->j, &e->request, &csr) < 0)
		return -1;
	while (acme_client_finalize(e->client, e->j, order, csr, &now) < 0) {
		if (!enroll_again(e) || read_order(e, order) < 0)
			return -1;
		now = *order;
		if (order->status != REMOTE_READY)
			break;
	}
	*order = now;
	if (wait_while(e, IS(REMOTE_READY) | IS(REMOTE_PROCESSING), order) < 0)
		return -1;
	return expect_status(e, order, IS(REMOTE_VALID));
}

static int
download(struct enroll *e, const char *url, struct span *pem)
{
	while (acme_client_chain(e->client, e->j, url, pem) < 0)
		if (!enroll_again(e))
			return -1;
	return 0;
}

static int
obtain(struct enroll *e, struct enroll_certificate *c)
{
	struct remote_order order;
	struct span pem;

	if (acme_client_order(e->client, e->j, e->request.mailboxes,
		e->request.mailbox_count, &order) < 0 ||
	    prove_all(e, &order) < 0 || finalize(e, &order) < 0 ||
	    download(e, order.certificate, &pem) < 0)
		return -1;
	return enroll_certificate_check(e->j, pem, &e->request, c);
}

/* --- results ---------------------------------------------------------------
 */

static int
write_file(struct enroll *e, const char *path, mode_t mode, struct span data)
{
	if (e->o->force)
		return file_write(e->j, path, mode, data);
	return file_create(e->j, path, mode, data);
}

static int
write_results(struct enroll *e, const struct enroll_certificate *c)
{
	const struct enroll_options *o = e->o;
	struct span p12;

	if (write_file(e, o->out, 0644, c->pem) < 0)
		return -1;
	if (o->p12 == NULL)
		return 0;
	if (enroll_p12(e->j, &e->request, c, e->p12_password, &p12) < 0 ||
	    write_file(e, o->p12, 0600, p12) < 0)
		return job_context(e->j,
		    "the certificate is in %s, but not in PKCS#12", o->out);
	return 0;
}

static void
print_json(const struct enroll *e, const struct enroll_certificate *c)
{
	const struct enroll_request *r = &e->request;
	struct json_out out;
	struct buf b;

	buf_init(&b, e->j->arena, RESULT_MAX);
	json_out_init(&out, &b);
	json_object_begin(&out);
	json_member_str(&out, "mailbox", r->mailboxes[0]);
	json_key(&out, "mailboxes");
	json_array_begin(&out);
	for (size_t i = 0; i < r->mailbox_count; i++)
		json_put_string(&out, span_str(r->mailboxes[i]));
	json_array_end(&out);
	json_member_str(&out, "serial", c->serial);
	json_member_time(&out, "not_after", c->not_after);
	json_member_str(&out, "certificate", e->o->out);
	json_member_str(&out, "key", e->o->key);
	if (e->o->p12 != NULL)
		json_member_str(&out, "p12", e->o->p12);
	json_object_end(&out);
	puts(b.p);
}

static void
print_text(const struct enroll *e, const struct enroll_certificate *c)
{
	char not_after[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(c->not_after, not_after);
	printf("issued:");
	for (size_t i = 0; i < e->request.mailbox_count; i++)
		printf(" mailbox=%s", e->request.mailboxes[i]);
	printf(" serial=%s not_after=%s certificate=%s\n", c->serial, not_after,
	    e->o->out);
}

/* --- the way ---------------------------------------------------------------
 */

static int
run(struct enroll *e)
{
	struct enroll_certificate c;

	/* Whatever can fail without the server fails before it is asked, and
	 * logins are tried before a mail is caused. */
	if (prepare(e) < 0 || open_account(e) < 0 || open_box(e) < 0 ||
	    obtain(e, &c) < 0 || write_results(e, &c) < 0)
		return -1;
	if (e->o->json)
		print_json(e, &c);
	else
		print_text(e, &c);
	return 0;
}

int
enroll_run(struct job *j, const struct enroll_options *o, const char **details)
{
	struct enroll e = { .j = j,
		.o = o,
		.deadline = clock_mono_ms() + o->timeout_secs * 1000 };
	int result;

	enroll_lines_init(&e.lines, STDIN_FILENO);
	result = run(&e);
	*details = "";
	if (e.client != NULL)
		*details =
		    arena_strdup(j->arena, acme_client_details(e.client));
	enroll_box_free(e.box);
	if (e.resolver != NULL)
		resolver_free(e.resolver);
	acme_client_free(e.client);
	return result;
}
