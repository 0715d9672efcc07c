/*
 * Submission through libesmtp against scripted relays, one for each thing
 * that must not go wrong: ER-10, ER-11, MA-105, AC-119.
 */
#include "config.h"

#include "mail/submit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/unit/peer.h"
#include "tests/unit/unit.h"

#define FROM "acme+tag@ca.test"
#define TO "alice@user.test"
/* The body has what DATA must stuff; two signatures, as the sender has. */
#define MESSAGE                                                                \
	"DKIM-Signature: v=1; a=rsa-sha256\r\n"                                \
	"DKIM-Signature: v=1; a=ed25519-sha256\r\n"                            \
	"From: acme+tag@ca.test\r\nTo: alice@user.test\r\n"                    \
	"Subject: ACME: part1\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"    \
	"Message-ID: <1@ca.test>\r\nAuto-Submitted: auto-generated;\r\n"       \
	"\ttype=acme\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"     \
	"\r\nline\r\n.\r\n..two\r\n.three\r\n\r\n"
#define STUFFED                                                                \
	"DKIM-Signature: v=1; a=rsa-sha256\r\n"                                \
	"DKIM-Signature: v=1; a=ed25519-sha256\r\n"                            \
	"From: acme+tag@ca.test\r\nTo: alice@user.test\r\n"                    \
	"Subject: ACME: part1\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"    \
	"Message-ID: <1@ca.test>\r\nAuto-Submitted: auto-generated;\r\n"       \
	"\ttype=acme\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"     \
	"\r\nline\r\n..\r\n...two\r\n..three\r\n\r\n.\r\n"

/* Generous: no test passes or fails because a machine is slow. */
#define TIMEOUT_MS 60000

struct set_up {
	enum conf_tls tls;
	enum conf_auth auth; /* AUTO: PLAIN, or it is not for libesmtp */
	const char *host;
	const char *ca_file;
	const char *user;
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
		.auth = u->auth == CONF_AUTH_AUTO ? CONF_AUTH_PLAIN : u->auth,
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

/* One mail to a relay that plays this, with what it heard. */
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

#define GREET                                                                  \
	{ PEER_SEND, "220 relay.test ESMTP\r\n" },                             \
	{                                                                      \
		PEER_EXPECT, "EHLO "                                           \
	}
#define PLAIN_EHLO                                                             \
	{                                                                      \
		PEER_SEND, "250-relay.test\r\n250 HELP\r\n"                    \
	}
#define ENVELOPE                                                               \
	{ PEER_EXPECT, "MAIL FROM:<" FROM ">" }, { PEER_SEND, "250 ok\r\n" },  \
	    { PEER_EXPECT, "RCPT TO:<" TO ">" },                               \
	{                                                                      \
		PEER_SEND, "250 ok\r\n"                                        \
	}
#define DATA                                                                   \
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "354 go\r\n" },                  \
	{                                                                      \
		PEER_LINES, ".\r\n"                                            \
	}
#define BYE                                                                    \
	{ PEER_EXPECT, "QUIT" }, { PEER_SEND, "221 bye\r\n" },                 \
	    { PEER_SILENCE, NULL },                                            \
	{                                                                      \
		PEER_END, NULL                                                 \
	}

/* --- outcomes ------------------------------------------------------------ */

static const struct peer_step accepts[] = { GREET, PLAIN_EHLO, ENVELOPE, DATA,
	{ PEER_SEND, "250 queued as 1\r\n" }, BYE };
static const struct peer_step accepts_pipelined[] = { GREET,
	{ PEER_SEND, "250-relay.test\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n"
		     "250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
		     "250 ENHANCEDSTATUSCODES\r\n" },
	{ PEER_EXPECT, "MAIL FROM:<" FROM ">\r\n" },
	{ PEER_SEND, "250 2.1.0 ok\r\n" },
	{ PEER_EXPECT, "RCPT TO:<" TO ">\r\n" }, { PEER_EXPECT, "DATA" },
	{ PEER_SEND, "250 2.1.5 ok\r\n354 go\r\n" }, { PEER_LINES, ".\r\n" },
	{ PEER_SEND, "250 2.0.0 queued\r\n" }, BYE };
static const struct peer_step no_user[] = { GREET,
	{ PEER_SEND, "250-relay.test\r\n250 ENHANCEDSTATUSCODES\r\n" },
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "250 2.1.0 ok\r\n" },
	{ PEER_EXPECT, "RCPT" },
	{ PEER_SEND, "550 5.1.1 <alice@user.test>: no such user\r\n" },
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "554 5.5.1 no recipients\r\n" },
	BYE };
