/*
 * Reading messages from an IMAP server, and disposing of them: never more than
 * asked for, whatever it sends (ER-34, MA-1).
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "tests/unit/fetch_lab.h"

static const struct peer_step reads[] = { OPEN("IDLE"),
	HEAR(" UID FETCH 9 (UID RFC822.SIZE BODY.PEEK[]<0.100>)"),
	BODY_HEAD("9", "17", "17"), SEND("From: a@b\r\n\r\nbody)\r\n"), OK,
	STAY };

static void
test_message(void **state)
{
	struct peer *p;
	struct fetch *f = fetch_lab_open(reads, CONF_DISPOSAL_MOVE, &p);
	struct span message;

	(void)state;
	assert_int_equal(fetch_message(f, unit_job(), 9, 100, &message), 1);
	assert_span_equal(message, "From: a@b\r\n\r\nbody");
	fetch_lab_close(f, p);
}

/* Several at once: in any order, one gone, one larger than it was, one twice;
 * what nobody asked for is not taken. */
static void
test_messages(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"),
		HEAR(" UID FETCH 9:11,20 (UID RFC822.SIZE BODY.PEEK[]<0.10>)"),
		BODY_HEAD("20", "3", "3"), SEND("end)\r\n"),
		BODY_HEAD("9", "5", "5"), SEND("first)\r\n"),
		BODY_HEAD("9", "5", "5"), SEND("again)\r\n"),
		SEND("* 1 FETCH (UID 10 FLAGS (\\Seen))\r\n"),
		SEND("* 2 FETCH (UID 11 RFC822.SIZE 11 BODY[]<0> {10}\r\n"
		     "0123456789)\r\n"),
		SEND("* 4 FETCH (UID 30 RFC822.SIZE 4 BODY[]<0> {4}\r\n"
		     "else)\r\n"),
		OK, STAY };
	static const struct fetch_item items[] = { { .uid = 9, .size = 5 },
		{ .uid = 10, .size = 5 }, { .uid = 11, .size = 5 },
		{ .uid = 20, .size = 3 } };
	struct peer *p;
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);
	struct fetch_body bodies[4];

	(void)state;
	if (fetch_messages(f, unit_job(), items, 4, 10, bodies) < 0)
		fail_msg("%s", unit_job()->err.text);
	assert_span_equal(bodies[0].raw, "first");
	assert_true(bodies[0].is_whole);
	assert_false(bodies[1].is_there);
	assert_true(bodies[2].is_there);
	assert_false(bodies[2].is_whole);
	assert_null(bodies[2].raw.p);
	assert_span_equal(bodies[3].raw, "end");
	assert_int_equal(
	    fetch_messages(f, unit_job(), items, 0, 10, bodies), 0);
	fetch_lab_close(f, p);
}

static const struct fetch_item nine_ten[] = { { .uid = 9, .size = 5 },
	{ .uid = 10, .size = 6 } };
#define NINE_TEN                                                               \
	HEAR(" UID FETCH 9:10 (UID RFC822.SIZE BODY.PEEK[]<0.100>)"),          \
	    BODY_HEAD("9", "5", "5"), SEND("first)\r\n"),                      \
	    BODY_HEAD("10", "6", "6"), SEND("second)\r\n")

static void
ask_ahead(struct fetch *f, const struct fetch_item *items, size_t n)
{
	if (fetch_messages_ahead(f, unit_job(), items, n, 100) < 0)
		fail_msg("%s", unit_job()->err.text);
}

/* One command, whose answer is read later; asked for twice, it is read
 * twice. */
static void
test_messages_ahead(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"), NINE_TEN, OK,
		NINE_TEN, SEND("* 3 EXISTS\r\n"), OK, STAY };
	struct peer *p;
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);
	struct fetch_body bodies[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		ask_ahead(f, nine_ten, 2);
		if (fetch_messages(f, unit_job(), nine_ten, 2, 100, bodies) < 0)
			fail_msg("%s", unit_job()->err.text);
		assert_span_equal(bodies[0].raw, "first");
		assert_span_equal(bodies[1].raw, "second");
	}
	fetch_lab_close(f, p);
}

/* What was asked for is forgotten when something else is wanted, also if the
 * server says NO to it. */
