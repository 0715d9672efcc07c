/* Orders, authorizations, challenges: making, reading, POST. */
#include "config.h"

#include "tests/unit/verdict_lab.h"

#include <string.h>

#include "db/store_order_look.h"
#include "db/store_private.h"
#include "lib/count.h"
#include "tests/unit/store_fixture.h"

/* --- making and reading -------------------------------------------------- */

/* AC-88, AC-95, AC-117: what was given comes back, letter for letter. */
static void
test_create_and_read(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *o = fixture_order(j, account, 3);
	struct order back;

	assert_true(j->wake & 1u << ROLE_SENDER);
	EXPECT(j, store_order_by_id(j, o->id, account, &back), 1);
	assert_string_equal(back.id, o->id);
	assert_string_equal(back.account_id, account);
	assert_string_equal(back.profile, "smime");
	assert_string_equal(back.language, "de");
	assert_int_equal(back.created_at, FIXTURE_NOW);
	assert_int_equal(back.life_until, o->life_until);
	assert_int_equal(back.identifier_count, 3);
	assert_int_equal(back.csr_at, 0);
	assert_int_equal(back.csr.n, 0);
	assert_int_equal(back.csr_jws.n, 0);
	assert_int_equal(back.failed_at, 0);
	assert_null(back.error);
	assert_null(back.cert_id);
	assert_int_equal(back.not_before, 0);
	assert_int_equal(back.not_after, 0);
	for (size_t i = 0; i < 3; i++) {
		const struct authz *was = &o->identifiers[i].authz;
		const struct authz *is = &back.identifiers[i].authz;

		unit_case("identifier %zu", i);
		assert_string_equal(back.identifiers[i].type, "email");
		assert_string_equal(
		    back.identifiers[i].value, o->identifiers[i].value);
		assert_string_equal(is->id, was->id);
		assert_string_equal(is->account_id, account);
		assert_string_equal(is->order_id, o->id);
		assert_string_equal(is->mailbox, was->mailbox);
		assert_string_equal(is->ident_type, "email");
		assert_string_equal(is->ident_value, was->ident_value);
		assert_int_equal(is->created_at, FIXTURE_NOW);
		assert_int_equal(is->expires_at, was->expires_at);
		assert_true(authz_is_open(is));
		assert_string_equal(is->challenge.id, was->challenge.id);
		assert_string_equal(
		    is->challenge.token_part2, was->challenge.token_part2);
		assert_string_equal(
		    is->challenge.thumbprint, "thumbprint-when-queued");
		assert_string_equal(is->challenge.from, was->challenge.from);
		assert_string_equal(
		    is->challenge.message_id, was->challenge.message_id);
		/* AC-112: part1 is never read back */
		assert_int_equal(is->challenge.token_part1.n, 0);
		/* AC-116: the first is due, the others wait for it */
		assert_int_equal(
		    is->challenge.mail_due_at, i == 0 ? FIXTURE_NOW : 0);
		assert_int_equal(is->challenge.mail_attempts, 0);
		assert_null(is->challenge.error);
	}
}

/* AC-92 */
static void
test_dates(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	struct order dated = *o, back, *list;
	size_t count;

	dated.id = "dated";
	dated.not_before = FIXTURE_NOW - 60;
	dated.not_after = INT64_C(253402300799);
	dated.identifiers[0].is_new = false;
	COMMITTED(j, store_order_create(j, &dated, j->now));
	EXPECT(j, store_order_by_id(j, "dated", NULL, &back), 1);
	assert_int_equal(back.not_before, FIXTURE_NOW - 60);
	assert_true(back.not_after == INT64_C(253402300799));
	EXPECT(j, store_order_list(j, false, 10, &list, &count), 0);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(
		    list[i].not_before != 0, strcmp(list[i].id, "dated") == 0);
}

