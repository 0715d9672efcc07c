/* Opening the store: migrations, what is refused, what its files are. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/store_account.h"
#include "db/store_audit.h"
#include "db/store_login.h"
#include "db/store_private.h"
#include "lib/count.h"
#include "lib/embed.h"
#include "lib/fdio.h"

extern const struct embed db_schema[];

/* What this program knows: the number of files in db/schema. */
static int64_t
newest_version(void)
{
	int64_t n = 0;

	while (db_schema[n].name != NULL)
		n++;
	return n;
}

static void
test_migrate_twice(struct job *j)
{
	struct store *s;

	assert_int_equal(store_open(j, fixture_url(), &s), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	assert_null(s);
	job_recover(j);

	EXPECT(j, store_migrate(j, fixture_url()), 0);
	EXPECT(j, store_migrate(j, fixture_url()), 0);
	EXPECT(j, store_open(j, fixture_url(), &s), 0);
	j->store = s;
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM schema_version"),
	    newest_version());
	assert_int_equal(
	    fixture_count(j, "SELECT MAX(applied_at) FROM schema_version"),
	    FIXTURE_NOW);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit_head"), 1);
	store_close(s);
}

static void
test_schema_of_another_program(struct job *j)
{
	struct store *s;

	fixture_sql(j, "INSERT INTO schema_version (version, applied_at) "
		       "VALUES (9999, 1)");
	assert_int_equal(store_open(j, fixture_url(), &s), -1);
	assert_job_error(j, ERR_INTERNAL,
	    arena_printf(j->arena,
		"database: its schema has version 9999, this program knows "
		"up to %" PRId64 ": a newer program is needed",
		newest_version()));
	job_recover(j);
	assert_int_equal(store_migrate(j, fixture_url()), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	job_recover(j);

	fixture_sql(j, "DELETE FROM schema_version");
	assert_int_equal(store_open(j, fixture_url(), &s), -1);
	assert_job_error(j, ERR_INTERNAL,
	    arena_printf(j->arena,
		"database: its schema has version 0, this program needs "
		"%" PRId64 ": countersignd migrates it when it starts",
		newest_version()));
}

/* The schema as a program of that version left it, with a row in it. */
static void
make_old(struct job *j, int64_t version)
{
	struct store *s;

	EXPECT(j, store_connect(j, fixture_login(), true, &s), 0);
	j->store = s;
	for (int64_t i = 0; i < version; i++) {
		fixture_sql(j, db_schema[i].bytes.p);
		fixture_sql(
		    j, arena_printf(j->arena,
			   "INSERT INTO schema_version (version, applied_at) "
			   "VALUES (%" PRId64 ", 1)",
			   i + 1));
	}
	fixture_sql(j,
	    version < 3
		? "INSERT INTO reply (id, source, uidvalidity, uid, arrival, "
		  "recorded_at, verdict, raw, disposed_at) "
		  "VALUES ('away', 's', 1, 1, 1, 1, 'unknown', 'raw', 5), "
		  "('not yet', 's', 1, 2, 1, 1, 'unknown', NULL, 0)"
		: "INSERT INTO reply (id, source, uidvalidity, uid, arrival, "
		  "recorded_at, verdict, raw, br_version, is_disposed) "
		  "VALUES ('away', 's', 1, 1, 1, 1, 'unknown', 'raw', "
		  "'SBR 1.0.16, TBR 2.2.7', 1), ('not yet', 's', 1, 2, 1, 1, "
		  "'unknown', NULL, 'SBR 1.0.16, TBR 2.2.7', 0)");
	fixture_sql(j,
	    "INSERT INTO account (id, thumbprint, jwk, contact, created_at, "
	    "tos_agreed_at, deactivated_at, revoked_at) "
	    "VALUES ('old', 'print', '{}', '[]', 1, 0, 0, 0)");
	j->store = NULL;
	store_close(s);
}

static void
remove_all(struct job *j)
{
	struct store *s;

	if (!fixture_is_pgsql()) {
		assert_int_equal(unlink(fixture_file()), 0);
		return;
	}
	EXPECT(j, store_connect(j, fixture_login(), true, &s), 0);
	j->store = s;
	fixture_sql(j, "DO $$ BEGIN EXECUTE 'DROP SCHEMA ' || "
		       "quote_ident(current_schema()) || ' CASCADE; "
		       "CREATE SCHEMA ' || quote_ident(current_schema()); "
		       "END $$");
	j->store = NULL;
	store_close(s);
}

/* From every older number, and nothing that was there is lost. */
static void
test_migrate_from_older(struct job *j)
{
	for (int64_t version = 1; version < newest_version(); version++) {
		struct account account;

		unit_case("from version %" PRId64, version);
		make_old(j, version);
		EXPECT(j, store_migrate(j, fixture_url()), 0);
		EXPECT(j, store_open(j, fixture_url(), &j->store), 0);
		EXPECT(j, store_account_by_id(j, "old", &account), 1);
		assert_string_equal(account.thumbprint, "print");
		/* PK-1: by which requirements is known of former rows too. */
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM reply WHERE "
				     "br_version = 'SBR 1.0.16, TBR 2.2.7'"),
		    2);
		assert_int_equal(
		    fixture_count(j,
			"SELECT COUNT(*) FROM reply WHERE (id = 'away' "
			"AND is_disposed = 1 AND raw IS NOT NULL) OR "
			"(id = 'not yet' AND is_disposed = 0)"),
		    2);
		store_close(j->store);
		j->store = NULL;
		remove_all(j);
	}
}

