/*
 * Linters that are not ours (PK-140, PK-136, PK-139): what zlint and pkilint
 * print, and scripts for each verdict, for garbage, silence, a flood, a fork
 * bomb, an early exit.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/json.h"
#include "lib/log.h"
#include "pki/linter.h"
#include "src/calls.h"
#include "src/lint_frame.h"
#include "src/linters.h"
#include "src/role_linter.h"
#include "tests/unit/linter_lab.h"

#define DAY INT64_C(86400)

/* --- what they print ------------------------------------------------------ */

/* PK-140, PK-139 */
static void
test_readers(void **state)
{
	static const struct {
		enum conf_linter_output kind;
		int status;
		const char *output;
		int result;
		const char *findings; /* "E:name W:name" */
	} cases[] = {
		{ CONF_LINTER_ZLINT, 0,
		    "{\"e_a\":{\"result\":\"pass\"},\"w_b\":{\"result\":"
		    "\"NA\"},\"n_c\":{\"result\":\"notice\"},\"n_d\":{"
		    "\"result\":\"info\"},\"e_f\":{\"result\":\"NE\"}}",
		    0, "" },
		{ CONF_LINTER_ZLINT, 0,
		    "{\"e_a\":{\"result\":\"error\",\"details\":\"why\"},"
		    "\"w_b\":{\"result\":\"warn\"},\"e_c\":{\"result\":"
		    "\"fatal\"}}\n",
		    0, "E:e_a W:w_b E:e_c " },
		{ CONF_LINTER_ZLINT, 1, "{\"e_a\":{\"result\":\"pass\"}}", -1,
		    NULL },
		{ CONF_LINTER_ZLINT, 0, "", -1, NULL },
		{ CONF_LINTER_ZLINT, 0, "{}", -1, NULL },
		{ CONF_LINTER_ZLINT, 0, "[]", -1, NULL },
		{ CONF_LINTER_ZLINT, 0, "{\"e_a\":{\"result\":\"Pass\"}}", -1,
		    NULL },
		{ CONF_LINTER_ZLINT, 0, "{\"e_a\":{}}", -1, NULL },
		{ CONF_LINTER_ZLINT, 0, "{\"e_a\":\"pass\"}", -1, NULL },
		{ CONF_LINTER_ZLINT, 0, "{\"e a\":{\"result\":\"error\"}}", -1,
		    NULL },
		{ CONF_LINTER_ZLINT, 0,
		    "{\"e_a\":{\"result\":\"error\"},\"e_a\":{\"result\":"
		    "\"pass\"}}",
		    -1, NULL },
		{ CONF_LINTER_ZLINT, 0, "{\"e_a\":{\"result\":\"pass\"}} x", -1,
		    NULL },
		{ CONF_LINTER_ZLINT, 0, "{\"e_\xff\":{\"result\":\"pass\"}}",
		    -1, NULL },
		{ CONF_LINTER_PKILINT, 0, "{\"results\": []}", 0, "" },
		{ CONF_LINTER_PKILINT, 3,
		    "{\"results\": [{\"node_path\": \"certificate\", "
		    "\"validator\": \"V\", \"finding_descriptions\": ["
		    "{\"severity\": \"ERROR\", \"code\": \"cabf.a\", "
		    "\"message\": null}, {\"severity\": \"WARNING\", "
		    "\"code\": \"cabf.b\", \"message\": \"x\"}]}, "
		    "{\"finding_descriptions\": [{\"severity\": \"FATAL\", "
		    "\"code\": \"itu.c\"}]}]}",
		    0, "E:cabf.a W:cabf.b E:itu.c " },
		{ CONF_LINTER_PKILINT, 1,
		    "{\"results\":[{\"finding_descriptions\":[{\"severity\":"
		    "\"NOTICE\",\"code\":\"a\"}]}]}",
		    0, "" },
		/* The number in its exit status is another one. */
		{ CONF_LINTER_PKILINT, 1, "{\"results\": []}", -1, NULL },
		{ CONF_LINTER_PKILINT, 0,
		    "{\"results\":[{\"finding_descriptions\":[{\"severity\":"
		    "\"ERROR\",\"code\":\"a\"}]}]}",
		    -1, NULL },
		{ CONF_LINTER_PKILINT, 1,
		    "{\"results\":[{\"finding_descriptions\":[{\"severity\":"
		    "\"error\",\"code\":\"a\"}]}]}",
		    -1, NULL },
		{ CONF_LINTER_PKILINT, 1,
		    "{\"results\":[{\"finding_descriptions\":[{\"severity\":"
		    "\"ERROR\"}]}]}",
		    -1, NULL },
		{ CONF_LINTER_PKILINT, 0, "{}", -1, NULL },
		{ CONF_LINTER_PKILINT, 0, "{\"results\":{}}", -1, NULL },
		{ CONF_LINTER_PKILINT, 0, "{\"results\":[1]}", -1, NULL },
		{ CONF_LINTER_PKILINT, 2, "usage: lint_cabf_smime_cert", -1,
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct job *j = unit_job();
		struct linter_findings f;
		struct buf b;
		int result = linter_read(j, cases[i].kind, cases[i].status,
		    span_str(cases[i].output), &f);

		if (result != cases[i].result)
			fail_msg("%zu: %d, %s", i, result, j->err.text);
		if (result < 0) {
			assert_int_equal(j->err.kind, ERR_MALFORMED);
			job_recover(j);
			continue;
		}
		buf_init(&b, j->arena, 1000);
		for (size_t k = 0; k < f.n; k++)
			buf_addf(&b, "%c:%.*s ", f.v[k].is_error ? 'E' : 'W',
			    (int)f.v[k].lint.n, f.v[k].lint.p);
		assert_string_equal(b.p, cases[i].findings);
	}
}

/* PK-140: more findings than anybody reads are no verdict; 256 of them, whose
 * exit status is 0, are not none. */
static void
test_many_findings(void **state)
{
	struct job *j = unit_job();
	struct linter_findings f;
	struct buf b;

	(void)state;
	for (size_t n = 200; n <= 256; n += 56) {
		buf_init(&b, j->arena, 64 * 1024);
		buf_add_str(&b, "{\"results\":[{\"finding_descriptions\":[");
		for (size_t i = 0; i < n; i++)
			buf_addf(&b,
			    "%s{\"severity\":\"WARNING\",\"code\":\"a%zu\"}",
			    i > 0 ? "," : "", i);
		buf_add_str(&b, "]}]}");
		assert_int_equal(linter_read(j, CONF_LINTER_PKILINT,
				     (int)(n % 256), buf_span(&b), &f),
		    n == 200 ? 0 : -1);
		assert_int_equal(f.n, 200);
		job_recover(j);
	}
}

/* PK-140: as many lints as zlint has, and more. */
static void
test_many_lints(void **state)
{
	struct job *j = unit_job();
	struct linter_findings f;
	struct buf b;

	(void)state;
	buf_init(&b, j->arena, 64 * 1024);
	for (size_t i = 0; i < 1500; i++)
		buf_addf(&b, "%s\"e_lint_%zu\":{\"result\":\"NA\"}",
		    i > 0 ? "," : "{", i);
	buf_add_str(&b, "}");
	assert_int_equal(
	    linter_read(j, CONF_LINTER_ZLINT, 0, buf_span(&b), &f), 0);
	assert_int_equal(f.n, 0);
}

/* PK-140 */
static void
test_version(void **state)
{
	struct job *j = unit_job();
	struct span v;

	(void)state;
	assert_int_equal(
	    linter_read_version(j, SPAN("ZLint version 3.7.3\nmore"), &v), 0);
	assert_span_equal(v, "ZLint version 3.7.3");
	assert_int_equal(linter_read_version(j, SPAN("\nmore"), &v), -1);
	job_recover(j);
	assert_int_equal(linter_read_version(j, SPAN("a\001b"), &v), -1);
}

/* --- the messages --------------------------------------------------------- */

/* PK-140: an answer comes back as it went, and cut anywhere it is refused or
 * says less, never something else. */
static void
test_frames(void **state)
{
	struct job *j = unit_job();
	struct lint_answer a = { .id = "0123456789abcde",
		.name = SPAN("zlint"),
		.version = SPAN("ZLint version 3.7.3"),
		.output = SPAN("{}") };
	struct lint_answer b;
	struct lint_question q = { .more = true, .text = SPAN("PEM") }, r;
	struct span m;

	(void)state;
	a.findings.n = 2;
	a.findings.v[0] = (struct linter_finding){ true, SPAN("e_a") };
	a.findings.v[1] = (struct linter_finding){ false, SPAN("w_b") };
	assert_int_equal(lint_answer_write(j, &a, &m), 0);
	assert_int_equal(lint_answer_read(j, m, &b), 0);
	assert_memory_equal(a.id, b.id, sizeof(a.id));
	assert_span_equal(b.name, "zlint");
	assert_span_equal(b.version, "ZLint version 3.7.3");
	assert_int_equal(b.findings.n, 2);
	assert_true(b.findings.v[0].is_error);
	assert_false(b.findings.v[1].is_error);
	assert_span_equal(b.findings.v[1].lint, "w_b");
	assert_span_equal(b.output, "{}");
	for (size_t n = 0; n < m.n - 1; n++) {
		assert_int_equal(
		    lint_answer_read(j, span_cut(m, 0, n), &b), -1);
		job_recover(j);
	}
	for (q.object = 0; q.object < LINT_OBJECTS; q.object++) {
		assert_int_equal(lint_question_write(j, &q, &m), 0);
		assert_int_equal(lint_question_read(j, m, &r), 0);
		assert_int_equal(r.object, q.object);
		assert_int_equal(r.more, q.more);
		assert_span_equal(r.text, "PEM");
		assert_int_equal(lint_answer_read(j, m, &b), -1);
		job_recover(j);
		q.more = !q.more;
	}
}

/* --- scripts -------------------------------------------------------------- */

static void
ask(struct job *j, struct conf *conf, enum lint_object object,
    struct lint_answer answers[LINTERS_MAX])
{
	struct linters_question q = {
		.object = object, .der = linter_lab_der(), .is_ours = true
	};
	pid_t pid;

	j->conf = conf;
	assert_int_equal(linter_start(j, &pid, &q.fd), 0);
	linters_ask(j, &q, answers);
	linter_stop(pid, q.fd);
}

/* Is a program running with this argument? */
static bool
runs(const char *argument)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool found = false;

	assert_non_null(d);
	while (!found && (e = readdir(d)) != NULL) {
		char path[300], text[256];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		f = ascii_is_digit(e->d_name[0]) ? fopen(path, "r") : NULL;
		if (f == NULL)
			continue;
		size_t n = fread(text, 1, sizeof(text), f);
		found = span_has_str(span_mem(text, n), argument);
		fclose(f);
	}
	closedir(d);
	return found;
}

