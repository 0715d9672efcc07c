/*
 * Incidents over very many certificates (PK-185): opened in bites, so that
 * nobody waits for it, and told in bites; what ends in the middle is undone or
 * goes on.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>

#include "db/store_cert.h"
#include "db/store_incident.h"
#include "db/store_notice.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "src/incident_open.h"
#include "src/incident_tell.h"
#include "src/role_issuer.h"
#include "tests/unit/incident_lab.h"

#define HOUR INT64_C(3600)
#define MANY "1000"

static void
at(struct job *j, int64_t now)
{
	clock_set(now);
	j->now = now;
}

/* Issued long ago, ten in a second. */
static void
make_old_certs(struct job *j)
{
	fixture_certs(j, fixture_account(j), MANY);
	fixture_sql(j,
	    "UPDATE cert SET reserved_at = (issued_at - 1000000) / 10, "
	    "issued_at = issued_at - 1000000");
	fixture_sql(
	    j, "UPDATE account SET contact = '[\"mailto:Owner@Example.ORG\"]'");
}

static int64_t
set_size(struct job *j, const char *id)
{
	return fixture_count(j, arena_printf(j->arena,
				    "SELECT COUNT(*) FROM incident_cert "
				    "WHERE incident_id = '%s'",
				    id));
}

static int64_t
all_notices(struct job *j, const char *id)
{
	struct notice_counts n;

	EXPECT(j, store_notice_count(j, id, &n), 0);
	return n.all;
}

/* PK-185: a set that is filled in bites is the one that a single statement
 * finds; a dry run finds as many, and leaves nothing. */
static void
test_same_set(struct job *j)
{
	const int64_t then = j->now - 1000000;
	const struct incident_selector rows[] = {
		{ .from = 1 },
		{ .profile = "third" },
		{ .domain = "even.example" },
		{ .domain = "odd.example", .profile = "third" },
		{ .from = then + 100, .to = then + 400 },
		{ .to = then + 1 },
		{ .spki_sha256 = SPAN("key") },
	};

	make_old_certs(j);
	fixture_sql(j, "UPDATE cert SET revoked_at = 1 WHERE id = 'c1'");
	fixture_sql(j, "UPDATE cert SET not_after = 1 WHERE id = 'c2'");
	fixture_sql(j, "UPDATE cert SET issued_at = 0 WHERE id = 'c300'");
	for (size_t k = 0; k < COUNT(rows); k++) {
		const char *once = arena_printf(j->arena, "once%zu", k);
		const char *bites = arena_printf(j->arena, "bites%zu", k);
		struct incident i =
		    lab_incident(j, once, 4, j->now + 120 * HOUR);
		struct incident_opened out;
		int64_t count = lab_incident_open(j, &i, &rows[k]);

		unit_case("%zu", k);
		i.id = bites;
		EXPECT(j, incident_open(j, &i, &rows[k], true, &out), 0);
		assert_int_equal(out.certificates, count);
		assert_int_equal(set_size(j, bites), 0);
		EXPECT(j, incident_open(j, &i, &rows[k], false, &out), 0);
		assert_int_equal(out.certificates, count);
		assert_int_equal(
		    fixture_count(
			j, arena_printf(j->arena,
			       "SELECT COUNT(*) FROM incident_cert a "
			       "JOIN incident_cert b ON b.cert_id = a.cert_id "
			       "WHERE a.incident_id = '%s' "
			       "AND b.incident_id = '%s'",
			       once, bites)),
		    count);
		EXPECT(j, store_incident_by_id(j, bites, &i), 1);
		assert_int_equal(i.cert_count, count);
		assert_int_equal(i.opening_at, 0);
		assert_true(i.due_at > 0);
	}
}

/* PK-185: nothing is opened where no certificate is like that. */
static void
test_nothing_found(struct job *j)
{
	const struct incident_selector none = { .profile = "none" };
	struct incident i = lab_incident(j, "i", 4, j->now + 120 * HOUR);
	struct incident_opened out;

	make_old_certs(j);
	for (int dry_run = 0; dry_run <= 1; dry_run++) {
		assert_int_equal(
		    incident_open(j, &i, &none, dry_run > 0, &out), -1);
		assert_non_null(strstr(j->err.text, "nothing was opened"));
		job_recover(j);
	}
	EXPECT(j, store_incident_by_id(j, "i", &i), 0);
}

