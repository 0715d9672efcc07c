/*
 * Programs that hand requests to another CA.  PK-221: exit statuses, garbage,
 * output without end, sleep, the environment and the descriptors that it is
 * given, and what its answers mean.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/store_handoff.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "src/handoff.h"
#include "src/hook.h"
#include "src/upstream.h"

#define REQUEST "{\"order\":\"o1\"}"

/* A script of these lines, as configured. */
static const struct conf *
script(struct job *j, const char *text)
{
	struct conf *conf = arena_calloc(j->arena, 1, sizeof(*conf));
	const char **words = arena_calloc(j->arena, 2, sizeof(*words));

	words[0] = unit_path("hook");
	words[1] = "an argument; with $blanks";
	unlink(words[0]);
	assert_int_equal(
	    file_write(j, words[0], 0700,
		span_str(arena_printf(j->arena, "#!/bin/sh\n%s\n", text))),
	    0);
	conf->external.kind = CONF_EXTERNAL_HOOK;
	conf->external.hook = (struct conf_list){ words, 2 };
	conf->external.hook_timeout = 20;
	j->conf = conf;
	return conf;
}

static struct hook_run
run(struct job *j, const char *text, int64_t ms, struct span input)
{
	const struct conf *conf = script(j, text);
	struct hook_run r;

	assert_int_equal(hook_run(j, &conf->external.hook, ms, input, &r), 0);
	return r;
}

static void
test_plain(void **state)
{
	struct job *j = unit_job();
	struct hook_run r = run(j, "cat; exit 3", 20000, SPAN("{\"a\":1}"));

	(void)state;
	assert_int_equal(r.end, HOOK_EXITED);
	assert_int_equal(r.status, 3);
	assert_span_equal(r.output, "{\"a\":1}");
}

/* Nothing of ours but PATH and LANG, the arguments word by word, and no
 * descriptor beyond the three. */
static void
test_surroundings(void **state)
{
	struct job *j = unit_job();
	struct hook_run r;
	int extra = dup(2);

	(void)state;
	setenv("CS_SECRET", "x", 1);
	r = run(j,
	    "/usr/bin/env | grep -v ^PWD= | grep -v ^_= | cut -d= -f1 | "
	    "sort | tr '\\n' ' '; echo \"$#:$1\"; ls /proc/self/fd | "
	    "tr '\\n' ' '",
	    20000, SPAN(""));
	assert_int_equal(r.end, HOOK_EXITED);
	/* ls has its own 3 open on the folder. */
	assert_span_equal(
	    r.output, "LANG PATH 1:an argument; with $blanks\n0 1 2 3 ");
	close(extra);
}

/* It need not read what it is told. */
static void
test_deaf(void **state)
{
	struct job *j = unit_job();
	struct buf b;
	struct hook_run r;

	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as in a role */
	buf_init(&b, j->arena, 1 << 20);
	for (int i = 0; i < 60000; i++)
		buf_add_str(&b, "xxxxxxxxxx");
	r = run(j, "exec <&-; echo done", 20000, buf_span(&b));
	assert_int_equal(r.end, HOOK_EXITED);
	assert_int_equal(r.status, 0);
	assert_span_equal(r.output, "done\n");
}