static const struct peer_step no_user_354[] = { GREET, PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "RCPT" }, { PEER_SEND, "550 5.1.1 no such user\r\n" },
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "354 go\r\n" },
	{ PEER_LINES, ".\r\n" }, { PEER_SEND, "554 no recipients\r\n" }, BYE };
static const struct peer_step greylisted[] = { GREET, PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "RCPT" }, { PEER_SEND, "451 4.7.1 later\r\n" },
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "503 no recipients\r\n" }, BYE };
static const struct peer_step refused_after[] = { GREET, PLAIN_EHLO, ENVELOPE,
	DATA, { PEER_SEND, "554-5.7.1 no\r\n554 5.7.1 thanks\r\n" }, BYE };
static const struct peer_step full_after[] = { GREET, PLAIN_EHLO, ENVELOPE,
	DATA, { PEER_SEND, "452 4.3.1 disk full\r\n" }, BYE };
static const struct peer_step data_refused[] = { GREET, PLAIN_EHLO, ENVELOPE,
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "550 5.7.0 no data\r\n" }, BYE };
/* Trap: a success that answers DATA is no word about the message. */
static const struct peer_step data_250[] = { GREET, PLAIN_EHLO, ENVELOPE,
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "250 ok\r\n" }, BYE };
static const struct peer_step sender_refused[] = { GREET, PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "550 5.1.8 bad sender\r\n" },
	BYE };
static const struct peer_step too_large[] = { GREET, PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "552 5.3.4 too large\r\n" },
	BYE };
static const struct peer_step auth_needed[] = { GREET, PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "RCPT" }, { PEER_SEND, "530 5.7.0 log in first\r\n" },
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "503 no recipients\r\n" }, BYE };
static const struct peer_step greeting_refused[] = {
	{ PEER_SEND, "554 5.3.2 not today\r\n" }, BYE
};
static const struct peer_step going_away[] = { GREET,
	{ PEER_SEND, "421 4.3.2 shutting down\r\n" }, BYE };
static const struct peer_step drops_at_connect[] = { { PEER_END, NULL } };
static const struct peer_step drops_at_rcpt[] = { GREET, PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "RCPT" }, { PEER_END, NULL } };
/* ER-10: broken off after the final dot, with and without an error. */
static const struct peer_step drops_after_dot[] = { GREET, PLAIN_EHLO, ENVELOPE,
	DATA, { PEER_END, NULL } };
static const struct peer_step resets_after_dot[] = { GREET, PLAIN_EHLO,
	ENVELOPE, DATA, { PEER_RESET, NULL } };
static const struct peer_step half_an_answer[] = { GREET, PLAIN_EHLO, ENVELOPE,
	DATA, { PEER_SEND, "250-queued\r\n" }, { PEER_END, NULL } };
static const struct peer_step nonsense_after_dot[] = { GREET, PLAIN_EHLO,
	ENVELOPE, DATA, { PEER_SEND, "what?\r\n" }, { PEER_END, NULL } };
static const struct peer_step chunks[] = { GREET,
	{ PEER_SEND, "250-relay.test\r\n250 CHUNKING\r\n" }, ENVELOPE,
	{ PEER_EXPECT, "BDAT" }, { PEER_OCTETS, NULL },
	{ PEER_SEND, "250 ok\r\n" }, { PEER_EXPECT, "BDAT" },
	{ PEER_OCTETS, NULL }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "BDAT 0 LAST" }, { PEER_SEND, "250 queued\r\n" }, BYE };
static const struct peer_step chunks_dropped[] = { GREET,
	{ PEER_SEND, "250-relay.test\r\n250 CHUNKING\r\n" }, ENVELOPE,
	{ PEER_EXPECT, "BDAT" }, { PEER_OCTETS, NULL },
	{ PEER_SEND, "250 ok\r\n" }, { PEER_EXPECT, "BDAT" },
	{ PEER_OCTETS, NULL }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "BDAT 0 LAST" }, { PEER_END, NULL } };

