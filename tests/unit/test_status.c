/*
 * acme.md section 17, AC-97, AC-99, AC-102, AC-119, AC-124, AC-128, AC-141,
 * AC-190: every combination of facts against a table whose first fitting row
 * says what is right.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "acme/status.h"
#include "lib/count.h"

#define T0 ((int64_t)1000000)
#define HOUR ((int64_t)3600)
#define EXPIRES (T0 + 24 * HOUR)     /* while pending */
#define VALID_UNTIL (T0 + 72 * HOUR) /* once valid */

enum { NO, YES, ANY };
/* When something was put away: never, before or after the end. */
enum { NEVER, IN_TIME, TOO_LATE, ANY_TIME };
enum { BEFORE, AT, AFTER, LATE, ANY_NOW };

/* Of `now` against the end that counts; LATE: at or after. */
static bool
fits_now(int row, int now)
{
	return row == ANY_NOW || row == now ||
	       (row == LATE && (now == AT || now == AFTER));
}

static bool
fits(int row, int value, int any)
{
	return row == any || row == value;
}

struct authz_facts {
	int valid, failed, deactivated, revoked, posted, now;
};

static const struct {
	struct authz_facts facts;
	enum authz_status authz;
	enum challenge_status challenge;
} authz_rows[] = {
	/* valid, failed, deactivated, revoked, posted, now */
	/* PK-28: proven, and forbidden by CAA afterwards */
	{ { YES, YES, ANY_TIME, YES, ANY, ANY_NOW }, AUTHZ_REVOKED,
	    CHALLENGE_INVALID },
	{ { YES, YES, IN_TIME, NO, ANY, ANY_NOW }, AUTHZ_DEACTIVATED,
	    CHALLENGE_INVALID },
	{ { YES, YES, ANY_TIME, NO, ANY, ANY_NOW }, AUTHZ_INVALID,
	    CHALLENGE_INVALID },

	{ { YES, NO, ANY_TIME, YES, ANY, ANY_NOW }, AUTHZ_REVOKED,
	    CHALLENGE_VALID },
	{ { YES, NO, IN_TIME, NO, ANY, ANY_NOW }, AUTHZ_DEACTIVATED,
	    CHALLENGE_VALID },
	{ { YES, NO, ANY_TIME, NO, ANY, BEFORE }, AUTHZ_VALID,
	    CHALLENGE_VALID },
	{ { YES, NO, ANY_TIME, NO, ANY, LATE }, AUTHZ_EXPIRED,
	    CHALLENGE_VALID },

	{ { NO, YES, ANY_TIME, YES, ANY, ANY_NOW }, AUTHZ_REVOKED,
	    CHALLENGE_INVALID },
	{ { NO, YES, IN_TIME, NO, ANY, ANY_NOW }, AUTHZ_DEACTIVATED,
	    CHALLENGE_INVALID },
	{ { NO, YES, ANY_TIME, NO, ANY, ANY_NOW }, AUTHZ_INVALID,
	    CHALLENGE_INVALID },

	{ { NO, NO, ANY_TIME, YES, NO, ANY_NOW }, AUTHZ_REVOKED,
	    CHALLENGE_PENDING },
	/* what has ended before misses no deadline */
	{ { NO, NO, ANY_TIME, YES, YES, ANY_NOW }, AUTHZ_REVOKED,
	    CHALLENGE_PROCESSING },
	{ { NO, NO, IN_TIME, NO, NO, ANY_NOW }, AUTHZ_DEACTIVATED,
	    CHALLENGE_PENDING },
	{ { NO, NO, IN_TIME, NO, YES, ANY_NOW }, AUTHZ_DEACTIVATED,
	    CHALLENGE_PROCESSING },
	{ { NO, NO, ANY_TIME, NO, NO, BEFORE }, AUTHZ_PENDING,
	    CHALLENGE_PENDING },
	{ { NO, NO, ANY_TIME, NO, YES, BEFORE }, AUTHZ_PENDING,
	    CHALLENGE_PROCESSING },
	/* AC-128: who has POSTed never meets `expired` */
	{ { NO, NO, ANY_TIME, NO, NO, LATE }, AUTHZ_EXPIRED,
	    CHALLENGE_PENDING },
	{ { NO, NO, ANY_TIME, NO, YES, LATE }, AUTHZ_INVALID,
	    CHALLENGE_INVALID },
};

