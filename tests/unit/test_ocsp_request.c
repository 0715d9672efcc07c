/*
 * OCSP requests as OpenSSL writes them and as nobody should: PK-166, PK-167,
 * PK-171, PK-173.
 */
#include "config.h"

#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#include <openssl/ocsp.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/rnd.h"
#include "pki/der.h"
#include "pki/ocsp_answer.h"
#include "pki/responder.h"

#define SERIAL SPAN("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c")

/* OpenSSL's request for `count` numbers that begin with `serial`. */
static struct span
request(
    struct job *j, const EVP_MD *md, struct span serial, int count, bool nonce)
{
	OCSP_REQUEST *r = OCSP_REQUEST_new();
	X509 *ca = lab_ca("p256")->certificate;
	BIGNUM *bn =
	    BN_bin2bn((const unsigned char *)serial.p, (int)serial.n, NULL);
	unsigned char *der = NULL;

	for (int i = 0; i < count; i++) {
		ASN1_INTEGER *n = BN_to_ASN1_INTEGER(bn, NULL);
		OCSP_CERTID *id = OCSP_cert_id_new(md,
		    X509_get_subject_name(ca), X509_get0_pubkey_bitstr(ca), n);

		assert_non_null(OCSP_request_add0_id(r, id));
		ASN1_INTEGER_free(n);
		BN_add_word(bn, 1);
	}
	if (nonce)
		assert_int_equal(OCSP_request_add1_nonce(r, NULL, -1), 1);
	int len = i2d_OCSP_REQUEST(r, &der);
	assert_true(len > 0);
	struct span out =
	    span_mem(arena_memdup(j->arena, der, (size_t)len), (size_t)len);
	OPENSSL_free(der);
	BN_free(bn);
	OCSP_REQUEST_free(r);
	return out;
}

/* PK-167: both hashes, of name and key; PK-173: a nonce is passed over. */
static void
test_openssl(void **state)
{
	struct job *j = lab_job();
	const struct ca *other = lab_ca("p384");
	struct ocsp_ca ours, theirs;
	struct ocsp_request r;
	(void)state;

	assert_int_equal(responder_ca(j, lab_ca("p256"), &ours), 0);
	assert_int_equal(responder_ca(j, other, &theirs), 0);
	for (int i = 0; i < 4; i++) {
		bool sha256 = i % 2 == 1;

		assert_int_equal(
		    ocsp_request_parse(
			request(j, sha256 ? EVP_sha256() : EVP_sha1(), SERIAL,
			    1, i >= 2),
			&r),
		    0);
		assert_int_equal(r.count, 1);
		assert_int_equal(
		    r.certs[0].hash, sha256 ? OCSP_SHA256 : OCSP_SHA1);
		assert_true(span_eq(r.certs[0].serial, SERIAL));
		assert_true(ocsp_ca_is(&ours, &r.certs[0]));
		assert_false(ocsp_ca_is(&theirs, &r.certs[0]));
		/* the right name hash with the wrong key hash */
		r.certs[0].key_hash = sha256 ? span_mem(theirs.key_sha256, 32)
					     : span_mem(theirs.key_sha1, 20);
		assert_false(ocsp_ca_is(&ours, &r.certs[0]));
	}
	assert_int_equal(
	    ocsp_request_parse(request(j, EVP_sha512(), SERIAL, 1, false), &r),
	    0);
	assert_int_equal(r.certs[0].hash, OCSP_HASH_OTHER);
	assert_false(ocsp_ca_is(&ours, &r.certs[0]));
	assert_int_equal(
	    ocsp_request_parse(request(j, EVP_sha1(), SERIAL, 9, false), &r),
	    0);
	assert_int_equal(r.count, 9);
}

