/*
 * Reading a mailbox against scripted IMAP servers: ER-21, ER-34, MA-1, and
 * the traps of the library underneath.
 */
#include "config.h"

#include "mail/fetch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/unit/peer.h"
#include "tests/unit/unit.h"

/* Generous: no test passes or fails because a machine is slow. */
#define TIMEOUT_MS 60000

static struct peer_tls *tls, *other_tls, *wrong_tls;

static int
make_certificates(void **state)
{
	(void)state;
	if (tls == NULL) {
		tls = peer_tls_new("localhost");
		other_tls = peer_tls_new("localhost");
		wrong_tls = peer_tls_new("mail.example.org");
	}
	return 0;
}

/* --- scripts ------------------------------------------------------------- */

#define SEND(text)                                                             \
	{                                                                      \
		PEER_SEND, text                                                \
	}
#define HEAR(text)                                                             \
	{                                                                      \
		PEER_EXPECT, text                                              \
	}
#define OK SEND("%T OK done\r\n")
#define STAY                                                                   \
	{ PEER_FAREWELL, NULL },                                               \
	{                                                                      \
		PEER_END, NULL                                                 \
	}
#define GREETING SEND("* OK [CAPABILITY IMAP4rev1] ready\r\n")
#define CAPS(list)                                                             \
	HEAR(" CAPABILITY"), SEND("* CAPABILITY IMAP4rev1 " list "\r\n"), OK
#define LOGIN HEAR(" LOGIN user s3cret"), OK
#define SELECT                                                                 \
	HEAR(" SELECT INBOX"),                                                 \
	    SEND("* 2 EXISTS\r\n* OK [UIDVALIDITY 77] v\r\n"                   \
		 "* OK [UIDNEXT 12] n\r\n%T OK [READ-WRITE] done\r\n")
#define OPEN(list)                                                             \
	{ PEER_TLS, NULL }, GREETING, CAPS(list), LOGIN, CAPS(list), SELECT
#define FOUND(uids) HEAR(" UID SEARCH"), SEND("* SEARCH" uids "\r\n"), OK
/* What fetch_list() reads of one message. */
#define ITEM(n, uid, size)                                                     \
	SEND("* " n " FETCH (UID " uid " RFC822.SIZE " size                    \
	     " INTERNALDATE \"02-Mar-2026 11:00:00 +0100\")\r\n")

static struct fetch_conf
conf_for(int port)
{
	return (struct fetch_conf){ .host = "localhost",
		.port = port,
		.tls = CONF_TLS_IMPLICIT,
		.ca_file = peer_tls_ca_file(tls),
		.user = "user",
		.password = SPAN("s3cret"),
		.folder = "INBOX",
		.disposal = CONF_DISPOSAL_MOVE,
		.processed_folder = "Processed",
		.timeout_ms = TIMEOUT_MS };
}

static struct fetch *
make(int port, enum conf_tls mode, enum conf_disposal disposal,
    const char *ca_file, int64_t timeout_ms)
{
	struct fetch_conf conf = conf_for(port);
	struct fetch *f = NULL;

	conf.tls = mode;
	conf.disposal = disposal;
	conf.ca_file = ca_file;
	conf.timeout_ms = timeout_ms;
	if (fetch_new(unit_job(), &conf, &f) < 0)
		fail_msg("%s", unit_job()->err.text);
	return f;
}

/* A connected session with a server that plays this. */
static struct fetch *
open_session(const struct peer_step *script, enum conf_disposal disposal,
    struct peer **p)
{
	struct fetch *f;

	*p = peer_start(script, tls);
	f = make(peer_port(*p), CONF_TLS_IMPLICIT, disposal,
	    peer_tls_ca_file(tls), TIMEOUT_MS);
	if (fetch_connect(f, unit_job()) < 0)
		fail_msg("%s", unit_job()->err.text);
	return f;
}

static void
close_session(struct fetch *f, struct peer *p)
{
	fetch_free(f);
	peer_stop(p);
	assert_string_equal(peer_complaint(p), "");
	peer_free(p);
}

static void
assert_failed(int result, enum err_kind kind, const char *text)
{
	struct job *j = unit_job();

	assert_int_equal(result, -1);
	if (j->err.kind != kind || strstr(j->err.text, text) == NULL)
		fail_msg("%s: %s", err_kind_name(j->err.kind), j->err.text);
	job_recover(j);
}

/* --- connecting ---------------------------------------------------------- */

static const struct peer_step plain_open[] = { OPEN("IDLE MOVE UIDPLUS"),
	STAY };
static const struct peer_step starttls_open[] = { GREETING, HEAR(" STARTTLS"),
	OK, { PEER_TLS, NULL }, CAPS("IDLE"), LOGIN, CAPS("IDLE"), SELECT,
	STAY };

