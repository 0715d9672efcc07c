/*
 * The pages for admins: who gets in (PK-19, PK-206), what they show (PK-3,
 * PK-184, PK-186), and what they never do (PK-7, AC-112).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <stdlib.h>
#include <string.h>

#include "acme/response.h"
#include "db/store_admin.h"
#include "db/store_order_look.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "mail/reply.h"
#include "src/admin_front.h"
#include "src/admin_session.h"
#include "src/page.h"
#include "tests/unit/admin_lab.h"
#include "tests/unit/pki_lab.h"

#define PASSWORD "correct horse battery"
#define PASSWORD_FORM "password=correct+horse%20battery"
#define ALICE SPAN("the key of alice")
#define BOB SPAN("the key of bob")
#define IDLE INT64_C(900)

static struct admin_front *front;
static struct role_lab lab;

/* --- a laboratory --------------------------------------------------------- */

static void
add_admin(struct job *j, const char *name, struct span key, bool is_proven)
{
	const struct admin_key k = { .spki = key };
	const struct conf *conf = j->conf;

	admin_lab_add(j, name, ADMIN_AUDITOR, &k, SPAN(PASSWORD));
	j->conf = conf;
	if (is_proven)
		COMMITTED(j, store_admin_key_prove(j, name, key));
}

static void
start(struct job *j)
{
	role_lab_init(&lab, j);
	lab.conf.ca_name = "Example <CA>";
	lab.conf.issuer.ca_certificate =
	    arena_printf(j->arena, "%s/issuing.pem", lab_ca_folder("p384"));
	lab.conf.issuer.crl_url = "http://crl.ca.test/issuing.crl";
	lab.conf.issuer.crl_shards = 1;
	lab.conf.admin.session_idle = IDLE;
	j->conf = &lab.conf;
	add_admin(j, "alice", ALICE, true);
	add_admin(j, "bob", BOB, true);
	admin_front_free(front);
	front = admin_front_new();
}

/* What is asked; the answer lives as long as the test's job. */
static struct response
ask_all(struct job *j, struct admin_query q)
{
	struct response r;

	job_recover(j);
	j->now = clock_now();
	q.host = SPAN("admin.test:8443");
	q.address = "192.0.2.1";
	admin_front_answer(j, front, &q, &r);
	job_recover(j);
	unit_case(
	    "%s %.*s: %d", q.method, (int)q.target.n, q.target.p, r.status);
	return r;
}

static struct response
post(struct job *j, const char *path, struct span key, const char *cookie,
    const char *form)
{
	return ask_all(
	    j, (struct admin_query){ .method = "POST",
		   .target = span_str(path),
		   .origin = SPAN("https://admin.test:8443"),
		   .content_type = SPAN("application/x-www-form-urlencoded"),
		   .client_key = key,
		   .cookie = span_str(cookie),
		   .body = span_str(form) });
}

static struct response
get(struct job *j, const char *target, struct span key, const char *cookie)
{
	return ask_all(j, (struct admin_query){ .method = "GET",
			      .target = span_str(target),
			      .client_key = key,
			      .cookie = span_str(cookie) });
}

static const char *
field(const struct response *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return "";
}

/* The cookie as the browser sends it back. */
static const char *
cookie_of(struct job *j, const struct response *r)
{
	const char *set = field(r, "Set-Cookie");
	size_t n = strcspn(set, ";");

	assert_true(n > ADMIN_TOKEN_LEN);
	return arena_printf(j->arena, "a=b; %.*s; c=d", (int)n, set);
}

static const char *
log_in(struct job *j, const char *name, struct span key)
{
	struct response r = post(j, "/login", key, "",
	    arena_printf(j->arena, "name=%s&%s", name, PASSWORD_FORM));

	assert_int_equal(r.status, 303);
	assert_string_equal(field(&r, "Location"), "/");
	return cookie_of(j, &r);
}

static const char *
page(struct job *j, const char *target, const char *cookie)
{
	struct response r = get(j, target, ALICE, cookie);

	assert_int_equal(r.status, 200);
	return r.body.p;
}

static void
expect_on(const char *text, const char *what)
{
	if (strstr(text, what) == NULL)
		fail_msg("no \"%s\" in:\n%s", what, text);
}

