/*
 * Finalize (AC-130 to AC-142) over a real store, with the vectors of
 * `finalize_csr`.
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/proof.h"
#include "db/store_account.h"
#include "db/store_cert.h"
#include "db/store_key.h"
#include "db/store_own_key.h"
#include "db/store_revoke.h"
#include "db/store_stop.h"
#include "db/store_url.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "pki/keycheck.h"
#include "tests/unit/acme_certs.h"
#include "tests/unit/order_lab.h"
#include "tests/unit/vectors.h"

#define HOUR 3600

/* `finalize_csr`: AC-131 to AC-140 */
static void
run_vectors(struct job *j, bool compat)
{
	size_t i;
	json_t *v;

	front_conf()->compat_dns_mailbox = compat;
	front_open(j);
	front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	json_array_foreach (vectors_at("finalize_csr/cases"), i, v) {
		const char *name = vectors_str(v, "name");
		const json_t *expect = vectors_get(v, "expect");
		int status =
		    (int)json_integer_value(vectors_get(expect, "status"));
		const char *url = order_lab_ready(j);
		struct answer a =
		    order_lab_finalize(j, url, vectors_str(v, "csr_b64u"));

		unit_case("%s, L-7 %d", name, compat);
		if (compat &&
		    strcmp(name, "dns-san-repeating-the-address") == 0)
			status = 200;
		front_expect(&a, status,
		    status == 200 ? "" : vectors_str(expect, "type"), NULL);
		assert_string_equal(order_lab_status(j, url),
		    status == 200 ? "processing" : "ready");
		assert_int_equal(a.wake, status == 200 ? 1u << ROLE_ISSUER : 0);
	}
	front_close();
}

static void
test_vectors(struct job *j)
{
	run_vectors(j, false);
}

static void
test_vectors_compat(struct job *j)
{
	run_vectors(j, true);
}

/* AC-131 */
static void
test_payload(struct job *j)
{
	static const char *const payloads[] = { "{}", "{\"csr\":null}",
		"{\"csr\":7}", "{\"csr\":\"\"}", "{\"csr\":\"A\"}",
		"{\"csr\":\"AB\"}", "{\"csr\":\"AA==\"}", "{\"CSR\":\"AA\"}" };
	const char *path;
	struct answer a;

	front_open(j);
	path = arena_printf(
	    j->arena, "%s/finalize", front_path(order_lab_ready(j)));
	for (size_t i = 0; i < COUNT(payloads); i++) {
		unit_case("%s", payloads[i]);
		a = front_post(j, path, payloads[i]);
		front_expect(&a, 400, "malformed",
		    "csr is not base64url: it is the DER, without PEM lines, "
		    "padding or line ends");
	}
	a = front_post(j, path, "");
	front_expect(&a, 400, "malformed", "payload is empty");
	front_close();
}

/* AC-130, AC-141, AC-143: every state but ready. */
static void
test_not_ready(struct job *j)
{
	const char *good = order_lab_csr("good");
	const char *url;
	struct answer a;

	front_open(j);
	url = order_lab_alice(j);
	a = order_lab_finalize(j, url, good);
	front_expect(&a, 403, "orderNotReady", "the order is pending");
	a = order_lab_finalize(j, url, "not base64url");
	front_expect(&a, 403, "orderNotReady", "the order is pending");

	url = order_lab_ready(j);
	a = order_lab_finalize(j, url, good);
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_str(&a, "status"), "processing");
	assert_string_equal(front_header(&a, "Location", 0), url);
	assert_string_equal(front_header(&a, "Retry-After", 0), "2");
	a = order_lab_finalize(j, url, good);
	front_expect(&a, 403, "orderNotReady", "the order is processing");
	front_set_time(j, FIXTURE_NOW + 60);
	a = front_post(j, front_path(url), "");
	assert_string_equal(front_header(&a, "Retry-After", 0), "10");

	/* The authorization that it stands on ends in between. */
	url = order_lab_ready(j);
	front_set_time(j, FIXTURE_NOW + 72 * HOUR);
	a = order_lab_finalize(j, url, good);
	front_expect(&a, 403, "orderNotReady", "the order is invalid");
	assert_string_equal(order_lab_status(j, url), "invalid");
	front_close();
}