static size_t
find_authz_row(const struct authz_facts *f)
{
	size_t count = COUNT(authz_rows);

	for (size_t i = 0; i < count; i++) {
		const struct authz_facts *r = &authz_rows[i].facts;

		if (fits(r->valid, f->valid, ANY) &&
		    fits(r->failed, f->failed, ANY) &&
		    fits(r->deactivated, f->deactivated, ANY_TIME) &&
		    fits(r->revoked, f->revoked, ANY) &&
		    fits(r->posted, f->posted, ANY) && fits_now(r->now, f->now))
			return i;
	}
	fail_msg("no row for these facts");
	return 0;
}

static int64_t
moment(int now, int64_t end)
{
	return now == BEFORE ? end - 1 : now == AT ? end : end + 1;
}

static struct authz
make_authz(const struct authz_facts *f)
{
	int64_t end = f->valid == YES ? VALID_UNTIL : EXPIRES;
	struct authz a = {
		.created_at = T0,
		.expires_at = EXPIRES,
		.valid_at = f->valid == YES ? T0 + HOUR : 0,
		.valid_until = f->valid == YES ? VALID_UNTIL : 0,
		.failed_at = f->failed == YES ? T0 + HOUR : 0,
		.deactivated_at = f->deactivated == NEVER     ? 0
				  : f->deactivated == IN_TIME ? end - 1
							      : end,
		.revoked_at = f->revoked == YES ? T0 + HOUR : 0,
		.challenge.posted_at = f->posted == YES ? T0 + 60 : 0,
	};

	return a;
}

static void
check_authz(const struct authz_facts *f)
{
	struct authz a = make_authz(f);
	int64_t now = moment(f->now, authz_expires(&a));
	size_t row = find_authz_row(f);

	unit_case("valid %d failed %d deactivated %d revoked %d posted %d "
		  "now %d: row %zu",
	    f->valid, f->failed, f->deactivated, f->revoked, f->posted, f->now,
	    row);
	assert_string_equal(authz_status_name(authz_status(&a, now)),
	    authz_status_name(authz_rows[row].authz));
	assert_string_equal(challenge_status_name(challenge_status(&a, now)),
	    challenge_status_name(authz_rows[row].challenge));
	/* AC-190: only who waits is told how long. */
	assert_int_equal(challenge_retry_after(&a, now) != 0,
	    authz_rows[row].authz == AUTHZ_PENDING &&
		authz_rows[row].challenge == CHALLENGE_PROCESSING);
}

static void
test_authz(void **state)
{
	struct authz_facts f;

	(void)state;
	for (f.valid = NO; f.valid <= YES; f.valid++)
		for (f.failed = NO; f.failed <= YES; f.failed++)
			for (f.deactivated = NEVER; f.deactivated <= TOO_LATE;
			     f.deactivated++)
				for (int i = 0; i < 12; i++) {
					f.revoked = i & 1;
					f.posted = i >> 1 & 1;
					f.now = i >> 2;
					check_authz(&f);
				}
}

/* --- orders --------------------------------------------------------------- */

/* An authorization with this status at `now`. */
static struct authz
authz_with(enum authz_status s, int64_t now)
{
	struct authz a = {
		.created_at = T0,
		.expires_at = now + HOUR,
	};

	switch (s) {
	case AUTHZ_PENDING:
		break;
	case AUTHZ_VALID:
		a.valid_at = now - 1;
		a.valid_until = now + 2 * HOUR;
		break;
	case AUTHZ_INVALID:
		a.failed_at = now - 1;
		break;
	case AUTHZ_EXPIRED:
		a.expires_at = now;
		break;
	case AUTHZ_DEACTIVATED:
		a.deactivated_at = now - 1;
		break;
	case AUTHZ_REVOKED:
		a.revoked_at = now - 1;
		break;
	}
	assert_int_equal(authz_status(&a, now), s);
	return a;
}

