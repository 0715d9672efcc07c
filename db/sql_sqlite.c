/*
 * The driver for SQLite.  The file has one owner (mode 0600); what is
 * deleted is overwritten (secure_delete); a commit is on the disk
 * (synchronous=FULL) before it is answered.
 */
#include "config.h"

#include "db/sql.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db/sql_sqlite_place.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/log.h"

#define BUSY_TIMEOUT_MS 10000
#define BUSY_PATIENT_MS 120000
/* Between two looks whether the lock is free: about as long as others hold
 * it; later less than a backlog leaves it free between two commits
 * (src/record_queue.c); after many looks as long as what stalls may last. */
#define BUSY_PAUSE_US 250
#define BUSY_LOOKS 40
#define BUSY_PAUSE_LATER_US 1000
#define BUSY_LOOKS_LATER 300
#define BUSY_PAUSE_MAX_US 5000

struct sql_rows {
	struct sql_rows *next; /* in the same bucket */
	struct sql *c;
	const char *text;
	sqlite3_stmt *stmt;
	unsigned char place[SQL_PARAMS_MAX]; /* of $1 … in SQLite's count */
	bool running;
	int64_t changed;
};

#define BUCKETS 64

struct sql {
	sqlite3 *db;
	struct sqlite_place place;
	bool in_transaction;
	int64_t busy_since_ms;   /* when the present wait for a lock began */
	bool busy_told;          /* the log has it */
	bool (*is_ending)(void); /* NULL: somebody waits for the answer */
	struct sql_rows *statements[BUCKETS];
};

/* Who has the lock for so long. */
#define HOLDER_TEXT                                                            \
	"its disk stalls, or a program is in the middle of a transaction "     \
	"(fuser -v shows which have it open)"

/* What the system said, which SQLite calls an I/O error or a file that cannot
 * be opened, and what to do. */
static const char *
why_not(struct job *j, sqlite3 *db, int code)
{
	/* Without files to make, a disk with octets left is full as well. */
	const char *room = arena_printf(j->arena,
	    ": make room on the file system of %s (df -h and df -i show what "
	    "there is)",
	    sqlite3_db_filename(db, NULL));
	int error = 0;

	if (code == SQLITE_FULL)
		return room;
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		return ": stop countersignd and restore the database from its "
		       "backup (countersign(1), AFTER A RESTORE)";
	if (code == SQLITE_IOERR || code == SQLITE_CANTOPEN)
		error = sqlite3_system_errno(db);
	if (error == 0)
		return "";
	return arena_printf(j->arena, ": %s%s", strerror(error),
	    error == ENOSPC || error == EDQUOT ? room : "");
}

static int
failed(struct job *j, struct sql *c)
{
	enum err_kind kind = ERR_INTERNAL;
	int code = sqlite3_extended_errcode(c->db);

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	/* The disk's trouble, not that of what is written: it passes. */
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_NOMEM:
		kind = ERR_BUSY;
		break;
	case SQLITE_CONSTRAINT:
		if (code == SQLITE_CONSTRAINT_UNIQUE ||
		    code == SQLITE_CONSTRAINT_PRIMARYKEY)
			kind = ERR_CONFLICT;
		break;
	default:
		break;
	}
	if ((code & 0xff) == SQLITE_BUSY)
		return job_fail(j, kind, "database %s: %s: " HOLDER_TEXT,
		    sqlite3_db_filename(c->db, NULL), sqlite3_errmsg(c->db));
	return job_fail(j, kind, "database: %s%s", sqlite3_errmsg(c->db),
	    why_not(j, c->db, code & 0xff));
}

static int
script(struct job *j, struct sql *c, const char *text)
{
	return sqlite3_exec(c->db, text, NULL, NULL, NULL) == SQLITE_OK
		   ? 0
		   : failed(j, c);
}

/* --- opening ------------------------------------------------------------- */

static void
close_connection(struct sql *c)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (c->statements[i] != NULL) {
			struct sql_rows *r = c->statements[i];

			c->statements[i] = r->next;
			sqlite3_finalize(r->stmt);
			free(r);
		}
	}
	sqlite3_close(c->db);
	sqlite_place_forget(&c->place);
	free(c);
}

