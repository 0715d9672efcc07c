/*
 * How long records are kept (PK-22): each row by its own date, not a second
 * less, and what holds a row beyond it.
 */
#include "config.h"

#include "tests/unit/purge_lab.h"

#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_handoff.h"
#include "db/store_purge.h"
#include "src/dossier.h"
#include "src/purge.h"
#include "src/role_issuer.h"
#include "tests/unit/role_lab.h"

/* One more order, for the mailbox that the first one has proven. */
static void
order_again(struct role_lab *lab)
{
	struct job *j = lab->j;
	struct order *o = arena_calloc(j->arena, 1, sizeof(*o));

	*o = *lab->order;
	o->id = arena_printf(j->arena, "again-%s", lab->order->id);
	o->created_at = j->now;
	o->life_until = j->now + 72 * 3600;
	o->identifiers = arena_calloc(j->arena, 1, sizeof(*o->identifiers));
	o->identifiers[0] = lab->order->identifiers[0];
	o->identifiers[0].is_new = false;
	COMMITTED(j, store_order_create(j, o, 0));
	fixture_sql(j, "UPDATE orders SET profile = 'mailbox-multipurpose'");
	lab->order = o;
}

static bool
evidence_verifies(struct role_lab *lab, const char *authz_id)
{
	struct dossier d;
	int found = dossier_load(lab->j, authz_id, &d);

	assert_true(found >= 0);
	if (found == 0)
		return false;
	EXPECT(lab->j, dossier_verify(lab->j, &d, lab->issuer.seal, NULL), 0);
	assert_string_equal(d.verdict, "ok");
	return d.verified;
}

/* The validation is used on its last day for a certificate of 818 days. */
static void
test_PK_22_reused_validation(struct job *j)
{
	struct role_lab lab;
	struct cert first, second;
	const char *authz_id;

	purge_lab_init(&lab, j);
	authz_id = lab.order->identifiers[0].authz.id;
	first = purge_lab_prove(&lab);
	role_lab_at(&lab, FIXTURE_NOW + 72 * 3600 - 1);
	order_again(&lab);
	lab.conf.issuer.validity_days = 818;
	second = purge_lab_issue(&lab);
	assert_true(second.not_after > first.not_after + 450 * DAY);

	/* The first certificate goes alone; the order stays as far as the
	 * validation, which it made, needs it. */
	role_lab_at(&lab, first.not_after + RETENTION - 1);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "cert"), 2);
	role_lab_at(&lab, first.not_after + RETENTION);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "cert"), 1);
	assert_int_equal(purge_lab_rows(j, "orders"), 2);
	EXPECT(j, store_cert_by_id(j, second.id, NULL, &second), 1);
	EXPECT(j,
	    store_order_by_id(j, first.order_id, NULL,
		arena_calloc(j->arena, 1, sizeof(struct order))),
	    0);

	/* Two years and more after the expiry, the evidence is all there. */
	role_lab_at(&lab, second.not_after + 731 * DAY);
	purge_lab_run(&lab);
	assert_true(evidence_verifies(&lab, authz_id));
	role_lab_at(&lab, second.not_after + RETENTION - 1);
	purge_lab_run(&lab);
	assert_true(evidence_verifies(&lab, authz_id));
	assert_int_equal(purge_lab_rows(j, "reply"), 1);
	assert_int_equal(purge_lab_rows(j, "caa_round"), 1);
	role_lab_at(&lab, second.not_after + RETENTION);
	purge_lab_run(&lab);
	assert_false(evidence_verifies(&lab, authz_id));
	purge_lab_nothing_left(j);
	assert_int_equal(purge_lab_rows(j, "account"), 1);
}

/* PK-143: not even after its certificate was purged. */
static void
test_PK_143_purged_number_is_not_given_again(struct job *j)
{
	struct role_lab lab;
	struct cert c;
	bool taken;

	purge_lab_init(&lab, j);
	c = purge_lab_prove(&lab);
	role_lab_at(&lab, c.not_after + RETENTION);
	purge_lab_run(&lab);
	purge_lab_nothing_left(j);
	lab.order = fixture_order(j, lab.account.id, 1);
	c.order_id = lab.order->id;
	REFUSED(j, store_cert_reserve(j, &c, &taken), ERR_CONFLICT);
	assert_true(taken);
	c.serial = arena_printf(j->arena, "01%s", c.serial);
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
}