/* AC-175, AC-177: absent and foreign are the same. */
static void
test_absent_and_foreign(struct job *j)
{
	const char *mine = fixture_account(j);
	const char *foreign = fixture_account(j);
	struct order *o = fixture_order(j, mine, 1);
	const struct authz *a = &o->identifiers[0].authz;
	struct order order;
	struct authz authz;

	EXPECT(j, store_order_by_id(j, o->id, foreign, &order), 0);
	EXPECT(j, store_order_by_id(j, "absent", mine, &order), 0);
	EXPECT(j, store_order_by_id(j, "absent", NULL, &order), 0);
	EXPECT(j, store_authz_by_id(j, a->id, foreign, &authz), 0);
	EXPECT(j, store_authz_by_id(j, "absent", mine, &authz), 0);
	EXPECT(j, store_authz_by_challenge(j, a->challenge.id, foreign, &authz),
	    0);
	EXPECT(j, store_authz_by_challenge(j, "absent", mine, &authz), 0);

	EXPECT(j, store_authz_by_id(j, a->id, mine, &authz), 1);
	assert_string_equal(authz.challenge.id, a->challenge.id);
	EXPECT(j, store_authz_by_id(j, a->id, NULL, &authz), 1);
	EXPECT(
	    j, store_authz_by_challenge(j, a->challenge.id, mine, &authz), 1);
	assert_string_equal(authz.id, a->id);
	EXPECT(
	    j, store_authz_by_challenge(j, a->challenge.id, NULL, &authz), 1);
}

enum twice { TWICE_PART1, TWICE_PART2, TWICE_MESSAGE_ID };

/* PK-6: no token half is offered twice, also after it is erased. */
static void
test_values_are_used_once(struct job *j)
{
	static const enum twice cases[] = { TWICE_PART1, TWICE_PART2,
		TWICE_MESSAGE_ID };
	const char *account = fixture_account(j);
	struct order *o = fixture_order(j, account, 1);

	COMMITTED(j, store_order_fail(j, o->id, verdict_lab_problem));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct order *model = fixture_order(j, account, 1);
		struct order again = *model;
		struct order_identifier ident = model->identifiers[0];
		const struct challenge *used =
		    &o->identifiers[0].authz.challenge;
		struct challenge *c = &ident.authz.challenge;

		unit_case("%d", (int)cases[i]);
		again.id = arena_printf(j->arena, "order %zu", i);
		again.identifiers = &ident;
		ident.authz.id = arena_printf(j->arena, "authz %zu", i);
		ident.authz.order_id = again.id;
		c->id = arena_printf(j->arena, "challenge %zu", i);
		c->token_part1 =
		    span_str(arena_printf(j->arena, "part1%027zu", i));
		c->token_part2 = arena_printf(j->arena, "part2%027zu", i);
		c->message_id = arena_printf(j->arena, "<%zu@x>", i);
		if (cases[i] == TWICE_PART1)
			c->token_part1 = used->token_part1;
		if (cases[i] == TWICE_PART2)
			c->token_part2 = used->token_part2;
		if (cases[i] == TWICE_MESSAGE_ID)
			c->message_id = used->message_id;
		REFUSED(j, store_order_create(j, &again, j->now), ERR_CONFLICT);
	}
}

static void
test_list(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *o[6];
	struct order *list;
	size_t count;

	EXPECT(j, store_order_list(j, false, 10, &list, &count), 0);
	assert_int_equal(count, 0);
	for (size_t i = 0; i < 6; i++) {
		o[i] = fixture_order(j, account, 1 + i % 3);
		j->now++;
	}
	COMMITTED(j, store_order_fail(j, o[4]->id, verdict_lab_problem));

	EXPECT(j, store_order_list(j, false, 10, &list, &count), 0);
	assert_int_equal(count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_string_equal(list[i].id, o[5 - i]->id);
		assert_int_equal(
		    list[i].identifier_count, o[5 - i]->identifier_count);
		assert_string_equal(list[i].identifiers[0].authz.mailbox,
		    "mailbox0@example.org");
	}
	EXPECT(j, store_order_list(j, false, 2, &list, &count), 0);
	assert_int_equal(count, 2);
	EXPECT(j, store_order_list(j, true, 10, &list, &count), 0);
	assert_int_equal(count, 5);
	assert_string_equal(list[1].id, o[3]->id);
	/* nobody answered the oldest one's mail in time (AC-128) */
	j->now = o[0]->identifiers[0].authz.expires_at;
	EXPECT(j, store_order_list(j, true, 10, &list, &count), 0);
	assert_int_equal(count, 4);
	assert_string_equal(list[3].id, o[1]->id);
}