static void
test_connect(void **state)
{
	struct peer *p;
	struct fetch *f;

	(void)state;
	f = open_session(plain_open, CONF_DISPOSAL_MOVE, &p);
	assert_true(fetch_is_connected(f));
	assert_int_equal(fetch_uidvalidity(f), 77);
	assert_string_equal(fetch_source(f), "imap://user@localhost/INBOX");
	fetch_disconnect(f);
	assert_false(fetch_is_connected(f));
	assert_int_equal(fetch_connect(f, unit_job()), 0);
	fetch_free(f);
	peer_stop(p);
	assert_string_equal(peer_complaint(p), "");
	assert_string_equal(peer_sni(p), "localhost");
	assert_true(peer_heard(p, " LOGOUT\r\n"));
	peer_free(p);

	p = peer_start(starttls_open, tls);
	f = make(peer_port(p), CONF_TLS_STARTTLS, CONF_DISPOSAL_FLAG,
	    peer_tls_ca_file(tls), TIMEOUT_MS);
	assert_int_equal(fetch_connect(f, unit_job()), 0);
	close_session(f, p);
}

/* UIDVALIDITY may change with each connection (ER-21). */
static void
test_uidvalidity(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"),
		{ PEER_NEXT, NULL }, { PEER_TLS, NULL }, GREETING, CAPS("IDLE"),
		LOGIN, CAPS("IDLE"), HEAR(" SELECT"),
		SEND("* 0 EXISTS\r\n* OK [UIDVALIDITY 4294967295] v\r\n"
		     "%T OK [READ-WRITE] done\r\n"),
		STAY };
	struct peer *p;
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, &p);

	(void)state;
	assert_int_equal(fetch_uidvalidity(f), 77);
	assert_int_equal(fetch_connect(f, unit_job()), 0);
	assert_int_equal(fetch_uidvalidity(f), 4294967295U);
	close_session(f, p);
}

static const struct peer_step only_tls[] = { { PEER_TLS, NULL }, STAY };
static const struct peer_step starttls_refused[] = { GREETING,
	HEAR(" STARTTLS"), SEND("%T NO not today\r\n"), STAY };
static const struct peer_step starttls_unknown[] = { GREETING,
	HEAR(" STARTTLS"), SEND("%T BAD what?\r\n"), STAY };
/* Trap: what comes behind the answer is believed as said inside TLS. */
static const struct peer_step starttls_injected[] = { GREETING,
	HEAR(" STARTTLS"),
	SEND("%T OK go\r\n* CAPABILITY IMAP4rev1 XFORGED\r\n"),
	{ PEER_TLS, NULL }, STAY };
/* Trap: PREAUTH keeps a client from TLS. */
static const struct peer_step preauth[] = { SEND("* PREAUTH welcome back\r\n"),
	{ PEER_TLS, NULL }, STAY };
static const struct peer_step preauth_tls[] = { { PEER_TLS, NULL },
	SEND("* PREAUTH welcome back\r\n"), STAY };
static const struct peer_step greeting_bye[] = { { PEER_TLS, NULL },
	SEND("* BYE too busy\r\n"), { PEER_END, NULL } };
static const struct peer_step greeting_nonsense[] = { { PEER_TLS, NULL },
	SEND("220 this is SMTP\r\n"), STAY };
static const struct peer_step greeting_cut[] = { { PEER_TLS, NULL },
	SEND("* OK hal"), { PEER_END, NULL } };
static const struct peer_step login_refused[] = { { PEER_TLS, NULL }, GREETING,
	CAPS(""), HEAR(" LOGIN"),
	SEND("%T NO [AUTHENTICATIONFAILED] wrong password\r\n"), STAY };
static const struct peer_step login_unavailable[] = { { PEER_TLS, NULL },
	GREETING, CAPS(""), HEAR(" LOGIN"),
	SEND("%T NO [UNAVAILABLE] the user database is down\r\n"), STAY };
static const struct peer_step login_disabled[] = { { PEER_TLS, NULL }, GREETING,
	CAPS("LOGINDISABLED"), STAY };
/* Trap: an OK without a list crashed the library's own function. */
static const struct peer_step no_capabilities[] = { { PEER_TLS, NULL },
	SEND("* OK ready\r\n"), HEAR(" CAPABILITY"), OK, HEAR(" LOGIN"),
	SEND("%T NO who?\r\n"), STAY };
static const struct peer_step no_folder[] = { { PEER_TLS, NULL }, GREETING,
	CAPS(""), LOGIN, CAPS(""), HEAR(" SELECT"),
	SEND("%T NO [NONEXISTENT] no such folder\r\n"), STAY };
static const struct peer_step read_only[] = { { PEER_TLS, NULL }, GREETING,
	CAPS(""), LOGIN, CAPS(""), HEAR(" SELECT"),
	SEND("* 0 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n"
	     "%T OK [READ-ONLY] done\r\n"),
	STAY };
