/* revokeCert (AC-44, AC-152 to AC-160, PK-178 to PK-183, PK-189). */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/nonce.h"
#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_key.h"
#include "db/store_private.h"
#include "db/store_report.h"
#include "db/store_revoke.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "tests/unit/acme_certs.h"
#include "tests/unit/acme_mailbox.h"
#include "tests/unit/vectors.h"

#define REVOKE "/acme/revoke-cert"
#define DAY 86400

static const char *
payload(struct job *j, const struct test_cert *c, const char *reason)
{
	if (reason == NULL)
		return arena_printf(
		    j->arena, "{\"certificate\":\"%s\"}", certs_b64u(j, c));
	return arena_printf(j->arena, "{\"certificate\":\"%s\",\"reason\":%s}",
	    certs_b64u(j, c), reason);
}

static struct answer
by_key(struct job *j, const struct test_cert *c, const char *reason)
{
	return front_post_jwk(j, c->key, REVOKE, payload(j, c, reason));
}

static struct answer
by_account(struct job *j, const struct test_cert *c, const char *reason)
{
	return front_post(j, REVOKE, payload(j, c, reason));
}

/* Revoked with this reason; -1: not revoked. */
static void
check_row(struct job *j, const struct test_cert *c, int64_t reason)
{
	struct cert row;

	EXPECT(j, store_cert_by_id(j, c->id, NULL, &row), 1);
	assert_int_equal(row.revoked_at != 0, reason >= 0);
	if (reason >= 0)
		assert_int_equal(row.reason, reason);
}

static void
check_done(const struct answer *a)
{
	front_expect(a, 200, "", NULL);
	assert_int_equal(a->body.n, 0);
	assert_null(front_header(a, "Content-Type", 0));
	assert_int_equal(a->wake, 1u << ROLE_ISSUER);
}

static const char *
other_account(struct job *j)
{
	struct answer a =
	    front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");

	return front_header(&a, "Location", 0);
}

static struct answer
by_other(struct job *j, const char *kid, const struct test_cert *c,
    const char *reason)
{
	return front_post_as(
	    j, "acct-es256-B", kid, REVOKE, payload(j, c, reason));
}

/* --- vectors -------------------------------------------------------------- */

static struct span
der_of(struct job *j, const char *pem)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
	struct span text = span_str(pem + sizeof(begin) - 1);
	struct span der = { NULL, 0 };

	text = span_cut(text, 0, span_find(text, 0, '-'));
	assert_int_equal(b64_parse_fws(j->arena, text, &der), 0);
	return der;
}

static struct answer
send_vector(struct job *j, const char *name)
{
	const json_t *v = vectors_get(vectors_at("revocation"), name);
	char *text = json_dumps(vectors_get(v, "body"), JSON_COMPACT);
	struct span body = span_str(arena_strdup(j->arena, text));

	free(text);
	nonce_test_accept(front_acme(), VECTOR_NONCE);
	return front_send(j, METHOD_POST, REVOKE, body, NULL);
}

/* AC-152 to AC-156: each vector of `revocation` on a fresh certificate. */
static void
test_vectors(struct job *j)
{
	static const char *const names[] = { "by_certificate_key",
		"by_account_key", "by_unrelated_jwk", "reason_7",
		"reason_string" };

	for (size_t i = 0; i < COUNT(names); i++) {
		const json_t *expect = vectors_get(
		    vectors_get(vectors_at("revocation"), names[i]), "expect");
		int status =
		    (int)json_integer_value(vectors_get(expect, "status"));
		struct test_cert c = {
			.account_id = FRONT_ACCOUNT_ID,
			.key = "csr-p256",
			.not_before = j->now,
			.not_after = j->now + 365 * DAY,
			.der = der_of(j, vectors_str(vectors_at("revocation"),
					     "certificate_pem")),
		};
		struct answer a;

		unit_case("%s", names[i]);
		if (i == 0)
			front_open(j);
		fixture_sql(j, "UPDATE cert SET sha256 = NULL");
		certs_issue(j, &c);
		a = send_vector(j, names[i]);
		front_expect(&a, status,
		    status == 200 ? "" : vectors_str(expect, "type"), NULL);
		if (status == 200)
			check_done(&a);
		check_row(j, &c, status == 200 ? 1 : -1);
	}
	front_close();
}

