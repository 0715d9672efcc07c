/*
 * The pages for admins: who gets in and who stays in (PK-19, PK-206).
 */
#include "config.h"

#include <string.h>

#include "db/store_admin.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "src/admin_session.h"
#include "tests/unit/front_lab.h"

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

	front_lab_start(j);
	for (size_t i = 0; i < COUNT(tries); i++) {
		struct response r = front_lab_post(
		    j, "/login", tries[i].key, "", tries[i].form);

		assert_int_equal(r.status, tries[i].status);
		assert_string_equal(front_lab_field(&r, "Set-Cookie"), "");
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

	front_lab_start(j);
	for (int i = 0; i < 20; i++) {
		r = front_lab_post(j, "/login", ALICE, "",
		    "name=alice&password=guess+one+two");
		refused += r.status == 403;
	}
	assert_true(refused < 10);
	r = front_lab_post(j, "/login", ALICE, "", "name=alice&" PASSWORD_FORM);
	assert_int_equal(r.status, 429);
	front_lab_expect(r.body.p, "Too many wrong tries");
	/* PK-19: that somebody with the key goes on is on record, once until
	 * the next one is looked at. */
	assert_int_equal(
	    fixture_count(j,
		"SELECT COUNT(*) FROM audit WHERE event = 'admin page login' "
		"AND actor = 'admin' AND object = 'admin:alice' AND result = "
		"'refused' AND detail LIKE '%too many wrong tries%' "
		"AND detail LIKE '%\"client\":%'"),
	    1);
	clock_set(j->now + 3600);
	(void)front_lab_log_in(j, "alice", ALICE);
	/* Who has no key fills neither the record nor the count. */
	for (int i = 0; i < 50; i++)
		(void)front_lab_post(
		    j, "/login", SPAN("x"), "", "name=bob&password=x");
	assert_int_equal(
	    audited(j, "admin page login", "admin:bob", "refused"), 10);
	(void)front_lab_log_in(j, "bob", BOB);
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

	front_lab_start(j);
	begun = j->now;
	for (int i = 0; i < 25; i++)
		(void)front_lab_post(
		    j, "/login", SPAN("x"), "", "name=bob&password=x");
	unit_log_begin();
	EXPECT(j, admin_front_tend(front_lab.front, j, false), 0);
	assert_int_equal(summed(j, "%"), 0);
	/* Where it cannot be recorded it is still counted. */
	j->now = begun + 600;
	fixture_sql(j, "ALTER TABLE audit RENAME TO audit_away");
	EXPECT(j, admin_front_tend(front_lab.front, j, false), -1);
	job_recover(j);
	fixture_sql(j, "ALTER TABLE audit_away RENAME TO audit");
	j->now = begun + 600;
	EXPECT(j, admin_front_tend(front_lab.front, j, false), 0);
	assert_int_equal(summed(j, "15"), 1);
	EXPECT(j, admin_front_tend(front_lab.front, j, true), 0);
	assert_int_equal(summed(j, "%"), 1);
	/* And at the end at once. */
	for (int i = 0; i < 3; i++)
		(void)front_lab_post(
		    j, "/login", SPAN("x"), "", "name=bob&password=x");
	EXPECT(j, admin_front_tend(front_lab.front, j, true), 0);
	assert_int_equal(summed(j, "3"), 1);
	front_lab_expect(unit_log_end(), "more=3 since=");
}

/* PK-206: a key that others have registered counts once it has signed. */
static void
test_unproven(struct job *j)
{
	const struct span carol = SPAN("the key of carol");
	struct response r;

	front_lab_start(j);
	front_lab_add(j, "carol", carol, false);
	r = front_lab_post(j, "/login", carol, "", "name=carol&" PASSWORD_FORM);
	assert_int_equal(r.status, 403);
	COMMITTED(j, store_admin_key_prove(j, "carol", carol));
	(void)front_lab_log_in(j, "carol", carol);
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE admin_key SET not_after = %lld "
			   "WHERE name = 'carol'",
			   (long long)j->now - 1));
	r = front_lab_post(j, "/login", carol, "", "name=carol&" PASSWORD_FORM);
	assert_int_equal(r.status, 403);
	front_lab_expect(r.body.p, "has expired");
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

	front_lab_start(j);
	cookie = front_lab_log_in(j, "alice", ALICE);
	for (size_t i = 0; i < COUNT(origins); i++) {
		struct admin_query q = { .method = "POST",
			.target = SPAN("/logout"),
			.origin = span_str(origins[i]),
			.client_key = ALICE,
			.cookie = span_str(cookie) };

		assert_int_equal(front_lab_ask(j, q).status, 403);
		q.target = SPAN("/login");
		q.body = SPAN("name=alice&" PASSWORD_FORM);
		q.content_type = SPAN("application/x-www-form-urlencoded");
		assert_int_equal(front_lab_ask(j, q).status, 403);
	}
	(void)front_lab_page(j, "/", cookie);
}

/* A refused method comes with those that are taken (RFC 9110 15.5.6). */
static void
test_methods(struct job *j)
{
	static const struct {
		const char *method, *target, *allow;
	} rows[] = {
		{ "POST", "/orders", "GET, HEAD" },
		{ "POST", "/api/orders", "GET, HEAD" },
		{ "DELETE", "/", "GET, HEAD" },
		{ "OPTIONS", "/style.css", "GET, HEAD" },
		{ "PUT", "/login", "GET, HEAD, POST" },
		{ "DELETE", "/logout", "POST" },
	};
	const char *cookie;

	front_lab_start(j);
	cookie = front_lab_log_in(j, "alice", ALICE);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct response r = front_lab_ask(
		    j, (struct admin_query){ .method = rows[i].method,
			   .target = span_str(rows[i].target),
			   .client_key = ALICE,
			   .cookie = span_str(cookie) });

		unit_case("%s %s", rows[i].method, rows[i].target);
		assert_int_equal(r.status, 405);
		assert_string_equal(
		    front_lab_field(&r, "Allow"), rows[i].allow);
	}
}

