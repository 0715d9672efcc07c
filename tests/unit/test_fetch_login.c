/*
 * Logging in to an IMAP server: passwords, tokens, and what refusals mean
 * (ER-21).
 */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/count.h"
#include "tests/unit/fetch_lab.h"

#define BEFORE_LOGIN(list) { PEER_TLS, NULL }, GREETING, CAPS(list)
#define AFTER_LOGIN CAPS("IDLE"), SELECT, STAY
/* base64 of NUL user NUL s3cret; user; s3cret. */
#define PLAIN_TEXT "AHVzZXIAczNjcmV0"
#define USER_TEXT "dXNlcg=="
#define PASSWORD_TEXT "czNjcmV0"
#define XOAUTH2_TEXT "dXNlcj11c2VyAWF1dGg9QmVhcmVyIHQwazNuAQE="
#define PLUS SEND("+ \r\n")

static const struct peer_step auth_plain_ir[] = {
	BEFORE_LOGIN("AUTH=PLAIN AUTH=LOGIN SASL-IR"),
	HEAR(" AUTHENTICATE PLAIN " PLAIN_TEXT "\r\n"), OK, AFTER_LOGIN
};
static const struct peer_step auth_plain[] = { BEFORE_LOGIN("AUTH=PLAIN"),
	HEAR(" AUTHENTICATE PLAIN\r\n"), SEND("* OK [ALERT] hello\r\n+\r\n"),
	HEAR(PLAIN_TEXT "\r\n"), SEND("2 OK [CAPABILITY X] in\r\n"),
	AFTER_LOGIN };
static const struct peer_step auth_login[] = { BEFORE_LOGIN("AUTH=LOGIN"),
	HEAR(" AUTHENTICATE LOGIN\r\n"), SEND("+ VXNlcm5hbWU6\r\n"),
	HEAR(USER_TEXT "\r\n"), SEND("+ UGFzc3dvcmQ6\r\n"),
	HEAR(PASSWORD_TEXT "\r\n"), SEND("2 OK in\r\n"), AFTER_LOGIN };
/* None that we have: the command. */
static const struct peer_step auth_other[] = { BEFORE_LOGIN("AUTH=GSSAPI"),
	LOGIN, AFTER_LOGIN };
static const struct peer_step auth_disabled[] = {
	BEFORE_LOGIN("AUTH=GSSAPI LOGINDISABLED"), STAY
};
/* SCRAM is not given up for what is weaker when it fails. */
static const struct peer_step auth_scram_refused[] = {
	BEFORE_LOGIN("AUTH=SCRAM-SHA-256 AUTH=PLAIN SASL-IR"),
	HEAR(" AUTHENTICATE SCRAM-SHA-256 biws"),
	SEND("%T NO [AUTHENTICATIONFAILED] no\r\n"), STAY
};
/* Its yes proves nothing: it has not shown that it knows the password. */
static const struct peer_step auth_scram_yes[] = {
	BEFORE_LOGIN("AUTH=SCRAM-SHA-256 SASL-IR"),
	HEAR(" AUTHENTICATE SCRAM-SHA-256 biws"), OK, STAY
};
/* A nonce that is not ours. */
static const struct peer_step auth_scram_nonce[] = {
	BEFORE_LOGIN("AUTH=SCRAM-SHA-1 SASL-IR"),
	HEAR(" AUTHENTICATE SCRAM-SHA-1 biws"),
	SEND("+ cj1mb3JnZWQscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==\r\n"),
	HEAR("*\r\n"), SEND("2 BAD cancelled\r\n"), STAY
};
static const struct peer_step auth_not_base64[] = { BEFORE_LOGIN("AUTH=LOGIN"),
	HEAR(" AUTHENTICATE LOGIN"), SEND("+ Username:!\r\n"), HEAR("*\r\n"),
	SEND("2 BAD cancelled\r\n"), STAY };
