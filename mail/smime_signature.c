#include "config.h"

#include "mail/smime_signature.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "mail/smime_key.h"

#define ATTRIBUTES_MAX 64
/* Octets: what is signed stays small, since it is verified up to three times.
 */
#define SMIME_ATTRIBUTES_MAX ((size_t)64 * 1024)
#define SECURE_HEADER_FIELDS "1.2.840.113549.1.9.16.2.55"

struct signer {
	struct job *j;
	struct finding *f;
	CMS_SignerInfo *si;
	EVP_PKEY *key; /* owned by the job */
	struct smime_key facts;
	int digest; /* NID */
	const EVP_MD *md;
};

/* --- the certificate ----------------------------------------------------- */

static int
refuse_signature(const struct signer *s, const char *why)
{
	return finding_set(s->f, FINDING_REFUSE, "smime.signature", "%s", why);
}

/* The one that the signer names.  Two different ones of the same name would
 * let somebody else choose. */
static int
find_certificate(const struct signer *s, STACK_OF(X509) * certs, X509 **out)
{
	*out = NULL;
	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *x = sk_X509_value(certs, i);

		if (CMS_SignerInfo_cert_cmp(s->si, x) != 0)
			continue;
		if (*out != NULL && X509_cmp(*out, x) != 0)
			return refuse_signature(
			    s, "two certificates for one signer");
		*out = x;
	}
	if (*out == NULL)
		return refuse_signature(
		    s, "the signer's certificate is not in the message");
	return 0;
}

static void
free_key(void *key)
{
	EVP_PKEY_free(key);
}

/* --- algorithms ---------------------------------------------------------- */

static int
refuse_algorithm(const struct signer *s, const char *why)
{
	return finding_set(s->f, FINDING_REFUSE, "smime.algorithm", "%s", why);
}

static int
check_key(struct signer *s, X509 *x, struct smime_signature *out)
{
	const char *why;

	s->key = arena_own(s->j->arena, X509_get_pubkey(x), free_key);
	ERR_clear_error();
	why = smime_key_check(s->j, s->key, &s->facts);
	out->key = s->facts.type;
	out->bits = s->facts.bits;
	return why == NULL ? 0 : refuse_algorithm(s, why);
}

