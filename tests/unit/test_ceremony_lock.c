/*
 * Two acts of a ceremony at once, in processes of their own: the second is
 * refused, changes nothing, and can be given again (PK-209).
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fdio.h"
#include "pki/ceremony_bundle.h"
#include "tests/unit/ceremony_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

/* The other process: waits at its first question until it is told to go on. */
struct other {
	pid_t pid;
	int hears;
};

static int asked_end, go_on_end;
static ceremony_ask *ask_as_ever;

static int
ask_and_wait(void *context, struct job *j, const char *prompt, bool is_secret,
    struct span *answer)
{
	char byte = 'a';

	if (asked_end >= 0 &&
	    (write(asked_end, &byte, 1) != 1 || read(go_on_end, &byte, 1) != 1))
		return job_fail(j, ERR_INTERNAL, "stopped");
	asked_end = -1;
	return ask_as_ever(context, j, prompt, is_secret, answer);
}

static int
init_root(struct job *j, const char *dir, bool waits)
{
	struct ceremony_backup b = { .none = "a test" };
	struct ceremony c = ceremony_lab(j, dir);

	c.backup = &b;
	ask_as_ever = c.ask;
	if (waits)
		c.ask = ask_and_wait;
	return ceremony_init_root(&c, &ceremony_lab_root, "p384");
}

static struct other
start_other(const char *dir)
{
	int asked[2], go_on[2];
	struct other o;
	char byte;

	assert_int_equal(pipe(asked), 0);
	assert_int_equal(pipe(go_on), 0);
	o.pid = fork();
	assert_true(o.pid >= 0);
	if (o.pid == 0) {
		struct job j;

		job_init(&j, NULL, NULL);
		asked_end = asked[1];
		go_on_end = go_on[0];
		if (init_root(&j, dir, true) == 0)
			_exit(0);
		fprintf(stderr, "%s\n", j.err.text);
		_exit(1);
	}
	close(asked[1]);
	close(go_on[0]);
	assert_int_equal(read(asked[0], &byte, 1), 1);
	close(asked[0]);
	o.hears = go_on[1];
	return o;
}

static int
end_of(const struct other *o)
{
	int status;

	while (waitpid(o->pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	close(o->hears);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
assert_busy(struct job *j, int result, const char *dir)
{
	assert_int_equal(result, -1);
	assert_job_error(j, ERR_CONFLICT,
	    arena_printf(j->arena,
		"%s: another act of a ceremony is at work in this folder; "
		"nothing was changed: give the command again when that one has "
		"ended",
		dir));
	job_recover(j);
}

static struct span
transcript(struct job *j, const char *dir)
{
	struct span text;

	assert_int_equal(
	    file_read(
		j, arena_printf(j->arena, "%s/transcript", dir), 100000, &text),
	    0);
	return text;
}

/* Every act, whatever it would have said of the folder else. */
static void
try_all_acts(struct job *j, const char *dir)
{
	struct ceremony_backup b = { .none = "a test" };
	struct ceremony c = ceremony_lab(j, dir);
	struct bundle *bundle = arena_alloc(j->arena, sizeof(*bundle));
	const char *csr = arena_printf(j->arena, "%s/other/issuing.csr", dir);
	struct ceremony_sign sign = ceremony_lab_sign(j, dir, csr);
	struct span tar;

	c.backup = &b;
	assert_busy(j, init_root(j, dir, false), dir);
	assert_busy(j, ceremony_sign(&c, &sign), dir);
	assert_busy(j, ceremony_root_crl(&c, NULL, 0), dir);
	assert_busy(j, ceremony_backup_act(&c), dir);
	assert_busy(
	    j, ceremony_request(&c, &ceremony_lab_issuing, "p384"), dir);
	assert_busy(j, ceremony_import(&c, "a.pem", "b.pem"), dir);
	assert_busy(j, ceremony_bundle_make(j, dir, bundle, &tar),
	    arena_printf(j->arena, "%s/", dir));
}

static void
test_second_act(void **state)
{
	struct job *j = lab_job();
	const char *dir = ceremony_lab_dir(j);
	struct ceremony c = ceremony_lab(j, dir);
	struct span before;
	struct other o = start_other(dir);

	(void)state;
	before = transcript(j, dir);
	try_all_acts(j, dir);
	assert_true(span_eq(transcript(j, dir), before));
	assert_int_equal(write(o.hears, "g", 1), 1);
	assert_int_equal(end_of(&o), 0);
	/* One root, and the next act goes on where that one ended. */
	if (ceremony_root_crl(&c, NULL, 0) < 0)
		fail_msg("%s", j->err.text);
	assert_true(ceremony_lab_said(j, dir, "done: root"));
	assert_true(ceremony_lab_said(j, dir, "done: list of the root"));
}

/* What ends without saying so holds up nobody. */
static void
test_killed(void **state)
{
	struct job *j = lab_job();
	const char *dir = ceremony_lab_dir(j);
	struct other o = start_other(dir);

	(void)state;
	assert_busy(j, init_root(j, dir, false), dir);
	assert_int_equal(kill(o.pid, SIGKILL), 0);
	assert_int_equal(end_of(&o), -1);
	if (init_root(j, dir, false) < 0)
		fail_msg("%s", j->err.text);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_second_act),
	cmocka_unit_test(test_killed),
};

UNIT_MAIN(tests)
