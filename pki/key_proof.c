#include "config.h"

#include "pki/key_proof.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/csr.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "pki/spki_file.h"

#define SIGNATURE_OCTETS_MAX 1024

/* --- a certificate request ------------------------------------------------ */

static bool
is_marked(struct span name)
{
	static const struct span mark = SPAN_INIT(KEY_PROOF_NAME);

	return span_starts(name, mark) &&
	       (name.n == mark.n || name.p[mark.n] == ' ');
}

/* The only commonName of the subject: 1, 0, -1 what is no Name. */
static int
common_name(struct span rdns, struct span *out)
{
	struct der set, pair, oid, value;
	size_t count = 0;

	while (rdns.n > 0) {
		if (der_take(&rdns, DER_SET, &set) < 0)
			return -1;
		while (set.body.n > 0) {
			if (der_take(&set.body, DER_SEQUENCE, &pair) < 0 ||
			    der_take(&pair.body, DER_OID, &oid) < 0 ||
			    der_next(&pair.body, &value) != 1)
				return -1;
			if (!span_eq(oid.body, OID_COMMON_NAME))
				continue;
			count++;
			if (value.tag == DER_UTF8_STRING ||
			    value.tag == DER_PRINTABLE_STRING)
				*out = value.body;
		}
	}
	return count == 1;
}

/* DER, or the first object of the text if it is a request in PEM. */
static int
request_der(struct job *j, struct span file, struct span *der)
{
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long n = 0;
	BIO *in;
	bool is_request;

	*der = file;
	if (file.n > 0 && file.p[0] == DER_SEQUENCE)
		return 0;
	in = file.n == 0
		 ? NULL
		 : ossl_own_bio(j->arena, BIO_new_mem_buf(file.p, (int)file.n));
	is_request = in != NULL &&
		     PEM_read_bio(in, &name, &header, &data, &n) == 1 &&
		     (strcmp(name, PEM_STRING_X509_REQ) == 0 ||
			 strcmp(name, PEM_STRING_X509_REQ_OLD) == 0);
	if (is_request)
		*der = span_mem(
		    arena_memdup(j->arena, data, (size_t)n), (size_t)n);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(data);
	ERR_clear_error();
	return is_request ? 0 : -1;
}

int
key_proof_request(struct job *j, struct span file, struct key_proof *out)
{
	struct span subject = { NULL, 0 }, name = { NULL, 0 }, der;
	struct csr csr;

	*out = (struct key_proof){ .kind = KEY_PROOF_REQUEST };
	if (file.n > KEY_PROOF_FILE_MAX || request_der(j, file, &der) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "no certificate request (PKCS#10) in PEM or DER");
	if (csr_open(j, der, &csr, &subject) < 0)
		return -1;
	if (common_name(subject, &name) != 1 || !is_marked(name))
		return job_fail(j, ERR_MALFORMED,
		    "the request does not say that its key is compromised: its "
		    "subject has to have one commonName, which begins with "
		    "\"" KEY_PROOF_NAME "\"");
	out->evidence = der;
	memcpy(out->spki_sha256, csr.spki_sha256, SHA256_LEN);
	memcpy(out->bare_sha256, csr.bare_sha256, SHA256_LEN);
	return 0;
}

/* --- signatures ----------------------------------------------------------- */

/* Ed25519 and Ed448 hash by themselves. */
static const char *
digest_of(EVP_PKEY *key)
{
	int id = EVP_PKEY_get_base_id(key);

	return id == EVP_PKEY_ED25519 || id == EVP_PKEY_ED448 ? NULL : "SHA256";
}

static bool
verifies(struct job *j, EVP_PKEY *key, struct span text, struct span signature)
{
	EVP_MD_CTX *ctx = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());
	bool good = ctx != NULL &&
		    EVP_DigestVerifyInit_ex(ctx, NULL, digest_of(key), NULL,
			NULL, key, NULL) == 1 &&
		    EVP_DigestVerify(ctx, ossl_bytes(signature), signature.n,
			ossl_bytes(text), text.n) == 1;

	ERR_clear_error();
	return good;
}

/* Of a key of one of our types, as it stands in certificates. */
static int
hash_key(
    struct job *j, EVP_PKEY *key, struct key_proof *out, EVP_PKEY **public_half)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int n = i2d_PUBKEY(key, &der);
	int result = -1;

	p = der;
	if (n > 0) {
		struct span spki = span_mem(der, (size_t)n);

		sha256(spki, out->spki_sha256);
		result = spki_bare_sha256(spki, out->bare_sha256);
		out->spki =
		    span_mem(arena_memdup(j->arena, der, (size_t)n), (size_t)n);
		*public_half = ossl_own_pkey(j->arena, d2i_PUBKEY(NULL, &p, n));
	}
	OPENSSL_free(der);
	ERR_clear_error();
	return result < 0 || *public_half == NULL
		   ? job_fail(j, ERR_MALFORMED,
			 "the key is of no type that certificates have here")
		   : 0;
}

const char *
key_proof_text_of(struct arena *a, const char *base_url, const char *hash)
{
	return arena_printf(a,
	    "Countersign key compromise 1: whoever signs this has the private "
	    "key of SHA-256(SubjectPublicKeyInfo) %s, calls it compromised, "
	    "and wants %s to revoke every certificate with it.",
	    hash, base_url);
}

