/*
 * Waiting for mail at an IMAP server: IDLE, asking, and how a stop ends it
 * (ER-21).
 */
#include "config.h"

#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "tests/unit/fetch_lab.h"

/* After SELECT the first wait says that there may be mail: list it first. */
static struct fetch *
open_and_list(const struct peer_step *script, struct peer **p)
{
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, p);
	struct fetch_item *items;
	size_t count;

	assert_int_equal(fetch_list(f, unit_job(), 20, 9, &items, &count), 0);
	return f;
}

#define AFTER_IDLE HEAR("DONE"), SEND("6 OK idle ended\r\n"), STAY
static const struct peer_step idle_exists[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("+ idling\r\n* OK still here\r\n"),
	SEND("* 3 EXISTS\r\n* 1 RECENT\r\n"), AFTER_IDLE };
/* Trap: all in one record, so that after the first line nothing is left for
 * poll() to see. */
static const struct peer_step idle_together[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"),
	SEND("+ idling\r\n* OK still here\r\n* 1 EXPUNGE\r\n* 3 EXISTS\r\n"),
	AFTER_IDLE };
/* Trap: what is announced before "+" is thrown away by the library. */
static const struct peer_step idle_before[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("* 3 EXISTS\r\n+ idling\r\n"), AFTER_IDLE };
static const struct peer_step idle_at_done[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("+ idling\r\n"), HEAR("DONE"),
	SEND("* 3 EXISTS\r\n6 OK idle ended\r\n"), STAY };
static const struct peer_step polled[] = { OPEN(""), FOUND(""), HEAR(" NOOP"),
	SEND("* 3 EXISTS\r\n%T OK done\r\n"), STAY };
/* It lists IDLE all the same. */
static const struct peer_step idle_refused[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("%T NO IDLE is switched off\r\n"), HEAR(" NOOP"),
	SEND("* 3 EXISTS\r\n%T OK done\r\n"), STAY };
static const struct peer_step idle_unknown[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("* 3 EXISTS\r\n%T BAD what?\r\n"), STAY };
static const struct peer_step beside[] = { OPEN("IDLE"), HEAR(" UID SEARCH"),
	SEND("* SEARCH\r\n* 3 EXISTS\r\n%T OK done\r\n"), STAY };

static void
test_announced(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
		int64_t timeout_ms;
	} cases[] = {
		{ "EXISTS", idle_exists, TIMEOUT_MS },
		{ "in one record", idle_together, TIMEOUT_MS },
		{ "before the continuation", idle_before, TIMEOUT_MS },
		{ "with the end", idle_at_done, 50 },
		{ "NOOP", polled, TIMEOUT_MS },
		{ "IDLE refused", idle_refused, TIMEOUT_MS },
		{ "IDLE unknown", idle_unknown, TIMEOUT_MS },
		{ "beside another answer", beside, TIMEOUT_MS },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p;
		struct fetch *f = open_and_list(cases[i].script, &p);
		bool new_mail = false;

		unit_case("%s", cases[i].name);
		if (fetch_wait(
			f, unit_job(), -1, cases[i].timeout_ms, &new_mail) < 0)
			fail_msg("%s", unit_job()->err.text);
		assert_true(new_mail);
		fetch_lab_close(f, p);
	}
}