static void
test_ends(void **state)
{
	static const struct {
		const char *name, *text;
		int64_t ms;
		enum hook_end end;
	} rows[] = {
		{ "sleeps", "exec sleep 100", 300, HOOK_TOO_LATE },
		{ "its child sleeps", "sleep 100; true", 300, HOOK_TOO_LATE },
		{ "sleeps with its output closed", "exec >&- 2>&-; sleep 100",
		    300, HOOK_TOO_LATE },
		{ "endless output", "exec yes", 20000, HOOK_TOO_MUCH },
		{ "endless complaint", "yes >&2", 500, HOOK_TOO_LATE },
		{ "killed", "kill -9 $$", 20000, HOOK_KILLED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct job *j = unit_job();
		int64_t begun = clock_mono_ms();
		struct hook_run r;

		unit_case("%s", rows[i].name);
		r = run(j, rows[i].text, rows[i].ms, SPAN("{}"));
		assert_int_equal(r.end, rows[i].end);
		assert_true(clock_mono_ms() - begun < 15000);
	}
}

/* The limit of 64 KiB, to the octet. */
static void
test_size(void **state)
{
	struct job *j = unit_job();
	struct hook_run r;

	(void)state;
	r = run(j, "head -c 65536 /dev/zero", 20000, SPAN(""));
	assert_int_equal(r.end, HOOK_EXITED);
	assert_int_equal(r.output.n, 65536);
	r = run(j, "head -c 65537 /dev/zero", 20000, SPAN(""));
	assert_int_equal(r.end, HOOK_TOO_MUCH);
}

static void
test_no_program(void **state)
{
	struct job *j = unit_job();
	const char *words[] = { "/nonexistent/hook", NULL };
	struct conf_list command = { words, 1 };
	struct hook_run r;

	(void)state;
	assert_int_equal(hook_run(j, &command, 1000, SPAN(""), &r), 0);
	assert_int_equal(r.end, HOOK_NOT_BEGUN);
	words[0] = "/etc/hostname";
	assert_int_equal(hook_run(j, &command, 1000, SPAN(""), &r), 0);
	assert_int_equal(r.end, HOOK_NOT_BEGUN);
}

/* --- what its answers mean ------------------------------------------------ */

static const struct {
	const char *name, *text;
	enum handoff_stage stage; /* asked: issue; else poll */
	enum upstream_outcome outcome;
	const char *token;
	int64_t retry_secs;
	enum err_kind kind;
} answers[] = {
	{ "done", "echo '{\"certificate\":\"PEM\"}'", HANDOFF_ASKED,
	    UPSTREAM_ISSUED, NULL, 0, ERR_NONE },
	{ "done, polled", "echo '{\"certificate\":\"PEM\"}'", HANDOFF_PENDING,
	    UPSTREAM_ISSUED, NULL, 0, ERR_NONE },
	{ "pending", "echo '{\"token\":\"t7\",\"retry_after\":90}'; exit 75",
	    HANDOFF_ASKED, UPSTREAM_PENDING, "t7", 90, ERR_NONE },
	{ "pending, no words", "exit 75", HANDOFF_ASKED, UPSTREAM_PENDING, NULL,
	    0, ERR_NONE },
	{ "pending, polled", "exit 75", HANDOFF_PENDING, UPSTREAM_PENDING, NULL,
	    0, ERR_NONE },
	{ "refused", "exit 1", HANDOFF_ASKED, UPSTREAM_REFUSED, NULL, 0,
	    ERR_INTERNAL },
	{ "refused for the CSR",
	    "echo '{\"error\":\"badCSR\",\"detail\":\"weak\"}'; exit 1",
	    HANDOFF_ASKED, UPSTREAM_REFUSED, NULL, 0, ERR_BAD_CSR },
	{ "refused by another status",
	    "echo '{\"error\":\"rateLimited\"}'; exit 2", HANDOFF_PENDING,
	    UPSTREAM_REFUSED, NULL, 0, ERR_RATE_LIMITED },
	{ "refused with words of its own", "echo '{\"error\":\"no\"}'; exit 9",
	    HANDOFF_ASKED, UPSTREAM_REFUSED, NULL, 0, ERR_INTERNAL },
	{ "refused in prose", "echo no; exit 1", HANDOFF_ASKED,
	    UPSTREAM_REFUSED, NULL, 0, ERR_INTERNAL },
	/* PK-217: what is not known is asked for, and then held. */
	{ "garbage", "echo thanks", HANDOFF_ASKED, UPSTREAM_LATER, NULL, 0,
	    ERR_NONE },
	{ "garbage, polled", "echo thanks", HANDOFF_SENDING, UPSTREAM_UNSURE,
	    NULL, 0, ERR_NONE },
	{ "no output", "exit 0", HANDOFF_SENDING, UPSTREAM_UNSURE, NULL, 0,
	    ERR_NONE },
	{ "half a certificate", "printf '{\"certificate\":\"PE'",
	    HANDOFF_SENDING, UPSTREAM_UNSURE, NULL, 0, ERR_NONE },
	{ "no certificate", "echo '{}'", HANDOFF_SENDING, UPSTREAM_UNSURE, NULL,
	    0, ERR_NONE },
	{ "garbage and 75", "echo later; exit 75", HANDOFF_SENDING,
	    UPSTREAM_UNSURE, NULL, 0, ERR_NONE },
	{ "it cannot look", "exit 64", HANDOFF_SENDING, UPSTREAM_UNSURE, NULL,
	    0, ERR_NONE },
	{ "never had it", "echo '{\"unknown\":true}'", HANDOFF_SENDING,
	    UPSTREAM_UNKNOWN, NULL, 0, ERR_NONE },
	{ "endless", "exec yes", HANDOFF_ASKED, UPSTREAM_LATER, NULL, 0,
	    ERR_NONE },
	{ "sleeps", "exec sleep 100", HANDOFF_SENDING, UPSTREAM_LATER, NULL, 0,
	    ERR_NONE },
};

static void
test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct job *j = unit_job();
		struct handoff h = { .id = "id1",
			.order_id = "o1",
			.request = REQUEST,
			.stage = answers[i].stage };
		struct upstream_answer a;
		struct conf conf;

		unit_case("%s", answers[i].name);
		conf = *script(j, answers[i].text);
		if (strstr(answers[i].text, "sleep") != NULL)
			conf.external.hook_timeout = 1;
		j->conf = &conf;
		if (h.stage == HANDOFF_ASKED)
			upstream_hook_ops.issue(NULL, j, &h, NULL, &a);
		else
			upstream_hook_ops.poll(NULL, j, &h, NULL, &a);
		assert_int_equal(a.outcome, answers[i].outcome);
		assert_int_equal(a.kind, answers[i].kind);
		assert_int_equal(a.retry_secs, answers[i].retry_secs);
		if (answers[i].token != NULL)
			assert_string_equal(a.token, answers[i].token);
		if (a.outcome == UPSTREAM_ISSUED)
			assert_span_equal(a.certificate, "PEM");
		assert_int_equal(j->err.kind, ERR_NONE);
	}
}