/* 17.2: what `order_status` calls pending, ready or processing waits; what
 * ended with one of its authorizations does not. */
static void
test_list_of_those_that_wait(struct job *j)
{
	static const struct {
		const char *set; /* in table `authz`, of one of two */
		const char *order_set;
		int64_t later;
		size_t count;
	} cases[] = {
		{ "held_until = 0", "life_until = life_until", 0, 1 },
		{ "deactivated_at = 1", NULL, 0, 0 }, /* AC-105, AC-73 */
		{ "revoked_at = 1", NULL, 0, 0 },     /* AC-107 */
		{ "failed_at = 1", NULL, 0, 0 },
		{ "expires_at = 1", NULL, 0, 0 },
		{ "valid_at = 1, valid_until = 1", NULL, 0, 0 },
		{ "valid_at = 1, valid_until = created_at + 9, expires_at = 1",
		    NULL, 8, 1 },
		{ "valid_at = 1, valid_until = created_at + 9, held_until = 1",
		    NULL, 0, 0 },
		{ "valid_at = 1, held_until = created_at + 9, expires_at = 1",
		    NULL, 8, 1 },
		{ "held_until = 0", "life_until = created_at + 9", 8, 1 },
		{ "held_until = 0", "life_until = created_at + 9", 9, 0 },
		/* "decided before": nothing of that ends it */
		{ "deactivated_at = 1", "csr_at = 1, life_until = 1", 0, 1 },
		{ "held_until = 0", "is_preauth = 1", 0, 1 },
		{ "valid_at = 1, held_until = created_at + 9", "is_preauth = 1",
		    0, 1 },
		{ "valid_at = 1, valid_until = created_at + 9",
		    "is_preauth = 1", 0, 0 },
	};
	const char *account = fixture_account(j);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct order *o = fixture_order(j, account, 2), *list;
		size_t count;

		unit_case("%s; %s", cases[i].set,
		    cases[i].order_set != NULL ? cases[i].order_set : "");
		fixture_sql(j, arena_printf(j->arena,
				   "UPDATE authz SET %s WHERE id = '%s'",
				   cases[i].set, o->identifiers[1].authz.id));
		if (cases[i].order_set != NULL)
			fixture_sql(
			    j, arena_printf(j->arena,
				   "UPDATE orders SET %s WHERE id = '%s'",
				   cases[i].order_set, o->id));
		j->now += cases[i].later;
		EXPECT(j, store_order_list(j, true, 10, &list, &count), 0);
		assert_int_equal(count, cases[i].count);
		COMMITTED(j, store_order_fail(j, o->id, verdict_lab_problem));
		j->now += 10;
	}
}

/* As `model`, unfinished, a second newer and past their life. */
static void
leave_orders(struct job *j, const char *model, int count)
{
	fixture_sql(
	    j, arena_printf(j->arena,
		   "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 "
		   "FROM n WHERE i < %d) INSERT INTO orders (id, account_id, "
		   "profile, created_at, life_until, identifier_count) "
		   "SELECT 'left %d of ' || n.i, o.account_id, o.profile, "
		   "o.created_at + 1, o.created_at + 2, 1 "
		   "FROM orders o, n WHERE o.id = '%s'",
		   count, count, model));
}

/* What strangers leave behind costs a bounded time, and hides nothing that is
 * newer, nor, up to the bound, what is older. */
static void
test_list_among_many(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *old = fixture_order(j, account, 1), *list;
	size_t count;

	leave_orders(j, old->id, ORDER_LIST_LOOK_MAX - 1);
	j->now += 10;
	EXPECT(j, store_order_list(j, true, 10, &list, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].id, old->id);
	leave_orders(j, old->id, 1);
	EXPECT(j, store_order_list(j, true, 10, &list, &count), 0);
	assert_int_equal(count, 0);
	(void)fixture_order(j, account, 1);
	EXPECT(j, store_order_list(j, true, 10, &list, &count), 0);
	assert_int_equal(count, 1);
	assert_string_not_equal(list[0].id, old->id);
}

