/* Orders, authorizations, challenges: making, reading, POST, the end. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "db/store_order_look.h"
#include "db/store_outbox.h"
#include "db/store_private.h"
#include "db/store_reply.h"
#include "lib/digest.h"

static const char problem[] =
    "{\"type\":\"urn:ietf:params:acme:error:serverInternal\"}";

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

	COMMITTED(j, store_order_fail(j, o->id, problem));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
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
	COMMITTED(j, store_order_fail(j, o[4]->id, problem));

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

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
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
		COMMITTED(j, store_order_fail(j, o->id, problem));
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

static void
record(struct job *j, const struct authz *a, enum verdict verdict,
    const char *error)
{
	static int64_t uid;
	struct reply_record r = { .source = "imap",
		.br_version = "1.0.16",
		.uidvalidity = 1,
		.uid = ++uid,
		.challenge_id = a->challenge.id,
		.arrival = j->now,
		.verdict = verdict,
		.code = "code",
		.error = error };
	enum verdict applied;

	COMMITTED(j, store_reply_record(j, &r, j->now + 1000, &applied));
	assert_int_equal(applied, verdict);
}

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

	record(j, a, VERDICT_MATCH, NULL);
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

	record(j, a, VERDICT_MATCH, NULL);
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

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct order *o = fixture_order(j, account, 1);
		const struct authz *a = &o->identifiers[0].authz;
		struct authz out;

		unit_case("%d %d", (int)cases[i].end, cases[i].proven);
		if (cases[i].proven)
			record(j, a, VERDICT_MATCH, NULL);
		switch (cases[i].end) {
		case END_FAILED:
			record(j, a, VERDICT_MISMATCH, problem);
			break;
		case END_DEACTIVATED:
			COMMITTED(j, store_order_fail(j, o->id, problem));
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
	record(j, a, VERDICT_MATCH, NULL);
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
	record(j, a, VERDICT_MATCH, NULL);
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
	COMMITTED(j, store_order_fail(j, o->id, problem));
	assert_int_equal(fixture_authz(j, &second, 0)->deactivated_at, 0);
	assert_int_equal(fixture_reread(j, &second)->failed_at, 0);
}

/* --- finalize, the issuer's queue ---------------------------------------- */

/* AC-143: one CSR. */
static void
test_finalize(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 2);
	struct order *back;
	struct order *failed = fixture_order(j, o->account_id, 1);

	j->now += 5;
	j->wake = 0;
	COMMITTED(
	    j, store_order_finalize(j, o->id, SPAN("\0csr"), SPAN("{\0jws}")));
	assert_true(j->wake & 1u << ROLE_ISSUER);
	back = fixture_reread(j, o);
	assert_int_equal(back->csr_at, j->now);
	assert_true(span_eq(back->csr, SPAN("\0csr")));
	assert_true(span_eq(back->csr_jws, SPAN("{\0jws}")));
	REFUSED(j, store_order_finalize(j, o->id, SPAN("other"), SPAN("jws")),
	    ERR_CONFLICT);
	REFUSED(j,
	    store_order_finalize(j, "absent", SPAN("other"), SPAN("jws")),
	    ERR_CONFLICT);
	COMMITTED(j, store_order_fail(j, failed->id, problem));
	REFUSED(j,
	    store_order_finalize(j, failed->id, SPAN("csr"), SPAN("jws")),
	    ERR_CONFLICT);
}

/* AC-140 */
static void
test_csr_refused(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	int64_t count = 0;

	for (int64_t i = 1; i <= 20; i++) {
		COMMITTED(j, store_order_csr_refused(j, o->id, &count));
		assert_int_equal(count, i);
	}
	assert_int_equal(fixture_reread(j, o)->csr_refused_count, 20);
	COMMITTED(j, store_order_finalize(j, o->id, SPAN("csr"), SPAN("jws")));
	REFUSED(j, store_order_csr_refused(j, o->id, &count), ERR_CONFLICT);
}