/* A request with these octets as the value of a nonce, `copies` times. */
static struct ocsp_request
with_nonce(struct job *j, struct span value, int copies, int critical)
{
	OCSP_REQUEST *r = OCSP_REQUEST_new();
	const struct ca *ca = lab_ca("p256");
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	struct ocsp_request out;
	unsigned char *der = NULL;

	ASN1_INTEGER_set(n, 77);
	OCSP_request_add0_id(r,
	    OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(ca->certificate),
		X509_get0_pubkey_bitstr(ca->certificate), n));
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(
	    octets, (const unsigned char *)value.p, (int)value.n);
	for (int i = 0; i < copies; i++) {
		X509_EXTENSION *e = X509_EXTENSION_create_by_NID(
		    NULL, NID_id_pkix_OCSP_Nonce, critical, octets);

		OCSP_REQUEST_add_ext(r, e, -1);
		X509_EXTENSION_free(e);
	}
	int len = i2d_OCSP_REQUEST(r, &der);
	assert_int_equal(
	    ocsp_request_parse(
		span_mem(arena_memdup(j->arena, der, (size_t)len), (size_t)len),
		&out),
	    0);
	OPENSSL_free(der);
	ASN1_OCTET_STRING_free(octets);
	ASN1_INTEGER_free(n);
	OCSP_REQUEST_free(r);
	return out;
}

/* PK-173: what is a nonce; the octets inside are read strictly, and it is the
 * business of who answers with it that it is none. */
static void
test_nonce(void **state)
{
	static const struct {
		size_t n;
		enum ocsp_nonce is;
	} lengths[] = { { 0, OCSP_NONCE_BAD }, { 1, OCSP_NONCE_GOOD },
		{ 15, OCSP_NONCE_GOOD }, { 16, OCSP_NONCE_GOOD },
		{ 32, OCSP_NONCE_GOOD }, { 128, OCSP_NONCE_GOOD },
		{ 129, OCSP_NONCE_BAD } };
	struct job *j = lab_job();
	struct ocsp_request r;
	(void)state;

	for (size_t i = 0; i < COUNT(lengths); i++) {
		char nonce[OCSP_NONCE_MAX + 1];
		struct buf b;

		unit_case("%zu octets", lengths[i].n);
		memset(nonce, 'n', sizeof(nonce));
		buf_init(&b, j->arena, 200);
		der_add(&b, DER_OCTET_STRING, span_mem(nonce, lengths[i].n));
		for (int critical = 0; critical < 2; critical++) {
			r = with_nonce(j, buf_span(&b), 1, critical);
			assert_int_equal(r.nonce_is, lengths[i].is);
			assert_int_equal(r.nonce.n,
			    lengths[i].is == OCSP_NONCE_GOOD ? lengths[i].n
							     : 0);
		}
	}
	/* twice; bare octets; something behind; another type; a longer form
	 * of the length */
	r = with_nonce(j, SPAN("\x04\x01n"), 2, 0);
	assert_int_equal(r.nonce_is, OCSP_NONCE_BAD);
	assert_int_equal(r.nonce.n, 0);
	static const struct span bad[] = { SPAN_INIT("n"), SPAN_INIT(""),
		SPAN_INIT("\x04\x01n\x05\x00"), SPAN_INIT("\x0c\x01n"),
		SPAN_INIT("\x04\x81\x01n"), SPAN_INIT("\x04\x02n") };
	for (size_t i = 0; i < COUNT(bad); i++) {
		unit_case("value %zu", i);
		r = with_nonce(j, bad[i], 1, 0);
		assert_int_equal(r.nonce_is, OCSP_NONCE_BAD);
	}
}

/* PK-171: cut anywhere, or with anything behind it, it is malformed. */
static void
test_broken(void **state)
{
	struct job *j = lab_job();
	struct span good = request(j, EVP_sha256(), SERIAL, 2, true);
	struct ocsp_request r;
	(void)state;

	for (size_t n = 0; n < good.n; n++) {
		unit_case("%zu octets", n);
		assert_int_equal(
		    ocsp_request_parse(span_cut(good, 0, n), &r), -1);
	}
	assert_int_equal(
	    ocsp_request_parse(lab_join(j, good, SPAN("\0")), &r), -1);
	assert_int_equal(ocsp_request_parse(SPAN("\x30\x00"), &r), -1);
	/* no request in the list */
	assert_int_equal(
	    ocsp_request_parse(SPAN("\x30\x04\x30\x02\x30\x00"), &r), -1);
	/* PK-170, PK-171: a negative number is one that was never issued; one
	 * with an octet too many is not DER */
	struct span other =
	    lab_copy(j, request(j, EVP_sha1(), SERIAL, 1, false));
	size_t at = span_find_span(other, 0, SERIAL);
	char *octets = arena_memdup(j->arena, other.p, other.n);
	octets[at] = (char)0x81;
	assert_int_equal(ocsp_request_parse(span_mem(octets, other.n), &r), 0);
	assert_int_equal(r.certs[0].serial.n, SERIAL.n);
	octets[at] = octets[at + 1] = 0;
	assert_int_equal(ocsp_request_parse(span_mem(octets, other.n), &r), -1);
}