/* PK-140, PK-136: each kind of verdict. */
static void
test_verdicts(void **state)
{
	struct job *j = unit_job();
	struct lint_answer a[LINTERS_MAX];
	struct conf conf = { .isolation = CONF_ISOLATION_USE };

	(void)state;
	linter_lab_add(j, &conf, "pass", LINTER_LAB_PASS, 60);
	linter_lab_add(j, &conf, "warns",
	    "cat >/dev/null; echo '{\"w_a\":{\"result\":\"warn\"}}'", 60);
	linter_lab_add(j, &conf, "errs",
	    "cat >/dev/null; echo '{\"e_a\":{\"result\":\"error\"}}'", 60);
	linter_lab_add(j, &conf, "fatal",
	    "cat >/dev/null; echo '{\"e_a\":{\"result\":\"fatal\"}}'", 60);
	/* It sees the certificate, and its profile's template. */
	linter_lab_add(j, &conf, "sees",
	    "test \"$1\" = MAILBOX-STRICT || exit 1\n"
	    "all=$(cat)\ncase $all in *BEGIN*MAMCAQU=*END*) "
	    "echo '{\"e_a\":{\"result\":\"pass\"}}';; esac",
	    60);
	ask(j, &conf, LINT_STRICT, a);
	for (size_t i = 0; i < conf.linter_count; i++) {
		if (a[i].has_failed)
			fail_msg("%s: %.*s", conf.linters[i].name,
			    (int)a[i].detail.n, a[i].detail.p);
		assert_span_equal(a[i].version, "lab 1.0");
	}
	assert_int_equal(a[0].findings.n, 0);
	assert_span_equal(a[0].output, "{\"e_a\":{\"result\":\"pass\"}}\n");
	assert_int_equal(a[1].findings.n, 1);
	assert_false(a[1].findings.v[0].is_error);
	assert_true(a[2].findings.v[0].is_error);
	assert_true(a[3].findings.v[0].is_error);
	assert_int_equal(a[4].findings.n, 0);
}