static void
test_outcomes(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
		enum submit_outcome outcome;
		const char *code;
		bool incomplete; /* the script stops before its end */
	} cases[] = {
		{ "250", accepts, SUBMIT_ACCEPTED, "250", false },
		{ "250, pipelined", accepts_pipelined, SUBMIT_ACCEPTED,
		    "250 2.0.0", false },
		{ "250 to BDAT", chunks, SUBMIT_ACCEPTED, "250", false },
		{ "550 at RCPT", no_user, SUBMIT_PERMANENT, "550 5.1.1",
		    false },
		{ "550 at RCPT, 354", no_user_354, SUBMIT_PERMANENT,
		    "550 5.1.1", false },
		{ "451 at RCPT", greylisted, SUBMIT_TEMPORARY, "451 4.7.1",
		    false },
		{ "554 at the dot", refused_after, SUBMIT_PERMANENT,
		    "554 5.7.1", false },
		{ "452 at the dot", full_after, SUBMIT_TEMPORARY, "452 4.3.1",
		    false },
		{ "550 to DATA", data_refused, SUBMIT_PERMANENT, "550 5.7.0",
		    false },
		{ "250 to DATA", data_250, SUBMIT_TEMPORARY, "", false },
		{ "550 at MAIL", sender_refused, SUBMIT_TEMPORARY, "550 5.1.8",
		    false },
		{ "552 at MAIL", too_large, SUBMIT_PERMANENT, "552 5.3.4",
		    false },
		{ "530 at RCPT", auth_needed, SUBMIT_TEMPORARY, "530 5.7.0",
		    false },
		{ "554 greeting", greeting_refused, SUBMIT_TEMPORARY,
		    "554 5.3.2", false },
		{ "421 to EHLO", going_away, SUBMIT_TEMPORARY, "421 4.3.2",
		    false },
		{ "closed at once", drops_at_connect, SUBMIT_TEMPORARY, "",
		    true },
		{ "closed at RCPT", drops_at_rcpt, SUBMIT_TEMPORARY, "", true },
		{ "closed after the dot", drops_after_dot, SUBMIT_UNKNOWN, "",
		    true },
		{ "reset after the dot", resets_after_dot, SUBMIT_UNKNOWN, "",
		    true },
		{ "half an answer", half_an_answer, SUBMIT_UNKNOWN, "", true },
		{ "nonsense", nonsense_after_dot, SUBMIT_UNKNOWN, "", true },
		{ "closed in BDAT", chunks_dropped, SUBMIT_UNKNOWN, "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct submit_result r;

		unit_case("%s", cases[i].name);
		r = try_script(cases[i].script, NULL,
		    (struct set_up){ .tls = CONF_TLS_NONE }, &p);
		assert_string_equal(peer_complaint(p), "");
		assert_int_equal(r.outcome, cases[i].outcome);
		assert_string_equal(r.code, cases[i].code);
		assert_true(r.answer[0] != '\0');
		assert_int_equal(peer_connections(p), 1);
		if (!cases[i].incomplete)
			assert_true(peer_heard(p, "QUIT\r\n"));
		peer_free(p);
	}
}

/* The relay gets our octets and no others: no field added or dropped, dots
 * stuffed; never 8BITMIME or SMTPUTF8 (MA-105). */
static void
test_exact(void **state)
{
	struct peer *p;
	size_t n;
	const char *head, *body;

	(void)state;
	try_script(accepts, NULL, (struct set_up){ .tls = CONF_TLS_NONE }, &p);
	assert_true(peer_heard(p, "DATA\r\n" STUFFED "QUIT\r\n"));
	peer_free(p);

	/* BDAT is exact without stuffing; the header may be one chunk and the
	 * body another. */
	try_script(chunks, NULL, (struct set_up){ .tls = CONF_TLS_NONE }, &p);
	head = strstr(MESSAGE, "\r\n\r\n") + 4;
	body = head;
	assert_true(peer_heard(p, body));
	assert_true(peer_heard(p, "BDAT 0 LAST\r\nQUIT\r\n"));
	(void)peer_transcript(p, &n);
	assert_false(peer_heard(p, "\r\n...two\r\n"));
	peer_free(p);

	try_script(accepts_pipelined, NULL,
	    (struct set_up){ .tls = CONF_TLS_NONE }, &p);
	assert_false(peer_heard(p, "8BITMIME"));
	assert_false(peer_heard(p, "SMTPUTF8"));
	assert_false(peer_heard(p, "NOTIFY"));
	peer_free(p);
}

