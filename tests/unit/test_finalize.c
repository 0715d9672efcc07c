/*
 * Finalize and download (AC-130 to AC-151) over a real store, with the
 * vectors of `finalize_csr` and `revocation`.
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "acme/acme.h"
#include "acme/certid.h"
#include "acme/download.h"
#include "acme/proof.h"
#include "db/store_account.h"
#include "db/store_cert.h"
#include "db/store_incident.h"
#include "db/store_key.h"
#include "db/store_own_key.h"
#include "db/store_revoke.h"
#include "db/store_stop.h"
#include "db/store_url.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "pki/keycheck.h"
#include "pki/weakkeys.h"
#include "tests/unit/acme_certs.h"
#include "tests/unit/acme_mailbox.h"
#include "tests/unit/vectors.h"

#define ALICE "{\"type\":\"email\",\"value\":\"alice@example.com\"}"
#define HOUR 3600

static const char *
csr_named(const char *name)
{
	return vectors_str(
	    vectors_named(vectors_at("finalize_csr/cases"), name), "csr_b64u");
}

static struct answer
finalize(struct job *j, const char *order_url, const char *csr)
{
	return front_post(j,
	    arena_printf(j->arena, "%s/finalize", front_path(order_url)),
	    arena_printf(j->arena, "{\"csr\":\"%s\"}", csr));
}

static const char *
new_order(struct job *j)
{
	struct answer a =
	    front_post(j, FRONT_NEW_ORDER, "{\"identifiers\":[" ALICE "]}");

	front_expect(&a, 201, "", NULL);
	return front_header(&a, "Location", 0);
}

/* A ready order: the first one by a reply, others by reuse. */
static const char *
ready_order(struct job *j)
{
	const char *url = new_order(j);
	struct answer a = front_post(j, front_path(url), "");
	const char *authz;

	if (strcmp(front_str(&a, "status"), "ready") == 0)
		return url;
	authz = json_string(json_at(json_get(a.doc, "authorizations"), 0)).p;
	a = front_post(j, front_path(authz), "");
	authz = json_string(
	    json_get(json_at(json_get(a.doc, "challenges"), 0), "url"))
		    .p;
	mailbox_reply(j, authz, VERDICT_MATCH);
	a = front_post(j, front_path(authz), "{}");
	front_expect(&a, 200, "", NULL);
	return url;
}

