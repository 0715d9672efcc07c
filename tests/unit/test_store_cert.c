/* CAA checks, certificates, revocation lists. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>

#include "db/store_caa.h"
#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_private.h"
#include "db/store_reply.h"
#include "lib/count.h"

/* --- CAA ----------------------------------------------------------------- */

static int
lease_caa(struct job *j, struct caa_row *row)
{
	int found;

	EXPECT(j, store_begin(j), 0);
	found = store_caa_lease(j, j->now + 30, row);
	EXPECT(j, store_commit(j), 0);
	return found;
}

/* PK-1, PK-17, PK-146 */
static void
test_caa(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	const struct authz *a = &o->identifiers[0].authz;
	struct caa_row row, back;
	int64_t at;

	EXPECT(j, store_caa_next_due(j, &at), 0);
	assert_int_equal(lease_caa(j, &row), 0);
	j->wake = 0;
	COMMITTED(j, store_caa_request(j, a->id, a->order_id, j->now));
	assert_true(j->wake & 1u << ROLE_VALIDATOR);
	COMMITTED(j, store_caa_request_for(j, a, j->now));
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM caa"), 1);
	EXPECT(j, store_caa_next_due(j, &at), 1);
	assert_int_equal(at, j->now);

	assert_int_equal(lease_caa(j, &row), 1);
	assert_string_equal(row.authz_id, a->id);
	assert_string_equal(row.account_id, o->account_id);
	assert_string_equal(row.mailbox, "mailbox0@example.org");
	assert_string_equal(row.domain, "example.org");
	assert_int_equal(row.requested_at, j->now);
	assert_int_equal(row.checked_at, 0);
	assert_int_equal(row.attempts, 1);
	assert_int_equal(lease_caa(j, &back), 0);
	COMMITTED(j, store_caa_retry(j, row.id, j->now + 10));
	j->now += 10;
	assert_int_equal(lease_caa(j, &row), 1);
	assert_int_equal(row.attempts, 2);
	EXPECT(j, store_caa_latest(j, a->id, &back), 0);

	row.checked_at = j->now;
	row.result = "permit";
	row.reason = "no-record";
	row.detail = "for people";
	row.trace = "{\"names\":[]}";
	row.br_version = "1.0.16";
	row.ttl = 300;
	row.seal = SPAN("\0seal");
	COMMITTED(j, store_caa_record(j, &row));
	REFUSED(j, store_caa_record(j, &row), ERR_CONFLICT);
	REFUSED(j, store_caa_retry(j, row.id, j->now), ERR_CONFLICT);
	EXPECT(j, store_caa_next_due(j, &at), 0);
	EXPECT(j, store_caa_latest(j, a->id, &back), 1);
	assert_string_equal(back.id, row.id);
	assert_int_equal(back.checked_at, j->now);
	assert_string_equal(back.result, "permit");
	assert_string_equal(back.reason, "no-record");
	assert_string_equal(back.detail, "for people");
	assert_string_equal(back.trace, row.trace);
	assert_string_equal(back.br_version, "1.0.16");
	assert_int_equal(back.ttl, 300);
	assert_true(span_eq(back.seal, row.seal));

	/* too old: asked again, and the newer one counts */
	j->now += 10000;
	COMMITTED(j, store_caa_request(j, a->id, a->order_id, j->now));
	EXPECT(j, store_caa_latest(j, a->id, &back), 1);
	assert_string_equal(back.result, "permit");
	assert_int_equal(lease_caa(j, &row), 1);
	assert_string_not_equal(row.id, back.id);
	row.checked_at = j->now;
	row.result = "deny";
	row.br_version = "1.0.17";
	COMMITTED(j, store_caa_record(j, &row));
	EXPECT(j, store_caa_latest(j, a->id, &back), 1);
	assert_string_equal(back.result, "deny");
	REFUSED(j, store_caa_request(j, "absent", NULL, j->now), ERR_CONFLICT);
}

/* AC-143: the order that the issuer gave back until the check is answered is
 * due with the answer; one that the issuer works on is not. */