static int64_t
audited(
    struct job *j, const char *event, const char *object, const char *result)
{
	return fixture_count(
	    j, arena_printf(j->arena,
		   "SELECT COUNT(*) FROM audit WHERE event = '%s' AND "
		   "object = '%s' AND result = '%s'",
		   event, object, result));
}

/* --- getting in ----------------------------------------------------------- */

/* PK-206: one factor, or another's, is none. */
static void
test_pk_206_wrong_logins(struct job *j)
{
	static const struct {
		const char *form;
		struct span key;
		int status;
	} tries[] = {
		{ "name=alice&" PASSWORD_FORM, SPAN_INIT(""), 403 },
		{ "name=alice&" PASSWORD_FORM, SPAN_INIT("the key of bob"),
		    403 },
		{ "name=alice&" PASSWORD_FORM, SPAN_INIT("a stranger's"), 403 },
		{ "name=alice&password=wrong+password",
		    SPAN_INIT("the key of alice"), 403 },
		{ "name=nobody&" PASSWORD_FORM, SPAN_INIT("the key of alice"),
		    403 },
		{ "name=A%27%3B&" PASSWORD_FORM, SPAN_INIT("the key of alice"),
		    403 },
		{ "name=alice", SPAN_INIT("the key of alice"), 400 },
		{ "name=alice&name=bob&" PASSWORD_FORM,
		    SPAN_INIT("the key of alice"), 400 },
		{ "name=alice%00&" PASSWORD_FORM, SPAN_INIT("the key of alice"),
		    400 },
		{ "", SPAN_INIT("the key of alice"), 400 },
	};

	start(j);
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct response r =
		    post(j, "/login", tries[i].key, "", tries[i].form);

		assert_int_equal(r.status, tries[i].status);
		assert_string_equal(field(&r, "Set-Cookie"), "");
		assert_null(strstr(r.body.p, "battery"));
		assert_null(strstr(r.body.p, "wrong password"));
	}
	/* PK-19: each is on record, without the password. */
	assert_int_equal(
	    audited(j, "admin page login", "admin:alice", "refused"), 4);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE detail LIKE "
			     "'%battery%'"),
	    0);
	/* A stranger's tries are not the admin's. */
	assert_int_equal(
	    fixture_count(j, "SELECT COALESCE(MAX(failures), 0) "
			     "FROM admin_try WHERE name = 'alice'"),
	    1);
}

/* One who guesses waits, longer each time; and the right password, too. */
static void
test_guessing(struct job *j)
{
	struct response r;
	int refused = 0;

	start(j);
	for (int i = 0; i < 20; i++) {
		r = post(j, "/login", ALICE, "",
		    "name=alice&password=guess+one+two");
		refused += r.status == 403;
	}
	assert_true(refused < 10);
	r = post(j, "/login", ALICE, "", "name=alice&" PASSWORD_FORM);
	assert_int_equal(r.status, 429);
	expect_on(r.body.p, "Too many wrong tries");
	clock_set(j->now + 3600);
	(void)log_in(j, "alice", ALICE);
	/* Who has no key fills neither the record nor the count. */
	for (int i = 0; i < 50; i++)
		(void)post(j, "/login", SPAN("x"), "", "name=bob&password=x");
	assert_int_equal(
	    audited(j, "admin page login", "admin:bob", "refused"), 10);
	(void)log_in(j, "bob", BOB);
}

static int64_t
summed(struct job *j, const char *more)
{
	return fixture_count(
	    j, arena_printf(j->arena,
		   "SELECT COUNT(*) FROM audit WHERE event = 'admin page "
		   "login' AND actor = 'admin' AND object = 'admins' AND "
		   "result = 'several' AND detail LIKE '%%\"more\":%s,%%'",
		   more));
}

