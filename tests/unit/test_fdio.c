#include "config.h"

#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/count.h"
#include "lib/fdio.h"

static void
put(const char *name, mode_t mode, struct span data)
{
	const char *path = unit_path(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data.p, data.n), data.n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* Removes what is in the folder, and says how many files that were. */
static int
clear_folder(void)
{
	DIR *d = opendir(unit_folder());
	struct dirent *e;
	int count = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		assert_int_equal(remove(unit_path(e->d_name)), 0);
		count++;
	}
	closedir(d);
	return count;
}

static void
test_read(void **state)
{
	struct job *j = unit_job();
	struct span s;

	(void)state;
	put("f", 0644, SPAN("a\0b\n"));
	assert_int_equal(file_read(j, unit_path("f"), 4, &s), 0);
	assert_true(span_eq(s, SPAN("a\0b\n")));
	assert_int_equal(file_read(j, unit_path("f"), 3, &s), -1);
	assert_job_error(j, ERR_INTERNAL,
	    arena_printf(
		j->arena, "%s/f: larger than 3 octets", unit_folder()));
	job_recover(j);
	assert_int_equal(file_read(j, unit_path("none"), 3, &s), -1);
	assert_job_error(j, ERR_INTERNAL,
	    arena_printf(j->arena,
		"%s/none: cannot open: No such file or directory",
		unit_folder()));
	job_recover(j);
	assert_int_equal(file_read(j, unit_folder(), 3, &s), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	job_recover(j);
	put("f", 0644, SPAN(""));
	assert_int_equal(file_read(j, unit_path("f"), 0, &s), 0);
	assert_int_equal(s.n, 0);
}

static void
test_read_large(void **state)
{
	struct job *j = unit_job();
	struct span s, big;
	char *p = arena_alloc(j->arena, 20000);

	(void)state;
	for (size_t i = 0; i < 20000; i++)
		p[i] = (char)(i * 31);
	big = span_mem(p, 20000);
	put("f", 0600, big);
	assert_int_equal(file_read(j, unit_path("f"), 20000, &s), 0);
	assert_true(span_eq(s, big));
	assert_int_equal(file_read_private(j, unit_path("f"), 20000, &s), 0);
	assert_true(span_eq(s, big));
	assert_int_equal(file_read(j, unit_path("f"), 19999, &s), -1);
}

static void
test_secret_line_end(void **state)
{
	static const struct {
		struct span in;
		const char *out;
	} cases[] = {
		{ SPAN_INIT("pass word"), "pass word" },
		{ SPAN_INIT("pass\n"), "pass" },
		{ SPAN_INIT("pass\r\n"), "pass" },
		{ SPAN_INIT("pass\n\n"), "pass\n" },
		{ SPAN_INIT(" pass "), " pass " },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span s;

		unit_case("%zu", i);
		put("f", 0600, cases[i].in);
		assert_int_equal(
		    file_read_secret(j, unit_path("f"), 100, &s), 0);
		assert_span_equal(s, cases[i].out);
		assert_int_equal(
		    file_read_private(j, unit_path("f"), 100, &s), 0);
		assert_true(span_eq(s, cases[i].in));
	}
}

/* A key that was lost says so, and not that it is no key. */
static void
test_secret_empty(void **state)
{
	struct job *j = unit_job();
	struct span s;

	(void)state;
	put("f", 0600, SPAN(""));
	assert_int_equal(file_read_private(j, unit_path("f"), 100, &s), -1);
	assert_non_null(
	    strstr(j->err.text, "f: is empty, where a key or a password"));
	job_recover(j);
	put("f", 0600, SPAN("\r\n"));
	assert_int_equal(file_read_secret(j, unit_path("f"), 100, &s), -1);
	assert_non_null(strstr(j->err.text, "write it again, or restore it"));
	job_recover(j);
}

static void
test_secret_permissions(void **state)
{
	struct job *j = unit_job();
	struct span s;

	(void)state;
	for (mode_t mode = 0400; mode <= 0777; mode++) {
		int expected = (mode & 066) == 0 ? 0 : -1;

		if ((mode & 0400) == 0)
			continue;
		unit_case("mode %04o", (unsigned)mode);
		job_recover(j);
		put("f", 0600, SPAN("x"));
		assert_int_equal(chmod(unit_path("f"), mode), 0);
		assert_int_equal(
		    file_read_secret(j, unit_path("f"), 9, &s), expected);
		assert_int_equal(
		    file_read_private(j, unit_path("f"), 9, &s), expected);
		assert_int_equal(
		    j->err.kind, expected == 0 ? ERR_NONE : ERR_INTERNAL);
		assert_int_equal(chmod(unit_path("f"), 0600), 0);
	}
	job_recover(j);
	assert_int_equal(file_read_secret(j, "/dev/null", 9, &s), -1);
	assert_job_error(j, ERR_INTERNAL, "/dev/null: not a regular file");
}

static void
test_write_replaces(void **state)
{
	struct job *j = unit_job();
	mode_t mask = umask(077);
	struct stat st;
	struct span s;

	(void)state;
	assert_int_equal(file_write(j, unit_path("f"), 0644, SPAN("one")), 0);
	assert_int_equal(file_write(j, unit_path("f"), 0640, SPAN("a\0b")), 0);
	umask(mask);
	assert_int_equal(file_read(j, unit_path("f"), 100, &s), 0);
	assert_true(span_eq(s, SPAN("a\0b")));
	assert_int_equal(stat(unit_path("f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* No temporary file is left. */
	assert_int_equal(clear_folder(), 1);
}

/* A write that fails leaves the old file and nothing else. */
static void
test_write_fails(void **state)
{
	struct job *j = unit_job();

	(void)state;
	assert_int_equal(file_write(j, unit_path("no/f"), 0644, SPAN("x")), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	job_recover(j);
	assert_int_equal(mkdir(unit_path("d"), 0700), 0);
	assert_int_equal(file_write(j, unit_path("d"), 0644, SPAN("x")), -1);
	assert_job_error(j, ERR_INTERNAL,
	    arena_printf(j->arena, "%s/d: cannot replace: Is a directory",
		unit_folder()));
	assert_int_equal(clear_folder(), 1);
}

static void
test_create_never_replaces(void **state)
{
	struct job *j = unit_job();
	struct stat st;
	struct span s;

	(void)state;
	assert_int_equal(
	    file_create(j, unit_path("key"), 0600, SPAN("one")), 0);
	assert_int_equal(
	    file_create(j, unit_path("key"), 0600, SPAN("two")), -1);
	assert_job_error(j, ERR_CONFLICT,
	    arena_printf(
		j->arena, "%s/key: exists and is not replaced", unit_folder()));
	job_recover(j);
	assert_int_equal(file_read_secret(j, unit_path("key"), 9, &s), 0);
	assert_span_equal(s, "one");
	assert_int_equal(stat(unit_path("key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(clear_folder(), 1);
}

/* A name without a slash is in the working folder. */
static void
test_relative_name(void **state)
{
	struct job *j = unit_job();
	struct span s;
	int here = open(".", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_true(here >= 0);
	assert_int_equal(chdir(unit_folder()), 0);
	assert_int_equal(file_write(j, "f", 0644, SPAN("x")), 0);
	assert_int_equal(file_read(j, "f", 9, &s), 0);
	assert_int_equal(fchdir(here), 0);
	close(here);
	assert_span_equal(s, "x");
	assert_int_equal(clear_folder(), 1);
}

/* What others may have put there keeps nobody waiting. */
static void
test_regular(void **state)
{
	struct job *j = unit_job();
	struct span out = { NULL, 0 };

	(void)state;
	put("list", 0600, SPAN("a list"));
	assert_int_equal(symlink("list", unit_path("link")), 0);
	assert_int_equal(mkfifo(unit_path("pipe"), 0600), 0);
	assert_int_equal(file_read_regular(j, unit_path("list"), 100, &out), 0);
	assert_span_equal(out, "a list");
	assert_true(file_is_regular(unit_path("list")));
	static const char *const others[] = { "link", "pipe", "none", "." };
	for (size_t i = 0; i < COUNT(others); i++) {
		unit_case("%s", others[i]);
		assert_false(file_is_regular(unit_path(others[i])));
		assert_int_equal(
		    file_read_regular(j, unit_path(others[i]), 100, &out), -1);
		assert_job_error(j, ERR_INTERNAL, NULL);
		job_recover(j);
	}
	assert_int_equal(file_read_regular(j, "/dev/zero", 100, &out), -1);
	assert_job_error(j, ERR_INTERNAL, "/dev/zero: is not a regular file");
	job_recover(j);
	assert_int_equal(clear_folder(), 3);
}

static void
test_flags(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	for (int on = 1; on >= 0; on--) {
		assert_int_equal(fd_set_cloexec(fds[0], on), 0);
		assert_int_equal(
		    (fcntl(fds[0], F_GETFD) & FD_CLOEXEC) != 0, on);
		assert_int_equal(fd_set_nonblocking(fds[0], on), 0);
		assert_int_equal(
		    (fcntl(fds[0], F_GETFL) & O_NONBLOCK) != 0, on);
	}
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(fd_set_cloexec(-1, true), -1);
	assert_int_equal(fd_set_nonblocking(-1, true), -1);
}

/* In a process of its own: what is closed there stays open here. */
static void
test_hold_standard(void **state)
{
	(void)state;
	for (unsigned closed = 0; closed < 8; closed++) {
		pid_t pid = fork();
		int status, next;

		assert_true(pid >= 0);
		if (pid == 0) {
			for (int fd = 0; fd < 3; fd++)
				if ((closed & 1u << fd) != 0)
					close(fd);
			fd_hold_standard();
			next = open("/dev/null", O_RDONLY);
			_exit(next > STDERR_FILENO ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		unit_case("%u", closed);
		assert_int_equal(status, 0);
	}
}

/* What a child whose parent has a pipe makes of it: its exit status. */
static int
in_child(int (*look)(const int fds[2]))
{
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(look(fds));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	close(fds[1]);
	return status;
}

static bool
is_kept(int fd)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
}

static int
keep(const int fds[2])
{
	fd_keep_inherited();
	return is_kept(fds[0]) || is_kept(fds[1]) || !is_kept(STDERR_FILENO);
}

/* Those of whoever started it: none is a child's. */
static void
test_keep_inherited(void **state)
{
	(void)state;
	assert_int_equal(in_child(keep), 0);
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int
close_all(const int fds[2])
{
	fd_close_inherited();
	return is_open(fds[0]) || is_open(fds[1]) || !is_open(STDERR_FILENO);
}

static void
test_close_inherited(void **state)
{
	(void)state;
	assert_int_equal(in_child(close_all), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_read),
	cmocka_unit_test(test_read_large),
	cmocka_unit_test(test_secret_line_end),
	cmocka_unit_test(test_secret_permissions),
	cmocka_unit_test(test_secret_empty),
	cmocka_unit_test(test_write_replaces),
	cmocka_unit_test(test_write_fails),
	cmocka_unit_test(test_create_never_replaces),
	cmocka_unit_test(test_relative_name),
	cmocka_unit_test(test_regular),
	cmocka_unit_test(test_flags),
	cmocka_unit_test(test_hold_standard),
	cmocka_unit_test(test_keep_inherited),
	cmocka_unit_test(test_close_inherited),
};

UNIT_MAIN(tests)
