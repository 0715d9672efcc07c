/*
 * The schema's numbered steps: db/schema/0001.sql …, embedded into the
 * program, each applied once and in its own transaction.
 */
#include "config.h"

#include "db/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/grants.h"
#include "db/store_private.h"
#include "lib/embed.h"

extern const struct embed db_schema[];

static int64_t
newest_version(void)
{
	int64_t n = 0;

	while (db_schema[n].name != NULL)
		n++;
	return n;
}

/* 0: no schema yet. */
static int
schema_version(struct job *j, int64_t *version)
{
	int64_t tables = 0;

	*version = 0;
	if (store_get_int(j, &tables, j->store->driver->has_table,
		ARGS(v_text("schema_version"))) < 0)
		return -1;
	if (tables == 0)
		return 0;
	return store_get_int(j, version,
		   "SELECT MAX(version) FROM schema_version", NO_ARGS) < 0
		   ? -1
		   : 0;
}

int
store_schema_check(struct job *j)
{
	int64_t version;
	int64_t newest = newest_version();

	if (schema_version(j, &version) != 0)
		return -1;
	if (version > newest)
		return job_fail(j, ERR_INTERNAL,
		    "database: its schema has "
		    "version %lld, this program knows up to %lld: a newer "
		    "program is needed",
		    (long long)version, (long long)newest);
	if (version < newest)
		return job_fail(j, ERR_INTERNAL,
		    "database: its schema has "
		    "version %lld, this program needs %lld: countersignd "
		    "migrates it when it starts",
		    (long long)version, (long long)newest);
	return 0;
}

/* Before there is a schema: a file of another program is not ours to change. */
static int
check_empty(struct job *j)
{
	const char *sql = j->store->driver->any_tables;
	int64_t tables = 0;

	if (sql == NULL)
		return 0;
	if (store_get_int(j, &tables, sql, NO_ARGS) < 0)
		return -1;
	return tables == 0 ? 0
			   : job_fail(j, ERR_INTERNAL, SQL_OF_ANOTHER_PROGRAM);
}

static int
apply(struct job *j, int64_t version)
{
	const struct embed *file = &db_schema[version - 1];
	char name[16];

	snprintf(name, sizeof(name), "%04d.sql", (int)version);
	assert(strcmp(file->name, name) == 0);
	if (j->store->driver->script(j, j->store->sql, file->bytes.p) != 0 ||
	    store_change(j, NULL,
		"INSERT INTO schema_version "
		"(version, applied_at) VALUES ($1, $2)",
		ARGS(v_int(version), v_int(j->now))) != 0)
		return job_context(j, "migration %s", name);
	return 0;
}

/* The next missing step: 1 applied, 0 none was missing, -1. */
static int
step(struct job *j)
{
	const char *lock = j->store->driver->migration_lock;
	int64_t version;

	if (lock != NULL &&
	    j->store->driver->script(j, j->store->sql, lock) != 0)
		return -1;
	if (schema_version(j, &version) != 0)
		return -1;
	if (version >= newest_version())
		return store_schema_check(j) != 0 ? -1 : secrets_make(j);
	if (version == 0 && check_empty(j) != 0)
		return -1;
	return apply(j, version + 1) != 0 ? -1 : 1;
}

/* Under the same lock: two servers that start at once would meet in the rows
 * of the catalogue. */
static int
grant(struct job *j, const char *const users[ROLE_COUNT])
{
	const char *lock = j->store->driver->migration_lock;

	if (lock == NULL)
		return 0;
	if (store_begin(j) == 0 &&
	    j->store->driver->script(j, j->store->sql, lock) == 0 &&
	    grants_apply(j, users) == 0 && store_commit(j) == 0)
		return 0;
	store_rollback(j);
	return -1;
}

int
store_migrate(struct job *j, const char *url)
{
	static const char *const nobody[ROLE_COUNT];
	const struct store_login owner = { url, NULL };

	return store_migrate_as(j, &owner, nobody);
}

int
store_migrate_as(struct job *j, const struct store_login *owner,
    const char *const users[ROLE_COUNT])
{
	struct store *before = j->store;
	struct store *s = NULL;
	int result;

	if (store_connect(j, owner, true, &s) != 0)
		return -1;
	j->store = s;
	do {
		result = store_begin(j);
		if (result == 0)
			result = step(j);
		if (result >= 0 && store_commit(j) != 0)
			result = -1;
		if (result < 0)
			store_rollback(j);
	} while (result == 1);
	if (result == 0)
		result = grant(j, users);
	j->store = before;
	store_close(s);
	return result;
}