static void
test_messages_ahead_forgotten(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE MOVE"), NINE_TEN,
		OK, HEAR(" UID FETCH 10 (UID"), BODY_HEAD("10", "4", "4"),
		SEND("else)\r\n"), OK, NINE_TEN, OK,
		HEAR(" UID MOVE 9 Processed"), OK, HEAR(" UID FETCH 9:10 (UID"),
		SEND("%T NO not now\r\n"), FOUND(""), HEAR(" UID FETCH 9:10"),
		STAY };
	struct peer *p;
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);
	const uint32_t nine = 9;
	struct fetch_body body;
	struct fetch_item *items;
	size_t count;

	(void)state;
	ask_ahead(f, nine_ten, 2);
	assert_int_equal(
	    fetch_messages(f, unit_job(), nine_ten + 1, 1, 100, &body), 0);
	assert_span_equal(body.raw, "else");
	ask_ahead(f, nine_ten, 2);
	assert_int_equal(fetch_dispose(f, unit_job(), &nine, 1), 0);
	ask_ahead(f, nine_ten, 2);
	assert_int_equal(fetch_list(f, unit_job(), 10, 100, &items, &count), 0);
	assert_int_equal(count, 0);
	ask_ahead(f, nine_ten, 2); /* and the session ends */
	fetch_lab_close(f, p);
}

/* MA-1; and a connection that ends meanwhile is noticed when it is read. */
static void
test_messages_ahead_bad(void **state)
{
	static const struct peer_step flood[] = { OPEN("IDLE"),
		HEAR(" UID FETCH 9:10"), BODY_HEAD("9", "5", "2000000000"),
		{ PEER_FLOOD, "0123456789012345678901234567890123456789" },
		{ PEER_END, NULL } };
	static const struct peer_step refused[] = { OPEN("IDLE"),
		HEAR(" UID FETCH 9:10"), SEND("%T NO not now\r\n"), STAY };
	static const struct peer_step gone_away[] = { OPEN("IDLE"),
		HEAR(" UID FETCH 9:10"), SEND("* BYE\r\n"),
		{ PEER_END, NULL } };
	static const struct {
		const struct peer_step *script;
		const char *why;
		bool is_connected;
	} cases[] = { { flood, "more than it may", false },
		{ refused, "not now", true },
		{ gone_away, "UID FETCH", false } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p;
		struct fetch *f =
		    fetch_lab_open(cases[i].script, CONF_DISPOSAL_MOVE, &p);
		struct fetch_body bodies[2];

		unit_case("%zu", i);
		ask_ahead(f, nine_ten, 2);
		fetch_lab_failed(
		    fetch_messages(f, unit_job(), nine_ten, 2, 100, bodies),
		    ERR_BUSY, cases[i].why);
		assert_int_equal(fetch_is_connected(f), cases[i].is_connected);
		fetch_free(f);
		peer_free(p);
	}
}

/* MA-1: together they may be no more than they are said to be. */
static void
test_messages_flood(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"),
		HEAR(" UID FETCH 9:10"), BODY_HEAD("9", "5", "2000000000"),
		{ PEER_FLOOD, "0123456789012345678901234567890123456789" },
		{ PEER_END, NULL } };
	static const struct fetch_item items[] = { { .uid = 9, .size = 5 },
		{ .uid = 10, .size = 5 } };
	struct peer *p;
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);
	struct fetch_body bodies[2];

	(void)state;
	fetch_lab_failed(
	    fetch_messages(f, unit_job(), items, 2, 1 << 20, bodies), ERR_BUSY,
	    "more than it may");
	fetch_free(f);
	peer_free(p);
}

static const struct peer_step gone[] = { OPEN("IDLE"), HEAR(" UID FETCH"), OK,
	STAY };
static const struct peer_step another[] = { OPEN("IDLE"), HEAR(" UID FETCH"),
	BODY_HEAD("8", "4", "4"), SEND("mail)\r\n"), OK, STAY };
static const struct peer_step larger[] = { OPEN("IDLE"), HEAR(" UID FETCH"),
	BODY_HEAD("9", "5000", "10"), SEND("0123456789)\r\n"), OK, STAY };
static const struct peer_step full[] = { OPEN("IDLE"), HEAR(" UID FETCH"),
	BODY_HEAD("9", "10", "10"), SEND("0123456789)\r\n"), OK, STAY };
static const struct peer_step no_size[] = { OPEN("IDLE"), HEAR(" UID FETCH"),
	SEND("* 1 FETCH (UID 9 BODY[]<0> {10}\r\n0123456789)\r\n"), OK, STAY };
