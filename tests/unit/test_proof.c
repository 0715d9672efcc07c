/*
 * The request that finalized an order as proof of itself (PK-44, PK-205): each
 * thing that it must say and carry is changed in turn.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "acme/jwk.h"
#include "acme/proof.h"
#include "db/store_order.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/json.h"
#include "tests/unit/acme_signer.h"

#define BASE "https://acme.ca.example"
#define ACCOUNT "Yl1nV0mJq3bQx8cT7hZp2A"
#define ORDER "AAAAAAAAAAAAAAAAAAAAAA"
#define URL BASE "/acme/order/" ORDER "/finalize"
#define KID BASE "/acme/acct/" ACCOUNT
#define HEADER(alg, kid, url)                                                  \
	"{\"alg\":\"" alg "\",\"kid\":\"" kid "\",\"nonce\":\"AA\","           \
	"\"url\":\"" url "\"}"
#define GOOD HEADER("ES256", KID, URL)
#define CSR "{\"csr\":\"YSBDU1I\"}" /* "a CSR" */

static const struct order order = {
	.id = ORDER,
	.account_id = ACCOUNT,
	.csr = { "a CSR", 5 },
};

/* As the account's row has it. */
static const struct jwk *
key_of(struct job *j, const struct client_key *k)
{
	const struct json *object;
	const struct jwk *key;

	assert_int_equal(
	    json_parse_object(j, span_str(k->jwk), "key", &object), 0);
	assert_int_equal(jwk_parse(j, object, span_str(k->alg), &key), 0);
	return key;
}

static int
verify_order(struct job *j, const struct order *o, const char *jwk,
    const char *thumbprint)
{
	struct signing_keys keys = { .base_url = BASE,
		.account_id = ACCOUNT,
		.jwk = jwk,
		.thumbprint = thumbprint };

	return finalize_proof_verify(j, o, &keys);
}

static int
verify(struct job *j, struct span jws, const char *key)
{
	const struct jwk *k = key_of(j, client_key(key));
	struct order o = order;

	o.csr_jws = jws;
	return verify_order(j, &o, jwk_canonical(k), jwk_thumbprint(k));
}

#define NO_CSR                                                                 \
	"the stored request: csr is not base64url: it is the DER, without "    \
	"PEM lines, padding or line ends"

static const struct {
	const char *header, *payload;
	bool is_proven;
	const char *error; /* NULL: any */
} requests[] = {
	{ GOOD, CSR, true, NULL },
	{ GOOD, "{\"csr\":\"YSBDU1I\",\"more\":1}", true, NULL },
	{ HEADER("ES256", KID, URL "/"), CSR, false,
	    "the stored request is not about finalizing the order" },
	{ HEADER("ES256", KID, BASE "/acme/order/" ORDER), CSR, false,
	    "the stored request is not about finalizing the order" },
	{ HEADER("ES256", KID, "/acme/order/" ORDER "/finalize"), CSR, false,
	    "the stored request is not about finalizing the order" },
	{ HEADER("ES256", KID, BASE "/acme/new-order"), CSR, false,
	    "the stored request is not about finalizing the order" },
	{ HEADER("ES256", KID "A", URL), CSR, false,
	    "the stored request is not by the order's account" },
	{ HEADER("ES256", ACCOUNT, URL), CSR, false,
	    "the stored request is not by the order's account" },
	{ "{\"alg\":\"ES256\",\"jwk\":{},\"nonce\":\"AA\",\"url\":\"" URL "\"}",
	    CSR, false, "the stored request is not by the order's account" },
	{ "{\"alg\":\"ES256\",\"url\":\"" URL "\"}", CSR, false,
	    "the stored request: protected header lacks jwk or kid" },
	{ HEADER("none", KID, URL), CSR, false,
	    "the stored request: algorithm none is not supported" },
	{ HEADER("EdDSA", KID, URL), CSR, false,
	    "the algorithm of the stored request does not fit the account's "
	    "key" },
	{ GOOD, "{\"csr\":\"YSBDU1J\"}", false, NO_CSR },
	{ GOOD, "{\"csr\":\"YSBDU1IA\"}", false,
	    "the stored request holds another CSR than the order" },
	{ GOOD, "{\"csr\":\"YSBDUw\"}", false,
	    "the stored request holds another CSR than the order" },
	{ GOOD, "{\"csr\":\"\"}", false, NO_CSR },
	{ GOOD, "{}", false, NO_CSR },
	{ GOOD, "", false, NULL },
	{ GOOD, "[]", false, NULL },
};

static void
test_requests(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct span jws = client_jws(j, client_key("acct-es256-A"),
		    requests[i].header, requests[i].payload);
		int expected = requests[i].is_proven ? 0 : -1;

		unit_case("%zu", i);
		assert_int_equal(verify(j, jws, "acct-es256-A"), expected);
		if (expected == 0)
			continue;
		assert_job_error(j, ERR_UNAUTHORIZED, requests[i].error);
		job_recover(j);
	}
}

/* Somebody else's signature, and one of other octets. */
static void
test_signature(void **state)
{
	struct job *j = unit_job();
	struct span jws = client_jws(j, client_key("acct-es256-B"), GOOD, CSR);

	(void)state;
	assert_int_equal(verify(j, jws, "acct-es256-B"), 0);
	assert_int_equal(verify(j, jws, "acct-es256-A"), -1);
	assert_job_error(j, ERR_UNAUTHORIZED,
	    "the stored request: JWS signature does not verify");
}

/* No part of it is enough. */
static void
test_cut(void **state)
{
	struct job *j = unit_job();
	struct span jws = client_jws(j, client_key("acct-es256-A"), GOOD, CSR);

	(void)state;
	for (size_t n = 0; n < jws.n; n++) {
		unit_case("%zu octets", n);
		assert_int_equal(
		    verify(j, span_cut(jws, 0, n), "acct-es256-A"), -1);
		assert_job_error(j, ERR_UNAUTHORIZED,
		    n == 0 ? "there is no stored request" : NULL);
		job_recover(j);
	}
	assert_int_equal(verify(j, jws, "acct-es256-A"), 0);
}

/* What the account's row says of its key must be true. */
static void
test_key(void **state)
{
	struct job *j = unit_job();
	const struct jwk *a = key_of(j, client_key("acct-es256-A"));
	const struct jwk *b = key_of(j, client_key("acct-es256-B"));
	const struct {
		const char *jwk, *thumbprint, *error;
	} rows[] = {
		{ jwk_canonical(a), jwk_thumbprint(b),
		    "the account's key does not have its thumbprint" },
		{ jwk_canonical(b), jwk_thumbprint(a),
		    "the account's key does not have its thumbprint" },
		{ jwk_canonical(a), "",
		    "the account's key does not have its thumbprint" },
		{ jwk_canonical(b), jwk_thumbprint(b),
		    "the stored request: JWS signature does not verify" },
		{ "", jwk_thumbprint(a),
		    "the account of the order: a stored account key cannot be "
		    "read" },
		{ "{\"kty\":\"EC\"}", jwk_thumbprint(a),
		    "the account of the order: a stored account key cannot be "
		    "read" },
	};
	struct order o = order;

	(void)state;
	o.csr_jws = client_jws(j, client_key("acct-es256-A"), GOOD, CSR);
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%zu", i);
		assert_int_equal(
		    verify_order(j, &o, rows[i].jwk, rows[i].thumbprint), -1);
		assert_job_error(j, ERR_UNAUTHORIZED, rows[i].error);
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_requests),
	cmocka_unit_test(test_signature),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_key),
};

UNIT_MAIN(tests)
