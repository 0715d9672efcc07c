#include "config.h"

#include "mail/dkim_key.h"

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/job.h"
#include "mail/dkim_keyring.h"
#include "mail/dkim_tags.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define RSA_BITS_MIN 1024 /* MA-35 */
#define RSA_BITS_MAX 8192
/* Every exponent in use fits; a long one only costs time (bounded work). */
#define RSA_EXPONENT_BITS_MAX 64
#define ED25519_LEN 32

const char *
dkim_key_algorithm(enum dkim_key_type t)
{
	return t == DKIM_KEY_RSA ? "rsa-sha256" : "ed25519-sha256";
}

const char *
dkim_key_type_name(enum dkim_key_type t)
{
	return t == DKIM_KEY_RSA ? "rsa" : "ed25519";
}

/* --- the record (MA-33) -------------------------------------------------- */

/* TXT RDATA is a row of strings with a length octet each; they are joined
 * without anything between. */
static int
join_strings(struct job *j, struct span rdata, struct span *out)
{
	char *p = arena_alloc(j->arena, rdata.n + 1);
	size_t n = 0;

	for (size_t at = 0; at < rdata.n;) {
		size_t len = (unsigned char)rdata.p[at++];

		if (len > rdata.n - at)
			return -1;
		memcpy(p + n, rdata.p + at, len);
		n += len;
		at += len;
	}
	*out = span_mem(p, n);
	return 0;
}

/* Looks for p= without asking whether the rest is in order, so that a broken
 * key record counts as one and a foreign record does not. */
static bool
has_key(struct span record)
{
	for (size_t at = 0; at < record.n;) {
		size_t end = span_find(record, at, ';');
		struct span element = span_cut(record, at, end);
		size_t equals = span_find(element, 0, '=');

		if (equals < element.n &&
		    span_eq_str(
			span_trim_fws(span_cut(element, 0, equals)), "p"))
			return true;
		at = end + 1;
	}
	return false;
}

int
dkim_key_find(struct job *j, const struct dns_answer *a, struct span *record,
    struct finding *f)
{
	size_t found = 0;

	for (size_t i = 0; i < a->count; i++) {
		struct span text;

		if (join_strings(j, a->rdata[i], &text) < 0)
			return finding_set(f, FINDING_SKIP, "key.syntax",
			    "the TXT record is not a row of strings");
		if (!has_key(text))
			continue;
		found++;
		*record = text;
	}
	if (found == 0)
		return finding_set(f, FINDING_SKIP, "key.none",
		    "no TXT record at the selector has a p= tag");
	if (found > 1)
		return finding_set(f, FINDING_SKIP, "key.multiple",
		    "%zu key records at the selector", found);
	if (record->n > DKIM_RECORD_MAX)
		return finding_set(f, FINDING_SKIP, "key.too-large",
		    "a key record of %zu octets (at most %d)", record->n,
		    DKIM_RECORD_MAX);
	return 0;
}

/* --- tags (MA-34, MA-36) ------------------------------------------------- */

static int
check_version(const struct dkim_tags *t, struct finding *f)
{
	const struct dkim_tag *v = dkim_tags_get(t, "v");

	if (v == NULL || (v == &t->tags[0] && span_eq_str(v->value, "DKIM1")))
		return 0;
	return finding_set(f, FINDING_SKIP, "key.version",
	    "v= of the key record must be DKIM1 and stand first");
}

static int
check_type(
    const struct dkim_tags *t, enum dkim_key_type want, struct finding *f)
{
	const struct dkim_tag *k = dkim_tags_get(t, "k");

	if (k == NULL ? want == DKIM_KEY_RSA
		      : span_eq_str(k->value, dkim_key_type_name(want)))
		return 0;
	return finding_set(f, FINDING_SKIP, "key.type",
	    "k= of the key record does not fit %s", dkim_key_algorithm(want));
}

/* h= and s= limit what a key is for; absent is no limit. */
static int
check_uses(const struct dkim_tags *t, struct finding *f)
{
	const struct dkim_tag *h = dkim_tags_get(t, "h");
	const struct dkim_tag *s = dkim_tags_get(t, "s");

	if (h != NULL && !dkim_list_has(h->value, "sha256"))
		return finding_set(f, FINDING_SKIP, "key.hash",
		    "h= of the key record does not allow sha256");
	if (s != NULL && !dkim_list_has(s->value, "*") &&
	    !dkim_list_has(s->value, "email"))
		return finding_set(f, FINDING_SKIP, "key.service",
		    "s= of the key record does not allow email");
	return 0;
}

