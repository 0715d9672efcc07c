/*
 * Submission over sessions of our own against scripted relays: implicit TLS,
 * and a relay that refuses or breaks off at every stage.  ER-10, ER-11, ER-17,
 * MA-105, AC-119.
 */
#include "config.h"

#include "mail/submit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "tests/unit/peer.h"
#include "tests/unit/submit_lab.h"
#include "tests/unit/unit.h"

/* --- outcomes ------------------------------------------------------------ */

SCRIPT(accepts, LOG_IN, MAIL_OK, BYE);
SCRIPT(accepts_many_lines, LOG_IN, FROM_OK, TO_OK, DATA_OK,
    SAY("250-2.0.0 queued\r\n250-2.0.0 as\r\n250 2.0.0 two"), BYE);
SCRIPT(accepts_251, LOG_IN, FROM_OK, WAIT("RCPT"),
    SAY("251 2.1.5 will forward"), DATA_OK, SAY("250 queued"), BYE);
/* Both answers in one piece: the first one counts. */
SCRIPT(accepts_and_leaves, LOG_IN, FROM_OK, TO_OK, DATA_OK,
    SAY("250 2.0.0 queued\r\n421 4.3.2 going down"), HOLD);
SCRIPT(no_user, LOG_IN, FROM_OK, WAIT("RCPT"),
    SAY("550 5.1.1 <alice@user.test>: no such user"), WAIT("RSET"),
    SAY("250 ok"), BYE);
SCRIPT(no_user_many, LOG_IN, FROM_OK, WAIT("RCPT"),
    SAY("550-5.7.1 The policy of this relay\r\n550 5.7.1 says no"),
    WAIT("RSET"), SAY("250 ok"), BYE);
SCRIPT(wrong_class, LOG_IN, FROM_OK, WAIT("RCPT"), SAY("550 4.1.1 hm"),
    WAIT("RSET"), SAY("250 ok"), BYE);
SCRIPT(greylisted, LOG_IN, FROM_OK, WAIT("RCPT"),
    SAY("450 4.2.0 Greylisted, come back later"), WAIT("RSET"), SAY("250 ok"),
    BYE);
SCRIPT(sender_refused, LOG_IN, WAIT("MAIL"), SAY("550 5.7.1 not for you"),
    WAIT("RSET"), SAY("250 ok"), BYE);
SCRIPT(too_large, LOG_IN, WAIT("MAIL"), SAY("552 5.3.4 too large"),
    WAIT("RSET"), SAY("250 ok"), BYE);
SCRIPT(data_refused, LOG_IN, FROM_OK, TO_OK, WAIT("DATA"), SAY("554 5.5.1 no"),
    WAIT("RSET"), SAY("250 ok"), BYE);
SCRIPT(data_250, LOG_IN, FROM_OK, TO_OK, WAIT("DATA"), SAY("250 ok"), HOLD);
SCRIPT(refused_after, LOG_IN, FROM_OK, TO_OK, DATA_OK,
    SAY("552 5.2.2 mailbox full"), BYE);
SCRIPT(spam_after, LOG_IN, FROM_OK, TO_OK, DATA_OK,
    SAY("554 5.7.1 looks like spam"), BYE);
SCRIPT(later_after, LOG_IN, FROM_OK, TO_OK, DATA_OK, SAY("451 4.3.0 try again"),
    BYE);
SCRIPT(leaves_after, LOG_IN, FROM_OK, TO_OK, DATA_OK,
    SAY("421 4.3.2 shutting down"), HOLD);
SCRIPT(strange_after, LOG_IN, FROM_OK, TO_OK, DATA_OK, SAY("354 more?"), HOLD);
SCRIPT(garbage_after, LOG_IN, FROM_OK, TO_OK, DATA_OK, SAY("ok!"), HOLD);
SCRIPT(greets_554, SAY("554 5.7.1 your address is on a list"), HOLD);
SCRIPT(greets_421, SAY("421 4.7.0 not today"), HOLD);
SCRIPT(no_ehlo, GREET, SAY("502 5.5.1 what?"), HOLD);
SCRIPT(auth_needed, LOG_IN, WAIT("MAIL"), SAY("530 5.7.0 log in first"),
    WAIT("RSET"), SAY("250 ok"), BYE);
