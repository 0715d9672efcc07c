/*
 * The driver for PostgreSQL.  Parameters and results travel in binary: 8
 * octets for a BIGINT, and TEXT and BYTEA as they are.  Transactions read what
 * is committed; the statements name the old state of what they change.
 */
#include "config.h"

#include "db/sql.h"

#include <assert.h>
#include <libpq-fe.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/sql_pgsql_conninfo.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/log.h"

/* Types of PostgreSQL that never change their numbers. */
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_TEXT 25

struct sql_rows {
	struct sql_rows *next; /* in the same bucket */
	struct sql *c;
	const char *text;
	char name[16]; /* of the prepared statement */
	bool prepared; /* on the connection as it is now */
	PGresult *result;
	int row;
	int64_t changed;
};

#define BUCKETS 64

struct sql {
	PGconn *conn;
	bool broken; /* to be connected again when the next work begins */
	bool in_transaction;
	unsigned statement_count;
	struct sql_rows *statements[BUCKETS];
};

/* --- errors -------------------------------------------------------------- */

/* SQLSTATEs, whole or by class, that another try may not meet again. */
static const char *const busy_states[] = {
	"08",    /* connection */
	"25006", /* read-only: this server is no longer the primary one */
	"40",    /* serialization, deadlock */
	"53",    /* out of connections, memory, disk */
	"55P03", /* lock_timeout */
	"57014", /* an admin of the server has cancelled it */
	"57P",   /* shutting down, or not up yet */
};

static enum err_kind
kind_of(const char *state)
{
	if (strcmp(state, "23505") == 0)
		return ERR_CONFLICT;
	for (size_t i = 0; i < COUNT(busy_states); i++)
		if (strncmp(state, busy_states[i], strlen(busy_states[i])) == 0)
			return ERR_BUSY;
	return ERR_INTERNAL;
}

static int
connection_failed(struct job *j, struct sql *c)
{
	c->broken = true;
	return job_fail(j, ERR_BUSY, "database: %s",
	    conninfo_one_line(j, PQerrorMessage(c->conn)));
}

/* Of one that could not be made; whoever makes the first one may be about to
 * start. */
static int
login_failed(struct job *j, struct sql *c, bool is_first)
{
	/* Also whoever asks for one may say no for other reasons. */
	if (PQconnectionUsedPassword(c->conn) == 0 ||
	    strstr(PQerrorMessage(c->conn), "password") == NULL)
		return connection_failed(j, c);
	c->broken = true;
	return job_fail(j, ERR_BUSY,
	    "database: %s; if the password was changed, write it into the file "
	    "of database_password and %s",
	    conninfo_one_line(j, PQerrorMessage(c->conn)),
	    is_first ? "start countersignd, or send SIGHUP to it if it runs"
		     : "send SIGHUP to countersignd");
}

static int
failed(struct job *j, struct sql *c, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (PQstatus(c->conn) != CONNECTION_OK || state == NULL)
		return connection_failed(j, c);
	if (strcmp(state, "25006") == 0)
		c->broken = true;
	return job_fail(j, kind_of(state), "database: %s (%s)",
	    conninfo_one_line(j, text == NULL ? "" : text), state);
}

static void
take_notice(void *ctx, const char *message)
{
	struct log_quoted q;

	(void)ctx;
	log_debug(
	    "database notice", "text=%s", log_quote(&q, span_str(message)));
}

/* --- opening ------------------------------------------------------------- */

static int
script(struct job *j, struct sql *c, const char *text)
{
	PGresult *result = PQexec(c->conn, text);
	ExecStatusType status = PQresultStatus(result);
	int answer = 0;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		answer = failed(j, c, result);
	PQclear(result);
	return answer;
}

/* What the store relies on, whatever the server's defaults are. */
static int
configure(struct job *j, struct sql *c)
{
	return script(j, c,
	    "SET client_encoding TO 'UTF8';"
	    "SET default_transaction_isolation TO 'read committed';"
	    "SET default_transaction_read_only TO off;"
	    "SET synchronous_commit TO on;"
	    "SET standard_conforming_strings TO on;"
	    "SET lock_timeout TO '10s';"
	    /* What would take longer is never done by another try. */
	    "SET statement_timeout TO 0;"
	    "SET client_min_messages TO warning");
}

static int
reconnect(struct job *j, struct sql *c)
{
	PQreset(c->conn);
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct sql_rows *r = c->statements[i]; r != NULL;
		     r = r->next)
			r->prepared = false;
	if (PQstatus(c->conn) != CONNECTION_OK)
		return login_failed(j, c, false);
	if (configure(j, c) != 0)
		return -1;
	c->broken = false;
	return 0;
}