/* --- POST and proof ------------------------------------------------------ */

/* AC-122, AC-123, ER-32, 17.4: POST and reply in either order. */
static void
test_post_then_match(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	const struct authz *a = &o->identifiers[0].authz;
	struct authz out;

	j->now += 10;
	COMMITTED(j, store_challenge_post(j, a->challenge.id, 1, &out));
	assert_int_equal(out.challenge.posted_at, j->now);
	assert_int_equal(out.valid_at, 0);
	/* again: the explicit retry changes nothing */
	j->now += 10;
	COMMITTED(j, store_challenge_post(j, a->challenge.id, 1, &out));
	assert_int_equal(out.challenge.posted_at, j->now - 10);

	verdict_lab_take(j, a, VERDICT_MATCH, NULL);
	a = fixture_authz(j, o, 0);
	assert_int_equal(a->challenge.proven_at, j->now);
	assert_int_equal(a->valid_at, j->now);
	assert_int_equal(a->valid_until, j->now + 1000);
	/* valid is final: the POST shows it and changes nothing */
	COMMITTED(j, store_challenge_post(j, a->challenge.id, 9, &out));
	assert_int_equal(out.valid_until, j->now + 1000);
}

static void
test_match_then_post(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	const struct authz *a = &o->identifiers[0].authz;
	struct authz out;

	verdict_lab_take(j, a, VERDICT_MATCH, NULL);
	a = fixture_authz(j, o, 0);
	assert_int_equal(a->challenge.proven_at, j->now);
	assert_int_equal(a->valid_at, 0);
	j->now += 10;
	COMMITTED(
	    j, store_challenge_post(j, a->challenge.id, j->now + 77, &out));
	assert_int_equal(out.valid_at, j->now);
	assert_int_equal(out.valid_until, j->now + 77);
	assert_int_equal(out.challenge.posted_at, j->now);
}

enum end { END_FAILED, END_DEACTIVATED, END_REVOKED, END_EXPIRED };

/* AC-122: a POST after the end changes nothing, proven or not. */
static void
test_post_after_the_end(struct job *j)
{
	static const struct {
		enum end end;
		bool proven;
	} cases[] = {
		{ END_FAILED, false },
		{ END_DEACTIVATED, false },
		{ END_DEACTIVATED, true },
		{ END_REVOKED, false },
		{ END_REVOKED, true },
		{ END_EXPIRED, false },
		{ END_EXPIRED, true },
	};
	const char *account = fixture_account(j);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct order *o = fixture_order(j, account, 1);
		const struct authz *a = &o->identifiers[0].authz;
		struct authz out;

		unit_case("%d %d", (int)cases[i].end, cases[i].proven);
		if (cases[i].proven)
			verdict_lab_take(j, a, VERDICT_MATCH, NULL);
		switch (cases[i].end) {
		case END_FAILED:
			verdict_lab_take(
			    j, a, VERDICT_MISMATCH, verdict_lab_problem);
			break;
		case END_DEACTIVATED:
			COMMITTED(
			    j, store_order_fail(j, o->id, verdict_lab_problem));
			break;
		case END_REVOKED:
			fixture_sql(j, "UPDATE authz SET revoked_at = 7 "
				       "WHERE valid_at = 0");
			break;
		case END_EXPIRED:
			j->now = a->expires_at;
			break;
		}
		COMMITTED(j,
		    store_challenge_post(j, a->challenge.id, j->now + 5, &out));
		assert_int_equal(out.challenge.posted_at, 0);
		assert_int_equal(out.valid_at, 0);
	}
	REFUSED(j, store_challenge_post(j, "absent", 1, &(struct authz){ 0 }),
	    ERR_CONFLICT);
}

