/*
 * What must be true before the issuer signs.  PK-44: each item is taken away
 * in turn, and nothing is signed.  PK-205: rows that somebody else wrote, and
 * requests that the account's key did not sign.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include "lib/count.h"
#include "src/relied.h"

static void
test_open(struct job *j)
{
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
	/* As long as the CAA check is fresh. */
	role_lab_at(&lab, FIXTURE_NOW + 3600);
	assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
}

/* --- rows changed by somebody who can write the database ----------------- */

static const struct {
	const char *name, *sql;
	enum err_kind kind;
	const char *error; /* NULL: any */
} tampered[] = {
	{ "never valid", "UPDATE authz SET valid_at = 0", ERR_UNAUTHORIZED,
	    "mailbox0@example.org is not authorized" },
	{ "failed", "UPDATE authz SET failed_at = 1", ERR_UNAUTHORIZED,
	    "mailbox0@example.org is not authorized" },
	{ "revoked", "UPDATE authz SET revoked_at = 1", ERR_UNAUTHORIZED,
	    "the authorization of mailbox0@example.org was revoked" },
	{ "deactivated before", "UPDATE authz SET deactivated_at = 1",
	    ERR_UNAUTHORIZED, "mailbox0@example.org is not authorized" },
	{ "expired before", "UPDATE authz SET valid_until = 1800000000",
	    ERR_UNAUTHORIZED, "mailbox0@example.org is not authorized" },
	/* PK-13: the times, not the status. */
	{ "too old", "UPDATE authz SET created_at = created_at - 2592000",
	    ERR_UNAUTHORIZED,
	    "the validation of mailbox0@example.org is too old to be used" },
	/* PK-147: or it would hold for longer. */
	{ "of a time to come",
	    "UPDATE authz SET created_at = created_at + 86400",
	    ERR_UNAUTHORIZED,
	    "the validation of mailbox0@example.org is of a time to come" },
	{ "made younger", "UPDATE authz SET created_at = created_at + 1",
	    ERR_UNAUTHORIZED, NULL },
	/* Another account, another mailbox. */
	{ "account's thumbprint", "UPDATE account SET thumbprint = 'x'",
	    ERR_UNAUTHORIZED,
	    "the account's key does not have its thumbprint" },
	{ "account's key", "UPDATE account SET jwk = '{}'", ERR_UNAUTHORIZED,
	    "the account of the order: a stored account key cannot be read" },
	{ "mailbox", "UPDATE authz SET mailbox = 'ceo@example.org'",
	    ERR_UNAUTHORIZED, NULL },
	{ "mailbox in both",
	    "UPDATE caa SET mailbox = 'ceo@example.org';"
	    "UPDATE authz SET mailbox = 'ceo@example.org'",
	    ERR_UNAUTHORIZED, NULL },
	/* The request. */
	{ "CSR", "UPDATE orders SET csr = csr_jws", ERR_UNAUTHORIZED,
	    "the stored request holds another CSR than the order" },
	{ "no CSR", "UPDATE orders SET csr = NULL", ERR_UNAUTHORIZED,
	    "the stored request holds another CSR than the order" },
	{ "no request", "UPDATE orders SET csr_jws = NULL", ERR_UNAUTHORIZED,
	    "there is no stored request" },
	{ "not a request", "UPDATE orders SET csr_jws = csr", ERR_UNAUTHORIZED,
	    NULL },
	{ "finalized at no time", "UPDATE orders SET csr_at = 0",
	    ERR_UNAUTHORIZED,
	    "the order was finalized at a time that is none" },
	{ "finalized at the end of time",
	    "UPDATE orders SET csr_at = 9223372036854775807", ERR_UNAUTHORIZED,
	    "the order was finalized at a time that is none" },
	{ "made at the end of time",
	    "UPDATE authz SET created_at = 9223372036854775807",
	    ERR_UNAUTHORIZED, NULL },
	/* The reply. */
	{ "no reply", "DELETE FROM reply", ERR_UNAUTHORIZED,
	    "there is no matching reply" },
	{ "another verdict", "UPDATE reply SET verdict = 'late'",
	    ERR_UNAUTHORIZED, "there is no matching reply" },
	{ "no seal", "UPDATE reply SET seal = NULL", ERR_UNAUTHORIZED,
	    "the verdict does not carry the validator's seal" },
	{ "other reply", "UPDATE reply SET raw = seal", ERR_UNAUTHORIZED,
	    "the stored reply is not what was judged" },
	{ "no bytes", "UPDATE reply SET raw = NULL", ERR_UNAUTHORIZED,
	    "the stored reply is not what was judged" },
	{ "no evidence", "UPDATE reply SET evidence = NULL", ERR_UNAUTHORIZED,
	    NULL },
	{ "evidence cut", "UPDATE reply SET evidence = '{'", ERR_UNAUTHORIZED,
	    NULL },
	{ "arrival", "UPDATE reply SET arrival = arrival - 1", ERR_UNAUTHORIZED,
	    NULL },
	/* PK-1 */
	{ "requirements", "UPDATE reply SET br_version = 'SBR 1.0.15'",
	    ERR_UNAUTHORIZED, "the evidence is about something else" },
	{ "challenge's From",
	    "UPDATE challenge SET from_address = 'x@ca.example'",
	    ERR_UNAUTHORIZED, NULL },
	{ "challenge's Message-ID", "UPDATE challenge SET message_id = '<x>'",
	    ERR_UNAUTHORIZED, NULL },
	/* CAA. */
	{ "CAA not sealed", "UPDATE caa SET seal = NULL", ERR_UNAUTHORIZED,
	    "the CAA check does not carry the validator's seal, or is of a "
	    "time to come" },
	{ "CAA of another domain", "UPDATE caa SET domain = 'example.com'",
	    ERR_UNAUTHORIZED, NULL },
	{ "CAA of another mailbox", "UPDATE caa SET mailbox = 'x@example.org'",
	    ERR_UNAUTHORIZED, NULL },
	{ "CAA result", "UPDATE caa SET result = 'deny'", ERR_UNAUTHORIZED,
	    NULL },
	{ "CAA made younger", "UPDATE caa SET checked_at = checked_at + 1",
	    ERR_UNAUTHORIZED, NULL },
	{ "CAA's requirements", "UPDATE caa SET br_version = 'SBR 1.0.15'",
	    ERR_UNAUTHORIZED, NULL },
	{ "CAA trace", "UPDATE caa SET trace = '[]'", ERR_UNAUTHORIZED, NULL },
	{ "CAA life", "UPDATE caa SET ttl = ttl + 1", ERR_UNAUTHORIZED, NULL },
};

