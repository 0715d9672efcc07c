/* AC-23 to AC-46: syntax and signature; the order of all checks and the
 * vectors as whole requests are in test_acme.c. */
#include "config.h"

#include "tests/unit/unit.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>
#include <string.h>

#include "acme/jwk.h"
#include "acme/jws.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/json.h"
#include "tests/unit/acme_signer.h"
#include "tests/unit/vectors.h"

#define HEADER                                                                 \
	"{\"alg\":\"ES256\",\"kid\":\"k\",\"nonce\":\"AA\",\"url\":\"u\"}"

static struct span
body_with(struct job *j, const char *header)
{
	struct buf b;

	buf_init(&b, j->arena, 10000);
	buf_add_str(&b, "{\"protected\":\"");
	b64url_add(&b, span_str(header));
	buf_add_str(&b, "\",\"payload\":\"e30\",\"signature\":\"AAAA\"}");
	return buf_span(&b);
}

/* AC-23 to AC-31: the flattened serialization and nothing else. */
static void
test_body(void **state)
{
	static const struct {
		const char *body;
		const char *error;
	} rows[] = {
		{ "", "request body is not a flattened JWS" },
		{ "{}", "JWS member protected is missing" },
		{ "{\"payload\":\"\",\"signature\":\"\"}",
		    "JWS member protected is missing" },
		{ "{\"protected\":\"\",\"signature\":\"\"}",
		    "JWS member payload is missing" },
		{ "{\"protected\":\"\",\"payload\":\"\"}",
		    "JWS member signature is missing" },
		{ "{\"protected\":\"\",\"payload\":null,\"signature\":\"\"}",
		    "JWS member payload is missing" },
		{ "{\"header\":{},\"protected\":\"\",\"payload\":\"\","
		  "\"signature\":\"\"}",
		    "unprotected JWS headers are not allowed" },
		{ "{\"header\":null}",
		    "unprotected JWS headers are not allowed" },
		{ "{\"signatures\":[]}", "only one signature is allowed" },
		{ "{\"protected\":\"AA==\",\"payload\":\"\","
		  "\"signature\":\"\"}",
		    "protected is not valid base64url" },
		{ "{\"protected\":\"A\",\"payload\":\"\",\"signature\":\"\"}",
		    "protected is not valid base64url" },
		{ "{\"protected\":\"AB\",\"payload\":\"\",\"signature\":\"\"}",
		    "protected is not valid base64url" },
		{ "{\"protected\":\"AA\",\"payload\":\"+w\","
		  "\"signature\":\"\"}",
		    "payload is not valid base64url" },
		{ "{\"protected\":\"AA\",\"payload\":\"\","
		  "\"signature\":\"A A\"}",
		    "signature is not valid base64url" },
		{ "{\"protected\":\"\",\"payload\":\"\",\"signature\":\"\"}",
		    "protected header is not a JSON object" },
		{ "{\"protected\":\"W10\",\"payload\":\"\","
		  "\"signature\":\"\"}",
		    "protected header is not a JSON object" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jws jws;

		unit_case("%s", rows[i].body);
		job_recover(j);
		assert_int_equal(
		    jws_parse(j, span_str(rows[i].body), &jws), -1);
		assert_job_error(j, ERR_MALFORMED, rows[i].error);
	}
}

/* AC-33 to AC-36 */
static void
test_header(void **state)
{
	static const struct {
		const char *header;
		const char *error; /* NULL: accepted */
	} rows[] = {
		{ HEADER, NULL },
		{ " {\r\n\"url\" : \"u\" ,\t\"kid\":\"k\",\"alg\":\"x\"} ",
		    NULL },
		{ "{\"alg\":\"a\",\"url\":\"u\",\"jwk\":{}}", NULL },
		{ "{\"alg\":\"a\",\"url\":\"u\",\"kid\":\"k\","
		  "\"jku\":\"https://evil.example/\",\"x5u\":1,\"x5c\":[],"
		  "\"x5t\":\"\",\"typ\":\"\",\"cty\":\"\"}",
		    NULL },
		{ "{\"alg\":\"a\",\"url\":\"u\",\"kid\":\"k\",\"crit\":[]}",
		    "critical header parameters are not supported" },
		{ "{\"alg\":\"a\",\"url\":\"u\",\"kid\":\"k\",\"crit\":null}",
		    "critical header parameters are not supported" },
		{ "{\"alg\":\"a\",\"url\":\"u\",\"kid\":\"k\",\"b64\":true}",
		    "the unencoded payload option is not allowed" },
		{ "{\"url\":\"u\",\"kid\":\"k\"}",
		    "protected header lacks alg" },
		{ "{\"alg\":null,\"url\":\"u\",\"kid\":\"k\"}",
		    "protected header lacks alg" },
		{ "{\"alg\":\"a\",\"kid\":\"k\"}",
		    "protected header lacks url" },
		{ "{\"alg\":\"a\",\"url\":\"u\"}",
		    "protected header lacks jwk or kid" },
		{ "{\"alg\":\"a\",\"url\":\"u\",\"kid\":\"k\",\"jwk\":{}}",
		    "jwk and kid exclude each other" },
		{ "{\"alg\":\"a\",\"url\":\"u\",\"kid\":\"k\",\"jwk\":null}",
		    "jwk and kid exclude each other" },
		{ "{\"alg\":\"a\",\"url\":\"u\",\"jwk\":\"k\"}",
		    "jwk must be an object" },
		{ "{\"alg\":\"a\",\"url\":\"u\",\"kid\":1}",
		    "kid must be a string" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct jws jws;
		int result;

		unit_case("%s", rows[i].header);
		job_recover(j);
		result = jws_parse(j, body_with(j, rows[i].header), &jws);
		assert_int_equal(result, rows[i].error == NULL ? 0 : -1);
		if (rows[i].error != NULL)
			assert_job_error(j, ERR_MALFORMED, rows[i].error);
	}
}

/* A required parameter of another type is refused, whatever it is. */
static void
test_header_types(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":1,\"url\":\"u\",\"kid\":\"k\"}",
		"{\"alg\":{},\"url\":\"u\",\"kid\":\"k\"}",
		"{\"alg\":\"a\",\"url\":[],\"kid\":\"k\"}",
		"{\"alg\":\"a\",\"url\":\"u\",\"kid\":null}",
		"{\"alg\":\"a\",\"alg\":\"a\",\"url\":\"u\",\"kid\":\"k\"}",
		"{\"alg\":\"a\",\"\\u0061lg\":\"a\",\"kid\":\"k\"}",
		"{\"alg\":\"a\\u0000\",\"url\":\"u\",\"kid\":\"k\"}",
		"{\"alg\":\"a\",\"url\":\"u\",\"kid\":\"k\"}x",
		"\xef\xbb\xbf{\"alg\":\"a\",\"url\":\"u\",\"kid\":\"k\"}",
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++) {
		struct jws jws;

		unit_case("%s", headers[i]);
		job_recover(j);
		assert_int_equal(
		    jws_parse(j, body_with(j, headers[i]), &jws), -1);
		assert_job_error(j, ERR_MALFORMED, NULL);
	}
}

static void
test_cut(void **state)
{
	struct job *j = unit_job();
	struct span body = body_with(j, HEADER);
	struct jws jws;

	(void)state;
	for (size_t n = 0; n < body.n; n++) {
		job_recover(j);
		unit_case("%zu octets", n);
		assert_int_equal(jws_parse(j, span_cut(body, 0, n), &jws), -1);
		assert_job_error(j, ERR_MALFORMED, NULL);
	}
	job_recover(j);
	assert_int_equal(jws_parse(j, body, &jws), 0);
	assert_span_equal(jws.payload, "{}");
	assert_span_equal(jws.kid, "k");
	assert_int_equal(jws.signature.n, 3);
	assert_int_equal(jws_check_algorithm(j, NULL, &jws), 0);
	jws.alg = SPAN("none");
	assert_int_equal(jws_check_algorithm(j, NULL, &jws), -1);
	assert_job_error(
	    j, ERR_BAD_SIGNATURE_ALGORITHM, "algorithm none is not supported");
}

/* --- signatures ---------------------------------------------------------- */

static const struct jwk *
public_key(struct job *j, const struct client_key *key)
{
	const struct json *object;
	const struct jwk *k;

	assert_int_equal(
	    json_parse_object(j, span_str(key->jwk), "jwk", &object), 0);
	assert_int_equal(jwk_parse(j, object, span_str(key->alg), &k), 0);
	return k;
}

static const char *const signers[] = { "acct-es256-A", "acct-es384",
	"acct-es512", "acct-ed25519", "acct-rs256" };
#define SIGNERS COUNT(signers)

/* AC-39, AC-45: each key's own signature; no length but the right one; no
 * bit may change; no other key's. */
static void
test_signatures(void **state)
{
	struct job *j = unit_job();
	struct span message = SPAN("protected.payload");

	(void)state;
	for (size_t i = 0; i < SIGNERS; i++) {
		const struct client_key *key = client_key(signers[i]);
		const struct jwk *k = public_key(j, key);
		struct span sig = client_sign(j, key, message);
		char *copy = arena_alloc(j->arena, sig.n + 2);

		unit_case("%s", signers[i]);
		memcpy(copy, sig.p, sig.n);
		assert_true(jws_signature_is_valid(k, message, sig));
		assert_false(
		    jws_signature_is_valid(k, SPAN("protected.payloae"), sig));
		for (size_t n = 0; n < sig.n; n++)
			assert_false(jws_signature_is_valid(
			    k, message, span_cut(sig, 0, n)));
		assert_false(jws_signature_is_valid(
		    k, message, span_mem(copy, sig.n + 1)));
		for (size_t n = 0; n < sig.n; n += 7) {
			copy[n] ^= 1;
			assert_false(jws_signature_is_valid(
			    k, message, span_mem(copy, sig.n)));
			copy[n] ^= 1;
		}
		for (size_t o = 0; o < SIGNERS; o++) {
			if (o != i)
				assert_false(jws_signature_is_valid(
				    public_key(j, client_key(signers[o])),
				    message, sig));
		}
	}
}

/* r and s in 1 … n-1 (AC-45): 0 and n are refused in either place, n-1 goes
 * to the library, which says that it does not verify. */
static void
test_ec_range(void **state)
{
	static const int curves[] = { NID_X9_62_prime256v1, NID_secp384r1,
		NID_secp521r1 };
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct jwk *k = public_key(j, client_key(signers[i]));
		EC_GROUP *group = EC_GROUP_new_by_curve_name(curves[i]);
		unsigned char sig[132] = { 0 };
		int len = (EC_GROUP_order_bits(group) + 7) / 8;
		struct span all = span_mem(sig, 2 * (size_t)len);

		unit_case("%s", signers[i]);
		assert_false(jws_signature_is_valid(k, SPAN("x"), all));
		BN_bn2binpad(EC_GROUP_get0_order(group), sig, len);
		sig[2 * len - 1] = 1;
		assert_false(jws_signature_is_valid(k, SPAN("x"), all));
		memset(sig, 0, sizeof(sig));
		sig[len - 1] = 1;
		BN_bn2binpad(EC_GROUP_get0_order(group), sig + len, len);
		assert_false(jws_signature_is_valid(k, SPAN("x"), all));
		memset(sig, 0xff, sizeof(sig));
		assert_false(jws_signature_is_valid(k, SPAN("x"), all));
		EC_GROUP_free(group);
	}
}