/* PK-140, PK-136: garbage, silence, a flood, an early exit, a crash, one that
 * is missing, one that hangs, and a fork bomb: all are failures, and nothing
 * of them is left. */
static void
test_failures(void **state)
{
	static const struct {
		const char *name, *script, *detail;
		int64_t secs;
	} cases[] = {
		{ "garbage", "cat >/dev/null; head -c 999 /dev/urandom",
		    "verdict", 60 },
		{ "silence", "cat >/dev/null", "JSON", 60 },
		{ "flood", "exec yes", "65536", 60 },
		{ "early", "exit 3", "verdict", 60 },
		{ "crash", "exec python3 -c 'import os; os.abort()'", "signal",
		    60 },
		{ "missing", "", "no such program", 60 },
		{ "hangs", "exec sleep 86399.5", "in time", 1 },
		{ "bomb",
		    "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do\n"
		    "sleep 86398.5 & setsid sleep 86398.5 &\n"
		    "(setsid sh -c 'sleep 86398.5 & sleep 86398.5' &)\n"
		    "done; exec sleep 86398.5",
		    "in time", 1 },
	};
	struct job *j = unit_job();
	struct lint_answer a[LINTERS_MAX];
	struct conf conf = { .isolation = CONF_ISOLATION_USE };
	int64_t deadline = clock_mono_ms() + 180000;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		linter_lab_add(
		    j, &conf, cases[i].name, cases[i].script, cases[i].secs);
	unlink(linter_lab_path(j, "missing"));
	ask(j, &conf, LINT_STRICT, a);
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!a[i].has_failed ||
		    !span_has_str(a[i].detail, cases[i].detail))
			fail_msg("%s: %.*s", cases[i].name, (int)a[i].detail.n,
			    a[i].detail.p);
		assert_int_equal(a[i].output.n, 0);
	}
	while (runs("86399.5") || (calls_supported() && runs("86398.5")))
		assert_true(clock_mono_ms() < deadline);
}

