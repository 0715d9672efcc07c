#include "config.h"

#include "db/store_login.h"

#include <string.h>

#include "db/sql_pgsql_conninfo.h"
#include "db/store.h"
#include "db/store_private.h"

int
store_open(struct job *j, const char *url, struct store **out)
{
	const struct store_login login = { url, NULL };

	return store_open_as(j, &login, out);
}

int
store_open_as(
    struct job *j, const struct store_login *login, struct store **out)
{
	struct store *before = j->store;
	struct store *s = NULL;
	int result;

	*out = NULL;
	if (store_connect(j, login, false, &s) != 0)
		return -1;
	j->store = s;
	result = store_schema_check(j);
	j->store = before;
	if (result != 0) {
		store_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

int
store_url_read(struct job *j, const char *url, struct store_url *out)
{
	size_t scheme = strlen(sql_pgsql.scheme);

	*out = (struct store_url){ .is_server = false };
	if (strncmp(url, sql_pgsql.scheme, scheme) != 0)
		return 0;
	out->is_server = true;
	return conninfo_read(j, url + scheme, out);
}

const char *
store_url_file(const char *url)
{
	size_t scheme = strlen(sql_sqlite.scheme);

	return strncmp(url, sql_sqlite.scheme, scheme) == 0 ? url + scheme
							    : NULL;
}

void
store_files(struct job *j, const char ***out, size_t *count)
{
	*out = NULL;
	*count = 0;
	if (j->store->driver->files != NULL)
		j->store->driver->files(j, j->store->sql, out, count);
}

/* 1: `text` counts something; 0: nothing; -1. */
static int
counts(struct job *j, const char *text)
{
	int64_t n = 0;

	return store_get_int(j, &n, text, NO_ARGS) < 0 ? -1 : n > 0;
}

int
store_login_is_mighty(struct job *j, const char **why)
{
	static const char owned[] =
	    "SELECT COUNT(*) FROM pg_catalog.pg_tables "
	    "WHERE schemaname = current_schema() "
	    "AND pg_has_role(current_user, tableowner, 'MEMBER')";
	/* CVE-2018-1058: operators that others then use by their name. */
	static const char creates[] =
	    "SELECT COUNT(*) FROM pg_catalog.pg_namespace "
	    "WHERE nspname = current_schema() "
	    "AND has_schema_privilege(oid, 'CREATE')";
	int found;

	if (j->store->driver != &sql_pgsql) {
		*why = "SQLite has one file for all";
		return 1;
	}
	*why = "it owns the tables or is a superuser";
	found = counts(j, owned);
	if (found != 0)
		return found;
	*why = "it may create objects in the schema of the tables";
	return counts(j, creates);
}
