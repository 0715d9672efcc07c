#include "config.h"

#include "tests/scenario/world.h"

#include "db/store.h"
#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_order.h"
#include "db/store_order_look.h"
#include "db/store_outbox.h"
#include "db/store_private.h"
#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/seal.h"
#include "mail/dkim_sign.h"
#include "mail/reply.h"
#include "mail/submit.h"
#include "pki/issue.h"
#include "pki/key.h"
#include "src/conf_file.h"
#include "src/role_issuer.h"
#include "src/role_sender.h"
#include "src/role_validator.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOPPED 99
#define STEPS_MAX 500
#define FILES_MAX 200

int
world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->error, sizeof(w->error), fmt, ap);
	va_end(ap);
	return -1;
}

/* --- children ------------------------------------------------------------ */

static struct crash *crash_now;

static void
on_commit(void *ctx, bool after)
{
	(void)ctx;
	(void)after;
	crash_now->points++;
	if (crash_now->points != crash_now->stop_at)
		return;
	crash_now->stopped = true;
	_exit(STOPPED);
}

/* Writes its result to `out`: 0, or -1 with the job's error. */
typedef int child_fn(struct world *w, struct job *j, void *ctx, FILE *out);

/* Whose login a child uses with PostgreSQL: a role's, or the owner's. */
#define AS_OWNER ROLE_COUNT

static const char *
login_of(const struct world *w, struct job *j, enum role role)
{
	if (w->schema[0] == '\0' || role == AS_OWNER)
		return w->conf->database;
	return arena_printf(j->arena, "%s user=%s_%s", w->conf->database,
	    w->schema, role_name(role));
}