static bool
may_wait_on(struct sql *c, int64_t waited_ms)
{
	if (waited_ms < BUSY_TIMEOUT_MS)
		return true;
	if (c->is_ending == NULL || c->is_ending())
		return false;
	if (!c->busy_told)
		log_warning("waiting for the database",
		    "file=%s seconds=%d next=\"" HOLDER_TEXT "\"",
		    sqlite3_db_filename(c->db, NULL), BUSY_TIMEOUT_MS / 1000);
	c->busy_told = true;
	return waited_ms < BUSY_PATIENT_MS;
}

/*
 * SQLite's own busy timeout soon sleeps for 25 to 100 ms, while a transaction
 * here takes less than one: under load the roles slept most of the time, and
 * who had waited longest waited longest again.
 */
static int
wait_for_lock(void *ctx, int looks)
{
	struct sql *c = ctx;
	struct timespec pause = { 0, BUSY_PAUSE_US * 1000L };

	if (looks == 0) {
		c->busy_since_ms = clock_mono_ms();
		c->busy_told = false;
	} else if (!may_wait_on(c, clock_mono_ms() - c->busy_since_ms)) {
		return 0;
	}
	if (looks >= BUSY_LOOKS_LATER)
		pause.tv_nsec = BUSY_PAUSE_MAX_US * 1000L;
	else if (looks >= BUSY_LOOKS)
		pause.tv_nsec = BUSY_PAUSE_LATER_US * 1000L;
	nanosleep(&pause, NULL);
	return 1;
}

static void
be_patient(struct sql *c, bool (*is_ending)(void))
{
	c->is_ending = is_ending;
}

static int
is_wal(void *ctx, int count, char **values, char **names)
{
	bool *wal = ctx;

	(void)names;
	*wal = count == 1 && values[0] != NULL && strcmp(values[0], "wal") == 0;
	return 0;
}

static int
is_some(void *ctx, int count, char **values, char **names)
{
	bool *some = ctx;

	(void)names;
	*some = count == 1 && values[0] != NULL && strcmp(values[0], "0") != 0;
	return 0;
}

/*
 * Of a file that has tables, and none that says which schema they are of, the
 * log is only asked for: it would stay with it.  An error of SQLite's.
 */
static int
set_journal(struct sql *c, bool *wal, bool *others)
{
	int code = sqlite3_exec(c->db,
	    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' "
	    "AND name NOT LIKE 'sqlite%' AND NOT EXISTS (SELECT 1 "
	    "FROM sqlite_master WHERE name = 'schema_version')",
	    is_some, others, NULL);

	if (code != SQLITE_OK)
		return code;
	return sqlite3_exec(c->db,
	    *others ? "PRAGMA journal_mode" : "PRAGMA journal_mode = WAL",
	    is_wal, wal, NULL);
}

/*
 * Whoever turns a new file into one with a write-ahead log needs it alone.
 * While two try, SQLite tells one of them at once that it is locked, without
 * asking its handler whether to wait: a role that started beside another died.
 */
static int
use_wal(struct job *j, struct sql *c)
{
	int64_t end = clock_mono_ms() + BUSY_TIMEOUT_MS;
	bool wal = false, others = false;

	for (;;) {
		int code = set_journal(c, &wal, &others);

		if (code == SQLITE_OK)
			break;
		if ((code & 0xff) != SQLITE_BUSY || clock_mono_ms() >= end)
			return failed(j, c);
		nanosleep(
		    &(struct timespec){ 0, BUSY_PAUSE_MAX_US * 1000L }, NULL);
	}
	if (!wal && others)
		return job_fail(j, ERR_INTERNAL, SQL_OF_ANOTHER_PROGRAM);
	if (!wal)
		return job_fail(j, ERR_INTERNAL,
		    "database: its file cannot have a write-ahead log; "
		    "a local file system would be right");
	return 0;
}

