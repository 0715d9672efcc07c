#include "config.h"

#include "src/errand.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/conf.h"
#include "lib/job.h"
#include "src/database.h"
#include "src/privilege.h"
#include "src/single.h"

/* A database server may be slow to answer. */
#define ERRAND_SECS 60

static pid_t supervisor;

int
errand_settle(struct job *j, struct store_login *login)
{
	if (database_login(j, ROLE_ISSUER, login) < 0 ||
	    privilege_drop(j, j->conf->user) < 0)
		return -1;
	/* A change of user clears the setting, so it is made here. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* One that was killed before that tells nobody. */
	if (getppid() != supervisor)
		return job_fail(j, ERR_INTERNAL, "the supervisor has ended");
	return 0;
}

static void
run(const struct conf *conf, errand_fn *act, void *ctx)
{
	struct job j;
	int result;
	sigset_t none;

	/* Those of the supervisor wait for its own descriptor. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	single_leave();
	alarm(ERRAND_SECS);
	job_init(&j, NULL, conf);
	result = act(&j, ctx);
	job_done(&j);
	_exit(result == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

pid_t
errand_start(const struct conf *conf, errand_fn *act, void *ctx)
{
	pid_t pid;

	supervisor = getpid();
	pid = fork();
	if (pid == 0)
		run(conf, act, ctx);
	return pid;
}