/* Those that a list names, in bites as well. */
static void
test_listed(struct job *j)
{
	const char *ids[700];
	const struct incident_selector s = { .cert_ids = ids,
		.cert_id_count = 700 };
	struct incident i = lab_incident(j, "i", 4, j->now + 120 * HOUR);
	struct incident_opened out;

	make_old_certs(j);
	for (size_t k = 0; k < s.cert_id_count; k++)
		ids[k] = arena_printf(j->arena, "c%zu", k + 1);
	fixture_sql(j, "UPDATE cert SET revoked_at = 1 WHERE id = 'c1'");
	EXPECT(j, incident_open(j, &i, &s, true, &out), 0);
	EXPECT(j, incident_open(j, &i, &s, false, &out), 0);
	assert_int_equal(out.certificates, 699);
	assert_int_equal(set_size(j, "i"), 699);
}

/* PK-185: whoever is killed while the set is being filled has opened nothing:
 * what is left has no effect, and the issuer takes it back, some minutes later,
 * in bites, and says so. */
static void
test_killed(struct job *j)
{
	const struct incident_selector all = { .from = 1 };
	struct incident i = lab_incident(j, "i", 4, j->now + HOUR), back;
	struct incident_fill f = { .is_done = false };
	int64_t due, deadline;
	size_t steps = 0;

	make_old_certs(j);
	i.opened_at = j->now;
	COMMITTED(j, store_incident_begin(j, &i));
	for (int bites = 0; bites < 3; bites++)
		COMMITTED(j, store_incident_fill(j, &i, &all, 400, &f));
	assert_true(f.is_done);
	assert_int_equal(f.count, 1000);
	/* ---- killed */
	EXPECT(j, store_incident_by_id(j, "i", &back), 1);
	assert_string_equal(issuer_incident_status(j, &back), "opening");
	assert_false(incident_is_draft(&back));
	EXPECT(j, store_incident_drafts(j, &due), 0);
	assert_int_equal(due, 0);
	EXPECT(j, store_incident_any_open(j), 0);
	EXPECT(j, store_incident_deadline(j, "c1", &deadline), 0);
	REFUSED(j, store_incident_confirm(j, "i", "one", 1), ERR_CONFLICT);
	REFUSED(j, store_incident_ask_cancel(j, "i", "one"), ERR_CONFLICT);
	EXPECT(j, lab_incident_step(j), 0);
	EXPECT(j, incident_tell_step(j), 0);
	EXPECT(j, issuer_incident_undo_step(j), 0);
	EXPECT(j, issuer_incident_undo_due(j, &due), 1);
	assert_true(due > j->now);
	at(j, due);
	while (issuer_incident_undo_step(j) == 1) {
		steps++;
		REFUSED(
		    j, store_incident_fill(j, &i, &all, 400, &f), ERR_CONFLICT);
		REFUSED(
		    j, store_incident_filled(j, &i, &all, 1, &f), ERR_CONFLICT);
	}
	assert_int_equal(steps, 2);
	assert_int_equal(set_size(j, "i"), 0);
	EXPECT(j, store_incident_by_id(j, "i", &back), 0);
	EXPECT(j, issuer_incident_undo_due(j, &due), 0);
	/* ---- which was only stopped, and goes on */
	fixture_sql(j, "UPDATE cert SET reserved_at = 9999999999");
	REFUSED(j, store_incident_filled(j, &i, &all, 1, &f), ERR_CONFLICT);
	assert_int_equal(all_notices(j, "i"), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit "
					  "WHERE event = 'incident not opened' "
					  "AND object = 'incident:i'"),
	    1);
}

/* Whoever is at it goes on for as long as it takes. */
static void
test_not_stuck(struct job *j)
{
	const struct incident_selector all = { .from = 1 };
	struct incident i = lab_incident(j, "i", 4, j->now + 24 * HOUR);
	struct incident_fill f = { .is_done = false };

	make_old_certs(j);
	i.opened_at = j->now;
	COMMITTED(j, store_incident_begin(j, &i));
	while (!f.is_done) {
		COMMITTED(j, store_incident_fill(j, &i, &all, 100, &f));
		at(j, j->now + 299);
		EXPECT(j, issuer_incident_undo_step(j), 0);
	}
	COMMITTED(j, store_incident_filled(j, &i, &all, j->now, &f));
	at(j, j->now + HOUR);
	EXPECT(j, issuer_incident_undo_step(j), 0);
	assert_int_equal(set_size(j, "i"), 1000);
}