/* PK-140, PK-136: one that stops itself, one that floods its standard error,
 * one that shuts its output and stays, one whose verdict comes in bits until
 * its time is over, and one that passes and then does not end: all are failures
 * at their limit. */
static void
test_stubborn(void **state)
{
	static const struct {
		const char *name, *script;
	} cases[] = {
		{ "stops", "exec python3 -c 'import signal; "
			   "signal.raise_signal(signal.SIGSTOP)'" },
		{ "mutters", "exec yes >&2" },
		{ "shuts", "exec sleep 86397.5 >&-" },
		{ "dribbles", "while :; do printf ' '; sleep 0.1; done" },
		{ "stays", LINTER_LAB_PASS "\nexec sleep 86397.5" },
	};
	struct job *j = unit_job();
	struct lint_answer a[LINTERS_MAX];
	struct conf conf = { .isolation = CONF_ISOLATION_USE };
	int64_t deadline = clock_mono_ms() + 180000;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		linter_lab_add(j, &conf, cases[i].name, cases[i].script, 10);
	ask(j, &conf, LINT_STRICT, a);
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].name);
		assert_true(a[i].has_failed);
		assert_true(span_has_str(a[i].detail, "in time"));
		assert_int_equal(a[i].output.n, 0);
	}
	while (runs("86397.5"))
		assert_true(clock_mono_ms() < deadline);
}