/* A second message on the same object, after all kinds of ends. */
static void
test_again(void **state)
{
	static const struct peer_step script[] = { GREET, PLAIN_EHLO, ENVELOPE,
		DATA, { PEER_NEXT, NULL }, GREET, PLAIN_EHLO, ENVELOPE, DATA,
		{ PEER_SEND, "250 ok\r\n" }, BYE };
	struct peer *p = peer_start(script, NULL);
	struct submit *s = make(
	    &(struct set_up){ .tls = CONF_TLS_NONE, .port = peer_port(p) });

	(void)state;
	assert_int_equal(send_one(s).outcome, SUBMIT_UNKNOWN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
	submit_free(s);
	peer_free(p);
}

/* --- TLS ----------------------------------------------------------------- */

#define TLS_EHLO                                                               \
	{ PEER_SEND, "250-relay.test\r\n250 STARTTLS\r\n" },                   \
	{                                                                      \
		PEER_EXPECT, "STARTTLS"                                        \
	}
#define AUTH_EHLO                                                              \
	{ PEER_TLS, NULL }, { PEER_EXPECT, "EHLO " },                          \
	{                                                                      \
		PEER_SEND, "250-relay.test\r\n250 AUTH PLAIN LOGIN\r\n"        \
	}
/* "\0user\0s3cret" */
#define LOGIN_PLAIN "AUTH PLAIN AHVzZXIAczNjcmV0\r\n"

static const struct peer_step good_tls[] = { GREET, TLS_EHLO,
	{ PEER_SEND, "220 go\r\n" }, AUTH_EHLO, { PEER_EXPECT, LOGIN_PLAIN },
	{ PEER_SEND, "235 2.7.0 welcome\r\n" }, ENVELOPE, DATA,
	{ PEER_SEND, "250 ok\r\n" }, BYE };

static void
test_tls(void **state)
{
	struct peer_tls *tls = peer_tls_new("localhost");
	struct peer *p = peer_start(good_tls, tls);
	struct submit *s = make(&(struct set_up){ .tls = CONF_TLS_STARTTLS,
	    .port = peer_port(p),
	    .user = "user",
	    .ca_file = peer_tls_ca_file(tls) });
	struct submit_result r;

	(void)state;
	/* Often: libesmtp's own context would be used after it was freed, and
	 * a session ticket would now and then be taken for an answer. */
	for (int i = 0; i < 40; i++) {
		r = send_one(s);
		assert_string_equal(r.answer, "ok");
		assert_int_equal(r.outcome, SUBMIT_ACCEPTED);
		assert_string_equal(r.code, "250");
	}
	submit_free(s);
	peer_stop(p);
	assert_string_equal(peer_complaint(p), "");
	assert_string_equal(peer_sni(p), "localhost");
	assert_true(peer_heard(p, STUFFED));
	peer_free(p);
	peer_tls_free(tls);
}

/* An address as the relay's host: verified as an address, no SNI. */
static void
test_tls_address(void **state)
{
	struct peer_tls *tls = peer_tls_new("127.0.0.1");
	struct peer *p;
	struct submit_result r;

	(void)state;
	r = try_script(good_tls, tls,
	    (struct set_up){ .tls = CONF_TLS_STARTTLS,
		.user = "user",
		.host = "127.0.0.1",
		.ca_file = peer_tls_ca_file(tls) },
	    &p);
	assert_int_equal(r.outcome, SUBMIT_ACCEPTED);
	assert_string_equal(peer_sni(p), "");
	peer_free(p);
	peer_tls_free(tls);
}

static const struct peer_step refused_tls[] = { GREET, TLS_EHLO,
	{ PEER_SEND, "220 go\r\n" }, { PEER_TLS, NULL }, { PEER_SILENCE, NULL },
	{ PEER_END, NULL } };
/* Trap: an answer ahead of the handshake is believed inside TLS. */
static const struct peer_step injected[] = { GREET, TLS_EHLO,
	{ PEER_SEND,
	    "220 go\r\n250-relay.test\r\n250 AUTH PLAIN\r\n235 ok\r\n" },
	{ PEER_TLS, NULL }, { PEER_SILENCE, NULL }, { PEER_END, NULL } };
static const struct peer_step injected_part[] = { GREET, TLS_EHLO,
	{ PEER_SEND, "220 go\r\n2" }, { PEER_TLS, NULL },
	{ PEER_SILENCE, NULL }, { PEER_END, NULL } };
/* The same one command earlier. */
static const struct peer_step injected_early[] = { GREET,
	{ PEER_SEND, "250-relay.test\r\n250 STARTTLS\r\n220 go\r\n250-x\r\n"
		     "250 AUTH PLAIN\r\n" },
	{ PEER_EXPECT, "STARTTLS" }, { PEER_TLS, NULL }, { PEER_SILENCE, NULL },
	{ PEER_END, NULL } };
static const struct peer_step not_offered[] = { GREET,
	{ PEER_SEND, "250-relay.test\r\n250 AUTH PLAIN\r\n" }, BYE };
static const struct peer_step helo_only[] = { GREET,
	{ PEER_SEND, "502 no EHLO here\r\n" }, { PEER_EXPECT, "HELO " },
	{ PEER_SEND, "250 hello\r\n" }, BYE };
static const struct peer_step tls_unavailable[] = { GREET, TLS_EHLO,
	{ PEER_SEND, "454 4.7.0 TLS not available\r\n" }, BYE };

static void
test_tls_refused(void **state)
{
	struct peer_tls *tls = peer_tls_new("localhost");
	struct peer_tls *other = peer_tls_new("localhost");
	struct peer_tls *wrong = peer_tls_new("mail.example.org");
	const struct {
		const char *name;
		const struct peer_step *script;
		struct peer_tls *tls;
		const char *ca_file;
		const char *expected;
	} cases[] = {
		{ "untrusted", refused_tls, tls, peer_tls_ca_file(other),
		    "certificate refused" },
		{ "another name", refused_tls, wrong, peer_tls_ca_file(wrong),
		    "it should name localhost" },
		{ "system store", refused_tls, tls, NULL,
		    "certificate refused" },
		{ "injected", injected, tls, peer_tls_ca_file(tls),
		    "before TLS began" },
		{ "injected, an octet", injected_part, tls,
		    peer_tls_ca_file(tls), "before TLS began" },
		{ "injected, early", injected_early, tls, peer_tls_ca_file(tls),
		    "before TLS began" },
		{ "not offered", not_offered, tls, peer_tls_ca_file(tls),
		    "does not offer STARTTLS" },
		{ "no EHLO", helo_only, tls, peer_tls_ca_file(tls),
		    "does not offer STARTTLS" },
		{ "454", tls_unavailable, tls, peer_tls_ca_file(tls),
		    "TLS not available" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct submit_result r;

		unit_case("%s", cases[i].name);
		r = try_script(cases[i].script, cases[i].tls,
		    (struct set_up){ .tls = CONF_TLS_STARTTLS,
			.user = "user",
			.ca_file = cases[i].ca_file },
		    &p);
		assert_int_equal(r.outcome, SUBMIT_TEMPORARY);
		if (strstr(r.answer, cases[i].expected) == NULL)
			fail_msg("\"%s\"", r.answer);
		assert_false(peer_heard(p, "AUTH"));
		assert_false(peer_heard(p, "AHVzZXIAczNjcmV0"));
		assert_false(peer_heard(p, "MAIL"));
		peer_free(p);
	}
	peer_tls_free(tls);
	peer_tls_free(other);
	peer_tls_free(wrong);
}

/* Trap: with a $HOME that it may not look into, or with a certificate there,
 * libesmtp gives up or uses freed memory. */
static void
test_home(void **state)
{
	struct peer_tls *tls = peer_tls_new("localhost");
	const char *before = getenv("HOME");
	char *saved =
	    before == NULL ? NULL : arena_strdup(unit_job()->arena, before);
	struct peer *p;
	struct submit_result r;

	(void)state;
	/* Not a folder: stat() below it fails with something else than "there
	 * is none". */
	assert_int_equal(setenv("HOME", "/dev/null", 1), 0);
	r = try_script(good_tls, tls,
	    (struct set_up){ .tls = CONF_TLS_STARTTLS,
		.user = "user",
		.ca_file = peer_tls_ca_file(tls) },
	    &p);
	assert_int_equal(r.outcome, SUBMIT_ACCEPTED);
	assert_string_equal(getenv("HOME"), "/dev/null");
	peer_free(p);
	if (saved != NULL)
		setenv("HOME", saved, 1);
	peer_tls_free(tls);
}

/* --- login --------------------------------------------------------------- */

#define OFFER(mechanisms)                                                      \
	{                                                                      \
		PEER_SEND, "250-relay.test\r\n250 AUTH " mechanisms "\r\n"     \
	}

static const struct peer_step login_plain[] = { GREET, OFFER("PLAIN"),
	{ PEER_EXPECT, LOGIN_PLAIN }, { PEER_SEND, "235 ok\r\n" }, ENVELOPE,
	DATA, { PEER_SEND, "250 ok\r\n" }, BYE };
static const struct peer_step login_login[] = { GREET, OFFER("LOGIN"),
	{ PEER_EXPECT, "AUTH LOGIN dXNlcg==" },
	{ PEER_SEND, "334 UGFzc3dvcmQ6\r\n" }, { PEER_EXPECT, "czNjcmV0" },
	{ PEER_SEND, "235 ok\r\n" }, ENVELOPE, DATA,
	{ PEER_SEND, "250 ok\r\n" }, BYE };
/* Trap: libesmtp would take part in NTLM if it is offered first. */
static const struct peer_step login_ntlm[] = { GREET, OFFER("NTLM PLAIN"),
	{ PEER_EXPECT, "AUTH NTLM\r\n" }, { PEER_SEND, "334 \r\n" },
	{ PEER_EXPECT, "*" }, { PEER_SEND, "501 5.0.0 as you wish\r\n" },
	{ PEER_EXPECT, LOGIN_PLAIN }, { PEER_SEND, "235 ok\r\n" }, ENVELOPE,
	DATA, { PEER_SEND, "250 ok\r\n" }, BYE };
static const struct peer_step login_not_plain[] = { GREET, OFFER("PLAIN"),
	{ PEER_EXPECT, "AUTH PLAIN\r\n" }, { PEER_SEND, "334 \r\n" },
	{ PEER_EXPECT, "*" }, { PEER_SEND, "501 5.0.0 as you wish\r\n" },
	{ PEER_SILENCE, NULL }, { PEER_END, NULL } };
static const struct peer_step login_not_login[] = { GREET, OFFER("LOGIN"),
	{ PEER_EXPECT, "AUTH LOGIN\r\n" }, { PEER_SEND, "334 \r\n" },
	{ PEER_EXPECT, "*" }, { PEER_SEND, "501 5.0.0 as you wish\r\n" },
	{ PEER_SILENCE, NULL }, { PEER_END, NULL } };
/* Traps: after a refused login, or without one, libesmtp sends anyway. */
static const struct peer_step login_refused[] = { GREET, OFFER("PLAIN"),
	{ PEER_EXPECT, "AUTH PLAIN" },
	{ PEER_SEND, "535 5.7.8 wrong password\r\n" }, { PEER_SILENCE, NULL },
	{ PEER_END, NULL } };
static const struct peer_step login_missing[] = { GREET, PLAIN_EHLO,
	{ PEER_SILENCE, NULL }, { PEER_END, NULL } };
static const struct peer_step login_other[] = { GREET, OFFER("GSSAPI"),
	{ PEER_SILENCE, NULL }, { PEER_END, NULL } };

static void
test_login(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
		enum submit_outcome outcome;
		const char *code;
		const char *answer;
		enum conf_auth auth;
	} cases[] = {
		{ "PLAIN", login_plain, SUBMIT_ACCEPTED, "250", "ok",
		    CONF_AUTH_PLAIN },
		{ "LOGIN", login_login, SUBMIT_ACCEPTED, "250", "ok",
		    CONF_AUTH_LOGIN },
		{ "PLAIN where LOGIN is named", login_not_plain,
		    SUBMIT_TEMPORARY, "", "offers no login by LOGIN",
		    CONF_AUTH_LOGIN },
		{ "LOGIN where PLAIN is named", login_not_login,
		    SUBMIT_TEMPORARY, "", "offers no login by PLAIN",
		    CONF_AUTH_PLAIN },
		{ "NTLM first", login_ntlm, SUBMIT_ACCEPTED, "250", "ok",
		    CONF_AUTH_PLAIN },
		{ "refused", login_refused, SUBMIT_TEMPORARY, "535 5.7.8",
		    "refused the login of user: 535", CONF_AUTH_PLAIN },
		{ "not offered", login_missing, SUBMIT_TEMPORARY, "",
		    "offers no login", CONF_AUTH_PLAIN },
		{ "another mechanism", login_other, SUBMIT_TEMPORARY, "",
		    "offers no login", CONF_AUTH_PLAIN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct submit_result r;

		unit_case("%s", cases[i].name);
		r = try_script(cases[i].script, NULL,
		    (struct set_up){ .tls = CONF_TLS_NONE,
			.user = "user",
			.auth = cases[i].auth },
		    &p);
		assert_string_equal(peer_complaint(p), "");
		assert_string_equal(r.code, cases[i].code);
		assert_int_equal(r.outcome, cases[i].outcome);
		if (strstr(r.answer, cases[i].answer) == NULL)
			fail_msg("\"%s\"", r.answer);
		assert_null(strstr(r.answer, "s3cret"));
		if (cases[i].outcome != SUBMIT_ACCEPTED)
			assert_false(peer_heard(p, "MAIL FROM"));
		peer_free(p);
	}
}

/* `countersign check`: all but the mail. */
static void
test_check(void **state)
{
	static const struct {
		const struct peer_step *script;
		const char *why; /* NULL: works */
	} cases[] = {
		{ login_plain, NULL },
		{ login_refused, "refused the login of user: 535" },
		{ greeting_refused, "not today" },
		{ drops_at_connect, "localhost port" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p = peer_start(cases[i].script, NULL);
		struct submit *s = make(&(struct set_up){ .tls = CONF_TLS_NONE,
		    .user = "user",
		    .port = peer_port(p) });
		int result = submit_check(s, unit_job(), NULL);

		unit_case("%zu", i);
		assert_int_equal(result, cases[i].why == NULL ? 0 : -1);
		if (cases[i].why != NULL &&
		    strstr(unit_job()->err.text, cases[i].why) == NULL)
			fail_msg("%s", unit_job()->err.text);
		job_recover(unit_job());
		submit_free(s);
		peer_stop(p);
		assert_false(peer_heard(p, "MAIL FROM"));
		if (cases[i].why == NULL)
			assert_true(peer_heard(p, "QUIT\r\n"));
		peer_free(p);
	}
}

/* --- waiting ------------------------------------------------------------- */

static const struct peer_step silent[] = { { PEER_SILENCE, NULL },
	{ PEER_END, NULL } };
static const struct peer_step silent_after_dot[] = { GREET, PLAIN_EHLO,
	ENVELOPE, DATA, { PEER_SILENCE, NULL }, { PEER_END, NULL } };
static const struct peer_step silent_in_tls[] = { GREET, TLS_EHLO,
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
	} cases[] = {
		{ silent, CONF_TLS_NONE, SUBMIT_TEMPORARY },
		{ silent_after_dot, CONF_TLS_NONE, SUBMIT_UNKNOWN },
		{ silent_in_tls, CONF_TLS_STARTTLS, SUBMIT_TEMPORARY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t begin = clock_mono_ms();
		struct peer *p;
		struct submit_result r;

		unit_case("%zu", i);
		r = try_script(cases[i].script, NULL,
		    (struct set_up){ .tls = cases[i].tls, .timeout_ms = 1000 },
		    &p);
		assert_int_equal(r.outcome, cases[i].outcome);
		assert_true(clock_mono_ms() - begin >= 1000);
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
	} cases[] = {
		{ flood, "more than it may" },
		{ drip, "took too long" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct submit_result r;

		unit_case("%s", cases[i].expected);
		r = try_script(cases[i].script, NULL,
		    (struct set_up){ .tls = CONF_TLS_NONE, .timeout_ms = 1000 },
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
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int waiting[4];
	struct set_up u = {
		.tls = CONF_TLS_NONE, .host = "127.0.0.1", .timeout_ms = 1000
	};
	struct submit_result r;
	struct submit *s;
	int64_t begin;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	u.port = ntohs(sin.sin_port);
	for (size_t i = 0; i < 4; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(waiting[i], (struct sockaddr *)&sin, len);
	}
	s = make(&u);
	begin = clock_mono_ms();
	r = send_one(s);
	assert_int_equal(r.outcome, SUBMIT_TEMPORARY);
	assert_string_equal(r.code, "");
	assert_true(clock_mono_ms() - begin >= 1000);
	assert_true(clock_mono_ms() - begin < 60000);
	for (size_t i = 0; i < 4; i++)
		close(waiting[i]);
	close(listener);

	/* Nobody listens there any more. */
	r = send_one(s);
	assert_int_equal(r.outcome, SUBMIT_TEMPORARY);
	assert_non_null(strstr(r.answer, "Connection refused"));
	submit_free(s);
}

/* --- what is not sent ---------------------------------------------------- */

static void
test_addresses(void **state)
{
	struct peer *p = peer_start(accepts, NULL);
	struct submit *s = make(
	    &(struct set_up){ .tls = CONF_TLS_NONE, .port = peer_port(p) });
	static const char *const bad[] = { "",
		"alice@user.test\r\nRCPT TO:<eve@user.test>",
		"alice@user.test>\r\nDATA\r\n.\r\nMAIL FROM:<a@b",
		"alice@user.test> SIZE=1", "alice", "a b@user.test" };
	struct job *j = unit_job();
	struct submit_result r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unit_case("%zu", i);
		assert_int_equal(
		    submit_send(s, j, FROM, bad[i], SPAN(MESSAGE), &r), -1);
		assert_int_equal(j->err.kind, ERR_INTERNAL);
		job_recover(j);
		assert_int_equal(
		    submit_send(s, j, bad[i], TO, SPAN(MESSAGE), &r), -1);
		assert_int_equal(j->err.kind, ERR_INTERNAL);
		job_recover(j);
	}
	assert_int_equal(
	    submit_send(s, j, FROM, TO, SPAN("Subject: no\r\n\r\n"), &r), -1);
	job_recover(j);
	submit_free(s);
	peer_stop(p);
	assert_int_equal(peer_connections(p), 0);
	peer_free(p);
}

static void
test_configuration(void **state)
{
	char longest[258];
	struct submit_conf good = { .host = "localhost",
		.port = 25,
		.tls = CONF_TLS_NONE,
		.timeout_ms = 5000 };
	const struct {
		const char *name;
		const char *host;
		int64_t port;
		enum conf_tls tls;
		const char *ca_file;
		const char *user;
		const char *expected;
	} cases[] = {
		{ "clear to another host", "relay.example.org", 25,
		    CONF_TLS_NONE, NULL, NULL, "without TLS" },
		{ "clear to another address", "192.0.2.1", 25, CONF_TLS_NONE,
		    NULL, NULL, "without TLS" },
		{ "looks like loopback", "localhost.example.org", 25,
		    CONF_TLS_NONE, NULL, NULL, "without TLS" },
		{ "no host", "", 25, CONF_TLS_NONE, NULL, NULL, "host" },
		{ "a host with port", "localhost:25", 25, CONF_TLS_NONE, NULL,
		    NULL, "host" },
		{ "no port", "localhost", 0, CONF_TLS_NONE, NULL, NULL,
		    "port" },
		{ "no such file", "relay.example.org", 587, CONF_TLS_STARTTLS,
		    "no-such-file.pem", NULL, "no-such-file.pem" },
		/* Trap: longer ones overrun the plug-in's array. */
		{ "long user", "localhost", 25, CONF_TLS_NONE, NULL, longest,
		    "255" },
		{ "user with line end", "localhost", 25, CONF_TLS_NONE, NULL,
		    "a\r\nb", "control" },
	};
	struct job *j = unit_job();
	struct submit *s = NULL;

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[256] = '\0';
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct submit_conf conf = good;

		unit_case("%s", cases[i].name);
		conf.host = cases[i].host;
		conf.port = cases[i].port;
		conf.tls = cases[i].tls;
		conf.ca_file = cases[i].ca_file;
		conf.user = cases[i].user;
		conf.auth = CONF_AUTH_PLAIN;
		conf.password = SPAN("x");
		assert_int_equal(submit_new(j, &conf, &s), -1);
		assert_int_equal(j->err.kind, ERR_INTERNAL);
		if (strstr(j->err.text, cases[i].expected) == NULL)
			fail_msg("%s", j->err.text);
		job_recover(j);
	}
	good.host = "[::1]";
	assert_int_equal(submit_new(j, &good, &s), 0);
	submit_free(s);
	submit_free(NULL);
}

/* IPv6, which libesmtp cannot be given as an address. */
static void
test_ipv6(void **state)
{
	struct peer *p = peer_start_at(accepts, NULL, "::1");
	struct submit *s;

	(void)state;
	if (p == NULL)
		UNIT_SKIP("no IPv6 on the loopback");
	s = make(&(struct set_up){
	    .tls = CONF_TLS_NONE, .host = "[::1]", .port = peer_port(p) });
	assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
	submit_free(s);
	peer_free(p);
}

static int
count_sends(void *ctx, struct job *j, const char *from, const char *to,
    struct span message, struct submit_result *out)
{
	(void)j;
	assert_string_equal(from, FROM);
	assert_string_equal(to, TO);
	assert_true(message.n > 0);
	out->outcome = SUBMIT_ACCEPTED;
	++*(int *)ctx;
	return 0;
}

static void
test_custom(void **state)
{
	int count = 0;
	struct submit *s = submit_new_custom(count_sends, &count);

	(void)state;
	assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
	assert_int_equal(submit_check(s, unit_job(), NULL), 0);
	assert_int_equal(count, 1);
	submit_free(s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_outcomes),
	cmocka_unit_test(test_exact),
	cmocka_unit_test(test_again),
	cmocka_unit_test(test_tls),
	cmocka_unit_test(test_tls_address),
	cmocka_unit_test(test_tls_refused),
	cmocka_unit_test(test_home),
	cmocka_unit_test(test_login),
	cmocka_unit_test(test_check),
	cmocka_unit_test(test_silence),
	cmocka_unit_test(test_cut_off),
	cmocka_unit_test(test_endless),
	cmocka_unit_test(test_connect),
	cmocka_unit_test(test_addresses),
	cmocka_unit_test(test_configuration),
	cmocka_unit_test(test_ipv6),
	cmocka_unit_test(test_custom),
};
UNIT_MAIN(tests)
