/*
 * Submission through libesmtp against scripted relays, one for each thing
 * that must not go wrong: ER-10, ER-11, MA-105, AC-119.
 */
#include "config.h"

#include "mail/submit.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "tests/unit/peer.h"
#include "tests/unit/submit_lab.h"
#include "tests/unit/unit.h"

/* --- outcomes ------------------------------------------------------------ */

static const struct peer_step accepts[] = { PLAIN_EHLO, FROM_OK, TO_OK, DATA_OK,
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
static const struct peer_step no_user_354[] = { PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "RCPT" }, { PEER_SEND, "550 5.1.1 no such user\r\n" },
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "354 go\r\n" },
	{ PEER_LINES, ".\r\n" }, { PEER_SEND, "554 no recipients\r\n" }, BYE };
static const struct peer_step greylisted[] = { PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "RCPT" }, { PEER_SEND, "451 4.7.1 later\r\n" },
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "503 no recipients\r\n" }, BYE };
static const struct peer_step refused_after[] = { PLAIN_EHLO, FROM_OK, TO_OK,
	DATA_OK, { PEER_SEND, "554-5.7.1 no\r\n554 5.7.1 thanks\r\n" }, BYE };
static const struct peer_step full_after[] = { PLAIN_EHLO, FROM_OK, TO_OK,
	DATA_OK, { PEER_SEND, "452 4.3.1 disk full\r\n" }, BYE };
static const struct peer_step data_refused[] = { PLAIN_EHLO, FROM_OK, TO_OK,
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "550 5.7.0 no data\r\n" }, BYE };
/* Trap: a success that answers DATA is no word about the message. */
static const struct peer_step data_250[] = { PLAIN_EHLO, FROM_OK, TO_OK,
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "250 ok\r\n" }, BYE };
static const struct peer_step sender_refused[] = { PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "550 5.1.8 bad sender\r\n" },
	BYE };
static const struct peer_step too_large[] = { PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "552 5.3.4 too large\r\n" },
	BYE };
static const struct peer_step auth_needed[] = { PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "RCPT" }, { PEER_SEND, "530 5.7.0 log in first\r\n" },
	{ PEER_EXPECT, "DATA" }, { PEER_SEND, "503 no recipients\r\n" }, BYE };
static const struct peer_step greeting_refused[] = {
	{ PEER_SEND, "554 5.3.2 not today\r\n" }, BYE
};
static const struct peer_step going_away[] = { GREET,
	{ PEER_SEND, "421 4.3.2 shutting down\r\n" }, BYE };
static const struct peer_step drops_at_connect[] = { { PEER_END, NULL } };
static const struct peer_step drops_at_rcpt[] = { PLAIN_EHLO,
	{ PEER_EXPECT, "MAIL" }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "RCPT" }, { PEER_END, NULL } };
/* ER-10: broken off after the final dot, with and without an error. */
static const struct peer_step drops_after_dot[] = { PLAIN_EHLO, FROM_OK, TO_OK,
	DATA_OK, { PEER_END, NULL } };
static const struct peer_step resets_after_dot[] = { PLAIN_EHLO, FROM_OK, TO_OK,
	DATA_OK, { PEER_RESET, NULL } };
static const struct peer_step half_an_answer[] = { PLAIN_EHLO, FROM_OK, TO_OK,
	DATA_OK, { PEER_SEND, "250-queued\r\n" }, { PEER_END, NULL } };
static const struct peer_step nonsense_after_dot[] = { PLAIN_EHLO, FROM_OK,
	TO_OK, DATA_OK, { PEER_SEND, "what?\r\n" }, { PEER_END, NULL } };
/* Traps: with ENHANCEDSTATUSCODES each line must have one, and the same, for
 * libesmtp; and every code a text. */
#define ENHANCED GREET, SAY("250-relay.test\r\n250 ENHANCEDSTATUSCODES")
static const struct peer_step half_enhanced[] = { ENHANCED, FROM_OK, TO_OK,
	DATA_OK, SAY("250-2.0.0 taken\r\n250 as 1234"), BYE };
static const struct peer_step two_enhanced[] = { ENHANCED, FROM_OK, TO_OK,
	DATA_OK, SAY("451-4.7.1 greylisted\r\n451 4.7.0 for 60 s"), BYE };
static const struct peer_step code_650[] = { PLAIN_EHLO, FROM_OK, TO_OK,
	DATA_OK, SAY("650 what?"), BYE };
static const struct peer_step chunks[] = { GREET,
	{ PEER_SEND, "250-relay.test\r\n250 CHUNKING\r\n" }, FROM_OK, TO_OK,
	{ PEER_EXPECT, "BDAT" }, { PEER_OCTETS, NULL },
	{ PEER_SEND, "250 ok\r\n" }, { PEER_EXPECT, "BDAT" },
	{ PEER_OCTETS, NULL }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "BDAT 0 LAST" }, { PEER_SEND, "250 queued\r\n" }, BYE };
