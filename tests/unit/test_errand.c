/*
 * Processes of the supervisor's own (src/errand.h): none outlives it with a
 * login to the database in its hands (PK-7).
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/conf.h"
#include "src/errand.h"

struct pipes {
	int alive[2]; /* its end: the supervisor has died */
	int told[2];  /* what came of it */
};

static struct conf
conf_here(void)
{
	return (struct conf){ .database = "sqlite:/nowhere.db",
		.user = geteuid() == 0 ? "nobody" : NULL };
}

static int
settle(struct job *j, void *ctx)
{
	const struct pipes *p = ctx;
	struct store_login login;
	char byte;
	int result;

	close(p->alive[1]);
	if (read(p->alive[0], &byte, 1) < 0)
		return -1;
	result = errand_settle(j, &login);
	byte = result == 0 ? '+' : '-';
	return write(p->told[1], &byte, 1) == 1 ? result : -1;
}

static char
result_of(const struct pipes *p)
{
	char byte = '?';

	close(p->told[1]);
	assert_int_equal(read(p->told[0], &byte, 1), 1);
	close(p->told[0]);
	close(p->alive[0]);
	return byte;
}

static struct pipes
make_pipes(void)
{
	struct pipes p;

	assert_int_equal(pipe(p.alive), 0);
	assert_int_equal(pipe(p.told), 0);
	return p;
}

static void
test_settles(void **state)
{
	const struct conf conf = conf_here();
	struct pipes p = make_pipes();
	pid_t pid;
	int status;

	(void)state;
	pid = errand_start(&conf, settle, &p);
	assert_true(pid > 0);
	close(p.alive[1]);
	assert_int_equal(result_of(&p), '+');
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The supervisor was killed before the errand could ask to be told. */
static void
test_orphan(void **state)
{
	const struct conf conf = conf_here();
	struct pipes p = make_pipes();
	pid_t supervisor = fork();
	int status;

	(void)state;
	assert_true(supervisor >= 0);
	if (supervisor == 0)
		_exit(errand_start(&conf, settle, &p) > 0 ? EXIT_SUCCESS
							  : EXIT_FAILURE);
	assert_int_equal(waitpid(supervisor, &status, 0), supervisor);
	assert_int_equal(status, 0);
	/* It goes on only now. */
	close(p.alive[1]);
	assert_int_equal(result_of(&p), '-');
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_settles),
	cmocka_unit_test(test_orphan),
};

UNIT_MAIN(tests)
