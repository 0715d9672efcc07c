/*
 * The pages for admins: what they show (PK-3, PK-184, PK-186), and what they
 * never do (PK-7, AC-112).
 */
#include "config.h"

#include <string.h>

#include "db/store_order_look.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "mail/reply.h"
#include "src/page.h"
#include "tests/unit/front_lab.h"

/* --- what is shown -------------------------------------------------------- */

static const char *const targets[] = { "/", "/orders", "/reports", "/incidents",
	"/login", "/style.css", "/api/status", "/api/orders", "/api/reports",
	"/api/incidents", "/nothing", "/orders/nothing" };

/* Of each answer, whoever asks. */
static void
test_fields(struct job *j)
{
	const char *cookie;

	front_lab_start(j);
	cookie = front_lab_log_in(j, "alice", ALICE);
	for (size_t i = 0; i < 2 * COUNT(targets); i++) {
		struct response r = front_lab_get(
		    j, targets[i / 2], ALICE, i % 2 == 0 ? cookie : "");

		front_lab_expect(front_lab_field(&r, "Content-Security-Policy"),
		    "default-src 'none'; style-src 'self'; form-action "
		    "'self'; base-uri 'none'; frame-ancestors 'none'");
		assert_string_equal(
		    front_lab_field(&r, "Cache-Control"), "no-store");
		assert_string_equal(
		    front_lab_field(&r, "X-Frame-Options"), "DENY");
		assert_string_equal(
		    front_lab_field(&r, "X-Content-Type-Options"), "nosniff");
		assert_string_equal(
		    front_lab_field(&r, "Referrer-Policy"), "same-origin");
		assert_null(strstr(r.body.p, "<script"));
		assert_null(strstr(r.body.p, "style="));
	}
}

/* PK-3, PK-184, PK-186: what the status tells; the same as JSON. */
static void
test_status(struct job *j)
{
	const char *cookie, *text;

	front_lab_start(j);
	cookie = front_lab_log_in(j, "alice", ALICE);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO report (number, text, received_at, entered_at, "
		   "entered_by) VALUES (1, 'x', %lld, %lld, 'operator:one')",
		   (long long)j->now - 20 * 3600, (long long)j->now));
	text = front_lab_page(j, "/", cookie);
	front_lab_expect(text, "Example &lt;CA&gt;");
	front_lab_expect(text, "<a href=\"/reports/1\">Report 1</a>");
	front_lab_expect(
	    text, ">its answer</td><td data-head=\"Time left\">4h00m</td>");
	front_lab_expect(text, "no incident has been rehearsed");
	front_lab_expect(text, "mailbox0@example.org");
	text = front_lab_page(j, "/api/status", cookie);
	front_lab_expect(text, "{\"level\":\"warn\",\"what\":\"rehearsal of an "
			       "incident\",\"text\":\"no incident");
	text = front_lab_page(j, "/api/reports", cookie);
	front_lab_expect(text, "\"number\":1,");
	front_lab_expect(text, "\"lacks\":\"its answer\"");
	front_lab_expect(text, "\"left_secs\":14400}");
	clock_set(j->now + 5 * 3600);
	cookie = front_lab_log_in(j, "alice", ALICE);
	front_lab_expect(front_lab_page(j, "/reports", cookie),
	    " class=\"late\">overdue 1h00m</td>");
	/* A rehearsal is told of when it is done. */
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE audit SET object = 'rehearsal:incident' "
			   "WHERE event = 'admin page login' AND seq = "
			   "(SELECT MAX(seq) FROM audit)"));
	front_lab_expect(front_lab_page(j, "/", cookie),
	    "last done at 2027-01-15T13:00:00Z");
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

	front_lab_start(j);
	cookie = front_lab_log_in(j, "alice", ALICE);
	role_lab_send(&front_lab.role);
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
	order = arena_printf(j->arena, "/orders/%s", front_lab.role.order->id);
	front_lab_expect(front_lab_page(j, "/orders", cookie),
	    "<bdi dir=\"ltr\">" ESCAPED "</bdi>");
	front_lab_expect(front_lab_page(j, order, cookie), ESCAPED "</span>");
	front_lab_expect(
	    front_lab_page(j, order, cookie), "cert revoke " ESCAPED "</code>");
	front_lab_expect(
	    front_lab_page(j, "/reports/1", cookie), ESCAPED "</pre>");
	front_lab_expect(front_lab_page(j, "/incidents", cookie),
	    "<code>" ESCAPED "</code>");
	front_lab_expect(front_lab_page(j, "/", cookie), ESCAPED);
	front_lab_expect(
	    front_lab_page(j, arena_printf(j->arena, "/api%s", order), cookie),
	    "\"</pre><script>alert(1)</script>\\\" onload=");
	/* What is asked for comes back in the form. */
	front_lab_expect(
	    front_lab_page(j, "/orders?account=abc&state=valid", cookie),
	    "value=\"abc\"");
	assert_int_equal(front_lab_get(j, "/orders?account=%22%3E%3Cscript%3E",
			     ALICE, cookie)
			     .status,
	    400);
	for (size_t i = 0; i < COUNT(targets); i++)
		if (strncmp(targets[i], "/api/", 5) != 0)
			assert_null(strstr(
			    front_lab_get(j, targets[i], ALICE, cookie).body.p,
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
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b;

		unit_case("%zu", i);
		buf_init(&b, unit_job()->arena, 1000);
		page_text(&b, cases[i].in);
		assert_string_equal(b.p, cases[i].out);
	}
}