/* PK-160: revoked, and no list past the expiry has carried it yet, or the
 * newest one still does. */
static void
test_PK_160_revoked_stays_until_it_left_the_list(struct job *j)
{
	struct role_lab lab;
	struct cert c;

	purge_lab_init(&lab, j);
	c = purge_lab_prove(&lab);
	fixture_sql(j, "UPDATE cert SET revoked_at = 1800000100, reason = 1, "
		       "revoked_by = 'x', list_due_at = 1800000100");
	role_lab_at(&lab, c.not_after + RETENTION + DAY);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "cert"), 1);
	for (int lists = 0; lists < 2; lists++) {
		assert_int_equal(purge_lab_rows(j, "cert"), 1);
		role_lab_at(&lab, j->now + 2 * DAY);
		while (issuer_list_step(&lab.issuer, j) > 0)
			;
		purge_lab_run(&lab);
	}
	role_lab_at(&lab, j->now + 2 * DAY);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "cert"), 0);
	/* Neither the list before nor the next misses it. */
	while (issuer_list_step(&lab.issuer, j) > 0)
		;
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM crl WHERE der IS NOT NULL"),
	    3);
}

/* PK-156, PK-22: by a key that was destroyed no list is signed any more, and a
 * revocation that none has carried does not keep its row for ever; while some
 * certificate of that key is valid it does. */
static void
test_PK_207_revoked_by_a_destroyed_key(struct job *j)
{
	struct role_lab lab;
	struct cert c;
	int64_t end;

	purge_lab_init(&lab, j);
	c = purge_lab_prove(&lab);
	fixture_sql(j, "UPDATE cert SET revoked_at = 1800000100, reason = 1, "
		       "revoked_by = 'x', list_due_at = 1800000100, "
		       "ocsp_due_at = 1800000100");
	end = c.not_after + RETENTION + 2 * DAY;
	role_lab_at(&lab, end - 1);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "cert"), 1);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "INSERT INTO ca_key_end (ca_label, ended_at) VALUES ('%s', "
		   "%lld)",
		   c.ca_label, (long long)end));
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "cert"), 1);
	role_lab_at(&lab, end + DAY);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "cert"), 0);
}

/* An open incident holds its certificates; one that has ended counts from
 * its end. */
static void
test_PK_22_incident_holds(struct job *j)
{
	struct role_lab lab;
	struct cert c;
	int64_t end;

	purge_lab_init(&lab, j);
	c = purge_lab_prove(&lab);
	fixture_sql(j,
	    "INSERT INTO incident (id, cause, selector, reason, known_at, "
	    "deadline, opened_by, opened_at) "
	    "VALUES ('i', 'x', '{}', 1, 1, 2, 'x', 1)");
	fixture_sql(j, "INSERT INTO incident_cert (incident_id, cert_id) "
		       "SELECT 'i', id FROM cert");
	fixture_sql(j, "INSERT INTO notice (about, mailbox, expires_at) "
		       "VALUES ('i', 'x@example.org', 1)");
	role_lab_at(&lab, c.not_after + RETENTION + DAY);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "cert"), 1);
	assert_true(
	    evidence_verifies(&lab, lab.order->identifiers[0].authz.id));
	end = j->now;
	fixture_sql(
	    j, arena_printf(j->arena, "UPDATE incident SET finished_at = %lld",
		   (long long)end));
	role_lab_at(&lab, end + RETENTION - 1);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "cert"), 1);
	assert_int_equal(purge_lab_rows(j, "incident"), 1);
	role_lab_at(&lab, end + RETENTION);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "cert"), 0);
	/* What it held comes up again in a day. */
	role_lab_at(&lab, j->now + DAY);
	purge_lab_run(&lab);
	purge_lab_nothing_left(j);
	assert_int_equal(purge_lab_rows(j, "incident"), 0);
	assert_int_equal(purge_lab_rows(j, "notice"), 0);
}