SCRIPT(two_codes, LOG_IN, WAIT("MAIL"), SAY("250-ok\r\n550 or not"), HOLD);
SCRIPT(not_smtp, SAY("SSH-2.0-OpenSSH_9.2"), HOLD);
/* Said before it was asked: never believed. */
SCRIPT(ahead, LOG_IN, WAIT("MAIL"), SAY("250 ok\r\n250 ok\r\n354 go"), HOLD);
SCRIPT(ahead_of_dot, LOG_IN, FROM_OK, TO_OK, WAIT("DATA"),
    SAY("354 go\r\n250 2.0.0 queued"), HOLD);
/* The connection ends at every stage. */
SCRIPT(cut_connect, CUT);
SCRIPT(cut_greeting, GREET, CUT);
SCRIPT(cut_ehlo, GREET, { PEER_SEND, "250-relay" }, CUT);
SCRIPT(cut_auth, GREET, SAY("250-relay.test\r\n250 AUTH PLAIN"), WAIT("AUTH"),
    CUT);
SCRIPT(cut_mail, LOG_IN, WAIT("MAIL"), CUT);
SCRIPT(cut_rcpt, LOG_IN, FROM_OK, WAIT("RCPT"), CUT);
SCRIPT(cut_data, LOG_IN, FROM_OK, TO_OK, WAIT("DATA"), CUT);
SCRIPT(cut_dot, LOG_IN, FROM_OK, TO_OK, DATA_OK, CUT);
SCRIPT(cut_dot_half, LOG_IN, FROM_OK, TO_OK, DATA_OK, { PEER_SEND, "250 ok" },
    CUT);
SCRIPT(reset_dot, LOG_IN, FROM_OK, TO_OK, DATA_OK, { PEER_RESET, NULL });
/* It has accepted: how it leaves does not matter. */
SCRIPT(cut_quit, LOG_IN, MAIL_OK, CUT);