/* The request is kept as it came, and proves the CSR to the issuer (PK-44). */
static void
test_request_is_proof(struct job *j)
{
	struct signing_keys keys;
	struct account account;
	struct order o;
	struct span jws;
	const char *url, *id;
	struct answer a;

	front_open(j);
	url = order_lab_ready(j);
	id = strrchr(url, '/') + 1;
	/* A refused one is not kept. */
	a = order_lab_finalize(j, url, "AAAA");
	front_expect(&a, 400, "badCSR", NULL);
	EXPECT(j, store_order_by_id(j, id, NULL, &o), 1);
	assert_int_equal(o.csr_jws.n, 0);
	a = order_lab_finalize(j, url, order_lab_csr("good"));
	front_expect(&a, 200, "", NULL);
	EXPECT(j, store_order_by_id(j, id, NULL, &o), 1);
	EXPECT(j, store_account_by_id(j, FRONT_ACCOUNT_ID, &account), 1);
	keys = (struct signing_keys){ .base_url = FRONT_BASE,
		.account_id = account.id,
		.jwk = account.jwk,
		.thumbprint = account.thumbprint };
	EXPECT(j, finalize_proof_verify(j, &o, &keys), 0);
	assert_string_equal(keys.signer, account.thumbprint);
	/* The first one stays. */
	jws = o.csr_jws;
	a = order_lab_finalize(j, url, order_lab_csr("good"));
	front_expect(&a, 403, "orderNotReady", NULL);
	EXPECT(j, store_order_by_id(j, id, NULL, &o), 1);
	assert_true(span_eq(o.csr_jws, jws));
	front_close();
}

/* AC-164: an order of a profile that is offered no more may finish; AC-142:
 * unless the operator stops it. */
static void
test_profile_withdrawn(struct job *j)
{
	static const char *stopped[] = { "mailbox-signing",
		"mailbox-multipurpose" };
	const char *url;
	struct answer a;

	front_open(j);
	url = order_lab_ready(j);
	front_conf()->profile = "mailbox-strict";
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE
	    "],\"profile\":\"mailbox-multipurpose\"}");
	front_expect(&a, 400, "invalidProfile",
	    "profile mailbox-multipurpose is not offered");
	front_conf()->profiles_stopped = (struct conf_list){ stopped, 2 };
	a = order_lab_finalize(j, url, order_lab_csr("good"));
	front_expect(&a, 400, "invalidProfile",
	    "profile mailbox-multipurpose is no longer offered");
	assert_false(a.changed);
	assert_string_equal(order_lab_status(j, url), "ready");
	front_conf()->profiles_stopped.n = 1;
	a = order_lab_finalize(j, url, order_lab_csr("good"));
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_str(&a, "profile"), "mailbox-multipurpose");
	front_close();
}

/* PK-45: the order stays ready, whatever the request is worth. */
static void
test_stopped(struct job *j)
{
	static const struct stop all = { STOP_ALL, "", "a test", "me", 0 };
	const char *url;
	struct answer a;

	front_open(j);
	url = order_lab_ready(j);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_stop_add(j, &all), 1);
	EXPECT(j, store_commit(j), 0);
	a = order_lab_finalize(j, url, order_lab_csr("good"));
	front_expect(&a, 503, "serverInternal",
	    "no certificates are issued for this order at the moment");
	assert_string_equal(front_header(&a, "Retry-After", 0), "300");
	assert_false(a.changed);
	assert_string_equal(order_lab_status(j, url), "ready");
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_stop_lift(j, all.scope, all.value), 1);
	EXPECT(j, store_commit(j), 0);
	a = order_lab_finalize(j, url, order_lab_csr("good"));
	front_expect(&a, 200, "", NULL);
	front_close();
}