/* ER-34: after an announcement one command lists what is new. */
static void
test_announced_list(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"), FOUND(""),
		HEAR(" IDLE"), SEND("+ idling\r\n* 3 EXISTS\r\n"), HEAR("DONE"),
		SEND("6 OK idle ended\r\n"), HEAR(" UID FETCH 21:* ("),
		ITEM("2", "20", "10"), ITEM("3", "21", "10"), OK, FOUND(""),
		STAY };
	struct peer *p;
	struct fetch *f = open_and_list(script, &p);
	struct fetch_item *items;
	size_t count;
	bool new_mail = false;

	(void)state;
	assert_int_equal(
	    fetch_wait(f, unit_job(), -1, TIMEOUT_MS, &new_mail), 0);
	assert_true(new_mail);
	assert_int_equal(fetch_list(f, unit_job(), 20, 9, &items, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(items[0].uid, 21);
	/* Without one, the UIDs are asked for first. */
	assert_int_equal(fetch_list(f, unit_job(), 21, 9, &items, &count), 0);
	fetch_lab_close(f, p);
}

static bool ends_now;

static bool
is_ending(void)
{
	return ends_now;
}

/* A server that hangs does not hold up the end of the role. */
static void
test_ending(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"), FOUND(""),
		HEAR(" IDLE"), STAY };
	struct peer *p = peer_start(script, fetch_lab_tls);
	struct fetch_conf conf = fetch_lab_conf(peer_port(p));
	int64_t begun;
	struct fetch_item *items;
	struct fetch *f = NULL;
	bool new_mail;
	size_t count;

	(void)state;
	ends_now = false;
	conf.is_ending = is_ending;
	assert_int_equal(fetch_new(unit_job(), &conf, &f), 0);
	assert_int_equal(fetch_connect(f, unit_job()), 0);
	assert_int_equal(fetch_list(f, unit_job(), 20, 9, &items, &count), 0);
	ends_now = true;
	begun = clock_mono_ms();
	fetch_lab_failed(fetch_wait(f, unit_job(), -1, TIMEOUT_MS, &new_mail),
	    ERR_BUSY, "did not answer in time");
	assert_in_range(clock_mono_ms() - begun, 0, TIMEOUT_MS / 2);
	fetch_lab_close(f, p);
}

/* Nor one that is not there, or says nothing. */
static void
test_ending_unconnected(void **state)
{
	static const struct peer_step mute[] = { { PEER_SILENCE, NULL },
		{ PEER_END, NULL } };
	struct peer *p = peer_start(mute, fetch_lab_tls);
	struct peer_deaf *deaf = peer_deaf_new();
	const int ports[] = { peer_port(p), peer_deaf_port(deaf) };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fetch_conf conf = fetch_lab_conf(ports[i]);
		int64_t begun = clock_mono_ms();
		struct fetch *f = NULL;

		conf.is_ending = is_ending;
		conf.timeout_ms = 600000;
		/* Of several addresses it would not get to the second. */
		conf.host = "127.0.0.1";
		ends_now = true;
		assert_int_equal(fetch_new(unit_job(), &conf, &f), 0);
		fetch_lab_failed(fetch_connect(f, unit_job()), ERR_BUSY,
		    i == 0 ? "did not answer in time" : "timed out");
		assert_in_range(
		    clock_mono_ms() - begun, 0, conf.timeout_ms / 2);
		fetch_free(f);
	}
	peer_deaf_free(deaf);
	peer_stop(p);
	peer_free(p);
}

static void
test_wake(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"), FOUND(""),
		HEAR(" IDLE"), SEND("+ idling\r\n"), AFTER_IDLE };
	struct peer *p;
	struct fetch *f = open_and_list(script, &p);
	int pipe_fds[2];
	bool new_mail = true;
	char byte;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(write(pipe_fds[1], "x", 1), 1);
	assert_int_equal(
	    fetch_wait(f, unit_job(), pipe_fds[0], TIMEOUT_MS, &new_mail), 0);
	assert_false(new_mail);
	/* It was looked at, not read. */
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	fetch_lab_close(f, p);
}

static void
test_wake_polling(void **state)
{
	static const struct peer_step script[] = { OPEN(""), FOUND(""),
		HEAR(" NOOP"), OK, STAY };
	struct peer *p;
	struct fetch *f = open_and_list(script, &p);
	int pipe_fds[2];
	bool new_mail = true;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(write(pipe_fds[1], "x", 1), 1);
	assert_int_equal(
	    fetch_wait(f, unit_job(), pipe_fds[0], TIMEOUT_MS, &new_mail), 0);
	assert_false(new_mail);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	fetch_lab_close(f, p);
}

static void
test_nothing_new(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"), FOUND(""),
		HEAR(" IDLE"), SEND("+ idling\r\n"), AFTER_IDLE };
	struct peer *p;
	struct fetch *f = open_and_list(script, &p);
	int64_t begin = clock_mono_ms();
	bool new_mail = true;

	(void)state;
	assert_int_equal(fetch_wait(f, unit_job(), -1, 100, &new_mail), 0);
	assert_false(new_mail);
	assert_true(clock_mono_ms() - begin >= 100);
	fetch_lab_close(f, p);
}

