#include "config.h"

#include "tests/unit/store_fixture.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/store_account.h"
#include "db/store_notice.h"
#include "db/store_private.h"
#include "lib/b64.h"
#include "lib/hex.h"
#include "lib/rnd.h"
#include "tests/unit/unit_folder.h"

static char url[512];
static char file[300];
static char schema[64];
static bool is_pgsql;
static struct store *store;

const char *
fixture_url(void)
{
	return url;
}

const struct store_login *
fixture_login(void)
{
	static struct store_login login;

	login = (struct store_login){ url, NULL };
	return &login;
}

const char *
fixture_file(void)
{
	return file;
}

bool
fixture_is_pgsql(void)
{
	return is_pgsql;
}

/* --- databases ----------------------------------------------------------- */

static void
sqlite_make(void)
{
	snprintf(file, sizeof(file), "%s/db", unit_folder());
	snprintf(url, sizeof(url), "sqlite:%s", file);
}

/* A statement of the server's own, on a connection of its own. */
static bool
pgsql_admin(const char *text)
{
	PGconn *c = PQconnectdb(getenv("COUNTERSIGN_TEST_PGSQL"));
	PGresult *r = PQexec(c, text);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;

	if (!ok)
		print_error("%s: %s\n", text, PQerrorMessage(c));
	PQclear(r);
	PQfinish(c);
	return ok;
}

static void
pgsql_make(void)
{
	static unsigned count;
	char text[128];

	snprintf(
	    schema, sizeof(schema), "test_%ld_%u", (long)getpid(), count++);
	snprintf(text, sizeof(text), "CREATE SCHEMA %s", schema);
	assert_true(pgsql_admin(text));
	snprintf(url, sizeof(url), "postgresql:%s options='-c search_path=%s'",
	    getenv("COUNTERSIGN_TEST_PGSQL"), schema);
}

static void
pgsql_remove(void)
{
	char text[128];

	snprintf(text, sizeof(text),
	    "SET client_min_messages TO warning; DROP SCHEMA %s CASCADE",
	    schema);
	pgsql_admin(text);
}

void
store_case_run(void **state)
{
	const struct store_case *c = *state;
	struct job *j;

	url[0] = schema[0] = '\0';
	is_pgsql = c->is_pgsql;
	if (is_pgsql && getenv("COUNTERSIGN_TEST_PGSQL") == NULL)
		UNIT_SKIP("COUNTERSIGN_TEST_PGSQL is not set");
	if (is_pgsql)
		pgsql_make();
	else
		sqlite_make();
	j = unit_job();
	j->now = FIXTURE_NOW;
	if (!c->is_bare) {
		EXPECT(j, store_migrate(j, url), 0);
		EXPECT(j, store_open(j, url, &store), 0);
		j->store = store;
	}
	c->run(j);
}

int
store_case_done(void **state)
{
	(void)state;
	store_set_commit_hook(NULL, NULL);
	store_close(store);
	store = NULL;
	if (schema[0] != '\0')
		pgsql_remove();
	return 0;
}

/* --- calls --------------------------------------------------------------- */

void
fixture_expect(
    struct job *j, int result, int expected, const char *where, int line)
{
	if (result == expected)
		return;
	print_message("# result is %d, not %d; %s \"%s\"\n", result, expected,
	    err_kind_name(j->err.kind), j->err.text);
	_fail(where, line);
}

void
fixture_sql(struct job *j, const char *text)
{
	COMMITTED(j, j->store->driver->script(j, j->store->sql, text));
}

/* Texts of tests are literals too, so the driver may keep them. */
int64_t
fixture_count(struct job *j, const char *text)
{
	int64_t count = 0;

	EXPECT(j, store_get_int(j, &count, text, NO_ARGS), 1);
	return count;
}

void
fixture_expect_notices(struct job *j, const char *incident_id, int64_t all,
    int64_t sent, int64_t failed)
{
	struct notice_counts n;

	EXPECT(j, store_notice_count(j, incident_id, &n), 0);
	assert_int_equal(n.all, all);
	assert_int_equal(n.sent, sent);
	assert_int_equal(n.failed, failed);
}

/* --- every octet --------------------------------------------------------- */

static void
add_file(struct buf *b, const char *path)
{
	char chunk[4096];
	size_t n;
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		return;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add_mem(b, chunk, n);
	fclose(f);
}

static void
sqlite_dump(struct buf *b)
{
	char wal[310];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	add_file(b, file);
	snprintf(wal, sizeof(wal), "%s-wal", file);
	add_file(b, wal);
}

