/*
 * Submission over sessions of our own against scripted relays: implicit TLS,
 * every login, SMTPUTF8, kept sessions, and a relay that refuses or breaks off
 * at every stage.  ER-10, ER-11, ER-17, ER-20, MA-105, AC-119.
 */
#include "config.h"

#include "mail/submit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/unit/peer.h"
#include "tests/unit/unit.h"

#define FROM "acme+tag@ca.test"
#define TO "alice@user.test"
#define UTF8_TO "\xc3\xa4lice@xn--bcher-kva.test"
/* The body has what DATA must stuff; two signatures, as the sender has. */
#define HEADER(to)                                                             \
	"DKIM-Signature: v=1; a=rsa-sha256\r\n"                                \
	"DKIM-Signature: v=1; a=ed25519-sha256\r\n"                            \
	"From: acme+tag@ca.test\r\nTo: " to "\r\n"                             \
	"Subject: ACME: part1\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"    \
	"Message-ID: <1@ca.test>\r\nAuto-Submitted: auto-generated;\r\n"       \
	"\ttype=acme\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
#define MESSAGE HEADER(TO) "line\r\n.\r\n..two\r\n.three\r\n\r\n"
#define STUFFED HEADER(TO) "line\r\n..\r\n...two\r\n..three\r\n\r\n.\r\n"

/* Generous: no test passes or fails because a machine is slow. */
#define TIMEOUT_MS 60000

struct set_up {
	enum conf_tls tls;
	enum conf_auth auth;
	const char *host;
	const char *ca_file;
	const char *user;
	const char *token_file;
	struct conf_list token_command;
	int64_t timeout_ms;
	bool (*is_ending)(void);
	int port;
};

static struct submit *
make(const struct set_up *u)
{
	struct submit_conf conf = { .host =
					u->host == NULL ? "localhost" : u->host,
		.port = u->port,
		.tls = u->tls,
		.ca_file = u->ca_file,
		.user = u->user,
		.password = SPAN("s3cret"),
		.auth = u->auth,
		.token = { .file = u->token_file, .command = u->token_command },
		.timeout_ms = u->timeout_ms == 0 ? TIMEOUT_MS : u->timeout_ms,
		.is_ending = u->is_ending };
	struct submit *s = NULL;

	if (submit_new(unit_job(), &conf, &s) < 0)
		fail_msg("%s", unit_job()->err.text);
	return s;
}

static struct submit_result
send_one(struct submit *s)
{
	struct submit_result result;

	if (submit_send(s, unit_job(), FROM, TO, SPAN(MESSAGE), &result) < 0)
		fail_msg("%s", unit_job()->err.text);
	return result;
}

/* One mail to a relay that plays this, with what it heard.  A login makes it
 * ours rather than libesmtp's. */
static struct submit_result
try_script(const struct peer_step *script, struct peer_tls *tls,
    struct set_up u, struct peer **heard)
{
	struct peer *p = peer_start(script, tls);
	struct submit_result result;
	struct submit *s;

	u.port = peer_port(p);
	s = make(&u);
	result = send_one(s);
	submit_free(s);
	peer_stop(p);
	*heard = p;
	return result;
}

#define SAY(text)                                                              \
	{                                                                      \
		PEER_SEND, text "\r\n"                                         \
	}
#define WAIT(text)                                                             \
	{                                                                      \
		PEER_EXPECT, text                                              \
	}
#define CUT                                                                    \
	{                                                                      \
		PEER_END, NULL                                                 \
	}
#define HOLD                                                                   \
	{ PEER_SILENCE, NULL },                                                \
	{                                                                      \
		PEER_END, NULL                                                 \
	}
#define NEXT                                                                   \
	{                                                                      \
		PEER_NEXT, NULL                                                \
	}
#define GREET SAY("220 relay.test ESMTP"), WAIT("EHLO ")
/* "\0user\0s3cret" */
#define LOGIN_PLAIN "AUTH PLAIN AHVzZXIAczNjcmV0\r\n"
#define LOG_IN                                                                 \
	GREET, SAY("250-relay.test\r\n250 AUTH PLAIN"), WAIT(LOGIN_PLAIN),     \
	    SAY("235 2.7.0 ok")