static void
child_run(struct world *w, enum role role, child_fn *run, void *ctx, FILE *out)
{
	struct job j;
	int result;

	crash_now = w->crash;
	clock_set(w->now);
	job_init(&j, NULL, w->conf);
	result = store_open(&j, login_of(w, &j, role), &j.store);
	store_set_commit_hook(on_commit, NULL);
	if (result == 0)
		result = run(w, &j, ctx, out);
	if (result < 0)
		fprintf(out, "%s", j.err.text);
	fclose(out);
	store_close(j.store);
	job_done(&j);
	_exit(result < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static char *
read_all(int fd)
{
	size_t n = 0, cap = 65536;
	char *text = xmalloc(cap);
	ssize_t got;

	while ((got = read(fd, text + n, cap - n - 1)) > 0) {
		n += (size_t)got;
		if (cap - n < 2)
			text = xrealloc(text, cap *= 2);
	}
	text[n] = '\0';
	return text;
}

/* Runs once, and once more after each stop: 0 and what it wrote. */
static int
in_child(
    struct world *w, enum role role, child_fn *run, void *ctx, char **written)
{
	int fds[2], status;
	char *text;
	pid_t pid;

	for (;;) {
		if (pipe(fds) < 0)
			return world_fail(w, "pipe: %s", strerror(errno));
		pid = fork();
		if (pid == 0) {
			close(fds[0]);
			child_run(w, role, run, ctx, fdopen(fds[1], "w"));
		}
		close(fds[1]);
		text = read_all(fds[0]);
		close(fds[0]);
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			return world_fail(w, "no child: %s", strerror(errno));
		if (!WIFEXITED(status) || WEXITSTATUS(status) != STOPPED)
			break;
		free(text);
		w->crash->stop_at = 0;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		world_fail(w, "status %d: %s", status, text);
		free(text);
		return -1;
	}
	if (written != NULL)
		*written = text;
	else
		free(text);
	return 0;
}

/* --- opening ------------------------------------------------------------- */

static int
write_config(struct world *w, const char *database)
{
	const struct conf *loaded;
	struct conf *own;
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/countersign.conf", w->dir);
	f = fopen(path, "w");
	if (f == NULL)
		return world_fail(w, "%s: %s", path, strerror(errno));
	fprintf(f,
	    "base_url = \"https://acme.ca.test\"\n"
	    "ca_name = \"Scenario CA\"\n"
	    "database = \"%s\"\n"
	    "seal_key = seal.key\n"
	    "log_level = error\n"
	    "policy {\n allow_reserved_domains = yes\n"
	    " caa_identities = {\"ca.test\"}\n%s}\n"
	    /* Who repeats a newOrder after each stop orders more often. */
	    "limits {\n mails_to_mailbox = none\n}\n"
	    "web {\n listen = {\"127.0.0.1:443\"}\n tls_certificate = x\n"
	    " tls_key = x\n}\n"
	    "sender {\n from = \"acme@ca.test\"\n relay_host = localhost\n"
	    " relay_signs = yes\n}\n"
	    "validator {\n imap_host = localhost\n imap_user = acme\n"
	    " imap_password = x\n}\n"
	    "issuer {\n ca_certificate = \"ca/issuing.pem\"\n"
	    " ca_chain = \"ca/root.pem\"\n ca_key = \"ca/issuing-key.pem\"\n"
	    " ca_key_passphrase = \"ca/ca-passphrase\"\n"
	    " crl_url = \"http://crl.ca.test/ca.crl\"\n"
	    " crl_file = \"issuing.crl\"\n}\n",
	    database, w->settings);
	fclose(f);
	if (conf_load(w->keep, path, conf_report_stderr, NULL, &loaded) < 0)
		return world_fail(w, "the configuration has mistakes");
	/* Nothing is purged: whoever starts would look at every kind of record,
	 * in more transactions than the course of events has. */
	own = arena_memdup(w->keep, loaded, sizeof(*own));
	own->retention = 0;
	w->conf = own;
	return 0;
}

static int
make_folder(struct world *w, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	return mkdir(path, 0700) == 0
		   ? 0
		   : world_fail(w, "%s: %s", path, strerror(errno));
}

/*
 * The CA is made once for all worlds, and its key is read once: both cost
 * more than a whole scenario, by design of the key's encryption.
 */
static char ca_dir[200];
static const struct ca *shared_ca;

static void
remove_folder(const char *dir)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		fprintf(stderr, "# %s stays\n", dir);
}

static void
remove_ca(void)
{
	remove_folder(ca_dir);
}

/* In memory where there is such a folder: nothing here tests the disk. */
static int
make_temporary(struct world *w, char *out, size_t max)
{
	snprintf(out, max, "%s/countersign-scenario-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	return mkdtemp(out) != NULL
		   ? 0
		   : world_fail(w, "%s: %s", out, strerror(errno));
}

static int
make_ca(struct world *w)
{
	static struct arena *keep;
	struct ca_init init = { .dir = ca_dir,
		.organization = "Scenario",
		.country = "XX",
		.common_name = "Scenario CA",
		.key_type = "p256",
		.root_crl_url = "http://crl.ca.test/root.crl",
		.root_url = "http://crl.ca.test/root.cer" };
	struct ca_files files;
	struct job j;
	int result = 0;

	if (shared_ca != NULL)
		return 0;
	if (make_temporary(w, ca_dir, sizeof(ca_dir)) < 0)
		return -1;
	atexit(remove_ca);
	keep = arena_new();
	job_init(&j, NULL, NULL);
	files = (struct ca_files){
		.certificate = arena_printf(keep, "%s/issuing.pem", ca_dir),
		.chain = arena_printf(keep, "%s/root.pem", ca_dir),
		.key = arena_printf(keep, "%s/issuing-key.pem", ca_dir),
		.passphrase_file =
		    arena_printf(keep, "%s/ca-passphrase", ca_dir),
	};
	if (ca_init_create(&j, &init) < 0 ||
	    ca_load(&j, keep, &files, &shared_ca) < 0)
		result = world_fail(w, "%s", j.err.text);
	job_done(&j);
	return result;
}

static int
make_keys(struct world *w, struct job *j)
{
	const char *dkim = arena_printf(w->keep, "%s/user-dkim.pem", w->dir);
	const char *seal = arena_printf(w->keep, "%s/seal.key", w->dir);

	if (make_ca(w) < 0)
		return -1;
	if (dkim_key_create(j, dkim, true) < 0 ||
	    dkim_signer_load(j, w->keep, dkim, "s1", &w->signer) < 0 ||
	    file_create(j, seal, 0400,
		SPAN("00112233445566778899aabbccddeeff"
		     "00112233445566778899aabbccddeeff")) < 0)
		return world_fail(w, "%s", j->err.text);
	w->key_record = arena_strdup(w->keep, dkim_signer_record(j, w->signer));
	return 0;
}

/* A statement of the PostgreSQL server's own. */
static int
pgsql_admin(struct world *w, const char *text)
{
	PGconn *c = PQconnectdb(getenv("COUNTERSIGN_TEST_PGSQL"));
	PGresult *r = PQexec(c, text);
	int result = PQresultStatus(r) == PGRES_COMMAND_OK
			 ? 0
			 : world_fail(w, "%s: %s", text, PQerrorMessage(c));

	PQclear(r);
	PQfinish(c);
	return result;
}

/* A login for each role; the server lets in whoever reaches it. */
static int
make_logins(struct world *w)
{
	char text[128];

	for (enum role role = 0; role < ROLE_COUNT; role++) {
		snprintf(text, sizeof(text), "CREATE ROLE %s_%s LOGIN",
		    w->schema, role_name(role));
		if (pgsql_admin(w, text) < 0)
			return -1;
	}
	return 0;
}

/* Each world has a schema of its own, and logins. */
static const char *
pgsql_make(struct world *w)
{
	static unsigned count;
	char text[128];

	snprintf(w->schema, sizeof(w->schema), "scenario_%ld_%u",
	    (long)getpid(), count++);
	snprintf(text, sizeof(text), "CREATE SCHEMA %s", w->schema);
	if (pgsql_admin(w, text) < 0 || make_logins(w) < 0)
		return NULL;
	return arena_printf(w->keep,
	    "postgresql:%s options='-c search_path=%s'",
	    getenv("COUNTERSIGN_TEST_PGSQL"), w->schema);
}

static void
pgsql_remove(struct world *w)
{
	char text[160];

	snprintf(text, sizeof(text),
	    "SET client_min_messages TO warning; DROP SCHEMA %s CASCADE",
	    w->schema);
	pgsql_admin(w, text);
	for (enum role role = 0; role < ROLE_COUNT; role++) {
		snprintf(text, sizeof(text), "DROP ROLE %s_%s", w->schema,
		    role_name(role));
		pgsql_admin(w, text);
	}
}

/* The schema, and what each role may do in it. */
static int
migrate(struct world *w, struct job *j)
{
	const struct store_login owner = { w->conf->database, NULL };
	const char *users[ROLE_COUNT];

	for (enum role role = 0; role < ROLE_COUNT; role++)
		users[role] =
		    arena_printf(w->keep, "%s_%s", w->schema, role_name(role));
	return store_migrate_as(j, &owner, users);
}

int
world_open(struct world *w, bool pgsql)
{
	const char *database;
	struct job j;
	int result;

	w->now = 1800000000;
	clock_set(w->now);
	log_open("scenario", LOG_LEVEL_ERROR);
	w->keep = arena_new();
	w->crash = mmap(NULL, sizeof(*w->crash), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(w->crash != MAP_FAILED);
	*w->crash = (struct crash){ 0 };
	if (make_temporary(w, w->dir, sizeof(w->dir)) < 0)
		return -1;
	database = pgsql ? pgsql_make(w)
			 : arena_printf(w->keep, "sqlite:%s/db", w->dir);
	if (database == NULL || make_folder(w, "relay") < 0 ||
	    make_folder(w, "inbox") < 0 || write_config(w, database) < 0)
		return -1;
	job_init(&j, NULL, w->conf);
	result = make_keys(w, &j);
	if (result == 0 && migrate(w, &j) < 0)
		result = world_fail(w, "%s", j.err.text);
	job_done(&j);
	w->client = client_new(w->conf);
	return result;
}

int
world_close(struct world *w)
{
	if (w->schema[0] != '\0')
		pgsql_remove(w);
	munmap(w->crash, sizeof(*w->crash));
	client_free(w->client);
	arena_free(w->keep);
	remove_folder(w->dir);
	return 0;
}

/* --- the client ---------------------------------------------------------- */

struct post {
	const char *kid;
	const char *url;
	const char *payload;
};

static int
child_post(struct world *w, struct job *j, void *ctx, FILE *out)
{
	const struct post *p = ctx;
	struct answer a;

	client_post(w->client, j, p->kid, p->url, p->payload, &a);
	fprintf(out, "%d\n%s\n%s", a.status, a.location, a.body);
	free(a.body);
	return 0;
}

/* As client_post(), in a child. */
static int
post(struct world *w, const char *url, const char *payload, struct answer *out)
{
	struct post p = { w->account[0] != '\0' ? w->account : NULL, url,
		payload };
	char *text, *line, *rest;

	if (in_child(w, ROLE_WEB, child_post, &p, &text) < 0)
		return -1;
	*out = (struct answer){ .status = atoi(text) };
	line = strchr(text, '\n') + 1;
	rest = strchr(line, '\n');
	*rest = '\0';
	snprintf(out->location, sizeof(out->location), "%s", line);
	out->body = xstrdup(rest + 1);
	free(text);
	return 0;
}

static int
unexpected(struct world *w, const char *what, struct answer *a)
{
	world_fail(w, "%s: %d %s", what, a->status, a->body);
	free(a->body);
	return -1;
}

int
world_account(struct world *w)
{
	struct answer a;

	if (post(w, "https://acme.ca.test/acme/new-acct",
		"{\"termsOfServiceAgreed\":true}", &a) < 0)
		return -1;
	if (a.status != 201 && a.status != 200)
		return unexpected(w, "newAccount", &a);
	snprintf(w->account, sizeof(w->account), "%s", a.location);
	free(a.body);
	return 0;
}

static void
copy_member(const struct json *v, const char *name, char *out, size_t max)
{
	struct span s = json_string(json_get(v, name));

	snprintf(out, max, "%.*s", (int)s.n, s.p);
}

int
world_read(struct world *w, const char *url, char **body)
{
	struct answer a;

	if (post(w, url, NULL, &a) < 0)
		return -1;
	if (a.status != 200)
		return unexpected(w, url, &a);
	*body = a.body;
	return 0;
}

static int
learn_authz(
    struct world *w, struct job *j, struct known_order *o, const char *url)
{
	struct known_mailbox *m = &o->mailboxes[o->count];
	const struct json *v, *challenge;
	char *body;

	if (world_read(w, url, &body) < 0)
		return -1;
	if (json_parse_object(j, span_str(body), "authz", &v) < 0)
		return world_fail(w, "%s", j->err.text);
	snprintf(m->authz_url, sizeof(m->authz_url), "%s", url);
	copy_member(
	    json_get(v, "identifier"), "value", m->address, sizeof(m->address));
	challenge = json_at(json_get(v, "challenges"), 0);
	copy_member(
	    challenge, "url", m->challenge_url, sizeof(m->challenge_url));
	copy_member(challenge, "token", m->token_part2, sizeof(m->token_part2));
	copy_member(challenge, "from", m->from, sizeof(m->from));
	o->count++;
	free(body);
	return 0;
}

static int
learn_order(struct world *w, struct known_order *o, const char *body)
{
	const struct json *v, *list;
	struct job j;
	int result = 0;

	job_init(&j, NULL, w->conf);
	if (json_parse_object(&j, span_str(body), "order", &v) < 0)
		result = world_fail(w, "%s", j.err.text);
	list = result == 0 ? json_get(v, "authorizations") : NULL;
	for (size_t i = 0; result == 0 && i < json_count(list); i++)
		result = learn_authz(
		    w, &j, o, span_dup(j.arena, json_string(json_at(list, i))));
	job_done(&j);
	return result;
}

/* A word NAME=VALUE is a member of the order, any other one a mailbox. */
static void
write_new_order(char *out, size_t max, const char *const *words, size_t count)
{
	bool first = true;
	size_t n = (size_t)snprintf(out, max, "{\"identifiers\":[");

	for (size_t i = 0; i < count; i++) {
		if (strchr(words[i], '=') != NULL)
			continue;
		n += (size_t)snprintf(out + n, max - n,
		    "%s{\"type\":\"email\",\"value\":\"%s\"}", first ? "" : ",",
		    words[i]);
		first = false;
	}
	n += (size_t)snprintf(out + n, max - n, "]");
	for (size_t i = 0; i < count; i++) {
		const char *value = strchr(words[i], '=');

		if (value != NULL)
			n += (size_t)snprintf(out + n, max - n,
			    ",\"%.*s\":\"%s\"", (int)(value - words[i]),
			    words[i], value + 1);
	}
	snprintf(out + n, max - n, "}");
}

int
world_order(
    struct world *w, const char *name, const char *const *words, size_t count)
{
	struct known_order *o = &w->orders[w->order_count++];
	char payload[2000];
	struct answer a;
	int result;

	write_new_order(payload, sizeof(payload), words, count);
	if (post(w, "https://acme.ca.test/acme/new-order", payload, &a) < 0)
		return -1;
	if (a.status != 201)
		return unexpected(w, "newOrder", &a);
	*o = (struct known_order){ 0 };
	snprintf(o->name, sizeof(o->name), "%s", name);
	snprintf(o->url, sizeof(o->url), "%s", a.location);
	result = learn_order(w, o, a.body);
	free(a.body);
	return result;
}

struct known_order *
world_find(struct world *w, const char *name)
{
	for (size_t i = 0; i < w->order_count; i++)
		if (strcmp(w->orders[i].name, name) == 0)
			return &w->orders[i];
	world_fail(w, "no order %s", name);
	return NULL;
}

struct known_mailbox *
world_find_mailbox(struct known_order *o, const char *address)
{
	for (size_t i = 0; o != NULL && i < o->count; i++)
		if (strcmp(o->mailboxes[i].address, address) == 0)
			return &o->mailboxes[i];
	return NULL;
}

int
world_post(struct world *w, const char *order, const char *mailbox)
{
	struct known_mailbox *m =
	    world_find_mailbox(world_find(w, order), mailbox);
	struct answer a;

	if (m == NULL)
		return world_fail(w, "no mailbox %s", mailbox);
	if (post(w, m->challenge_url, "{}", &a) < 0)
		return -1;
	if (a.status != 200)
		return unexpected(w, "challenge", &a);
	free(a.body);
	return 0;
}

/* AC-179: whose answer was lost finds the new key in force. */
int
world_rekey(struct world *w)
{
	static const char url[] = "https://acme.ca.test/acme/key-change";
	char *payload = client_key_change(w->client, w->account, url);
	struct answer a;
	char *body;
	int result = post(w, url, payload, &a);

	free(payload);
	if (result < 0)
		return -1;
	if (a.status != 200 && !(a.status == 400 && w->crash->stopped))
		return unexpected(w, "keyChange", &a);
	free(a.body);
	client_use_next_key(w->client);
	if (world_read(w, w->account, &body) < 0)
		return -1;
	free(body);
	return 0;
}

int
world_leave(struct world *w)
{
	struct answer a;

	if (post(w, w->account, "{\"status\":\"deactivated\"}", &a) < 0)
		return -1;
	if (a.status != 200 && !(a.status == 401 && w->crash->stopped))
		return unexpected(w, "deactivation", &a);
	free(a.body);
	return 0;
}

int
world_expect_ended(struct world *w)
{
	struct answer a;

	if (post(w, w->account, NULL, &a) < 0)
		return -1;
	if (a.status != 401 || strstr(a.body, "is deactivated") == NULL)
		return unexpected(w, "the account", &a);
	free(a.body);
	return 0;
}

int
world_authorize(struct world *w, const char *name, const char *mailbox)
{
	struct known_order *o = &w->orders[w->order_count++];
	char payload[500];
	struct answer a;
	struct job j;
	int result;

	snprintf(payload, sizeof(payload),
	    "{\"identifier\":{\"type\":\"email\",\"value\":\"%s\"}}", mailbox);
	if (post(w, "https://acme.ca.test/acme/new-authz", payload, &a) < 0)
		return -1;
	if (a.status != 201 && a.status != 200)
		return unexpected(w, "newAuthz", &a);
	*o = (struct known_order){ 0 };
	snprintf(o->name, sizeof(o->name), "%s", name);
	free(a.body);
	job_init(&j, NULL, w->conf);
	result = learn_authz(w, &j, o, a.location);
	job_done(&j);
	return result;
}

int
world_deactivate(struct world *w, const char *order, const char *mailbox)
{
	struct known_mailbox *m =
	    world_find_mailbox(world_find(w, order), mailbox);
	struct answer a;

	if (m == NULL)
		return world_fail(w, "no mailbox %s", mailbox);
	if (post(w, m->authz_url, "{\"status\":\"deactivated\"}", &a) < 0)
		return -1;
	if (a.status != 200)
		return unexpected(w, "deactivation", &a);
	free(a.body);
	return 0;
}

int
world_finalize(struct world *w, const char *order)
{
	const struct known_order *o = world_find(w, order);
	const char *names[MAILBOXES_MAX];
	char url[400], *csr, payload[4000];
	struct answer a;

	if (o == NULL)
		return -1;
	for (size_t i = 0; i < o->count; i++)
		names[i] = o->mailboxes[i].address;
	csr = client_csr(w->client, names, o->count);
	snprintf(payload, sizeof(payload), "{\"csr\":\"%s\"}", csr);
	free(csr);
	snprintf(url, sizeof(url), "%s/finalize", o->url);
	if (post(w, url, payload, &a) < 0)
		return -1;
	/* After a stop the request may have been taken already (AC-179). */
	if (a.status != 200 && !(a.status == 403 && w->crash->stopped &&
				   strstr(a.body, "orderNotReady") != NULL))
		return unexpected(w, "finalize", &a);
	free(a.body);
	return 0;
}

static int
child_certificate(struct world *w, struct job *j, void *ctx, FILE *out)
{
	struct cert c;
	char *text;

	(void)w;
	if (store_cert_by_order(j, ctx, &c) != 1 || c.der.n == 0)
		return job_fail(j, ERR_INTERNAL, "there is no certificate");
	text = arena_alloc(j->arena, B64URL_LEN(c.der.n) + 1);
	b64url_format(text, c.der);
	fputs(text, out);
	return 0;
}

int
world_revoke(struct world *w, const char *order, const char *reason)
{
	const struct known_order *o = world_find(w, order);
	char payload[8000], *der, *id;
	struct answer a;

	if (o == NULL)
		return -1;
	id = strrchr(o->url, '/') + 1;
	if (in_child(w, AS_OWNER, child_certificate, id, &der) < 0)
		return -1;
	snprintf(payload, sizeof(payload),
	    "{\"certificate\":\"%s\",\"reason\":%s}", der, reason);
	free(der);
	if (post(w, "https://acme.ca.test/acme/revoke-cert", payload, &a) < 0)
		return -1;
	/* After a stop it may have been done already (AC-179). */
	if (a.status != 200 && !(a.status == 400 && w->crash->stopped &&
				   strstr(a.body, "alreadyRevoked") != NULL))
		return unexpected(w, "revokeCert", &a);
	free(a.body);
	return 0;
}

int
world_listed(struct world *w)
{
	char path[300];
	X509_CRL *crl;
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "%s/issuing.crl", w->dir);
	f = fopen(path, "r");
	crl = f != NULL ? d2i_X509_CRL_fp(f, NULL) : NULL;
	if (f != NULL)
		fclose(f);
	if (crl == NULL)
		return -1;
	n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
	X509_CRL_free(crl);
	return n < 0 ? 0 : n;
}

/* --- somebody who can write rows ------------------------------------------ */

static const struct {
	const char *name, *sql;
} forgeries[] = {
	{ "csr",
	    "UPDATE orders SET csr = (SELECT csr FROM orders WHERE id = $2) "
	    "WHERE id = $1" },
	{ "request",
	    "UPDATE orders SET csr_jws = "
	    "(SELECT csr_jws FROM orders WHERE id = $2) WHERE id = $1" },
	{ "both",
	    "UPDATE orders SET csr = (SELECT csr FROM orders WHERE id = $2), "
	    "csr_jws = (SELECT csr_jws FROM orders WHERE id = $2) "
	    "WHERE id = $1" },
};

struct forgery {
	const char *sql, *id, *from;
};

static int
child_forge(struct world *w, struct job *j, void *ctx, FILE *out)
{
	const struct forgery *f = ctx;

	(void)w;
	(void)out;
	if (store_begin(j) < 0 || store_change_one(j, "order", f->sql,
				      ARGS(v_text(f->id), v_text(f->from))) < 0)
		return -1;
	return store_commit(j);
}

int
world_forge(
    struct world *w, const char *order, const char *kind, const char *from)
{
	const struct known_order *o = world_find(w, order);
	const struct known_order *other = world_find(w, from);
	struct forgery f = { 0 };

	for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++)
		if (strcmp(forgeries[i].name, kind) == 0)
			f.sql = forgeries[i].sql;
	if (o == NULL || other == NULL || f.sql == NULL)
		return world_fail(w, "cannot forge %s", kind);
	f.id = strrchr(o->url, '/') + 1;
	f.from = strrchr(other->url, '/') + 1;
	return in_child(w, ROLE_WEB, child_forge, &f, NULL);
}

/* --- relay, mailbox, DNS ------------------------------------------------- */

static int
count_files(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return n;
}

static void
keep_message(const struct world *w, struct span message)
{
	char folder[300], path[400];
	FILE *f;

	snprintf(folder, sizeof(folder), "%s/relay", w->dir);
	snprintf(
	    path, sizeof(path), "%s/%06d.eml", folder, count_files(folder) + 1);
	f = fopen(path, "w");
	assert(f != NULL && fwrite(message.p, 1, message.n, f) == message.n);
	fclose(f);
}

static int
relay_send(void *ctx, struct job *j, const char *from, const char *to,
    struct span message, struct submit_result *out)
{
	static const struct submit_result results[] = {
		[RELAY_ACCEPT] = { .outcome = SUBMIT_ACCEPTED,
		    .code = "250 2.0.0",
		    .answer = "250 2.0.0 queued" },
		[RELAY_TEMPFAIL] = { .outcome = SUBMIT_TEMPORARY,
		    .code = "451 4.3.0",
		    .answer = "451 4.3.0 later" },
		[RELAY_PERMFAIL] = { .outcome = SUBMIT_PERMANENT,
		    .code = "550 5.1.1",
		    .answer = "550 5.1.1 unknown user" },
		[RELAY_UNKNOWN] = { .outcome = SUBMIT_UNKNOWN,
		    .code = "",
		    .answer = "connection lost" },
	};
	const struct world *w = ctx;

	(void)j;
	(void)from;
	(void)to;
	*out = results[w->relay];
	if (w->relay == RELAY_ACCEPT || w->relay == RELAY_UNKNOWN)
		keep_message(w, message);
	return 0;
}

static void
answer_txt(const struct world *w, struct job *j, struct dns_answer *out)
{
	size_t n = strlen(w->key_record);
	char *rdata = arena_alloc(j->arena, n + 1);

	assert(n < 256);
	rdata[0] = (char)n;
	memcpy(rdata + 1, w->key_record, n);
	out->status = DNS_OK;
	out->secure = true;
	out->ttl = 300;
	out->count = 1;
	out->rdata = arena_calloc(j->arena, 1, sizeof(*out->rdata));
	out->rdata[0] = span_mem(rdata, n + 1);
}

static void
answer_caa(const struct world *w, struct job *j, struct dns_answer *out)
{
	static const char forbid[] = "\0\11issuemail;";

	if (w->caa == CAA_MOOD_FAIL)
		out->status = DNS_TEMPORARY;
	if (w->caa != CAA_MOOD_FORBID)
		return;
	out->status = DNS_OK;
	out->count = 1;
	out->rdata = arena_calloc(j->arena, 1, sizeof(*out->rdata));
	out->rdata[0] = span_mem(forbid, sizeof(forbid) - 1);
}

static int
dns_query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	const struct world *w = ctx;

	*out = (struct dns_answer){
		.status = DNS_NODATA, .name = name, .canonical = name
	};
	if (w->dns != DNS_MOOD_OK)
		out->status =
		    w->dns == DNS_MOOD_BOGUS ? DNS_BOGUS : DNS_TEMPORARY;
	else if (type == DNS_TYPE_CAA)
		answer_caa(w, j, out);
	else if (type == DNS_TYPE_TXT &&
		 strcmp(name, "s1._domainkey.user.test") == 0)
		answer_txt(w, j, out);
	return 0;
}