/* PK-133: the same while nobody has seen a URL answered that the certificate
 * would name. */
static void
test_urls(struct job *j)
{
	static const char *const urls[] = { "http://crl.example.com/a.crl",
		"http://ca.example.com/a.cer" };
	const struct acme_chain chain = { .ca_label = "ca1",
		.urls = { "ca1", urls, 2 } };
	const char *url;
	struct answer a;

	front_open(j);
	acme_set_chain(front_acme(), &chain);
	url = order_lab_ready(j);
	COMMITTED(j, store_url_pass(j, "ca1", urls[0]));
	COMMITTED(j, store_url_pass(j, "another", urls[1]));
	a = order_lab_finalize(j, url, order_lab_csr("good"));
	front_expect(&a, 503, "serverInternal",
	    "no certificates are issued for this order at the moment");
	assert_string_equal(front_header(&a, "Retry-After", 0), "300");
	assert_string_equal(order_lab_status(j, url), "ready");
	COMMITTED(j, store_url_pass(j, "ca1", urls[1]));
	a = order_lab_finalize(j, url, order_lab_csr("good"));
	front_expect(&a, 200, "", NULL);
	front_close();
}

/* An order of a profile that this version does not know, for instance after
 * an older one was installed again. */
static void
test_profile_unknown(struct job *j)
{
	const char *url;
	struct answer a;

	front_open(j);
	url = order_lab_ready(j);
	fixture_sql(j, "UPDATE orders SET profile = 'mailbox-new'");
	a = order_lab_finalize(j, url, order_lab_csr("good"));
	front_expect(&a, 400, "invalidProfile",
	    "profile mailbox-new is no longer offered");
	assert_string_equal(order_lab_status(j, url), "ready");
	front_close();
}

/* AC-138: an intent that the profile excludes; the vectors' requests. */
static void
test_profile_intent(struct job *j)
{
	static const char *offered[] = { "mailbox-strict", "mailbox-signing",
		"mailbox-encryption" };
	static const struct {
		const char *profile, *csr, *excluded; /* NULL: accepted */
	} rows[] = {
		{ "mailbox-strict", "good-both", NULL },
		{ "mailbox-strict", "good", NULL },
		{ "mailbox-signing", "good-signing-only", NULL },
		{ "mailbox-signing", "good-encryption-only", "encryption" },
		{ "mailbox-signing", "good-both", "encryption" },
		{ "mailbox-signing", "good", "encryption" },
		{ "mailbox-encryption", "good-encryption-only", NULL },
		{ "mailbox-encryption", "good-signing-only", "signing" },
		{ "mailbox-encryption", "good-both", "signing" },
		{ "mailbox-encryption", "good", "signing" },
	};

	front_conf()->profile = "mailbox-strict";
	front_conf()->profiles = (struct conf_list){ offered, 3 };
	front_open(j);
	order_lab_ready(j); /* the others stand on its validation */
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *url;
		struct answer a;

		unit_case("%s, %s", rows[i].profile, rows[i].csr);
		a = front_post(j, FRONT_NEW_ORDER,
		    arena_printf(j->arena,
			"{\"identifiers\":[" ALICE "],\"profile\":\"%s\"}",
			rows[i].profile));
		front_expect(&a, 201, "", NULL);
		assert_string_equal(front_str(&a, "profile"), rows[i].profile);
		url = front_header(&a, "Location", 0);
		a = order_lab_finalize(j, url, order_lab_csr(rows[i].csr));
		if (rows[i].excluded == NULL) {
			front_expect(&a, 200, "", NULL);
			continue;
		}
		front_expect(&a, 400, "badCSR", NULL);
		assert_true(span_starts(json_string(json_get(a.doc, "detail")),
		    span_str(arena_printf(j->arena,
			"the profile does not allow %s;", rows[i].excluded))));
		assert_string_equal(order_lab_status(j, url), "ready");
	}
	front_close();
}