/* A migration that fails leaves nothing behind. */
static void
test_migration_is_whole(struct job *j)
{
	struct store *s;

	EXPECT(j, store_connect(j, fixture_login(), true, &s), 0);
	j->store = s;
	fixture_sql(j, "CREATE VIEW reply AS SELECT 1 AS id");
	j->store = NULL;
	assert_int_equal(store_migrate(j, fixture_url()), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	assert_non_null(strstr(j->err.text, "migration 0001.sql: "));
	job_recover(j);
	j->store = s;
	fixture_sql(j, "CREATE TABLE account (id BIGINT)");
	fixture_sql(j, "DROP TABLE account; DROP VIEW reply");
	j->store = NULL;
	store_close(s);
	EXPECT(j, store_migrate(j, fixture_url()), 0);
}

/* Does the file say that it has a write-ahead log? */
static bool
has_log(struct job *j)
{
	struct span file;

	EXPECT(j,
	    file_read(j, store_url_file(fixture_url()), 1024 * 1024, &file), 0);
	assert_true(file.n > 19);
	return file.p[18] == 2;
}

/* Most programs have none, and some cannot. */
static void
test_journal_of_another_program(struct job *j)
{
	struct store *s;

	if (fixture_is_pgsql())
		return;
	EXPECT(j, store_connect(j, fixture_login(), true, &s), 0);
	j->store = s;
	fixture_sql(j, "CREATE TABLE song (id BIGINT)");
	EXPECT(
	    j, s->driver->script(j, s->sql, "PRAGMA journal_mode = DELETE"), 0);
	j->store = NULL;
	store_close(s);
	assert_false(has_log(j));
	assert_int_equal(store_migrate(j, fixture_url()), -1);
	assert_non_null(strstr(j->err.text, "nothing was changed"));
	job_recover(j);
	assert_false(has_log(j));
}

/* A file is one program's; in PostgreSQL others may have tables beside ours. */
static void
test_tables_of_another_program(struct job *j)
{
	int64_t is_file = !fixture_is_pgsql();
	struct store *s;

	EXPECT(j, store_connect(j, fixture_login(), true, &s), 0);
	j->store = s;
	fixture_sql(j, "CREATE TABLE song (id BIGINT)");
	j->store = NULL;
	assert_int_equal(store_migrate(j, fixture_url()), is_file ? -1 : 0);
	if (is_file) {
		assert_job_error(j, ERR_INTERNAL, NULL);
		assert_non_null(strstr(j->err.text,
		    "has tables of another program, and nothing was changed"));
		job_recover(j);
		j->store = s;
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM sqlite_master"), 1);
	}
	j->store = s;
	fixture_sql(j, "DROP TABLE song");
	j->store = NULL;
	store_close(s);
	EXPECT(j, store_migrate(j, fixture_url()), 0);
}

static void
test_migrate_at_once(struct job *j)
{
	pid_t pids[6];

	/* A file to race for; with PostgreSQL the schema is there. */
	for (size_t i = 0; i < 6; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			if (store_migrate(j, fixture_url()) == 0)
				_exit(0);
			print_error("%s\n", j->err.text);
			_exit(1);
		}
	}
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(fixture_wait(pids[i]), 0);
	EXPECT(j, store_open(j, fixture_url(), &j->store), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM schema_version"),
	    newest_version());
	store_close(j->store);
}