static void
test_outcomes(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
		enum submit_outcome outcome;
		const char *code, *answer;
	} cases[] = {
		{ "accepted", accepts, SUBMIT_ACCEPTED, "250 2.0.0",
		    "2.0.0 queued as 1" },
		{ "many lines", accepts_many_lines, SUBMIT_ACCEPTED,
		    "250 2.0.0", "2.0.0 queued" },
		{ "251", accepts_251, SUBMIT_ACCEPTED, "250", "queued" },
		{ "250 and 421", accepts_and_leaves, SUBMIT_ACCEPTED,
		    "250 2.0.0", "queued" },
		{ "550 at RCPT", no_user, SUBMIT_PERMANENT, "550 5.1.1",
		    "no such user" },
		{ "550 in lines", no_user_many, SUBMIT_PERMANENT, "550 5.7.1",
		    "The policy" },
		{ "class that does not fit", wrong_class, SUBMIT_PERMANENT,
		    "550", "4.1.1 hm" },
		{ "450 at RCPT", greylisted, SUBMIT_TEMPORARY, "450 4.2.0",
		    "Greylisted" },
		{ "550 at MAIL", sender_refused, SUBMIT_TEMPORARY, "550 5.7.1",
		    "not for you" },
		{ "552 at MAIL", too_large, SUBMIT_PERMANENT, "552 5.3.4",
		    "too large" },
		{ "554 at DATA", data_refused, SUBMIT_PERMANENT, "554 5.5.1",
		    "no" },
		{ "250 at DATA", data_250, SUBMIT_TEMPORARY, "", "with 250" },
		{ "552 at the dot", refused_after, SUBMIT_PERMANENT,
		    "552 5.2.2", "mailbox full" },
		{ "554 at the dot", spam_after, SUBMIT_PERMANENT, "554 5.7.1",
		    "spam" },
		{ "451 at the dot", later_after, SUBMIT_TEMPORARY, "451 4.3.0",
		    "try again" },
		{ "421 at the dot", leaves_after, SUBMIT_TEMPORARY, "421 4.3.2",
		    "shutting down" },
		{ "354 at the dot", strange_after, SUBMIT_UNKNOWN, "",
		    "with 354" },
		{ "garbage at the dot", garbage_after, SUBMIT_UNKNOWN, "",
		    "no SMTP answer" },
		{ "554 at once", greets_554, SUBMIT_TEMPORARY, "554 5.7.1",
		    "on a list" },
		{ "421 at once", greets_421, SUBMIT_TEMPORARY, "421 4.7.0",
		    "not today" },
		{ "502 at EHLO", no_ehlo, SUBMIT_TEMPORARY, "502 5.5.1",
		    "EHLO" },
		{ "530 at MAIL", auth_needed, SUBMIT_TEMPORARY, "530 5.7.0",
		    "log in" },
		{ "two codes", two_codes, SUBMIT_TEMPORARY, "", "two codes" },
		{ "not SMTP", not_smtp, SUBMIT_TEMPORARY, "",
		    "no SMTP answer" },
		{ "ahead", ahead, SUBMIT_TEMPORARY, "", "more than it was" },
		{ "ahead of the dot", ahead_of_dot, SUBMIT_TEMPORARY, "",
		    "more than it was" },
		{ "cut at connect", cut_connect, SUBMIT_TEMPORARY, "",
		    "closed" },
		{ "cut at EHLO", cut_greeting, SUBMIT_TEMPORARY, "", "closed" },
		{ "cut in EHLO", cut_ehlo, SUBMIT_TEMPORARY, "", "closed" },
		{ "cut at AUTH", cut_auth, SUBMIT_TEMPORARY, "", "closed" },
		{ "cut at MAIL", cut_mail, SUBMIT_TEMPORARY, "", "closed" },
		{ "cut at RCPT", cut_rcpt, SUBMIT_TEMPORARY, "", "closed" },
		{ "cut at DATA", cut_data, SUBMIT_TEMPORARY, "", "closed" },
		{ "cut at the dot", cut_dot, SUBMIT_UNKNOWN, "", "closed" },
		{ "cut in its answer", cut_dot_half, SUBMIT_UNKNOWN, "",
		    "closed" },
		{ "reset at the dot", reset_dot, SUBMIT_UNKNOWN, "", "reset" },
		{ "cut at QUIT", cut_quit, SUBMIT_ACCEPTED, "250 2.0.0",
		    "queued" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p;
		struct submit_result r;

		unit_case("%s", cases[i].name);
		r = try_script(cases[i].script, NULL,
		    (struct set_up){ .tls = CONF_TLS_NONE, .user = "user" },
		    &p);
		assert_string_equal(peer_complaint(p), "");
		if (strstr(r.answer, cases[i].answer) == NULL)
			fail_msg("\"%s\"", r.answer);
		assert_int_equal(r.outcome, cases[i].outcome);
		assert_string_equal(r.code, cases[i].code);
		assert_int_equal(peer_connections(p), 1);
		if (cases[i].script == ahead_of_dot)
			assert_false(peer_heard(p, "Subject"));
		peer_free(p);
	}
}

/* Only printable ASCII comes of it, whatever was sent. */
static void
test_answer_text(void **state)
{
	SCRIPT(ugly, LOG_IN, FROM_OK, WAIT("RCPT"),
	    SAY("550 5.1.1 \x1b[31mred\x07 \xc3\xa4\ttab"), WAIT("RSET"),
	    SAY("250 ok"), BYE);
	struct peer *p;
	struct submit_result r = try_script(ugly, NULL,
	    (struct set_up){ .tls = CONF_TLS_NONE, .user = "user" }, &p);

	(void)state;
	assert_string_equal(r.code, "550 5.1.1");
	assert_string_equal(r.answer, "5.1.1 [31mred tab");
	peer_free(p);
}

/* What arrives is what was given, dots stuffed and nothing added; MA-105: no
 * 8BITMIME, no SMTPUTF8 where no address needs it; ER-17: the envelope. */
static void
test_exact(void **state)
{
	SCRIPT(offers_all, GREET,
	    SAY("250-relay.test\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n"
		"250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-CHUNKING\r\n"
		"250 AUTH PLAIN"),
	    WAIT(LOGIN_PLAIN), SAY("235 ok"), MAIL_OK, BYE);
	struct peer *p;
	struct submit_result r = try_script(offers_all, NULL,
	    (struct set_up){ .tls = CONF_TLS_NONE, .user = "user" }, &p);
	const char *heard, *begin;
	size_t n;

	(void)state;
	assert_int_equal(r.outcome, SUBMIT_ACCEPTED);
	assert_string_equal(peer_complaint(p), "");
	heard = peer_transcript(p, &n);
	begin = memmem(heard, n, "DATA\r\n", 6);
	assert_non_null(begin);
	assert_true(
	    span_starts(span_mem(begin + 6, n - (size_t)(begin + 6 - heard)),
		SPAN(STUFFED "QUIT\r\n")));
	assert_false(peer_heard(p, "SMTPUTF8"));
	assert_false(peer_heard(p, "BITMIME"));
	peer_free(p);
}

