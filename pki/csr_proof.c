#include "config.h"

#include "pki/csr_proof.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/count.h"
#include "lib/job.h"
#include "pki/oid.h"
#include "pki/ossl.h"

struct proof {
	const char *digest; /* NULL: Ed25519, Ed448 */
	bool is_pss;
	int salt_len;
};

enum proof_family { OF_RSA, OF_EC, OF_ED25519, OF_ED448 };

static const struct {
	struct span oid;
	const char *name;
} digests[] = {
	{ { "\x60\x86\x48\x01\x65\x03\x04\x02\x01", 9 }, "SHA256" },
	{ { "\x60\x86\x48\x01\x65\x03\x04\x02\x02", 9 }, "SHA384" },
	{ { "\x60\x86\x48\x01\x65\x03\x04\x02\x03", 9 }, "SHA512" },
};

static const struct {
	struct span algorithm; /* AlgorithmIdentifier, or only its OID */
	enum proof_family family;
	const char *digest;
} proofs[] = {
	{ { "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
	      15 },
	    OF_RSA, "SHA256" },
	{ { "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00",
	      15 },
	    OF_RSA, "SHA384" },
	{ { "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00",
	      15 },
	    OF_RSA, "SHA512" },
	{ { "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12 }, OF_EC,
	    "SHA256" },
	{ { "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03", 12 }, OF_EC,
	    "SHA384" },
	{ { "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04", 12 }, OF_EC,
	    "SHA512" },
	{ { "\x30\x05\x06\x03\x2b\x65\x70", 7 }, OF_ED25519, NULL },
	{ { "\x30\x05\x06\x03\x2b\x65\x71", 7 }, OF_ED448, NULL },
};

/* MD2, MD5 and SHA-1 with RSA; SHA-1 with ECDSA and DSA. */
static bool
is_weak(struct span oid)
{
	const struct span weak[] = {
		SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02"),
		SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"),
		SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"),
		SPAN("\x2a\x86\x48\xce\x3d\x04\x01"),
		SPAN("\x2a\x86\x48\xce\x38\x04\x03"),
	};

	for (size_t i = 0; i < COUNT(weak); i++)
		if (span_eq(weak[i], oid))
			return true;
	return false;
}

/* AlgorithmIdentifier of a hash, with NULL or without (RFC 4055 2.1). */
static const char *
read_digest(struct span algorithm)
{
	struct der body;
	struct der oid;

	if (der_only(algorithm, DER_SEQUENCE, &body) < 0 ||
	    der_take(&body.body, DER_OID, &oid) < 0 ||
	    (body.body.n != 0 && !span_eq(body.body, span_mem("\x05\0", 2))))
		return NULL;
	for (size_t i = 0; i < COUNT(digests); i++) {
		if (span_eq(digests[i].oid, oid.body))
			return digests[i].name;
	}
	return NULL;
}

/* DER leaves it out. */
#define SALT_DEFAULT 20
/* No key has room for more. */
#define SALT_MAX 512

/* RFC 4055 3.1: a length other than the default, up to what the key has room
 * for, as `openssl req` has it unless told otherwise (PK-57). */
static int
read_salt(struct span in, int *out)
{
	struct der number;
	int value = 0;

	if (der_only(in, DER_INTEGER, &number) < 0 || number.body.n > 2 ||
	    (number.body.p[0] & 0x80))
		return -1;
	for (size_t i = 0; i < number.body.n; i++)
		value = value << 8 | (uint8_t)number.body.p[i];
	if (value > SALT_MAX || value == SALT_DEFAULT)
		return -1;
	*out = value;
	return 0;
}

/* RFC 4055 3.1: SHA-2 for the message, the same for MGF1. */
static int
read_pss(struct span parameters, struct proof *out)
{
	struct der sequence;
	struct der hash;
	struct der mask;
	struct der algorithm;
	struct der oid;
	struct der salt;
	const char *mask_digest;

	if (der_only(parameters, DER_SEQUENCE, &sequence) < 0 ||
	    der_take(&sequence.body, DER_CONTEXT(0), &hash) < 0 ||
	    der_take(&sequence.body, DER_CONTEXT(1), &mask) < 0)
		return -1;
	out->digest = read_digest(hash.body);
	if (out->digest == NULL ||
	    der_only(mask.body, DER_SEQUENCE, &algorithm) < 0 ||
	    der_take(&algorithm.body, DER_OID, &oid) < 0 ||
	    !span_eq(oid.body, OID_MGF1))
		return -1;
	mask_digest = read_digest(algorithm.body);
	if (mask_digest != out->digest)
		return -1;
	out->salt_len = SALT_DEFAULT;
	int r = der_take_optional(&sequence.body, DER_CONTEXT(2), &salt);
	if (r < 0 || sequence.body.n != 0 ||
	    (r == 1 && read_salt(salt.body, &out->salt_len) < 0))
		return -1;
	out->is_pss = true;
	return 0;
}

static bool
family_fits(enum proof_family family, enum key_type type)
{
	switch (type) {
	case KEY_TYPE_RSA:
		return family == OF_RSA;
	case KEY_TYPE_P256:
	case KEY_TYPE_P384:
	case KEY_TYPE_P521:
		return family == OF_EC;
	case KEY_TYPE_ED25519:
		return family == OF_ED25519;
	case KEY_TYPE_ED448:
		return family == OF_ED448;
	}
	return false;
}

static int
read_proof(struct job *j, const struct csr_signed *s, enum key_type type,
    struct proof *out)
{
	struct span body = s->algorithm.body;
	struct der oid;

	if (der_take(&body, DER_OID, &oid) < 0)
		return job_fail(j, ERR_BAD_CSR,
		    "the CSR cannot be parsed: signature algorithm");
	for (size_t i = 0; i < COUNT(proofs); i++) {
		if (span_eq(proofs[i].algorithm, s->algorithm.whole) &&
		    family_fits(proofs[i].family, type)) {
			out->digest = proofs[i].digest;
			return 0;
		}
	}
	if (is_weak(oid.body))
		return job_fail(j, ERR_BAD_CSR,
		    "the CSR signature uses a weak algorithm; sign it with "
		    "SHA-256");
	if (span_eq(oid.body, OID_RSA_PSS) && type == KEY_TYPE_RSA &&
	    read_pss(body, out) == 0)
		return 0;
	return job_fail(j, ERR_BAD_CSR,
	    "the CSR signature algorithm is not supported: RSA or ECDSA with "
	    "SHA-256, SHA-384 or SHA-512, Ed25519 or Ed448, as the key is");
}

static bool
verify_proof(struct job *j, const struct csr_signed *s,
    const struct proof *proof, EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());
	EVP_PKEY_CTX *pkey_ctx; /* belongs to ctx */

	if (ctx == NULL || EVP_DigestVerifyInit_ex(ctx, &pkey_ctx,
			       proof->digest, NULL, NULL, key, NULL) != 1)
		return false;
	if (proof->is_pss && (EVP_PKEY_CTX_set_rsa_padding(
				  pkey_ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
				 EVP_PKEY_CTX_set_rsa_mgf1_md_name(
				     pkey_ctx, proof->digest, NULL) != 1 ||
				 EVP_PKEY_CTX_set_rsa_pss_saltlen(
				     pkey_ctx, proof->salt_len) != 1))
		return false;
	return EVP_DigestVerify(ctx, ossl_bytes(s->signature), s->signature.n,
		   ossl_bytes(s->info), s->info.n) == 1;
}

int
csr_proof_check(struct job *j, const struct csr_signed *s, enum key_type type,
    EVP_PKEY *key)
{
	struct proof proof = { 0 };

	if (read_proof(j, s, type, &proof) < 0)
		return -1;
	bool verified = verify_proof(j, s, &proof, key);
	ERR_clear_error();
	if (!verified)
		return job_fail(
		    j, ERR_BAD_CSR, "the CSR signature does not verify");
	return 0;
}