static const char *
escaped(struct job *j, const char *text, const char *what)
{
	struct buf b;

	buf_init(&b, j->arena, 4096);
	for (; *text != '\0'; text++)
		if (strchr(what, *text) != NULL)
			buf_addf(&b, "%%%02x", (unsigned char)*text);
		else
			buf_add_char(&b, *text);
	return b.p;
}

static const char *
collapsed(struct job *j, const char *text)
{
	struct buf b;

	buf_init(&b, j->arena, 4096);
	for (; *text != '\0'; text++)
		if (text[0] != '/' || text[1] != '/')
			buf_add_char(&b, *text);
	return b.p;
}

static bool
is_number(void *ctx, const struct ocsp_request *r)
{
	const struct span *serial = ctx;

	return r->count == 1 && span_eq(r->certs[0].serial, *serial);
}

/* PK-166: a thousand numbers; bare, escaped, as a proxy that merges slashes
 * leaves them, and behind a URL that ends with a slash. */
static void
test_path(void **state)
{
	struct job *j = lab_job();
	unsigned with_slash = 0, with_plus = 0, padded[3] = { 0 }, merged = 0;
	(void)state;

	for (int i = 0; i < 1000; i++) {
		struct ocsp_request r;
		uint8_t serial[17];
		/* of each length modulo 3, so that base64 ends in each way */
		struct span der, wanted = span_mem(serial, 15 + (size_t)i % 3);
		struct buf b;

		rnd_bytes(serial, sizeof(serial));
		serial[0] = 1;
		if (i % 4 == 0) /* "//" somewhere */
			memset(serial + 4, 0xff, 2);
		der = request(j, EVP_sha1(), wanted, 1, false);
		buf_init(&b, j->arena, 4096);
		b64_add(&b, der);
		const char *forms[] = { b.p, escaped(j, b.p, "/+="),
			escaped(j, b.p, "/"), escaped(j, b.p, "+="),
			collapsed(j, b.p), arena_printf(j->arena, "/%s", b.p) };
		with_slash += strchr(b.p, '/') != NULL;
		with_plus += strchr(b.p, '+') != NULL;
		padded[strcspn(b.p, "=") - (b.n - 2)]++;
		for (size_t f = 0; f < 6; f++) {
			size_t lost = strlen(b.p) - strlen(forms[4]);

			/* More than that is not tried. */
			if (f == 4 && lost > 2)
				continue;
			merged += f == 4 && lost > 0;
			unit_case("%s", forms[f]);
			assert_int_equal(
			    ocsp_request_from_path(j->arena, span_str(forms[f]),
				is_number, &wanted, &r),
			    0);
			assert_true(span_eq(r.certs[0].serial, wanted));
		}
	}
	assert_true(with_slash > 300 && with_plus > 300 && merged > 10);
	/* "==", "=" and neither */
	for (size_t i = 0; i < 3; i++)
		assert_true(padded[i] > 300);
}

static void
test_bad_path(void **state)
{
	static const char *const bad[] = { "", "A", "%", "%4", "%zz", "AAAA",
		"////////////////////////////////////////", "MA==", " ", "MA" };
	struct job *j = lab_job();
	struct ocsp_request r;
	struct span none = { NULL, 0 };
	(void)state;

	for (size_t i = 0; i < COUNT(bad); i++) {
		unit_case("%s", bad[i]);
		assert_int_equal(ocsp_request_from_path(j->arena,
				     span_str(bad[i]), is_number, &none, &r),
		    -1);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_openssl),
	cmocka_unit_test(test_nonce),
	cmocka_unit_test(test_broken),
	cmocka_unit_test(test_path),
	cmocka_unit_test(test_bad_path),
};
UNIT_MAIN(tests)