static void
test_tampered(struct job *j)
{
	for (size_t i = 0; i < COUNT(tampered); i++) {
		struct role_lab lab;
		const char *undo;

		unit_case("%s", tampered[i].name);
		role_lab_init(&lab, j);
		role_lab_finalize(&lab);
		assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
		fixture_sql(j, tampered[i].sql);
		assert_int_equal(role_lab_gate(&lab), GATE_CLOSED);
		assert_job_error(j, tampered[i].kind, tampered[i].error);
		job_recover(j);
		/* The next case must not see these rows. */
		undo = "DELETE FROM caa; DELETE FROM reply; DELETE FROM spool;"
		       "DELETE FROM part1; DELETE FROM outbox; DELETE FROM "
		       "challenge; DELETE FROM order_identifier; DELETE FROM "
		       "authz; DELETE FROM orders; DELETE FROM account";
		fixture_sql(j, undo);
	}
}

/* A deactivation that came after the CSR does not stop it (AC-105). */
static void
test_deactivated_after(struct job *j)
{
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	role_lab_at(&lab, FIXTURE_NOW + 60);
	fixture_sql(j, "UPDATE authz SET deactivated_at = 1800000060");
	assert_int_equal(role_lab_gate(&lab), GATE_OPEN);
}

/* AC-106: no certificate ever comes of a row that is no order. */
static void
test_preauthorization(struct job *j)
{
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	fixture_sql(j, "UPDATE orders SET is_preauth = 1");
	assert_int_equal(role_lab_gate(&lab), GATE_CLOSED);
	assert_job_error(
	    j, ERR_UNAUTHORIZED, "a pre-authorization gets no certificate");
}

/* A `web` that was taken over writes all that it can write: there is no
 * seal that it could make. */