static void
test_caa_releases(struct job *j)
{
	const struct order *o = fixture_order(j, fixture_account(j), 1);
	const struct authz *a = &o->identifiers[0].authz;
	int64_t due[] = { CAA_WAIT_SECS_MAX, CAA_WAIT_SECS_MAX + 1, 0 };

	COMMITTED(j, store_order_finalize(j, o->id, SPAN("csr"), SPAN("jws")));
	for (size_t i = 0; i < COUNT(due); i++) {
		struct caa_row row;
		int64_t at;

		unit_case("due in %lld", (long long)due[i]);
		COMMITTED(j, store_caa_request(j, a->id, a->order_id, j->now));
		COMMITTED(j, store_order_release(j, o->id, j->now + due[i], 0));
		assert_int_equal(lease_caa(j, &row), 1);
		row.checked_at = j->now;
		row.result = "permit";
		row.br_version = "1.0.16";
		COMMITTED(j, store_caa_record(j, &row));
		EXPECT(j, store_order_next_due(j, &at), 1);
		assert_int_equal(
		    at, due[i] > CAA_WAIT_SECS_MAX ? j->now + due[i] : j->now);
	}
}

/* --- certificates -------------------------------------------------------- */

static struct cert
cert(const struct order *o, const char *id, const char *serial)
{
	return (struct cert){ .id = id,
		.order_id = o->id,
		.account_id = o->account_id,
		.ca_label = "ca",
		.serial = serial,
		.profile = "smime",
		.profile_sha256 = SPAN("profile-hash"),
		.tbs = SPAN("\x30\x00tbs"),
		.signature_alg = SPAN("alg"),
		.lint_report = "{}",
		.evidence = "{\"replies\":[]}",
		.br_version = "1.0.16",
		.spki_sha256 = SPAN("spki"),
		.not_before = FIXTURE_NOW,
		.not_after = FIXTURE_NOW + 1000 };
}

/* PK-18, PK-143, PK-144, PK-145, AC-145 */
static void
test_cert(struct job *j)
{
	const char *account = fixture_account(j);
	struct order *o = fixture_order(j, account, 1);
	struct order *other = fixture_order(j, account, 1);
	struct order *back;
	const char *leased;
	struct cert c = cert(o, "id", "2a01");
	struct cert got;
	bool serial_taken;
	int64_t at, attempts, count;

	COMMITTED(j, store_order_finalize(j, o->id, SPAN("csr"), SPAN("jws")));
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_order_lease(j, j->now + 30, &leased, &attempts), 1);
	EXPECT(j, store_commit(j), 0);
	other = fixture_order(j, account, 1);
	EXPECT(j, store_cert_by_order(j, o->id, &got), 0);
	COMMITTED(j, store_cert_reserve(j, &c, &serial_taken));
	assert_false(serial_taken);
	EXPECT(j, store_cert_by_order(j, o->id, &got), 1);
	assert_string_equal(got.id, "id");
	assert_string_equal(got.order_id, o->id);
	assert_string_equal(got.account_id, account);
	assert_string_equal(got.ca_label, "ca");
	assert_string_equal(got.serial, "2a01");
	assert_string_equal(got.profile, "smime");
	assert_true(span_eq(got.profile_sha256, c.profile_sha256));
	assert_true(span_eq(got.tbs, c.tbs));
	assert_true(span_eq(got.signature_alg, c.signature_alg));
	assert_string_equal(got.lint_report, "{}");
	assert_string_equal(got.evidence, c.evidence);
	assert_string_equal(got.br_version, "1.0.16");
	assert_true(span_eq(got.spki_sha256, c.spki_sha256));
	assert_int_equal(got.not_before, c.not_before);
	assert_int_equal(got.not_after, c.not_after);
	assert_int_equal(got.reserved_at, j->now);
	assert_int_equal(got.issued_at, 0);
	assert_int_equal(got.der.n, 0);
	/* not a certificate yet */
	EXPECT(j, store_cert_by_id(j, "id", NULL, &got), 0);
	EXPECT(j, store_cert_by_serial(j, "ca", "2a01", &got), 0);

	/* one per order, one per number */
	c = cert(o, "id2", "2a02");
	REFUSED(j, store_cert_reserve(j, &c, &serial_taken), ERR_CONFLICT);
	assert_false(serial_taken);
	c = cert(other, "id2", "2a01");
	EXPECT(j, store_begin(j), 0);
	assert_int_equal(store_cert_reserve(j, &c, &serial_taken), -1);
	assert_job_error(j, ERR_CONFLICT, NULL);
	assert_true(serial_taken);
	job_recover(j);
	/* the issuer draws again in the same transaction */
	c.serial = "2a02";
	EXPECT(j, store_cert_reserve(j, &c, &serial_taken), 0);
	EXPECT(j, store_commit(j), 0);

	j->now += 3;
	COMMITTED(j, store_cert_record(j, "id", SPAN("der"), SPAN("sha")));
	REFUSED(j, store_cert_record(j, "id", SPAN("der"), SPAN("sha")),
	    ERR_CONFLICT);
	back = fixture_reread(j, o);
	assert_string_equal(back->cert_id, "id");
	assert_int_equal(back->cert_not_after, FIXTURE_NOW + 1000);
	EXPECT(j, store_order_next_due(j, &at), 0);
	REFUSED(j, store_order_fail(j, o->id, "{}"), ERR_CONFLICT);
	EXPECT(j, store_cert_by_id(j, "id", account, &got), 1);
	assert_true(span_eq(got.der, SPAN("der")));
	assert_true(span_eq(got.sha256, SPAN("sha")));
	assert_int_equal(got.issued_at, j->now);
	EXPECT(j, store_cert_by_id(j, "id", NULL, &got), 1);
	EXPECT(j, store_cert_by_id(j, "id", fixture_account(j), &got), 0);
	/* AC-167: by issuer and number */
	EXPECT(j, store_cert_by_serial(j, "ca", "2a01", &got), 1);
	assert_string_equal(got.id, "id");
	EXPECT(j, store_cert_by_serial(j, "ca", "2a02", &got), 0);
	EXPECT(j, store_cert_by_serial(j, "other", "2a01", &got), 0);

	/* PK-204: a number counts from its reservation on */
	EXPECT(j, store_cert_count_since(j, FIXTURE_NOW, &count), 0);
	assert_int_equal(count, 2);
	EXPECT(j, store_cert_count_since(j, FIXTURE_NOW + 1, &count), 0);
	assert_int_equal(count, 0);
}