/* Adds the little-endian number to the signature's S. */
static void
add(unsigned char *s, const unsigned char *number)
{
	unsigned carry = 0;

	for (int i = 0; i < 32; i++) {
		carry += (unsigned)s[i] + number[i];
		s[i] = (unsigned char)carry;
		carry >>= 8;
	}
}

/* S + order verifies with a sloppy library: one signature, two forms. */
static void
test_ed25519_range(void **state)
{
	static const unsigned char order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a,
		0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
		0x14, [31] = 0x10 };
	struct job *j = unit_job();
	const struct client_key *key = client_key("acct-ed25519");
	const struct jwk *k = public_key(j, key);
	struct span sig = client_sign(j, key, SPAN("x"));
	unsigned char copy[64];

	(void)state;
	memcpy(copy, sig.p, 64);
	assert_true(jws_signature_is_valid(k, SPAN("x"), span_mem(copy, 64)));
	for (int i = 0; i < 14; i++) {
		add(copy + 32, order);
		assert_false(
		    jws_signature_is_valid(k, SPAN("x"), span_mem(copy, 64)));
	}
}

/* AC-32: the received texts are signed, never a re-encoding. */
static void
test_signing_input(void **state)
{
	struct job *j = unit_job();
	const struct client_key *key = client_key("acct-es256-A");
	struct span body = client_jws(j, key,
	    " { \"url\" : \"u\", \"kid\":\"\\u006b\" ,\"alg\":\"ES256\" }", "");
	struct jws jws;

	(void)state;
	assert_int_equal(jws_parse(j, body, &jws), 0);
	assert_span_equal(jws.kid, "k");
	assert_int_equal(jws.payload.n, 0);
	assert_int_equal(jws_verify(j, &jws, public_key(j, key)), 0);
	assert_int_equal(
	    jws_verify(j, &jws, public_key(j, client_key("acct-es256-B"))), -1);
	assert_job_error(j, ERR_MALFORMED, "JWS signature does not verify");
}

/* AC-46: both forms of an ECDSA signature verify; the nonce is what tells
 * them apart (test_acme.c). */
static void
test_malleability(void **state)
{
	static const char *const names[] = { "original", "malleated" };
	struct job *j = unit_job();
	const struct jwk *k = public_key(j, client_key("acct-es256-A"));

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *text = json_dumps(
		    vectors_get(vectors_at("jws_malleability"), names[i]),
		    JSON_COMPACT);
		struct jws jws;

		assert_int_equal(jws_parse(j, span_str(text), &jws), 0);
		assert_int_equal(jws_verify(j, &jws, k), 0);
		free(text);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_body),
	cmocka_unit_test(test_header),
	cmocka_unit_test(test_header_types),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_signatures),
	cmocka_unit_test(test_ec_range),
	cmocka_unit_test(test_ed25519_range),
	cmocka_unit_test(test_signing_input),
	cmocka_unit_test(test_malleability),
};
UNIT_MAIN(tests)
