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
#include "src/enroll_renew.h"
#include "src/enroll_result.h"
#include "src/enroll_session.h"
#include "src/remote.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PASSWORD_MAX 1024
#define MAIL_TIMEOUT_MS 60000
#define DNS_TRY_MS 5000
#define DNS_TOTAL_MS 20000

/* Sets of statuses. */
#define IS(status) (1u << (status))

/* --- what is there before anybody is asked ------------------------------- */

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
	/* Without another word it is for those of the one to be renewed. */
	bool same = e->o->mailbox_count == 0;
	const char **given = same ? e->renewal.mailboxes : e->o->mailboxes;
	size_t count = same ? e->renewal.mailbox_count : e->o->mailbox_count;
	const char **list = arena_calloc(e->j->arena, count, sizeof(*list));
	struct addr a;

	for (size_t i = 0; i < count; i++) {
		if (addr_parse(e->j, span_str(given[i]), &policy, &a) < 0)
			return bad_mailbox(e);
		for (size_t k = 0; k < i; k++)
			if (strcmp(list[k], a.canonical) == 0)
				return job_fail(e->j, ERR_MALFORMED,
				    "--mailbox %s: given twice", a.canonical);
		list[i] = a.canonical;
	}
	e->request.mailboxes = list;
	e->request.mailbox_count = count;
	e->request.usage = e->o->usage;
	e->request.not_before = e->o->not_before;
	e->request.not_after = e->o->not_after;
	return 0;
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
	if (parse_mailboxes(e) < 0 || enroll_result_check(e) < 0 ||
	    read_p12_password(e) < 0)
		return -1;
	return load_keys(e);
}

/* --- connections --------------------------------------------------------- */

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
	if (conf.imap.user == NULL)
		conf.imap.user = e->request.mailboxes[0];
	if (conf.smtp.user == NULL && o->smtp.password_file != NULL)
		conf.smtp.user = conf.imap.user;
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
connect_server(struct enroll *e)
{
	struct acme_client_conf conf = { .directory = e->o->directory,
		.ca_file = e->o->ca_file,
		.language = e->o->language,
		.account_key = e->account_key };

	return acme_client_new(e->j, &conf, &e->client);
}

static int
open_account(struct enroll *e)
{
	const struct enroll_options *o = e->o;
	struct acme_client_account account = { .contacts = o->contacts,
		.contact_count = o->contact_count,
		.accept_terms = o->accept_terms };
	bool made;

	if (read_binding(e, &account) < 0 ||
	    acme_client_account(e->client, e->j, &account, &made) < 0)
		return -1;
	if (made)
		enroll_tell("made an account at the server");
	return 0;
}

/* --- order and certificate ----------------------------------------------- */

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

/* Reads the order; one that is still in the set has told nothing new. */
static int
look_again(struct enroll *e, unsigned set, struct remote_order *order)
{
	struct arena *before = job_try(e->j);
	struct remote_order now = *order;
	int result = read_order(e, &now);
	bool is_new = result == 0 && !(set & IS(now.status));

	job_tried(e->j, before, is_new);
	if (is_new) {
		*order = now;
	} else {
		order->status = now.status;
		order->retry_after = now.retry_after;
	}
	return result;
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
		if (look_again(e, set, order) < 0)
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

/* An earlier run may have ordered and then been broken off: the server knows
 * one replacement for each certificate (RFC 9773 section 5). */
static int
new_order(struct enroll *e, struct remote_order *order)
{
	struct acme_client_wish wish = { .mailboxes = e->request.mailboxes,
		.mailbox_count = e->request.mailbox_count,
		.profile = e->o->profile,
		.not_before = e->o->not_before,
		.not_after = e->o->not_after,
		.replaces = e->renewal.is_known ? e->renewal.certid : NULL };

	if (acme_client_order(e->client, e->j, &wish, order) == 0)
		return 0;
	if (e->j->err.kind != ERR_ALREADY_REPLACED)
		return -1;
	job_recover(e->j);
	enroll_tell("the server has an order that replaces this certificate; "
		    "this one is another");
	wish.replaces = NULL;
	return acme_client_order(e->client, e->j, &wish, order);
}

static int
obtain(struct enroll *e, struct enroll_certificate *c)
{
	struct remote_order order;
	struct span pem;

	if (new_order(e, &order) < 0 || prove_all(e, &order) < 0 ||
	    finalize(e, &order) < 0 || download(e, order.certificate, &pem) < 0)
		return -1;
	return enroll_certificate_check(e->j, pem, &e->request, c);
}

/* --- the way ------------------------------------------------------------- */

static int
not_yet(struct enroll *e)
{
	enroll_renew_print(e);
	return 1;
}

static int
run(struct enroll *e)
{
	struct enroll_certificate c;
	int due;

	/* Whatever can fail without the server fails before it is asked, and
	 * logins are tried before a mail is caused. */
	if (enroll_renew_load(e) < 0)
		return -1;
	if (enroll_renew_waits(e))
		return not_yet(e);
	if (prepare(e) < 0 || connect_server(e) < 0)
		return -1;
	due = enroll_renew_ask(e);
	if (due <= 0)
		return due < 0 ? -1 : not_yet(e);
	if (open_account(e) < 0 || open_box(e) < 0 || obtain(e, &c) < 0 ||
	    enroll_result_write(e, &c) < 0)
		return -1;
	enroll_renew_done(e);
	enroll_result_print(e, &c);
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