/* An order that has failed meanwhile gets no certificate. */
static void
test_cert_of_failed_order(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	struct cert c = cert(o, "id", "01"), got;
	bool serial_taken;

	COMMITTED(j, store_cert_reserve(j, &c, &serial_taken));
	COMMITTED(j, store_order_fail(j, o->id, "{}"));
	REFUSED(j, store_cert_record(j, "id", SPAN("der"), SPAN("sha")),
	    ERR_CONFLICT);
	EXPECT(j, store_cert_by_id(j, "id", NULL, &got), 0);
}

/* PK-1, PK-16: a record without its version is refused by the database. */
static void
test_version_is_required(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	struct cert c = cert(o, "id", "01");
	struct reply_record r = { .source = "s",
		.uid = 1,
		.arrival = j->now,
		.verdict = VERDICT_UNKNOWN };
	enum verdict applied;
	bool serial_taken;

	c.br_version = NULL;
	REFUSED(j, store_cert_reserve(j, &c, &serial_taken), ERR_INTERNAL);
	COMMITTED(
	    j, store_caa_request(j, o->identifiers[0].authz.id, o->id, j->now));
	REFUSED(j,
	    store_change(j, NULL,
		"UPDATE caa SET checked_at = 1, result = 'permit'", NO_ARGS),
	    ERR_INTERNAL);
	REFUSED(j, store_reply_record(j, &r, 1, &applied), ERR_INTERNAL);
	REFUSED(j,
	    store_change(j, NULL,
		"INSERT INTO reply (id, source, uidvalidity, uid, arrival, "
		"recorded_at, verdict) VALUES ('r', 's', 1, 1, 1, 1, "
		"'unknown')",
		NO_ARGS),
	    ERR_INTERNAL);
	r.br_version = "1.0.16";
	COMMITTED(j, store_reply_record(j, &r, 1, &applied));
}

/* --- lists --------------------------------------------------------------- */

static int
reserve_list(struct job *j, const char *ca, int64_t at, int64_t *number)
{
	const struct crl list = {
		.ca_label = ca, .this_update = at, .next_update = at + 10
	};

	return store_crl_reserve(j, &list, 0, number);
}