enum { ALL_VALID, SOME_PENDING, SOME_ENDED, ANY_AUTHZ };

static const struct {
	int cert, failed, csr, now, authz;
	enum order_status status;
} order_rows[] = {
	{ YES, ANY, ANY, ANY_NOW, ANY_AUTHZ, ORDER_VALID },
	{ NO, YES, ANY, ANY_NOW, ANY_AUTHZ, ORDER_INVALID },
	{ NO, NO, YES, ANY_NOW, ANY_AUTHZ, ORDER_PROCESSING },
	{ NO, NO, NO, LATE, ANY_AUTHZ, ORDER_INVALID },
	{ NO, NO, NO, BEFORE, SOME_ENDED, ORDER_INVALID },
	{ NO, NO, NO, BEFORE, SOME_PENDING, ORDER_PENDING },
	{ NO, NO, NO, BEFORE, ALL_VALID, ORDER_READY },
};

static enum order_status
expected_order(int cert, int failed, int csr, int now, int authz)
{
	size_t count = COUNT(order_rows);

	for (size_t i = 0; i < count; i++) {
		if (fits(order_rows[i].cert, cert, ANY) &&
		    fits(order_rows[i].failed, failed, ANY) &&
		    fits(order_rows[i].csr, csr, ANY) &&
		    fits_now(order_rows[i].now, now) &&
		    fits(order_rows[i].authz, authz, ANY_AUTHZ))
			return order_rows[i].status;
	}
	fail_msg("no row for these facts");
	return ORDER_INVALID;
}

static int
class_of(enum authz_status a, enum authz_status b)
{
	if (a == AUTHZ_VALID && b == AUTHZ_VALID)
		return ALL_VALID;
	if ((a == AUTHZ_VALID || a == AUTHZ_PENDING) &&
	    (b == AUTHZ_VALID || b == AUTHZ_PENDING))
		return SOME_PENDING;
	return SOME_ENDED;
}

static void
check_order(enum authz_status a, enum authz_status b, int facts, int when)
{
	int64_t now = T0 + 10 * HOUR;
	struct order_identifier ids[2] = { { .authz = authz_with(a, now) },
		{ .authz = authz_with(b, now) } };
	int cert = facts & 1, failed = facts >> 1 & 1, csr = facts >> 2 & 1;
	struct order o = {
		.created_at = T0,
		.life_until = when == BEFORE ? now + 1
			      : when == AT   ? now
					     : now - 1,
		.identifiers = ids,
		.identifier_count = 2,
		.csr_at = csr ? now - 1 : 0,
		.failed_at = failed ? now - 1 : 0,
		.cert_id = cert ? "id" : NULL,
		.cert_not_after = now + 1000 * HOUR,
	};
	enum order_status expected =
	    expected_order(cert, failed, csr, when, class_of(a, b));

	unit_case("authz %s and %s, cert %d failed %d csr %d when %d",
	    authz_status_name(a), authz_status_name(b), cert, failed, csr,
	    when);
	assert_string_equal(order_status_name(order_status(&o, now)),
	    order_status_name(expected));
	/* AC-97 */
	if (expected == ORDER_VALID)
		assert_int_equal(order_expires(&o, now), o.cert_not_after);
	else
		assert_true(order_expires(&o, now) <= o.life_until);
	/* AC-190: nobody has POSTed here, so only issuance is waited for. */
	assert_int_equal(
	    order_retry_after(&o, now), expected == ORDER_PROCESSING ? 2 : 0);
}

static void
test_order(void **state)
{
	(void)state;
	for (int a = AUTHZ_PENDING; a <= AUTHZ_REVOKED; a++)
		for (int b = AUTHZ_PENDING; b <= AUTHZ_REVOKED; b++)
			for (int facts = 0; facts < 8; facts++)
				for (int when = BEFORE; when <= AFTER; when++)
					check_order((enum authz_status)a,
					    (enum authz_status)b, facts, when);
}