static int
ensure_connection(struct job *j, struct sql *c)
{
	if (!c->broken && PQstatus(c->conn) == CONNECTION_OK)
		return 0;
	return reconnect(j, c);
}

/* A server that was started again, or something between here and there, has
 * ended it while nobody used it: nothing was begun that another try could do
 * twice. */
static int
renew(struct job *j, struct sql *c)
{
	if (!c->broken)
		return -1;
	job_recover(j);
	return reconnect(j, c);
}

static void
end(struct sql_rows *r)
{
	if (r == NULL)
		return;
	PQclear(r->result);
	r->result = NULL;
}

static void
close_connection(struct sql *c)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (c->statements[i] != NULL) {
			struct sql_rows *r = c->statements[i];

			c->statements[i] = r->next;
			end(r);
			free(r);
		}
	}
	PQfinish(c->conn);
	free(c);
}

static int
open_connection(struct job *j, const char *where, const char *password,
    bool create, struct sql **out)
{
	const char *target = conninfo_target(j, where);
	/* The administrator's string wins over what stands before it; an
	 * empty password is none. */
	const char *const keys[] = { "client_encoding", "connect_timeout",
		"tcp_user_timeout", "target_session_attrs",
		"fallback_application_name", "dbname",
		password == NULL ? NULL : "password", NULL };
	const char *const values[] = { "UTF8", "10", "30000", "read-write",
		"countersign", target, password, NULL };
	struct sql *c = xcalloc(1, sizeof(*c));
	int result = 0;

	(void)create; /* a database is made by its administrator */
	c->conn = PQconnectdbParams(keys, values, 1);
	if (PQstatus(c->conn) != CONNECTION_OK)
		result = login_failed(j, c, true);
	else {
		PQsetNoticeProcessor(c->conn, take_notice, NULL);
		result = configure(j, c);
	}
	if (result != 0) {
		close_connection(c);
		return -1;
	}
	*out = c;
	return 0;
}

static void
files(struct job *j, const struct sql *c, const char ***out, size_t *count)
{
	PQconninfoOption *options = PQconninfo(c->conn);

	conninfo_files(j, options, out, count);
	PQconninfoFree(options);
}

/* --- transactions -------------------------------------------------------- */

static int
begin(struct job *j, struct sql *c)
{
	if (ensure_connection(j, c) != 0)
		return -1;
	if (script(j, c, "BEGIN") != 0 &&
	    (renew(j, c) != 0 || script(j, c, "BEGIN") != 0))
		return -1;
	c->in_transaction = true;
	return 0;
}

static int
commit(struct job *j, struct sql *c)
{
	PGresult *result = PQexec(c->conn, "COMMIT");
	int answer = 0;

	c->in_transaction = false;
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		answer = failed(j, c, result);
	else if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
		/* What PostgreSQL says when a statement had failed. */
		answer = job_fail(j, ERR_INTERNAL,
		    "database: the transaction was rolled back");
	PQclear(result);
	return answer;
}

static void
rollback(struct sql *c)
{
	c->in_transaction = false;
	if (PQstatus(c->conn) != CONNECTION_OK) {
		c->broken = true;
		return;
	}
	if (PQtransactionStatus(c->conn) != PQTRANS_IDLE)
		PQclear(PQexec(c->conn, "ROLLBACK"));
}

/* --- statements ---------------------------------------------------------- */

static struct sql_rows *
statement(struct sql *c, const char *text)
{
	struct sql_rows **bucket =
	    &c->statements[((uintptr_t)text >> 4) % BUCKETS];
	struct sql_rows *r;

	for (r = *bucket; r != NULL; r = r->next)
		if (r->text == text)
			return r;
	r = xcalloc(1, sizeof(*r));
	r->next = *bucket;
	r->c = c;
	r->text = text;
	snprintf(r->name, sizeof(r->name), "s%u", c->statement_count++);
	*bucket = r;
	return r;
}

static int
prepare(struct job *j, struct sql_rows *r, const struct sql_value *values,
    size_t count)
{
	static const Oid oids[] = { [SQL_INT] = OID_INT8,
		[SQL_TEXT] = OID_TEXT,
		[SQL_BYTES] = OID_BYTEA };
	Oid types[SQL_PARAMS_MAX];
	PGresult *result;
	int answer = 0;

	for (size_t i = 0; i < count; i++)
		types[i] = oids[values[i].type];
	result = PQprepare(r->c->conn, r->name, r->text, (int)count, types);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		answer = failed(j, r->c, result);
	else
		r->prepared = true;
	PQclear(result);
	return answer;
}