/* PK-19: what is above the first ones is on record as a number. */
static void
test_many_strangers(struct job *j)
{
	int64_t begun;

	start(j);
	begun = j->now;
	for (int i = 0; i < 25; i++)
		(void)post(j, "/login", SPAN("x"), "", "name=bob&password=x");
	unit_log_begin();
	EXPECT(j, admin_front_tend(front, j, false), 0);
	assert_int_equal(summed(j, "%"), 0);
	/* Where it cannot be recorded it is still counted. */
	j->now = begun + 600;
	fixture_sql(j, "ALTER TABLE audit RENAME TO audit_away");
	EXPECT(j, admin_front_tend(front, j, false), -1);
	job_recover(j);
	fixture_sql(j, "ALTER TABLE audit_away RENAME TO audit");
	j->now = begun + 600;
	EXPECT(j, admin_front_tend(front, j, false), 0);
	assert_int_equal(summed(j, "15"), 1);
	EXPECT(j, admin_front_tend(front, j, true), 0);
	assert_int_equal(summed(j, "%"), 1);
	/* And at the end at once. */
	for (int i = 0; i < 3; i++)
		(void)post(j, "/login", SPAN("x"), "", "name=bob&password=x");
	EXPECT(j, admin_front_tend(front, j, true), 0);
	assert_int_equal(summed(j, "3"), 1);
	expect_on(unit_log_end(), "more=3 since=");
}

/* PK-206: a key that others have registered counts once it has signed. */
static void
test_unproven(struct job *j)
{
	const struct span carol = SPAN("the key of carol");
	struct response r;

	start(j);
	add_admin(j, "carol", carol, false);
	r = post(j, "/login", carol, "", "name=carol&" PASSWORD_FORM);
	assert_int_equal(r.status, 403);
	COMMITTED(j, store_admin_key_prove(j, "carol", carol));
	(void)log_in(j, "carol", carol);
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE admin_key SET not_after = %lld "
			   "WHERE name = 'carol'",
			   (long long)j->now - 1));
	r = post(j, "/login", carol, "", "name=carol&" PASSWORD_FORM);
	assert_int_equal(r.status, 403);
	expect_on(r.body.p, "has expired");
}

/* Another site's form, and one that nobody says from where it comes. */
static void
test_foreign_forms(struct job *j)
{
	static const char *const origins[] = { "", "null", "https://evil.test",
		"http://admin.test:8443", "https://admin.test",
		"https://admin.test:8443.evil.test",
		"https://admin.test:8443/" };
	const char *cookie;

	start(j);
	cookie = log_in(j, "alice", ALICE);
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		struct admin_query q = { .method = "POST",
			.target = SPAN("/logout"),
			.origin = span_str(origins[i]),
			.client_key = ALICE,
			.cookie = span_str(cookie) };

		assert_int_equal(ask_all(j, q).status, 403);
		q.target = SPAN("/login");
		q.body = SPAN("name=alice&" PASSWORD_FORM);
		q.content_type = SPAN("application/x-www-form-urlencoded");
		assert_int_equal(ask_all(j, q).status, 403);
	}
	(void)page(j, "/", cookie);
	assert_int_equal(post(j, "/orders", ALICE, cookie, "").status, 405);
	assert_int_equal(ask_all(j, (struct admin_query){ .method = "DELETE",
					.target = SPAN("/"),
					.client_key = ALICE,
					.cookie = span_str(cookie) })
			     .status,
	    405);
}

/* --- staying in ----------------------------------------------------------- */

static void
expect_out(struct job *j, struct span key, const char *cookie)
{
	struct response r = get(j, "/", key, cookie);

	assert_int_equal(r.status, 303);
	assert_string_equal(field(&r, "Location"), "/login");
	assert_int_equal(get(j, "/api/status", key, cookie).status, 401);
	assert_int_equal(r.body.n, 0);
}

/* PK-206: the cookie alone is one factor. */
static void
test_sessions(struct job *j)
{
	const char *cookie, *other;
	struct response r;

	start(j);
	expect_out(j, ALICE, "");
	expect_out(j, ALICE, "__Host-countersign=");
	expect_out(j, ALICE,
	    "__Host-countersign=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AAAAAAAAAAAA");
	r = post(j, "/login", ALICE, "", "name=alice&" PASSWORD_FORM);
	expect_on(field(&r, "Set-Cookie"),
	    "; Path=/; Secure; HttpOnly; SameSite=Strict");
	cookie = cookie_of(j, &r);
	other = log_in(j, "alice", ALICE);
	assert_string_not_equal(cookie, other);
	assert_int_equal(
	    audited(j, "admin page login", "admin:alice", "ok"), 2);
	(void)page(j, "/", cookie);

	/* Without a certificate nothing is open, and nothing ends. */
	expect_out(j, SPAN(""), cookie);
	expect_out(j, SPAN(""), cookie);
	(void)page(j, "/", cookie);
	assert_int_equal(
	    audited(j, "admin page session", "admin:alice", "refused"), 0);

	/* Stolen onto another certificate: it ends for all. */
	expect_out(j, BOB, cookie);
	assert_int_equal(
	    audited(j, "admin page session", "admin:alice", "refused"), 1);
	expect_out(j, ALICE, cookie);
	(void)page(j, "/", other);

	/* Logged out. */
	cookie = log_in(j, "alice", ALICE);
	r = post(j, "/logout", ALICE, cookie, "");
	assert_int_equal(r.status, 303);
	expect_on(field(&r, "Set-Cookie"), "Max-Age=0");
	expect_out(j, ALICE, cookie);

	/* The account has ended. */
	cookie = log_in(j, "alice", ALICE);
	(void)page(j, "/", cookie);
	COMMITTED(j, store_admin_disable(j, "alice", "vera"));
	expect_out(j, ALICE, cookie);
}

