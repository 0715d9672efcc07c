/*
 * Replies in a Maildir: what is read and what is not, where messages go, and
 * that each is judged once (ER-21, MA-1, MA-3).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/status.h"
#include "db/store.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "src/intake_maildir.h"
#include "tests/unit/unit_folder.h"

static const char *folder;

static const char *
in_folder(const char *name)
{
	return arena_printf(unit_job()->arena, "%s/%s", folder, name);
}

static void
make(const char *name, struct span text)
{
	EXPECT(
	    unit_job(), file_write(unit_job(), in_folder(name), 0600, text), 0);
}

static bool
is_there(const char *name)
{
	struct stat st;

	return lstat(in_folder(name), &st) == 0;
}

static void
make_folder(void)
{
	static const char *const parts[] = { "new", "cur", "tmp" };
	static unsigned count;

	folder =
	    unit_path(arena_printf(unit_job()->arena, "maildir%u", count++));
	assert_int_equal(mkdir(folder, 0700), 0);
	for (size_t i = 0; i < COUNT(parts); i++)
		assert_int_equal(mkdir(in_folder(parts[i]), 0700), 0);
}

static struct maildir
maildir(enum conf_disposal disposal)
{
	return (struct maildir){ folder, disposal, "Processed" };
}

/* --- reading ------------------------------------------------------------- */