static int
configure(struct job *j, struct sql *c)
{
	static const int off[] = { SQLITE_DBCONFIG_DQS_DDL,
		SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_TRUSTED_SCHEMA };
	static const int on[] = { SQLITE_DBCONFIG_DEFENSIVE,
		SQLITE_DBCONFIG_ENABLE_FKEY };

	sqlite3_extended_result_codes(c->db, 1);
	for (size_t i = 0; i < COUNT(off); i++)
		if (sqlite3_db_config(c->db, off[i], 0, NULL) != SQLITE_OK)
			return failed(j, c);
	for (size_t i = 0; i < COUNT(on); i++)
		if (sqlite3_db_config(c->db, on[i], 1, NULL) != SQLITE_OK)
			return failed(j, c);
	if (sqlite3_busy_handler(c->db, wait_for_lock, c) != SQLITE_OK)
		return failed(j, c);
	if (use_wal(j, c) != 0)
		return -1;
	/* The last one reads: a new file has its log from then on, and nobody
	 * else who closes it removes the log. */
	return script(j, c,
	    "PRAGMA synchronous = FULL;"
	    "PRAGMA secure_delete = ON;"
	    "PRAGMA temp_store = MEMORY;"
	    "PRAGMA cell_size_check = ON;"
	    "PRAGMA schema_version");
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* SQLite counts its memory for those who ask, under a lock at each
 * allocation; nobody here asks. */
static void
count_nothing(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int
open_connection(struct job *j, const char *where, const char *password,
    bool create, struct sql **out)
{
	struct sql *c;

	(void)password; /* files have none */
	pthread_once(&once, count_nothing);
	if (sqlite_place_check(j, where, create) != 0)
		return -1;
	c = xcalloc(1, sizeof(*c));
	if (sqlite3_open_v2(where, &c->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK) {
		job_fail(j, ERR_INTERNAL, "database: %s",
		    c->db == NULL ? "no memory" : sqlite3_errmsg(c->db));
		goto fail;
	}
	if (configure(j, c) != 0)
		goto fail;
	if (sqlite_place_note(
		j, &c->place, where, sqlite3_db_filename(c->db, NULL)) != 0)
		goto fail;
	*out = c;
	return 0;
fail:
	job_context(j, "%s", where);
	close_connection(c);
	return -1;
}

/* --- statements ---------------------------------------------------------- */

static size_t
bucket_of(const char *text)
{
	return ((uintptr_t)text >> 4) % BUCKETS;
}

/* $1 … $n are names here, numbered by first appearance: found by name. */
static void
find_places(struct sql_rows *r)
{
	int count = sqlite3_bind_parameter_count(r->stmt);
	char name[24];
	int index;

	assert(count <= SQL_PARAMS_MAX);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "$%d", i + 1);
		index = sqlite3_bind_parameter_index(r->stmt, name);
		assert(index > 0);
		r->place[i] = (unsigned char)index;
	}
}

static struct sql_rows *
prepare(struct job *j, struct sql *c, const char *text)
{
	struct sql_rows **bucket = &c->statements[bucket_of(text)];
	struct sql_rows *r;
	sqlite3_stmt *stmt;

	for (r = *bucket; r != NULL; r = r->next)
		if (r->text == text)
			return r;
	if (sqlite3_prepare_v3(c->db, text, -1, SQLITE_PREPARE_PERSISTENT,
		&stmt, NULL) != SQLITE_OK) {
		failed(j, c);
		return NULL;
	}
	r = xcalloc(1, sizeof(*r));
	*r = (struct sql_rows){
		.next = *bucket, .c = c, .text = text, .stmt = stmt
	};
	find_places(r);
	*bucket = r;
	return r;
}

static int
bind_one(sqlite3_stmt *stmt, int index, const struct sql_value *v)
{
	if (v->is_null)
		return sqlite3_bind_null(stmt, index);
	switch (v->type) {
	case SQL_INT:
		return sqlite3_bind_int64(stmt, index, v->i);
	case SQL_TEXT:
		return sqlite3_bind_text64(
		    stmt, index, v->s.p, v->s.n, SQLITE_STATIC, SQLITE_UTF8);
	case SQL_BYTES:
		return sqlite3_bind_blob64(
		    stmt, index, v->s.p, v->s.n, SQLITE_STATIC);
	}
	return SQLITE_MISUSE;
}

static void
end(struct sql_rows *r)
{
	if (r == NULL)
		return;
	sqlite3_reset(r->stmt);
	sqlite3_clear_bindings(r->stmt);
	r->running = false;
}

static int
start(struct job *j, struct sql *c, const char *text,
    const struct sql_value *values, size_t count, struct sql_rows **out)
{
	struct sql_rows *r;

	if (c->in_transaction && sqlite3_get_autocommit(c->db) != 0)
		return job_fail(j, ERR_INTERNAL,
		    "database: the transaction was rolled back");
	r = prepare(j, c, text);
	if (r == NULL)
		return -1;
	assert(!r->running);
	assert((size_t)sqlite3_bind_parameter_count(r->stmt) == count);
	for (size_t i = 0; i < count; i++) {
		if (bind_one(r->stmt, r->place[i], &values[i]) != SQLITE_OK) {
			failed(j, c);
			end(r);
			return -1;
		}
	}
	r->running = true;
	*out = r;
	return 0;
}

static int
next(struct job *j, struct sql_rows *r)
{
	switch (sqlite3_step(r->stmt)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		r->changed = sqlite3_changes(r->c->db);
		return 0;
	default:
		return failed(j, r->c);
	}
}

static bool
is_null(const struct sql_rows *r, int column)
{
	return sqlite3_column_type(r->stmt, column) == SQLITE_NULL;
}

static int64_t
column_int(const struct sql_rows *r, int column)
{
	return sqlite3_column_int64(r->stmt, column);
}

static struct span
column_bytes(const struct sql_rows *r, int column)
{
	const void *p;

	switch (sqlite3_column_type(r->stmt, column)) {
	case SQLITE_NULL:
		return (struct span){ NULL, 0 };
	case SQLITE_BLOB:
		p = sqlite3_column_blob(r->stmt, column);
		break;
	default:
		p = sqlite3_column_text(r->stmt, column);
		break;
	}
	return span_mem(
	    p == NULL ? "" : p, (size_t)sqlite3_column_bytes(r->stmt, column));
}

static int64_t
changed(const struct sql_rows *r)
{
	return r->changed;
}

/* --- transactions -------------------------------------------------------- */

/* Prepared once, as all that happens for each request is. */
static int
command(struct job *j, struct sql *c, const char *text)
{
	struct sql_rows *r = prepare(j, c, text);
	int result;

	if (r == NULL)
		return -1;
	result = sqlite3_step(r->stmt) == SQLITE_DONE ? 0 : failed(j, c);
	sqlite3_reset(r->stmt);
	return result;
}

static void
rollback(struct sql *c)
{
	c->in_transaction = false;
	/* A full disk makes SQLite roll back by itself. */
	if (sqlite3_get_autocommit(c->db) == 0)
		sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
}

static int
begin(struct job *j, struct sql *c)
{
	if (command(j, c, "BEGIN IMMEDIATE") != 0)
		return -1;
	c->in_transaction = true;
	if (sqlite_place_is_same(j, &c->place) == 0)
		return 0;
	rollback(c);
	return -1;
}

static int
commit(struct job *j, struct sql *c)
{
	c->in_transaction = false;
	return command(j, c, "COMMIT");
}

/* --- the driver ---------------------------------------------------------- */

static void
each_statement(
    const struct sql *c, void (*each)(void *, const char *), void *ctx)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct sql_rows *r = c->statements[i]; r != NULL;
		     r = r->next)
			each(ctx, r->text);
}

const struct sql_driver sql_sqlite = {
	.scheme = "sqlite:",
	.has_table = "SELECT COUNT(*) FROM sqlite_master "
		     "WHERE type = 'table' AND name = $1",
	.any_tables = "SELECT COUNT(*) FROM sqlite_master "
		      "WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
	.migration_lock = NULL, /* BEGIN IMMEDIATE is one */
	/* A hundred verdicts change more pages than SQLite's 2 MiB hold: they
	 * would be written, and read again, before the commit.  Pages of the
	 * log that are brought into the file together are mostly those that
	 * several commits have changed. */
	.many = "PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 8000",
	.version = "PRAGMA data_version",
	.open = open_connection,
	.be_patient = be_patient,
	.close = close_connection,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.command = command,
	.script = script,
	.start = start,
	.next = next,
	.is_null = is_null,
	.column_int = column_int,
	.column_bytes = column_bytes,
	.changed = changed,
	.end = end,
	.each_statement = each_statement,
};
