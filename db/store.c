#include "config.h"

#include "db/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/utf8.h"

static const struct sql_driver *const drivers[] = { &sql_sqlite, &sql_pgsql };

static store_commit_hook_fn *commit_hook;
static void *commit_hook_ctx;

/* --- connection ---------------------------------------------------------- */

int
store_connect(struct job *j, const struct store_login *login, bool create,
    struct store **out)
{
	struct span text = span_str(login->url);

	for (size_t i = 0; i < COUNT(drivers); i++) {
		const struct sql_driver *d = drivers[i];
		struct span scheme = span_str(d->scheme);
		struct sql *sql;

		if (!span_starts(text, scheme))
			continue;
		if (d->open(j, login->url + scheme.n, login->password, create,
			&sql) != 0)
			return -1;
		*out = xcalloc(1, sizeof(**out));
		(*out)->driver = d;
		(*out)->sql = sql;
		return 0;
	}
	return job_fail(j, ERR_INTERNAL,
	    "database: the URL must begin with "
	    "sqlite: or postgresql:");
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->in_transaction)
		s->driver->rollback(s->sql);
	s->driver->close(s->sql);
	free(s);
}

int
store_expect_many(struct job *j)
{
	const struct sql_driver *d = j->store->driver;

	return d->many == NULL ? 0 : d->script(j, j->store->sql, d->many);
}

void
store_be_patient(struct job *j, bool (*is_ending)(void))
{
	const struct sql_driver *d = j->store->driver;

	if (d->be_patient != NULL)
		d->be_patient(j->store->sql, is_ending);
}

int
store_ping(struct job *j)
{
	if (store_begin(j) != 0)
		return -1;
	/* What changes nothing still has to reach the disk.  SQLite writes no
	 * page for a row that is set to what it is. */
	if (store_change(j, NULL,
		"UPDATE audit_head SET seq = seq + 1 WHERE id = 1",
		NO_ARGS) != 0 ||
	    store_change(j, NULL,
		"UPDATE audit_head SET seq = seq - 1 WHERE id = 1",
		NO_ARGS) != 0) {
		store_rollback(j);
		return -1;
	}
	return store_commit(j);
}

/* --- transactions -------------------------------------------------------- */

static void
forget_audit_head(struct store *s)
{
	s->audit_head = (struct audit_head){ .is_taken = false };
}

int
store_begin(struct job *j)
{
	struct store *s = j->store;

	assert(!s->in_transaction);
	if (s->driver->begin(j, s->sql) != 0)
		return -1;
	s->in_transaction = true;
	s->savepoint_count = 0;
	return 0;
}

bool
store_writes_alone(const struct job *j)
{
	return j->store->driver == &sql_sqlite;
}

bool
store_is_shared(const struct job *j)
{
	return j->store->driver != &sql_sqlite;
}

int
store_others_wrote(struct job *j, int64_t *seen)
{
	const char *text = j->store->driver->version;
	int64_t before = *seen;

	assert(!j->store->in_transaction);
	if (text == NULL)
		return 0;
	if (store_get_int(j, seen, text, NO_ARGS) <= 0)
		return -1;
	return before >= 0 && *seen != before;
}

bool
store_is_exclusive(const struct job *j)
{
	return store_writes_alone(j) && j->store->in_transaction;
}

int
store_commit(struct job *j)
{
	struct store *s = j->store;

	assert(s->in_transaction && s->savepoint_count == 0);
	if (audit_head_write(j) != 0) {
		store_rollback(j);
		return -1;
	}
	forget_audit_head(s);
	if (commit_hook != NULL)
		commit_hook(commit_hook_ctx, false);
	s->in_transaction = false;
	if (s->driver->commit(j, s->sql) != 0) {
		s->driver->rollback(s->sql);
		return -1;
	}
	if (commit_hook != NULL)
		commit_hook(commit_hook_ctx, true);
	return 0;
}

void
store_rollback(struct job *j)
{
	struct store *s = j->store;

	if (s == NULL || !s->in_transaction)
		return;
	s->in_transaction = false;
	s->savepoint_count = 0;
	forget_audit_head(s);
	s->driver->rollback(s->sql);
}

/* Equal names nest: each refers to the newest. */
int
store_savepoint(struct job *j)
{
	struct store *s = j->store;

	assert(s->in_transaction);
	/* What is undone must take back no record from before. */
	if (audit_head_write(j) != 0 ||
	    s->driver->command(j, s->sql, "SAVEPOINT inner_work") != 0)
		return -1;
	s->savepoint_count++;
	return 0;
}

int
store_savepoint_keep(struct job *j)
{
	struct store *s = j->store;

	assert(s->in_transaction && s->savepoint_count > 0);
	s->savepoint_count--;
	return s->driver->command(j, s->sql, "RELEASE SAVEPOINT inner_work");
}

int
store_savepoint_undo(struct job *j)
{
	struct store *s = j->store;

	assert(s->in_transaction && s->savepoint_count > 0);
	s->savepoint_count--;
	forget_audit_head(s);
	return s->driver->script(j, s->sql,
	    "ROLLBACK TO SAVEPOINT inner_work; "
	    "RELEASE SAVEPOINT inner_work");
}

void
store_set_commit_hook(store_commit_hook_fn *hook, void *ctx)
{
	commit_hook = hook;
	commit_hook_ctx = ctx;
}

/* --- text ---------------------------------------------------------------- */

/*
 * PostgreSQL refuses text that is not UTF-8, SQLite keeps it.  What a relay
 * answered must never make a row unwritable, so each octet that fits nowhere
 * becomes U+FFFD, in both.
 */