static const struct peer_step no_validity[] = { { PEER_TLS, NULL }, GREETING,
	CAPS(""), LOGIN, CAPS(""), HEAR(" SELECT"),
	SEND("* 0 EXISTS\r\n%T OK [READ-WRITE] done\r\n"), STAY };

static void
test_refused(void **state)
{
	const struct {
		const char *name;
		const struct peer_step *script;
		enum conf_tls mode;
		struct peer_tls *served, *trusted;
		enum err_kind kind;
		const char *expected;
		bool login_allowed;
	} cases[] = {
		/* Trap: the library's own TLS gives the password to anybody. */
		{ "untrusted", only_tls, CONF_TLS_IMPLICIT, tls, other_tls,
		    ERR_BUSY, "certificate refused", false },
		{ "another name", only_tls, CONF_TLS_IMPLICIT, wrong_tls,
		    wrong_tls, ERR_BUSY, "it should name localhost", false },
		{ "system store", only_tls, CONF_TLS_IMPLICIT, tls, NULL,
		    ERR_BUSY, "certificate refused", false },
		{ "STARTTLS refused", starttls_refused, CONF_TLS_STARTTLS, tls,
		    tls, ERR_INTERNAL, "not today", false },
		{ "STARTTLS unknown", starttls_unknown, CONF_TLS_STARTTLS, tls,
		    tls, ERR_INTERNAL, "does not start TLS", false },
		{ "injected", starttls_injected, CONF_TLS_STARTTLS, tls, tls,
		    ERR_BUSY, "before TLS began", false },
		{ "PREAUTH", preauth, CONF_TLS_STARTTLS, tls, tls, ERR_INTERNAL,
		    "as if somebody had logged in", false },
		{ "PREAUTH in TLS", preauth_tls, CONF_TLS_IMPLICIT, tls, tls,
		    ERR_INTERNAL, "as if somebody had logged in", false },
		{ "BYE", greeting_bye, CONF_TLS_IMPLICIT, tls, tls, ERR_BUSY,
		    "too busy", false },
		{ "nonsense", greeting_nonsense, CONF_TLS_IMPLICIT, tls, tls,
		    ERR_BUSY, "not IMAP", false },
		{ "cut", greeting_cut, CONF_TLS_IMPLICIT, tls, tls, ERR_BUSY,
		    "closed the connection", false },
		{ "wrong password", login_refused, CONF_TLS_IMPLICIT, tls, tls,
		    ERR_UNAUTHORIZED, "wrong password", true },
		{ "login not now", login_unavailable, CONF_TLS_IMPLICIT, tls,
		    tls, ERR_BUSY, "database is down", true },
		{ "no login", login_disabled, CONF_TLS_IMPLICIT, tls, tls,
		    ERR_INTERNAL, "no login by password", false },
		{ "no capabilities", no_capabilities, CONF_TLS_IMPLICIT, tls,
		    tls, ERR_UNAUTHORIZED, "who?", true },
		{ "no folder", no_folder, CONF_TLS_IMPLICIT, tls, tls,
		    ERR_INTERNAL, "no such folder", true },
		{ "read-only", read_only, CONF_TLS_IMPLICIT, tls, tls,
		    ERR_INTERNAL, "can only be read", true },
		{ "no UIDVALIDITY", no_validity, CONF_TLS_IMPLICIT, tls, tls,
		    ERR_INTERNAL, "no UIDVALIDITY", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p = peer_start(cases[i].script, cases[i].served);
		struct fetch *f =
		    make(peer_port(p), cases[i].mode, CONF_DISPOSAL_MOVE,
			cases[i].trusted == NULL
			    ? NULL
			    : peer_tls_ca_file(cases[i].trusted),
			TIMEOUT_MS);

		unit_case("%s", cases[i].name);
		assert_failed(fetch_connect(f, unit_job()), cases[i].kind,
		    cases[i].expected);
		assert_false(fetch_is_connected(f));
		fetch_free(f);
		peer_stop(p);
		assert_int_equal(
		    peer_heard(p, "s3cret"), cases[i].login_allowed);
		peer_free(p);
	}
}

/* --- logging in ---------------------------------------------------------- */

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
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p = peer_start(cases[i].script, tls);
		struct fetch_conf conf = conf_for(peer_port(p));
		struct fetch *f = NULL;

		unit_case("%s", cases[i].name);
		conf.auth = cases[i].auth;
		assert_int_equal(fetch_new(unit_job(), &conf, &f), 0);
		if (cases[i].expected != NULL)
			assert_failed(fetch_connect(f, unit_job()),
			    cases[i].kind, cases[i].expected);
		else if (fetch_connect(f, unit_job()) < 0)
			fail_msg("%s", unit_job()->err.text);
		assert_int_equal(
		    fetch_is_connected(f), cases[i].expected == NULL);
		fetch_free(f);
		peer_stop(p);
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
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p = peer_start(cases[i].script, tls);
		struct fetch_conf conf = conf_for(peer_port(p));
		struct fetch *f = NULL;

		unit_case("%s", cases[i].name);
		conf.auth = cases[i].auth;
		conf.token.file = path;
		conf.password = SPAN("");
		assert_int_equal(fetch_new(unit_job(), &conf, &f), 0);
		if (cases[i].expected != NULL)
			assert_failed(fetch_connect(f, unit_job()),
			    cases[i].kind, cases[i].expected);
		else if (fetch_connect(f, unit_job()) < 0)
			fail_msg("%s", unit_job()->err.text);
		fetch_free(f);
		peer_stop(p);
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
	struct peer *p = peer_start(script, tls);
	struct fetch_conf conf = conf_for(peer_port(p));
	struct fetch *f = NULL;

	(void)state;
	conf.token.command = (struct conf_list){ .v = words, .n = 3 };
	conf.password = SPAN("");
	assert_int_equal(fetch_new(unit_job(), &conf, &f), 0);
	for (int i = 0; i < 2; i++)
		if (fetch_connect(f, unit_job()) < 0)
			fail_msg("%s", unit_job()->err.text);
	close_session(f, p);
}