const char *
key_proof_text(
    struct arena *a, const char *base_url, const uint8_t spki_sha256[32])
{
	return key_proof_text_of(
	    a, base_url, hex_dup(a, span_mem(spki_sha256, SHA256_LEN)));
}

static int
check_length(struct job *j, struct span signature)
{
	if (signature.n > 0 && signature.n <= SIGNATURE_OCTETS_MAX)
		return 0;
	return job_fail(j, ERR_MALFORMED, "a signature has 1 to %d octets",
	    SIGNATURE_OCTETS_MAX);
}

static int
no_signature(struct job *j, const char *more)
{
	return job_fail(j, ERR_MALFORMED,
	    "this is no signature of that key over the line that names it%s, "
	    "with SHA-256 where the key has no hash of its own",
	    more);
}

/* A line from a file mostly has an end. */
static int
check_over_text(struct job *j, EVP_PKEY *key, const char *base_url,
    const struct key_proof *p)
{
	static const char *const ends[] = { "", "\n", "\r\n" };
	const char *text = key_proof_text(j->arena, base_url, p->spki_sha256);

	for (size_t i = 0; i < COUNT(ends); i++)
		if (verifies(j, key,
			span_str(arena_printf(j->arena, "%s%s", text, ends[i])),
			p->evidence))
			return 0;
	return no_signature(j, "");
}

int
key_proof_signature(struct job *j, struct span file, const char *base_url,
    struct span signature, struct key_proof *out)
{
	EVP_PKEY *key, *public_half = NULL;

	*out = (struct key_proof){ .kind = KEY_PROOF_SIGNATURE,
		.evidence = signature };
	if (check_length(j, signature) < 0 ||
	    spki_file_key(j, file, &key) < 0 ||
	    hash_key(j, key, out, &public_half) < 0)
		return -1;
	return check_over_text(j, public_half, base_url, out);
}

int
key_proof_spki_signature(struct job *j, struct span spki, const char *base_url,
    struct span signature, struct key_proof *out)
{
	const char *why;
	enum key_type type;
	EVP_PKEY *key;

	*out = (struct key_proof){
		.kind = KEY_PROOF_SIGNATURE, .evidence = signature, .spki = spki
	};
	if (check_length(j, signature) < 0)
		return -1;
	why = keycheck_spki(j->arena, spki, KEYCHECK_ANY_EXPONENT, &type, &key);
	if (why != NULL)
		return job_fail(j, ERR_MALFORMED,
		    "no SubjectPublicKeyInfo that a certificate here can "
		    "have: %s",
		    why);
	sha256(spki, out->spki_sha256);
	if (spki_bare_sha256(spki, out->bare_sha256) < 0)
		return job_fail(
		    j, ERR_MALFORMED, "the SubjectPublicKeyInfo is cut");
	/* Strangers choose the key: what it costs is paid once. */
	return verifies(j, key,
		   span_str(
		       key_proof_text(j->arena, base_url, out->spki_sha256)),
		   signature)
		   ? 0
		   : no_signature(j, ", without a line end");
}

int
key_proof_again(struct job *j, const char *base_url,
    const struct key_proof *kept, struct key_proof *out)
{
	if (strcmp(kept->kind, KEY_PROOF_REQUEST) == 0)
		return key_proof_request(j, kept->evidence, out);
	if (strcmp(kept->kind, KEY_PROOF_SIGNATURE) == 0)
		return key_proof_spki_signature(
		    j, kept->spki, base_url, kept->evidence, out);
	return job_fail(
	    j, ERR_MALFORMED, "no kind of proof that could be kept");
}

/* --- the private key ------------------------------------------------------ */

/* A file may claim any public key for a private one: signed with the one, it
 * has to verify with the other. */
static bool
is_pair(struct job *j, EVP_PKEY *private_key, EVP_PKEY *public_half)
{
	static const struct span text = SPAN_INIT("do these two belong?");
	EVP_MD_CTX *ctx = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());
	unsigned char signature[SIGNATURE_OCTETS_MAX];
	size_t n = sizeof(signature);

	if (ctx == NULL ||
	    EVP_DigestSignInit_ex(ctx, NULL, digest_of(private_key), NULL, NULL,
		private_key, NULL) != 1 ||
	    EVP_DigestSign(ctx, signature, &n, ossl_bytes(text), text.n) != 1) {
		ERR_clear_error();
		return false;
	}
	return verifies(j, public_half, text, span_mem(signature, n));
}

int
key_proof_read(struct job *j, struct span file, struct key_proof *out)
{
	EVP_PKEY *private_key =
	    file.n > KEY_PROOF_FILE_MAX ? NULL : spki_file_private_key(j, file);
	EVP_PKEY *public_half = NULL;

	if (private_key == NULL)
		return key_proof_request(j, file, out) < 0
			   ? job_context(j, "no private key in PEM, and")
			   : 0;
	*out = (struct key_proof){ .kind = KEY_PROOF_PRIVATE };
	if (hash_key(j, private_key, out, &public_half) < 0)
		return -1;
	if (!is_pair(j, private_key, public_half))
		return job_fail(j, ERR_MALFORMED,
		    "the private key is not that of the public key beside it");
	return 0;
}