static const struct peer_step auth_asks_on[] = {
	BEFORE_LOGIN("AUTH=PLAIN SASL-IR"), HEAR(" AUTHENTICATE PLAIN"), PLUS,
	HEAR("*\r\n"), SEND("2 BAD cancelled\r\n"), STAY
};
static const struct peer_step auth_cut[] = { BEFORE_LOGIN("AUTH=PLAIN"),
	HEAR(" AUTHENTICATE PLAIN"), SEND("+"), { PEER_END, NULL } };
static const struct peer_step auth_bye[] = { BEFORE_LOGIN("AUTH=PLAIN"),
	HEAR(" AUTHENTICATE PLAIN"), SEND("* BYE going\r\n"),
	{ PEER_END, NULL } };
static const struct peer_step auth_garbage[] = { BEFORE_LOGIN("AUTH=PLAIN"),
	HEAR(" AUTHENTICATE PLAIN"), SEND("HTTP/1.1 400 Bad Request\r\n"),
	STAY };
static const struct peer_step auth_flood[] = { BEFORE_LOGIN("AUTH=PLAIN"),
	HEAR(" AUTHENTICATE PLAIN"), { PEER_FLOOD, "* OK and another\r\n" },
	{ PEER_END, NULL } };
static const struct peer_step auth_busy[] = {
	BEFORE_LOGIN("AUTH=PLAIN SASL-IR"), HEAR(" AUTHENTICATE PLAIN"),
	SEND("%T NO [UNAVAILABLE] directory is down\r\n"), STAY
};

/* One login with this server: it is in, or fails so; for peer_free(). */
static struct peer *
try_login(const struct peer_step *script, struct fetch_conf conf,
    enum err_kind kind, const char *expected)
{
	struct peer *p = peer_start(script, fetch_lab_tls);
	struct fetch *f = NULL;

	conf.port = peer_port(p);
	assert_int_equal(fetch_new(unit_job(), &conf, &f), 0);
	if (expected != NULL)
		fetch_lab_failed(fetch_connect(f, unit_job()), kind, expected);
	else if (fetch_connect(f, unit_job()) < 0)
		fail_msg("%s", unit_job()->err.text);
	assert_int_equal(fetch_is_connected(f), expected == NULL);
	fetch_free(f);
	peer_stop(p);
	return p;
}

/* The strongest that is offered and allowed; the password goes nowhere else. */
static void
test_auth(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
		enum conf_auth auth;
		enum err_kind kind;
		const char *expected; /* NULL: it is in */
	} cases[] = {
		{ "PLAIN at once", auth_plain_ir, CONF_AUTH_AUTO, ERR_NONE,
		    NULL },
		{ "PLAIN", auth_plain, CONF_AUTH_PLAIN, ERR_NONE, NULL },
		{ "LOGIN", auth_login, CONF_AUTH_AUTO, ERR_NONE, NULL },
		{ "LOGIN command", auth_other, CONF_AUTH_AUTO, ERR_NONE, NULL },
		{ "LOGIN command, wanted", auth_other, CONF_AUTH_LOGIN,
		    ERR_NONE, NULL },
		{ "no PLAIN", auth_other, CONF_AUTH_PLAIN, ERR_INTERNAL,
		    "does not offer PLAIN" },
		{ "no SCRAM", auth_plain_ir, CONF_AUTH_SCRAM, ERR_INTERNAL,
		    "does not offer SCRAM-SHA-256 or SCRAM-SHA-1" },
		{ "LOGINDISABLED", auth_disabled, CONF_AUTH_AUTO, ERR_INTERNAL,
		    "no login by password" },
		{ "SCRAM refused", auth_scram_refused, CONF_AUTH_AUTO,
		    ERR_UNAUTHORIZED,
		    "refused the login of user: "
		    "[AUTHENTICATIONFAILED] no" },
		{ "SCRAM without proof", auth_scram_yes, CONF_AUTH_AUTO,
		    ERR_UNAUTHORIZED, "without having shown" },
		{ "SCRAM, forged nonce", auth_scram_nonce, CONF_AUTH_AUTO,
		    ERR_UNAUTHORIZED, "nonce" },
		{ "not base64", auth_not_base64, CONF_AUTH_AUTO,
		    ERR_UNAUTHORIZED, "not base64" },
		{ "asks on", auth_asks_on, CONF_AUTH_AUTO, ERR_UNAUTHORIZED,
		    "asks for more" },
		{ "cut", auth_cut, CONF_AUTH_AUTO, ERR_BUSY, "login" },
		{ "BYE", auth_bye, CONF_AUTH_AUTO, ERR_BUSY, "login" },
		{ "garbage", auth_garbage, CONF_AUTH_AUTO, ERR_BUSY,
		    "not IMAP" },
		{ "flood", auth_flood, CONF_AUTH_AUTO, ERR_BUSY,
		    "more than it may" },
		{ "not now", auth_busy, CONF_AUTH_AUTO, ERR_BUSY,
		    "directory is down" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fetch_conf conf = fetch_lab_conf(0);
		struct peer *p;

		unit_case("%s", cases[i].name);
		conf.auth = cases[i].auth;
		p = try_login(
		    cases[i].script, conf, cases[i].kind, cases[i].expected);
		if (cases[i].kind != ERR_INTERNAL)
			assert_string_equal(peer_complaint(p), "");
		peer_free(p);
	}
}