/* What came to nothing goes soon, but for the hashes of its tokens (PK-6). */
static void
test_PK_6_tokens_outlive_what_came_to_nothing(struct job *j)
{
	struct role_lab lab;
	struct order again;

	purge_lab_init(&lab, j);
	role_lab_send(&lab);
	role_lab_at(&lab, lab.order->life_until + RETAIN_FINAL - 1);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "orders"), 1);
	role_lab_at(&lab, lab.order->life_until + RETAIN_FINAL);
	purge_lab_run(&lab);
	purge_lab_nothing_left(j);
	assert_int_equal(purge_lab_rows(j, "used_token"), 2);
	again = *lab.order;
	again.identifiers[0].is_new = true;
	REFUSED(j, store_order_create(j, &again, j->now), ERR_CONFLICT);
	role_lab_at(&lab, lab.order->life_until + RETENTION);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "used_token"), 0);
	COMMITTED(j, store_order_create(j, &again, j->now));
}

/* A proof that no certificate was asked for is a validation document all the
 * same; an order that waits for the issuer has no date. */
static void
test_PK_22_proof_without_certificate(struct job *j)
{
	struct role_lab lab;
	const char *authz_id;

	purge_lab_init(&lab, j);
	authz_id = lab.order->identifiers[0].authz.id;
	role_lab_finalize(&lab);
	role_lab_at(&lab, FIXTURE_NOW + 10 * RETENTION);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "order_identifier"), 1);
	assert_true(evidence_verifies(&lab, authz_id));
	fixture_sql(j, "UPDATE orders SET failed_at = 1800001000");
	role_lab_at(&lab, j->now + 2 * DAY);
	purge_lab_run(&lab);
	purge_lab_nothing_left(j);

	lab.order = fixture_order(j, lab.account.id, 1);
	authz_id = lab.order->identifiers[0].authz.id;
	lab.arrival = j->now;
	role_lab_send(&lab);
	role_lab_post(&lab);
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_MATCH);
	role_lab_at(&lab, lab.order->life_until + RETENTION - 1);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "order_identifier"), 0);
	assert_true(evidence_verifies(&lab, authz_id));
	role_lab_at(&lab, lab.order->life_until + RETENTION);
	purge_lab_run(&lab);
	purge_lab_nothing_left(j);
}

/* A shorter retention counts at once, a longer one is never too late. */
static void
test_retention_changes(struct job *j)
{
	struct role_lab lab;
	struct cert c;

	purge_lab_init(&lab, j);
	lab.conf.retention = 2 * RETENTION;
	c = purge_lab_prove(&lab);
	role_lab_at(&lab, c.not_after + RETENTION);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "cert"), 1);
	lab.conf.retention = RETENTION;
	purge_lab_run(&lab);
	purge_lab_nothing_left(j);
}

/* Rows of a version that knew no dates, more than one bite of them. */
static void
test_rows_without_dates(struct job *j)
{
	struct role_lab lab;

	purge_lab_init(&lab, j);
	for (int i = 0; i < 45; i++)
		fixture_order(j, lab.account.id, 2);
	fixture_sql(j, "UPDATE orders SET keep_from = 0");
	fixture_sql(j, "UPDATE authz SET keep_from = 0");
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "orders"), 46);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM authz WHERE keep_from = 0"),
	    0);
	role_lab_at(&lab, FIXTURE_NOW + 72 * 3600 + RETAIN_FINAL);
	purge_lab_run(&lab);
	purge_lab_nothing_left(j);
	assert_int_equal(purge_lab_rows(j, "used_token"), 2 * 91);
}

/* Looking says the same and changes nothing. */
static void
test_dry(struct job *j)
{
	struct role_lab lab;
	struct purge_rules rules;
	struct purge_walk w;
	struct cert c;
	int64_t at;

	purge_lab_init(&lab, j);
	c = purge_lab_prove(&lab);
	role_lab_at(&lab, c.not_after + RETENTION);
	rules = purge_rules_of(j);
	rules.dry = true;
	for (int i = 0; i < 2; i++) {
		purge_walk_init(&w);
		COMMITTED(
		    j, store_purge(j, PURGE_CERTIFICATES, &rules, 20, &w));
		assert_int_equal(w.purged, 1);
		assert_true(w.is_done);
	}
	assert_int_equal(purge_lab_rows(j, "cert"), 1);
	EXPECT(j, store_purge_oldest(j, PURGE_CERTIFICATES, &at), 1);
	assert_int_equal(at, lab.order->life_until);
	purge_lab_run(&lab);
	EXPECT(j, store_purge_oldest(j, PURGE_CERTIFICATES, &at), 0);
}

