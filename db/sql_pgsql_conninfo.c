#include "config.h"

#include "db/sql_pgsql_conninfo.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/count.h"

const char *
conninfo_target(struct job *j, const char *where)
{
	return strncmp(where, "//", 2) == 0
		   ? arena_printf(j->arena, "postgresql:%s", where)
		   : where;
}

const char *
conninfo_one_line(struct job *j, const char *message)
{
	struct span s = span_trim_fws(span_str(message));
	char *copy = span_dup(j->arena, s);

	for (char *p = copy; *p != '\0'; p++) {
		if (*p == '\n' || *p == '\t')
			*p = ' ';
		else if (*p == '"')
			*p = '\'';
	}
	return copy;
}

/* NULL: not set. */
static const char *
value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options != NULL && options->keyword != NULL; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val != NULL && options->val[0] != '\0'
				   ? options->val
				   : NULL;
	return NULL;
}

int
conninfo_read(struct job *j, const char *where, struct store_url *out)
{
	char *message = NULL;
	PQconninfoOption *options =
	    PQconninfoParse(conninfo_target(j, where), &message);
	const char *user;

	if (options == NULL) {
		job_fail(j, ERR_INTERNAL, "%s",
		    message == NULL ? "out of memory"
				    : conninfo_one_line(j, message));
		PQfreemem(message);
		return -1;
	}
	user = value_of(options, "user");
	out->user = user == NULL ? NULL : arena_strdup(j->arena, user);
	out->has_password = value_of(options, "password") != NULL ||
			    value_of(options, "sslpassword") != NULL;
	PQconninfoFree(options);
	return 0;
}

/* As libpq looks for it. */
static const char *
home(struct job *j)
{
	const char *named = getenv("HOME");
	const struct passwd *pw;

	if (named != NULL && named[0] == '/')
		return named;
	pw = getpwuid(geteuid());
	return pw == NULL ? "/nonexistent" : arena_strdup(j->arena, pw->pw_dir);
}

void
conninfo_files(struct job *j, const PQconninfoOption *options,
    const char ***out, size_t *count)
{
	static const char *const keywords[] = { "sslcert", "sslkey",
		"sslrootcert", "sslcrl", "sslcrldir", "passfile" };
	/* Where libpq looks for what is not named. */
	static const char *const defaults[] = { ".postgresql", ".pgpass",
		".pg_service.conf" };
	size_t n = COUNT(keywords);
	size_t more = COUNT(defaults);
	const char *services = getenv("PGSERVICEFILE");
	const char **files =
	    arena_calloc(j->arena, n + more + 1, sizeof(*files));

	*count = 0;
	for (size_t i = 0; i < n; i++) {
		const char *value = value_of(options, keywords[i]);

		if (value != NULL && value[0] == '/')
			files[(*count)++] = arena_strdup(j->arena, value);
	}
	for (size_t i = 0; i < more; i++)
		files[(*count)++] =
		    arena_printf(j->arena, "%s/%s", home(j), defaults[i]);
	if (services != NULL)
		files[(*count)++] = services;
	*out = files;
}
