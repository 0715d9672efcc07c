/*
 * What the files of db/ share: running statements on the job's store, and the
 * steps of a challenge that several operations take.  For db/ and its tests.
 */
#ifndef DB_STORE_PRIVATE_H
#define DB_STORE_PRIVATE_H

#include "db/sql.h"
#include "db/store_login.h"
#include "db/store_order.h"
#include "lib/digest.h"
#include "lib/job.h"

/* The end of the audit chain, as the running transaction has it. */
struct audit_head {
	bool is_taken;
	bool is_changed; /* its row does not say so yet */
	int64_t seq;
	uint8_t hash[SHA256_LEN];
};

struct store {
	const struct sql_driver *driver;
	struct sql *sql;
	bool in_transaction;
	unsigned savepoint_count;
	struct audit_head audit_head;
};

/* Before the end of a transaction, and before what reads the row: 0 or -1. */
int audit_head_write(struct job *j);

/* A connection without a look at the schema. */
int store_connect(struct job *j, const struct store_login *login, bool create,
    struct store **out);
/* 0, or -1 saying that the schema is older or newer than the program's. */
int store_schema_check(struct job *j);

/* Values of a statement: ARGS(v_text(id), v_int(now)). */
static inline struct sql_value
v_int(int64_t i)
{
	return (struct sql_value){ .type = SQL_INT, .i = i };
}

/* A moment that is NULL when there is none. */
static inline struct sql_value
v_due(int64_t at)
{
	return (
	    struct sql_value){ .type = SQL_INT, .is_null = at == 0, .i = at };
}

static inline struct sql_value
v_text(const char *s)
{
	return (struct sql_value){
		.type = SQL_TEXT, .is_null = s == NULL, .s = span_str(s)
	};
}

/* No octets are NULL. */
static inline struct sql_value
v_bytes(struct span s)
{
	return (
	    struct sql_value){ .type = SQL_BYTES, .is_null = s.n == 0, .s = s };
}

#define ARGS(...)                                                              \
	(const struct sql_value[]){ __VA_ARGS__ },                             \
	    sizeof((const struct sql_value[]){ __VA_ARGS__ }) /                \
		sizeof(struct sql_value)
#define NO_ARGS NULL, 0

/*
 * A running statement.  Columns are read one after the other, in the order
 * of the statement's list: the reader stands beside the list.
 *
 *	found = query_first(&q, j, "SELECT …", ARGS(v_text(id)));
 *	if (found == 1)
 *		thing_read(&q, out);
 *	query_end(&q);
 *	return found;
 */
struct query {
	struct job *j;
	struct sql_rows *rows;
	int column;
};

int query_start(struct query *q, struct job *j, const char *text,
    const struct sql_value *values, size_t count);
int query_next(struct query *q); /* 1 / 0 / -1 */
int query_first(struct query *q, struct job *j, const char *text,
    const struct sql_value *values, size_t count);
/* For UPDATE … RETURNING: asserts the transaction. */
int query_first_write(struct query *q, struct job *j, const char *text,
    const struct sql_value *values, size_t count);
void query_end(struct query *q);
int64_t query_int(struct query *q);
const char *query_text(struct query *q); /* in the arena; NULL for NULL */
struct span query_bytes(struct query *q);
struct span query_secret(struct query *q); /* wiped with the arena */

/* A text as it is stored: what is not UTF-8 becomes U+FFFD. */
struct span store_text(struct job *j, struct span s);

/* What LIKE … ESCAPE '!' finds: `before`, then the text as it is. */
const char *store_pattern(struct job *j, const char *before, const char *text);

/* Changes rows; *changed may be NULL. */
int store_change(struct job *j, int64_t *changed, const char *text,
    const struct sql_value *values, size_t count);
/* Changes exactly one row, or ERR_CONFLICT: "<what> <id>: changed meanwhile".
 * The first value is the id. */
int store_change_one(struct job *j, const char *what, const char *text,
    const struct sql_value *values, size_t count);
/* The first column of the first row: 1 / 0 (no row, or NULL) / -1. */
int store_get_int(struct job *j, int64_t *out, const char *text,
    const struct sql_value *values, size_t count);

/*
 * How due work is taken: UPDATE … WHERE id = (SELECT … LIMIT 1) AND … RETURNING
 * …, with $1 now and $2 the end of the lease.  `choose` ends with LIMIT 1,
 * `rest` begins with the condition that stands outside as well.
 */
struct lease_text {
	const char *alone;
	const char *among_others;
};
#define LEASE_TEXT(choose, rest)                                               \
	{                                                                      \
		choose ") AND " rest,                                          \
		    choose " FOR NO KEY UPDATE SKIP LOCKED) AND " rest         \
	}