static void
test_issuer_queue(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *first = fixture_order(j, account, 2);
	struct order *second = fixture_order(j, account, 1);
	const char *taken;
	int64_t attempts, at, now = j->now;

	EXPECT(j, store_order_next_due(j, &at), 0);
	COMMITTED(j, store_order_lease(j, now + 30, &taken, &attempts));
	COMMITTED(
	    j, store_order_finalize(j, first->id, SPAN("1"), SPAN("jws")));
	j->now++;
	COMMITTED(
	    j, store_order_finalize(j, second->id, SPAN("2"), SPAN("jws")));
	EXPECT(j, store_order_next_due(j, &at), 1);
	assert_int_equal(at, now);

	/* the oldest first, each once */
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_order_lease(j, now + 30, &taken, &attempts), 1);
	assert_string_equal(taken, first->id);
	assert_int_equal(attempts, 1);
	EXPECT(j, store_order_lease(j, now + 30, &taken, &attempts), 1);
	assert_string_equal(taken, second->id);
	EXPECT(j, store_order_lease(j, now + 30, &taken, &attempts), 0);
	EXPECT(j, store_commit(j), 0);
	EXPECT(j, store_order_next_due(j, &at), 1);
	assert_int_equal(at, now + 30);

	/* given back; a lease that nobody gave back ends by itself */
	COMMITTED(j, store_order_release(j, second->id, now + 10, now));
	assert_int_equal(fixture_reread(j, second)->issue_fault_at, now);
	j->now = now + 10;
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_order_lease(j, now + 40, &taken, &attempts), 1);
	assert_string_equal(taken, second->id);
	assert_int_equal(attempts, 2);
	EXPECT(j, store_order_lease(j, now + 40, &taken, &attempts), 0);
	j->now = now + 30;
	EXPECT(j, store_order_lease(j, now + 60, &taken, &attempts), 1);
	assert_string_equal(taken, first->id);
	EXPECT(j, store_commit(j), 0);

	/* what has failed is no work any more */
	COMMITTED(j, store_order_fail(j, first->id, problem));
	COMMITTED(j, store_order_fail(j, second->id, problem));
	EXPECT(j, store_order_next_due(j, &at), 0);
	REFUSED(j, store_order_release(j, first->id, now, 0), ERR_CONFLICT);
}

/* --- the end of an order ------------------------------------------------- */

/* 17.2: pending authorizations go with the order, decided ones stay. */
static void
test_fail(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 3);
	struct order *back;
	struct authz out;
	struct outbox_mail mail;

	COMMITTED(
	    j, store_challenge_post(
		   j, o->identifiers[1].authz.challenge.id, j->now + 9, &out));
	record(j, &o->identifiers[1].authz, VERDICT_MATCH, NULL);
	j->now++;
	COMMITTED(j, store_order_fail(j, o->id, problem));
	back = fixture_reread(j, o);
	assert_int_equal(back->failed_at, j->now);
	assert_string_equal(back->error, problem);
	for (size_t i = 0; i < 3; i++) {
		const struct authz *a = &back->identifiers[i].authz;

		unit_case("authorization %zu", i);
		assert_int_equal(a->deactivated_at, i == 1 ? 0 : j->now);
		assert_int_equal(a->valid_at, i == 1 ? j->now - 1 : 0);
		assert_int_equal(a->challenge.mail_due_at, 0);
	}
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 9, &mail), 0);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);
	REFUSED(j, store_order_fail(j, o->id, "{}"), ERR_CONFLICT);
	assert_string_equal(fixture_reread(j, o)->error, problem);
}

/* 17.3: expired stays expired, but its secrets go. */
static void
test_fail_after_expiry(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 2);

	j->now = o->identifiers[0].authz.expires_at;
	COMMITTED(j, store_order_fail(j, o->id, problem));
	assert_int_equal(fixture_authz(j, o, 0)->deactivated_at, 0);
	assert_int_equal(fixture_authz(j, o, 1)->deactivated_at, 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);
}

/* --- secrets ------------------------------------------------------------- */

enum final {
	FINAL_VALID,
	FINAL_PROVEN,
	FINAL_MISMATCH,
	FINAL_BOUNCE,
	FINAL_MAIL_REFUSED,
	FINAL_ORDER_FAILED,
	FINAL_EXPIRED,
	FINAL_SENT,
};

