/*
 * The issuer's short list of system calls, and a database server that is
 * restarted: libpq opens the connection anew from inside.
 */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/store.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "src/calls.h"
#include "src/landlock.h"
#include "src/nss.h"
#include "src/sandbox.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/unit.h"

enum outcome {
	FINE,
	NOT_OPENED,
	NOT_CONFINED,
	NOT_BUSY,
	NOT_RECONNECTED,
};

static bool
is_confined(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
	       errno == EPERM;
}

/* As the server does when it is shut down. */
static void
lose_connection(struct job *j)
{
	int64_t ignored;

	(void)store_get_int(j, &ignored,
	    "SELECT pg_terminate_backend(pg_backend_pid())::int", NO_ARGS);
	job_recover(j);
}

static enum outcome
reconnect(void)
{
	struct conf conf = { .file = "/etc/hosts", .database = fixture_url() };
	struct job *j = arena_alloc(unit_job()->arena, sizeof *j);

	job_init(j, NULL, &conf);
	if (store_open(j, conf.database, &j->store) < 0 || store_ping(j) < 0)
		return NOT_OPENED;
	if (sandbox_enter(j, ROLE_ISSUER, NULL) < 0 || !is_confined())
		return NOT_CONFINED;
	for (int i = 0; i < 3; i++) {
		lose_connection(j);
		for (int tries = 0; store_ping(j) < 0; tries++) {
			if (j->err.kind != ERR_BUSY)
				return NOT_BUSY;
			if (tries > 3)
				return NOT_RECONNECTED;
			job_recover(j);
		}
	}
	return FINE;
}

/* PK-202: what the issuer may not do does not keep it from its database. */
static void
test_reconnect(struct job *j)
{
	int status = 0;
	(void)j;

	/* With the sanitizers there is no short list. */
	if (UNIT_IS_SANITIZED || !calls_supported() || landlock_version() < 2)
		UNIT_SKIP("needs seccomp, Landlock 2 and no sanitizers");
	pid_t pid = fork();
	if (pid == 0)
		_exit((int)reconnect());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), FINE);
}

/* --- modules of the C library --------------------------------------------- */

/* Two that are part of libc6, and that nothing here uses. */
#define CONF                                                                   \
	"# hosts: nothing\n"                                                   \
	"passwd:         files compat\n"                                       \
	"shadow: absent-module\n"                                              \
	"hosts:\tfiles hesiod [!UNAVAIL=return] ../evil dns # compat\n"

static bool
can_load(const char *name)
{
	return dlopen(name, RTLD_NOW | RTLD_LOCAL) != NULL;
}

static int
try_modules(bool preloads, const char *conf)
{
	static const struct calls calls = { .short_list = true,
		.sockets = true };
	struct job *j = unit_job();

	if (preloads)
		nss_preload(j, conf);
	if (calls_limit(j, &calls) < 0)
		return -1;
	return can_load("libnss_hesiod.so.2") + can_load("libnss_compat.so.2");
}

static int
modules_in_child(bool preloads, const char *conf)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(try_modules(preloads, conf));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* PK-202: name service modules are there before no code can be loaded. */
static void
test_modules(void **state)
{
	struct job *j = unit_job();
	char path[] = "/tmp/test_nss.XXXXXX";
	int fd = mkstemp(path);
	(void)state;

	if (UNIT_IS_SANITIZED || !calls_supported())
		UNIT_SKIP("needs seccomp and no sanitizers");
	assert_int_equal(write(fd, CONF, sizeof CONF - 1), sizeof CONF - 1);
	close(fd);
	assert_int_equal(modules_in_child(false, path), 0);
	assert_int_equal(modules_in_child(true, path), 2);
	assert_int_equal(unlink(path), 0);
	nss_preload(j, path);
	assert_int_equal(j->err.kind, ERR_NONE);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_modules),
	STORE_TEST_PGSQL(test_reconnect),
};
UNIT_MAIN(tests)
