#include "config.h"

#include "src/login_check.h"

#include "db/store.h"
#include "db/store_login.h"
#include "lib/arena.h"
#include "src/database.h"
#include "src/supervisor.h"

#include <string.h>

/* 1 and *why, 0, or -1. */
static int
is_mighty(struct job *j, enum role role, const char **why)
{
	struct store *before = j->store;
	struct store_login login;
	int result;

	if (database_login(j, role, &login) < 0 ||
	    store_open_as(j, &login, &j->store) < 0)
		return job_context(j, "the login of %s", role_name(role));
	result = store_login_is_mighty(j, why);
	store_close(j->store);
	j->store = before;
	return result;
}

/* The role before this one that logs in as the same user, or ROLE_COUNT. */
static enum role
shared_with(const char *const users[ROLE_COUNT], enum role role)
{
	for (enum role other = 0; other < role; other++)
		if (users[other] != NULL && users[role] != NULL &&
		    strcmp(users[other], users[role]) == 0)
			return other;
	return ROLE_COUNT;
}

static const char *
advice_on(struct job *j, enum role role, const char *why, enum role other)
{
	if (why != NULL)
		return arena_printf(j->arena,
		    "%s.database: this user may do everything (%s), so nothing "
		    "keeps the role from what is not its own",
		    database_section(role), why);
	return arena_printf(j->arena,
	    "%s.database: the same user as %s.database, so each may do what "
	    "the other one may",
	    database_section(role), database_section(other));
}

static const char *
advice_on_missing(struct job *j, enum role role)
{
	if (store_url_file(j->conf->database) != NULL)
		return "with SQLite every role may write every row; PostgreSQL "
		       "with a user for each role keeps them apart "
		       "(countersign.conf(5), THE DATABASE)";
	return arena_printf(j->arena,
	    "%s.database is not set: the role logs in as the owner of the "
	    "tables and may write every row (countersign.conf(5), THE "
	    "DATABASE)",
	    database_section(role));
}

int
login_check(struct job *j, const char **advice)
{
	bool any = false, is_public = j->conf->mode == CONF_MODE_PUBLIC;
	const char *users[ROLE_COUNT];

	*advice = NULL;
	if (database_users(j, users) < 0)
		return -1;
	for (enum role role = 0; role < ROLE_COUNT; role++)
		any = any || users[role] != NULL;
	for (enum role role = 0; role < ROLE_COUNT; role++) {
		enum role other = shared_with(users, role);
		const char *why = NULL;
		int mighty;

		if (users[role] == NULL) {
			if (supervisor_has_role(j->conf, role) &&
			    (any || is_public) && *advice == NULL)
				*advice = advice_on_missing(j, role);
			continue;
		}
		mighty = is_mighty(j, role, &why);
		if (mighty < 0)
			return -1;
		if ((mighty > 0 || other != ROLE_COUNT) && *advice == NULL)
			*advice =
			    advice_on(j, role, mighty > 0 ? why : NULL, other);
	}
	return 0;
}