static void
test_refused_urls(struct job *j)
{
	static const struct {
		const char *url;
		enum err_kind kind;
	} cases[] = {
		{ "", ERR_INTERNAL },
		{ "mysql:x", ERR_INTERNAL },
		{ "sqlite", ERR_INTERNAL },
		{ "sqlite:/nonexistent/folder/db", ERR_INTERNAL },
		{ "postgresql:host=/nonexistent", ERR_BUSY },
		{ "postgresql://%2Fnonexistent/db", ERR_BUSY },
		{ "postgresql:nonsense", ERR_BUSY },
	};
	struct store *s;

	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].url);
		assert_int_equal(store_open(j, cases[i].url, &s), -1);
		assert_job_error(j, cases[i].kind, NULL);
		/* It stands between quotes in the log. */
		assert_null(strchr(j->err.text, '"'));
		assert_null(strchr(j->err.text, '\n'));
		job_recover(j);
	}
}

static void
test_file_mode(struct job *j)
{
	struct stat st;
	char wal[310];
	struct store *s;

	snprintf(wal, sizeof(wal), "%s-wal", fixture_file());
	assert_int_equal(stat(fixture_file(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	COMMITTED(j,
	    store_change(j, NULL, "UPDATE audit_head SET seq = seq", NO_ARGS));
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(chmod(fixture_file(), 0640), 0);
	assert_int_equal(store_open(j, fixture_url(), &s), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	assert_non_null(strstr(j->err.text, "chmod 600"));
}

static void
test_no_file_to_write(struct job *j)
{
	struct store *s;

	assert_int_equal(chmod(fixture_file(), 0400), 0);
	if (geteuid() != 0) {
		assert_int_equal(store_open(j, fixture_url(), &s), -1);
		assert_non_null(strstr(
		    j->err.text, ": cannot write it: Permission denied"));
		job_recover(j);
	}
	assert_int_equal(unlink(fixture_file()), 0);
	assert_int_equal(store_open(j, fixture_url(), &s), -1);
	assert_non_null(strstr(j->err.text,
	    ": No such file or directory; countersignd makes it when it "
	    "starts"));
	job_recover(j);
	assert_int_equal(mkdir(fixture_file(), 0700), 0);
	assert_int_equal(store_open(j, fixture_url(), &s), -1);
	assert_non_null(strstr(j->err.text, ": is not a file"));
	assert_int_equal(rmdir(fixture_file()), 0);
}

static void
test_sqlite_settings(struct job *j)
{
	static const struct {
		const char *pragma;
		int64_t value;
	} cases[] = {
		{ "PRAGMA synchronous", 2 }, /* FULL */
		{ "PRAGMA foreign_keys", 1 },
		{ "PRAGMA secure_delete", 1 },
		{ "PRAGMA trusted_schema", 0 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].pragma);
		assert_int_equal(
		    fixture_count(j, cases[i].pragma), cases[i].value);
	}
}

static void
test_many(struct job *j)
{
	EXPECT(j, store_expect_many(j), 0);
	if (fixture_is_pgsql())
		return;
	assert_int_equal(fixture_count(j, "PRAGMA cache_size"), -8192);
	assert_int_equal(fixture_count(j, "PRAGMA wal_autocheckpoint"), 8000);
	assert_int_equal(fixture_count(j, "PRAGMA synchronous"), 2);
}

/* An SQLite database is these files. */
static const char *const suffixes[] = { "", "-wal", "-shm" };

static void
refused_for(struct job *j, const char *name, const char *why)
{
	assert_int_equal(store_begin(j), -1);
	assert_job_error(j, ERR_BUSY, NULL);
	assert_non_null(strstr(j->err.text, name));
	assert_non_null(strstr(j->err.text, why));
	job_recover(j);
}

static void
link_anew(const char *target, const char *name)
{
	assert_int_equal(unlink(name), 0);
	assert_int_equal(symlink(target, name), 0);
}

/* The name that is configured leads to another database, while the one that is
 * open lies where it did. */
static void
test_link_changed_while_in_use(struct job *j)
{
	const char *current = arena_printf(j->arena, "%s.cur", fixture_file());
	const char *a = arena_printf(j->arena, "%s.a", fixture_file());
	const char *b = arena_printf(j->arena, "%s.b", fixture_file());
	const char *name = arena_printf(j->arena, "%s/db", current);
	const char *url = arena_printf(j->arena, "sqlite:%s", name);
	struct store *first = j->store;

	assert_int_equal(mkdir(a, 0700), 0);
	assert_int_equal(mkdir(b, 0700), 0);
	assert_int_equal(symlink(b, current), 0);
	EXPECT(j, store_migrate(j, url), 0);
	link_anew(a, current);
	EXPECT(j, store_migrate(j, url), 0);
	EXPECT(j, store_open(j, url, &j->store), 0);
	COMMITTED(j, store_audit_add(j, "a", "before", "o", "ok", NULL));

	link_anew(b, current);
	refused_for(j, name, "was moved away");
	link_anew("/nonexistent", current);
	refused_for(j, name, "was moved away");
	/* Whether it was moved is not known. */
	link_anew(current, current);
	refused_for(j, name, "Too many levels of symbolic links");
	link_anew(a, current);
	COMMITTED(j, store_audit_add(j, "a", "back", "o", "ok", NULL));

	store_close(j->store);
	j->store = first;
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		unlink(arena_printf(j->arena, "%s/db%s", a, suffixes[i]));
		unlink(arena_printf(j->arena, "%s/db%s", b, suffixes[i]));
	}
	assert_int_equal(rmdir(a), 0);
	assert_int_equal(rmdir(b), 0);
}

/* With a link in its place others find the file, and make a log and locks
 * beside where it lies now. */
static void
test_link_put_in_its_place(struct job *j)
{
	const char *away = arena_printf(j->arena, "%s.away", fixture_file());

	assert_int_equal(rename(fixture_file(), away), 0);
	assert_int_equal(symlink(away, fixture_file()), 0);
	refused_for(j, fixture_file(), "was moved away");
	assert_int_equal(rename(away, fixture_file()), 0);
	COMMITTED(j, store_audit_add(j, "a", "back", "o", "ok", NULL));
}

/* Who makes the database knows all its files from the first change on. */
static void
test_moved_when_new(struct job *j)
{
	const char *file = arena_printf(j->arena, "%s.new", fixture_file());
	struct store_login login = { arena_printf(j->arena, "sqlite:%s", file),
		NULL };
	struct store *first = j->store;
	struct store *other;

	EXPECT(j, store_connect(j, &login, true, &j->store), 0);
	/* Another who comes and goes leaves them where they are. */
	EXPECT(j, store_connect(j, &login, false, &other), 0);
	store_close(other);
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		const char *name =
		    arena_printf(j->arena, "%s%s", file, suffixes[i]);
		const char *away = arena_printf(j->arena, "%s.away", name);

		unit_case("%s", name);
		assert_int_equal(rename(name, away), 0);
		refused_for(j, name, "was moved away");
		assert_int_equal(rename(away, name), 0);
	}
	COMMITTED(
	    j, store_change(j, NULL, "CREATE TABLE t (id BIGINT)", NO_ARGS));
	store_close(j->store);
	j->store = first;
}

/* AC-179: what is committed to a file that has no name any more is gone with
 * the next start. */
static void
test_moved_while_in_use(struct job *j)
{
	COMMITTED(j, store_audit_add(j, "a", "before", "o", "ok", NULL));
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		const char *name =
		    arena_printf(j->arena, "%s%s", fixture_file(), suffixes[i]);
		const char *away = arena_printf(j->arena, "%s.away", name);
		FILE *other;

		assert_int_equal(rename(name, away), 0);
		refused_for(j, name, "was moved away");
		/* Another one has its place. */
		other = fopen(name, "w");
		assert_non_null(other);
		fclose(other);
		refused_for(j, name, "was moved away");
		assert_int_equal(rename(away, name), 0);
		COMMITTED(j, store_audit_add(j, "a", "back", "o", "ok", NULL));
	}
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = 'back'"),
	    3);
}