static const struct peer_step chunks_dropped[] = { GREET,
	{ PEER_SEND, "250-relay.test\r\n250 CHUNKING\r\n" }, FROM_OK, TO_OK,
	{ PEER_EXPECT, "BDAT" }, { PEER_OCTETS, NULL },
	{ PEER_SEND, "250 ok\r\n" }, { PEER_EXPECT, "BDAT" },
	{ PEER_OCTETS, NULL }, { PEER_SEND, "250 ok\r\n" },
	{ PEER_EXPECT, "BDAT 0 LAST" }, { PEER_END, NULL } };
/* Traps: what is said of a chunk is no word about the message. */
#define CHUNK                                                                  \
	WAIT("BDAT"),                                                          \
	{                                                                      \
		PEER_OCTETS, NULL                                              \
	}
#define CHUNKED                                                                \
	GREET, SAY("250-relay.test\r\n250 CHUNKING"), FROM_OK, TO_OK, CHUNK
/* Postfix's words for what it does not look at any more. */
static const struct peer_step full_at_chunk[] = { GREET,
	SAY("250-relay.test\r\n250-PIPELINING\r\n250 CHUNKING"), FROM_OK,
	WAIT("RCPT"), SAY("250 ok"), CHUNK, CHUNK, WAIT("BDAT 0 LAST"),
	SAY("452 4.3.1 full\r\n551 5.0.0 Discarded 9 bytes after earlier "
	    "error\r\n551 5.0.0 Discarded 0 bytes after earlier error"),
	BYE };
static const struct peer_step bare_chunk[] = { CHUNKED, SAY("250"),
	{ PEER_END, NULL } };

/* Trap: what was answered to a part of it is no word about the whole. */
static const struct peer_step chunk_answered[] = { GREET,
	SAY("250-relay.test\r\n250-PIPELINING\r\n250 CHUNKING"), FROM_OK, TO_OK,
	WAIT("BDAT"), { PEER_OCTETS, NULL }, SAY("250 ok"), CUT };

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
		{ "closed after a part", chunk_answered, SUBMIT_UNKNOWN, "",
		    true },
		{ "452 to a chunk", full_at_chunk, SUBMIT_TEMPORARY,
		    "551 5.0.0", false },
		{ "bare 250 to a chunk", bare_chunk, SUBMIT_UNKNOWN, "", true },
		{ "250, a line without", half_enhanced, SUBMIT_ACCEPTED,
		    "250 2.0.0", false },
		{ "451, another one", two_enhanced, SUBMIT_TEMPORARY,
		    "451 4.7.1", false },
		{ "650 at the dot", code_650, SUBMIT_UNKNOWN, "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
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

/* RFC 5321 4.2: an answer needs no text.  libesmtp cannot read such ones, so
 * the mail goes out in a session of our own, and so do those after it. */
static void
test_bare_codes(void **state)
{
	static const struct peer_step at_greeting[] = { SAY("220"), CUT };
	static const struct peer_step at_mail[] = { PLAIN_EHLO,
		WAIT("MAIL FROM:<" FROM ">\r\n"), SAY("250"), HOLD };
	static const struct peer_step own[] = { SAY("220"), WAIT("EHLO "),
		SAY("250"), WAIT("MAIL"), SAY("250"), WAIT("RCPT"), SAY("250"),
		WAIT("DATA"), SAY("354"), { PEER_LINES, ".\r\n" }, SAY("250"),
		WAIT("MAIL"), SAY("250"), WAIT("RCPT"), SAY("550"),
		WAIT("RSET"), SAY("250"), HOLD };
	static const struct peer_step *const first[] = { at_greeting, at_mail };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct peer_step script[40];
		struct peer *p;
		struct submit *s;
		size_t n = 0;

		unit_case("%zu", i);
		while (first[i][n].verb != PEER_END) {
			script[n] = first[i][n];
			n++;
		}
		script[n++] = (struct peer_step)NEXT;
		memcpy(script + n, own, sizeof(own));
		p = peer_start(script, NULL);
		s = submit_lab_make(&(struct set_up){
		    .tls = CONF_TLS_NONE, .port = peer_port(p) });
		assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
		assert_int_equal(send_one(s).outcome, SUBMIT_PERMANENT);
		submit_free(s);
		peer_stop(p);
		assert_string_equal(peer_complaint(p), "");
		assert_int_equal(peer_connections(p), 2);
		peer_free(p);
	}
}