static struct span
text_repair(struct arena *a, struct span s)
{
	struct buf b;
	uint32_t code_point;
	size_t at = 0;

	buf_init(&b, a, s.n * 3);
	while (at < s.n) {
		size_t start = at;

		if (utf8_next(s, &at, &code_point) == 1)
			buf_add(&b, span_cut(s, start, at));
		else {
			buf_add_str(&b, "\xef\xbf\xbd");
			at++;
		}
	}
	return buf_span(&b);
}

struct span
store_text(struct job *j, struct span s)
{
	return utf8_is_valid(s) ? s : text_repair(j->arena, s);
}

static const struct sql_value *
values_checked(struct job *j, const struct sql_value *values, size_t count)
{
	struct sql_value *copy = NULL;

	for (size_t i = 0; i < count; i++) {
		if (values[i].type != SQL_TEXT || utf8_is_valid(values[i].s))
			continue;
		if (copy == NULL) {
			copy = arena_memdup(
			    j->arena, values, count * sizeof(*values));
		}
		copy[i].s = text_repair(j->arena, values[i].s);
	}
	return copy == NULL ? values : copy;
}

/* --- statements ---------------------------------------------------------- */

int
query_start(struct query *q, struct job *j, const char *text,
    const struct sql_value *values, size_t count)
{
	struct store *s = j->store;

	*q = (struct query){ .j = j };
	assert(count <= SQL_PARAMS_MAX);
	return s->driver->start(
	    j, s->sql, text, values_checked(j, values, count), count, &q->rows);
}

int
query_next(struct query *q)
{
	q->column = 0;
	return q->j->store->driver->next(q->j, q->rows);
}

int
query_first(struct query *q, struct job *j, const char *text,
    const struct sql_value *values, size_t count)
{
	if (query_start(q, j, text, values, count) != 0)
		return -1;
	return query_next(q);
}

int
query_first_write(struct query *q, struct job *j, const char *text,
    const struct sql_value *values, size_t count)
{
	assert(j->store->in_transaction);
	return query_first(q, j, text, values, count);
}

void
query_end(struct query *q)
{
	q->j->store->driver->end(q->rows);
	q->rows = NULL;
}

int64_t
query_int(struct query *q)
{
	return q->j->store->driver->column_int(q->rows, q->column++);
}

static struct span
query_column(struct query *q)
{
	return q->j->store->driver->column_bytes(q->rows, q->column++);
}

const char *
query_text(struct query *q)
{
	struct span s = query_column(q);

	return s.p == NULL ? NULL : span_dup(q->j->arena, s);
}

struct span
query_bytes(struct query *q)
{
	struct span s = query_column(q);

	if (s.n == 0)
		return (struct span){ NULL, 0 };
	return span_mem(arena_memdup(q->j->arena, s.p, s.n), s.n);
}

struct span
query_secret(struct query *q)
{
	struct span s = query_column(q);
	char *copy;

	if (s.n == 0)
		return (struct span){ NULL, 0 };
	copy = arena_alloc_secret(q->j->arena, s.n);
	memcpy(copy, s.p, s.n);
	return span_mem(copy, s.n);
}

const char *
store_pattern(struct job *j, const char *before, const char *text)
{
	struct buf b;

	buf_init(&b, j->arena, strlen(before) + 2 * strlen(text));
	buf_add_str(&b, before);
	for (; *text != '\0'; text++) {
		if (*text == '%' || *text == '_' || *text == '!')
			buf_add_char(&b, '!');
		buf_add_char(&b, *text);
	}
	return b.p;
}

int
store_change(struct job *j, int64_t *changed, const char *text,
    const struct sql_value *values, size_t count)
{
	struct query q;
	int result;

	assert(j->store->in_transaction);
	result = query_first(&q, j, text, values, count);
	if (result == 0 && changed != NULL)
		*changed = j->store->driver->changed(q.rows);
	query_end(&q);
	assert(result <= 0); /* no RETURNING here */
	return result;
}

int
store_change_one(struct job *j, const char *what, const char *text,
    const struct sql_value *values, size_t count)
{
	int64_t changed;

	assert(count > 0 && values[0].type == SQL_TEXT);
	if (store_change(j, &changed, text, values, count) != 0)
		return -1;
	if (changed == 1)
		return 0;
	assert(changed == 0);
	return job_fail(j, ERR_CONFLICT, "%s %.*s: changed meanwhile", what,
	    (int)values[0].s.n, values[0].s.p);
}

int
store_get_int(struct job *j, int64_t *out, const char *text,
    const struct sql_value *values, size_t count)
{
	struct query q;
	int found = query_first(&q, j, text, values, count);

	if (found == 1 && j->store->driver->is_null(q.rows, 0))
		found = 0;
	if (found == 1)
		*out = query_int(&q);
	query_end(&q);
	return found;
}

/* --- leases -------------------------------------------------------------- */

/*
 * Taking work moves its due time to the end of the lease: one column says when
 * a row is next to be touched, whether it waits or is being worked on, and
 * one index finds both.  With PostgreSQL others take work at the same time.
 * What they hold is passed over: whoever waited for a row would find it taken,
 * and would then keep it locked, for whom it belongs to, until its own
 * transaction ends; two that take several rows would wait for each other.
 */
int
store_lease(struct query *q, struct job *j, int64_t lease_until,
    const struct lease_text *take)
{
	assert(lease_until > j->now);
	return query_first_write(q, j,
	    store_is_exclusive(j) ? take->alone : take->among_others,
	    ARGS(v_int(j->now), v_int(lease_until)));
}

int
store_recover(struct job *j, const char *again)
{
	if (j->store->driver != &sql_sqlite)
		return 0;
	if (store_begin(j) != 0)
		return -1;
	if (store_change(j, NULL, again, ARGS(v_int(j->now))) != 0) {
		store_rollback(j);
		return -1;
	}
	return store_commit(j);
}