/* No file may become longer. */
static int
write_beyond_the_limit(struct job *j, void *ctx)
{
	const struct rlimit none = { 0, 0 };

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &none) != 0)
		return 4;
	if (store_migrate(j, ctx) != -1 || j->err.kind != ERR_BUSY)
		return 2;
	return strstr(j->err.text, strerror(EFBIG)) != NULL ? 0 : 3;
}

/* AC-194: "disk I/O error" alone tells nobody what to mend. */
static void
test_error_of_the_system(struct job *j)
{
	char *other = arena_printf(j->arena, "%s.other", fixture_url());

	assert_int_equal(
	    fixture_wait(fixture_fork(write_beyond_the_limit, other)), 0);
	EXPECT(j, store_ping(j), 0);
}

/* As a disk does that forgets a page. */
static void
spoil_page(int64_t page)
{
	char octets[4096];
	FILE *f = fopen(fixture_file(), "r+");

	memset(octets, 0xff, sizeof(octets));
	assert_non_null(f);
	assert_int_equal(
	    fseek(f, (long)(page - 1) * (long)sizeof(octets), SEEK_SET), 0);
	assert_int_equal(fwrite(octets, sizeof(octets), 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

/* AC-194: the log says what to do. */
static void
test_spoiled_page(struct job *j)
{
	struct job other;
	int64_t n;

	assert_int_equal(fixture_count(j, "PRAGMA page_size"), 4096);
	n = fixture_count(
	    j, "SELECT rootpage FROM sqlite_master WHERE name = 'suppressed'");
	assert_int_equal(
	    fixture_count(j, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	spoil_page(n);
	job_init(&other, NULL, NULL);
	EXPECT(&other, store_open(&other, fixture_url(), &other.store), 0);
	assert_int_equal(store_get_int(&other, &n,
			     "SELECT MAX(until) FROM suppressed", NO_ARGS),
	    -1);
	assert_job_error(&other, ERR_INTERNAL, NULL);
	assert_non_null(strstr(other.err.text, "malformed: stop countersignd "
					       "and restore the database"));
	store_close(other.store);
	job_done(&other);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_BARE(test_migrate_twice),
	STORE_TEST_BARE(test_migrate_from_older),
	STORE_TEST(test_schema_of_another_program),
	STORE_TEST_BARE(test_migration_is_whole),
	STORE_TEST_BARE(test_tables_of_another_program),
	STORE_TEST_BARE(test_journal_of_another_program),
	STORE_TEST_BARE(test_migrate_at_once),
	STORE_TEST_SQLITE(test_refused_urls),
	STORE_TEST_SQLITE(test_file_mode),
	STORE_TEST_SQLITE(test_no_file_to_write),
	STORE_TEST_SQLITE(test_link_changed_while_in_use),
	STORE_TEST_SQLITE(test_link_put_in_its_place),
	STORE_TEST_SQLITE(test_moved_when_new),
	STORE_TEST_SQLITE(test_moved_while_in_use),
	STORE_TEST_SQLITE(test_error_of_the_system),
	STORE_TEST_SQLITE(test_spoiled_page),
	STORE_TEST_SQLITE(test_sqlite_settings),
	STORE_TEST(test_many),
};
UNIT_MAIN(tests)