/* --- TLS ----------------------------------------------------------------- */

#define IMPLICIT_LOG_IN { PEER_TLS, NULL }, LOG_IN
#define TLS_LOG_IN                                                             \
	TLS_EHLO, SAY("220 go"), { PEER_TLS, NULL }, WAIT("EHLO "),            \
	    SAY("250-relay.test\r\n250 AUTH PLAIN"), WAIT(LOGIN_PLAIN),        \
	    SAY("235 ok")

static void
test_tls(void **state)
{
	SCRIPT(implicit, IMPLICIT_LOG_IN, MAIL_OK, BYE);
	SCRIPT(starttls, TLS_LOG_IN, MAIL_OK, BYE);
	struct peer_tls *tls = peer_tls_new("localhost");

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct peer *p;
		struct submit_result r;

		unit_case("%d", i);
		r = try_script(i == 0 ? implicit : starttls, tls,
		    (struct set_up){
			.tls = i == 0 ? CONF_TLS_IMPLICIT : CONF_TLS_STARTTLS,
			.user = "user",
			.ca_file = peer_tls_ca_file(tls) },
		    &p);
		assert_string_equal(peer_complaint(p), "");
		if (r.outcome != SUBMIT_ACCEPTED)
			fail_msg("%s", r.answer);
		assert_string_equal(peer_sni(p), "localhost");
		peer_free(p);
	}
	peer_tls_free(tls);
}

/* Nothing is said to a relay whose name is not verified, or that answers what
 * it was not asked. */
static void
test_tls_refused(void **state)
{
	SCRIPT(implicit, IMPLICIT_LOG_IN, HOLD);
	SCRIPT(in_clear, SAY("220 relay.test ESMTP"), HOLD);
	SCRIPT(starttls, TLS_LOG_IN, HOLD);
	SCRIPT(not_offered, GREET, SAY("250 relay.test"), HOLD);
	SCRIPT(unavailable, TLS_EHLO, SAY("454 4.7.0 TLS not available"), HOLD);
	SCRIPT(injected, TLS_EHLO, SAY("220 go\r\n250 AUTH PLAIN"), HOLD);
	SCRIPT(early, GREET, SAY("250-relay.test\r\n250 STARTTLS\r\n220 go"),
	    HOLD);
	struct peer_tls *tls = peer_tls_new("localhost");
	struct peer_tls *other = peer_tls_new("localhost");
	struct peer_tls *wrong = peer_tls_new("relay.example");
	const struct submit_lab_refusal cases[] = {
		{ "other authority", implicit, tls, peer_tls_ca_file(other),
		    CONF_TLS_IMPLICIT, "certificate refused" },
		{ "other name", implicit, wrong, peer_tls_ca_file(wrong),
		    CONF_TLS_IMPLICIT, "it should name localhost" },
		{ "the system's", implicit, tls, NULL, CONF_TLS_IMPLICIT,
		    "certificate refused" },
		{ "no TLS there", in_clear, tls, peer_tls_ca_file(tls),
		    CONF_TLS_IMPLICIT, "STARTTLS" },
		{ "other name, STARTTLS", starttls, wrong,
		    peer_tls_ca_file(wrong), CONF_TLS_STARTTLS,
		    "it should name localhost" },
		{ "not offered", not_offered, tls, peer_tls_ca_file(tls),
		    CONF_TLS_STARTTLS, "does not offer STARTTLS" },
		{ "454", unavailable, tls, peer_tls_ca_file(tls),
		    CONF_TLS_STARTTLS, "TLS not available" },
		{ "injected", injected, tls, peer_tls_ca_file(tls),
		    CONF_TLS_STARTTLS, "more than it was asked" },
		{ "answered early", early, tls, peer_tls_ca_file(tls),
		    CONF_TLS_STARTTLS, "more than it was asked" },
	};

	(void)state;
	submit_lab_refuses(cases, COUNT(cases), CONF_AUTH_AUTO);
	peer_tls_free(tls);
	peer_tls_free(other);
	peer_tls_free(wrong);
}

