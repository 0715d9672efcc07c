/*
 * While a key of very many certificates is followed (AC-158) everything else
 * that the issuer does goes on: orders, and other revocations, which have ten
 * minutes (PK-157, PK-182).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <unistd.h>

#include "acme/revoke.h"
#include "db/store_cert.h"
#include "db/store_key.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "pki/ca.h"
#include "src/judge_caa.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define MANY "4000"
#define MANY_COUNT 4000
#define KEY KEY_BY_SPKI(SPAN("key"))

struct lab {
	struct role_lab role; /* its order waits for the issuer */
	struct job *j;
	int64_t bites;
};

static int64_t
count_lists(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(*) FROM crl");
}

static void
make_order(struct role_lab *lab)
{
	struct lab_csr c;

	role_lab_init(lab, lab->j);
	role_lab_send(lab);
	role_lab_post(lab);
	assert_int_equal(
	    role_lab_take(lab, role_lab_reply(lab, NULL)), VERDICT_MATCH);
	EXPECT(lab->j, judge_caa(&lab->validator, lab->j), 1);
	c = lab_csr(lab->j, lab_key(KEY_TYPE_P256, 0), "mailbox0@example.org");
	role_lab_request_take(lab, lab_csr_make(lab->j, &c));
	fixture_sql(
	    lab->j, "UPDATE orders SET profile = 'mailbox-multipurpose'");
}

static void
begin(struct lab *lab, struct job *j)
{
	const struct revocation how = { REASON_KEY_COMPROMISE, "key",
		SPAN("proof") };
	struct conf_issuer *c = &lab->role.conf.issuer;
	struct revoked_sum sum;

	*lab = (struct lab){ .j = j, .role = { .j = j } };
	role_lab_init(&lab->role, j);
	fixture_certs(j, lab->role.order->account_id, MANY);
	make_order(&lab->role);
	*c = status_lab_conf(j, "p256");
	c->caa_max_age = 3600;
	c->validity_days = 365;
	c->clock_allowance = 300;
	c->serial_octet = 1;
	c->max_per_hour = 2 * MANY_COUNT;
	(void)unlink(c->crl_file);
	lab->role.issuer.ca = lab_ca("p256");
	while (issuer_list_step(&lab->role.issuer, j) > 0)
		continue;
	assert_int_equal(count_lists(j), 1);
	role_lab_at(&lab->role, FIXTURE_NOW + 60);
	COMMITTED(j, revoke_key(j, KEY, &how, "report", &sum));
	assert_true(sum.goes_on);
}

/* One of another key, which is revoked now. */
static void
revoke_other(struct lab *lab)
{
	const struct revocation how = { 4, "operator:one", { NULL, 0 } };
	struct job *j = lab->j;
	const struct status_lab_cert other = { .ca = lab->role.issuer.ca,
		.seal = lab->role.issuer.seal,
		.account = lab->role.order->account_id,
		.id = "other",
		.serial = "010277",
		.not_before = j->now,
		.not_after = j->now + 8640000 };

	status_lab_reserve(j, &other);
	COMMITTED(j, store_cert_record(j, "other", SPAN("der"), SPAN("other")));
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_revoke_cert(j, "other", &how), 1);
	EXPECT(j, store_commit(j), 0);
}

/* Other work takes one step between two bites. */
static void
step(struct lab *lab)
{
	static const char revoked[] =
	    "SELECT COUNT(*) FROM cert WHERE revoked_at > 0 AND id <> 'other'";
	int64_t before = fixture_count(lab->j, revoked);

	EXPECT(lab->j, issuer_step(&lab->role.issuer, lab->j), 1);
	lab->bites += fixture_count(lab->j, revoked) > before;
}

static bool
is_issued(struct lab *lab)
{
	return fixture_reread(lab->j, lab->role.order)->cert_id != NULL;
}

static int64_t
unlisted(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(*) FROM cert WHERE id = 'other' "
				"AND list_due_at IS NOT NULL");
}

/* PK-182: list and order do not wait for the end; nor does the key for theirs,
 * and in the end it is the last that there is to do. */
static void
test_turns(struct job *j)
{
	struct lab lab;
	int result;

	begin(&lab, j);
	step(&lab);
	assert_int_equal(lab.bites, 1);
	revoke_other(&lab);
	while (unlisted(j) > 0 || !is_issued(&lab))
		step(&lab);
	EXPECT(j, store_key_is_certified(j, KEY), 1);
	assert_int_equal(count_lists(j), 2);
	/* In the same round, or the next one. */
	assert_in_range(lab.bites, 1, 2);
	while ((result = issuer_step(&lab.role.issuer, j)) > 0)
		continue;
	EXPECT(j, result, 0);
	EXPECT(j, store_key_is_certified(j, KEY), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE reason = 1"),
	    MANY_COUNT);
}

/* What fails meanwhile is said, and the key goes on; orders wait for the list
 * (PK-149). */
static void
test_failure(struct job *j)
{
	static const char revoked[] =
	    "SELECT COUNT(*) FROM cert WHERE reason = 1";
	struct lab lab;

	begin(&lab, j);
	lab.role.conf.issuer.crl_file = "/nonexistent/list.crl";
	while (store_key_is_certified(j, KEY) > 0) {
		int64_t before = fixture_count(j, revoked);
		int result;

		while ((result = issuer_step(&lab.role.issuer, j)) > 0)
			continue;
		assert_int_equal(result, -1);
		job_recover(j);
		assert_int_equal(
		    fixture_count(j, revoked), before + REVOKE_BITE);
	}
	assert_false(is_issued(&lab));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_turns),
	STORE_TEST(test_failure),
};

UNIT_MAIN(tests)