/* AC-97: before all are valid the earliest end counts, then the later one of
 * those that are; never beyond the order's own life. */
static void
test_order_expires(void **state)
{
	struct order_identifier ids[2] = {
		{ .authz = { .expires_at = T0 + 10,
		      .valid_at = T0,
		      .valid_until = T0 + 500 } },
		{ .authz = { .expires_at = T0 + 20 } },
	};
	struct order o = { .life_until = T0 + 400,
		.identifiers = ids,
		.identifier_count = 2 };

	(void)state;
	assert_int_equal(order_expires(&o, T0), T0 + 20);
	ids[1].authz.valid_at = T0 + 15;
	ids[1].authz.valid_until = T0 + 300;
	assert_int_equal(order_expires(&o, T0 + 15), T0 + 300);
	ids[1].authz.valid_until = T0 + 600;
	assert_int_equal(order_expires(&o, T0 + 15), T0 + 400);
	o.cert_id = "id";
	o.cert_not_after = T0 + 9999;
	assert_int_equal(order_expires(&o, T0 + 15), T0 + 9999);
}

/* AC-102, PK-12 */
static void
test_valid_until(void **state)
{
	const int64_t day = 24 * HOUR;
	static const struct {
		int64_t at, valid_life, order_life, expected; /* from T0 */
	} rows[] = {
		{ 1, 72, 48, 73 },
		{ 1, 0, 48, 48 },
		{ 23, 10, 72, 72 },
		{ 23, 72, 72, 95 },
		{ 23, 30 * 24 - 1, 72, 30 * 24 },
		{ 0, 30 * 24 - 1, 72, 30 * 24 - 1 },
	};
	struct authz a = { .created_at = T0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t until = authz_valid_until(&a, T0 + rows[i].at * HOUR,
		    rows[i].valid_life * HOUR, rows[i].order_life * HOUR);

		unit_case("row %zu", i);
		assert_int_equal(until - T0, rows[i].expected * HOUR);
		assert_true(until <= T0 + 30 * day);
	}
}

/* AC-190 */
static void
test_retry_after(void **state)
{
	static const struct {
		int64_t since, challenge, order;
	} rows[] = {
		{ 0, 5, 2 },
		{ 59, 5, 2 },
		{ 60, 15, 10 },
		{ 599, 15, 10 },
		{ 600, 60, 10 },
		{ 3599, 60, 10 },
		{ 3600, 300, 10 },
		{ 80000, 300, 10 },
	};
	struct order_identifier ids[2] = {
		{ .authz = { .expires_at = EXPIRES } },
		{ .authz = { .expires_at = EXPIRES,
		      .challenge.posted_at = T0 } },
	};
	struct order pending = { .life_until = T0 + 999 * HOUR,
		.identifiers = ids,
		.identifier_count = 2 };
	struct order processing = { .csr_at = T0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t now = T0 + rows[i].since;

		unit_case("row %zu", i);
		assert_int_equal(challenge_retry_after(&ids[1].authz, now),
		    rows[i].challenge);
		assert_int_equal(challenge_retry_after(&ids[0].authz, now), 0);
		assert_int_equal(
		    order_retry_after(&pending, now), rows[i].challenge);
		assert_int_equal(
		    order_retry_after(&processing, now), rows[i].order);
	}
	/* The challenge to be asked about first counts. */
	ids[0].authz.challenge.posted_at = T0 + 700;
	assert_int_equal(order_retry_after(&pending, T0 + 701), 5);
}