static void
set_password(struct job *j, const char *name, const char *password)
{
	struct password_hash hash;

	EXPECT(j, password_hash(j, span_str(password), &hash), 0);
	COMMITTED(j, store_admin_set_password(j, name, &hash));
}

/* PK-206: sessions end with the password that opened them, also where the new
 * one is the same; those of others go on. */
static void
test_changed_password(struct job *j)
{
	static const char *const passwords[] = { PASSWORD, "another password" };
	const char *cookie = "", *bobs;

	start(j);
	bobs = log_in(j, "bob", BOB);
	for (size_t i = 0; i < 2; i++) {
		cookie = log_in(j, "alice", ALICE);
		(void)page(j, "/", cookie);
		set_password(j, "alice", passwords[i]);
		expect_out(j, ALICE, cookie);
	}
	/* Nor does it come back with the former password. */
	set_password(j, "alice", PASSWORD);
	expect_out(j, ALICE, cookie);
	assert_int_equal(get(j, "/", BOB, bobs).status, 200);
}

static void
test_expiry(struct job *j)
{
	const char *cookie;
	int64_t begun;

	start(j);
	cookie = log_in(j, "alice", ALICE);
	begun = j->now;
	clock_set(begun + IDLE);
	(void)page(j, "/", cookie);
	clock_set(j->now + IDLE + 1);
	expect_out(j, ALICE, cookie);

	/* Not for ever, however much is asked. */
	cookie = log_in(j, "alice", ALICE);
	begun = j->now;
	while (j->now + IDLE <= begun + ADMIN_SESSION_SECS) {
		clock_set(j->now + IDLE);
		(void)page(j, "/login", cookie);
	}
	clock_set(begun + ADMIN_SESSION_SECS + 1);
	expect_out(j, ALICE, cookie);
}

/* However the clock is set: the one that never steps counts beside it. */
static void
test_stepped_clock(void **state)
{
	static const struct {
		int64_t now, up_secs; /* since it was seen last */
		bool is_good;
	} cases[] = {
		{ IDLE, IDLE, true },
		{ -5000, IDLE, true },
		{ -5000, IDLE + 1, false },
		{ 0, IDLE + 1, false },
		{ IDLE + 1, 0, false },
	};
	const struct admin_insider alice = { .name = "alice" };
	struct admin_moment begun = { 1800000000, 1000000 };
	struct admin_sessions *s = admin_sessions_new();
	char token[ADMIN_TOKEN_LEN + 1];
	struct admin_insider who;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct admin_moment at = { begun.now + cases[i].now,
			begun.up_ms + cases[i].up_secs * 1000 };

		unit_case("%zu", i);
		admin_session_begin(s, &alice, ALICE, begun, token);
		assert_int_equal(admin_session_find(
				     s, span_str(token), ALICE, at, IDLE, &who),
		    cases[i].is_good ? ADMIN_SESSION_GOOD : ADMIN_SESSION_NONE);
		assert_string_equal(who.name, cases[i].is_good ? "alice" : "");
	}
	/* The clock stands still, or is set back each time: it ends all the
	 * same. */
	admin_session_begin(s, &alice, ALICE, begun, token);
	for (int64_t up = IDLE; up <= ADMIN_SESSION_SECS + IDLE; up += IDLE) {
		const struct admin_moment at = { begun.now,
			begun.up_ms + up * 1000 };

		assert_int_equal(admin_session_find(
				     s, span_str(token), ALICE, at, IDLE, &who),
		    up <= ADMIN_SESSION_SECS ? ADMIN_SESSION_GOOD
					     : ADMIN_SESSION_NONE);
	}
	admin_sessions_free(s);
}