static const char *
status_of(struct job *j, const char *url)
{
	struct answer a = front_post(j, front_path(url), "");

	front_expect(&a, 200, "", NULL);
	return front_str(&a, "status");
}

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
		const char *url = ready_order(j);
		struct answer a = finalize(j, url, vectors_str(v, "csr_b64u"));

		unit_case("%s, L-7 %d", name, compat);
		if (compat &&
		    strcmp(name, "dns-san-repeating-the-address") == 0)
			status = 200;
		front_expect(&a, status,
		    status == 200 ? "" : vectors_str(expect, "type"), NULL);
		assert_string_equal(
		    status_of(j, url), status == 200 ? "processing" : "ready");
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
	path =
	    arena_printf(j->arena, "%s/finalize", front_path(ready_order(j)));
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
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
	const char *good = csr_named("good");
	const char *url;
	struct answer a;

	front_open(j);
	url = new_order(j);
	a = finalize(j, url, good);
	front_expect(&a, 403, "orderNotReady", "the order is pending");
	a = finalize(j, url, "not base64url");
	front_expect(&a, 403, "orderNotReady", "the order is pending");

	url = ready_order(j);
	a = finalize(j, url, good);
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_str(&a, "status"), "processing");
	assert_string_equal(front_header(&a, "Location", 0), url);
	assert_string_equal(front_header(&a, "Retry-After", 0), "2");
	a = finalize(j, url, good);
	front_expect(&a, 403, "orderNotReady", "the order is processing");
	front_set_time(j, FIXTURE_NOW + 60);
	a = front_post(j, front_path(url), "");
	assert_string_equal(front_header(&a, "Retry-After", 0), "10");

	/* The authorization that it stands on ends in between. */
	url = ready_order(j);
	front_set_time(j, FIXTURE_NOW + 72 * HOUR);
	a = finalize(j, url, good);
	front_expect(&a, 403, "orderNotReady", "the order is invalid");
	assert_string_equal(status_of(j, url), "invalid");
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
	url = ready_order(j);
	id = strrchr(url, '/') + 1;
	/* A refused one is not kept. */
	a = finalize(j, url, "AAAA");
	front_expect(&a, 400, "badCSR", NULL);
	EXPECT(j, store_order_by_id(j, id, NULL, &o), 1);
	assert_int_equal(o.csr_jws.n, 0);
	a = finalize(j, url, csr_named("good"));
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
	a = finalize(j, url, csr_named("good"));
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
	url = ready_order(j);
	front_conf()->profile = "mailbox-strict";
	a = front_post(j, FRONT_NEW_ORDER,
	    "{\"identifiers\":[" ALICE
	    "],\"profile\":\"mailbox-multipurpose\"}");
	front_expect(&a, 400, "invalidProfile",
	    "profile mailbox-multipurpose is not offered");
	front_conf()->profiles_stopped = (struct conf_list){ stopped, 2 };
	a = finalize(j, url, csr_named("good"));
	front_expect(&a, 400, "invalidProfile",
	    "profile mailbox-multipurpose is no longer offered");
	assert_false(a.changed);
	assert_string_equal(status_of(j, url), "ready");
	front_conf()->profiles_stopped.n = 1;
	a = finalize(j, url, csr_named("good"));
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
	url = ready_order(j);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_stop_add(j, &all), 1);
	EXPECT(j, store_commit(j), 0);
	a = finalize(j, url, csr_named("good"));
	front_expect(&a, 503, "serverInternal",
	    "no certificates are issued for this order at the moment");
	assert_string_equal(front_header(&a, "Retry-After", 0), "300");
	assert_false(a.changed);
	assert_string_equal(status_of(j, url), "ready");
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_stop_lift(j, all.scope, all.value), 1);
	EXPECT(j, store_commit(j), 0);
	a = finalize(j, url, csr_named("good"));
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
	url = ready_order(j);
	COMMITTED(j, store_url_pass(j, "ca1", urls[0]));
	COMMITTED(j, store_url_pass(j, "another", urls[1]));
	a = finalize(j, url, csr_named("good"));
	front_expect(&a, 503, "serverInternal",
	    "no certificates are issued for this order at the moment");
	assert_string_equal(front_header(&a, "Retry-After", 0), "300");
	assert_string_equal(status_of(j, url), "ready");
	COMMITTED(j, store_url_pass(j, "ca1", urls[1]));
	a = finalize(j, url, csr_named("good"));
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
	url = ready_order(j);
	fixture_sql(j, "UPDATE orders SET profile = 'mailbox-new'");
	a = finalize(j, url, csr_named("good"));
	front_expect(&a, 400, "invalidProfile",
	    "profile mailbox-new is no longer offered");
	assert_string_equal(status_of(j, url), "ready");
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
	ready_order(j); /* the others stand on its validation */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
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
		a = finalize(j, url, csr_named(rows[i].csr));
		if (rows[i].excluded == NULL) {
			front_expect(&a, 200, "", NULL);
			continue;
		}
		front_expect(&a, 400, "badCSR", NULL);
		assert_true(span_starts(json_string(json_get(a.doc, "detail")),
		    span_str(arena_printf(j->arena,
			"the profile does not allow %s;", rows[i].excluded))));
		assert_string_equal(status_of(j, url), "ready");
	}
	front_close();
}