static const struct peer_step ignores_range[] = { OPEN("IDLE"),
	HEAR(" UID FETCH"), BODY_HEAD("9", "10", "12"),
	SEND("0123456789ab)\r\n"), OK, STAY };

/* MA-1: never more than the limit; "larger" and "gone" are no errors. */
static void
test_message_limits(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
		int result;
	} cases[] = {
		{ "gone", gone, 0 },
		{ "another one's", another, 0 },
		{ "larger", larger, 0 },
		{ "just fits", full, 1 },
		{ "perhaps larger", no_size, 0 },
		{ "more than asked", ignores_range, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p;
		struct fetch *f =
		    fetch_lab_open(cases[i].script, CONF_DISPOSAL_MOVE, &p);
		struct span message;

		unit_case("%s", cases[i].name);
		assert_int_equal(fetch_message(f, unit_job(), 9, 10, &message),
		    cases[i].result);
		assert_true(fetch_is_connected(f));
		fetch_lab_close(f, p);
	}
}

static const struct peer_step endless_literal[] = { OPEN("IDLE"),
	HEAR(" UID FETCH"), BODY_HEAD("9", "10", "4000000000"),
	{ PEER_FLOOD, "0123456789012345678901234567890123456789" },
	{ PEER_END, NULL } };
static const struct peer_step endless_lines[] = { OPEN("IDLE"),
	HEAR(" UID FETCH"), { PEER_FLOOD, "* 1 FETCH (FLAGS ())\r\n" },
	{ PEER_END, NULL } };
static const struct peer_step endless_line[] = { OPEN("IDLE"),
	HEAR(" UID FETCH"), SEND("* OK "), { PEER_FLOOD, "xxxxxxxxxxxxxxxx" },
	{ PEER_END, NULL } };
static const struct peer_step cut_literal[] = { OPEN("IDLE"),
	HEAR(" UID FETCH"), BODY_HEAD("9", "10", "10"), SEND("01234"),
	{ PEER_END, NULL } };
static const struct peer_step nonsense[] = { OPEN("IDLE"), HEAR(" UID FETCH"),
	SEND("* 1 FETCH (UID 9 BODY[ {-1}\r\n)\r\n"), OK, STAY };
static const struct peer_step other_tag[] = { OPEN("IDLE"), HEAR(" UID FETCH"),
	SEND("999 OK done\r\n"), STAY };
static const struct peer_step says_bye[] = { OPEN("IDLE"), HEAR(" UID FETCH"),
	SEND("* BYE shutting down\r\n"), { PEER_END, NULL } };
static const struct peer_step asks_more[] = { OPEN("IDLE"), HEAR(" UID FETCH"),
	SEND("+ go on\r\n"), { PEER_END, NULL } };

/* A server that floods, stops in the middle or talks nonsense ends the
 * session, quickly and in little memory. */
static void
test_hostile(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
		const char *expected;
	} cases[] = {
		{ "endless literal", endless_literal, "more than it may" },
		{ "endless lines", endless_lines, "more than it may" },
		{ "endless line", endless_line, "more than it may" },
		{ "cut literal", cut_literal, "closed the connection" },
		{ "nonsense", nonsense, "IMAP server" },
		{ "another tag", other_tag, "not IMAP" },
		{ "BYE", says_bye, "the server said: BYE shutting down" },
		{ "continuation", asks_more, "IMAP server" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p;
		struct fetch *f =
		    fetch_lab_open(cases[i].script, CONF_DISPOSAL_MOVE, &p);
		struct span message;

		unit_case("%s", cases[i].name);
		fetch_lab_failed(fetch_message(f, unit_job(), 9, 10, &message),
		    ERR_BUSY, cases[i].expected);
		assert_false(fetch_is_connected(f));
		fetch_free(f);
		peer_free(p);
	}
}

/* The answer to UID FETCH, cut at each octet. */
static void
test_cut(void **state)
{
	static const char answer[] =
	    "* 1 FETCH (UID 9 RFC822.SIZE 4 BODY[]<0> {4}\r\nmail)\r\n"
	    "* 1 FETCH (FLAGS (\\Seen $X) INTERNALDATE "
	    "\"02-Mar-2026 11:00:00 +0100\")\r\n";

	(void)state;
	for (size_t n = 0; n < sizeof(answer) - 1; n += 7) {
		char *part = arena_strdup(unit_job()->arena, answer);
		const struct peer_step script[] = { OPEN("IDLE"),
			HEAR(" UID FETCH"), SEND(part), { PEER_END, NULL } };
		struct peer *p;
		struct fetch *f;
		struct span message;

		part[n] = '\0';
		unit_case("cut to %zu", n);
		f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);
		fetch_lab_failed(fetch_message(f, unit_job(), 9, 10, &message),
		    ERR_BUSY, "IMAP server");
		fetch_free(f);
		peer_free(p);
	}
}