/* No token, no connection. */
static void
test_token_missing(void **state)
{
	struct peer *p = peer_start(token_xoauth2, tls);
	struct fetch_conf conf = conf_for(peer_port(p));
	struct fetch *f = NULL;

	(void)state;
	conf.token.file = "no-such-token";
	assert_int_equal(fetch_new(unit_job(), &conf, &f), 0);
	assert_failed(fetch_connect(f, unit_job()), ERR_BUSY, "no-such-token");
	fetch_free(f);
	peer_stop(p);
	assert_int_equal(peer_connections(p), 0);
	peer_free(p);
}

static void
test_unreachable(void **state)
{
	struct peer *p = peer_start(plain_open, tls);
	struct fetch *f = make(peer_port(p), CONF_TLS_IMPLICIT,
	    CONF_DISPOSAL_MOVE, peer_tls_ca_file(tls), TIMEOUT_MS);
	struct fetch_item *items;
	struct span message;
	size_t count;
	uint32_t uid = 1;
	bool new_mail;

	(void)state;
	peer_free(p);
	assert_failed(
	    fetch_connect(f, unit_job()), ERR_BUSY, "Connection refused");
	assert_failed(fetch_list(f, unit_job(), 0, 9, &items, &count), ERR_BUSY,
	    "not connected");
	assert_failed(fetch_message(f, unit_job(), 1, 9, &message), ERR_BUSY,
	    "not connected");
	assert_failed(
	    fetch_dispose(f, unit_job(), &uid, 1), ERR_BUSY, "not connected");
	assert_failed(fetch_wait(f, unit_job(), -1, 9, &new_mail), ERR_BUSY,
	    "not connected");
	fetch_free(f);
}

/* --- listing ------------------------------------------------------------- */