static void
read_flags(const struct dkim_tags *t, struct dkim_key *out)
{
	const struct dkim_tag *flags = dkim_tags_get(t, "t");

	if (flags == NULL)
		return;
	out->is_testing = dkim_list_has(flags->value, "y");
	out->is_strict = dkim_list_has(flags->value, "s");
}

/* --- keys (MA-35) -------------------------------------------------------- */

static void
pkey_release(void *pkey)
{
	EVP_PKEY_free(pkey);
}

static EVP_PKEY *
pkey_own(struct job *j, EVP_PKEY *pkey)
{
	if (pkey != NULL)
		arena_own(j->arena, pkey, pkey_release);
	return pkey;
}

/*
 * SubjectPublicKeyInfo or a bare RSAPublicKey; NULL if it is neither, or has
 * octets after its end.
 */
static EVP_PKEY *
rsa_decode(struct job *j, struct span der)
{
	const unsigned char *begin = (const unsigned char *)der.p;
	const unsigned char *p = begin;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)der.n);

	if (pkey == NULL) {
		p = begin;
		pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)der.n);
	}
	pkey = pkey_own(j, pkey);
	return p == begin + der.n ? pkey : NULL;
}

/* OpenSSL does not look behind the RSAPublicKey inside the BIT STRING.  So
 * what it read must be, octet for octet, how the input ends. */
static bool
rsa_is_whole(EVP_PKEY *pkey, struct span der)
{
	unsigned char *encoded = NULL;
	int n = i2d_PublicKey(pkey, &encoded);
	bool whole =
	    n > 0 && span_ends(der, span_mem(encoded, n > 0 ? (size_t)n : 0));

	OPENSSL_free(encoded);
	return whole;
}

/* Odd modulus, odd exponent over 1 and not absurdly long. */
static bool
rsa_is_sane(EVP_PKEY *pkey)
{
	BIGNUM *n = NULL, *e = NULL;
	bool sane = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) &&
		    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) &&
		    BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e) &&
		    BN_num_bits(e) <= RSA_EXPONENT_BITS_MAX;

	BN_free(n);
	BN_free(e);
	return sane;
}

static EVP_PKEY *
rsa_read(struct job *j, struct span der)
{
	EVP_PKEY *pkey = rsa_decode(j, der);

	ERR_clear_error(); /* of the form that it was not */
	if (pkey == NULL || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA ||
	    !rsa_is_whole(pkey, der))
		return NULL;
	return pkey;
}

/*
 * OpenSSL answers alike for bad input and for want of memory (MA-28).  So
 * where it says no, it is asked something to which the answer is yes: here, a
 * well-formed key of 64 bits.
 */
static bool
rsa_reading_works(struct job *j)
{
	static const char der[] =
	    "\x30\x24\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
	    "\x05\x00\x03\x13\x00\x30\x10\x02\x09\x00\xc1\xc1\xc1\xc1\xc1"
	    "\xc1\xc1\xc1\x02\x03\x01\x00\x01";
	EVP_PKEY *pkey = rsa_read(j, span_mem(der, sizeof(der) - 1));

	return pkey != NULL && rsa_is_sane(pkey);
}

static int
bad_rsa(struct job *j, struct finding *f, const char *why)
{
	if (!rsa_reading_works(j))
		return finding_set(f, FINDING_DEFER, "dkim.internal",
		    "the crypto library could not read an RSA key");
	return finding_set(f, FINDING_SKIP, "key.encoding", "%s", why);
}

static void
ctx_release(void *ctx)
{
	EVP_PKEY_CTX_free(ctx);
}

static EVP_PKEY_CTX *
ctx_own(struct job *j, EVP_PKEY_CTX *ctx)
{
	if (ctx != NULL)
		arena_own(j->arena, ctx, ctx_release);
	return ctx;
}

/* PKCS #1 v1.5 with SHA-256; NULL if that could not be made ready. */
static EVP_PKEY_CTX *
rsa_verifier(struct job *j, EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = ctx_own(j, EVP_PKEY_CTX_new(pkey, NULL));

	if (ctx != NULL && EVP_PKEY_verify_init(ctx) > 0 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0)
		return ctx;
	ERR_clear_error();
	return NULL;
}