static void
test_forged(struct job *j)
{
	struct role_lab lab;
	struct authz *a;
	struct reply_record r;
	enum verdict applied;
	static const char nothing[SEAL_LEN];

	role_lab_init(&lab, j);
	role_lab_send(&lab);
	role_lab_post(&lab);
	a = role_lab_authz(&lab);
	fixture_sql(j,
	    "UPDATE authz SET valid_at = 1800000000, valid_until = 1800259200;"
	    "UPDATE challenge SET proven_at = 1800000000");
	role_lab_request_take(&lab, SPAN("a CSR"));
	assert_int_equal(role_lab_gate(&lab), GATE_CLOSED);
	assert_job_error(j, ERR_UNAUTHORIZED, "there is no matching reply");
	job_recover(j);

	fixture_sql(j,
	    "UPDATE authz SET valid_at = 0; UPDATE challenge SET proven_at = "
	    "0");
	r = (struct reply_record){ .source = "x",
		.br_version = "1.0.16",
		.uid = 1,
		.challenge_id = a->challenge.id,
		.arrival = j->now,
		.verdict = VERDICT_MATCH,
		.evidence = "{}",
		.raw = SPAN("From: mailbox0@example.org\r\n\r\n"),
		.seal = span_mem(nothing, sizeof(nothing)) };
	COMMITTED(j, store_reply_record(j, &r, j->now + 1000, &applied));
	assert_int_equal(applied, VERDICT_MATCH);
	assert_int_equal(role_lab_gate(&lab), GATE_CLOSED);
	assert_job_error(j, ERR_UNAUTHORIZED, NULL);
}

/* The order of one account with the authorization of another. */
static void
test_other_account(struct job *j)
{
	struct role_lab lab;
	struct account other;
	struct evp_pkey_st *key;
	struct order *o;
	enum gate g;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	key = role_lab_key(&lab);
	role_lab_account(&lab, key, &other);
	o = fixture_reread(j, lab.order);
	o->account_id = other.id;
	o->csr_jws = role_lab_request(&lab,
	    &(struct role_lab_request){ .account_id = other.id, .key = key },
	    o->csr);
	EXPECT(j,
	    issuer_gate(&lab.issuer, j, o, &(struct relied_list){ .n = 0 }, &g),
	    0);
	assert_int_equal(g, GATE_CLOSED);
	assert_job_error(
	    j, ERR_UNAUTHORIZED, "the validation belongs to another account");
}

/* --- requests that the account did not sign ------------------------------ */

enum who { VICTIM, ATTACKER };

/* An order that somebody made in the database, on the victim's good
 * authorization; the first is what the victim could have done. */
static const struct {
	const char *name;
	enum who owner, kid, key;
	bool is_of_other_order;
	const char *base_url;
	const char *error; /* NULL: the gate opens */
} forged_orders[] = {
	{ "the victim's own", VICTIM, VICTIM, VICTIM, false, NULL, NULL },
	{ "signed by another", VICTIM, VICTIM, ATTACKER, false, NULL,
	    "the stored request: JWS signature does not verify" },
	{ "by another account", VICTIM, ATTACKER, ATTACKER, false, NULL,
	    "the stored request is not by the order's account" },
	{ "another account's order", ATTACKER, ATTACKER, ATTACKER, false, NULL,
	    "the validation belongs to another account" },
	{ "another account's order, the victim's request", ATTACKER, VICTIM,
	    VICTIM, false, NULL,
	    "the stored request is not by the order's account" },
	{ "another order's request", VICTIM, VICTIM, VICTIM, true, NULL,
	    "the stored request is not about finalizing the order" },
	{ "another server's request", VICTIM, VICTIM, VICTIM, false,
	    "https://acme.other.example",
	    "the stored request is not about finalizing the order" },
};