/* AC-140: the twentieth refusal ends the order with the last problem. */
static void
test_refusals(struct job *j)
{
	const char *bad = order_lab_csr("other-address");
	const char *url;
	struct answer a;

	front_open(j);
	url = order_lab_ready(j);
	/* What is not a CSR at all is not counted. */
	for (int i = 0; i < 25; i++) {
		a = order_lab_finalize(j, url, "AA==");
		front_expect(&a, 400, "malformed", NULL);
	}
	for (int i = 1; i <= 20; i++) {
		assert_string_equal(order_lab_status(j, url), "ready");
		a = order_lab_finalize(j, url, bad);
		unit_case("refusal %d", i);
		front_expect(&a, 400, "badCSR", NULL);
	}
	a = front_post(j, front_path(url), "");
	assert_string_equal(front_str(&a, "status"), "invalid");
	assert_non_null(strstr(json_dup(j, json_get(a.doc, "error")),
	    "urn:ietf:params:acme:error:badCSR"));
	assert_null(json_get(json_get(a.doc, "error"), "status"));
	a = order_lab_finalize(j, url, order_lab_csr("good"));
	front_expect(&a, 403, "orderNotReady", "the order is invalid");
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'order rejected' AND actor = 'web' "
			     "AND result = 'badCSR' "
			     "AND detail LIKE '{\"reason\":\"_%'"),
	    1);
	front_close();
}

/* AC-143: what the front asks while the answer waits. */
static void
test_refresh(struct job *j)
{
	struct request req = { .method = METHOD_POST,
		.method_name = "POST",
		.content_type = span_str("application/jose+json") };
	const struct client_key *key = client_key("acct-es256-A");
	struct response resp;
	const char *path, *header;

	front_open(j);
	path = arena_printf(
	    j->arena, "%s/finalize", front_path(order_lab_ready(j)));
	header = arena_printf(j->arena,
	    "{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"%s\","
	    "\"url\":\"%s%s\"}",
	    FRONT_KID, front_nonce(j), FRONT_BASE, path);
	req.target = span_str(path);
	req.body = client_jws(j, key, header,
	    arena_printf(j->arena, "{\"csr\":\"%s\"}", order_lab_csr("good")));
	EXPECT(j, acme_prepare(front_acme(), j, &req, &resp), 0);
	COMMITTED(j, acme_handle(front_acme(), j, &req, &resp));
	EXPECT(j, acme_refresh(front_acme(), j, &req, &resp), 0);
	assert_non_null(strstr(resp.body.p, "\"processing\""));
	COMMITTED(j, store_order_fail(j, req.id, "{\"type\":\"x\"}"));
	EXPECT(j, acme_refresh(front_acme(), j, &req, &resp), 1);
	assert_non_null(strstr(resp.body.p, "\"invalid\""));
	acme_finish(front_acme(), j, &req, &resp);
	assert_int_equal(resp.status, 200);
	front_close();
}

/* AC-44, AC-134, PK-181: for everybody, or for this account alone; the order
 * stays ready for another key. */
static void
test_blocked_key(struct job *j)
{
	static const char *const whose[] = { NULL, FRONT_ACCOUNT_ID };
	uint8_t bare[SHA256_LEN];
	const char *order;
	struct answer a;

	front_open(j);
	order = order_lab_ready(j);
	COMMITTED(j, store_key_block(j, KEY_BY_SPKI(certs_spki(j, "csr-p256")),
			 "another account", "test"));
	for (size_t i = 0; i < 2; i++) {
		COMMITTED(j,
		    store_key_block(j, KEY_BY_SPKI(certs_spki(j, "csr-p256")),
			whose[i], "test"));
		a = order_lab_finalize(j, order, order_lab_csr("good"));
		front_expect(
		    &a, 400, "badCSR", "the key is known to be compromised");
		assert_string_equal(order_lab_status(j, order), "ready");
		fixture_sql(j, "DELETE FROM blocked_key WHERE account_id <> "
			       "'another account'");
	}
	/* PK-76: blocked in another encoding. */
	EXPECT(j, spki_bare_sha256(certs_key(j, "csr-p256"), bare), 0);
	COMMITTED(
	    j, store_key_block(j,
		   &(struct key_hash){ SPAN("another SubjectPublicKeyInfo"),
		       span_mem(bare, sizeof(bare)) },
		   NULL, "test"));
	a = order_lab_finalize(j, order, order_lab_csr("good"));
	front_expect(&a, 400, "badCSR", "the key is known to be compromised");
	fixture_sql(j, "DELETE FROM blocked_key");
	a = order_lab_finalize(j, order, order_lab_csr("good"));
	front_expect(&a, 200, "", NULL);
	front_close();
}

