/* Access tokens from a file and from a command. */
#include "config.h"

#include "mail/token.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

static void
put(const char *name, mode_t mode, const char *text)
{
	int fd = open(unit_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static const char *
get(const char *name)
{
	char text[200] = "";
	int fd = open(unit_path(name), O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return arena_strdup(unit_job()->arena, text);
}

static int
load_file(const char *text, mode_t mode, struct span *out)
{
	struct token_conf conf = { .file = unit_path("token") };

	put("token", mode, text);
	return token_load(unit_job(), &conf, out);
}

/* The shell is the test's own: what it is given is one argument. */
static int
load_script(const char *script, int64_t timeout_ms, struct span *out)
{
	const char *words[] = { "/bin/sh", "-c", script };
	struct token_conf conf = { .command = { words, 3 },
		.timeout_ms = timeout_ms };

	return token_load(unit_job(), &conf, out);
}

static void
test_file(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *token, *why;
	} cases[] = {
		{ "ya29.a-b_c~d+e/f==", 0600, "ya29.a-b_c~d+e/f==", NULL },
		{ "tok\n", 0400, "tok", NULL },
		{ "tok\r\n", 0600, "tok", NULL },
		{ "tok\nanother\n", 0600, "tok", NULL },
		{ "", 0600, NULL, "is empty, where a key or a password" },
		{ "\ntok\n", 0600, NULL, "first line is empty" },
		{ "Bearer tok\n", 0600, NULL, "not an access token" },
		{ "{\"access_token\":\"tok\"}", 0600, NULL,
		    "not an access token" },
		{ "tok\x01\x01 auth=x", 0600, NULL, "not an access token" },
		{ "t=k", 0600, NULL, "not an access token" },
		{ "==", 0600, NULL, "not an access token" },
		{ "t\xc3\xb6k", 0600, NULL, "not an access token" },
		{ "tok", 0644, NULL, "chmod it to 0600" },
	};
	struct job *j = unit_job();
	struct span out;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int result;

		unit_case("%zu", i);
		result = load_file(cases[i].text, cases[i].mode, &out);
		assert_int_equal(result, cases[i].token == NULL ? -1 : 0);
		if (cases[i].token != NULL) {
			assert_span_equal(out, cases[i].token);
			continue;
		}
		assert_int_equal(j->err.kind, ERR_BUSY);
		assert_non_null(strstr(j->err.text, cases[i].why));
		assert_non_null(strstr(j->err.text, unit_path("token")));
		assert_null(strstr(j->err.text, "tok\x01"));
		job_recover(j);
	}
	unlink(unit_path("token"));
	assert_int_equal(
	    token_load(
		j, &(struct token_conf){ .file = unit_path("token") }, &out),
	    -1);
	assert_non_null(strstr(j->err.text, "No such file"));
}

static void
test_command(void **state)
{
	static const struct {
		const char *script;
		const char *token, *why;
	} cases[] = {
		{ "echo tok", "tok", NULL },
		{ "printf tok", "tok", NULL },
		/* No descriptor of ours, nothing to read, a bare environment.
		 */
		{ "test ! -e /proc/self/fd/9 && ! read x && echo tok", "tok",
		    NULL },
		{ "echo ${TOKEN_TEST_SECRET-none}", "none", NULL },
		{ "echo $LANG", "C.UTF-8", NULL },
		{ "exit 0", NULL, "first line is empty" },
		{ "echo tok; exit 3", NULL, "exit status 3" },
		{ "kill -9 $$", NULL, "signal 9" },
		{ "echo error: no login", NULL, "not an access token" },
		{ "head -c 9000 /dev/zero | tr '\\0' a", NULL,
		    "more than 8192" },
		{ "cat /dev/zero", NULL, "more than 8192" },
	};
	struct job *j = unit_job();
	struct span out;

	(void)state;
	assert_int_equal(setenv("TOKEN_TEST_SECRET", "leak", 1), 0);
	assert_true(dup2(2, 9) == 9);
	for (size_t i = 0; i < COUNT(cases); i++) {
		int result;

		unit_case("%s", cases[i].script);
		result = load_script(cases[i].script, 0, &out);
		assert_int_equal(result, cases[i].token == NULL ? -1 : 0);
		if (cases[i].token != NULL) {
			assert_span_equal(out, cases[i].token);
			continue;
		}
		assert_int_equal(j->err.kind, ERR_BUSY);
		assert_non_null(strstr(j->err.text, cases[i].why));
		assert_non_null(strstr(j->err.text, "/bin/sh"));
		job_recover(j);
	}
	close(9);
	unsetenv("TOKEN_TEST_SECRET");
}

/* Words stay words: there is no shell that would read them again. */
static void
test_words(void **state)
{
	const char *words[] = { "/bin/echo", "a$(id)" };
	struct token_conf conf = { .command = { words, 2 } };
	struct job *j = unit_job();
	struct span out;

	(void)state;
	assert_int_equal(token_load(j, &conf, &out), -1);
	assert_non_null(strstr(j->err.text, "not an access token"));
	job_recover(j);
	words[1] = "a;b";
	assert_int_equal(token_load(j, &conf, &out), -1);
	job_recover(j);
	words[1] = "a.b";
	assert_int_equal(token_load(j, &conf, &out), 0);
	assert_span_equal(out, "a.b");
	words[0] = "echo";
	assert_int_equal(token_load(j, &conf, &out), -1);
	assert_non_null(strstr(j->err.text, "absolute"));
	job_recover(j);
	words[0] = "/nonexistent/token-helper";
	assert_int_equal(token_load(j, &conf, &out), -1);
	assert_non_null(strstr(j->err.text, "no such program"));
	job_recover(j);
	words[0] = "/etc/passwd";
	assert_int_equal(token_load(j, &conf, &out), -1);
	assert_non_null(strstr(j->err.text, "may not be run"));
}

/* One that hangs is killed with what it has started, also when it has closed
 * its output. */
static void
test_hanging(void **state)
{
	const char *const scripts[] = { "sleep 100 & echo $! >%s; wait",
		"echo tok; exec >&-; sleep 100 & echo $! >%s; wait" };
	struct job *j = unit_job();
	struct span out;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf b;
		const char *hole = strstr(scripts[i], "%s");
		int64_t ms = 250;
		long pid;

		buf_init(&b, j->arena, 500);
		buf_add_mem(&b, scripts[i], (size_t)(hole - scripts[i]));
		buf_add_str(&b, unit_path("pid"));
		buf_add_str(&b, hole + 2);
		/* A busy machine may not have come to its first line in that
		 * time. */
		put("pid", 0600, "");
		do {
			int64_t begin = clock_mono_ms();

			ms *= 2;
			assert_in_range(ms, 0, 40000);
			assert_int_equal(load_script(b.p, ms, &out), -1);
			assert_non_null(strstr(j->err.text, "was killed"));
			assert_in_range(
			    clock_mono_ms() - begin, ms, ms + 50000);
			job_recover(j);
			pid = strtol(get("pid"), NULL, 10);
		} while (pid == 0);
		assert_true(pid > 1);
		/* Its group got the signal; who reaps it is init. */
		for (int k = 0; k < 500 && kill((pid_t)pid, 0) == 0; k++) {
			const char *stat =
			    arena_printf(j->arena, "/proc/%ld/stat", pid);
			char text[200] = "";
			int fd = open(stat, O_RDONLY);

			if (fd >= 0) {
				(void)!read(fd, text, sizeof(text) - 1);
				close(fd);
			}
			if (strstr(text, ") Z ") != NULL)
				break;
			assert_true(k < 499);
			usleep(10000);
		}
	}
}