/* 1 with q on the row that was taken (the caller ends q), 0: nothing is due
 * that others do not hold, or -1. */
int store_lease(struct query *q, struct job *j, int64_t lease_until,
    const struct lease_text *take);

/*
 * A role that starts takes over what the one before it left half done.  Where
 * one server works alone (SQLite), nobody else can hold a lease then: `again`
 * makes what was begun due at $1.  With PostgreSQL leases run out.
 */
int store_recover(struct job *j, const char *again);

/* Makes those secrets (db/store_secret.h) that are not there yet. */
int secrets_make(struct job *j);

/* --- authorizations and challenges, store_authz.c --- */

/* Columns of one authorization with its challenge, in authz_read's order. */
#define AUTHZ_COLUMNS AUTHZ_COLUMNS_WITH("c.token_part2")
/* Without what only the account may see (PK-7). */
#define AUTHZ_COLUMNS_BARE AUTHZ_COLUMNS_WITH("NULL")
#define AUTHZ_COLUMNS_WITH(part2)                                              \
	"a.id, a.account_id, a.order_id, a.mailbox, a.ident_type, "            \
	"a.ident_value, a.created_at, a.expires_at, a.valid_at, "              \
	"a.valid_until, a.failed_at, a.deactivated_at, a.revoked_at, "         \
	"a.held_until, "                                                       \
	"c.id, " part2 ", c.thumbprint, c.from_address, c.reply_to, "          \
	"c.message_id, c.posted_at, c.proven_at, c.failed_at, "                \
	"COALESCE(c.error, b.error), "                                         \
	"c.soft_count, b.sent_at, b.due_at, b.attempts, b.relay_answer, "      \
	"b.code"
#define AUTHZ_TABLES                                                           \
	"authz a JOIN challenge c ON c.authz_id = a.id "                       \
	"JOIN outbox b ON b.challenge_id = c.id"
void authz_read(struct query *q, struct authz *out);

struct order;
/*
 * One statement gives the whole picture, so that all of it is of one moment:
 * a row per identifier, the order's own columns repeated (the CSR and its
 * request only in the first).
 */
#define ORDER_COLUMNS_WITH(csr, jws)                                           \
	"o.id, o.account_id, o.profile, o.language, o.created_at, "            \
	"o.life_until, o.identifier_count, o.csr_at, " csr ", " jws            \
	", o.csr_refused_count, "                                              \
	"o.failed_at, o.error, o.cert_id, o.cert_not_after, o.replaces, "      \
	"o.replaces_cert_id, o.not_before, o.not_after, o.is_preauth, "        \
	"o.issue_fault_at"
#define ORDER_PICTURE                                                          \
	"SELECT " ORDER_COLUMNS_WITH("CASE WHEN i.place = 0 THEN o.csr END",   \
	    "CASE WHEN i.place = 0 THEN o.csr_jws END") ", i.type, "           \
							"i.value,"             \
							" " AUTHZ_COLUMNS " "
/* Without requests and token halves, for those who look (PK-7). */
#define ORDER_PICTURE_BARE                                                     \
	"SELECT " ORDER_COLUMNS_WITH(                                          \
	    "NULL", "NULL") ", i.type, i.value, " AUTHZ_COLUMNS_BARE " "
#define ORDER_JOINS                                                            \
	" JOIN order_identifier i ON i.order_id = o.id "                       \
	"JOIN authz a ON a.id = i.authz_id "                                   \
	"JOIN challenge c ON c.authz_id = a.id "                               \
	"JOIN outbox b ON b.challenge_id = c.id "
/* The row that q is on and those of the same order that follow: 1 and q is on
 * the next order's first row, 0 and there are no more, -1. */
int order_picture_read(struct query *q, struct order *out);

/* Inserts authorization, challenge, part1 and outbox row. */
int authz_insert(
    struct job *j, const struct authz *a, int64_t place, int64_t mail_due_at);
/* Makes other transactions that decide about the challenge wait for this
 * one, then reads it: 1 / 0 / -1. */
int challenge_lock(struct job *j, const char *challenge_id, struct authz *out);
/* Neither valid, failed, deactivated nor revoked; the clock is not asked. */
bool authz_is_open(const struct authz *a);

/* store_order_fail(), unless the order has its CSR or has ended: then it
 * stays as it is. */
int order_fail_undecided(struct job *j, const char *id, const char *error);

/* Transitions, of a locked challenge. */
int challenge_prove(struct job *j, const struct authz *a, int64_t valid_until);
int challenge_fail(struct job *j, const struct authz *a, const char *error);
/* Part1 and spooled mail are erased, no mail leaves any more (AC-113). */
int challenge_close(struct job *j, const char *challenge_id);

#endif