#define SECRETS 8

/* Both halves of the token; their hashes and the digest of the key
 * authorization, in both forms in which octets are shown anywhere. */
static void
list_secrets(struct job *j, const char *out[SECRETS])
{
	const struct challenge *c =
	    &front_lab.role.order->identifiers[0].authz.challenge;
	struct span part2 = span_str(c->token_part2);
	uint8_t hashes[3][SHA256_LEN];

	sha256(c->token_part1, hashes[0]);
	sha256(part2, hashes[1]);
	reply_digest(c->token_part1, part2,
	    span_str(front_lab.role.account.thumbprint), hashes[2]);
	for (size_t i = 0; i < 3; i++) {
		out[2 * i] =
		    b64url_dup(j->arena, span_mem(hashes[i], SHA256_LEN));
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
	const char *order =
	    arena_printf(j->arena, "/orders/%s", front_lab.role.order->id);

	expect_none(front_lab_page(j, order, cookie), secrets);
	expect_none(
	    front_lab_page(j, arena_printf(j->arena, "/api%s", order), cookie),
	    secrets);
	for (size_t i = 0; i < COUNT(targets); i++)
		expect_none(front_lab_get(j, targets[i], ALICE, cookie).body.p,
		    secrets);
}

/* PK-7, AC-112: neither half of a token, nor what it is made into. */
static void
test_pk_7_secrets(struct job *j)
{
	const char *cookie, *order, *page, *secrets[SECRETS];
	struct order o;

	front_lab_start(j);
	list_secrets(j, secrets);
	/* What is in the mail would be found. */
	role_lab_send(&front_lab.role);
	assert_true(span_has_str(front_lab.role.sent, secrets[6]));
	role_lab_post(&front_lab.role);
	cookie = front_lab_log_in(j, "alice", ALICE);
	order = arena_printf(j->arena, "/orders/%s", front_lab.role.order->id);
	front_lab_expect(
	    front_lab_page(j, order, cookie), "accepted by the relay");
	expect_no_secrets(j, cookie, secrets);
	/* Nor once the reply is there, which has the digest. */
	(void)role_lab_take(
	    &front_lab.role, role_lab_reply(&front_lab.role, NULL));
	cookie = front_lab_log_in(j, "alice", ALICE);
	page = front_lab_page(j, order, cookie);
	front_lab_expect(page, "a reply proved the mailbox");
	front_lab_expect(page, ">match: the digest is right<");
	expect_no_secrets(j, cookie, secrets);
	/* They are not even read. */
	EXPECT(j, store_order_look(j, front_lab.role.order->id, &o), 1);
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
		const char *text = front_lab_page(j, target, cookie);
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

	front_lab_start(j);
	cookie = front_lab_log_in(j, "alice", ALICE);
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

	front_lab_start(j);
	cookie = front_lab_log_in(j, "alice", ALICE);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct response r =
		    front_lab_get(j, cases[i].target, ALICE, cookie);

		assert_int_equal(r.status, cases[i].status);
		front_lab_expect(r.body.p, cases[i].says);
	}
}

/* Without the database the pages say so, and nobody gets in. */
static void
test_no_database(struct job *j)
{
	struct store *store = j->store;
	struct response r;
	const char *cookie;

	front_lab_start(j);
	cookie = front_lab_log_in(j, "alice", ALICE);
	j->store = NULL;
	unit_log_begin();
	r = front_lab_get(j, "/", ALICE, cookie);
	(void)unit_log_end();
	assert_int_equal(r.status, 500);
	front_lab_expect(r.body.p, "the log says why");
	assert_int_equal(front_lab_get(j, "/style.css", ALICE, "").status, 200);
	j->store = store;
}

static const struct CMUnitTest tests[] = {
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