/* Where there are too many, the one that was idle longest ends. */
static void
test_many(struct job *j)
{
	const char *first, *second, *last = "";

	start(j);
	first = log_in(j, "alice", ALICE);
	clock_set(j->now + 1);
	second = log_in(j, "bob", BOB);
	clock_set(j->now + 1);
	(void)page(j, "/", first);
	for (int i = 0; i < ADMIN_SESSIONS_MAX - 1; i++) {
		clock_set(j->now + 1);
		last = log_in(j, "alice", ALICE);
	}
	(void)page(j, "/", first);
	(void)page(j, "/", last);
	expect_out(j, BOB, second);
}

/* --- what is shown -------------------------------------------------------- */

static const char *const targets[] = { "/", "/orders", "/reports", "/incidents",
	"/login", "/style.css", "/api/status", "/api/orders", "/api/reports",
	"/api/incidents", "/nothing", "/orders/nothing" };

/* Of each answer, whoever asks. */
static void
test_fields(struct job *j)
{
	const char *cookie;

	start(j);
	cookie = log_in(j, "alice", ALICE);
	for (size_t i = 0; i < 2 * sizeof(targets) / sizeof(targets[0]); i++) {
		struct response r =
		    get(j, targets[i / 2], ALICE, i % 2 == 0 ? cookie : "");

		expect_on(field(&r, "Content-Security-Policy"),
		    "default-src 'none'; style-src 'self'; form-action "
		    "'self'; base-uri 'none'; frame-ancestors 'none'");
		assert_string_equal(field(&r, "Cache-Control"), "no-store");
		assert_string_equal(field(&r, "X-Frame-Options"), "DENY");
		assert_string_equal(
		    field(&r, "X-Content-Type-Options"), "nosniff");
		assert_string_equal(
		    field(&r, "Referrer-Policy"), "same-origin");
		assert_null(strstr(r.body.p, "<script"));
		assert_null(strstr(r.body.p, "style="));
	}
}

/* PK-3, PK-184, PK-186: what the status tells; the same as JSON. */
static void
test_status(struct job *j)
{
	const char *cookie, *text;

	start(j);
	cookie = log_in(j, "alice", ALICE);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO report (number, text, received_at, entered_at, "
		   "entered_by) VALUES (1, 'x', %lld, %lld, 'operator:one')",
		   (long long)j->now - 20 * 3600, (long long)j->now));
	text = page(j, "/", cookie);
	expect_on(text, "Example &lt;CA&gt;");
	expect_on(text, "<a href=\"/reports/1\">Report 1</a>");
	expect_on(
	    text, ">its answer</td><td data-head=\"Time left\">4h00m</td>");
	expect_on(text, "no incident has been rehearsed");
	expect_on(text, "mailbox0@example.org");
	text = page(j, "/api/status", cookie);
	expect_on(text, "{\"level\":\"warn\",\"what\":\"rehearsal of an "
			"incident\",\"text\":\"no incident");
	text = page(j, "/api/reports", cookie);
	expect_on(text, "\"number\":1,");
	expect_on(text, "\"lacks\":\"its answer\"");
	expect_on(text, "\"left_secs\":14400}");
	clock_set(j->now + 5 * 3600);
	cookie = log_in(j, "alice", ALICE);
	expect_on(
	    page(j, "/reports", cookie), " class=\"late\">overdue 1h00m</td>");
	/* A rehearsal is told of when it is done. */
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE audit SET object = 'rehearsal:incident' "
			   "WHERE event = 'admin page login' AND seq = "
			   "(SELECT MAX(seq) FROM audit)"));
	expect_on(page(j, "/", cookie), "last done at 2027-01-15T13:00:00Z");
}

/* How a stranger's text must look on a page. */
#define HOSTILE                                                                \
	"</pre><script>alert(1)</script>\" onload=''x''&amp;\xe2\x80\xae evil"
#define ESCAPED                                                                \
	"&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot; "             \
	"onload=&#39;x&#39;&amp;amp;\xef\xbf\xbd evil"