static void
bring_to_end(struct job *j, const struct order *o, enum final final)
{
	const struct authz *a = &o->identifiers[0].authz;
	const char *id = a->challenge.id;
	struct authz out;
	size_t count;

	switch (final) {
	case FINAL_VALID:
		COMMITTED(j, store_challenge_post(j, id, 1, &out));
		record(j, a, VERDICT_MATCH, NULL);
		break;
	case FINAL_PROVEN:
		record(j, a, VERDICT_MATCH, NULL);
		break;
	case FINAL_MISMATCH:
		record(j, a, VERDICT_MISMATCH, problem);
		break;
	case FINAL_BOUNCE:
		record(j, a, VERDICT_DSN_FAILED, problem);
		break;
	case FINAL_MAIL_REFUSED:
		COMMITTED(j, store_outbox_failed(j, id, "550", problem));
		break;
	case FINAL_ORDER_FAILED:
		COMMITTED(j, store_order_fail(j, o->id, problem));
		break;
	case FINAL_EXPIRED:
		COMMITTED(j, store_challenge_wipe_expired(
				 j, a->expires_at, 100, &count));
		break;
	case FINAL_SENT:
		COMMITTED(j, store_outbox_sent(j, id, "250", 60));
		break;
	}
}

/* ER-7, AC-113: after each final state nothing holds part1, neither a table
 * nor, on SQLite, a free octet of the file; its hash stays. */
static void
test_part1_is_erased(struct job *j)
{
	static const enum final finals[] = { FINAL_VALID, FINAL_PROVEN,
		FINAL_MISMATCH, FINAL_BOUNCE, FINAL_MAIL_REFUSED,
		FINAL_ORDER_FAILED, FINAL_EXPIRED, FINAL_SENT };
	const char *account = fixture_account(j);

	for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
		struct order *o = fixture_order(j, account, 1);
		const struct challenge *c = &o->identifiers[0].authz.challenge;
		struct outbox_mail mail;
		struct challenge_subject subject;
		uint8_t hash[SHA256_LEN];
		struct buf b;

		unit_case("%d", (int)finals[i]);
		buf_init(&b, j->arena, 8192);
		buf_addf(&b, "From: x\r\nSubject: ACME: %.*s\r\n\r\n",
		    (int)c->token_part1.n, c->token_part1.p);
		while (b.n < 6000)
			buf_add_str(&b, "text of the mail\r\n");
		EXPECT(j, store_begin(j), 0);
		EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 1);
		assert_string_equal(mail.challenge_id, c->id);
		EXPECT(j, store_outbox_spool(j, c->id, buf_span(&b)), 0);
		EXPECT(j, store_commit(j), 0);
		assert_true(fixture_database_holds(
		    j, c->token_part1.p, c->token_part1.n));
		bring_to_end(j, o, finals[i]);
		assert_false(fixture_database_holds(
		    j, c->token_part1.p, c->token_part1.n));
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM spool"), 0);
		sha256(c->token_part1, hash);
		EXPECT(j,
		    store_challenge_by_part1_hash(
			j, span_mem(hash, sizeof(hash)), &subject),
		    1);
		assert_string_equal(subject.authz.challenge.id, c->id);
	}
}

static bool
is_erased(struct job *j, const struct order *o)
{
	struct span part1 = o->identifiers[0].authz.challenge.token_part1;

	return !fixture_database_holds(j, part1.p, part1.n);
}

/*
 * The same with enough of them that pages split and merge while others live:
 * nothing is left behind in a page when rows move.
 */