static void
put_int8(unsigned char out[8], int64_t value)
{
	uint64_t bits = (uint64_t)value;

	for (int i = 7; i >= 0; i--, bits >>= 8)
		out[i] = (unsigned char)(bits & 0xff);
}

static void
execute(struct sql_rows *r, const struct sql_value *values, size_t count)
{
	const char *p[SQL_PARAMS_MAX];
	int lengths[SQL_PARAMS_MAX];
	int formats[SQL_PARAMS_MAX];
	unsigned char ints[SQL_PARAMS_MAX][8];

	for (size_t i = 0; i < count; i++) {
		const struct sql_value *v = &values[i];

		formats[i] = 1;
		if (v->is_null) {
			p[i] = NULL;
			lengths[i] = 0;
		} else if (v->type == SQL_INT) {
			put_int8(ints[i], v->i);
			p[i] = (const char *)ints[i];
			lengths[i] = 8;
		} else {
			assert(v->s.n <= INT_MAX);
			p[i] = v->s.n == 0 ? "" : v->s.p;
			lengths[i] = (int)v->s.n;
		}
	}
	r->result = PQexecPrepared(
	    r->c->conn, r->name, (int)count, p, lengths, formats, 1);
}

static int
run(struct job *j, struct sql_rows *r, const struct sql_value *values,
    size_t count)
{
	ExecStatusType status;

	if (!r->prepared && prepare(j, r, values, count) != 0)
		return -1;
	execute(r, values, count);
	status = PQresultStatus(r->result);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return 0;
	failed(j, r->c, r->result);
	end(r);
	return -1;
}

/* Outside a transaction nothing is changed (store_change()). */
static int
start(struct job *j, struct sql *c, const char *text,
    const struct sql_value *values, size_t count, struct sql_rows **out)
{
	struct sql_rows *r = statement(c, text);

	assert(r->result == NULL);
	if (c->in_transaction && c->broken)
		return job_fail(j, ERR_BUSY, "database: connection lost");
	if (!c->in_transaction && ensure_connection(j, c) != 0)
		return -1;
	if (run(j, r, values, count) != 0 &&
	    (c->in_transaction || renew(j, c) != 0 ||
		run(j, r, values, count) != 0))
		return -1;
	r->row = -1;
	r->changed = strtoll(PQcmdTuples(r->result), NULL, 10);
	*out = r;
	return 0;
}

static int
next(struct job *j, struct sql_rows *r)
{
	(void)j;
	r->row++;
	return r->row < PQntuples(r->result) ? 1 : 0;
}

static bool
is_null(const struct sql_rows *r, int column)
{
	return PQgetisnull(r->result, r->row, column) != 0;
}

/* INTEGER (a literal in the statement) and BIGINT, most significant octet
 * first. */
static int64_t
column_int(const struct sql_rows *r, int column)
{
	const char *p = PQgetvalue(r->result, r->row, column);
	int length = PQgetlength(r->result, r->row, column);
	uint64_t bits = 0;

	if (is_null(r, column))
		return 0;
	assert(length == 4 || length == 8);
	for (int i = 0; i < length; i++)
		bits = bits << 8 | (unsigned char)p[i];
	return length == 4 ? (int64_t)(int32_t)(uint32_t)bits : (int64_t)bits;
}

static struct span
column_bytes(const struct sql_rows *r, int column)
{
	if (is_null(r, column))
		return (struct span){ NULL, 0 };
	return span_mem(PQgetvalue(r->result, r->row, column),
	    (size_t)PQgetlength(r->result, r->row, column));
}

static int64_t
changed(const struct sql_rows *r)
{
	return r->changed;
}

static void
each_statement(
    const struct sql *c, void (*each)(void *, const char *), void *ctx)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct sql_rows *r = c->statements[i]; r != NULL;
		     r = r->next)
			each(ctx, r->text);
}

const struct sql_driver sql_pgsql = {
	.scheme = "postgresql:",
	.has_table = "SELECT COUNT(*) FROM pg_catalog.pg_tables "
		     "WHERE schemaname = current_schema() AND tablename = $1",
	/* A number of our own: "counters". */
	.migration_lock = "SELECT pg_advisory_xact_lock(7165916556637434483)",
	.open = open_connection,
	.close = close_connection,
	.files = files,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.command = script,
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