static void
pgsql_dump(struct buf *b)
{
	PGconn *c = PQconnectdb(getenv("COUNTERSIGN_TEST_PGSQL"));
	char text[300];
	PGresult *tables, *rows;

	snprintf(text, sizeof(text),
	    "SELECT tablename FROM pg_tables WHERE schemaname = '%s'", schema);
	tables = PQexec(c, text);
	assert_true(PQntuples(tables) > 10);
	for (int i = 0; i < PQntuples(tables); i++) {
		snprintf(text, sizeof(text), "SELECT t::text FROM %s.%s t",
		    schema, PQgetvalue(tables, i, 0));
		rows = PQexec(c, text);
		assert_int_equal(PQresultStatus(rows), PGRES_TUPLES_OK);
		for (int k = 0; k < PQntuples(rows); k++)
			buf_add_str(b, PQgetvalue(rows, k, 0));
		PQclear(rows);
	}
	PQclear(tables);
	PQfinish(c);
}

bool
fixture_database_holds(struct job *j, const void *octets, size_t n)
{
	struct span needle = span_mem(octets, n);
	const char *hex = hex_dup(j->arena, needle);
	struct buf b;
	struct span all;

	buf_init(&b, j->arena, (size_t)1 << 28);
	if (is_pgsql)
		pgsql_dump(&b);
	else
		sqlite_dump(&b);
	assert_true(buf_ok(&b));
	all = buf_span(&b);
	assert_true(all.n > 100);
	return span_find_span(all, 0, needle) != all.n ||
	       span_find_span(all, 0, span_str(hex)) != all.n;
}

/* --- objects ------------------------------------------------------------- */

static const char *
new_id(struct job *j)
{
	char id[RND_ID_LEN + 1];

	rnd_id(id);
	return arena_strdup(j->arena, id);
}

static const char *
new_token(struct job *j)
{
	return arena_printf(j->arena, "%s%.10s", new_id(j), new_id(j));
}

/* With a tag, as compose_tagged() makes it. */
static const char *
new_address(struct job *j)
{
	uint8_t tag[16];
	struct buf b;

	rnd_bytes(tag, sizeof(tag));
	buf_init(&b, j->arena, 64);
	buf_add_str(&b, "acme+");
	b32_add(&b, span_mem(tag, sizeof(tag)));
	buf_add_str(&b, "@ca.example");
	return b.p;
}

const char *
fixture_account(struct job *j)
{
	struct account a = { .id = new_id(j),
		.thumbprint =
		    arena_printf(j->arena, "%s%.21s", new_id(j), new_id(j)),
		.jwk = "{}",
		.contact = "[]",
		.created_at = j->now };

	COMMITTED(j, store_account_create(j, &a));
	return a.id;
}

struct order *
fixture_order(struct job *j, const char *account_id, size_t count)
{
	struct order *o = arena_alloc(j->arena, sizeof(*o));

	o->id = new_id(j);
	o->account_id = account_id;
	o->profile = "smime";
	o->language = "de";
	o->created_at = j->now;
	o->life_until = j->now + 72 * 3600;
	o->identifier_count = count;
	o->identifiers = arena_calloc(j->arena, count, sizeof(*o->identifiers));
	for (size_t i = 0; i < count; i++) {
		struct order_identifier *ident = &o->identifiers[i];

		ident->type = "email";
		ident->value =
		    arena_printf(j->arena, "mailbox%zu@Example.org", i);
		ident->is_new = true;
		ident->authz = (struct authz){ .id = new_id(j),
			.account_id = account_id,
			.order_id = o->id,
			.mailbox =
			    arena_printf(j->arena, "mailbox%zu@example.org", i),
			.ident_type = "email",
			.ident_value = ident->value,
			.created_at = j->now,
			.expires_at = j->now + 24 * 3600 };
		ident->authz.challenge = (struct challenge){ .id = new_id(j),
			.token_part1 = span_str(new_token(j)),
			.token_part2 = new_token(j),
			.thumbprint = "thumbprint-when-queued",
			.from = new_address(j),
			.message_id = arena_printf(
			    j->arena, "<%s@ca.example>", new_id(j)) };
	}
	COMMITTED(j, store_order_create(j, o, j->now));
	return o;
}

struct order *
fixture_reread(struct job *j, const struct order *o)
{
	struct order *now = arena_alloc(j->arena, sizeof(*now));

	EXPECT(j, store_order_by_id(j, o->id, NULL, now), 1);
	return now;
}

