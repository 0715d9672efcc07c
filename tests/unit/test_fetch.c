/*
 * An IMAP server that is connected to, listed and checked, played by a script:
 * ER-21, ER-34, and the traps of the library underneath.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "tests/unit/fetch_lab.h"

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
	f = fetch_lab_open(plain_open, CONF_DISPOSAL_MOVE, &p);
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

	p = peer_start(starttls_open, fetch_lab_tls);
	f = fetch_lab_new(peer_port(p), CONF_TLS_STARTTLS, CONF_DISPOSAL_FLAG,
	    peer_tls_ca_file(fetch_lab_tls), TIMEOUT_MS);
	assert_int_equal(fetch_connect(f, unit_job()), 0);
	fetch_lab_close(f, p);
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
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);

	(void)state;
	assert_int_equal(fetch_uidvalidity(f), 77);
	assert_int_equal(fetch_connect(f, unit_job()), 0);
	assert_int_equal(fetch_uidvalidity(f), 4294967295U);
	fetch_lab_close(f, p);
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
/* libetpan reads from nowhere. */
static const struct peer_step greeting_charset[] = { { PEER_TLS, NULL },
	SEND("* OK [BADCHARSET (us-ascii)] ready\r\n"), STAY };
static const struct peer_step starttls_charset[] = { GREETING,
	HEAR(" STARTTLS"),
	SEND("* NO [badcharset (us-ascii)] x\r\n%T OK begin\r\n"), STAY };
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
/* Trap: an empty list crashes those that look something up in it. */
static const struct peer_step empty_list[] = { { PEER_TLS, NULL }, GREETING,
	HEAR(" CAPABILITY"), SEND("* CAPABILITY\r\n"), OK, HEAR(" LOGIN"),
	SEND("%T NO [CAPABILITY] who?\r\n"), STAY };
static const struct peer_step login_bye[] = { { PEER_TLS, NULL }, GREETING,
	CAPS("AUTH=PLAIN"), HEAR(" AUTHENTICATE PLAIN"), SEND("+ \r\n"),
	HEAR(""), SEND("* BYE Too many invalid logins by s3cret\r\n"),
	{ PEER_END, NULL } };