static void
test_part1_is_erased_from_moved_rows(struct job *j)
{
	enum { ORDERS = 240 };
	const char *account = fixture_account(j);
	struct order *o[ORDERS];
	size_t count;

	for (size_t i = 0; i < ORDERS; i++) {
		struct outbox_mail mail;
		struct buf b;

		o[i] = fixture_order(j, account, 1);
		EXPECT(j, store_begin(j), 0);
		EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 1);
		buf_init(&b, j->arena, 8192);
		buf_add(&b, mail.token_part1);
		while (b.n < 100 + i * 37 % 5000)
			buf_add_str(&b, "text of the mail\r\n");
		EXPECT(j,
		    store_outbox_spool(j, mail.challenge_id, buf_span(&b)), 0);
		EXPECT(j, store_commit(j), 0);
		/* some end while others begin */
		if (i % 5 == 4)
			bring_to_end(j, o[i - 3], FINAL_PROVEN);
	}
	for (size_t i = 0; i < ORDERS; i += 3)
		bring_to_end(j, o[i], FINAL_ORDER_FAILED);
	for (size_t i = 0; i < ORDERS; i++) {
		unit_case("order %zu, others live", i);
		assert_int_equal(is_erased(j, o[i]), i % 3 == 0 || i % 5 == 1);
	}
	COMMITTED(
	    j, store_challenge_wipe_expired(j, j->now + 86400, 7, &count));
	assert_int_equal(count, 7);
	COMMITTED(
	    j, store_challenge_wipe_expired(j, j->now + 86400, 1000, &count));
	assert_int_equal(count, ORDERS * 8 / 15 - 7);
	COMMITTED(
	    j, store_challenge_wipe_expired(j, j->now + 86400, 1000, &count));
	assert_int_equal(count, 0);
	for (size_t i = 0; i < ORDERS; i++) {
		unit_case("order %zu, at the end", i);
		assert_true(is_erased(j, o[i]));
	}
}

/* Only what has expired. */
static void
test_wipe_expired(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *o = fixture_order(j, account, 2);
	struct outbox_mail mail;
	size_t count;

	COMMITTED(j, store_challenge_wipe_expired(j,
			 o->identifiers[0].authz.expires_at - 1, 10, &count));
	assert_int_equal(count, 0);
	j->now++;
	fixture_order(j, account, 1);
	COMMITTED(j, store_challenge_wipe_expired(
			 j, o->identifiers[0].authz.expires_at, 10, &count));
	assert_int_equal(count, 2);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM part1"), 1);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 9, &mail), 1);
	assert_string_not_equal(mail.order_id, o->id);
	EXPECT(j, store_commit(j), 0);
}

/* --- an authorization ends while its order gets a CSR -------------------- */

struct deactivation {
	const char *authz_id;
	int ready; /* told when it is about to be tried */
};

static int
deactivate(struct job *j, void *ctx)
{
	const struct deactivation *d = ctx;
	struct authz a;

	if (write(d->ready, "x", 1) != 1 || store_begin(j) != 0 ||
	    store_authz_lock(j, d->authz_id, &a) != 1 ||
	    store_authz_deactivate(j, &a) != 0)
		return 1;
	return store_commit(j) == 0 ? 0 : 2;
}

/* AC-105, section 17.2: what was finalized first is decided, also where the
 * deactivation had looked at the order before that was committed. */
static void
test_finalized_first(struct job *j)
{
	const struct timespec moment = { 0, 200 * 1000000L };
	struct order *o = fixture_order(j, fixture_account(j), 1);
	struct deactivation d = { .authz_id = o->identifiers[0].authz.id };
	int fds[2], pid;
	char byte;

	fixture_sql(
	    j, "UPDATE authz SET valid_at = 1, valid_until = 9000000000");
	assert_int_equal(pipe(fds), 0);
	d.ready = fds[1];
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_order_finalize(j, o->id, SPAN("csr"), SPAN("jws")), 0);
	pid = fixture_fork(deactivate, &d);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	nanosleep(&moment, NULL);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(fixture_wait(pid), 0);
	o = fixture_reread(j, o);
	assert_int_not_equal(o->identifiers[0].authz.deactivated_at, 0);
	assert_int_not_equal(o->csr_at, 0);
	assert_int_equal(o->failed_at, 0);
	close(fds[0]);
	close(fds[1]);
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
	STORE_TEST(test_finalize),
	STORE_TEST(test_csr_refused),
	STORE_TEST(test_issuer_queue),
	STORE_TEST(test_fail),
	STORE_TEST(test_fail_after_expiry),
	STORE_TEST(test_part1_is_erased),
	STORE_TEST_SQLITE(test_part1_is_erased_from_moved_rows),
	STORE_TEST(test_wipe_expired),
	STORE_TEST_PGSQL(test_finalized_first),
};

UNIT_MAIN(tests)