static void
test_list(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"),
		FOUND(" 11 9 10"), HEAR(" UID FETCH 9:11 ("),
		/* Not in order, twice, somebody else's flags, incomplete. */
		SEND("* 1 FETCH (FLAGS (\\Seen))\r\n"), ITEM("3", "11", "30"),
		ITEM("1", "9", "10"), ITEM("1", "9", "10"),
		SEND("* 2 FETCH (UID 10)\r\n"), OK, STAY };
	struct peer *p;
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, &p);
	struct fetch_item *items;
	size_t count;

	(void)state;
	assert_int_equal(fetch_list(f, unit_job(), 8, 100, &items, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(items[0].uid, 9);
	assert_int_equal(items[0].size, 10);
	assert_int_equal(items[0].internal_date, 1772445600);
	assert_int_equal(items[1].uid, 11);
	assert_int_equal(items[1].size, 30);
	close_session(f, p);
}

/* Trap: "9:*" has the last message even if its UID is below 9.  A backlog is
 * taken in parts. */
static void
test_list_bounds(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"), FOUND(" 8"),
		FOUND(" 9 10 11 12 20"), HEAR(" UID FETCH 9:10 ("),
		ITEM("1", "9", "10"), ITEM("2", "10", "10"),
		ITEM("3", "11", "10"), OK, FOUND(""), STAY };
	struct peer *p;
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, &p);
	struct fetch_item *items;
	size_t count;

	(void)state;
	assert_int_equal(fetch_list(f, unit_job(), 8, 100, &items, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(fetch_list(f, unit_job(), 8, 2, &items, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(items[1].uid, 10);
	assert_int_equal(fetch_list(f, unit_job(), 20, 2, &items, &count), 0);
	assert_int_equal(count, 0);
	/* Nobody needs to be asked. */
	assert_int_equal(
	    fetch_list(f, unit_job(), UINT32_MAX, 2, &items, &count), 0);
	assert_int_equal(count, 0);
	close_session(f, p);
}

/* What is behind a UID, when a listing is asked for. */
struct listing {
	uint32_t after;
	size_t count;
	bool has_more;
};

static void
expect_lists(struct fetch *f, const struct listing *lists, size_t n, size_t max)
{
	struct fetch_item *items;
	size_t count;

	for (size_t i = 0; i < n; i++) {
		unit_case("%zu", i);
		assert_int_equal(fetch_list(f, unit_job(), lists[i].after, max,
				     &items, &count),
		    0);
		assert_int_equal(count, lists[i].count);
		assert_int_equal(fetch_has_more(f), lists[i].has_more);
	}
}

/* A large backlog is searched once and listed part by part; then again. */
static void
test_backlog(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"),
		FOUND(" 9 11 13 15 17"), HEAR(" UID FETCH 9,11 ("),
		ITEM("1", "9", "10"), ITEM("2", "11", "10"), OK,
		HEAR(" UID FETCH 13,15 ("), OK, HEAR(" UID FETCH 17 ("),
		ITEM("5", "17", "10"), OK, FOUND(" 17"), STAY };
	static const struct listing lists[] = { { 8, 2, true }, { 11, 0, true },
		{ 11, 1, false }, { 17, 0, false } };
	struct peer *p;
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, &p);

	(void)state;
	expect_lists(f, lists, sizeof(lists) / sizeof(lists[0]), 2);
	close_session(f, p);
}

/* A mailbox with 100,000 old messages: one answer names them all, and the end
 * of them is listed without asking again. */
static void
test_old_messages(void **state)
{
	char found[700 * 1000];
	const struct peer_step script[] = { OPEN("IDLE"), HEAR(" UID SEARCH"),
		SEND(found), OK, HEAR(" UID FETCH 1:100 ("),
		ITEM("1", "1", "10"), OK, HEAR(" UID FETCH 99951:100000 ("),
		ITEM("100000", "100000", "10"), OK, FOUND(""), STAY };
	struct fetch_item *items;
	struct fetch *f;
	struct peer *p;
	size_t count;
	int n = snprintf(found, sizeof(found), "* SEARCH");

	(void)state;
	for (int uid = 1; uid <= 100000; uid++)
		n += snprintf(found + n, sizeof(found) - (size_t)n, " %d", uid);
	n += snprintf(found + n, sizeof(found) - (size_t)n, "\r\n");
	assert_true((size_t)n < sizeof(found));
	f = open_session(script, CONF_DISPOSAL_MOVE, &p);
	if (fetch_list(f, unit_job(), 0, 100, &items, &count) < 0)
		fail_msg("%s", unit_job()->err.text);
	assert_int_equal(count, 1);
	assert_int_equal(items[0].uid, 1);
	assert_true(fetch_has_more(f));
	assert_int_equal(
	    fetch_list(f, unit_job(), 99950, 100, &items, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(items[0].uid, 100000);
	assert_false(fetch_has_more(f));
	assert_int_equal(
	    fetch_list(f, unit_job(), 100000, 100, &items, &count), 0);
	assert_int_equal(count, 0);
	close_session(f, p);
}

/* Three million: searched in parts, so that no answer is beyond its bounds.
 * One part has nothing, and what another had is gone when it is listed. */
static void
test_millions(void **state)
{
	static const struct peer_step script[] = { { PEER_TLS, NULL }, GREETING,
		CAPS("IDLE"), LOGIN, CAPS("IDLE"), HEAR(" SELECT INBOX"),
		SEND("* 3000000 EXISTS\r\n* OK [UIDVALIDITY 77] v\r\n"
		     "* OK [UIDNEXT 4000001] n\r\n%T OK done\r\n"),
		HEAR(" UID SEARCH UID 1:1000000\r\n"),
		SEND("* SEARCH 1 1000000 1000001\r\n"), OK,
		HEAR(" UID FETCH 1,1000000 ("), ITEM("1", "1", "10"),
		ITEM("2", "1000000", "10"), OK,
		HEAR(" UID SEARCH UID 1000001:2000000\r\n"),
		SEND("* SEARCH 1500000\r\n"), OK, HEAR(" UID FETCH 1500000 ("),
		OK, HEAR(" UID SEARCH UID 2000001:3000000\r\n"),
		SEND("* SEARCH\r\n"), OK,
		HEAR(" UID SEARCH UID 3000001:4000000\r\n"),
		SEND("* SEARCH 3500000\r\n"), OK, HEAR(" UID FETCH 3500000 ("),
		ITEM("9", "3500000", "10"), OK,
		HEAR(" UID SEARCH UID 4000001:*\r\n"),
		SEND("* SEARCH 4000001\r\n"), OK, HEAR(" UID FETCH 4000001 ("),
		ITEM("10", "4000001", "10"), OK,
		HEAR(" UID SEARCH UID 4000002:*\r\n"), SEND("* SEARCH\r\n"), OK,
		STAY };
	static const struct listing lists[] = { { 0, 2, true },
		{ 1000000, 0, true }, { 1000000, 1, true },
		{ 3500000, 1, false }, { 4000001, 0, false } };
	struct peer *p;
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, &p);

	(void)state;
	expect_lists(f, lists, sizeof(lists) / sizeof(lists[0]), 100);
	close_session(f, p);
}

/* --- a message ----------------------------------------------------------- */

#define BODY_HEAD(uid, size, literal)                                          \
	SEND("* 1 FETCH (UID " uid " RFC822.SIZE " size " BODY[]<0> {" literal \
	     "}\r\n")

static const struct peer_step reads[] = { OPEN("IDLE"),
	HEAR(" UID FETCH 9 (UID RFC822.SIZE BODY.PEEK[]<0.100>)"),
	BODY_HEAD("9", "17", "17"), SEND("From: a@b\r\n\r\nbody)\r\n"), OK,
	STAY };

static void
test_message(void **state)
{
	struct peer *p;
	struct fetch *f = open_session(reads, CONF_DISPOSAL_MOVE, &p);
	struct span message;

	(void)state;
	assert_int_equal(fetch_message(f, unit_job(), 9, 100, &message), 1);
	assert_span_equal(message, "From: a@b\r\n\r\nbody");
	close_session(f, p);
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
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, &p);
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
	close_session(f, p);
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
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, &p);
	struct fetch_body bodies[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		ask_ahead(f, nine_ten, 2);
		if (fetch_messages(f, unit_job(), nine_ten, 2, 100, bodies) < 0)
			fail_msg("%s", unit_job()->err.text);
		assert_span_equal(bodies[0].raw, "first");
		assert_span_equal(bodies[1].raw, "second");
	}
	close_session(f, p);
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
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, &p);
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
	close_session(f, p);
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
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct fetch *f =
		    open_session(cases[i].script, CONF_DISPOSAL_MOVE, &p);
		struct fetch_body bodies[2];

		unit_case("%zu", i);
		ask_ahead(f, nine_ten, 2);
		assert_failed(
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
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, &p);
	struct fetch_body bodies[2];

	(void)state;
	assert_failed(fetch_messages(f, unit_job(), items, 2, 1 << 20, bodies),
	    ERR_BUSY, "more than it may");
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
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct fetch *f =
		    open_session(cases[i].script, CONF_DISPOSAL_MOVE, &p);
		struct span message;

		unit_case("%s", cases[i].name);
		assert_int_equal(fetch_message(f, unit_job(), 9, 10, &message),
		    cases[i].result);
		assert_true(fetch_is_connected(f));
		close_session(f, p);
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
		{ "BYE", says_bye, "IMAP server" },
		{ "continuation", asks_more, "IMAP server" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct fetch *f =
		    open_session(cases[i].script, CONF_DISPOSAL_MOVE, &p);
		struct span message;

		unit_case("%s", cases[i].name);
		assert_failed(fetch_message(f, unit_job(), 9, 10, &message),
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
		f = open_session(script, CONF_DISPOSAL_MOVE, &p);
		assert_failed(fetch_message(f, unit_job(), 9, 10, &message),
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
	struct peer *p = peer_start(script, tls);
	struct fetch *f = make(peer_port(p), CONF_TLS_IMPLICIT,
	    CONF_DISPOSAL_MOVE, peer_tls_ca_file(tls), 1000);
	struct span message;
	int64_t begin;

	(void)state;
	/* A slow machine may need several tries to connect in a second. */
	while (fetch_connect(f, unit_job()) < 0)
		job_recover(unit_job());
	begin = clock_mono_ms();
	assert_failed(
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
		struct peer *p = peer_start(scripts[i], tls);
		struct fetch *f = make(peer_port(p), CONF_TLS_IMPLICIT,
		    CONF_DISPOSAL_MOVE, peer_tls_ca_file(tls), 1000);
		int64_t begin = clock_mono_ms();

		unit_case("%zu", i);
		assert_failed(
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
	struct peer *p = peer_start(reads, tls);
	struct fetch *f = make(peer_port(p), CONF_TLS_IMPLICIT,
	    CONF_DISPOSAL_MOVE, peer_tls_ca_file(tls), TIMEOUT_MS);
	struct span message;
	static int fds[1100];
	size_t n = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = limit.rlim_max < 2048 ? limit.rlim_max : 2048;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (n < sizeof(fds) / sizeof(fds[0])) {
		fds[n] = open("/dev/null", O_RDONLY);
		if (fds[n] < 0)
			break;
		n++;
	}
	if (n == sizeof(fds) / sizeof(fds[0])) {
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
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct fetch *f =
		    open_session(cases[i].script, cases[i].disposal, &p);

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
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, &p);

	(void)state;
	assert_failed(fetch_dispose(f, unit_job(), some, 5), ERR_BUSY,
	    "moving to the processed folder");
	assert_true(fetch_is_connected(f));
	close_session(f, p);
}

/* Many: in batches, so that no line is too long for a server. */
static void
test_dispose_batches(void **state)
{
	static const struct peer_step script[] = { OPEN("MOVE"),
		HEAR(" UID MOVE 1,3,5,"), OK, HEAR(" UID MOVE 401,403,"), OK,
		HEAR(" UID MOVE 801,"), OK, STAY };
	struct peer *p;
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, &p);
	uint32_t uids[450];

	(void)state;
	for (uint32_t i = 0; i < 450; i++)
		uids[i] = 2 * i + 1;
	assert_int_equal(fetch_dispose(f, unit_job(), uids, 450), 0);
	close_session(f, p);
}

/* --- waiting ------------------------------------------------------------- */

/* After SELECT the first wait says that there may be mail: list it first. */
static struct fetch *
open_and_list(const struct peer_step *script, struct peer **p)
{
	struct fetch *f = open_session(script, CONF_DISPOSAL_MOVE, p);
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
		{ "beside another answer", beside, TIMEOUT_MS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct fetch *f = open_and_list(cases[i].script, &p);
		bool new_mail = false;

		unit_case("%s", cases[i].name);
		if (fetch_wait(
			f, unit_job(), -1, cases[i].timeout_ms, &new_mail) < 0)
			fail_msg("%s", unit_job()->err.text);
		assert_true(new_mail);
		close_session(f, p);
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
	close_session(f, p);
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
	struct peer *p = peer_start(script, tls);
	struct fetch_conf conf = conf_for(peer_port(p));
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
	assert_failed(fetch_wait(f, unit_job(), -1, TIMEOUT_MS, &new_mail),
	    ERR_BUSY, "did not answer in time");
	assert_in_range(clock_mono_ms() - begun, 0, TIMEOUT_MS / 2);
	close_session(f, p);
}

/* Nor one that is not there, or says nothing. */
static void
test_ending_unconnected(void **state)
{
	static const struct peer_step mute[] = { { PEER_SILENCE, NULL },
		{ PEER_END, NULL } };
	struct peer *p = peer_start(mute, tls);
	struct peer_deaf *deaf = peer_deaf_new();
	const int ports[] = { peer_port(p), peer_deaf_port(deaf) };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fetch_conf conf = conf_for(ports[i]);
		int64_t begun = clock_mono_ms();
		struct fetch *f = NULL;

		conf.is_ending = is_ending;
		conf.timeout_ms = 600000;
		ends_now = true;
		assert_int_equal(fetch_new(unit_job(), &conf, &f), 0);
		assert_failed(fetch_connect(f, unit_job()), ERR_BUSY,
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
	close_session(f, p);
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
	close_session(f, p);
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
	close_session(f, p);
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
	close_session(f, p);
}

static const struct peer_step idle_closed[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("+ idling\r\n"), { PEER_END, NULL } };
static const struct peer_step idle_reset[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("+ idling\r\n"), { PEER_RESET, NULL } };
static const struct peer_step idle_bye[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("+ idling\r\n* BYE restarting\r\n"), STAY };
static const struct peer_step idle_refused[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("%T NO not now\r\n"), STAY };
static const struct peer_step idle_nonsense[] = { OPEN("IDLE"), FOUND(""),
	HEAR(" IDLE"), SEND("+ idling\r\nhello\r\n"), STAY };
static const struct peer_step poll_closed[] = { OPEN(""), FOUND(""),
	HEAR(" NOOP"), { PEER_END, NULL } };

/* The server goes away: noticed at once, and the session is over. */
static void
test_wait_lost(void **state)
{
	static const struct {
		const char *name;
		const struct peer_step *script;
	} cases[] = {
		{ "closed", idle_closed },
		{ "reset", idle_reset },
		{ "BYE", idle_bye },
		{ "refused", idle_refused },
		{ "nonsense", idle_nonsense },
		{ "polling", poll_closed },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p;
		struct fetch *f = open_and_list(cases[i].script, &p);
		bool new_mail = true;

		unit_case("%s", cases[i].name);
		assert_failed(
		    fetch_wait(f, unit_job(), -1, TIMEOUT_MS, &new_mail),
		    ERR_BUSY, "waiting for mail");
		assert_false(fetch_is_connected(f));
		close_session(f, p);
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
	struct peer *p = peer_start(script, tls);
	struct fetch *f = make(peer_port(p), CONF_TLS_IMPLICIT,
	    CONF_DISPOSAL_MOVE, peer_tls_ca_file(tls), 1000);
	struct fetch_item *items;
	size_t count;
	bool new_mail;

	(void)state;
	while (fetch_connect(f, unit_job()) < 0 ||
	       fetch_list(f, unit_job(), 20, 9, &items, &count) < 0)
		job_recover(unit_job());
	assert_failed(
	    fetch_wait(f, unit_job(), -1, 10, &new_mail), ERR_BUSY, "in time");
	assert_false(fetch_is_connected(f));
	fetch_free(f);
	peer_free(p);
}

/* --- checking ------------------------------------------------------------ */

static void
test_check(void **state)
{
	static const struct peer_step present[] = { OPEN("MOVE"),
		HEAR(" STATUS Processed (MESSAGES)"),
		SEND("* STATUS Processed (MESSAGES 3)\r\n%T OK done\r\n"),
		STAY };
	static const struct peer_step missing[] = { OPEN("MOVE"),
		HEAR(" STATUS"), SEND("%T NO no such folder\r\n"),
		HEAR(" CREATE Processed"), OK, STAY };
	static const struct peer_step forbidden[] = { OPEN("MOVE"),
		HEAR(" STATUS"), SEND("%T NO no such folder\r\n"),
		HEAR(" CREATE"), SEND("%T NO not yours\r\n"), STAY };
	static const struct {
		const struct peer_step *script;
		enum err_kind kind;
		const char *expected;
	} cases[] = {
		{ present, ERR_NONE, NULL },
		{ missing, ERR_NONE, NULL },
		{ forbidden, ERR_BUSY, "not yours" },
		{ login_refused, ERR_UNAUTHORIZED, "wrong password" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *p = peer_start(cases[i].script, tls);
		struct fetch *f = make(peer_port(p), CONF_TLS_IMPLICIT,
		    CONF_DISPOSAL_MOVE, peer_tls_ca_file(tls), TIMEOUT_MS);
		int result = fetch_check(f, unit_job());

		unit_case("%zu", i);
		if (cases[i].expected == NULL)
			assert_int_equal(result, 0);
		else
			assert_failed(result, cases[i].kind, cases[i].expected);
		close_session(f, p);
	}
}

static void
test_configuration(void **state)
{
	const struct {
		const char *name;
		const char *host;
		enum conf_tls mode;
		const char *user;
		const char *folder;
		const char *ca_file;
		const char *expected;
	} cases[] = {
		{ "no TLS", "localhost", CONF_TLS_NONE, "user", "INBOX", NULL,
		    "without TLS" },
		{ "no host", "", CONF_TLS_IMPLICIT, "user", "INBOX", NULL,
		    "IMAP host" },
		{ "no user", "localhost", CONF_TLS_IMPLICIT, "", "INBOX", NULL,
		    "IMAP user" },
		{ "user with a line end", "localhost", CONF_TLS_IMPLICIT,
		    "a\r\n1 LOGOUT", "INBOX", NULL, "IMAP user" },
		{ "folder with a line end", "localhost", CONF_TLS_IMPLICIT,
		    "user", "IN\r\nBOX", NULL, "IMAP folder" },
		{ "no such file", "localhost", CONF_TLS_IMPLICIT, "user",
		    "INBOX", "no-such-file.pem", "no-such-file.pem" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fetch_conf conf = { .host = cases[i].host,
			.port = 993,
			.tls = cases[i].mode,
			.ca_file = cases[i].ca_file,
			.user = cases[i].user,
			.password = SPAN("x"),
			.folder = cases[i].folder,
			.disposal = CONF_DISPOSAL_FLAG,
			.timeout_ms = 5000 };
		struct fetch *f = NULL;

		unit_case("%s", cases[i].name);
		assert_failed(
		    fetch_new(j, &conf, &f), ERR_INTERNAL, cases[i].expected);
		assert_null(f);
	}
	fetch_free(NULL);
	peer_tls_free(tls);
	peer_tls_free(other_tls);
	peer_tls_free(wrong_tls);
	tls = NULL;
}

#define WITH_TLS(test) cmocka_unit_test_setup(test, make_certificates)

static const struct CMUnitTest tests[] = {
	WITH_TLS(test_connect),
	WITH_TLS(test_uidvalidity),
	WITH_TLS(test_refused),
	WITH_TLS(test_auth),
	WITH_TLS(test_token),
	WITH_TLS(test_token_renewed),
	WITH_TLS(test_token_missing),
	WITH_TLS(test_unreachable),
	WITH_TLS(test_list),
	WITH_TLS(test_list_bounds),
	WITH_TLS(test_backlog),
	WITH_TLS(test_old_messages),
	WITH_TLS(test_millions),
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
	WITH_TLS(test_check),
	WITH_TLS(test_configuration),
};
UNIT_MAIN(tests)