static const struct peer_step folder_bye[] = { { PEER_TLS, NULL }, GREETING,
	CAPS(""), LOGIN, CAPS(""), HEAR(" SELECT"),
	SEND("* BYE [INUSE] too many connections\r\n"), { PEER_END, NULL } };
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
		{ "untrusted", only_tls, CONF_TLS_IMPLICIT, fetch_lab_tls,
		    fetch_lab_other_tls, ERR_BUSY, "certificate refused",
		    false },
		{ "another name", only_tls, CONF_TLS_IMPLICIT,
		    fetch_lab_wrong_tls, fetch_lab_wrong_tls, ERR_BUSY,
		    "it should name localhost", false },
		{ "system store", only_tls, CONF_TLS_IMPLICIT, fetch_lab_tls,
		    NULL, ERR_BUSY, "certificate refused", false },
		{ "STARTTLS refused", starttls_refused, CONF_TLS_STARTTLS,
		    fetch_lab_tls, fetch_lab_tls, ERR_INTERNAL, "not today",
		    false },
		{ "STARTTLS unknown", starttls_unknown, CONF_TLS_STARTTLS,
		    fetch_lab_tls, fetch_lab_tls, ERR_INTERNAL,
		    "does not start TLS", false },
		{ "injected", starttls_injected, CONF_TLS_STARTTLS,
		    fetch_lab_tls, fetch_lab_tls, ERR_BUSY, "before TLS began",
		    false },
		{ "PREAUTH", preauth, CONF_TLS_STARTTLS, fetch_lab_tls,
		    fetch_lab_tls, ERR_INTERNAL, "as if somebody had logged in",
		    false },
		{ "PREAUTH in TLS", preauth_tls, CONF_TLS_IMPLICIT,
		    fetch_lab_tls, fetch_lab_tls, ERR_INTERNAL,
		    "as if somebody had logged in", false },
		{ "BYE", greeting_bye, CONF_TLS_IMPLICIT, fetch_lab_tls,
		    fetch_lab_tls, ERR_BUSY, "too busy", false },
		{ "nonsense", greeting_nonsense, CONF_TLS_IMPLICIT,
		    fetch_lab_tls, fetch_lab_tls, ERR_BUSY,
		    "not IMAP: 220 this is SMTP", false },
		{ "charset", greeting_charset, CONF_TLS_IMPLICIT, fetch_lab_tls,
		    fetch_lab_tls, ERR_BUSY, "speaks of charsets", false },
		{ "charset before TLS", starttls_charset, CONF_TLS_STARTTLS,
		    fetch_lab_tls, fetch_lab_tls, ERR_BUSY,
		    "speaks of charsets", false },
		{ "cut", greeting_cut, CONF_TLS_IMPLICIT, fetch_lab_tls,
		    fetch_lab_tls, ERR_BUSY, "closed the connection", false },
		{ "wrong password", login_refused, CONF_TLS_IMPLICIT,
		    fetch_lab_tls, fetch_lab_tls, ERR_UNAUTHORIZED,
		    "wrong password", true },
		{ "login not now", login_unavailable, CONF_TLS_IMPLICIT,
		    fetch_lab_tls, fetch_lab_tls, ERR_BUSY, "database is down",
		    true },
		{ "no login", login_disabled, CONF_TLS_IMPLICIT, fetch_lab_tls,
		    fetch_lab_tls, ERR_INTERNAL, "no login by password",
		    false },
		{ "no capabilities", no_capabilities, CONF_TLS_IMPLICIT,
		    fetch_lab_tls, fetch_lab_tls, ERR_UNAUTHORIZED, "who?",
		    true },
		{ "no capability", empty_list, CONF_TLS_IMPLICIT, fetch_lab_tls,
		    fetch_lab_tls, ERR_UNAUTHORIZED, "who?", true },
		{ "login ended", login_bye, CONF_TLS_IMPLICIT, fetch_lab_tls,
		    fetch_lab_tls, ERR_BUSY,
		    "login: the server said: BYE Too many invalid logins by "
		    "******",
		    false },
		{ "folder ended", folder_bye, CONF_TLS_IMPLICIT, fetch_lab_tls,
		    fetch_lab_tls, ERR_BUSY, "BYE [INUSE] too many connections",
		    true },
		{ "no folder", no_folder, CONF_TLS_IMPLICIT, fetch_lab_tls,
		    fetch_lab_tls, ERR_INTERNAL, "no such folder", true },
		{ "read-only", read_only, CONF_TLS_IMPLICIT, fetch_lab_tls,
		    fetch_lab_tls, ERR_INTERNAL, "can only be read", true },
		{ "no UIDVALIDITY", no_validity, CONF_TLS_IMPLICIT,
		    fetch_lab_tls, fetch_lab_tls, ERR_INTERNAL,
		    "no UIDVALIDITY", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p = peer_start(cases[i].script, cases[i].served);
		struct fetch *f = fetch_lab_new(peer_port(p), cases[i].mode,
		    CONF_DISPOSAL_MOVE,
		    cases[i].trusted == NULL
			? NULL
			: peer_tls_ca_file(cases[i].trusted),
		    TIMEOUT_MS);

		unit_case("%s", cases[i].name);
		fetch_lab_failed(fetch_connect(f, unit_job()), cases[i].kind,
		    cases[i].expected);
		assert_false(fetch_is_connected(f));
		fetch_free(f);
		peer_stop(p);
		assert_int_equal(
		    peer_heard(p, "s3cret"), cases[i].login_allowed);
		peer_free(p);
	}
}