static const struct peer_step token_xoauth2[] = {
	BEFORE_LOGIN("AUTH=XOAUTH2 AUTH=PLAIN SASL-IR"),
	HEAR(" AUTHENTICATE XOAUTH2 " XOAUTH2_TEXT "\r\n"), OK, AFTER_LOGIN
};
static const struct peer_step token_bearer[] = {
	BEFORE_LOGIN("AUTH=XOAUTH2 AUTH=OAUTHBEARER SASL-IR"),
	HEAR(" AUTHENTICATE OAUTHBEARER bixhPXVzZXIs"), OK, AFTER_LOGIN
};
/* {"status":"invalid_token"} */
#define BEARER_ERROR SEND("+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\n")
static const struct peer_step token_refused[] = {
	BEFORE_LOGIN("AUTH=OAUTHBEARER SASL-IR"),
	HEAR(" AUTHENTICATE OAUTHBEARER"), BEARER_ERROR, HEAR("AQ==\r\n"),
	SEND("2 NO refused\r\n"), STAY
};
static const struct peer_step token_refused_x[] = { BEFORE_LOGIN(
							"AUTH=XOAUTH2"),
	HEAR(" AUTHENTICATE XOAUTH2\r\n"), PLUS, HEAR(XOAUTH2_TEXT),
	BEARER_ERROR, HEAR("\r\n"), SEND("2 NO refused\r\n"), STAY };
/* A token is no password. */
static const struct peer_step token_no_way[] = {
	BEFORE_LOGIN("AUTH=PLAIN AUTH=LOGIN"), STAY
};

static void
test_token(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
		enum conf_auth auth;
		enum err_kind kind;
		const char *expected;
	} cases[] = {
		{ "XOAUTH2", token_xoauth2, CONF_AUTH_AUTO, ERR_NONE, NULL },
		{ "OAUTHBEARER", token_bearer, CONF_AUTH_AUTO, ERR_NONE, NULL },
		{ "refused", token_refused, CONF_AUTH_AUTO, ERR_UNAUTHORIZED,
		    "refused {'status':'invalid_token'}" },
		{ "refused, XOAUTH2", token_refused_x, CONF_AUTH_XOAUTH2,
		    ERR_UNAUTHORIZED, "invalid_token" },
		{ "no way", token_no_way, CONF_AUTH_AUTO, ERR_INTERNAL,
		    "does not offer OAUTHBEARER or XOAUTH2" },
	};
	char path[] = "test-token-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "t0k3n\n", 6), 6);
	close(fd);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fetch_conf conf = fetch_lab_conf(0);
		struct peer *p;

		unit_case("%s", cases[i].name);
		conf.auth = cases[i].auth;
		conf.token.file = path;
		conf.password = SPAN("");
		p = try_login(
		    cases[i].script, conf, cases[i].kind, cases[i].expected);
		assert_string_equal(peer_complaint(p), "");
		peer_free(p);
	}
	unlink(path);
}

