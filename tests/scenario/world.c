#include "config.h"

#include "tests/scenario/world.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "db/store.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "mail/dkim_sign.h"
#include "pki/key.h"
#include "src/conf_file.h"
#include "tests/scenario/world_private.h"

#define STOPPED 99

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

char *
world_read_all(int fd)
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

int
world_child(
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
		text = world_read_all(fds[0]);
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
const struct ca *world_ca;

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

	if (world_ca != NULL)
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
	    ca_load(&j, keep, &files, &world_ca) < 0)
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