static void
test_list(void **state)
{
	struct maildir m = maildir(CONF_DISPOSAL_MOVE);
	struct job *j = unit_job();
	const char **names;
	size_t count;

	(void)state;
	make_folder();
	m = maildir(CONF_DISPOSAL_MOVE);
	EXPECT(j, maildir_list(j, &m, 10, &names, &count), 0);
	assert_int_equal(count, 0);
	make("new/1700000002.a", SPAN("2"));
	make("new/1700000001.b", SPAN("1"));
	make("new/.hidden", SPAN("x"));
	make("cur/1700000000.c:2,", SPAN("0"));
	EXPECT(j, maildir_list(j, &m, 10, &names, &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(names[0], "1700000001.b");
	assert_string_equal(names[1], "1700000002.a");
	EXPECT(j, maildir_list(j, &m, 1, &names, &count), 0);
	assert_int_equal(count, 1);

	m.path = in_folder("nothing");
	assert_int_equal(maildir_list(j, &m, 1, &names, &count), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	assert_non_null(strstr(j->err.text, "No such file"));
}

/* MA-1: the limit and one octet more; nothing is read of the latter. */
static void
test_load(void **state)
{
	struct job *j = unit_job();
	struct maildir_file f;
	struct maildir m;

	(void)state;
	make_folder();
	m = maildir(CONF_DISPOSAL_MOVE);
	make("new/a", SPAN("12345"));
	EXPECT(j, maildir_load(j, &m, "a", 5, &f), 1);
	assert_span_equal(f.raw, "12345");
	assert_false(f.too_large);
	assert_true(f.delivered_at > clock_now() - 60 &&
		    f.delivered_at <= clock_now() + 1);
	EXPECT(j, maildir_load(j, &m, "a", 4, &f), 1);
	assert_true(f.too_large);
	assert_int_equal(f.raw.n, 0);
	EXPECT(j, maildir_load(j, &m, "b", 4, &f), 0);
}

/* Nothing else is followed, opened or waited for. */
static void
test_load_others(void **state)
{
	static const char *const names[] = { "link", "pipe", "folder" };
	struct job *j = unit_job();
	struct maildir_file f;
	struct maildir m;

	(void)state;
	make_folder();
	m = maildir(CONF_DISPOSAL_MOVE);
	make("secret", SPAN("secret"));
	assert_int_equal(symlink("../secret", in_folder("new/link")), 0);
	assert_int_equal(mkfifo(in_folder("new/pipe"), 0600), 0);
	assert_int_equal(mkdir(in_folder("new/folder"), 0700), 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		unit_case("%s", names[i]);
		assert_int_equal(maildir_load(j, &m, names[i], 100, &f), -1);
		assert_job_error(j, ERR_INTERNAL, NULL);
		assert_int_equal(f.raw.n, 0);
		job_recover(j);
	}
	/* Nor when new/ itself leads elsewhere. */
	assert_int_equal(rename(in_folder("new"), in_folder("other")), 0);
	assert_int_equal(symlink("other", in_folder("new")), 0);
	make("other/a", SPAN("a"));
	assert_int_equal(maildir_load(j, &m, "a", 100, &f), -1);
}

/* --- away ---------------------------------------------------------------- */

static const struct {
	enum conf_disposal disposal;
	const char *where; /* NULL: nowhere */
} disposals[] = {
	{ CONF_DISPOSAL_MOVE, ".Processed/cur/17.a:2,S" },
	{ CONF_DISPOSAL_FLAG, "cur/17.a:2,S" },
	{ CONF_DISPOSAL_DELETE, NULL },
};

static void
test_dispose(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(disposals); i++) {
		struct maildir m;

		unit_case("%zu", i);
		make_folder();
		m = maildir(disposals[i].disposal);
		make("new/17.a", SPAN("x"));
		EXPECT(j, maildir_dispose(j, &m, "17.a"), 0);
		assert_false(is_there("new/17.a"));
		if (disposals[i].where != NULL)
			assert_true(is_there(disposals[i].where));
		/* Somebody else was faster. */
		EXPECT(j, maildir_dispose(j, &m, "17.a"), 0);
		/* A second one, and one with flags already. */
		make("new/17.b:2,F", SPAN("x"));
		EXPECT(j, maildir_dispose(j, &m, "17.b:2,F"), 0);
		assert_false(is_there("new/17.b:2,F"));
	}
}

/* Where a name of digits alone is put away: with the flag if there is room. */
static const char *
place_of(size_t disposal, const char *name)
{
	static const char *const folders[] = { ".Processed/cur", "cur" };

	return arena_printf(unit_job()->arena, "%s/%s%s", folders[disposal],
	    name, strlen(name) <= NAME_MAX - 4 ? ":2,S" : "");
}

/* ER-21: a name that leaves no room for a flag is no message that is judged
 * again each minute. */
static void
test_dispose_long(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (size_t n = NAME_MAX - 5; n <= NAME_MAX; n++)
		for (size_t i = 0; i < COUNT(disposals); i++) {
			const char *name =
			    arena_printf(j->arena, "%0*d", (int)n, 7);
			const char *path =
			    arena_printf(j->arena, "new/%s", name);
			struct maildir m;

			unit_case("%zu octets, %zu", n, i);
			make_folder();
			m = maildir(disposals[i].disposal);
			make("tmp/x", SPAN("x"));
			assert_int_equal(
			    rename(in_folder("tmp/x"), in_folder(path)), 0);
			EXPECT(j, maildir_dispose(j, &m, name), 0);
			assert_false(is_there(path));
			if (disposals[i].where != NULL)
				assert_true(is_there(place_of(i, name)));
		}
}

static void
test_dispose_fails(void **state)
{
	struct job *j = unit_job();
	struct maildir m;

	(void)state;
	make_folder();
	m = maildir(CONF_DISPOSAL_FLAG);
	make("new/17.a", SPAN("x"));
	assert_int_equal(rmdir(in_folder("cur")), 0);
	assert_int_equal(maildir_dispose(j, &m, "17.a"), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	job_recover(j);
	make(".Processed", SPAN("a file"));
	m = maildir(CONF_DISPOSAL_MOVE);
	assert_int_equal(maildir_dispose(j, &m, "17.a"), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	assert_true(is_there("new/17.a"));
}

/* --- the role ------------------------------------------------------------ */

static void
lab_init(struct role_lab *lab, struct job *j)
{
	role_lab_init(lab, j);
	role_lab_send(lab);
	role_lab_post(lab);
	lab->conf.validator.maildir_line_ends = "lf";
	lab->conf.validator.imap.processed_folder = "Processed";
}

/* As a mail server on Unix writes it. */
static struct span
with_lf(struct job *j, struct span raw)
{
	struct buf b;

	buf_init(&b, j->arena, raw.n);
	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] != '\r')
			buf_add_char(&b, raw.p[i]);
	return buf_span(&b);
}

struct server {
	struct role_lab *lab;
	bool dies; /* after the first commit */
};

static void
die(void *ctx, bool after)
{
	const struct server *s = ctx;

	if (s->dies && after)
		_exit(9);
}

static int
serve(struct job *j, void *ctx)
{
	struct server *s = ctx;
	struct validator v = s->lab->validator;
	struct role_env env = { .keep = j->arena,
		.conf = &s->lab->conf,
		.store = j->store,
		.role = &v,
		.seen_ms = clock_mono_ms() };

	v.maildir = intake_maildir_new(&env, folder);
	store_set_commit_hook(die, s);
	return intake_maildir_run(&env);
}

/* Until it has gone from new/. */
static void
wait_gone(const char *name)
{
	int64_t until = clock_mono_ms() + 180000;

	while (is_there(name)) {
		assert_true(clock_mono_ms() < until);
		usleep(10000);
	}
}

static void
stop(int pid)
{
	kill(pid, SIGTERM);
	assert_int_equal(fixture_wait(pid), 128 + SIGTERM);
}

static int64_t
row_count(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(*) FROM reply");
}

/* ER-21: killed after the commit, before the move. */
static void
test_killed(struct job *j)
{
	struct role_lab lab;
	struct server s = { .lab = &lab, .dies = true };
	int pid;

	make_folder();
	lab_init(&lab, j);
	make("new/17.a", with_lf(j, role_lab_reply(&lab, NULL)));
	pid = fixture_fork(serve, &s);
	assert_int_equal(fixture_wait(pid), 9);
	assert_true(is_there("new/17.a"));
	assert_int_equal(row_count(j), 1);
	assert_int_equal(role_lab_last_reply(&lab).verdict, VERDICT_MATCH);

	s.dies = false;
	pid = fixture_fork(serve, &s);
	wait_gone("new/17.a");
	assert_true(is_there(".Processed/cur/17.a:2,S"));
	stop(pid);
	assert_int_equal(row_count(j), 1);
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_VALID);
}

/* What cannot be read is passed over, what comes later is noticed at once, what
 * is too large is never loaded. */
static void
test_others_go_on(struct job *j)
{
	struct role_lab lab;
	struct server s = { .lab = &lab };
	struct buf large;
	int64_t began, took;
	int pid, more = 0;

	make_folder();
	lab_init(&lab, j);
	assert_int_equal(symlink("/etc/passwd", in_folder("new/1.link")), 0);
	assert_int_equal(mkfifo(in_folder("new/2.pipe"), 0600), 0);
	buf_init(&large, j->arena, 1 << 20);
	while (large.n <= (size_t)lab.conf.validator.max_message)
		buf_add(&large, SPAN("Subject: x\n"));
	make("new/3.large", buf_span(&large));
	make("new/4.first", SPAN("From: a@b.example\n\nx\n"));
	pid = fixture_fork(serve, &s);
	wait_gone("new/4.first");
	assert_false(is_there("new/3.large"));
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM reply WHERE code = "
			     "'msg.too-large' AND raw IS NULL"),
	    1);
	/* As the mail server does it: written in tmp/, then moved.  A machine
	 * that stands still does so now and then. */
	do {
		const char *name = arena_printf(j->arena, "5.later%d", more);
		const char *tmp = arena_printf(j->arena, "tmp/%s", name);
		const char *new = arena_printf(j->arena, "new/%s", name);

		make(tmp, with_lf(j, role_lab_reply(&lab, NULL)));
		usleep(200000);
		began = clock_mono_ms();
		assert_int_equal(rename(in_folder(tmp), in_folder(new)), 0);
		wait_gone(new);
		took = clock_mono_ms() - began;
	} while (took >= 3000 && ++more < 5);
	assert_true(took < 3000);
	stop(pid);
	assert_int_equal(row_count(j), 3 + more);
	assert_true(is_there("new/1.link") && is_there("new/2.pipe"));
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_VALID);
}