/* --- AC-152, AC-153 ------------------------------------------------------- */

static void
test_payload(struct job *j)
{
	static const char *const bad[] = { "{}", "{\"certificate\":null}",
		"{\"certificate\":7}", "{\"certificate\":\"\"}",
		"{\"certificate\":\"A\"}", "{\"certificate\":\"AA==\"}",
		"{\"certificate\":\"-----BEGIN CERTIFICATE-----\"}",
		"{\"Certificate\":\"AA\"}" };
	static const char *const reasons[] = { "\"1\"", "1.0", "1e0", "true",
		"[1]", "{}" };
	struct test_cert c;
	struct answer a;

	front_open(j);
	for (size_t i = 0; i < COUNT(bad); i++) {
		unit_case("%s", bad[i]);
		a = front_post(j, REVOKE, bad[i]);
		front_expect(&a, 400, "malformed", NULL);
	}
	a = front_post(j, REVOKE, "");
	front_expect(&a, 400, "malformed", "payload is empty");
	c = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	for (size_t i = 0; i < COUNT(reasons); i++) {
		unit_case("reason %s", reasons[i]);
		a = by_account(j, &c, reasons[i]);
		front_expect(&a, 400, "malformed", "reason must be an integer");
	}
	check_row(j, &c, -1);
	/* L-5 */
	a = by_account(j, &c, "null");
	check_done(&a);
	front_close();
}

/* AC-153: the same number, another signature; cut; longer. */
static void
test_unknown(struct job *j)
{
	struct test_cert c;
	char *octets;
	size_t n;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	n = c.der.n;
	octets = arena_alloc(j->arena, n + 1);
	for (int i = 0; i < 3; i++) {
		struct test_cert other = c;
		struct answer a;

		memcpy(octets, c.der.p, n);
		octets[n] = '\0';
		if (i == 0)
			octets[n - 1] ^= 1;
		other.der = span_mem(octets, n + (i == 1) - (i == 2));
		unit_case("%d", i);
		a = by_account(j, &other, NULL);
		front_expect(&a, 404, "malformed", "no such certificate");
		a = by_key(j, &other, NULL);
		front_expect(&a, 404, "malformed", "no such certificate");
	}
	check_row(j, &c, -1);
	front_close();
}

/* --- AC-154 --------------------------------------------------------------- */

static void
validate(struct job *j, const char *kid, const char *mailbox)
{
	struct answer a = front_post_as(j, "acct-es256-B", kid, FRONT_NEW_AUTHZ,
	    arena_printf(j->arena,
		"{\"identifier\":{\"type\":\"email\",\"value\":\"%s\"}}",
		mailbox));
	const char *url = json_string(
	    json_get(json_at(json_get(a.doc, "challenges"), 0), "url"))
			      .p;

	front_expect(&a, 201, "", NULL);
	mailbox_reply(j, url, VERDICT_MATCH);
	a = front_post_as(j, "acct-es256-B", kid, front_path(url), "{}");
	front_expect(&a, 200, "", NULL);
}

static void
check_forbidden(const struct answer *a)
{
	front_expect(a, 403, "unauthorized",
	    "not authorized to revoke this certificate");
}

/* AC-154 c, PK-178: all mailboxes, exactly, and while they are valid. */
static void
test_new_holder(struct job *j)
{
	struct test_cert c = {
		.account_id = FRONT_ACCOUNT_ID,
		.key = "csr-p256",
		.mailbox = "alice@example.com",
		.second = "bob@example.com",
	};
	const char *kid;
	struct answer a;

	front_open(j);
	c.not_before = j->now;
	c.not_after = j->now + 365 * DAY;
	certs_issue(j, &c);
	kid = other_account(j);
	a = by_other(j, kid, &c, NULL);
	check_forbidden(&a);
	validate(j, kid, "alice@example.com");
	a = by_other(j, kid, &c, NULL);
	check_forbidden(&a);
	validate(j, kid, "Bob@example.com");
	a = by_other(j, kid, &c, NULL);
	check_forbidden(&a);
	validate(j, kid, "bob@example.com");

	/* Before the status is told: a stranger does not learn it. */
	front_set_time(j, FIXTURE_NOW + 72 * 3600);
	a = by_other(j, kid, &c, NULL);
	check_forbidden(&a);
	front_set_time(j, FIXTURE_NOW + 72 * 3600 - 1);
	a = by_other(j, kid, &c, "4");
	check_done(&a);
	check_row(j, &c, 4);
	front_set_time(j, FIXTURE_NOW + 72 * 3600);
	a = by_other(j, kid, &c, "4");
	check_forbidden(&a);
	front_close();
}