/* AC-140: the twentieth refusal ends the order with the last problem. */
static void
test_refusals(struct job *j)
{
	const char *bad = csr_named("other-address");
	const char *url;
	struct answer a;

	front_open(j);
	url = ready_order(j);
	/* What is not a CSR at all is not counted. */
	for (int i = 0; i < 25; i++) {
		a = finalize(j, url, "AA==");
		front_expect(&a, 400, "malformed", NULL);
	}
	for (int i = 1; i <= 20; i++) {
		assert_string_equal(status_of(j, url), "ready");
		a = finalize(j, url, bad);
		unit_case("refusal %d", i);
		front_expect(&a, 400, "badCSR", NULL);
	}
	a = front_post(j, front_path(url), "");
	assert_string_equal(front_str(&a, "status"), "invalid");
	assert_non_null(strstr(json_dup(j, json_get(a.doc, "error")),
	    "urn:ietf:params:acme:error:badCSR"));
	assert_null(json_get(json_get(a.doc, "error"), "status"));
	a = finalize(j, url, csr_named("good"));
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
	path =
	    arena_printf(j->arena, "%s/finalize", front_path(ready_order(j)));
	header = arena_printf(j->arena,
	    "{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"%s\","
	    "\"url\":\"%s%s\"}",
	    FRONT_KID, front_nonce(j), FRONT_BASE, path);
	req.target = span_str(path);
	req.body = client_jws(j, key, header,
	    arena_printf(j->arena, "{\"csr\":\"%s\"}", csr_named("good")));
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

static struct span
spki_of(struct job *j, const char *key)
{
	unsigned char *octets = NULL;
	int n = i2d_PUBKEY(client_key(key)->pkey, &octets);
	struct span spki;

	assert_true(n > 0);
	spki = span_mem(arena_memdup(j->arena, octets, (size_t)n), (size_t)n);
	OPENSSL_free(octets);
	return spki;
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
	order = ready_order(j);
	COMMITTED(j, store_key_block(j, KEY_BY_SPKI(certs_spki(j, "csr-p256")),
			 "another account", "test"));
	for (size_t i = 0; i < 2; i++) {
		COMMITTED(j,
		    store_key_block(j, KEY_BY_SPKI(certs_spki(j, "csr-p256")),
			whose[i], "test"));
		a = finalize(j, order, csr_named("good"));
		front_expect(
		    &a, 400, "badCSR", "the key is known to be compromised");
		assert_string_equal(status_of(j, order), "ready");
		fixture_sql(j, "DELETE FROM blocked_key WHERE account_id <> "
			       "'another account'");
	}
	/* PK-76: blocked in another encoding. */
	EXPECT(j, spki_bare_sha256(spki_of(j, "csr-p256"), bare), 0);
	COMMITTED(
	    j, store_key_block(j,
		   &(struct key_hash){ SPAN("another SubjectPublicKeyInfo"),
		       span_mem(bare, sizeof(bare)) },
		   NULL, "test"));
	a = finalize(j, order, csr_named("good"));
	front_expect(&a, 400, "badCSR", "the key is known to be compromised");
	fixture_sql(j, "DELETE FROM blocked_key");
	a = finalize(j, order, csr_named("good"));
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
	order = ready_order(j);
	certs_issue(j, &old);
	acme_set_weak_keys(
	    front_acme(), certs_weak_list(j, certs_bare(j, "csr-p256")));
	for (int i = 0; i < 2; i++) {
		a = finalize(j, order, csr_named("good"));
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
	a = finalize(j, order, csr_named("good"));
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
	order = ready_order(j);
	a = finalize(j, order, csr_named("other-address"));
	front_expect(&a, 400, "badCSR", NULL);
	assert_int_equal(json_count(json_get(a.doc, "subproblems")), 2);
	check_subproblem(&a, 0, "email", "bob@example.com", "not in it is");
	check_subproblem(&a, 1, "email", "alice@example.com", "missing");
	a = finalize(j, order, csr_named("uri-san-present"));
	front_expect(&a, 400, "badCSR", NULL);
	assert_int_equal(json_count(json_get(a.doc, "subproblems")), 1);
	check_subproblem(&a, 0, NULL, NULL, "uniformResourceIdentifier");
	a = finalize(j, order, csr_named("key-usage-keycertsign"));
	front_expect(&a, 400, "badCSR", NULL);
	assert_null(json_get(a.doc, "subproblems"));
	assert_string_equal(status_of(j, order), "ready");
	front_close();
}

/* PK-65: a key of this installation, in whatever encoding, and one that any
 * account has had. */
static void
test_our_key(struct job *j)
{
	const struct csr csr = { .spki = spki_of(j, "csr-p256") };
	uint8_t bare[SHA256_LEN];
	const char *order;
	struct answer a;

	front_open(j);
	order = ready_order(j);
	EXPECT(j, spki_bare_sha256(csr.spki, bare), 0);
	for (int i = 0; i < 2; i++) {
		const struct key_hash key = { i == 0 ? certs_spki(j, "csr-p256")
						     : SPAN("another one"),
			span_mem(bare, i == 0 ? 0 : sizeof(bare)) };

		COMMITTED(j, store_own_key_put(j, &key, "a former CA"));
		a = finalize(j, order, csr_named("good"));
		front_expect(&a, 400, "badCSR",
		    "the CSR uses the key of a CA or of an OCSP responder");
		assert_string_equal(status_of(j, order), "ready");
		fixture_sql(j, "DELETE FROM own_key");
	}
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO account_key (account_id, place, thumbprint, jwk, "
		"request, retired_at) VALUES ('%s', 0, '%s', '{}', 'x', 1)",
		fixture_account(j), csr_jwk_thumbprint(j, &csr)));
	a = finalize(j, order, csr_named("good"));
	front_expect(&a, 400, "badCSR", "the CSR uses an account key");
	fixture_sql(j, "DELETE FROM account_key");
	a = finalize(j, order, csr_named("good"));
	front_expect(&a, 200, "", NULL);
	front_close();
}

/* PK-78: in a certificate of another account, also one that has expired. */
static void
test_shared_key(struct job *j)
{
	struct cert c = {
		.id = "another",
		.ca_label = "aabb",
		.serial = "02",
		.profile = "mailbox-strict",
		.profile_sha256 = SPAN("profile-hash"),
		.tbs = SPAN("tbs"),
		.signature_alg = SPAN("alg"),
		.lint_report = "{}",
		.evidence = "{}",
		.br_version = "1.0.16",
		.not_before = 1,
		.not_after = 2,
	};
	struct order *other;
	const char *order;
	struct answer a;
	bool taken;

	front_open(j);
	other = fixture_order(j, fixture_account(j), 1);
	c.order_id = other->id;
	c.account_id = other->account_id;
	c.spki_sha256 = certs_spki(j, "csr-p256");
	COMMITTED(
	    j, store_order_finalize(j, other->id, SPAN("csr"), SPAN("jws")));
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
	order = ready_order(j);
	a = finalize(j, order, csr_named("good"));
	front_expect(&a, 400, "badCSR",
	    "the key stands in a certificate of another account; make a new "
	    "one");
	assert_string_equal(status_of(j, order), "ready");
	front_conf()->share_keys = true;
	a = finalize(j, order, csr_named("good"));
	front_expect(&a, 200, "", NULL);
	front_close();
}

/* --- download ------------------------------------------------------------- */

/* A certificate's DER from its PEM, the `n`-th of the text. */
static struct span
der_of(struct job *j, const char *pem, int n)
{
	const char *begin = "-----BEGIN CERTIFICATE-----\n";
	struct span der;
	const char *p = pem - 1;

	for (int i = 0; i <= n; i++) {
		p = strstr(p + 1, begin);
		assert_non_null(p);
	}
	p += strlen(begin);
	assert_int_equal(
	    b64_parse_fws(
		j->arena, span_mem(p, (size_t)(strstr(p, "-----") - p)), &der),
	    0);
	return der;
}

/* The order's certificate, as the issuer commits it. */
static const char *
issue(struct job *j, const char *order_url, struct span der)
{
	static const uint8_t sum[32] = { 1 };
	bool taken;
	struct cert c = {
		.id = "q7Vh2Lr9Tz0bNc4mKd8e1w",
		.order_id = order_url + strlen(FRONT_BASE "/acme/order/"),
		.account_id = FRONT_ACCOUNT_ID,
		.ca_label = "aabb",
		.serial = "01",
		.profile = "mailbox-multipurpose",
		.profile_sha256 = span_mem(sum, sizeof(sum)),
		.tbs = span_str("tbs"),
		.signature_alg = span_str("alg"),
		.lint_report = "{}",
		.evidence = "{}",
		.br_version = "1.0.16",
		.spki_sha256 = span_mem(sum, sizeof(sum)),
		.not_before = j->now,
		.not_after = j->now + 365 * 24 * HOUR,
		.reserved_at = j->now,
	};

	COMMITTED(j, store_cert_reserve(j, &c, &taken));
	COMMITTED(
	    j, store_cert_record(j, c.id, der, span_mem(sum, sizeof(sum))));
	return c.id;
}

static struct answer
download_der(struct job *j, const char *url)
{
	static const struct request req = {
		.content_type = SPAN_INIT("application/jose+json"),
		.accept = SPAN_INIT("application/pkix-cert"),
	};
	const char *header = arena_printf(j->arena,
	    "{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"%s\",\"url\":\"%"
	    "s\"}",
	    FRONT_KID, front_nonce(j), url);

	return front_send(j, METHOD_POST, front_path(url),
	    client_jws(j, client_key("acct-es256-A"), header, ""), &req);
}

/* AC-96, AC-97, AC-145 to AC-149, AC-175 */
static void
test_download(struct job *j)
{
	const char *pem =
	    vectors_str(vectors_at("revocation"), "chain_download_body");
	struct acme_chain chain = {
		.ca_label = "aabb",
		.issuer_url = "http://ca.example/issuing.cer",
	};
	const char *order, *url, *kid;
	struct span leaf = der_of(j, pem, 0);
	struct answer a;

	front_open(j);
	order = ready_order(j);
	finalize(j, order, csr_named("good"));
	issue(j, order, leaf);
	a = front_post(j, front_path(order), "");
	assert_string_equal(front_str(&a, "status"), "valid");
	assert_string_equal(front_str(&a, "expires"), "2028-01-15T08:00:00Z");
	url = front_str(&a, "certificate");
	a = finalize(j, order, csr_named("good"));
	front_expect(&a, 403, "orderNotReady", "the order is valid");

	/* Without its chain nothing is served. */
	a = front_post(j, front_path(url), "");
	front_expect(&a, 500, "serverInternal", NULL);
	chain.pem = span_str(strstr(pem + 1, "-----BEGIN"));
	acme_set_chain(front_acme(), &chain);
	a = front_post(j, front_path(url), "");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(a.body.p, pem);
	assert_string_equal(front_header(&a, "Content-Type", 0),
	    "application/pem-certificate-chain");

	a = download_der(j, url);
	front_expect(&a, 200, "", NULL);
	assert_true(span_eq(a.body, leaf));
	assert_string_equal(
	    front_header(&a, "Content-Type", 0), "application/pkix-cert");
	assert_string_equal(front_header(&a, "Link", 0),
	    "<http://ca.example/issuing.cer>;rel=\"up\"");

	a = front_post(j, front_path(url), "{}");
	front_expect(&a, 400, "malformed", "this resource can only be read");
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	kid = front_header(&a, "Location", 0);
	a = front_post_as(j, "acct-es256-B", kid, front_path(url), "");
	front_expect(&a, 404, "malformed", "no such certificate");
	front_close();
}

/* The URLs of the Link fields with rel="alternate", one after the other. */
static const char *
alternates(struct job *j, const struct answer *a)
{
	static const char end[] = ">;rel=\"alternate\"";
	const char *link, *p;
	struct buf b;

	buf_init(&b, j->arena, 4096);
	for (size_t i = 0; (link = front_header(a, "Link", i)) != NULL; i++) {
		p = strstr(link, end);
		if (p != NULL)
			buf_addf(&b, "%.*s ", (int)(p - strrchr(link, '/')) - 1,
			    strrchr(link, '/') + 1);
	}
	return b.p;
}

/* AC-16, AC-147, AC-150: a certificate keeps its chain and its issuer when
 * another CA has taken over, and stays readable after its end, when that CA is
 * not configured any more. */
static void
test_former_chain(struct job *j)
{
	const char *pem =
	    vectors_str(vectors_at("revocation"), "chain_download_body");
	const char *rest = strstr(pem + 1, "-----BEGIN");
	static const struct span others[] = { SPAN_INIT("alternate\n") };
	const struct acme_former formers[] = {
		{ SPAN_INIT("wrong\n"), "ccdd", "http://ca.example/wrong.cer" },
		{ span_str(rest), "aabb", "http://ca.example/old.cer" },
	};
	struct acme_chain chain = { .pem = SPAN_INIT("new\n"),
		.ca_label = "eeff",
		.issuer_url = "http://ca.example/new.cer",
		.alternates = others,
		.alternate_count = 1,
		.formers = formers,
		.former_count = 2 };
	const char *order, *url;
	struct span leaf = der_of(j, pem, 0);
	struct answer a;

	front_open(j);
	order = ready_order(j);
	finalize(j, order, csr_named("good"));
	issue(j, order, leaf);
	a = front_post(j, front_path(order), "");
	url = front_str(&a, "certificate");
	acme_set_chain(front_acme(), &chain);
	a = front_post(j, front_path(url), "");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(a.body.p, pem);
	assert_string_equal(alternates(j, &a), "");
	a = download_der(j, url);
	front_expect(&a, 200, "", NULL);
	assert_true(span_eq(a.body, leaf));
	assert_string_equal(front_header(&a, "Link", 0),
	    "<http://ca.example/old.cer>;rel=\"up\"");

	/* A mistake of the operator's, while somebody may need the chain. */
	chain.former_count = 1;
	acme_set_chain(front_acme(), &chain);
	a = front_post(j, front_path(url), "");
	front_expect(&a, 500, "serverInternal", NULL);
	a = download_der(j, url);
	front_expect(&a, 200, "", NULL);
	assert_null(strstr(front_header(&a, "Link", 0), "rel=\"up\""));
	front_set_time(j, j->now + (int64_t)2 * 366 * 86400);
	a = front_post(j, front_path(url), "");
	front_expect(&a, 200, "", NULL);
	assert_int_equal(a.body.n, rest - pem);
	assert_memory_equal(a.body.p, pem, a.body.n);
	front_close();
}

/* AC-147 */
static void
test_accept(void **state)
{
	static const struct {
		const char *accept;
		bool der;
	} rows[] = {
		{ "", false },
		{ "*/*", false },
		{ "application/pkix-cert", true },
		{ "Application/PKIX-Cert", true },
		{ "application/pem-certificate-chain", false },
		{ "application/pkix-cert, */*", false },
		{ "application/pkix-cert, */*;q=0.9", true },
		{ "application/pkix-cert;q=0.5, */*;q=0.9", false },
		{ "application/pkix-cert, application/*;q=0.8", true },
		{ "*/*;q=0.9, application/pkix-cert;q=0.6, application/*;q=0.5",
		    true },
		{ "application/*;q=0.9, application/pkix-cert;q=0.6, */*;q=0.5",
		    false },
		{ "application/pkix-cert,application/pem-certificate-chain",
		    false },
		{ "application/pem-certificate-chain;q=0.3 , "
		  "application/pkix-cert ; q=0.31",
		    true },
		{ "application/pem-certificate-chain;q=0,"
		  "application/pkix-cert;q=0.001,*/*",
		    true },
		{ "application/pkix-cert;q=0", false },
		{ "application/pkix-cert;q=1.000", true },
		{ "application/pkix-cert;q=1.001", false },
		{ "application/pkix-cert;q=0.0001", false },
		{ "application/pkix-cert;q=x", false },
		{ "application/pkix-cert;q=", false },
		{ "application/pkix-cert;q=-1", false },
		{ "application/pkix-cert;q=0,5", false },
		{ "application/pkcs7-mime", false },
		{ ",;,;;q=,,", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span all = span_str(rows[i].accept);

		unit_case("%s", rows[i].accept);
		assert_int_equal(accept_prefers_der(all), rows[i].der);
		for (size_t n = 0; n < all.n; n++)
			(void)accept_prefers_der(span_cut(all, 0, n));
	}
}

/* AC-16, AC-148, AC-175: other chains for the same leaf. */
static void
test_alternates(struct job *j)
{
	const char *pem =
	    vectors_str(vectors_at("revocation"), "chain_download_body");
	const char *rest = strstr(pem + 1, "-----BEGIN");
	static const struct span others[] = { SPAN_INIT("first\n"),
		SPAN_INIT("second\n") };
	struct acme_chain chain = {
		.ca_label = "aabb", .alternates = others, .alternate_count = 2
	};
	const char *order, *url, *leaf;
	struct answer a;

	front_open(j);
	chain.pem = span_str(rest);
	acme_set_chain(front_acme(), &chain);
	order = ready_order(j);
	finalize(j, order, csr_named("good"));
	issue(j, order, der_of(j, pem, 0));
	a = front_post(j, front_path(order), "");
	url = front_path(front_str(&a, "certificate"));
	leaf = span_dup(j->arena, span_mem(pem, (size_t)(rest - pem)));
	a = front_post(j, url, "");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(a.body.p, pem);
	assert_string_equal(alternates(j, &a), "1 2 ");
	a = front_post(j, arena_printf(j->arena, "%s/1", url), "");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(
	    a.body.p, arena_printf(j->arena, "%sfirst\n", leaf));
	assert_string_equal(alternates(j, &a),
	    arena_printf(j->arena, "%s 2 ", strrchr(url, '/') + 1));
	a = front_post(j, arena_printf(j->arena, "%s/2", url), "");
	assert_string_equal(
	    a.body.p, arena_printf(j->arena, "%ssecond\n", leaf));
	for (int i = 3; i < 100; i += 48) {
		a = front_post(j, arena_printf(j->arena, "%s/%d", url, i), "");
		front_expect(&a, 404, "malformed", "no such certificate");
	}
	a = front_post(j, "/acme/cert/AAAAAAAAAAAAAAAAAAAAAA/1", "");
	front_expect(&a, 404, "malformed", "no such certificate");

	/* Of another CA, there are none. */
	chain.ca_label = "another";
	acme_set_chain(front_acme(), &chain);
	a = front_post(j, arena_printf(j->arena, "%s/1", url), "");
	front_expect(&a, 404, "malformed", "no such certificate");
	front_close();
}

/* PK-194, AC-188: a certificate that an incident takes away is replaced without
 * counting, also when the incident has done its work before the CSR comes; one
 * that stays after all, or that its holder revokes, is not. */
static void
test_replacement_in_incident(struct job *j)
{
	static const struct {
		const char *sql;
		int status;
	} ends[] = {
		{ "UPDATE incident SET deadline = deadline", 200 },
		{ "UPDATE incident SET due_at = NULL, finished_at = 5; "
		  "UPDATE cert SET revoked_at = 4000000000, "
		  "revoked_by = 'incident:i'",
		    200 },
		{ "UPDATE incident SET due_at = NULL, cancelled_at = 5", 429 },
		{ "UPDATE incident SET due_at = NULL, cancelled_at = 5; "
		  "UPDATE cert SET revoked_at = 4000000000, "
		  "revoked_by = 'account:" FRONT_ACCOUNT_ID "'",
		    429 },
	};
	const struct incident incident = { .id = "i",
		.cause = "misissued",
		.selector = "{}",
		.reason = 4,
		.deadline = FIXTURE_NOW + 120 * HOUR,
		.opened_by = "me" };
	const struct incident_selector all = { .account_id = FRONT_ACCOUNT_ID };
	struct test_cert c = { .account_id = FRONT_ACCOUNT_ID,
		.key = "csr-p256",
		.mailbox = "alice@example.com",
		.not_before = FIXTURE_NOW,
		.not_after = FIXTURE_NOW + 8760 * HOUR };
	struct answer a;
	const char *url;
	int64_t count;

	front_conf()->limits.certificates =
	    (struct conf_rates){ { { 1, 1000 * 24 * HOUR } }, 1 };
	front_open(j);
	(void)ready_order(j);
	certs_issue(j, &c);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE authz SET mailbox = '%s' WHERE order_id = '%s'",
		   c.mailbox, c.order_id));
	COMMITTED(
	    j, store_incident_open(j, &incident, &all, j->now + HOUR, &count));
	assert_int_equal(count, 1);
	fixture_sql(j,
	    "INSERT INTO bucket (name, subject, full_at_ms) VALUES "
	    "('certificates/86400000', 'alice@example.com', 1886400000000)");
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		unit_case("%s", ends[i].sql);
		fixture_sql(j, "UPDATE cert SET replaced_by = NULL, "
			       "revoked_at = 0, revoked_by = NULL; "
			       "UPDATE incident SET due_at = 1, "
			       "finished_at = 0, cancelled_at = 0");
		a = front_post(j, FRONT_NEW_ORDER,
		    arena_printf(j->arena,
			"{\"identifiers\":[" ALICE "],\"replaces\":\"%s\"}",
			certid_format(j, CERTS_CA, c.serial)));
		front_expect(&a, 201, "", NULL);
		url = front_header(&a, "Location", 0);
		/* AC-170: one order at a time, whoever asks. */
		a = front_post(j, FRONT_NEW_ORDER,
		    arena_printf(j->arena,
			"{\"identifiers\":[" ALICE "],\"replaces\":\"%s\"}",
			certid_format(j, CERTS_CA, c.serial)));
		front_expect(&a, 409, "alreadyReplaced", NULL);
		fixture_sql(j, ends[i].sql);
		a = finalize(j, url, csr_named("good"));
		assert_int_equal(a.status, ends[i].status);
		assert_string_equal(status_of(j, url),
		    ends[i].status == 200 ? "processing" : "ready");
	}
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_replacement_in_incident),
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
	STORE_TEST_SQLITE(test_alternates),
	STORE_TEST(test_download),
	STORE_TEST_SQLITE(test_former_chain),
	cmocka_unit_test(test_accept),
};
UNIT_MAIN(tests)