/* AC-108, AC-119, AC-124, AC-128: which error a challenge shows. */
static void
test_challenge_error(void **state)
{
	struct authz a = { .expires_at = EXPIRES, .challenge.error = "E" };
	const struct deadline *missed;

	(void)state;
	assert_null(challenge_error(&a, T0, &missed)); /* pending */
	assert_null(missed);
	a.challenge.posted_at = T0; /* processing */
	assert_string_equal(challenge_error(&a, T0, &missed), "E");
	assert_null(missed);
	assert_null(challenge_error(&a, EXPIRES, &missed)); /* deadline */
	assert_ptr_equal(missed, &deadline_of_reply);
	a.challenge.failed_at = T0 + 1; /* decided before it */
	assert_string_equal(challenge_error(&a, EXPIRES, &missed), "E");
	assert_null(missed);
	a.challenge.failed_at = 0;
	a.valid_at = T0 + 1;
	assert_null(challenge_error(&a, EXPIRES, &missed));
	assert_null(missed);
	a.failed_at = T0 + 2; /* CAA forbids it (PK-28) */
	assert_string_equal(challenge_error(&a, EXPIRES, &missed), "E");
	assert_null(missed);
}

/* PK-46, MP-6: proven, and held until then for what other networks see. */
static void
test_held(void **state)
{
	static const struct {
		int64_t held_until, failed_at, deactivated_at, now;
		enum authz_status authz;
		enum challenge_status challenge;
		const struct deadline *missed;
	} cases[] = {
		{ 0, 0, 0, EXPIRES, AUTHZ_VALID, CHALLENGE_VALID, NULL },
		{ EXPIRES, 0, 0, EXPIRES - 1, AUTHZ_PENDING,
		    CHALLENGE_PROCESSING, NULL },
		{ EXPIRES, 0, 0, EXPIRES, AUTHZ_INVALID, CHALLENGE_INVALID,
		    &deadline_of_quorum },
		{ EXPIRES, 0, 0, VALID_UNTIL + 1, AUTHZ_INVALID,
		    CHALLENGE_INVALID, &deadline_of_quorum },
		{ EXPIRES, T0 + HOUR, 0, EXPIRES - 1, AUTHZ_INVALID,
		    CHALLENGE_INVALID, NULL },
		{ EXPIRES, 0, EXPIRES - 2, EXPIRES - 1, AUTHZ_DEACTIVATED,
		    CHALLENGE_PROCESSING, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct authz a = { .created_at = T0,
			.expires_at = EXPIRES,
			.valid_at = T0 + 60,
			.valid_until = VALID_UNTIL,
			.held_until = cases[i].held_until,
			.failed_at = cases[i].failed_at,
			.deactivated_at = cases[i].deactivated_at,
			.challenge.posted_at = T0 + 30 };
		const struct deadline *missed;
		int64_t now = cases[i].now;

		unit_case("%zu", i);
		assert_string_equal(authz_status_name(authz_status(&a, now)),
		    authz_status_name(cases[i].authz));
		assert_string_equal(
		    challenge_status_name(challenge_status(&a, now)),
		    challenge_status_name(cases[i].challenge));
		assert_null(challenge_error(&a, now, &missed));
		assert_ptr_equal(missed, cases[i].missed);
		/* The last of its repeats has said why. */
		a.challenge.error = "E";
		if (cases[i].challenge != CHALLENGE_VALID)
			assert_string_equal(
			    challenge_error(&a, now, &missed), "E");
		assert_null(
		    cases[i].challenge == CHALLENGE_VALID ? NULL : missed);
	}
}

/* 17.1 */
static void
test_account(void **state)
{
	struct account a = { .id = "x" };

	(void)state;
	assert_string_equal(account_status_name(account_status(&a)), "valid");
	a.deactivated_at = T0;
	assert_string_equal(
	    account_status_name(account_status(&a)), "deactivated");
	a.revoked_at = T0;
	assert_string_equal(account_status_name(account_status(&a)), "revoked");
	a.deactivated_at = 0;
	assert_string_equal(account_status_name(account_status(&a)), "revoked");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_authz),
	cmocka_unit_test(test_order),
	cmocka_unit_test(test_order_expires),
	cmocka_unit_test(test_valid_until),
	cmocka_unit_test(test_retry_after),
	cmocka_unit_test(test_challenge_error),
	cmocka_unit_test(test_held),
	cmocka_unit_test(test_account),
};
UNIT_MAIN(tests)