/* AC-37, AC-154 a: the certificate's key and no other, whoever asks. */
static void
test_keys(struct job *j)
{
	static const char *const keys[] = { "acct-es384", "acct-es512",
		"acct-rs256", "acct-ed25519", "csr-p256" };
	struct answer a;

	front_open(j);
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct test_cert c;

		unit_case("%s", keys[i]);
		c = certs_issued(j, FRONT_ACCOUNT_ID, keys[i]);
		a = front_post_jwk(
		    j, "acct-es256-B", REVOKE, payload(j, &c, NULL));
		check_forbidden(&a);
		/* The account's own key as a jwk is just another key. */
		a = front_post_jwk(
		    j, "acct-es256-A", REVOKE, payload(j, &c, NULL));
		check_forbidden(&a);
		a = by_key(j, &c, "4");
		check_done(&a);
		check_row(j, &c, 4);
	}
	front_close();
}

/* AC-49, PK-183: the account is gone, the key still revokes. */
static void
test_deactivated_account(struct job *j)
{
	struct test_cert c;
	struct answer a;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	fixture_sql(j, "UPDATE account SET deactivated_at = 5");
	a = by_account(j, &c, NULL);
	front_expect(&a, 401, "unauthorized", "account is deactivated");
	a = by_key(j, &c, NULL);
	check_done(&a);
	front_close();
}

/* --- AC-155 to AC-157 ----------------------------------------------------- */

/* AC-156, PK-179: -1 to 11; the reason that was not given is 0. */
static void
test_reasons(struct job *j)
{
	front_open(j);
	for (int reason = -1; reason <= 11; reason++) {
		bool allowed = reason == 0 || reason == 1 || reason == 3 ||
			       reason == 4 || reason == 5;
		struct test_cert c =
		    certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
		struct answer a;

		unit_case("%d", reason);
		a = by_account(j, &c, arena_printf(j->arena, "%d", reason));
		if (allowed)
			check_done(&a);
		else
			front_expect(&a, 400, "badRevocationReason",
			    "allowed reason codes: 0, 1, 3, 4, 5");
		check_row(j, &c, allowed ? reason : -1);
	}
	struct test_cert c = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	struct answer a = by_account(j, &c, NULL);

	check_done(&a);
	check_row(j, &c, 0);
	a = by_account(j, &c, "9223372036854775808");
	front_expect(&a, 400, "badRevocationReason",
	    "allowed reason codes: 0, 1, 3, 4, 5");
	front_close();
}

/* AC-155, PK-189: to its last second, and not after it. */
static void
test_expired(struct job *j)
{
	struct test_cert c, d;
	struct answer a;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	d = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	front_set_time(j, c.not_after);
	a = by_account(j, &c, NULL);
	check_done(&a);
	front_set_time(j, c.not_after + 1);
	a = by_account(j, &d, NULL);
	front_expect(&a, 403, "unauthorized", "the certificate has expired");
	a = by_key(j, &d, "1");
	front_expect(&a, 403, "unauthorized", "the certificate has expired");
	check_row(j, &d, -1);
	front_close();
}