/* MA-3: each file is read in one way only, and only as configured. */
static const struct {
	const char *ends;
	bool has_lf;
	enum verdict verdict;
	const char *code;
} ends[] = {
	{ "lf", true, VERDICT_MATCH, "match" },
	{ "crlf", false, VERDICT_MATCH, "match" },
	{ "lf", false, VERDICT_UNKNOWN, "msg.bare-cr" },
	{ "crlf", true, VERDICT_UNKNOWN, "msg.bare-lf" },
};

static void
test_line_ends(struct job *j)
{
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct role_lab lab;
		struct server s = { .lab = &lab };
		struct span raw;
		int pid;

		unit_case("%zu", i);
		make_folder();
		lab_init(&lab, j);
		fixture_sql(j, "DELETE FROM reply");
		lab.conf.validator.maildir_line_ends = ends[i].ends;
		raw = role_lab_reply(&lab, NULL);
		make("new/17.a", ends[i].has_lf ? with_lf(j, raw) : raw);
		pid = fixture_fork(serve, &s);
		wait_gone("new/17.a");
		stop(pid);
		assert_int_equal(
		    fixture_count(j,
			arena_printf(j->arena,
			    "SELECT COUNT(*) FROM reply WHERE verdict = '%s' "
			    "AND code = '%s'",
			    verdict_name(ends[i].verdict), ends[i].code)),
		    1);
	}
}