static int
rsa_check(struct job *j, EVP_PKEY *pkey, struct finding *f)
{
	int bits = EVP_PKEY_get_bits(pkey);

	if (bits < RSA_BITS_MIN)
		return finding_set(f, FINDING_SKIP, "key.too-small",
		    "an RSA key of %d bits (at least %d)", bits, RSA_BITS_MIN);
	if (bits > RSA_BITS_MAX)
		return finding_set(f, FINDING_SKIP, "key.too-large",
		    "an RSA key of %d bits (at most %d)", bits, RSA_BITS_MAX);
	if (!rsa_is_sane(pkey))
		return bad_rsa(
		    j, f, "the RSA modulus or exponent cannot be one");
	return 0;
}

static int
rsa_parse(struct job *j, struct dkim_key *out, struct finding *f)
{
	EVP_PKEY *pkey = rsa_read(j, out->public_key);

	if (pkey == NULL)
		return bad_rsa(j, f, "p= is no RSA public key in DER");
	if (rsa_check(j, pkey, f) < 0)
		return -1;
	out->verifier = rsa_verifier(j, pkey);
	if (out->verifier == NULL)
		return finding_set(f, FINDING_DEFER, "dkim.internal",
		    "the crypto library did not take an RSA key");
	out->pkey = pkey;
	out->bits = (unsigned)EVP_PKEY_get_bits(pkey);
	out->signature_len = ((size_t)out->bits + 7) / 8;
	return 0;
}

/*
 * The y coordinates of the points of small order, with which a signature can
 * be made that fits many messages; OpenSSL accepts them.
 */
