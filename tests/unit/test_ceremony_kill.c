/*
 * PK-209: a ceremony that is killed at each of its writes, taken up and
 * brought to its end: one root, one key, a whole transcript, a bundle that
 * passes.  With keys in files and in SoftHSM.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/count.h"
#include "pki/ceremony_bundle.h"
#include "tests/unit/ceremony_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/token_lab.h"
#include "tests/unit/unit.h"

#define WRITES_MAX 60
#define REQUEST_WRITES 12

/* Every write of lib/fdio.c ends with one of these two: so many are let
 * through, the next one kills.  0: none does. */
static unsigned kill_at;
static unsigned writes;

static void
count_write(void)
{
	if (++writes == kill_at)
		(void)kill(getpid(), SIGKILL);
}

int
rename(const char *from, const char *to)
{
	count_write();
	return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int
link(const char *from, const char *to)
{
	count_write();
	return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

typedef int act_fn(struct job *j, const char *dir, bool has_token);

static int
act_root(struct job *j, const char *dir, bool has_token)
{
	struct ceremony_token t = ceremony_lab_place("root");
	struct ceremony c = ceremony_lab(j, dir);
	struct ceremony_backup b = { .none = "a test" };

	c.token = has_token ? &t : NULL;
	c.backup = &b;
	return ceremony_init_root(&c, &ceremony_lab_root, "p384");
}

/* In a process of its own, which is killed at that write.  1 if it was, 0 if
 * it came to its end. */
static int
run_killed(act_fn *act, const char *dir, bool has_token, unsigned at)
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct job j;

		job_init(&j, NULL, NULL);
		writes = 0;
		kill_at = at;
		if (act(&j, dir, has_token) == 0)
			_exit(0);
		fprintf(stderr, "%s\n", j.err.text);
		_exit(1);
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return 1;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return 0;
}

static CK_ULONG
keys_in(const char *token)
{
	CK_FUNCTION_LIST *f = token_lab_functions();
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE wanted = { CKA_CLASS, &class, sizeof class };
	unsigned char pin[] = "part1part2";
	CK_OBJECT_HANDLE found[2 * WRITES_MAX];
	CK_SLOT_ID slots[8];
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO info;
	CK_ULONG n = 8, count = 0;

	assert_int_equal(f->C_Initialize(NULL), CKR_OK);
	assert_int_equal(f->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
	for (CK_ULONG i = 0; i < n; i++) {
		if (f->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    memcmp(info.label, token, strlen(token)) != 0)
			continue;
		assert_int_equal(f->C_OpenSession(slots[i], CKF_SERIAL_SESSION,
				     NULL, NULL, &s),
		    CKR_OK);
		assert_int_equal(
		    f->C_Login(s, CKU_USER, pin, sizeof pin - 1), CKR_OK);
		assert_int_equal(f->C_FindObjectsInit(s, &wanted, 1), CKR_OK);
		assert_int_equal(
		    f->C_FindObjects(s, found, COUNT(found), &count), CKR_OK);
	}
	token_lab_end_sessions();
	return count;
}

static size_t
files_in(const char *dir)
{
	char command[512];
	size_t n = 0;

	snprintf(command, sizeof command, "ls -A %s | wc -l", dir);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%zu", &n), 1);
	pclose(f);
	return n;
}

/* The folder of a root, and nothing that a killed write has left. */
static void
check_whole(struct job *j, const char *dir, bool has_token)
{
	struct bundle *b = arena_alloc(j->arena, sizeof *b);
	const char *lints;
	struct span tar;

	if (ceremony_bundle_make(j, dir, b, &tar) < 0 ||
	    ceremony_bundle_check(j, tar, b, &lints) < 0)
		fail_msg("%s", j->err.text);
	assert_int_equal(ceremony_is_done(j, dir, CEREMONY_ROOT), 1);
	assert_true(ceremony_lab_said(j, dir, "root key: made"));
	/* key or its place, root.pem, root.crl, issued, transcript */
	assert_int_equal(files_in(dir), 5);
	(void)has_token;
}

static void
kill_each(bool has_token)
{
	struct job *j = lab_job();
	unsigned at = 1;

	for (; at < WRITES_MAX; at++) {
		const char *dir = ceremony_lab_dir(j);
		struct span certificate = { NULL, 0 };

		unit_case("write %u", at);
		if (has_token)
			token_lab_restore();
		if (run_killed(act_root, dir, has_token, at) == 0)
			break;
		if (access(arena_printf(j->arena, "%s/root.pem", dir), F_OK) ==
		    0)
			certificate = ceremony_lab_read(j, dir, "root.pem");
		if (ceremony_is_done(j, dir, CEREMONY_ROOT) == 1)
			continue;
		assert_int_equal(run_killed(act_root, dir, has_token, 0), 0);
		check_whole(j, dir, has_token);
		if (certificate.n > 0)
			assert_true(span_eq(certificate,
			    ceremony_lab_read(j, dir, "root.pem")));
		if (has_token)
			assert_int_equal(keys_in("root"), 1);
	}
	/* There were writes to be killed at, and an end. */
	assert_in_range(at, 12, WRITES_MAX - 1);
}

static void
test_files(void **state)
{
	(void)state;
	kill_each(false);
}

static void
test_tokens(void **state)
{
	(void)state;
	NEEDS_TOKEN;
	kill_each(true);
}

/* The issuing side and the root's signature: taken up by the same commands. */
static int
act_below(struct job *j, const char *dir, bool has_token)
{
	const char *root = arena_printf(j->arena, "%s/root", dir);
	const char *issuing = arena_printf(j->arena, "%s/issuing", dir);
	const char *out = arena_printf(j->arena, "%s/signed.pem", dir);
	struct ceremony_token t = ceremony_lab_place("issuing");
	struct ceremony r = ceremony_lab(j, root);
	struct ceremony i = ceremony_lab(j, issuing);
	struct ceremony_sign sign = ceremony_lab_sign(j, issuing, out);

	i.token = has_token ? &t : NULL;
	if (ceremony_request(&i, &ceremony_lab_issuing, "p384") < 0 ||
	    ceremony_sign(&r, &sign) < 0)
		return -1;
	return ceremony_import(
	    &i, out, arena_printf(j->arena, "%s/root.pem", root));
}

static void
check_below(struct job *j, const char *dir)
{
	struct bundle *b = arena_alloc(j->arena, sizeof *b);
	const char *lints;
	struct span tar;

	if (ceremony_bundle_make(j, dir, b, &tar) < 0 ||
	    ceremony_bundle_check(j, tar, b, &lints) < 0)
		fail_msg("%s", j->err.text);
	assert_int_equal(
	    files_in(arena_printf(j->arena, "%s/root/issued", dir)), 1);
}

static struct span
first_list(struct job *j, const char *dir)
{
	const char *issuing = arena_printf(j->arena, "%s/issuing", dir);
	const char *path = arena_printf(j->arena, "%s/issuing.crl", issuing);

	return access(path, F_OK) == 0
		   ? ceremony_lab_read(j, issuing, "issuing.crl")
		   : (struct span){ NULL, 0 };
}

/* Made once. */
static void
copy_root(struct job *j, const char *dir)
{
	static char made[512];
	char command[2048];

	if (made[0] == '\0') {
		struct ceremony r = ceremony_lab(j, ceremony_lab_dir(j));

		kill_at = 0;
		if (ceremony_init_root(&r, &ceremony_lab_root, "p384") < 0)
			fail_msg("%s", j->err.text);
		snprintf(made, sizeof made, "%s", r.dir);
	}
	snprintf(command, sizeof command, "mkdir %s && cp -a %s %s/root", dir,
	    made, dir);
	assert_int_equal(system(command), 0);
}

/* With a token it is at each write of the request; what the root does then is
 * the same.  With files at every third write, since each round derives keys
 * from secrets again and again. */
static void
kill_each_below(bool has_token)
{
	unsigned last = has_token ? REQUEST_WRITES : WRITES_MAX;
	struct job *j = lab_job();
	unsigned at = 1;

	for (; at < last; at += has_token ? 1 : 3) {
		const char *dir = ceremony_lab_dir(j);
		struct span first;

		unit_case("write %u", at);
		copy_root(j, dir);
		if (has_token)
			token_lab_restore();
		if (run_killed(act_below, dir, has_token, at) == 0)
			break;
		first = first_list(j, dir);
		assert_int_equal(run_killed(act_below, dir, has_token, 0), 0);
		check_below(j, dir);
		/* PK-209, step 10: never two of one number. */
		assert_true(first_list(j, dir).n > 0);
		assert_true(first.n == 0 || span_eq(first, first_list(j, dir)));
		if (has_token)
			assert_int_equal(keys_in("issuing"), 1);
	}
	assert_in_range(at, REQUEST_WRITES, WRITES_MAX - 1);
}

static void
test_files_below(void **state)
{
	(void)state;
	kill_each_below(false);
}

static void
test_tokens_below(void **state)
{
	(void)state;
	NEEDS_TOKEN;
	kill_each_below(true);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_files_below),
		cmocka_unit_test(test_tokens_below),
	};

	token_lab_start_empty();
	if (token_lab_is_there()) {
		ceremony_lab_token("root");
		ceremony_lab_token("issuing");
		/* Each round begins with tokens that are empty. */
		token_lab_save();
	}
	return unit_run(tests, COUNT(tests));
}