static void
test_hostile_values(struct job *j)
{
	const char *cookie, *order;

	start(j);
	cookie = log_in(j, "alice", ALICE);
	role_lab_send(&lab);
	fixture_sql(j, "UPDATE outbox SET relay_answer = '" HOSTILE "'");
	fixture_sql(j, "UPDATE authz SET mailbox = '" HOSTILE "'");
	fixture_sql(j, "UPDATE orders SET profile = '" HOSTILE "', replaces = "
		       "'" HOSTILE "', cert_id = '" HOSTILE "'");
	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO report (number, text, reporter, received_at, "
		   "entered_at, entered_by) VALUES (1, '" HOSTILE "', "
		   "'" HOSTILE "', %lld, %lld, '" HOSTILE "')",
		   (long long)j->now, (long long)j->now));
	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO incident (id, cause, selector, reason, "
		   "known_at, deadline, opened_by, opened_at, due_at) VALUES "
		   "('" HOSTILE "', '" HOSTILE "', '{}', 1, %lld, %lld, "
		   "'" HOSTILE "', %lld, %lld)",
		   (long long)j->now, (long long)j->now + 86400,
		   (long long)j->now, (long long)j->now + 3600));
	order = arena_printf(j->arena, "/orders/%s", lab.order->id);
	expect_on(page(j, "/orders", cookie), "<bdi>" ESCAPED "</bdi>");
	expect_on(page(j, order, cookie), ESCAPED "</span>");
	expect_on(page(j, order, cookie), "cert revoke " ESCAPED "</code>");
	expect_on(page(j, "/reports/1", cookie), ESCAPED "</pre>");
	expect_on(page(j, "/incidents", cookie), "<code>" ESCAPED "</code>");
	expect_on(page(j, "/", cookie), ESCAPED);
	expect_on(page(j, arena_printf(j->arena, "/api%s", order), cookie),
	    "\"</pre><script>alert(1)</script>\\\" onload=");
	/* What is asked for comes back in the form. */
	expect_on(page(j, "/orders?account=abc&state=valid", cookie),
	    "value=\"abc\"");
	assert_int_equal(
	    get(j, "/orders?account=%22%3E%3Cscript%3E", ALICE, cookie).status,
	    400);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (strncmp(targets[i], "/api/", 5) != 0)
			assert_null(
			    strstr(get(j, targets[i], ALICE, cookie).body.p,
				"<script"));
}