/* PK-72 to PK-74, PK-76: a weak key is blocked for everybody, once, and stays
 * so without the list that it was found by; what has it already goes at once
 * (PK-181). */
static void
test_weak_key(struct job *j)
{
	static const char blocked[] = "SELECT COUNT(*) FROM blocked_key";
	static const char audited[] =
	    "SELECT COUNT(*) FROM audit WHERE event = 'key blocked'";
	struct test_cert old = { .account_id = FRONT_ACCOUNT_ID,
		.key = "csr-p256",
		.mailbox = "alice@example.com",
		.not_before = FIXTURE_NOW,
		.not_after = FIXTURE_NOW + 1000 };
	const char *order;
	struct answer a;
	struct cert c;

	front_open(j);
	order = order_lab_ready(j);
	certs_issue(j, &old);
	acme_set_weak_keys(
	    front_acme(), certs_weak_list(j, certs_bare(j, "csr-p256")));
	for (int i = 0; i < 2; i++) {
		a = order_lab_finalize(j, order, order_lab_csr("good"));
		front_expect(&a, 400, "badCSR",
		    "subject key refused: this key is known to be "
		    "compromised");
		assert_int_equal(fixture_count(j, blocked), 1);
		assert_int_equal(fixture_count(j, audited), 1);
		EXPECT(j, store_cert_by_id(j, old.id, NULL, &c), 1);
		assert_int_equal(c.reason, REASON_KEY_COMPROMISE);
		EXPECT(j,
		    store_key_is_blocked(
			j, KEY_BY_SPKI(certs_spki(j, "csr-p256")), NULL),
		    1);
	}
	acme_set_weak_keys(front_acme(), NULL);
	a = order_lab_finalize(j, order, order_lab_csr("good"));
	front_expect(&a, 400, "badCSR", "the key is known to be compromised");
	front_close();
}

static void
check_subproblem(const struct answer *a, size_t i, const char *type,
    const char *value, const char *detail)
{
	const struct json *p = json_at(json_get(a->doc, "subproblems"), i);
	const struct json *identifier = json_get(p, "identifier");

	assert_true(span_eq_str(json_string(json_get(p, "type")),
	    "urn:ietf:params:acme:error:badCSR"));
	assert_true(
	    span_find_span(json_string(json_get(p, "detail")), 0,
		span_str(detail)) < json_string(json_get(p, "detail")).n);
	if (type == NULL) {
		assert_null(identifier);
		return;
	}
	assert_true(
	    span_eq_str(json_string(json_get(identifier, "type")), type));
	assert_true(
	    span_eq_str(json_string(json_get(identifier, "value")), value));
}

/* PK-58, RFC 8555 6.7.1: one subproblem for each name that is stray or
 * missing. */
static void
test_subproblems(struct job *j)
{
	struct answer a;
	const char *order;

	front_open(j);
	order = order_lab_ready(j);
	a = order_lab_finalize(j, order, order_lab_csr("other-address"));
	front_expect(&a, 400, "badCSR", NULL);
	assert_int_equal(json_count(json_get(a.doc, "subproblems")), 2);
	check_subproblem(&a, 0, "email", "bob@example.com", "not in it is");
	check_subproblem(&a, 1, "email", "alice@example.com", "missing");
	a = order_lab_finalize(j, order, order_lab_csr("uri-san-present"));
	front_expect(&a, 400, "badCSR", NULL);
	assert_int_equal(json_count(json_get(a.doc, "subproblems")), 1);
	check_subproblem(&a, 0, NULL, NULL, "uniformResourceIdentifier");
	a = order_lab_finalize(
	    j, order, order_lab_csr("key-usage-keycertsign"));
	front_expect(&a, 400, "badCSR", NULL);
	assert_null(json_get(a.doc, "subproblems"));
	assert_string_equal(order_lab_status(j, order), "ready");
	front_close();
}