struct authz *
fixture_authz(struct job *j, const struct order *o, size_t i)
{
	return &fixture_reread(j, o)->identifiers[i].authz;
}

struct cert
fixture_cert(const struct job *j, const char *order_id, const char *account_id)
{
	return (struct cert){ .id = "cert",
		.order_id = order_id,
		.account_id = account_id,
		.ca_label = "aabb",
		.serial = "2a01",
		.profile = "mailbox-multipurpose",
		.profile_sha256 = SPAN("profile-hash"),
		.tbs = SPAN("tbs"),
		.signature_alg = SPAN("alg"),
		.lint_report = "{}",
		.evidence = "{}",
		.br_version = "1.0.16",
		.spki_sha256 = SPAN("spki"),
		.not_before = j->now,
		.not_after = j->now + INT64_C(365 * 86400),
		.reserved_at = j->now };
}

/* --- processes ----------------------------------------------------------- */

int
fixture_fork(fixture_child_fn *run, void *ctx)
{
	struct job *parent = unit_job();
	int64_t now = parent->now;
	struct job j;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	/* The parent's connection is not ours: neither used nor closed. */
	job_init(&j, NULL, NULL);
	j.now = now;
	if (store_open(&j, url, &j.store) != 0)
		_exit(99);
	status = run(&j, ctx);
	if (j.err.kind != ERR_NONE)
		fprintf(stderr, "# child: %s\n", j.err.text);
	store_close(j.store);
	job_done(&j);
	_exit(status);
}

int
fixture_wait(int pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static int
other_run(struct job *j, void *ctx)
{
	const struct fixture_other *o = ctx;
	char c;

	if (store_begin(j) < 0 || o->what(j) != 1 ||
	    write(o->begun[1], "b", 1) != 1 || read(o->go[0], &c, 1) != 1)
		return 1;
	return store_commit(j) < 0 ? 2 : 0;
}

void
fixture_other_begin(struct fixture_other *o, int (*what)(struct job *j))
{
	char c;

	*o = (struct fixture_other){ .what = what };
	assert_int_equal(pipe(o->begun), 0);
	assert_int_equal(pipe(o->go), 0);
	o->pid = fixture_fork(other_run, o);
	close(o->begun[1]);
	assert_int_equal(read(o->begun[0], &c, 1), 1);
}

void
fixture_other_end(struct fixture_other *o)
{
	assert_int_equal(write(o->go[1], "g", 1), 1);
	assert_int_equal(fixture_wait(o->pid), 0);
	close(o->begun[0]);
	close(o->go[0]);
	close(o->go[1]);
}

void
fixture_certs(struct job *j, const char *account_id, const char *count)
{
	const char *numbers = arena_printf(j->arena,
	    "WITH RECURSIVE k (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k "
	    "WHERE n < %s) ",
	    count);
	const char *now = arena_printf(j->arena, "%lld", (long long)j->now);

	fixture_sql(j, arena_printf(j->arena,
			   "INSERT INTO orders (id, account_id, profile, "
			   "created_at, life_until, identifier_count, cert_id) "
			   "%sSELECT 'o' || n, '%s', 'p', %s, %s + 1000, 1, "
			   "'c' || n FROM k",
			   numbers, account_id, now, now));
	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO authz (id, account_id, order_id, mailbox, "
		   "ident_type, ident_value, created_at, expires_at) "
		   "%sSELECT 'a' || n, '%s', 'o' || n, 'm' || n || CASE n %% 2 "
		   "WHEN 0 THEN '@even.example' ELSE '@sub.odd.example' END, "
		   "'email', 'x', %s, %s + 1000 FROM k",
		   numbers, account_id, now, now));
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO order_identifier (order_id, place, type, value, "
		"authz_id) %sSELECT 'o' || n, 0, 'email', 'x', 'a' || n FROM k",
		numbers));
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO cert (id, order_id, account_id, ca_label, serial, "
		"profile, profile_sha256, tbs, signature_alg, lint_report, "
		"evidence, br_version, spki_sha256, not_before, not_after, "
		"reserved_at, issued_at) "
		"%sSELECT 'c' || n, 'o' || n, '%s', 'aa', 's' || n, "
		"CASE n %% 3 WHEN 0 THEN 'third' ELSE 'p' END, 'x', 'x', 'x', "
		"'{}', '{}', '1.0.16', %s, %s, %s + 8640000, %s + n, "
		"%s + n FROM k",
		numbers, account_id,
		fixture_is_pgsql() ? "'key'" : "CAST('key' AS BLOB)", now, now,
		now, now));
}