/* --- the roles ----------------------------------------------------------- */

static int
load_seal(struct job *j, const struct seal_key **seal)
{
	return seal_key_load(j, j->arena, j->conf->seal_key_file, seal);
}

/* A step as src/worker.c makes it: a job of its own. */
static int
drain(struct job *outer, int (*step)(void *, struct job *), void *role)
{
	int result = 1;
	struct job j;

	for (int i = 0; result > 0 && i < STEPS_MAX; i++) {
		job_init(&j, outer->store, outer->conf);
		result = step(role, &j);
		if (result < 0)
			job_fail(outer, ERR_INTERNAL, "%s", j.err.text);
		job_done(&j);
	}
	if (result > 0)
		return job_fail(outer, ERR_INTERNAL, "never idle");
	return result;
}

/* A role that starts after a stop (each runs in a new process here). */
static int
recover(const struct world *w, struct job *j, int (*f)(struct job *))
{
	return w->crash->stopped ? f(j) : 0;
}

static int
child_sender(struct world *w, struct job *j, void *ctx, FILE *out)
{
	struct sender s = { .submit = submit_new_custom(relay_send, w) };
	int result = recover(w, j, store_outbox_recover);

	(void)ctx;
	(void)out;
	if (result == 0)
		result = drain(j, sender_step, &s);
	submit_free(s.submit);
	return result;
}