/* PK-65: a key of this installation, in whatever encoding, and one that any
 * account has had. */
static void
test_our_key(struct job *j)
{
	const struct csr csr = { .spki = certs_key(j, "csr-p256") };
	uint8_t bare[SHA256_LEN];
	const char *order;
	struct answer a;

	front_open(j);
	order = order_lab_ready(j);
	EXPECT(j, spki_bare_sha256(csr.spki, bare), 0);
	for (int i = 0; i < 2; i++) {
		const struct key_hash key = { i == 0 ? certs_spki(j, "csr-p256")
						     : SPAN("another one"),
			span_mem(bare, i == 0 ? 0 : sizeof(bare)) };

		COMMITTED(j, store_own_key_put(j, &key, "a former CA"));
		a = order_lab_finalize(j, order, order_lab_csr("good"));
		front_expect(&a, 400, "badCSR",
		    "the CSR uses the key of a CA or of an OCSP responder");
		assert_string_equal(order_lab_status(j, order), "ready");
		fixture_sql(j, "DELETE FROM own_key");
	}
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO account_key (account_id, place, thumbprint, jwk, "
		"request, retired_at) VALUES ('%s', 0, '%s', '{}', 'x', 1)",
		fixture_account(j), csr_jwk_thumbprint(j, &csr)));
	a = order_lab_finalize(j, order, order_lab_csr("good"));
	front_expect(&a, 400, "badCSR", "the CSR uses an account key");
	fixture_sql(j, "DELETE FROM account_key");
	a = order_lab_finalize(j, order, order_lab_csr("good"));
	front_expect(&a, 200, "", NULL);
	front_close();
}

/* PK-78: in a certificate of another account, also one that has expired. */
static void
test_shared_key(struct job *j)
{
	struct cert c;
	struct order *other;
	const char *order;
	struct answer a;
	bool taken;

	front_open(j);
	other = fixture_order(j, fixture_account(j), 1);
	c = fixture_cert(j, other->id, other->account_id);
	c.not_before = 1;
	c.not_after = 2;
	c.spki_sha256 = certs_spki(j, "csr-p256");
	COMMITTED(
	    j, store_order_finalize(j, other->id, SPAN("csr"), SPAN("jws")));
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
	order = order_lab_ready(j);
	a = order_lab_finalize(j, order, order_lab_csr("good"));
	front_expect(&a, 400, "badCSR",
	    "the key stands in a certificate of another account; make a new "
	    "one");
	assert_string_equal(order_lab_status(j, order), "ready");
	front_conf()->share_keys = true;
	a = order_lab_finalize(j, order, order_lab_csr("good"));
	front_expect(&a, 200, "", NULL);
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_vectors),
	STORE_TEST_SQLITE(test_vectors_compat),
	STORE_TEST_SQLITE(test_payload),
	STORE_TEST(test_not_ready),
	STORE_TEST(test_request_is_proof),
	STORE_TEST(test_profile_withdrawn),
	STORE_TEST(test_stopped),
	STORE_TEST(test_urls),
	STORE_TEST(test_profile_unknown),
	STORE_TEST_SQLITE(test_profile_intent),
	STORE_TEST(test_refusals),
	STORE_TEST(test_refresh),
	STORE_TEST(test_blocked_key),
	STORE_TEST(test_weak_key),
	STORE_TEST_SQLITE(test_subproblems),
	STORE_TEST(test_our_key),
	STORE_TEST(test_shared_key),
};
UNIT_MAIN(tests)