/* PK-140: no network, no files to write, limited memory, nobody to signal,
 * nothing of ours to read, one environment. */
static void
test_confined(void **state)
{
	struct job *j = unit_job();
	struct lint_answer a[LINTERS_MAX];
	struct conf conf = { .isolation = CONF_ISOLATION_USE };

	(void)state;
	if (!calls_supported())
		UNIT_SKIP("this kernel has no seccomp");
	linter_lab_add_network(j, &conf);
	linter_lab_add(j, &conf, "memory",
	    "exec python3 -c '\n"
	    "try:\n"
	    "    x = bytearray(4 << 30)\n"
	    "except MemoryError:\n"
	    "    print(\"{\\\"e_a\\\":{\\\"result\\\":\\\"pass\\\"}}\")'",
	    60);
	linter_lab_add(j, &conf, "signals",
	    "exec python3 -c '\n"
	    "import os\n"
	    "try:\n"
	    "    os.kill(os.getppid(), 0)\n"
	    "except PermissionError:\n"
	    "    print(\"{\\\"e_a\\\":{\\\"result\\\":\\\"pass\\\"}}\")'",
	    60);
	linter_lab_add(j, &conf, "files",
	    arena_printf(j->arena,
		"cat >/dev/null; (echo x >%s.new) 2>/dev/null && exit 1\n"
		"(echo x >/var/tmp/cs-linter-wrote) 2>/dev/null && exit 1\n"
		"ls /proc/self/fd >/dev/null 2>&1\n"
		"test -z \"$HOME$LOGNAME\" || exit 1\n"
		"echo '{\"e_a\":{\"result\":\"pass\"}}'",
		linter_lab_path(j, "files")),
	    60);
	ask(j, &conf, LINT_MULTIPURPOSE, a);
	for (size_t i = 0; i < conf.linter_count; i++)
		if (a[i].has_failed)
			fail_msg("%s: %.*s", conf.linters[i].name,
			    (int)a[i].detail.n, a[i].detail.p);
}

/* --- what follows --------------------------------------------------------- */

struct check {
	struct conf conf;
	struct linters_question q;
	struct linters_verdict own, all;
	pid_t pid;
};

static void
begin(struct check *c, struct job *j, const char *script)
{
	*c = (struct check){ .conf = { .isolation = CONF_ISOLATION_USE },
		.q = { .der = linter_lab_der(), .is_ours = true },
		.own = { .report = "{\"lints\":[]}" } };
	linter_lab_add(j, &c->conf, "zl", script, 60);
	j->conf = &c->conf;
	assert_int_equal(linter_start(j, &c->pid, &c->q.fd), 0);
}

/* PK-140, PK-18: name, version and raw output stand in the report. */
static void
test_report(void **state)
{
	struct job *j = unit_job();
	const struct json *v, *e;
	struct check c;

	(void)state;
	begin(&c, j, LINTER_LAB_PASS);
	assert_int_equal(linters_check(j, &c.q, &c.own, &c.all), 0);
	linter_stop(c.pid, c.q.fd);
	assert_null(c.all.allowed);
	assert_int_equal(
	    json_parse_object(j, span_str(c.all.report), "report", &v), 0);
	e = json_at(json_get(v, "external"), 0);
	assert_span_equal(json_string(json_get(e, "linter")), "zl");
	assert_span_equal(json_string(json_get(e, "version")), "lab 1.0");
	assert_span_equal(json_string(json_get(e, "result")), "pass");
	assert_span_equal(json_string(json_get(e, "output")),
	    "{\"e_a\":{\"result\":\"pass\"}}\n");
}

/* PK-139: a warning refuses, is allowed by its name until a day, and then
 * refuses again; an error refuses whoever allows it; nobody else's certificate
 * is allowed anything. */