static void
test_unreachable(void **state)
{
	struct peer *p = peer_start(plain_open, fetch_lab_tls);
	struct fetch *f = fetch_lab_new(peer_port(p), CONF_TLS_IMPLICIT,
	    CONF_DISPOSAL_MOVE, peer_tls_ca_file(fetch_lab_tls), TIMEOUT_MS);
	struct fetch_item *items;
	struct span message;
	size_t count;
	uint32_t uid = 1;
	bool new_mail;

	(void)state;
	peer_free(p);
	fetch_lab_failed(
	    fetch_connect(f, unit_job()), ERR_BUSY, "Connection refused");
	fetch_lab_failed(fetch_list(f, unit_job(), 0, 9, &items, &count),
	    ERR_BUSY, "not connected");
	fetch_lab_failed(fetch_message(f, unit_job(), 1, 9, &message), ERR_BUSY,
	    "not connected");
	fetch_lab_failed(
	    fetch_dispose(f, unit_job(), &uid, 1), ERR_BUSY, "not connected");
	fetch_lab_failed(fetch_wait(f, unit_job(), -1, 9, &new_mail), ERR_BUSY,
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
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);
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
	fetch_lab_close(f, p);
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
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);
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
	fetch_lab_close(f, p);
}

/* While a folder is open a server should not number its messages anew; if it
 * does, what is new has UIDs that are none to us. */
static void
test_renumbered(void **state)
{
	static const struct peer_step script[] = { OPEN("IDLE"),
		HEAR(" UID SEARCH"),
		SEND("* OK [UIDVALIDITY 77] x\r\n* SEARCH\r\n"), OK,
		HEAR(" UID SEARCH"),
		SEND("* OK [UIDVALIDITY 78] x\r\n* SEARCH 9\r\n"), OK, STAY };
	static const struct peer_step later[] = { OPEN("IDLE"), FOUND(" 9"),
		HEAR(" UID FETCH 9 ("), ITEM("1", "9", "10"),
		SEND("* OK [UIDVALIDITY 78] x\r\n"), OK, STAY };
	const struct peer_step *const scripts[] = { script, later };
	struct peer *p;
	struct fetch_item *items;
	size_t count;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fetch *f =
		    fetch_lab_open(scripts[i], CONF_DISPOSAL_MOVE, &p);

		unit_case("%zu", i);
		if (i == 0)
			assert_int_equal(
			    fetch_list(f, unit_job(), 8, 100, &items, &count),
			    0);
		fetch_lab_failed(
		    fetch_list(f, unit_job(), 8, 100, &items, &count), ERR_BUSY,
		    "anew (UIDVALIDITY)");
		assert_false(fetch_is_connected(f));
		fetch_lab_close(f, p);
	}
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
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);

	(void)state;
	expect_lists(f, lists, COUNT(lists), 2);
	fetch_lab_close(f, p);
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
	f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);
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
	fetch_lab_close(f, p);
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
	struct fetch *f = fetch_lab_open(script, CONF_DISPOSAL_MOVE, &p);

	(void)state;
	expect_lists(f, lists, COUNT(lists), 100);
	fetch_lab_close(f, p);
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
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct peer *p = peer_start(cases[i].script, fetch_lab_tls);
		struct fetch *f = fetch_lab_new(peer_port(p), CONF_TLS_IMPLICIT,
		    CONF_DISPOSAL_MOVE, peer_tls_ca_file(fetch_lab_tls),
		    TIMEOUT_MS);
		int result = fetch_check(f, unit_job());

		unit_case("%zu", i);
		if (cases[i].expected == NULL)
			assert_int_equal(result, 0);
		else
			fetch_lab_failed(
			    result, cases[i].kind, cases[i].expected);
		fetch_lab_close(f, p);
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
	for (size_t i = 0; i < COUNT(cases); i++) {
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
		fetch_lab_failed(
		    fetch_new(j, &conf, &f), ERR_INTERNAL, cases[i].expected);
		assert_null(f);
	}
	fetch_free(NULL);
}

static const struct CMUnitTest tests[] = {
	WITH_TLS(test_connect),
	WITH_TLS(test_uidvalidity),
	WITH_TLS(test_refused),
	WITH_TLS(test_unreachable),
	WITH_TLS(test_list),
	WITH_TLS(test_list_bounds),
	WITH_TLS(test_renumbered),
	WITH_TLS(test_backlog),
	WITH_TLS(test_old_messages),
	WITH_TLS(test_millions),
	WITH_TLS(test_check),
	WITH_TLS(test_configuration),
};

UNIT_MAIN(tests)