static void
test_silent(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"),
		HEAR(" UID FETCH"), STAY };
	struct peer *p = peer_start(script, fetch_lab_tls);
	struct fetch *f = fetch_lab_new(peer_port(p), CONF_TLS_IMPLICIT,
	    CONF_DISPOSAL_MOVE, peer_tls_ca_file(fetch_lab_tls), 1000);
	struct span message;
	int64_t begin;

	(void)state;
	/* A slow machine may need several tries to connect in a second. */
	while (fetch_connect(f, unit_job()) < 0)
		job_recover(unit_job());
	begin = clock_mono_ms();
	fetch_lab_failed(
	    fetch_message(f, unit_job(), 9, 10, &message), ERR_BUSY, "in time");
	assert_true(clock_mono_ms() - begin >= 1000);
	fetch_free(f);
	peer_free(p);
}

/* A server that answers one octet after the other gains no time by it, with
 * no command, and connecting as a whole ends in its time too. */
static void
test_drip(void **state)
{
	static const struct peer_step greeting[] = { { PEER_TLS, NULL },
		{ PEER_DRIP, "* OK hello " }, { PEER_END, NULL } };
	static const struct peer_step later[] = { { PEER_TLS, NULL }, GREETING,
		HEAR(" CAPABILITY"), { PEER_DRIP, "* OK one moment\r\n" },
		{ PEER_END, NULL } };
	const struct peer_step *scripts[] = { greeting, later };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct peer *p = peer_start(scripts[i], fetch_lab_tls);
		struct fetch *f = fetch_lab_new(peer_port(p), CONF_TLS_IMPLICIT,
		    CONF_DISPOSAL_MOVE, peer_tls_ca_file(fetch_lab_tls), 1000);
		int64_t begin = clock_mono_ms();

		unit_case("%zu", i);
		fetch_lab_failed(
		    fetch_connect(f, unit_job()), ERR_BUSY, "in time");
		assert_in_range(clock_mono_ms() - begin, 900, 30000);
		fetch_free(f);
		peer_free(p);
	}
}

/* Trap: select() ends the process at descriptor 1024. */
static void
test_descriptors(void **state)
{
	struct rlimit limit, before;
	struct peer *p = peer_start(reads, fetch_lab_tls);
	struct fetch *f = fetch_lab_new(peer_port(p), CONF_TLS_IMPLICIT,
	    CONF_DISPOSAL_MOVE, peer_tls_ca_file(fetch_lab_tls), TIMEOUT_MS);
	struct span message;
	static int fds[1100];
	size_t n = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = limit.rlim_max < 2048 ? limit.rlim_max : 2048;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (n < COUNT(fds)) {
		fds[n] = open("/dev/null", O_RDONLY);
		if (fds[n] < 0)
			break;
		n++;
	}
	if (n == COUNT(fds)) {
		assert_int_equal(fetch_connect(f, unit_job()), 0);
		assert_int_equal(
		    fetch_message(f, unit_job(), 9, 100, &message), 1);
	}
	while (n > 0)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &before);
	fetch_free(f);
	peer_free(p);
}

/* --- disposing ----------------------------------------------------------- */

static const uint32_t some[] = { 12, 9, 10, 11, 20 };

static const struct peer_step moves[] = { OPEN("IDLE MOVE UIDPLUS"),
	HEAR(" UID MOVE 9:12,20 Processed"),
	SEND("* OK [COPYUID 5 9:12 1:4] moved\r\n* 1 EXPUNGE\r\n"), OK, STAY };
static const struct peer_step makes_folder[] = { OPEN("IDLE MOVE"),
	HEAR(" UID MOVE"), SEND("%T NO [TRYCREATE] no such folder\r\n"),
	HEAR(" CREATE Processed"), OK, HEAR(" UID MOVE"), OK, STAY };