static void
test_allowed(void **state)
{
	static struct conf_allow_lint allowed[] = {
		{ "zl:w_a", "a short while", "2027-01-20" },
		{ "zl:e_b", "a short while", "2027-01-20" },
	};
	struct job *j = unit_job();
	struct check c;

	(void)state;
	begin(&c, j, "cat >/dev/null; echo '{\"w_a\":{\"result\":\"warn\"}}'");
	assert_int_equal(linters_check(j, &c.q, &c.own, &c.all), -1);
	assert_job_error(j, ERR_INTERNAL, "lint zl:w_a: a warning");
	assert_true(c.all.refuses);
	job_recover(j);
	c.conf.allow_lints = allowed;
	c.conf.allow_lint_count = COUNT(allowed);
	j->now = 1800000000; /* 2027-01-15 */
	c.own.allowed = "L-40 until 2027-01-20: x";
	assert_int_equal(linters_check(j, &c.q, &c.own, &c.all), 0);
	assert_string_equal(c.all.allowed,
	    "L-40 until 2027-01-20: x, zl:w_a until 2027-01-20: a short "
	    "while");
	c.q.is_ours = false;
	assert_int_equal(linters_check(j, &c.q, &c.own, &c.all), -1);
	job_recover(j);
	c.q.is_ours = true;
	j->now += 5 * DAY;
	assert_int_equal(linters_check(j, &c.q, &c.own, &c.all), -1);
	assert_job_error(j, ERR_INTERNAL, "lint zl:w_a: a warning");
	job_recover(j);
	j->now -= 5 * DAY;
	linter_lab_change(
	    j, "zl", "cat >/dev/null; echo '{\"e_b\":{\"result\":\"error\"}}'");
	assert_int_equal(linters_check(j, &c.q, &c.own, &c.all), -1);
	assert_job_error(j, ERR_INTERNAL, "lint zl:e_b: an error");
	linter_stop(c.pid, c.q.fd);
}

/* PK-136: without a parent, or with one that has ended, there is no
 * verdict. */
static void
test_no_parent(void **state)
{
	struct job *j = unit_job();
	struct check c;

	(void)state;
	begin(&c, j, LINTER_LAB_PASS);
	assert_int_equal(kill(c.pid, SIGKILL), 0);
	assert_int_equal(linters_check(j, &c.q, &c.own, &c.all), -1);
	assert_int_equal(j->err.kind, ERR_BUSY);
	assert_false(c.all.refuses);
	job_recover(j);
	linter_stop(c.pid, c.q.fd);
	c.q.fd = -1;
	assert_int_equal(linters_check(j, &c.q, &c.own, &c.all), -1);
	assert_job_error(
	    j, ERR_BUSY, "linter zl: no parent of linters was started");
}

/* PK-140: one whose version is not known gives no verdict. */
static void
test_no_version(void **state)
{
	struct job *j = unit_job();
	const char *words[] = { "/bin/true" };
	struct lint_answer a[LINTERS_MAX];
	struct conf conf = { .isolation = CONF_ISOLATION_USE };

	(void)state;
	linter_lab_add(j, &conf, "zl", LINTER_LAB_PASS, 60);
	conf.linters[0].version = (struct conf_list){ words, 1 };
	ask(j, &conf, LINT_STRICT, a);
	assert_true(a[0].has_failed);
	assert_true(span_has_str(a[0].detail, "version"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_readers),
	cmocka_unit_test(test_many_findings),
	cmocka_unit_test(test_many_lints),
	cmocka_unit_test(test_version),
	cmocka_unit_test(test_frames),
	cmocka_unit_test(test_verdicts),
	cmocka_unit_test(test_failures),
	cmocka_unit_test(test_stubborn),
	cmocka_unit_test(test_confined),
	cmocka_unit_test(test_report),
	cmocka_unit_test(test_allowed),
	cmocka_unit_test(test_no_parent),
	cmocka_unit_test(test_no_version),
};

UNIT_MAIN(tests)
