/*
 * Submission over sessions of our own: several mails in one session (ER-10),
 * and mailboxes that need SMTPUTF8 (ER-20).
 */
#include "config.h"

#include "mail/submit.h"

#include <string.h>

#include "lib/count.h"
#include "tests/unit/peer.h"
#include "tests/unit/submit_lab.h"
#include "tests/unit/unit.h"

#define UTF8_TO "\xc3\xa4lice@xn--bcher-kva.test"

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
		struct submit *s = submit_lab_make(&(struct set_up){
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
	struct submit *s = submit_lab_make(
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
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p = peer_start(cases[i].script, NULL);
		struct submit *s =
		    submit_lab_make(&(struct set_up){ .tls = CONF_TLS_NONE,
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
	s = submit_lab_make(&u);
	assert_int_equal(send_one(s).outcome, SUBMIT_ACCEPTED);
	assert_int_equal(send_one(s).outcome, SUBMIT_UNKNOWN);
	submit_free(s);
	peer_stop(p);
	assert_int_equal(peer_connections(p), 1);
	peer_free(p);

	/* A refusal leaves the session usable. */
	p = peer_start(refused, NULL);
	u.port = peer_port(p);
	s = submit_lab_make(&u);
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

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_utf8),
	cmocka_unit_test(test_utf8_sender),
	cmocka_unit_test(test_kept),
	cmocka_unit_test(test_kept_unknown),
};
UNIT_MAIN(tests)