/* --- staying in ----------------------------------------------------------- */

static void
expect_out(struct job *j, struct span key, const char *cookie)
{
	struct response r = front_lab_get(j, "/", key, cookie);

	assert_int_equal(r.status, 303);
	assert_string_equal(front_lab_field(&r, "Location"), "/login");
	assert_int_equal(
	    front_lab_get(j, "/api/status", key, cookie).status, 401);
	assert_int_equal(r.body.n, 0);
}

/* PK-206: the cookie alone is one factor. */
static void
test_sessions(struct job *j)
{
	const char *cookie, *other;
	struct response r;

	front_lab_start(j);
	expect_out(j, ALICE, "");
	expect_out(j, ALICE, "__Host-countersign=");
	expect_out(j, ALICE,
	    "__Host-countersign=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	    "AAAAAAAAAAAA");
	r = front_lab_post(j, "/login", ALICE, "", "name=alice&" PASSWORD_FORM);
	front_lab_expect(front_lab_field(&r, "Set-Cookie"),
	    "; Path=/; Secure; HttpOnly; SameSite=Strict");
	cookie = front_lab_cookie(j, &r);
	other = front_lab_log_in(j, "alice", ALICE);
	assert_string_not_equal(cookie, other);
	assert_int_equal(
	    audited(j, "admin page login", "admin:alice", "ok"), 2);
	(void)front_lab_page(j, "/", cookie);

	/* Without a certificate nothing is open, and nothing ends. */
	expect_out(j, SPAN(""), cookie);
	expect_out(j, SPAN(""), cookie);
	(void)front_lab_page(j, "/", cookie);
	assert_int_equal(
	    audited(j, "admin page session", "admin:alice", "refused"), 0);

	/* Stolen onto another certificate: it ends for all. */
	expect_out(j, BOB, cookie);
	assert_int_equal(
	    audited(j, "admin page session", "admin:alice", "refused"), 1);
	expect_out(j, ALICE, cookie);
	(void)front_lab_page(j, "/", other);

	/* Logged out. */
	cookie = front_lab_log_in(j, "alice", ALICE);
	r = front_lab_post(j, "/logout", ALICE, cookie, "");
	assert_int_equal(r.status, 303);
	front_lab_expect(front_lab_field(&r, "Set-Cookie"), "Max-Age=0");
	expect_out(j, ALICE, cookie);

	/* The account has ended. */
	cookie = front_lab_log_in(j, "alice", ALICE);
	(void)front_lab_page(j, "/", cookie);
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

	front_lab_start(j);
	bobs = front_lab_log_in(j, "bob", BOB);
	for (size_t i = 0; i < 2; i++) {
		cookie = front_lab_log_in(j, "alice", ALICE);
		(void)front_lab_page(j, "/", cookie);
		set_password(j, "alice", passwords[i]);
		expect_out(j, ALICE, cookie);
	}
	/* Nor does it come back with the former password. */
	set_password(j, "alice", PASSWORD);
	expect_out(j, ALICE, cookie);
	assert_int_equal(front_lab_get(j, "/", BOB, bobs).status, 200);
}

static void
test_expiry(struct job *j)
{
	const char *cookie;
	int64_t begun;

	front_lab_start(j);
	cookie = front_lab_log_in(j, "alice", ALICE);
	begun = j->now;
	clock_set(begun + IDLE);
	(void)front_lab_page(j, "/", cookie);
	clock_set(j->now + IDLE + 1);
	expect_out(j, ALICE, cookie);

	/* Not for ever, however much is asked. */
	cookie = front_lab_log_in(j, "alice", ALICE);
	begun = j->now;
	while (j->now + IDLE <= begun + ADMIN_SESSION_SECS) {
		clock_set(j->now + IDLE);
		(void)front_lab_page(j, "/login", cookie);
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
	for (size_t i = 0; i < COUNT(cases); i++) {
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

	front_lab_start(j);
	first = front_lab_log_in(j, "alice", ALICE);
	clock_set(j->now + 1);
	second = front_lab_log_in(j, "bob", BOB);
	clock_set(j->now + 1);
	(void)front_lab_page(j, "/", first);
	for (int i = 0; i < ADMIN_SESSIONS_MAX - 1; i++) {
		clock_set(j->now + 1);
		last = front_lab_log_in(j, "alice", ALICE);
	}
	(void)front_lab_page(j, "/", first);
	(void)front_lab_page(j, "/", last);
	expect_out(j, BOB, second);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_pk_206_wrong_logins),
	STORE_TEST(test_guessing),
	STORE_TEST(test_many_strangers),
	STORE_TEST(test_unproven),
	STORE_TEST(test_foreign_forms),
	STORE_TEST(test_methods),
	STORE_TEST(test_sessions),
	STORE_TEST(test_changed_password),
	STORE_TEST(test_expiry),
	cmocka_unit_test(test_stepped_clock),
	STORE_TEST_SQLITE(test_many),
};

UNIT_MAIN(tests)