/* What it is told: verb, id with each try, token, the request whole. */
static void
test_told(void **state)
{
	struct job *j = unit_job();
	struct handoff h = { .id = "id1",
		.order_id = "o1",
		.request = REQUEST,
		.token = "t7",
		.stage = HANDOFF_PENDING };
	struct withdrawal w = {
		.id = "w1", .der = SPAN("\x30\x00"), .reason = 4
	};
	struct upstream_answer a;

	(void)state;
	script(j,
	    "test \"$(cat)\" = '{\"verb\":\"poll\",\"id\":\"id1\","
	    "\"token\":\"t7\",\"request\":{\"order\":\"o1\"}}' && exit 75");
	upstream_hook_ops.poll(NULL, j, &h, NULL, &a);
	assert_int_equal(a.outcome, UPSTREAM_PENDING);
	script(j, "grep -q '\"verb\":\"revoke\".*BEGIN "
		  "CERTIFICATE.*\"reason\":4'");
	assert_int_equal(upstream_hook_ops.revoke(NULL, j, &w), 0);
	script(j, "exit 75");
	assert_int_equal(upstream_hook_ops.revoke(NULL, j, &w), -1);
	assert_job_error(j, ERR_BUSY, NULL);
	job_recover(j);
	/* At the start. */
	script(j, "grep -q '\"verb\":\"check\"'");
	assert_int_equal(upstream_hook_ops.check(j, &j->conf->external), 0);
	script(j, "exit 75");
	assert_int_equal(upstream_hook_ops.check(j, &j->conf->external), -1);
	assert_true(strstr(j->err.text, "external.hook") != NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_plain),
	cmocka_unit_test(test_surroundings),
	cmocka_unit_test(test_deaf),
	cmocka_unit_test(test_ends),
	cmocka_unit_test(test_size),
	cmocka_unit_test(test_no_program),
	cmocka_unit_test(test_answers),
	cmocka_unit_test(test_told),
};
UNIT_MAIN(tests)