/* ER-10: what is accepted is known at once, though the relay never answers to
 * QUIT. */
static void
test_silent_quit(void **state)
{
	static const struct peer_step script[] = { PLAIN_EHLO, MAIL_OK,
		WAIT("QUIT\r\n"), HOLD };
	int64_t begin = clock_mono_ms();
	struct submit_result r;
	struct peer *p;

	(void)state;
	r = try_script(script, NULL,
	    (struct set_up){ .tls = CONF_TLS_NONE, .timeout_ms = 110000 }, &p);
	assert_int_equal(r.outcome, SUBMIT_ACCEPTED);
	assert_true(clock_mono_ms() - begin < 110000);
	assert_string_equal(peer_complaint(p), "");
	peer_free(p);
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
	static const struct peer_step script[] = { PLAIN_EHLO, FROM_OK, TO_OK,
		DATA_OK, { PEER_NEXT, NULL }, PLAIN_EHLO, FROM_OK, TO_OK,
		DATA_OK, { PEER_SEND, "250 ok\r\n" }, BYE };
	struct peer *p = peer_start(script, NULL);
	struct submit *s = submit_lab_make(
	    &(struct set_up){ .tls = CONF_TLS_NONE, .port = peer_port(p) });

	(void)state;
	assert_int_equal(send_one(s).outcome, SUBMIT_UNKNOWN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
	submit_free(s);
	peer_free(p);
}

/* --- login --------------------------------------------------------------- */

#define OFFER(mechanisms)                                                      \
	{                                                                      \
		PEER_SEND, "250-relay.test\r\n250 AUTH " mechanisms "\r\n"     \
	}

static const struct peer_step login_plain[] = { GREET, OFFER("PLAIN"),
	{ PEER_EXPECT, LOGIN_PLAIN }, { PEER_SEND, "235 ok\r\n" }, FROM_OK,
	TO_OK, DATA_OK, { PEER_SEND, "250 ok\r\n" }, BYE };
static const struct peer_step login_login[] = { GREET, OFFER("LOGIN"),
	{ PEER_EXPECT, "AUTH LOGIN dXNlcg==" },
	{ PEER_SEND, "334 UGFzc3dvcmQ6\r\n" }, { PEER_EXPECT, "czNjcmV0" },
	{ PEER_SEND, "235 ok\r\n" }, FROM_OK, TO_OK, DATA_OK,
	{ PEER_SEND, "250 ok\r\n" }, BYE };
/* Trap: libesmtp would take part in NTLM if it is offered first. */
static const struct peer_step login_ntlm[] = { GREET, OFFER("NTLM PLAIN"),
	{ PEER_EXPECT, "AUTH NTLM\r\n" }, { PEER_SEND, "334 \r\n" },
	{ PEER_EXPECT, "*" }, { PEER_SEND, "501 5.0.0 as you wish\r\n" },
	{ PEER_EXPECT, LOGIN_PLAIN }, { PEER_SEND, "235 ok\r\n" }, FROM_OK,
	TO_OK, DATA_OK, { PEER_SEND, "250 ok\r\n" }, BYE };
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
static const struct peer_step login_missing[] = { PLAIN_EHLO,
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
	for (size_t i = 0; i < COUNT(cases); i++) {
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
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p = peer_start(cases[i].script, NULL);
		struct submit *s =
		    submit_lab_make(&(struct set_up){ .tls = CONF_TLS_NONE,
			.user = "user",
			.auth = CONF_AUTH_PLAIN,
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

/* --- what is not sent ---------------------------------------------------- */

static void
test_addresses(void **state)
{
	struct peer *p = peer_start(accepts, NULL);
	struct submit *s = submit_lab_make(
	    &(struct set_up){ .tls = CONF_TLS_NONE, .port = peer_port(p) });
	static const char *const bad[] = { "",
		"alice@user.test\r\nRCPT TO:<eve@user.test>",
		"alice@user.test>\r\nDATA\r\n.\r\nMAIL FROM:<a@b",
		"alice@user.test> SIZE=1", "alice", "a b@user.test" };
	struct job *j = unit_job();
	struct submit_result r;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
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
	for (size_t i = 0; i < COUNT(cases); i++) {
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
	s = submit_lab_make(&(struct set_up){
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
	cmocka_unit_test(test_bare_codes),
	cmocka_unit_test(test_silent_quit),
	cmocka_unit_test(test_exact),
	cmocka_unit_test(test_again),
	cmocka_unit_test(test_login),
	cmocka_unit_test(test_check),
	cmocka_unit_test(test_addresses),
	cmocka_unit_test(test_configuration),
	cmocka_unit_test(test_ipv6),
	cmocka_unit_test(test_custom),
};
UNIT_MAIN(tests)