/* Kept until the server refuses it; a file is read each time. */
static void
test_source(void **state)
{
	const char *script = arena_printf(unit_job()->arena,
	    "echo x >>%s; echo tok-$(wc -l <%s)", unit_path("count"),
	    unit_path("count"));
	const char *words[] = { "/bin/sh", "-c", script };
	struct token_source *t =
	    token_source_new(&(struct token_conf){ .command = { words, 3 } });
	struct job *j = unit_job();
	struct span out;

	(void)state;
	assert_int_equal(token_get(t, j, &out), 0);
	assert_span_equal(out, "tok-1");
	assert_false(token_was_kept(t));
	assert_int_equal(token_get(t, j, &out), 0);
	assert_span_equal(out, "tok-1");
	assert_true(token_was_kept(t));
	token_forget(t);
	assert_int_equal(token_get(t, j, &out), 0);
	assert_span_equal(out, "tok-2");
	assert_false(token_was_kept(t));
	token_source_free(t);

	t = token_source_new(
	    &(struct token_conf){ .file = unit_path("token") });
	put("token", 0600, "one");
	assert_int_equal(token_get(t, j, &out), 0);
	assert_span_equal(out, "one");
	put("token", 0600, "two");
	assert_int_equal(token_get(t, j, &out), 0);
	assert_span_equal(out, "two");
	assert_false(token_was_kept(t));
	token_source_free(t);
	token_source_free(NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_file),
	cmocka_unit_test(test_command),
	cmocka_unit_test(test_words),
	cmocka_unit_test(test_hanging),
	cmocka_unit_test(test_source),
};
UNIT_MAIN(tests)