/* AC-157, PK-180: only the key itself changes the reason, and only to 1. */
static void
test_again(struct job *j)
{
	struct test_cert c;
	struct cert row;
	struct answer a;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	a = by_account(j, &c, "4");
	check_done(&a);
	a = by_account(j, &c, "4");
	front_expect(
	    &a, 400, "alreadyRevoked", "the certificate is already revoked");
	a = by_account(j, &c, "1");
	front_expect(&a, 400, "alreadyRevoked", NULL);
	a = by_key(j, &c, "3");
	front_expect(&a, 400, "alreadyRevoked", NULL);
	check_row(j, &c, 4);
	EXPECT(j,
	    store_key_is_blocked(j, KEY_BY_SPKI(certs_spki(j, c.key)), NULL),
	    0);

	front_set_time(j, FIXTURE_NOW + 60);
	a = by_key(j, &c, "1");
	check_done(&a);
	check_row(j, &c, 1);
	EXPECT(j, store_cert_by_id(j, c.id, NULL, &row), 1);
	assert_int_equal(row.revoked_at, FIXTURE_NOW);
	assert_string_equal(row.revoked_by, "key");
	EXPECT(j,
	    store_key_is_blocked(j, KEY_BY_SPKI(certs_spki(j, c.key)), NULL),
	    1);
	a = by_key(j, &c, "1");
	front_expect(&a, 400, "alreadyRevoked", NULL);
	assert_false(a.changed);
	front_close();
}

/* --- AC-158, PK-181 ------------------------------------------------------- */

/* A key in three certificates of two accounts, one of them expired, and in
 * one that is about to be signed. */
static void
test_compromise(struct job *j)
{
	const char *kid, *other_id;
	struct test_cert mine, theirs, revoked, expired, unrelated;
	struct answer a;

	front_open(j);
	kid = other_account(j);
	other_id = strrchr(kid, '/') + 1;
	expired = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	fixture_sql(j, "UPDATE cert SET not_after = 1799999999");
	mine = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	theirs = certs_issued(j, other_id, "csr-p256");
	revoked = certs_issued(j, other_id, "csr-p256");
	unrelated = certs_issued(j, other_id, "acct-es384");
	a = by_other(j, kid, &revoked, "5");
	check_done(&a);

	a = by_key(j, &mine, "1");
	check_done(&a);
	check_row(j, &mine, 1);
	check_row(j, &theirs, 1);
	check_row(j, &revoked, 5);
	check_row(j, &expired, -1);
	check_row(j, &unrelated, -1);
	EXPECT(j,
	    store_key_is_blocked(
		j, KEY_BY_SPKI(certs_spki(j, "csr-p256")), NULL),
	    1);
	EXPECT(j,
	    store_key_is_blocked(
		j, KEY_BY_SPKI(certs_spki(j, "acct-es384")), NULL),
	    0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit "
			     "WHERE event = 'certificate revoked'"),
	    3);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit "
					  "WHERE event = 'key blocked'"),
	    1);
	front_close();
}

/* PK-76, PK-181: what has the key in another encoding goes at once too, not
 * with the next day's look; and so does what was signed while it was blocked.
 */
static void
test_compromise_bare(struct job *j)
{
	struct test_cert mine, theirs, late;
	const struct revocation r = { REASON_KEY_COMPROMISE, "issuer",
		{ NULL, 0 } };
	struct revoked_cert *list;
	struct answer a;
	size_t count;

	front_open(j);
	theirs =
	    certs_issued(j, strrchr(other_account(j), '/') + 1, "csr-p256");
	fixture_sql(j, "UPDATE cert SET spki_sha256 = 'another encoding'");
	mine = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	a = by_key(j, &mine, "1");
	check_done(&a);
	check_row(j, &mine, 1);
	check_row(j, &theirs, 1);

	late = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	fixture_sql(j, "UPDATE cert SET spki_sha256 = 'another encoding'");
	COMMITTED(j, store_revoke_blocked(j, &r, 0, 9, &list, &count));
	assert_int_equal(count, 1);
	check_row(j, &late, 1);
	front_close();
}