struct file_list {
	char names[FILES_MAX][256];
	int count;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
list_files(const struct world *w, const char *folder, struct file_list *out)
{
	char path[300];
	struct dirent *e;
	DIR *d;

	out->count = 0;
	snprintf(path, sizeof(path), "%s/%s", w->dir, folder);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && out->count < FILES_MAX)
			snprintf(out->names[out->count++],
			    sizeof(out->names[0]), "%s", e->d_name);
	if (d != NULL)
		closedir(d);
	qsort(out->names, (size_t)out->count, sizeof(out->names[0]), by_name);
}

static int
take_file(
    struct world *w, struct validator *v, struct job *outer, const char *name)
{
	struct received m = { .source = "imap://acme@ca.test/INBOX",
		.uidvalidity = 1 };
	enum verdict verdict;
	long long uid, arrival;
	struct job j;
	int result;

	assert(sscanf(name, "%lld-%lld.eml", &uid, &arrival) == 2);
	m.uid = uid;
	m.arrival = arrival;
	job_init(&j, outer->store, outer->conf);
	result =
	    file_read(&j, arena_printf(j.arena, "%s/inbox/%s", w->dir, name),
		1 << 20, &m.raw);
	if (result == 0)
		result = validator_take(v, &j, &m, &verdict);
	if (result < 0)
		job_fail(outer, ERR_INTERNAL, "%s", j.err.text);
	job_done(&j);
	return result;
}