/* PK-185: a number that is reserved behind the walk is in the set, by whatever
 * clock. */
static void
reserve_meanwhile(struct job *j, int64_t ahead)
{
	const struct incident_selector s = { .profile = "racing" };
	const struct cert c = lab_racing_cert(j);
	struct incident i = lab_incident(j, "i", 4, j->now + 24 * HOUR);
	struct incident_fill f = { .is_done = false };
	bool taken;

	fixture_certs(j, c.account_id, "1");
	fixture_sql(j, "UPDATE cert SET reserved_at = issued_at");
	i.opened_at = j->now + ahead;
	COMMITTED(j, store_incident_begin(j, &i));
	COMMITTED(j, store_incident_fill(j, &i, &s, 100, &f));
	assert_true(f.is_done);
	assert_int_equal(f.count, 0);
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
	COMMITTED(j, store_incident_filled(j, &i, &s, j->now, &f));
	assert_int_equal(f.count, 1);
	assert_int_equal(set_size(j, "i"), 1);
}

static void
test_reserved_meanwhile(struct job *j)
{
	reserve_meanwhile(j, 0);
}

static void
test_clock_ahead(struct job *j)
{
	reserve_meanwhile(j, 2 * HOUR);
}

/* PK-185, PK-187: the first are told when it is opened, the others by the
 * sender, which goes on where it was; the owner of many is told once. */
static void
test_told(struct job *j)
{
	const struct incident_selector all = { .from = 1 };
	const char *octets =
	    fixture_is_pgsql() ? "convert_to(id, 'UTF8')" : "CAST(id AS BLOB)";
	struct incident i = lab_incident(j, "i", 4, j->now + 24 * HOUR);
	struct incident_opened out;
	size_t steps = 0;
	int64_t told;

	make_old_certs(j);
	fixture_sql(j,
	    arena_printf(j->arena,
		"UPDATE authz SET valid_at = 1, valid_until = 9999999999;"
		"INSERT INTO challenge (id, authz_id, token_part1_sha256, "
		"token_part2, token_part2_sha256, thumbprint, from_address, "
		"message_id) SELECT id, id, %s, id, %s, id, id, id FROM authz;"
		"INSERT INTO outbox (challenge_id, order_id, place, "
		"expires_at) SELECT id, order_id, 0, 1 FROM authz",
		octets, octets));
	i.cause = INCIDENT_VALIDATION;
	EXPECT(j, incident_open(j, &i, &all, false, &out), 0);
	assert_int_equal(out.dropped, 1000);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM authz "
					  "WHERE revoked_at = 0"),
	    0);
	told = all_notices(j, "i");
	assert_true(told > 1 && told < 1000);
	while (incident_tell_step(j) == 1)
		steps++;
	assert_true(steps > 1);
	assert_int_equal(all_notices(j, "i"), 1001);
	EXPECT(j, incident_tell_step(j), 0);
}

/* PK-185: after it was cancelled nobody else hears of it. */
static void
test_cancelled_while_told(struct job *j)
{
	const struct incident_selector all = { .from = 1 };
	struct incident i = lab_incident(j, "i", 4, j->now + 24 * HOUR);
	struct incident_opened out;
	int64_t told;

	make_old_certs(j);
	EXPECT(j, incident_open(j, &i, &all, false, &out), 0);
	EXPECT(j, incident_tell_step(j), 1);
	told = all_notices(j, "i");
	assert_true(told > 0 && told < 1000);
	COMMITTED(j, store_incident_ask_cancel(j, "i", "one"));
	COMMITTED(j, store_incident_cancel(j, "i", "two"));
	EXPECT(j, incident_tell_step(j), 0);
	assert_int_equal(all_notices(j, "i"), told);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_same_set),
	STORE_TEST(test_nothing_found),
	STORE_TEST(test_listed),
	STORE_TEST(test_killed),
	STORE_TEST(test_not_stuck),
	STORE_TEST(test_reserved_meanwhile),
	STORE_TEST(test_clock_ahead),
	STORE_TEST(test_told),
	STORE_TEST(test_cancelled_while_told),
};
UNIT_MAIN(tests)