/* The newest two lists of a shard stay, and the greatest number. */
static void
test_lists(struct job *j)
{
	struct role_lab lab;
	int64_t now = FIXTURE_NOW + RETENTION;
	long long old = now - RETAIN_FINAL;

	purge_lab_init(&lab, j);
	for (int i = 1; i <= 5; i++)
		fixture_sql(
		    j, arena_printf(j->arena,
			   "INSERT INTO crl (ca_label, shard, number, "
			   "this_update, next_update, der) VALUES "
			   "('a', %d, %d, 1, %lld, %s)",
			   i == 5, i, old + (i > 4), i == 4 ? "NULL" : "'x'"));
	fixture_sql(j,
	    "INSERT INTO ocsp_segment (ca_label, segment, generation, "
	    "refresh_at, octets) VALUES ('a', 7, 1, 1, 'x')");
	fixture_sql(j,
	    "INSERT INTO responder (ca_label, serial, tbs, lint_report, "
	    "br_version, not_after, reserved_at, holder) "
	    "VALUES ('a', '0102', 'x', 'x', 'x', 1800000000, 1, 'issuer')");
	role_lab_at(&lab, now - 1);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "ocsp_segment"), 0);
	assert_int_equal(purge_lab_rows(j, "responder"), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM crl WHERE der IS NOT NULL"),
	    4);
	role_lab_at(&lab, now);
	purge_lab_run(&lab);
	assert_int_equal(purge_lab_rows(j, "responder"), 0);
	assert_int_equal(purge_lab_rows(j, "used_serial"), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM crl WHERE der IS NOT NULL "
			     "AND number > 1"),
	    3);
	role_lab_at(&lab, now + RETENTION);
	purge_lab_run(&lab);
	assert_int_equal(fixture_count(j, "SELECT MAX(number) FROM crl"), 5);
	assert_int_equal(purge_lab_rows(j, "crl"), 3);
}

/* --- erasing -------------------------------------------------------------- */

static int64_t
erase(struct role_lab *lab)
{
	struct job *j = lab->j;
	struct purge_rules rules = purge_rules_of(j);
	int64_t ended, purged;

	COMMITTED(j, store_account_deactivate(j, lab->account.id, &ended));
	COMMITTED(j, store_account_erase(j, lab->account.id));
	COMMITTED(j, store_purge_account(j, lab->account.id, &rules, &purged));
	return purged;
}

/* What was begun and came to nothing goes; the certificate, its evidence and
 * the chain stay, and verify. */
static void
test_PK_23_erased_account(struct job *j)
{
	struct role_lab lab;
	const char *authz_id;
	struct account a;
	struct cert c;

	purge_lab_init(&lab, j);
	authz_id = lab.order->identifiers[0].authz.id;
	fixture_sql(j,
	    "UPDATE account SET contact = '[\"mailto:a@b.example\"]', "
	    "client_address = '192.0.2.1'");
	c = purge_lab_prove(&lab);
	role_lab_at(&lab, FIXTURE_NOW + DAY);
	fixture_order(j, lab.account.id, 2);
	REFUSED(j, store_account_erase(j, lab.account.id), ERR_CONFLICT);
	assert_int_equal(erase(&lab), 3);
	EXPECT(j, store_account_by_id(j, lab.account.id, &a), 1);
	assert_string_equal(a.contact, "[]");
	assert_null(a.client_address);
	assert_int_equal(purge_lab_rows(j, "orders"), 1);
	assert_int_equal(purge_lab_rows(j, "authz"), 1);
	assert_int_equal(purge_lab_rows(j, "used_token"), 4);
	assert_true(evidence_verifies(&lab, authz_id));
	purge_lab_chain_verifies(&lab, 0);
	/* As long as that of others. */
	role_lab_at(&lab, c.not_after + RETENTION - 1);
	purge_lab_run(&lab);
	assert_true(evidence_verifies(&lab, authz_id));
	role_lab_at(&lab, c.not_after + RETENTION);
	purge_lab_run(&lab);
	purge_lab_nothing_left(j);
}

/* A reply that proved nothing is kept like any validation document; an order
 * that the issuer is at is finished. */