/* Of a command the token is kept; when it is refused, a fresh one is tried
 * once, on the same connection. */
static void
test_token_renewed(void **state)
{
	static const struct peer_step script[] = { BEFORE_LOGIN(
						       "AUTH=XOAUTH2 SASL-IR"),
		HEAR(" AUTHENTICATE XOAUTH2 "), OK, CAPS("IDLE"), SELECT,
		{ PEER_NEXT, NULL }, BEFORE_LOGIN("AUTH=XOAUTH2 SASL-IR"),
		HEAR(" AUTHENTICATE XOAUTH2 "), SEND("%T NO too old\r\n"),
		HEAR(" AUTHENTICATE XOAUTH2 "), OK, AFTER_LOGIN };
	/* Another word each time. */
	static const char *words[] = { "/bin/sh", "-c", "mktemp -u XXXXXXXX" };
	struct peer *p = peer_start(script, fetch_lab_tls);
	struct fetch_conf conf = fetch_lab_conf(peer_port(p));
	struct fetch *f = NULL;

	(void)state;
	conf.token.command = (struct conf_list){ .v = words, .n = 3 };
	conf.password = SPAN("");
	assert_int_equal(fetch_new(unit_job(), &conf, &f), 0);
	for (int i = 0; i < 2; i++)
		if (fetch_connect(f, unit_job()) < 0)
			fail_msg("%s", unit_job()->err.text);
	fetch_lab_close(f, p);
}

/* So is one at which the server ends the connection, on the next one. */
static void
test_token_ended(void **state)
{
	static const struct peer_step script[] = { BEFORE_LOGIN(
						       "AUTH=XOAUTH2 SASL-IR"),
		HEAR(" AUTHENTICATE XOAUTH2 "),
		SEND("* BYE your session is over\r\n"), { PEER_NEXT, NULL },
		BEFORE_LOGIN("AUTH=XOAUTH2 SASL-IR"),
		/* Of "ten". */
		HEAR(" AUTHENTICATE XOAUTH2 "
		     "dXNlcj11c2VyAWF1dGg9QmVhcmVyIHRlbgEB\r\n"),
		OK, AFTER_LOGIN };
	static const char *words[] = { "/bin/sh", "-c", NULL };
	char path[] = "test-token-XXXXXX";
	int fd = mkstemp(path);
	struct peer *p = peer_start(script, fetch_lab_tls);
	struct fetch_conf conf = fetch_lab_conf(peer_port(p));
	struct fetch *f = NULL;

	(void)state;
	assert_int_equal(write(fd, "old", 3), 3);
	close(fd);
	words[2] = arena_printf(
	    unit_job()->arena, "cat %s; printf ten >%s", path, path);
	conf.token.command = (struct conf_list){ .v = words, .n = 3 };
	conf.password = SPAN("");
	assert_int_equal(fetch_new(unit_job(), &conf, &f), 0);
	fetch_lab_failed(fetch_connect(f, unit_job()), ERR_BUSY,
	    "login: the server said: BYE your session is over");
	if (fetch_connect(f, unit_job()) < 0)
		fail_msg("%s", unit_job()->err.text);
	fetch_lab_close(f, p);
	unlink(path);
}

/* No token, no connection. */
static void
test_token_missing(void **state)
{
	struct peer *p = peer_start(token_xoauth2, fetch_lab_tls);
	struct fetch_conf conf = fetch_lab_conf(peer_port(p));
	struct fetch *f = NULL;

	(void)state;
	conf.token.file = "no-such-token";
	assert_int_equal(fetch_new(unit_job(), &conf, &f), 0);
	fetch_lab_failed(
	    fetch_connect(f, unit_job()), ERR_BUSY, "no-such-token");
	fetch_free(f);
	peer_stop(p);
	assert_int_equal(peer_connections(p), 0);
	peer_free(p);
}

static const struct CMUnitTest tests[] = {
	WITH_TLS(test_auth),
	WITH_TLS(test_token),
	WITH_TLS(test_token_renewed),
	WITH_TLS(test_token_ended),
	WITH_TLS(test_token_missing),
};

UNIT_MAIN(tests)