static bool
is_sha2(int nid)
{
	return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

static int
nid_of(const X509_ALGOR *a)
{
	const ASN1_OBJECT *oid = NULL;

	X509_ALGOR_get0(&oid, NULL, NULL, a);
	return OBJ_obj2nid(oid);
}

/* The hash and that of the mask: the library lets the mask's be SHA-1. */
static bool
pss_is_good(const struct signer *s, const X509_ALGOR *a)
{
	const void *value = NULL;
	const ASN1_STRING *der;
	const unsigned char *p;
	RSA_PSS_PARAMS *pss;
	X509_ALGOR *mask = NULL;
	int type = 0;
	bool good;

	X509_ALGOR_get0(NULL, &type, &value, a);
	if (type != V_ASN1_SEQUENCE)
		return false;
	der = value;
	p = ASN1_STRING_get0_data(der);
	pss = d2i_RSA_PSS_PARAMS(NULL, &p, ASN1_STRING_length(der));
	if (pss != NULL && pss->maskGenAlgorithm != NULL &&
	    nid_of(pss->maskGenAlgorithm) == NID_mgf1) {
		X509_ALGOR_get0(NULL, &type, &value, pss->maskGenAlgorithm);
		if (type == V_ASN1_SEQUENCE)
			mask = ASN1_TYPE_unpack_sequence(
			    ASN1_ITEM_rptr(X509_ALGOR),
			    pss->maskGenAlgorithm->parameter);
	}
	good = mask != NULL && is_sha2(nid_of(mask)) &&
	       pss->hashAlgorithm != NULL &&
	       nid_of(pss->hashAlgorithm) == s->digest;
	X509_ALGOR_free(mask);
	RSA_PSS_PARAMS_free(pss);
	ERR_clear_error();
	return good;
}

/* Does the signature's algorithm fit the key, and its hash the digest? */
static bool
signature_fits(const struct signer *s, const X509_ALGOR *a)
{
	int nid = nid_of(a), hash = NID_undef, type = NID_undef;
	bool is_rsa = s->facts.nid == EVP_PKEY_RSA;

	if (nid == NID_rsassaPss)
		return (is_rsa || s->facts.nid == EVP_PKEY_RSA_PSS) &&
		       pss_is_good(s, a);
	if (nid == NID_rsaEncryption)
		return is_rsa;
	if (nid == NID_ED25519) /* RFC 8419 3.1 */
		return s->facts.nid == EVP_PKEY_ED25519 &&
		       s->digest == NID_sha512;
	if (OBJ_find_sigid_algs(nid, &hash, &type) != 1 || hash != s->digest)
		return false;
	return (type == NID_rsaEncryption && is_rsa) ||
	       (type == NID_X9_62_id_ecPublicKey &&
		   s->facts.nid == EVP_PKEY_EC);
}

static int
check_algorithms(struct signer *s, struct smime_signature *out)
{
	X509_ALGOR *digest = NULL, *signature = NULL;

	CMS_SignerInfo_get0_algs(s->si, NULL, NULL, &digest, &signature);
	s->digest = nid_of(digest);
	if (!is_sha2(s->digest))
		return refuse_algorithm(
		    s, "a digest that is not SHA-256, SHA-384 or SHA-512");
	s->md = EVP_get_digestbynid(s->digest);
	out->digest = s->digest == NID_sha256   ? "sha256"
		      : s->digest == NID_sha384 ? "sha384"
						: "sha512";
	if (s->md == NULL || !signature_fits(s, signature))
		return refuse_algorithm(s,
		    "a signature algorithm that does not fit key and digest");
	return 0;
}

/* --- signed attributes --------------------------------------------------- */

static int
refuse_attributes(const struct signer *s, const char *why)
{
	return finding_set(
	    s->f, FINDING_REFUSE, "smime.signed-attributes", "%s", why);
}

/* The only value of an attribute that occurs once; NULL otherwise. */
static const void *
only_value(const struct signer *s, int nid, int type)
{
	return CMS_signed_get0_data_by_OBJ(s->si, OBJ_nid2obj(nid), -3, type);
}

static int
check_content(const struct signer *s, struct span content)
{
	const ASN1_STRING *said =
	    only_value(s, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING);
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int len;

	if (said == NULL)
		return refuse_attributes(s, "no message-digest, or more");
	if (EVP_Digest(content.p, content.n, hash, &n, s->md, NULL) != 1)
		return job_fail(
		    s->j, ERR_INTERNAL, "the crypto library cannot hash");
	len = ASN1_STRING_length(said);
	if (len < 0 ||
	    !ct_equal(span_mem(ASN1_STRING_get0_data(said), (size_t)len),
		span_mem(hash, n)))
		return finding_set(s->f, FINDING_REFUSE, "smime.content",
		    "the content is not what was signed");
	return 0;
}

static int
check_attributes(const struct signer *s, struct span content)
{
	int count = CMS_signed_get_attr_count(s->si);
	const ASN1_OBJECT *type;

	if (count <= 0)
		return refuse_attributes(s, "no signed attributes");
	if (count > ATTRIBUTES_MAX)
		return refuse_attributes(s, "too many signed attributes");
	type = only_value(s, NID_pkcs9_contentType, V_ASN1_OBJECT);
	if (type == NULL || OBJ_obj2nid(type) != NID_pkcs7_data)
		return refuse_attributes(
		    s, "the content-type attribute is not id-data");
	return check_content(s, content);
}

/* A length in DER, below 2^24. */
static void
add_length(struct buf *b, size_t n)
{
	int octets = n < 0x80 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2 : 3;

	buf_add_char(b, (char)(octets == 0 ? n : 0x80u + (unsigned)octets));
	while (octets-- > 0)
		buf_add_char(b, (char)(n >> (8 * octets) & 0xff));
}

/* RFC 5652 5.4: as a SET OF, in their order. */
static int
encode_attributes(const struct signer *s, struct span *out)
{
	int i, n, count = CMS_signed_get_attr_count(s->si);
	struct buf body, b;

	buf_init(&body, s->j->arena, SMIME_ATTRIBUTES_MAX);
	for (i = 0; i < count; i++) {
		X509_ATTRIBUTE *a = CMS_signed_get_attr(s->si, i);
		unsigned char *der = NULL;

		n = i2d_X509_ATTRIBUTE(a, &der);
		if (n > 0)
			buf_add_mem(&body, der, (size_t)n);
		OPENSSL_free(der);
		if (n <= 0)
			return refuse_attributes(s, "that cannot be read");
	}
	if (!buf_ok(&body))
		return refuse_attributes(s, "too large signed attributes");
	buf_init(&b, s->j->arena, body.n + 8);
	buf_add_char(&b, 0x31);
	add_length(&b, body.n);
	buf_add(&b, buf_span(&body));
	*out = buf_span(&b);
	return 0;
}

/* --- the signature ------------------------------------------------------- */

/* The library's own verification needs a digest, which Ed25519 has not. */
static bool
ed25519_verify(const struct signer *s, struct span attributes)
{
	ASN1_OCTET_STRING *value = CMS_SignerInfo_get0_signature(s->si);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int len = ASN1_STRING_length(value);
	bool good;

	good = ctx != NULL && len > 0 &&
	       EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, s->key) == 1 &&
	       EVP_DigestVerify(ctx, ASN1_STRING_get0_data(value), (size_t)len,
		   (const unsigned char *)attributes.p, attributes.n) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static int
check_signature(const struct signer *s, X509 *x, struct span attributes)
{
	bool good;

	if (s->facts.nid == EVP_PKEY_ED25519) {
		good = ed25519_verify(s, attributes);
	} else {
		CMS_SignerInfo_set1_signer_cert(s->si, x);
		good = CMS_SignerInfo_verify(s->si) == 1;
	}
	ERR_clear_error();
	if (good)
		return 0;
	return refuse_signature(s, "the signature does not verify");
}

/* RFC 7508: at most one, with one value. */
static int
read_protected(const struct signer *s, struct span *out)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(SECURE_HEADER_FIELDS, 1);
	const ASN1_STRING *value;
	int at = CMS_signed_get_attr_by_OBJ(s->si, oid, -1), n;

	*out = span_mem(NULL, 0);
	value = at < 0
		    ? NULL
		    : CMS_signed_get0_data_by_OBJ(s->si, oid, -3, V_ASN1_SET);
	ASN1_OBJECT_free(oid);
	if (at < 0)
		return 0;
	n = value != NULL ? ASN1_STRING_length(value) : 0;
	if (n <= 0)
		return finding_set(s->f, FINDING_REFUSE,
		    "smime.header-mismatch",
		    "secure-header-fields: cannot be read");
	*out = span_mem(ASN1_STRING_get0_data(value), (size_t)n);
	return 0;
}

static int
describe(const struct signer *s, X509 *x, struct smime_signature *out)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	int n = ASN1_STRING_length(serial);
	unsigned len;

	out->serial = hex_dup(s->j->arena,
	    span_mem(ASN1_STRING_get0_data(serial), n > 0 ? (size_t)n : 0));
	if (X509_digest(x, EVP_sha256(), out->certificate, &len) != 1)
		return job_fail(
		    s->j, ERR_INTERNAL, "the crypto library cannot hash");
	return 0;
}

int
smime_signature_verify(struct job *j, CMS_SignerInfo *si,
    STACK_OF(X509) * certs, struct span content, struct smime_signature *out,
    struct smime_signed *what, struct finding *f)
{
	struct signer s = { .j = j, .f = f, .si = si };

	if (find_certificate(&s, certs, &what->certificate) < 0 ||
	    describe(&s, what->certificate, out) < 0 ||
	    check_key(&s, what->certificate, out) < 0 ||
	    check_algorithms(&s, out) < 0 ||
	    check_attributes(&s, content) < 0 ||
	    encode_attributes(&s, &what->attributes) < 0 ||
	    check_signature(&s, what->certificate, what->attributes) < 0)
		return -1;
	return read_protected(&s, &what->protected);
}