static int
child_validator(struct world *w, struct job *j, void *ctx, FILE *out)
{
	struct validator v = { .resolver = resolver_new_custom(dns_query, w) };
	struct file_list *files = arena_alloc(j->arena, sizeof(*files));
	int result = load_seal(j, &v.seal);

	if (result == 0)
		result = recover(w, j, validator_recover);

	(void)ctx;
	(void)out;
	list_files(w, "inbox", files);
	for (int i = 0; result == 0 && i < files->count; i++)
		result = take_file(w, &v, j, files->names[i]);
	if (result == 0)
		result = drain(j, validator_step, &v);
	resolver_free(v.resolver);
	smime_source_close(&v.smime);
	return result;
}

static int
child_issuer(struct world *w, struct job *j, void *ctx, FILE *out)
{
	struct issuer i = { .ca = shared_ca };

	(void)w;
	(void)ctx;
	(void)out;
	return load_seal(j, &i.seal) < 0 ||
		       recover(w, j, store_order_recover) < 0
		   ? -1
		   : drain(j, issuer_step, &i);
}

int
world_roles(struct world *w)
{
	/* Twice, for what one role leaves to one before it. */
	for (int round = 0; round < 2; round++)
		if (in_child(w, ROLE_SENDER, child_sender, NULL, NULL) < 0 ||
		    in_child(w, ROLE_VALIDATOR, child_validator, NULL, NULL) <
			0 ||
		    in_child(w, ROLE_ISSUER, child_issuer, NULL, NULL) < 0)
			return -1;
	return 0;
}

