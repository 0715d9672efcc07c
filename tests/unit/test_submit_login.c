/*
 * Submission over sessions of our own: every login (AC-119), access tokens, and
 * the check of all but the mail.
 */
#include "config.h"

#include "mail/submit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/count.h"
#include "tests/unit/peer.h"
#include "tests/unit/submit_lab.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

SCRIPT(accepts, LOG_IN, MAIL_OK, BYE);
SCRIPT(greets_554, SAY("554 5.7.1 your address is on a list"), HOLD);
/* The connection ends at every stage. */
SCRIPT(cut_connect, CUT);

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

static void
put(const char *name, const char *text)
{
	int fd = open(unit_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

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
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p;
		struct submit_result r;

		unit_case("%s", cases[i].name);
		r = try_script(cases[i].script, NULL,
		    (struct set_up){ .tls = CONF_TLS_NONE,
			.user = "user",
			.auth = cases[i].auth,
			.token_file =
			    cases[i].token ? unit_path("token") : NULL },
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
	    "echo x >>%s; echo tok-$(wc -l <%s)", unit_path("count"),
	    unit_path("count"));
	const char *words[] = { "/bin/sh", "-c", command };
	struct peer *p = peer_start(script, NULL);
	struct submit *s =
	    submit_lab_make(&(struct set_up){ .tls = CONF_TLS_NONE,
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
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p = peer_start(cases[i].script, NULL);
		struct submit *s =
		    submit_lab_make(&(struct set_up){ .tls = CONF_TLS_NONE,
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

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_login),
	cmocka_unit_test(test_token_renewed),
	cmocka_unit_test(test_token_missing),
	cmocka_unit_test(test_check),
};
UNIT_MAIN(tests)