static const uint8_t small_order[][ED25519_LEN] = {
	{ 0x00 },
	{ 0x01 },
	{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
	    0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
	    0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
	{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
	    0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
	    0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
	{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
};

/* y >= 2^255 - 19: a second spelling of a small y. */
static bool
is_unreduced(const uint8_t y[ED25519_LEN])
{
	if (y[0] < 0xed || y[ED25519_LEN - 1] != 0x7f)
		return false;
	for (size_t i = 1; i < ED25519_LEN - 1; i++) {
		if (y[i] != 0xff)
			return false;
	}
	return true;
}

static bool
ed25519_is_safe(struct span key)
{
	uint8_t y[ED25519_LEN];

	memcpy(y, key.p, sizeof(y));
	y[ED25519_LEN - 1] &= 0x7f; /* the sign of x */
	if (is_unreduced(y))
		return false;
	for (size_t i = 0; i < COUNT(small_order); i++) {
		if (memcmp(y, small_order[i], sizeof(y)) == 0)
			return false;
	}
	return true;
}

static int
ed25519_parse(struct job *j, struct dkim_key *out, struct finding *f)
{
	if (out->public_key.n != ED25519_LEN)
		return finding_set(f, FINDING_SKIP, "key.encoding",
		    "p= is no Ed25519 key: %zu octets (must be %d)",
		    out->public_key.n, ED25519_LEN);
	if (!ed25519_is_safe(out->public_key))
		return finding_set(f, FINDING_SKIP, "key.encoding",
		    "p= is no safe Ed25519 key");
	out->pkey = pkey_own(
	    j, EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
		   (const unsigned char *)out->public_key.p, ED25519_LEN));
	if (out->pkey == NULL)
		return finding_set(f, FINDING_DEFER, "dkim.internal",
		    "the crypto library did not take an Ed25519 key");
	out->bits = 256;
	out->signature_len = 64;
	return 0;
}

static int
record_parse(
    struct job *j, struct span record, struct dkim_key *out, struct finding *f)
{
	struct dkim_tags tags;
	const struct dkim_tag *p;

	/* UTF-8 is for the signature's field alone (RFC 8616 4). */
	if (!span_is_ascii(record))
		return finding_set(f, FINDING_SKIP, "key.syntax",
		    "the key record has octets that are not ASCII");
	if (dkim_tags_parse(record, &tags) != DKIM_TAGS_OK ||
	    (p = dkim_tags_get(&tags, "p")) == NULL)
		return finding_set(f, FINDING_SKIP, "key.syntax",
		    "the key record is no list of tags, each once, with p=");
	if (check_version(&tags, f) < 0 ||
	    check_type(&tags, out->type, f) < 0 || check_uses(&tags, f) < 0)
		return -1;
	read_flags(&tags, out);
	if (p->value.n == 0)
		return finding_set(f, FINDING_SKIP, "key.revoked",
		    "the key was revoked (p= is empty)");
	if (b64_parse_fws(j->arena, p->value, &out->public_key) < 0 ||
	    out->public_key.n > DKIM_RECORD_MAX)
		return finding_set(
		    f, FINDING_SKIP, "key.encoding", "p= is not base64");
	return out->type == DKIM_KEY_RSA ? rsa_parse(j, out, f)
					 : ed25519_parse(j, out, f);
}

int
dkim_key_parse(struct job *j, struct span record, enum dkim_key_type want,
    struct dkim_key *out, struct finding *f)
{
	if (want == DKIM_KEY_RSA && dkim_keyring_get(j->arena, record, out))
		return 0;
	*out = (struct dkim_key){ .type = want };
	if (record_parse(j, record, out, f) < 0)
		return -1;
	(void)snprintf(out->words, sizeof(out->words), "%s, %u bits",
	    dkim_key_algorithm(want), out->bits);
	if (want == DKIM_KEY_RSA)
		dkim_keyring_put(record, out);
	return 0;
}

/* --- signatures (MA-27, MA-28) ------------------------------------------- */

/* RFC 8463 3: the message that is signed is the hash. */
static int
ed25519_verify(EVP_PKEY *pkey, struct span message, struct span signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = -1;

	if (ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) > 0)
		rc = EVP_DigestVerify(ctx, (const unsigned char *)signature.p,
		    signature.n, (const unsigned char *)message.p, message.n);
	EVP_MD_CTX_free(ctx);
	return rc;
}

/* What goes wrong on the way of an RSA verification leaves traces in OpenSSL's
 * queue of errors (MA-28). */
static bool
has_internal_error(void)
{
	unsigned long e;

	while ((e = ERR_get_error()) != 0) {
		int reason = ERR_GET_REASON(e);

		if (ERR_SYSTEM_ERROR(e) || ERR_FATAL_ERROR(e) ||
		    reason == ERR_R_MALLOC_FAILURE)
			return true;
	}
	return false;
}

/* Emptying an empty queue costs more than a look at it. */
static void
clear_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

/* Ed25519 leaves none: the first test of RFC 8032 7.1 must verify. */
static bool
ed25519_works(void)
{
	static const unsigned char key[32] = { 0xd7, 0x5a, 0x98, 0x01, 0x82,
		0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07,
		0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf,
		0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a };
	static const char value[] =
	    "\xe5\x56\x43\x00\xc3\x60\xac\x72\x90\x86\xe2\xcc\x80\x6e\x82"
	    "\x8a\x84\x87\x7f\x1e\xb8\xe5\xd9\x74\xd8\x73\xe0\x65\x22\x49"
	    "\x01\x55\x5f\xb8\x82\x15\x90\xa3\x3b\xac\xc6\x1e\x39\x70\x1c"
	    "\xf9\xb4\x6b\xd2\x5b\xf5\xf0\x59\x5b\xbe\x24\x65\x51\x41\x43"
	    "\x8e\x7a\x10\x0b";
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, key, sizeof(key));
	bool works =
	    pkey != NULL && ed25519_verify(pkey, SPAN(""),
				span_mem(value, sizeof(value) - 1)) == 1;

	EVP_PKEY_free(pkey);
	return works;
}

/* 1 good, 0 bad, else could not be computed. */
static int
verify(const struct dkim_key *k, const uint8_t hash[32], struct span signature)
{
	int rc;

	if (k->type == DKIM_KEY_RSA) {
		rc = EVP_PKEY_verify(k->verifier,
		    (const unsigned char *)signature.p, signature.n, hash, 32);
		return rc == 0 && has_internal_error() ? -1 : rc;
	}
	rc = ed25519_verify(k->pkey, span_mem(hash, 32), signature);
	return rc == 0 && !ed25519_works() ? -1 : rc;
}

enum dkim_key_verdict
dkim_key_verify(
    const struct dkim_key *k, const uint8_t hash[32], struct span signature)
{
	int rc;

	clear_errors();
	rc = verify(k, hash, signature);
	if (rc == 1)
		return DKIM_KEY_GOOD;
	clear_errors();
	return rc == 0 ? DKIM_KEY_BAD : DKIM_KEY_FAILED;
}