static void
test_PK_23_erasing_keeps_documents(struct job *j)
{
	struct role_lab_reply wrong = { .is_wrong = true };
	struct role_lab lab;

	purge_lab_init(&lab, j);
	role_lab_send(&lab);
	role_lab_post(&lab);
	assert_int_equal(role_lab_take(&lab, role_lab_reply(&lab, &wrong)),
	    VERDICT_MISMATCH);
	assert_int_equal(erase(&lab), 1);
	assert_int_equal(purge_lab_rows(j, "order_identifier"), 0);
	assert_int_equal(purge_lab_rows(j, "reply"), 1);
	role_lab_at(&lab, lab.order->life_until + RETENTION);
	purge_lab_run(&lab);
	purge_lab_nothing_left(j);

	purge_lab_init(&lab, j);
	role_lab_finalize(&lab);
	assert_int_equal(erase(&lab), 0);
	assert_int_equal(purge_lab_rows(j, "order_identifier"), 1);
}

/* All of it with the rights that the issuer's own login has. */
static void
test_rights(struct job *j)
{
	const char *user = arena_printf(j->arena, "cs_%ld", (long)getpid());
	const char *users[ROLE_COUNT] = { [ROLE_ISSUER] = user };
	const struct store_login login = {
		arena_printf(j->arena, "%s user='%s'", fixture_url(), user),
		NULL
	};
	struct store *owner = j->store;
	struct role_lab lab;
	struct cert c;

	purge_lab_init(&lab, j);
	c = purge_lab_prove(&lab);
	fixture_order(j, lab.account.id, 1);
	fixture_sql(j, arena_printf(j->arena, "CREATE ROLE %s LOGIN", user));
	EXPECT(j, store_migrate_as(j, fixture_login(), users), 0);
	fixture_sql(j,
	    "INSERT INTO incident (id, cause, selector, reason, known_at, "
	    "deadline, opened_by, opened_at, finished_at) "
	    "VALUES ('i', 'x', '{}', 1, 1, 2, 'x', 1, 3)");
	fixture_sql(j,
	    "INSERT INTO ocsp_segment (ca_label, segment, generation, "
	    "refresh_at, octets) VALUES ('a', 7, 1, 1, 'x')");
	purge_lab_add_report(j);
	purge_lab_set_report(j, "closed_at = 1800000000");
	fixture_sql(j, "UPDATE caa_report SET expires_at = 1800000000");
	COMMITTED(j, store_withdrawal_add(j, SPAN("x"), FIXTURE_NOW, 4));
	fixture_sql(j, "UPDATE withdrawal SET due_at = NULL");
	EXPECT(j, store_open_as(j, &login, &j->store), 0);
	role_lab_at(&lab, c.not_after - 1);
	purge_lab_run(&lab);
	role_lab_at(&lab, c.not_after + RETENTION);
	purge_lab_run(&lab);
	store_close(j->store);
	j->store = owner;
	purge_lab_nothing_left(j);
	assert_int_equal(purge_lab_rows(j, "incident"), 0);
	assert_int_equal(purge_lab_rows(j, "ocsp_segment"), 0);
	assert_int_equal(purge_lab_rows(j, "report"), 0);
	assert_int_equal(purge_lab_rows(j, "withdrawal"), 0);
	fixture_sql(j, arena_printf(j->arena, "DROP OWNED BY %s; DROP ROLE %s",
			   user, user));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_PK_22_reused_validation),
	STORE_TEST(test_PK_143_purged_number_is_not_given_again),
	STORE_TEST(test_PK_160_revoked_stays_until_it_left_the_list),
	STORE_TEST(test_PK_207_revoked_by_a_destroyed_key),
	STORE_TEST(test_PK_22_incident_holds),
	STORE_TEST(test_PK_6_tokens_outlive_what_came_to_nothing),
	STORE_TEST(test_PK_22_proof_without_certificate),
	STORE_TEST(test_retention_changes),
	STORE_TEST(test_rows_without_dates),
	STORE_TEST(test_dry),
	STORE_TEST(test_lists),
	STORE_TEST(test_PK_23_erased_account),
	STORE_TEST(test_PK_23_erasing_keeps_documents),
	STORE_TEST_PGSQL(test_rights),
};
UNIT_MAIN(tests)
