#include "config.h"

#include "src/external_check.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "src/acme_client.h"
#include "src/cmp_client.h"
#include "src/cmp_conf.h"
#include "src/enroll_key.h"
#include "src/role.h"
#include "src/upstream.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- a program ------------------------------------------------------------ */

/* Whoever may change it decides what is signed. */
static int
check_owner(struct job *j, const char *path, const struct stat *st)
{
	const char *user = role_user(j->conf, ROLE_UPSTREAM);
	const struct passwd *pw = user != NULL ? getpwnam(user) : NULL;

	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return job_fail(j, ERR_INTERNAL,
		    "external.hook: %s can be written by group or others: "
		    "chmod go-w",
		    path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return job_fail(j, ERR_INTERNAL,
		    "external.hook: %s belongs to %s: let it belong to root",
		    path,
		    pw != NULL && pw->pw_uid == st->st_uid
			? "the user who runs it"
			: "another user");
	return 0;
}

static int
check_file(struct job *j, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return job_fail(j, ERR_INTERNAL, "external.hook: %s: %s", path,
		    strerror(errno));
	if (!S_ISREG(st.st_mode) ||
	    (st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
		return job_fail(j, ERR_INTERNAL,
		    "external.hook: %s is no program: chmod +x", path);
	return check_owner(j, path, &st);
}

/* Its verb check, but not with the rights of root, which it will not have. */
static int
check_hook(struct job *j)
{
	const struct conf_upstream *conf = &j->conf->external;

	if (check_file(j, conf->hook.v[0]) < 0)
		return -1;
	if (geteuid() == 0 && role_user(j->conf, ROLE_UPSTREAM) != NULL)
		return 0;
	return upstream_hook_ops.check(j, conf);
}

/* --- a server ------------------------------------------------------------- */

static int
check_acme(struct job *j)
{
	const struct conf_upstream *conf = &j->conf->external;
	struct acme_client_conf client = { .directory = conf->directory,
		.ca_file = conf->ca_file,
		.agent = "check" };
	struct acme_client *c = NULL;
	int found = enroll_key_load(j, conf->account_key, &client.account_key);

	if (found < 0)
		return -1;
	if (found == 0 || !enroll_key_is(client.account_key, ENROLL_P256))
		return job_fail(j, ERR_INTERNAL,
		    "external.account_key: %s holds no P-256 key",
		    conf->account_key);
	found = acme_client_new(j, &client, &c);
	if (found == 0)
		found = acme_client_check_profile(c, j, conf->profile);
	if (found == 0) /* PK-216, PK-220 */
		found = acme_client_check_revocation(c, j);
	acme_client_free(c);
	return found;
}

static int
check_cmp(struct job *j)
{
	const struct cmp_client *c;

	if (cmp_conf_load(j, j->arena, &c) < 0)
		return -1;
	return cmp_client_probe(c, j);
}

int
external_check(struct job *j)
{
	switch (j->conf->external.kind) {
	case CONF_EXTERNAL_NONE:
		return 0;
	case CONF_EXTERNAL_HOOK:
		return check_hook(j);
	case CONF_EXTERNAL_ACME:
		return check_acme(j);
	case CONF_EXTERNAL_CMP:
		return check_cmp(j);
	}
	return job_fail(j, ERR_INTERNAL, "a kind that is not known");
}