/* AC-88, AC-103: same account, same octets, long enough, still good. */
static void
test_reusable(struct job *j)
{
	const char *account = fixture_account(j);
	const char *other = fixture_account(j);
	struct order *o = fixture_order(j, account, 1);
	const struct authz *a = &o->identifiers[0].authz;
	const char *mailbox = a->mailbox;
	struct authz out;
	int64_t until = j->now + 1000;

	EXPECT(j, store_authz_reusable(j, account, mailbox, NULL, j->now, &out),
	    0);
	COMMITTED(j, store_challenge_post(j, a->challenge.id, until, &out));
	EXPECT(j, store_authz_reusable(j, account, mailbox, NULL, j->now, &out),
	    0);
	verdict_lab_take(j, a, VERDICT_MATCH, NULL);
	EXPECT(j, store_authz_reusable(j, account, mailbox, NULL, j->now, &out),
	    1);
	assert_string_equal(out.id, a->id);
	EXPECT(j,
	    store_authz_reusable(j, account, mailbox, "email", j->now, &out),
	    1);
	EXPECT(j,
	    store_authz_reusable(j, account, mailbox, "dns", j->now, &out), 0);
	EXPECT(
	    j, store_authz_reusable(j, account, mailbox, NULL, until, &out), 1);
	EXPECT(j,
	    store_authz_reusable(j, account, mailbox, NULL, until + 1, &out),
	    0);
	EXPECT(
	    j, store_authz_reusable(j, other, mailbox, NULL, j->now, &out), 0);
	EXPECT(j,
	    store_authz_reusable(
		j, account, "Mailbox0@example.org", NULL, j->now, &out),
	    0);
	fixture_sql(j, "UPDATE authz SET deactivated_at = 7");
	EXPECT(j, store_authz_reusable(j, account, mailbox, NULL, j->now, &out),
	    0);
	fixture_sql(j, "UPDATE authz SET deactivated_at = 0, revoked_at = 7");
	EXPECT(j, store_authz_reusable(j, account, mailbox, NULL, j->now, &out),
	    0);
}

/* AC-98: an order on a reused authorization has no mail of its own. */
static void
test_order_on_reused_authz(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *o = fixture_order(j, account, 1);
	const struct authz *a = &o->identifiers[0].authz;
	struct order_identifier ident = { .type = "email", .value = "MAILBOX" };
	struct order second = *o;
	struct order *back;
	struct authz out;
	int64_t mails = fixture_count(j, "SELECT COUNT(*) FROM outbox");

	COMMITTED(j, store_challenge_post(j, a->challenge.id, 1, &out));
	verdict_lab_take(j, a, VERDICT_MATCH, NULL);
	EXPECT(j,
	    store_authz_reusable(
		j, account, a->mailbox, NULL, j->now, &ident.authz),
	    1);
	second.id = "second";
	second.identifiers = &ident;
	COMMITTED(j, store_order_create(j, &second, j->now));
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM outbox"), mails);
	back = fixture_reread(j, &second);
	assert_string_equal(back->identifiers[0].value, "MAILBOX");
	assert_string_equal(back->identifiers[0].authz.id, a->id);
	assert_string_equal(back->identifiers[0].authz.order_id, o->id);
	/* The end of one order leaves the valid authorization to the other. */
	COMMITTED(j, store_order_fail(j, o->id, verdict_lab_problem));
	assert_int_equal(fixture_authz(j, &second, 0)->deactivated_at, 0);
	assert_int_equal(fixture_reread(j, &second)->failed_at, 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_create_and_read),
	STORE_TEST(test_dates),
	STORE_TEST(test_absent_and_foreign),
	STORE_TEST(test_values_are_used_once),
	STORE_TEST(test_list),
	STORE_TEST(test_list_of_those_that_wait),
	STORE_TEST(test_list_among_many),
	STORE_TEST(test_post_then_match),
	STORE_TEST(test_match_then_post),
	STORE_TEST(test_post_after_the_end),
	STORE_TEST(test_reusable),
	STORE_TEST(test_order_on_reused_authz),
};
UNIT_MAIN(tests)