#define FROM_OK WAIT("MAIL FROM:<" FROM ">\r\n"), SAY("250 2.1.0 ok")
#define TO_OK WAIT("RCPT TO:<" TO ">\r\n"), SAY("250 2.1.5 ok")
#define DATA_OK                                                                \
	WAIT("DATA\r\n"), SAY("354 go"),                                       \
	{                                                                      \
		PEER_LINES, ".\r\n"                                            \
	}
#define MAIL_OK FROM_OK, TO_OK, DATA_OK, SAY("250 2.0.0 queued as 1")
#define BYE WAIT("QUIT\r\n"), HOLD

#define SCRIPT(name, ...) static const struct peer_step name[] = { __VA_ARGS__ }

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
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
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
#define TLS_EHLO GREET, SAY("250-relay.test\r\n250 STARTTLS"), WAIT("STARTTLS")
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
	const struct {
		const char *name;
		const struct peer_step *script;
		struct peer_tls *tls;
		const char *ca_file;
		enum conf_tls kind;
		const char *expected;
	} cases[] = {
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
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct submit_result r;

		unit_case("%s", cases[i].name);
		r = try_script(cases[i].script, cases[i].tls,
		    (struct set_up){ .tls = cases[i].kind,
			.user = "user",
			.ca_file = cases[i].ca_file },
		    &p);
		assert_int_equal(r.outcome, SUBMIT_TEMPORARY);
		if (strstr(r.answer, cases[i].expected) == NULL)
			fail_msg("\"%s\"", r.answer);
		assert_false(peer_heard(p, "AUTH"));
		assert_false(peer_heard(p, "MAIL"));
		peer_free(p);
	}
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
	} cases[] = {
		{ silent, CONF_TLS_NONE, SUBMIT_TEMPORARY,
		    "implicit TLS would be right" },
		{ silent, CONF_TLS_IMPLICIT, SUBMIT_TEMPORARY, "in time" },
		{ silent_tls, CONF_TLS_IMPLICIT, SUBMIT_TEMPORARY, "in time" },
		{ after_dot, CONF_TLS_NONE, SUBMIT_UNKNOWN, "in time" },
		{ drip, CONF_TLS_NONE, SUBMIT_TEMPORARY, "in time" },
		{ flood, CONF_TLS_NONE, SUBMIT_TEMPORARY, "too many lines" },
		{ flood_line, CONF_TLS_NONE, SUBMIT_TEMPORARY, "too long" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t begin = clock_mono_ms();
		struct peer *p;
		struct submit_result r;

		unit_case("%zu", i);
		r = try_script(cases[i].script, tls,
		    (struct set_up){ .tls = cases[i].kind,
			.user = "user",
			.ca_file = peer_tls_ca_file(tls),
			.timeout_ms = 1000 },
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

/* --- login --------------------------------------------------------------- */

#define OFFER(mechanisms) GREET, SAY("250-relay.test\r\n250 AUTH " mechanisms)
#define REST SAY("235 2.7.0 ok"), MAIL_OK, BYE
/* base64 of what sasl.h says, for the token "tok.en" */
#define XOAUTH2 "AUTH XOAUTH2 dXNlcj11c2VyAWF1dGg9QmVhcmVyIHRvay5lbgEB\r\n"

SCRIPT(login_login, OFFER("LOGIN"), WAIT("AUTH LOGIN\r\n"),
    SAY("334 VXNlcm5hbWU6"), WAIT("dXNlcg==\r\n"), SAY("334 UGFzc3dvcmQ6"),
    WAIT("czNjcmV0\r\n"), REST);
SCRIPT(login_bare_prompts, OFFER("LOGIN"), WAIT("AUTH LOGIN\r\n"),
    SAY("334 Username:"), WAIT("dXNlcg==\r\n"), SAY("334 Password:"),
    WAIT("czNjcmV0\r\n"), REST);
SCRIPT(login_second, OFFER("PLAIN LOGIN"), WAIT("AUTH PLAIN "),
    SAY("504 5.5.4 not this one"), WAIT("AUTH LOGIN\r\n"), SAY("334 "),
    WAIT("dXNlcg==\r\n"), SAY("334 "), WAIT("czNjcmV0\r\n"), REST);
SCRIPT(login_refused, OFFER("PLAIN LOGIN"), WAIT("AUTH PLAIN "),
    SAY("535 5.7.8 wrong password"), WAIT("QUIT"), HOLD);
SCRIPT(login_echo, OFFER("PLAIN"), WAIT("AUTH PLAIN "),
    SAY("535 5.7.8 no: AHVzZXIAczNjcmV0 (s3cret)"), WAIT("QUIT"), HOLD);
SCRIPT(login_later, OFFER("PLAIN"), WAIT("AUTH PLAIN "),
    SAY("454 4.7.0 temporary authentication failure"), WAIT("QUIT"), HOLD);
SCRIPT(login_missing, GREET, SAY("250 relay.test"), HOLD);
SCRIPT(login_other, OFFER("GSSAPI CRAM-MD5 NTLM"), HOLD);
SCRIPT(login_endless, OFFER("PLAIN"), WAIT("AUTH PLAIN "), SAY("334 "),
    WAIT("*\r\n"), SAY("501 5.0.0 as you wish"), HOLD);
SCRIPT(scram_unproven, OFFER("SCRAM-SHA-256"), WAIT("AUTH SCRAM-SHA-256 "),
    SAY("235 come in"), HOLD);
SCRIPT(scram_bad, OFFER("SCRAM-SHA-256"), WAIT("AUTH SCRAM-SHA-256 "),
    SAY("334 cj1vdGhlcixzPVFVSkQsaT00MDk2"), WAIT("*\r\n"),
    SAY("501 5.0.0 as you wish"), HOLD);
SCRIPT(token_xoauth2, OFFER("PLAIN XOAUTH2"), WAIT(XOAUTH2), REST);
SCRIPT(token_bearer, OFFER("PLAIN XOAUTH2 OAUTHBEARER"),
    WAIT("AUTH OAUTHBEARER bixhPXVzZXIsAWhvc3Q9bG9jYWxob3N0AXBvcnQ9"), REST);
SCRIPT(token_refused, OFFER("XOAUTH2"), WAIT(XOAUTH2),
    SAY("334 eyJzdGF0dXMiOiI0MDAifQ=="), WAIT("\r\n"),
    SAY("535 5.7.8 Username and Password not accepted"), WAIT("QUIT"), HOLD);
SCRIPT(token_not_offered, OFFER("PLAIN LOGIN"), HOLD);

static char folder[] = "/tmp/test_submit.XXXXXX";

static int
setup(void **state)
{
	(void)state;
	memset(folder + strlen(folder) - 6, 'X', 6);
	return mkdtemp(folder) == NULL;
}

static const char *
path_of(const char *name)
{
	return arena_printf(unit_job()->arena, "%s/%s", folder, name);
}

static int
teardown(void **state)
{
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/token", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/count", folder);
	unlink(path);
	return rmdir(folder);
}

static void
put(const char *name, const char *text)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
test_login(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
		enum conf_auth auth;
		bool token;
		enum submit_outcome outcome;
		const char *code, *answer;
	} cases[] = {
		{ "PLAIN", accepts, CONF_AUTH_AUTO, false, SUBMIT_ACCEPTED,
		    "250 2.0.0", "queued" },
		{ "LOGIN", login_login, CONF_AUTH_AUTO, false, SUBMIT_ACCEPTED,
		    "250 2.0.0", "queued" },
		{ "bare prompts", login_bare_prompts, CONF_AUTH_AUTO, false,
		    SUBMIT_ACCEPTED, "250 2.0.0", "queued" },
		{ "the second", login_second, CONF_AUTH_AUTO, false,
		    SUBMIT_ACCEPTED, "250 2.0.0", "queued" },
		{ "refused", login_refused, CONF_AUTH_AUTO, false,
		    SUBMIT_TEMPORARY, "535 5.7.8",
		    "refused the login of user by PLAIN: 535: 5.7.8 wrong "
		    "password" },
		{ "echo", login_echo, CONF_AUTH_AUTO, false, SUBMIT_TEMPORARY,
		    "535 5.7.8", "********" },
		{ "454", login_later, CONF_AUTH_AUTO, false, SUBMIT_TEMPORARY,
		    "454 4.7.0", "temporary authentication failure" },
		{ "none", login_missing, CONF_AUTH_AUTO, false,
		    SUBMIT_TEMPORARY, "",
		    "no login by SCRAM-SHA-256, SCRAM-SHA-1, PLAIN or LOGIN; "
		    "it offers none" },
		{ "others", login_other, CONF_AUTH_AUTO, false,
		    SUBMIT_TEMPORARY, "", "it offers GSSAPI, CRAM-MD5, NTLM" },
		{ "SCRAM wanted", login_refused, CONF_AUTH_SCRAM, false,
		    SUBMIT_TEMPORARY, "",
		    "no login by SCRAM-SHA-256 or SCRAM-SHA-1; it offers "
		    "PLAIN, "
		    "LOGIN" },
		{ "endless", login_endless, CONF_AUTH_AUTO, false,
		    SUBMIT_TEMPORARY, "", "asks for more" },
		{ "SCRAM unproven", scram_unproven, CONF_AUTH_AUTO, false,
		    SUBMIT_TEMPORARY, "", "without showing" },
		{ "SCRAM bad", scram_bad, CONF_AUTH_SCRAM, false,
		    SUBMIT_TEMPORARY, "", "nonce" },
		{ "XOAUTH2", token_xoauth2, CONF_AUTH_AUTO, true,
		    SUBMIT_ACCEPTED, "250 2.0.0", "queued" },
		{ "XOAUTH2 named", token_xoauth2, CONF_AUTH_XOAUTH2, true,
		    SUBMIT_ACCEPTED, "250 2.0.0", "queued" },
		{ "OAUTHBEARER", token_bearer, CONF_AUTH_AUTO, true,
		    SUBMIT_ACCEPTED, "250 2.0.0", "queued" },
		{ "token refused", token_refused, CONF_AUTH_XOAUTH2, true,
		    SUBMIT_TEMPORARY, "535 5.7.8", "by XOAUTH2: 535" },
		{ "no tokens", token_not_offered, CONF_AUTH_AUTO, true,
		    SUBMIT_TEMPORARY, "",
		    "no login by OAUTHBEARER or XOAUTH2; it offers PLAIN" },
	};

	(void)state;
	put("token", "tok.en\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct submit_result r;

		unit_case("%s", cases[i].name);
		r = try_script(cases[i].script, NULL,
		    (struct set_up){ .tls = CONF_TLS_NONE,
			.user = "user",
			.auth = cases[i].auth,
			.token_file =
			    cases[i].token ? path_of("token") : NULL },
		    &p);
		if (strstr(r.answer, cases[i].answer) == NULL)
			fail_msg("\"%s\"", r.answer);
		assert_int_equal(r.outcome, cases[i].outcome);
		assert_string_equal(r.code, cases[i].code);
		assert_null(strstr(r.answer, "s3cret"));
		assert_null(strstr(r.answer, "tok.en"));
		if (cases[i].outcome != SUBMIT_ACCEPTED)
			assert_false(peer_heard(p, "MAIL FROM"));
		else
			assert_string_equal(peer_complaint(p), "");
		if (cases[i].token)
			assert_false(peer_heard(p, "AUTH PLAIN"));
		peer_free(p);
	}
}

/* A token that has ended while it was kept: a fresh one, once. */
static void
test_token_renewed(void **state)
{
	SCRIPT(script, OFFER("XOAUTH2"), WAIT("AUTH XOAUTH2 "), SAY("235 ok"),
	    MAIL_OK, NEXT, OFFER("XOAUTH2"), WAIT("AUTH XOAUTH2 "),
	    SAY("535 5.7.8 expired"), NEXT, OFFER("XOAUTH2"),
	    WAIT("AUTH XOAUTH2 "), SAY("235 ok"), MAIL_OK, NEXT,
	    OFFER("XOAUTH2"), WAIT("AUTH XOAUTH2 "), SAY("535 5.7.8 no"), NEXT,
	    OFFER("XOAUTH2"), WAIT("AUTH XOAUTH2 "), SAY("535 5.7.8 no"), NEXT,
	    HOLD);
	const char *command = arena_printf(unit_job()->arena,
	    "echo x >>%s; echo tok-$(wc -l <%s)", path_of("count"),
	    path_of("count"));
	const char *words[] = { "/bin/sh", "-c", command };
	struct peer *p = peer_start(script, NULL);
	struct submit *s = make(&(struct set_up){ .tls = CONF_TLS_NONE,
	    .user = "user",
	    .token_command = { words, 3 },
	    .port = peer_port(p) });
	struct submit_result r;

	(void)state;
	assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
	assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
	assert_int_equal(peer_connections(p), 3);
	/* The relay closed; the kept one is refused, and so is a fresh one. */
	r = send_one(s);
	assert_int_equal(r.outcome, SUBMIT_TEMPORARY);
	assert_string_equal(r.code, "535 5.7.8");
	assert_int_equal(peer_connections(p), 5);
	submit_free(s);
	peer_stop(p);
	assert_string_equal(peer_complaint(p), "");
	peer_free(p);
}

/* A helper that fails is a delay with a reason, and nothing is sent. */
static void
test_token_missing(void **state)
{
	SCRIPT(waits, OFFER("XOAUTH2"), HOLD);
	const char *words[] = { "/bin/sh", "-c", "exit 7" };
	struct peer *p;
	struct submit_result r = try_script(waits, NULL,
	    (struct set_up){ .tls = CONF_TLS_NONE,
		.user = "user",
		.token_command = { words, 3 } },
	    &p);

	(void)state;
	assert_int_equal(r.outcome, SUBMIT_TEMPORARY);
	assert_non_null(strstr(r.answer, "no access token: /bin/sh"));
	assert_non_null(strstr(r.answer, "exit status 7"));
	assert_false(peer_heard(p, "AUTH"));
	peer_free(p);
}

/* --- SMTPUTF8 ------------------------------------------------------------ */

#define UTF8_MESSAGE HEADER(UTF8_TO) "line\r\n"

static void
test_utf8(void **state)
{
	SCRIPT(offered, GREET,
	    SAY("250-relay.test\r\n250-8BITMIME\r\n"
		"250 SMTPUTF8"),
	    WAIT("MAIL FROM:<" FROM "> SMTPUTF8\r\n"), SAY("250 ok"),
	    WAIT("RCPT TO:<" UTF8_TO ">\r\n"), SAY("250 ok"), DATA_OK,
	    SAY("250 2.0.0 queued"), BYE);
	SCRIPT(not_offered, GREET, SAY("250-relay.test\r\n250 8BITMIME"), BYE);
	SCRIPT(not_taken, GREET, SAY("250-relay.test\r\n250 SMTPUTF8"),
	    WAIT("MAIL"), SAY("250 ok"), WAIT("RCPT"),
	    SAY("550 5.6.7 not to such mailboxes"), WAIT("RSET"), SAY("250 ok"),
	    BYE);
	static const struct {
		const struct peer_step *script;
		enum submit_outcome outcome;
		const char *code, *answer;
	} cases[] = {
		{ offered, SUBMIT_ACCEPTED, "250 2.0.0", "queued" },
		{ not_offered, SUBMIT_PERMANENT, "", "SMTPUTF8" },
		{ not_taken, SUBMIT_PERMANENT, "550 5.6.7", "such mailboxes" },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct peer *p = peer_start(cases[i].script, NULL);
		struct submit *s = make(&(struct set_up){
		    .tls = CONF_TLS_NONE, .port = peer_port(p) });
		struct submit_result r;

		unit_case("%zu", i);
		assert_int_equal(submit_send(s, unit_job(), FROM, UTF8_TO,
				     SPAN(UTF8_MESSAGE), &r),
		    0);
		submit_free(s);
		peer_stop(p);
		assert_string_equal(peer_complaint(p), "");
		assert_int_equal(r.outcome, cases[i].outcome);
		assert_string_equal(r.code, cases[i].code);
		assert_non_null(strstr(r.answer, cases[i].answer));
		assert_int_equal(r.reason != NULL, i == 1);
		assert_int_equal(peer_heard(p, "MAIL"), i != 1);
		assert_int_equal(peer_heard(p, "To: " UTF8_TO "\r\n"), i == 0);
		assert_false(peer_heard(p, "BODY=8BITMIME"));
		peer_free(p);
	}
}

/* The other way round, as `countersign enroll` answers for such a mailbox. */
static void
test_utf8_sender(void **state)
{
	SCRIPT(offered, GREET, SAY("250-relay.test\r\n250 SMTPUTF8"),
	    WAIT("MAIL FROM:<" UTF8_TO "> SMTPUTF8\r\n"), SAY("250 ok"),
	    WAIT("RCPT TO:<" FROM ">\r\n"), SAY("250 ok"), DATA_OK,
	    SAY("250 2.0.0 queued"), BYE);
	struct peer *p = peer_start(offered, NULL);
	struct submit *s = make(
	    &(struct set_up){ .tls = CONF_TLS_NONE, .port = peer_port(p) });
	struct job *j = unit_job();
	struct submit_result r;

	(void)state;
	assert_int_equal(
	    submit_send(s, j, UTF8_TO, FROM, SPAN(UTF8_MESSAGE), &r), 0);
	assert_int_equal(r.outcome, SUBMIT_ACCEPTED);
	/* Not well-formed, or with what nobody sees: ours to refuse. */
	assert_int_equal(
	    submit_send(s, j, "\xc3@user.test", FROM, SPAN(UTF8_MESSAGE), &r),
	    -1);
	job_recover(j);
	assert_int_equal(submit_send(s, j, FROM, "a\xe2\x80\xae@user.test",
			     SPAN(UTF8_MESSAGE), &r),
	    -1);
	job_recover(j);
	assert_int_equal(submit_send(s, j, FROM, UTF8_TO,
			     SPAN(HEADER("\xff") "line\r\n"), &r),
	    -1);
	job_recover(j);
	submit_free(s);
	peer_stop(p);
	assert_string_equal(peer_complaint(p), "");
	assert_int_equal(peer_connections(p), 1);
	peer_free(p);
}

/* --- kept sessions ------------------------------------------------------- */

static void
test_kept(void **state)
{
	/* What the second of three mails meets, and where it goes through. */
	SCRIPT(goes_on, LOG_IN, MAIL_OK, MAIL_OK, MAIL_OK, BYE);
	SCRIPT(closes, LOG_IN, MAIL_OK, NEXT, LOG_IN, MAIL_OK, MAIL_OK, BYE);
	SCRIPT(says_421, LOG_IN, MAIL_OK, SAY("421 4.4.2 idle too long"), NEXT,
	    LOG_IN, MAIL_OK, MAIL_OK, BYE);
	SCRIPT(cuts_mail, LOG_IN, MAIL_OK, WAIT("MAIL"), NEXT, LOG_IN, MAIL_OK,
	    MAIL_OK, BYE);
	SCRIPT(mail_421, LOG_IN, MAIL_OK, WAIT("MAIL"),
	    SAY("421 4.7.0 too many messages"), NEXT, LOG_IN, MAIL_OK, MAIL_OK,
	    BYE);
	SCRIPT(mail_452, LOG_IN, MAIL_OK, WAIT("MAIL"),
	    SAY("452 4.5.3 too many messages"), WAIT("RSET"), SAY("250 ok"),
	    NEXT, LOG_IN, MAIL_OK, MAIL_OK, BYE);
	SCRIPT(rcpt_cut, LOG_IN, MAIL_OK, FROM_OK, WAIT("RCPT"), NEXT, LOG_IN,
	    MAIL_OK, MAIL_OK, BYE);
	SCRIPT(data_cut, LOG_IN, MAIL_OK, FROM_OK, TO_OK, WAIT("DATA"), NEXT,
	    LOG_IN, MAIL_OK, MAIL_OK, BYE);
	static const struct {
		const char *name;
		const struct peer_step *script;
		int connections;
	} cases[] = {
		{ "goes on", goes_on, 1 },
		{ "closes", closes, 2 },
		{ "421 while idle", says_421, 2 },
		{ "cut at MAIL", cuts_mail, 2 },
		{ "421 at MAIL", mail_421, 2 },
		{ "452 at MAIL", mail_452, 2 },
		{ "cut at RCPT", rcpt_cut, 2 },
		{ "cut at DATA", data_cut, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p = peer_start(cases[i].script, NULL);
		struct submit *s = make(&(struct set_up){ .tls = CONF_TLS_NONE,
		    .user = "user",
		    .port = peer_port(p) });

		unit_case("%s", cases[i].name);
		for (int k = 0; k < 3; k++)
			assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
		submit_free(s);
		peer_stop(p);
		assert_string_equal(peer_complaint(p), "");
		assert_int_equal(peer_connections(p), cases[i].connections);
		peer_free(p);
	}
}

/* ER-10: what was handed over is not handed over again, kept or not. */
static void
test_kept_unknown(void **state)
{
	SCRIPT(cut, LOG_IN, MAIL_OK, FROM_OK, TO_OK, DATA_OK, NEXT, HOLD);
	SCRIPT(refused, LOG_IN, MAIL_OK, FROM_OK, WAIT("RCPT"),
	    SAY("450 4.2.0 greylisted"), WAIT("RSET"), SAY("250 ok"), MAIL_OK,
	    BYE);
	struct peer *p = peer_start(cut, NULL);
	struct set_up u = { .tls = CONF_TLS_NONE, .user = "user" };
	struct submit *s;

	(void)state;
	u.port = peer_port(p);
	s = make(&u);
	assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
	assert_int_equal(send_one(s).outcome, SUBMIT_UNKNOWN);
	submit_free(s);
	peer_stop(p);
	assert_int_equal(peer_connections(p), 1);
	peer_free(p);

	/* A refusal leaves the session usable. */
	p = peer_start(refused, NULL);
	u.port = peer_port(p);
	s = make(&u);
	assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
	assert_int_equal(send_one(s).outcome, SUBMIT_TEMPORARY);
	assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
	submit_idle(s);
	submit_free(s);
	peer_stop(p);
	assert_string_equal(peer_complaint(p), "");
	assert_int_equal(peer_connections(p), 1);
	peer_free(p);
}

/* --- checking ------------------------------------------------------------ */

static void
test_check(void **state)
{
	SCRIPT(good, GREET,
	    SAY("250-relay.test\r\n250-SMTPUTF8\r\n250 AUTH PLAIN"),
	    WAIT(LOGIN_PLAIN), SAY("235 ok"), BYE);
	SCRIPT(plain, LOG_IN, BYE);
	static const struct {
		const struct peer_step *script;
		const char *why; /* NULL: works */
		bool utf8;
	} cases[] = {
		{ good, NULL, true },
		{ plain, NULL, false },
		{ login_refused, "refused the login of user by PLAIN: 535",
		    false },
		{ login_other, "it offers GSSAPI, CRAM-MD5, NTLM", false },
		{ greets_554, "your address is on a list, code 554 5.7.1",
		    false },
		{ cut_connect, "localhost port", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p = peer_start(cases[i].script, NULL);
		struct submit *s = make(&(struct set_up){ .tls = CONF_TLS_NONE,
		    .user = "user",
		    .port = peer_port(p) });
		bool utf8;
		int result = submit_check(s, unit_job(), &utf8);

		unit_case("%zu", i);
		assert_int_equal(result, cases[i].why == NULL ? 0 : -1);
		if (cases[i].why != NULL &&
		    strstr(unit_job()->err.text, cases[i].why) == NULL)
			fail_msg("%s", unit_job()->err.text);
		assert_int_equal(utf8, cases[i].utf8);
		job_recover(unit_job());
		submit_free(s);
		peer_stop(p);
		assert_false(peer_heard(p, "MAIL FROM"));
		if (cases[i].why == NULL)
			assert_true(peer_heard(p, "QUIT\r\n"));
		peer_free(p);
	}
}

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
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
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
	cmocka_unit_test_setup_teardown(test_login, setup, teardown),
	cmocka_unit_test_setup_teardown(test_token_renewed, setup, teardown),
	cmocka_unit_test(test_token_missing),
	cmocka_unit_test(test_utf8),
	cmocka_unit_test(test_utf8_sender),
	cmocka_unit_test(test_kept),
	cmocka_unit_test(test_kept_unknown),
	cmocka_unit_test(test_check),
	cmocka_unit_test(test_configuration),
};
UNIT_MAIN(tests)