/* PK-153: strictly increasing, never twice, also when a list was lost. */
static void
test_crl(struct job *j)
{
	struct crl crl;
	int64_t n = 0;

	EXPECT(j, store_crl_latest(j, "ca", 0, &crl), 0);
	COMMITTED(j, reserve_list(j, "ca", 10, &n));
	assert_int_equal(n, 1);
	EXPECT(j, store_crl_latest(j, "ca", 0, &crl), 0);
	COMMITTED(j, store_crl_record(j, "ca", 1, SPAN("list one")));
	COMMITTED(j, reserve_list(j, "ca", 30, &n));
	assert_int_equal(n, 2);
	COMMITTED(j, reserve_list(j, "ca", 50, &n));
	assert_int_equal(n, 3);
	COMMITTED(j, reserve_list(j, "other", 70, &n));
	assert_int_equal(n, 1);
	EXPECT(j, store_crl_latest(j, "ca", 0, &crl), 1);
	assert_int_equal(crl.number, 1);
	COMMITTED(j, store_crl_record(j, "ca", 3, SPAN("list three")));
	EXPECT(j, store_crl_latest(j, "ca", 0, &crl), 1);
	assert_string_equal(crl.ca_label, "ca");
	assert_int_equal(crl.number, 3);
	assert_int_equal(crl.this_update, 50);
	assert_int_equal(crl.next_update, 60);
	assert_true(span_eq(crl.der, SPAN("list three")));
	REFUSED(j, store_crl_record(j, "ca", 3, SPAN("again")), ERR_CONFLICT);
	REFUSED(j, store_crl_record(j, "ca", 9, SPAN("none")), ERR_CONFLICT);
}

/* PK-151, PK-160: ordered by number, while the certificate lives. */
static void
test_revoked(struct job *j)
{
	static const struct {
		const char *serial;
		int64_t not_after;
		bool revoked;
	} certs[] = {
		{ "2aff00", 500, true },
		{ "2a0001", 500, true },
		{ "2a9999", 500, false },
		{ "2a1000", 499, true },
		{ "2aa000", 501, true },
	};
	static const char *const listed[] = { "\x2a\x00\x01", "\x2a\xa0\x00",
		"\x2a\xff\x00" };
	const char *account = fixture_account(j);
	const struct crl ca = { .ca_label = "ca" };
	const struct crl other = { .ca_label = "other" };
	struct revoked *list;
	size_t count;

	for (size_t i = 0; i < COUNT(certs); i++) {
		struct order *o = fixture_order(j, account, 1);
		struct cert c = cert(
		    o, arena_printf(j->arena, "cert%zu", i), certs[i].serial);
		bool serial_taken;

		c.not_after = certs[i].not_after;
		COMMITTED(j, store_cert_reserve(j, &c, &serial_taken));
	}
	fixture_sql(j, "UPDATE cert SET revoked_at = 77, reason = 4 "
		       "WHERE serial <> '2a9999'");
	EXPECT(j, store_cert_revoked(j, &ca, 500, &list, &count), 0);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < count; i++) {
		assert_true(span_eq(list[i].serial, span_mem(listed[i], 3)));
		assert_int_equal(list[i].revoked_at, 77);
		assert_int_equal(list[i].reason, 4);
	}
	EXPECT(j, store_cert_revoked(j, &other, 0, &list, &count), 0);
	assert_int_equal(count, 0);
}

static bool
has_id(const struct cert *list, size_t count, const char *id)
{
	size_t k = 0;

	while (k < count && strcmp(list[k].id, id) != 0)
		k++;
	return k < count;
}

/* L-62, L-65: many at once, and those that were issued only. */
static void
test_of_ids(struct job *j)
{
	const char *ids[CERT_IDS_MAX];
	struct cert list[CERT_IDS_MAX];
	size_t count;

	fixture_certs(j, fixture_account(j), "30");
	for (int k = 0; k < CERT_IDS_MAX; k++)
		ids[k] = arena_printf(j->arena, "c%d", k + 4);
	EXPECT(j, store_cert_by_ids(j, ids, CERT_IDS_MAX, list, &count), 0);
	assert_int_equal(count, CERT_IDS_MAX);
	for (size_t k = 0; k < CERT_IDS_MAX; k++)
		assert_true(has_id(list, count, ids[k]));

	fixture_sql(j, "UPDATE cert SET issued_at = 0 WHERE id = 'c5'");
	ids[2] = "none";
	EXPECT(j, store_cert_by_ids(j, ids, 3, list, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].id, "c4");
	assert_true(list[0].tbs.n > 0 && list[0].issued_at > 0);
	EXPECT(j, store_cert_by_ids(j, ids + 1, 2, list, &count), 0);
	assert_int_equal(count, 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_caa),
	STORE_TEST(test_caa_releases),
	STORE_TEST(test_cert),
	STORE_TEST(test_of_ids),
	STORE_TEST(test_cert_of_failed_order),
	STORE_TEST(test_version_is_required),
	STORE_TEST(test_crl),
	STORE_TEST(test_revoked),
};

UNIT_MAIN(tests)