static const struct peer_step copies[] = { OPEN("UIDPLUS"),
	HEAR(" UID COPY 9:12,20 Processed"), OK,
	HEAR(" UID STORE 9:12,20 +FLAGS.SILENT (\\Deleted)"), OK,
	HEAR(" UID EXPUNGE 9:12,20"), OK, STAY };
static const struct peer_step copies_plainly[] = { OPEN(""), HEAR(" UID COPY"),
	OK, HEAR(" UID STORE 9:12,20 +FLAGS.SILENT (\\Deleted)"), OK, STAY };
static const struct peer_step deletes_plainly[] = { OPEN(""),
	HEAR(" UID STORE 9:12,20 +FLAGS.SILENT (\\Deleted)"), OK, STAY };
static const struct peer_step flags[] = { OPEN("MOVE"),
	HEAR(" UID STORE 9:12,20 +FLAGS.SILENT (\\Seen)"), OK, STAY };
static const struct peer_step deletes[] = { OPEN("UIDPLUS"),
	HEAR(" UID STORE 9:12,20 +FLAGS.SILENT (\\Deleted)"), OK,
	HEAR(" UID EXPUNGE 9:12,20"), OK, STAY };

static void
test_dispose(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
		enum conf_disposal disposal;
	} cases[] = {
		{ "MOVE", moves, CONF_DISPOSAL_MOVE },
		{ "MOVE, folder missing", makes_folder, CONF_DISPOSAL_MOVE },
		{ "COPY, UIDPLUS", copies, CONF_DISPOSAL_MOVE },
		{ "COPY", copies_plainly, CONF_DISPOSAL_MOVE },
		{ "delete, no UIDPLUS", deletes_plainly, CONF_DISPOSAL_DELETE },
		{ "flag", flags, CONF_DISPOSAL_FLAG },
		{ "delete", deletes, CONF_DISPOSAL_DELETE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p;
		struct fetch *f =
		    fetch_lab_open(cases[i].script, cases[i].disposal, &p);

		unit_case("%s", cases[i].name);
		assert_int_equal(fetch_dispose(f, unit_job(), some, 5), 0);
		assert_int_equal(fetch_dispose(f, unit_job(), some, 0), 0);
		fetch_free(f);
		peer_stop(p);
		assert_string_equal(peer_complaint(p), "");
		/* Never what would remove other people's messages. */
		assert_false(peer_heard(p, " EXPUNGE\r\n"));
		peer_free(p);
	}
}

/* A refusal leaves the session; nothing is taken for done. */
static void
test_dispose_refused(void **state)
{
	static const struct peer_step script[] = { OPEN("MOVE"),
		HEAR(" UID MOVE"), SEND("%T NO over quota\r\n"),
		HEAR(" CREATE"), SEND("%T NO exists\r\n"), STAY };
	struct peer *p;
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);

	(void)state;
	fetch_lab_failed(fetch_dispose(f, unit_job(), some, 5), ERR_BUSY,
	    "moving to the processed folder");
	assert_true(fetch_is_connected(f));
	fetch_lab_close(f, p);
}

/* Many: in batches, so that no line is too long for a server. */
static void
test_dispose_batches(void **state)
{
	static const struct peer_step script[] = { OPEN("MOVE"),
		HEAR(" UID MOVE 1,3,5,"), OK, HEAR(" UID MOVE 401,403,"), OK,
		HEAR(" UID MOVE 801,"), OK, STAY };
	struct peer *p;
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);
	uint32_t uids[450];

	(void)state;
	for (uint32_t i = 0; i < 450; i++)
		uids[i] = 2 * i + 1;
	assert_int_equal(fetch_dispose(f, unit_job(), uids, 450), 0);
	fetch_lab_close(f, p);
}

static const struct CMUnitTest tests[] = {
	WITH_TLS(test_message),
	WITH_TLS(test_messages),
	WITH_TLS(test_messages_ahead),
	WITH_TLS(test_messages_ahead_forgotten),
	WITH_TLS(test_messages_ahead_bad),
	WITH_TLS(test_messages_flood),
	WITH_TLS(test_message_limits),
	WITH_TLS(test_hostile),
	WITH_TLS(test_cut),
	WITH_TLS(test_silent),
	WITH_TLS(test_drip),
	WITH_TLS(test_descriptors),
	WITH_TLS(test_dispose),
	WITH_TLS(test_dispose_refused),
	WITH_TLS(test_dispose_batches),
};

UNIT_MAIN(tests)