/* What is no text is not shown as any. */
static void
test_page_text(void **state)
{
	static const struct {
		struct span in;
		const char *out;
	} cases[] = {
		{ SPAN_INIT("a\tb\nc"), "a\tb\nc" },
		{ SPAN_INIT("\x00\x1b[2J\x7f"),
		    "\xef\xbf\xbd\xef\xbf\xbd[2J\xef\xbf\xbd" },
		{ SPAN_INIT("\xff\xfe<"), "\xef\xbf\xbd\xef\xbf\xbd&lt;" },
		{ SPAN_INIT("\xc3"), "\xef\xbf\xbd" },
		{ SPAN_INIT("\xc2\x85\xc3\xa4"), "\xef\xbf\xbd\xc3\xa4" },
		{ SPAN_INIT("\xe2\x80\xae\xe2\x81\xa6\xef\xbb\xbf"),
		    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b;

		unit_case("%zu", i);
		buf_init(&b, unit_job()->arena, 1000);
		page_text(&b, cases[i].in);
		assert_string_equal(b.p, cases[i].out);
	}
}

#define SECRETS 8

static const char *
as_b64url(struct job *j, const uint8_t hash[SHA256_LEN])
{
	char *text = arena_alloc(j->arena, B64URL_LEN(SHA256_LEN) + 1);

	b64url_format(text, span_mem(hash, SHA256_LEN));
	return text;
}

/* Both halves of the token; their hashes and the digest of the key
 * authorization, in both forms in which octets are shown anywhere. */
static void
list_secrets(struct job *j, const char *out[SECRETS])
{
	const struct challenge *c = &lab.order->identifiers[0].authz.challenge;
	struct span part2 = span_str(c->token_part2);
	uint8_t hashes[3][SHA256_LEN];

	sha256(c->token_part1, hashes[0]);
	sha256(part2, hashes[1]);
	reply_digest(
	    c->token_part1, part2, span_str(lab.account.thumbprint), hashes[2]);
	for (size_t i = 0; i < 3; i++) {
		out[2 * i] = as_b64url(j, hashes[i]);
		out[2 * i + 1] =
		    hex_dup(j->arena, span_mem(hashes[i], SHA256_LEN));
	}
	out[6] = span_dup(j->arena, c->token_part1);
	out[7] = c->token_part2;
	for (size_t i = 0; i < SECRETS; i++)
		assert_true(strlen(out[i]) > 20);
}

static void
expect_none(const char *text, const char *const secrets[SECRETS])
{
	for (size_t i = 0; i < SECRETS; i++)
		if (strstr(text, secrets[i]) != NULL)
			fail_msg("secret %zu in:\n%s", i, text);
}

static void
expect_no_secrets(
    struct job *j, const char *cookie, const char *const secrets[SECRETS])
{
	const char *order = arena_printf(j->arena, "/orders/%s", lab.order->id);

	expect_none(page(j, order, cookie), secrets);
	expect_none(
	    page(j, arena_printf(j->arena, "/api%s", order), cookie), secrets);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		expect_none(get(j, targets[i], ALICE, cookie).body.p, secrets);
}

/* PK-7, AC-112: neither half of a token, nor what it is made into. */
static void
test_pk_7_secrets(struct job *j)
{
	const char *cookie, *order, *secrets[SECRETS];
	struct order o;

	start(j);
	list_secrets(j, secrets);
	/* What is in the mail would be found. */
	role_lab_send(&lab);
	assert_true(
	    span_find_span(lab.sent, 0, span_str(secrets[6])) < lab.sent.n);
	role_lab_post(&lab);
	cookie = log_in(j, "alice", ALICE);
	order = arena_printf(j->arena, "/orders/%s", lab.order->id);
	expect_on(page(j, order, cookie), "accepted by the relay");
	expect_no_secrets(j, cookie, secrets);
	/* Nor once the reply is there, which has the digest. */
	(void)role_lab_take(&lab, role_lab_reply(&lab, NULL));
	cookie = log_in(j, "alice", ALICE);
	expect_on(page(j, order, cookie), "a reply proved the mailbox");
	expect_no_secrets(j, cookie, secrets);
	/* They are not even read. */
	EXPECT(j, store_order_look(j, lab.order->id, &o), 1);
	assert_null(o.identifiers[0].authz.challenge.token_part2);
	assert_int_equal(o.csr.n, 0);
	assert_int_equal(o.csr_jws.n, 0);
}

/* --- looking for orders --------------------------------------------------- */

static size_t
rows_on(const char *text)
{
	size_t n = 0;

	while ((text = strstr(text, "\"Order\"><a href=\"/orders/")) != NULL) {
		n++;
		text++;
	}
	return n;
}

/* Follows the links of the pages: how many orders there were. */
static size_t
follow(struct job *j, const char *target, const char *cookie, size_t *pages)
{
	size_t n = 0;

	for (*pages = 1;; (*pages)++) {
		const char *text = page(j, target, cookie);
		const char *next = strstr(text, "rel=\"next\" href=\"");
		struct buf b;

		n += rows_on(text);
		if (next == NULL)
			return n;
		next += strlen("rel=\"next\" href=\"");
		buf_init(&b, j->arena, 1000);
		for (; *next != '"'; next++)
			if (strncmp(next, "amp;", 4) == 0)
				next += 3;
			else
				buf_add_char(&b, *next);
		target = b.p;
	}
}

static void
test_search(struct job *j)
{
	const char *cookie, *account;
	size_t pages;

	start(j);
	cookie = log_in(j, "alice", ALICE);
	account = fixture_account(j);
	for (int i = 0; i < 120; i++)
		(void)fixture_order(j, account, 1);
	fixture_sql(j, "UPDATE orders SET created_at = created_at - 5 "
		       "WHERE id < 'M'");
	assert_int_equal(follow(j, "/orders", cookie, &pages), 121);
	assert_int_equal(pages, 3);
	assert_int_equal(
	    follow(j, arena_printf(j->arena, "/orders?account=%s", account),
		cookie, &pages),
	    120);
	assert_int_equal(
	    follow(j, "/orders?mailbox=mailbox0%40EXAMPLE.org", cookie, &pages),
	    121);
	assert_int_equal(
	    follow(j, "/orders?mailbox=other%40example.org", cookie, &pages),
	    0);
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE orders SET failed_at = 1 WHERE account_id = "
			   "'%s' AND id >= 'a'",
			   account));
	assert_int_equal(follow(j, "/orders?state=invalid", cookie, &pages) +
			     follow(j, "/orders?state=open", cookie, &pages),
	    121);
	/* Those that have failed are an account's too. */
	assert_int_equal(
	    follow(j, arena_printf(j->arena, "/orders?account=%s", account),
		cookie, &pages),
	    120);
	assert_int_equal(
	    follow(j,
		arena_printf(j->arena,
		    "/orders?mailbox=mailbox0%%40example.org&account=%s&"
		    "state=pending",
		    account),
		cookie, &pages),
	    follow(j, "/orders?state=pending", cookie, &pages) - 1);
}