/* Possession was not shown: this certificate, this account. */
static void
test_compromise_by_account(struct job *j)
{
	const char *kid, *other_id;
	struct test_cert mine, theirs;
	struct span spki;
	struct answer a;

	front_open(j);
	kid = other_account(j);
	other_id = strrchr(kid, '/') + 1;
	mine = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	theirs = certs_issued(j, other_id, "csr-p256");
	a = by_account(j, &mine, "1");
	check_done(&a);
	check_row(j, &mine, 1);
	check_row(j, &theirs, -1);
	spki = certs_spki(j, "csr-p256");
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(spki), NULL), 0);
	EXPECT(
	    j, store_key_is_blocked(j, KEY_BY_SPKI(spki), FRONT_ACCOUNT_ID), 1);
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(spki), other_id), 0);
	/* PK-184: the rest is a problem report with its own 24 hours. */
	assert_int_equal(
	    fixture_count(j, arena_printf(j->arena,
				 "SELECT COUNT(*) FROM report WHERE number = 1 "
				 "AND received_at = %lld AND alarm_at = %lld "
				 "AND entered_by = 'account:%s'",
				 (long long)j->now, (long long)j->now + 43200,
				 FRONT_ACCOUNT_ID)),
	    1);
	EXPECT(j, store_report_of_key(j, spki), 1);

	/* Then the key itself says so: too late for this certificate, and the
	 * proof counts all the same. */
	a = by_key(j, &mine, "1");
	front_expect(&a, 400, "alreadyRevoked", NULL);
	assert_true(a.changed || fixture_is_pgsql());
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(spki), NULL), 1);
	check_row(j, &theirs, 1);
	front_close();
}

/* PK-181, PK-184: one report for the key, and none where nothing else has it.
 */
static void
test_report_of_key(struct job *j)
{
	struct test_cert first, second, third;
	struct answer a;

	front_open(j);
	first = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	a = by_account(j, &first, "1");
	check_done(&a);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM report"), 0);
	first = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	second = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	third = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	a = by_account(j, &first, "1");
	check_done(&a);
	a = by_account(j, &second, "1");
	check_done(&a);
	check_row(j, &third, -1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM report"), 1);
	front_close();
}

/* AC-44: blocked, it still revokes its certificates. */
static void
test_blocked_key_revokes(struct job *j)
{
	struct test_cert c;
	struct answer a;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	COMMITTED(j, store_key_block(j, KEY_BY_SPKI(certs_spki(j, c.key)), NULL,
			 "operator"));
	a = by_key(j, &c, "4");
	check_done(&a);
	check_row(j, &c, 4);
	front_close();
}

/* --- evidence ------------------------------------------------------------- */

/* AC-159, PK-159: who, when, why, and the request itself. */
static void
test_evidence(struct job *j)
{
	struct audit_row *rows;
	struct test_cert c;
	struct cert row;
	struct answer a;
	struct span kept;
	struct query q;
	size_t count;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	front_set_time(j, FIXTURE_NOW + 7);
	a = by_account(j, &c, "5");
	check_done(&a);
	EXPECT(j, store_cert_by_id(j, c.id, NULL, &row), 1);
	assert_int_equal(row.revoked_at, FIXTURE_NOW + 7);
	assert_string_equal(row.revoked_by, "account:" FRONT_ACCOUNT_ID);
	EXPECT(j,
	    query_first(&q, j, "SELECT revocation FROM cert WHERE id = $1",
		ARGS(v_text(c.id))),
	    1);
	kept = query_bytes(&q);
	query_end(&q);
	assert_true(span_has(kept, SPAN("\"signature\"")));
	EXPECT(j,
	    store_audit_list(j, arena_printf(j->arena, "order:%s", c.order_id),
		&rows, &count),
	    0);
	assert_true(count > 0);
	assert_string_equal(rows[count - 1].event, "certificate revoked");
	assert_string_equal(rows[count - 1].actor, "account:" FRONT_ACCOUNT_ID);
	assert_non_null(strstr(rows[count - 1].detail, c.serial));
	assert_non_null(strstr(rows[count - 1].detail, "\"reason\":5"));
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_vectors),
	STORE_TEST_SQLITE(test_payload),
	STORE_TEST_SQLITE(test_unknown),
	STORE_TEST(test_new_holder),
	STORE_TEST_SQLITE(test_keys),
	STORE_TEST_SQLITE(test_deactivated_account),
	STORE_TEST_SQLITE(test_reasons),
	STORE_TEST(test_expired),
	STORE_TEST(test_again),
	STORE_TEST(test_compromise),
	STORE_TEST(test_compromise_bare),
	STORE_TEST(test_compromise_by_account),
	STORE_TEST(test_report_of_key),
	STORE_TEST_SQLITE(test_blocked_key_revokes),
	STORE_TEST(test_evidence),
};
UNIT_MAIN(tests)
