/*
 * Submission through libesmtp to relays that do not answer: each wait ends
 * (ER-11).
 */
#include "config.h"

#include "mail/submit.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "tests/unit/peer.h"
#include "tests/unit/submit_lab.h"
#include "tests/unit/unit.h"

static const struct peer_step silent[] = { { PEER_SILENCE, NULL },
	{ PEER_END, NULL } };
static const struct peer_step silent_after_dot[] = { PLAIN_EHLO, FROM_OK, TO_OK,
	DATA_OK, { PEER_SILENCE, NULL }, { PEER_END, NULL } };
static const struct peer_step silent_in_tls[] = { TLS_EHLO,
	{ PEER_SEND, "220 go\r\n" }, { PEER_SILENCE, NULL },
	{ PEER_END, NULL } };

/* A relay that says nothing costs the configured time and no more. */
static void
test_silence(void **state)
{
	static const struct {
		const struct peer_step *script;
		enum conf_tls tls;
		enum submit_outcome outcome;
		/* Long enough for what comes before the silence. */
		int64_t timeout_ms;
	} cases[] = {
		{ silent, CONF_TLS_NONE, SUBMIT_TEMPORARY, 1000 },
		{ silent_after_dot, CONF_TLS_NONE, SUBMIT_UNKNOWN, 4000 },
		{ silent_in_tls, CONF_TLS_STARTTLS, SUBMIT_TEMPORARY, 1000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t begin = clock_mono_ms();
		struct peer *p;
		struct submit_result r;

		unit_case("%zu", i);
		r = try_script(cases[i].script, NULL,
		    (struct set_up){ .tls = cases[i].tls,
			.timeout_ms = cases[i].timeout_ms },
		    &p);
		assert_int_equal(r.outcome, cases[i].outcome);
		assert_true(clock_mono_ms() - begin >= cases[i].timeout_ms);
		/* Its own default would be five or ten minutes. */
		assert_true(clock_mono_ms() - begin < 100000);
		peer_free(p);
	}
}

static bool
yes(void)
{
	return true;
}

/* ER-11: what our own end cuts off before the relay took anything is no
 * failure of the relay's. */
static void
test_cut_off(void **state)
{
	const struct set_up u = { .tls = CONF_TLS_NONE, .is_ending = yes };
	struct submit_result r;
	struct peer *p;

	(void)state;
	r = try_script(silent, NULL, u, &p);
	assert_int_equal(r.outcome, SUBMIT_CUT_OFF);
	assert_string_equal(r.code, "");
	peer_free(p);
}

/* Trap: nothing in libesmtp ends an answer to EHLO that has no last line,
 * be it a flood or a drip. */
static void
test_endless(void **state)
{
	static const struct peer_step flood[] = { GREET,
		{ PEER_SEND, "250-relay.test\r\n" },
		{ PEER_FLOOD, "250-more\r\n" }, { PEER_END, NULL } };
	static const struct peer_step drip[] = { GREET,
		{ PEER_SEND, "250-relay.test\r\n" },
		{ PEER_DRIP, "250-more\r\n" }, { PEER_END, NULL } };
	static const struct {
		const struct peer_step *script;
		const char *expected;
		int64_t timeout_ms;
	} cases[] = {
		{ flood, "more than it may", 0 },
		{ drip, "took too long", 4000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p;
		struct submit_result r;

		unit_case("%s", cases[i].expected);
		r = try_script(cases[i].script, NULL,
		    (struct set_up){ .tls = CONF_TLS_NONE,
			.timeout_ms = cases[i].timeout_ms },
		    &p);
		assert_int_equal(r.outcome, SUBMIT_TEMPORARY);
		if (strstr(r.answer, cases[i].expected) == NULL)
			fail_msg("\"%s\"", r.answer);
		peer_free(p);
	}
}

/* Trap: it has no deadline for connecting.  A full backlog is the loopback's
 * way not to answer. */
static void
test_connect(void **state)
{
	struct peer_deaf *deaf = peer_deaf_new();
	struct set_up u = {
		.tls = CONF_TLS_NONE, .host = "127.0.0.1", .timeout_ms = 1000
	};
	struct submit_result r;
	struct submit *s;
	int64_t begin;

	(void)state;
	u.port = peer_deaf_port(deaf);
	s = submit_lab_make(&u);
	begin = clock_mono_ms();
	r = send_one(s);
	assert_int_equal(r.outcome, SUBMIT_TEMPORARY);
	assert_string_equal(r.code, "");
	assert_true(clock_mono_ms() - begin >= 1000);
	assert_true(clock_mono_ms() - begin < 60000);
	peer_deaf_free(deaf);

	/* Nobody listens there any more. */
	r = send_one(s);
	assert_int_equal(r.outcome, SUBMIT_TEMPORARY);
	assert_non_null(strstr(r.answer, "Connection refused"));
	submit_free(s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_silence),
	cmocka_unit_test(test_cut_off),
	cmocka_unit_test(test_endless),
	cmocka_unit_test(test_connect),
};
UNIT_MAIN(tests)