/* Trap: a readable socket that holds no line, only TLS's own messages. */
static void
test_ticket(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"), FOUND(""),
		HEAR(" IDLE"), SEND("+ idling\r\n"), { PEER_TICKET, NULL },
		{ PEER_TICKET, NULL }, AFTER_IDLE };
	struct peer *p;
	struct fetch *f = open_and_list(script, &p);
	bool new_mail = true;

	(void)state;
	assert_int_equal(fetch_wait(f, unit_job(), -1, 500, &new_mail), 0);
	assert_false(new_mail);
	fetch_lab_close(f, p);
}

static const struct peer_step idle_closed[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("+ idling\r\n"), { PEER_END, NULL } };
static const struct peer_step idle_reset[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("+ idling\r\n"), { PEER_RESET, NULL } };
static const struct peer_step idle_bye[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("+ idling\r\n* BYE restarting\r\n"), STAY };
static const struct peer_step idle_ended[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("+ idling\r\n"), SEND("%T NO not now\r\n"), STAY };
static const struct peer_step idle_nonsense[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("+ idling\r\nhello\r\n"), STAY };
static const struct peer_step poll_bye[] = { OPEN(""), FOUND(""), HEAR(" NOOP"),
	SEND("* BYE maintenance in 5 minutes\r\n"), { PEER_END, NULL } };
static const struct peer_step poll_closed[] = { OPEN(""), FOUND(""),
	HEAR(" NOOP"), { PEER_END, NULL } };

/* The server goes away: noticed at once, and the session is over. */
static void
test_wait_lost(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
		const char *expected;
	} cases[] = {
		{ "closed", idle_closed, "the server closed the connection" },
		{ "reset", idle_reset, "" },
		{ "BYE", idle_bye, "the server said: BYE restarting" },
		{ "ended", idle_ended, "the server said: NO not now" },
		{ "polling, BYE", poll_bye,
		    "the server said: BYE maintenance in 5 minutes" },
		{ "nonsense", idle_nonsense,
		    "it sent something that is not IMAP" },
		{ "polling", poll_closed, "the server closed the connection" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p;
		struct fetch *f = open_and_list(cases[i].script, &p);
		bool new_mail = true;

		unit_case("%s", cases[i].name);
		fetch_lab_failed(
		    fetch_wait(f, unit_job(), -1, TIMEOUT_MS, &new_mail),
		    ERR_BUSY,
		    arena_printf(unit_job()->arena, "waiting for mail: %s",
			cases[i].expected));
		assert_false(fetch_is_connected(f));
		fetch_lab_close(f, p);
	}
}

/* A server that does not answer DONE is dead: noticed in the configured
 * time. */
static void
test_wait_dead(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"),
		HEAR(" UID SEARCH"), SEND("* SEARCH\r\n"), OK, HEAR(" IDLE"),
		SEND("+ idling\r\n"), HEAR("DONE"), STAY };
	struct peer *p = peer_start(script, fetch_lab_tls);
	struct fetch *f = fetch_lab_new(peer_port(p), CONF_TLS_IMPLICIT,
	    CONF_DISPOSAL_MOVE, peer_tls_ca_file(fetch_lab_tls), 1000);
	struct fetch_item *items;
	size_t count;
	bool new_mail;

	(void)state;
	while (fetch_connect(f, unit_job()) < 0 ||
	       fetch_list(f, unit_job(), 20, 9, &items, &count) < 0)
		job_recover(unit_job());
	fetch_lab_failed(
	    fetch_wait(f, unit_job(), -1, 10, &new_mail), ERR_BUSY, "in time");
	assert_false(fetch_is_connected(f));
	fetch_free(f);
	peer_free(p);
}

static const struct CMUnitTest tests[] = {
	WITH_TLS(test_announced),
	WITH_TLS(test_announced_list),
	WITH_TLS(test_ending),
	WITH_TLS(test_ending_unconnected),
	WITH_TLS(test_wake),
	WITH_TLS(test_wake_polling),
	WITH_TLS(test_nothing_new),
	WITH_TLS(test_ticket),
	WITH_TLS(test_wait_lost),
	WITH_TLS(test_wait_dead),
};

UNIT_MAIN(tests)
