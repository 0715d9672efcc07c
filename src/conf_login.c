#include "config.h"

#include "src/conf_login.h"

#include "lib/arena.h"
#include "lib/job.h"
#include "src/database.h"

#include <string.h>

struct check {
	struct job job;
	struct arena *arena;
	conf_check_fn *report;
	void *ctx;
};

static void
wrong(struct check *c, enum role role, const char *option, const char *what)
{
	c->report(c->ctx,
	    role == DATABASE_OWNER ? option
				   : arena_printf(c->arena, "%s.%s",
					 database_section(role), option),
	    what);
}

static int
read_url(
    struct check *c, enum role role, const char *url, struct store_url *out)
{
	int result = store_url_read(&c->job, url, out);

	if (result < 0)
		wrong(c, role, "database",
		    arena_strdup(c->arena, c->job.err.text));
	job_recover(&c->job);
	return result;
}

static void
check_own(struct check *c, enum role role, const struct conf_login *l)
{
	struct store_url url;

	if (read_url(c, role, l->database, &url) < 0)
		return;
	if (!url.is_server) {
		wrong(c, role, "database",
		    "must be postgresql: and a connection string: SQLite "
		    "knows no users");
		return;
	}
	if (url.user == NULL)
		wrong(c, role, "database",
		    "must name the user (user=…), who gets the rights of this "
		    "role");
	if (url.has_password)
		wrong(c, role, "database",
		    "must not hold the password, since every role reads this "
		    "file: put it into a file and name that in "
		    "database_password");
}

static void
check_role(struct check *c, const struct conf *conf, enum role role)
{
	const struct conf_login *const all[ROLE_COUNT] = { [ROLE_WEB] =
							       &conf->web.login,
		[ROLE_SENDER] = &conf->sender.login,
		[ROLE_VALIDATOR] = &conf->validator.login,
		[ROLE_ISSUER] = &conf->issuer.login,
		[ROLE_UPSTREAM] = &conf->external.login,
		[ROLE_ADMIN] = &conf->admin.login };
	const struct conf_login *own = database_conf(conf, role);

	if (own != NULL)
		check_own(c, role, own);
	else if (all[role]->password_file != NULL)
		wrong(c, role, "database_password",
		    "needs database in the same section: whose password it is");
}

/* Whoever makes the tables may do everything in them. */
static void
check_owner(struct check *c, const struct conf *conf)
{
	struct store_url url;
	bool any = false;

	for (enum role role = 0; role < ROLE_COUNT; role++)
		any = any || database_conf(conf, role) != NULL;
	if (conf->database == NULL ||
	    read_url(c, DATABASE_OWNER, conf->database, &url) < 0)
		return;
	if (!url.is_server && conf->database_password_file != NULL)
		wrong(c, DATABASE_OWNER, "database_password",
		    "is for postgresql: only");
	if (!any)
		return;
	if (!url.is_server)
		wrong(c, DATABASE_OWNER, "database",
		    "must be postgresql: where roles have logins of their own");
	if (url.has_password)
		wrong(c, DATABASE_OWNER, "database",
		    "must not hold the password where roles have logins of "
		    "their own, since every role reads this file: put it into "
		    "a file and name that in database_password");
}

void
conf_login_check(
    struct arena *a, const struct conf *conf, conf_check_fn *report, void *ctx)
{
	struct check c = { .arena = a, .report = report, .ctx = ctx };

	job_init(&c.job, NULL, conf);
	check_owner(&c, conf);
	for (enum role role = 0; role < ROLE_COUNT; role++)
		check_role(&c, conf, role);
	job_done(&c.job);
}