static void
test_bad_questions(struct job *j)
{
	static const struct {
		const char *target;
		int status;
		const char *says;
	} cases[] = {
		{ "/orders?mailbox=nobody", 400, "Mailbox" },
		{ "/orders?state=lost", 400, "State: open, pending" },
		{ "/orders?account=%2F", 400, "Account: give its id" },
		{ "/orders?before=x", 400, "before: take it from" },
		{ "/orders?before=x-y", 400, "before: take it from" },
		{ "/orders?before=1800000000", 400, "before: take it from" },
		{ "/orders?before=1800000000-", 400, "before: take it from" },
		{ "/orders?before=1800000000-%FF", 400,
		    "before: take it from" },
		{ "/orders?before=1800000000-a%27", 400,
		    "before: take it from" },
		{ "/orders?before=1800000000-aaaaaaaaaaaaaaaaaaaaaaa", 400,
		    "before: take it from" },
		{ "/api/orders?before=1800000000-%C0%80", 400,
		    "before: take it from" },
		{ "/orders?mailbox=%FF%40example.org", 400, "Mailbox" },
		{ "/orders?account=%FF", 400, "Account: give its id" },
		{ "/orders?state=%FF", 400, "State: open, pending" },
		{ "/orders?state=open&state=open", 400, "state: give it once" },
		{ "/orders?mailbox=%4", 400, "mailbox: give it once" },
		{ "/orders/nothing", 404, "no such order" },
		{ "/orders/../orders", 404, "no such page" },
		{ "/orders/", 404, "no such page" },
		{ "/reports/0", 404, "no such report" },
		{ "/reports/99999999999999999999", 404, "no such report" },
		{ "/nothing", 404, "no such page" },
		{ "/api/nothing", 404, "\"status\":404" },
		{ "/api/orders/nothing", 404, "no such order" },
	};
	const char *cookie;

	start(j);
	cookie = log_in(j, "alice", ALICE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct response r = get(j, cases[i].target, ALICE, cookie);

		assert_int_equal(r.status, cases[i].status);
		expect_on(r.body.p, cases[i].says);
	}
}

/* Without the database the pages say so, and nobody gets in. */
static void
test_no_database(struct job *j)
{
	struct store *store = j->store;
	struct response r;
	const char *cookie;

	start(j);
	cookie = log_in(j, "alice", ALICE);
	j->store = NULL;
	unit_log_begin();
	r = get(j, "/", ALICE, cookie);
	(void)unit_log_end();
	assert_int_equal(r.status, 500);
	expect_on(r.body.p, "the log says why");
	assert_int_equal(get(j, "/style.css", ALICE, "").status, 200);
	j->store = store;
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_pk_206_wrong_logins),
	STORE_TEST(test_guessing),
	STORE_TEST(test_many_strangers),
	STORE_TEST(test_unproven),
	STORE_TEST(test_foreign_forms),
	STORE_TEST(test_sessions),
	STORE_TEST(test_changed_password),
	STORE_TEST(test_expiry),
	cmocka_unit_test(test_stepped_clock),
	STORE_TEST_SQLITE(test_many),
	STORE_TEST(test_fields),
	STORE_TEST(test_status),
	STORE_TEST(test_hostile_values),
	cmocka_unit_test(test_page_text),
	STORE_TEST(test_pk_7_secrets),
	STORE_TEST(test_search),
	STORE_TEST(test_bad_questions),
	STORE_TEST_SQLITE(test_no_database),
};

UNIT_MAIN(tests)