/* The name without its flags; the source has the path. */
static void
test_identity(struct job *j)
{
	const struct maildir_file hello = { .raw = SPAN_INIT("hello"),
		.delivered_at = 5 };
	const struct maildir_file later = { .raw = SPAN_INIT("hello"),
		.delivered_at = 6 };
	const struct maildir_file large = { .too_large = true,
		.delivered_at = 5 };
	const struct {
		const char *name;
		struct maildir_file file;
		bool is_same; /* as the first */
	} others[] = {
		{ "17.a", hello, true },
		{ "17.a:2,S", hello, true },
		{ "17.a", later, true },
		{ "17.b", hello, false },
		/* Trap: the same name once more, for another message. */
		{ "17.a", { .raw = SPAN_INIT("hell"), .delivered_at = 5 },
		    false },
		{ "17.a", large, false },
	};
	struct received a = { 0 }, b = { 0 };

	intake_maildir_identify(j, "/m", "17.a", &hello, &a);
	assert_string_equal(a.source, "maildir:/m");
	assert_true(a.uid > 0 && a.uidvalidity > 0);
	for (size_t i = 0; i < COUNT(others); i++) {
		unit_case("%zu", i);
		intake_maildir_identify(
		    j, "/m", others[i].name, &others[i].file, &b);
		assert_int_equal(
		    a.uid == b.uid && a.uidvalidity == b.uidvalidity,
		    others[i].is_same);
	}
	/* What is not read is told apart by its time. */
	intake_maildir_identify(j, "/m", "17.a", &large, &a);
	intake_maildir_identify(j, "/m", "17.a",
	    &(struct maildir_file){ .too_large = true, .delivered_at = 6 }, &b);
	assert_true(a.uid != b.uid);
}

/* ER-21: a name that comes again is another message. */
static void
test_name_again(struct job *j)
{
	struct role_lab lab;
	struct server s = { .lab = &lab };
	int pid;

	make_folder();
	lab_init(&lab, j);
	make("new/17.a", SPAN("From: x@y.example\r\n\r\nfirst\r\n"));
	pid = fixture_fork(serve, &s);
	wait_gone("new/17.a");
	assert_int_equal(row_count(j), 1);
	make("tmp/17.a", with_lf(j, role_lab_reply(&lab, NULL)));
	assert_int_equal(
	    rename(in_folder("tmp/17.a"), in_folder("new/17.a")), 0);
	wait_gone("new/17.a");
	stop(pid);
	assert_int_equal(row_count(j), 2);
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_VALID);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_list),
	cmocka_unit_test(test_load),
	cmocka_unit_test(test_load_others),
	cmocka_unit_test(test_dispose),
	cmocka_unit_test(test_dispose_long),
	cmocka_unit_test(test_dispose_fails),
	STORE_TEST(test_killed),
	STORE_TEST(test_others_go_on),
	STORE_TEST(test_line_ends),
	STORE_TEST(test_identity),
	STORE_TEST(test_name_again),
};

UNIT_MAIN(tests)