/* --- replies ------------------------------------------------------------- */

/* The challenge mail to that mailbox from that address, or NULL. */
static char *
find_mail(struct world *w, const struct known_mailbox *m)
{
	struct file_list *files = xcalloc(1, sizeof(*files));
	char from[300], *found = NULL;

	snprintf(from, sizeof(from), "From: %s\r\n", m->from);
	list_files(w, "relay", files);
	for (int i = 0; found == NULL && i < files->count; i++) {
		char path[400];
		int fd;

		snprintf(
		    path, sizeof(path), "%s/relay/%s", w->dir, files->names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert(fd >= 0);
		found = read_all(fd);
		close(fd);
		if (strstr(found, from) == NULL) {
			free(found);
			found = NULL;
		}
	}
	free(files);
	return found;
}

static int
header_line(const char *mail, const char *name, char *out, size_t max)
{
	const char *p = strstr(mail, name);
	size_t n;

	if (p == NULL)
		return -1;
	p += strlen(name);
	n = strcspn(p, "\r\n");
	snprintf(out, max, "%.*s", (int)n, p);
	return 0;
}

struct reply_kind {
	const char *name;
	bool wrong_digest, former_key, unsigned_, other_from, broken, list,
	    empty, bounce;
};

static const struct reply_kind reply_kinds[] = {
	{ .name = "good" },
	{ .name = "wrong", .wrong_digest = true },
	{ .name = "former", .former_key = true },
	{ .name = "unsigned", .unsigned_ = true },
	{ .name = "other-from", .other_from = true },
	{ .name = "broken", .broken = true },
	{ .name = "list", .list = true },
	{ .name = "empty", .empty = true },
	{ .name = "bounce", .bounce = true, .unsigned_ = true },
};

static struct span
write_reply(struct world *w, struct job *j, const struct reply_kind *k,
    const struct known_mailbox *m, const char *mail)
{
	char subject[200], id[300], digest[44];
	uint8_t octets[SHA256_LEN];
	struct buf b;

	if (header_line(mail, "\r\nSubject: ACME: ", subject, sizeof(subject)) <
		0 ||
	    header_line(mail, "\r\nMessage-ID: ", id, sizeof(id)) < 0)
		abort();
	reply_digest(span_str(subject), span_str(m->token_part2),
	    span_str(k->former_key ? client_former_thumbprint(w->client)
				   : client_thumbprint(w->client)),
	    octets);
	octets[0] ^= k->wrong_digest;
	b64url_format(digest, span_mem(octets, sizeof(octets)));
	buf_init(&b, j->arena, 65536);
	buf_addf(&b,
	    "From: %s\r\nTo: %s\r\nSubject: Re: ACME: %s\r\n"
	    "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
	    "Message-ID: <reply%d@user.test>\r\nIn-Reply-To: %s\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n%s\r\n",
	    k->other_from ? "mallory@user.test" : m->address, m->from, subject,
	    w->inbox_count, id, k->list ? "List-Id: <l.user.test>\r\n" : "");
	if (!k->empty)
		buf_addf(&b,
		    "-----BEGIN ACME RESPONSE-----\r\n%s\r\n"
		    "-----END ACME RESPONSE-----\r\n",
		    digest);
	return buf_span(&b);
}

static struct span
write_bounce(struct job *j, const struct known_mailbox *m, const char *mail)
{
	char id[300];
	struct buf b;

	header_line(mail, "\r\nMessage-ID: ", id, sizeof(id));
	buf_init(&b, j->arena, 65536);
	buf_addf(&b,
	    "From: MAILER-DAEMON@mx.user.test\r\nTo: %s\r\n"
	    "Subject: Undelivered Mail Returned to Sender\r\n"
	    "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
	    "Message-ID: <bounce@mx.user.test>\r\n"
	    "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    " boundary=\"b1\"\r\n\r\n"
	    "--b1\r\nContent-Type: text/plain\r\n\r\nIt failed.\r\n\r\n"
	    "--b1\r\nContent-Type: message/delivery-status\r\n\r\n"
	    "Reporting-MTA: dns; mx.user.test\r\n\r\n"
	    "Final-Recipient: rfc822; %s\r\nAction: failed\r\n"
	    "Status: 5.1.1\r\n\r\n"
	    "--b1\r\nContent-Type: text/rfc822-headers\r\n\r\n"
	    "Message-ID: %s\r\n\r\n--b1--\r\n",
	    m->from, m->address, id);
	return buf_span(&b);
}

static int
deliver(struct world *w, struct job *j, const struct reply_kind *k,
    struct span message)
{
	const struct dkim_signer *signers[1] = { w->signer };
	char path[300];

	if (!k->unsigned_ && dkim_sign(j, message, "user.test", signers, 1,
				 w->now, w->now + 86400, &message) < 0)
		return world_fail(w, "%s", j->err.text);
	if (k->broken) {
		char *copy = span_dup(j->arena, message);

		copy[message.n - 40] ^= 1;
		message = span_mem(copy, message.n);
	}
	snprintf(path, sizeof(path), "%s/inbox/%06d-%lld.eml", w->dir,
	    ++w->inbox_count, (long long)w->now);
	return file_write(j, path, 0600, message) < 0
		   ? world_fail(w, "%s", j->err.text)
		   : 0;
}

int
world_reply(
    struct world *w, const char *order, const char *mailbox, const char *kind)
{
	struct known_mailbox *m =
	    world_find_mailbox(world_find(w, order), mailbox);
	const struct reply_kind *k = NULL;
	struct job j;
	char *mail;
	int result;

	for (size_t i = 0; i < sizeof(reply_kinds) / sizeof(reply_kinds[0]);
	     i++)
		if (strcmp(reply_kinds[i].name, kind) == 0)
			k = &reply_kinds[i];
	if (m == NULL || k == NULL)
		return world_fail(
		    w, "reply: no %s or no kind %s", mailbox, kind);
	mail = find_mail(w, m);
	if (mail == NULL)
		return world_fail(w, "no mail to %s has left", mailbox);
	job_init(&j, NULL, w->conf);
	result = deliver(w, &j, k,
	    k->bounce ? write_bounce(&j, m, mail)
		      : write_reply(w, &j, k, m, mail));
	job_done(&j);
	free(mail);
	return result;
}

/* --- counting ------------------------------------------------------------ */

static int
child_count(struct world *w, struct job *j, void *ctx, FILE *out)
{
	struct order *orders;
	size_t count;
	int certificates = 0;
	int64_t rows;

	(void)w;
	(void)ctx;
	if (store_order_list(j, false, 1000, &orders, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct cert c;

		if (store_cert_by_order(j, orders[i].id, &c) > 0)
			certificates += c.issued_at != 0;
	}
	/* The unique key on the order makes more than one impossible; the
	 * count shows that none is missing either. */
	if (store_audit_verify(j, &rows) < 0)
		return -1;
	fprintf(out, "%d", certificates);
	return 0;
}

struct seen_mail {
	char id[300];
	char from[300];
	uint8_t hash[SHA256_LEN];
};

static int
collect_mails(struct world *w, struct seen_mail *seen, int *count)
{
	struct file_list *files = xcalloc(1, sizeof(*files));

	list_files(w, "relay", files);
	*count = files->count;
	for (int i = 0; i < files->count; i++) {
		char path[400], *text;
		int fd;

		snprintf(
		    path, sizeof(path), "%s/relay/%s", w->dir, files->names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		text = read_all(fd);
		close(fd);
		sha256(span_str(text), seen[i].hash);
		header_line(
		    text, "\r\nMessage-ID: ", seen[i].id, sizeof(seen[i].id));
		header_line(text, "From: ", seen[i].from, sizeof(seen[i].from));
		free(text);
	}
	free(files);
	return 0;
}

static int
child_validity(struct world *w, struct job *j, void *ctx, FILE *out)
{
	const char *url = ctx;
	char from[CLOCK_RFC3339_MAX], until[CLOCK_RFC3339_MAX];
	struct cert_facts facts;
	struct cert c;

	(void)w;
	if (store_cert_by_order(j, strrchr(url, '/') + 1, &c) != 1 ||
	    cert_facts(j, c.der, &facts) < 0)
		return job_fail(j, ERR_INTERNAL, "no certificate");
	clock_format_rfc3339(facts.not_before, from);
	clock_format_rfc3339(facts.not_after, until);
	fprintf(out, "%s %s", from, until);
	return 0;
}

int
world_validity(struct world *w, const char *order, char **text)
{
	struct known_order *o = world_find(w, order);

	return o == NULL ? -1
			 : in_child(w, AS_OWNER, child_validity, o->url, text);
}

int
world_count(struct world *w, struct counts *out)
{
	struct seen_mail *seen = xcalloc(FILES_MAX, sizeof(*seen));
	char *text;

	*out = (struct counts){ 0 };
	collect_mails(w, seen, &out->submissions);
	for (int i = 0; i < out->submissions; i++) {
		bool first = true;

		for (int k = 0; k < i; k++)
			first = first && strcmp(seen[k].id, seen[i].id) != 0;
		out->mails += first;
	}
	free(seen);
	if (in_child(w, AS_OWNER, child_count, NULL, &text) < 0)
		return -1;
	out->certificates = atoi(text);
	free(text);
	return 0;
}

int
world_check_invariants(struct world *w)
{
	struct seen_mail *seen = xcalloc(FILES_MAX, sizeof(*seen));
	struct counts counts;
	int count, result = 0;

	collect_mails(w, seen, &count);
	for (int i = 0; i < count; i++)
		for (int k = 0; k < i; k++) {
			bool same_id = strcmp(seen[i].id, seen[k].id) == 0;

			if (same_id &&
			    memcmp(seen[i].hash, seen[k].hash, SHA256_LEN) != 0)
				result = world_fail(w,
				    "two different mails have one Message-ID");
			if (!same_id && strcmp(seen[i].from, seen[k].from) == 0)
				result = world_fail(
				    w, "one challenge has two Message-IDs");
		}
	free(seen);
	return result < 0 ? -1 : world_count(w, &counts);
}
