#include "config.h"

#include "src/privilege.h"

#include "lib/job.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void
privilege_no_dumps(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int
become(struct job *j, const struct passwd *pw)
{
	if (initgroups(pw->pw_name, pw->pw_gid) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return job_fail(j, ERR_INTERNAL, "cannot become user %s: %s",
		    pw->pw_name, strerror(errno));
	/* Libraries look there for files, and that of root may not even be
	 * entered: libpq then makes no TLS connection. */
	if (setenv("HOME", pw->pw_dir, 1) < 0)
		return job_fail(j, ERR_INTERNAL, "%s", strerror(errno));
	/* It must not come back. */
	if (setuid(0) == 0)
		return job_fail(j, ERR_INTERNAL,
		    "user %s can become root again", pw->pw_name);
	privilege_no_dumps(); /* the change of user allowed dumps again */
	return 0;
}

/* As whom to go on: 0 and *out (NULL: as now), or -1 saying what to do. */
static int
find(struct job *j, const char *user, const struct passwd **out)
{
	const struct passwd *pw = NULL;

	*out = NULL;
	if (user != NULL) {
		pw = getpwnam(user);
		if (pw == NULL)
			return job_fail(j, ERR_INTERNAL,
			    "there is no user %s: create it (adduser --system "
			    "--group %s) or change the option user",
			    user, user);
	}
	if (geteuid() != 0) {
		if (pw != NULL && pw->pw_uid != geteuid())
			return job_fail(j, ERR_INTERNAL,
			    "only root can become user %s: start as root or "
			    "as %s",
			    user, user);
		return 0;
	}
	if (pw == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "started as root without the option user: set it to an "
		    "unprivileged user");
	if (pw->pw_uid == 0)
		return job_fail(j, ERR_INTERNAL,
		    "the option user must name an unprivileged user");
	*out = pw;
	return 0;
}

int
privilege_check(struct job *j, const char *user)
{
	const struct passwd *pw;

	return find(j, user, &pw);
}

int
privilege_drop(struct job *j, const char *user)
{
	const struct passwd *pw;

	if (find(j, user, &pw) < 0)
		return -1;
	return pw != NULL ? become(j, pw) : 0;
}