/* A port that begins with TLS says nothing to somebody who waits for its
 * greeting. */
static void
test_silence(void **state)
{
	SCRIPT(silent, HOLD);
	SCRIPT(silent_tls, { PEER_TLS, NULL }, HOLD);
	SCRIPT(after_dot, LOG_IN, FROM_OK, TO_OK, DATA_OK, HOLD);
	SCRIPT(drip, GREET, SAY("250-relay.test"),
	    { PEER_DRIP, "250-more\r\n" }, CUT);
	SCRIPT(flood, GREET, SAY("250-relay.test"),
	    { PEER_FLOOD, "250-more\r\n" }, CUT);
	SCRIPT(flood_line, GREET, { PEER_FLOOD, "more" }, CUT);
	struct peer_tls *tls = peer_tls_new("localhost");
	const struct {
		const struct peer_step *script;
		enum conf_tls kind;
		enum submit_outcome outcome;
		const char *expected;
		/* 0: what comes does not wait for its end; long enough for
		 * what comes before the silence. */
		int64_t timeout_ms;
	} cases[] = {
		{ silent, CONF_TLS_NONE, SUBMIT_TEMPORARY,
		    "implicit TLS would be right", 1000 },
		{ silent, CONF_TLS_IMPLICIT, SUBMIT_TEMPORARY, "in time",
		    1000 },
		{ silent_tls, CONF_TLS_IMPLICIT, SUBMIT_TEMPORARY, "in time",
		    1000 },
		{ after_dot, CONF_TLS_NONE, SUBMIT_UNKNOWN, "in time", 4000 },
		{ drip, CONF_TLS_NONE, SUBMIT_TEMPORARY, "in time", 1000 },
		{ flood, CONF_TLS_NONE, SUBMIT_TEMPORARY, "too many lines", 0 },
		{ flood_line, CONF_TLS_NONE, SUBMIT_TEMPORARY, "too long", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t begin = clock_mono_ms();
		struct peer *p;
		struct submit_result r;

		unit_case("%zu", i);
		r = try_script(cases[i].script, tls,
		    (struct set_up){ .tls = cases[i].kind,
			.user = "user",
			.ca_file = peer_tls_ca_file(tls),
			.timeout_ms = cases[i].timeout_ms },
		    &p);
		assert_int_equal(r.outcome, cases[i].outcome);
		if (strstr(r.answer, cases[i].expected) == NULL)
			fail_msg("\"%s\"", r.answer);
		assert_true(clock_mono_ms() - begin < 50000);
		peer_free(p);
	}
	peer_tls_free(tls);
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
	SCRIPT(silent, HOLD);
	const struct set_up u = {
		.tls = CONF_TLS_NONE, .user = "user", .is_ending = yes
	};
	struct submit_result r;
	struct peer *p;

	(void)state;
	r = try_script(silent, NULL, u, &p);
	assert_int_equal(r.outcome, SUBMIT_CUT_OFF);
	assert_string_equal(r.code, "");
	peer_free(p);
}

/* --- checking ------------------------------------------------------------ */

static void
test_configuration(void **state)
{
	static const struct {
		enum conf_auth auth;
		bool token;
		const char *why;
	} cases[] = {
		{ CONF_AUTH_XOAUTH2, false, "takes an access token" },
		{ CONF_AUTH_OAUTHBEARER, false, "takes an access token" },
		{ CONF_AUTH_SCRAM, true, "takes a password" },
		{ CONF_AUTH_PLAIN, true, "takes a password" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct submit_conf conf = { .host = "localhost",
			.port = 25,
			.tls = CONF_TLS_NONE,
			.timeout_ms = 5000,
			.user = "u",
			.password = SPAN("p"),
			.auth = cases[i].auth };
		struct submit *s = NULL;

		unit_case("%zu", i);
		if (cases[i].token)
			conf.token.file = "/nonexistent";
		assert_int_equal(submit_new(j, &conf, &s), -1);
		assert_non_null(strstr(j->err.text, cases[i].why));
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_outcomes),
	cmocka_unit_test(test_answer_text),
	cmocka_unit_test(test_exact),
	cmocka_unit_test(test_tls),
	cmocka_unit_test(test_tls_refused),
	cmocka_unit_test(test_silence),
	cmocka_unit_test(test_cut_off),
	cmocka_unit_test(test_configuration),
};
UNIT_MAIN(tests)