static void
test_forged_order(struct job *j)
{
	const struct span csr = SPAN("another CSR");
	struct evp_pkey_st *keys[2];
	struct account accounts[2];
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	keys[VICTIM] = lab.key;
	accounts[VICTIM] = lab.account;
	keys[ATTACKER] = role_lab_key(&lab);
	role_lab_account(&lab, keys[ATTACKER], &accounts[ATTACKER]);
	for (size_t i = 0; i < COUNT(forged_orders); i++) {
		struct order forged = *fixture_reread(j, lab.order);
		struct role_lab_request how = {
			.base_url = forged_orders[i].base_url,
			.account_id = accounts[forged_orders[i].kid].id,
			.key = keys[forged_orders[i].key],
		};
		enum gate g = GATE_WAIT;

		unit_case("%s", forged_orders[i].name);
		forged.id = arena_printf(j->arena, "forged%016zu", i);
		forged.account_id = accounts[forged_orders[i].owner].id;
		how.order_id = forged_orders[i].is_of_other_order
				   ? lab.order->id
				   : forged.id;
		COMMITTED(j, store_order_create(j, &forged, j->now));
		COMMITTED(j, store_order_finalize(j, forged.id, csr,
				 role_lab_request(&lab, &how, csr)));
		EXPECT(j,
		    issuer_gate(&lab.issuer, j, fixture_reread(j, &forged),
			&(struct relied_list){ .n = 0 }, &g),
		    0);
		if (forged_orders[i].error == NULL) {
			assert_int_equal(g, GATE_OPEN);
			continue;
		}
		assert_int_equal(g, GATE_CLOSED);
		assert_job_error(j, ERR_UNAUTHORIZED, forged_orders[i].error);
		job_recover(j);
	}
}

/* The victim's row gets the attacker's key: what signs is then good, but it
 * is not what the reply proved. */
static void
test_swapped_key(struct job *j)
{
	struct role_lab lab;
	struct evp_pkey_st *key;
	struct account other;
	struct order *o;
	enum gate g = GATE_WAIT;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	key = role_lab_key(&lab);
	role_lab_account(&lab, key, &other);
	o = fixture_reread(j, lab.order);
	o->csr = SPAN("another CSR");
	o->csr_jws = role_lab_request(
	    &lab, &(struct role_lab_request){ .key = key }, o->csr);
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE account SET jwk = '%s' WHERE id = '%s'",
			   other.jwk, lab.account.id));
	EXPECT(j,
	    issuer_gate(&lab.issuer, j, o, &(struct relied_list){ .n = 0 }, &g),
	    0);
	assert_int_equal(g, GATE_CLOSED);
	assert_job_error(j, ERR_UNAUTHORIZED,
	    "the account's key does not have its thumbprint");
	job_recover(j);

	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE account SET thumbprint = 'x' WHERE id = '%s';"
		   "UPDATE account SET thumbprint = '%s' WHERE id = '%s'",
		   other.id, other.thumbprint, lab.account.id));
	EXPECT(j,
	    issuer_gate(&lab.issuer, j, o, &(struct relied_list){ .n = 0 }, &g),
	    0);
	assert_int_equal(g, GATE_CLOSED);
	assert_job_error(j, ERR_UNAUTHORIZED,
	    "no signed change of key leads from the one that the reply "
	    "proved to the one that signed");
}

/* --- more than one ------------------------------------------------------- */

/* One identifier of two is proven. */
static void
test_each_identifier(struct job *j)
{
	struct role_lab lab;
	struct order_identifier two[2];
	struct order *o;
	enum gate g;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	o = fixture_reread(j, lab.order);
	two[0] = o->identifiers[0];
	two[1] = fixture_order(j, o->account_id, 1)->identifiers[0];
	o->identifiers = two;
	o->identifier_count = 2;
	EXPECT(j,
	    issuer_gate(&lab.issuer, j, o, &(struct relied_list){ .n = 0 }, &g),
	    0);
	assert_int_equal(g, GATE_CLOSED);
	assert_job_error(j, ERR_UNAUTHORIZED, NULL);
	job_recover(j);
	two[1] = two[0];
	EXPECT(j,
	    issuer_gate(&lab.issuer, j, o, &(struct relied_list){ .n = 0 }, &g),
	    0);
	assert_int_equal(g, GATE_OPEN);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_open),
	STORE_TEST(test_tampered),
	STORE_TEST(test_deactivated_after),
	STORE_TEST(test_preauthorization),
	STORE_TEST(test_forged),
	STORE_TEST(test_other_account),
	STORE_TEST(test_forged_order),
	STORE_TEST(test_swapped_key),
	STORE_TEST(test_each_identifier),
};
UNIT_MAIN(tests)
