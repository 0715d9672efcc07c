#include "config.h"

#include "pki/ca_build.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/passphrase.h"
#include "lib/rnd.h"
#include "lib/utf8.h"
#include "pki/ca_name.h"
#include "pki/certfield.h"
#include "pki/effective.h"
#include "pki/issue.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "pki/ossl.h"

#define CERTIFICATE_MAX 8192
#define KEY_FILE_MAX (64 * 1024)
#define ORGANIZATION_MAX 64
/* As far back as a subscriber certificate may begin (PK-93): the first one
 * may be asked for at once. */
#define ALLOWANCE_SECS 3600
#define PASSPHRASE_OCTETS 32
#define SALT_LEN 16
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SIGNATURE_MAX 1024

/* --- names --------------------------------------------------------------- */

static bool
is_text(const char *s, size_t max)
{
	struct span t = span_str(s);

	return t.n > 0 && t.n <= max && utf8_is_plain(t) &&
	       span_trim(t).n == t.n;
}

const char *
ca_subject_problem(const struct ca_subject *s)
{
	struct span country = span_str(s->country);

	if (country.n != 2 || country.p[0] < 'A' || country.p[0] > 'Z' ||
	    country.p[1] < 'A' || country.p[1] > 'Z')
		return "country: must be two capital letters (PK-119)";
	if (!is_text(s->organization, ORGANIZATION_MAX) ||
	    ca_name_is_generic(span_str(s->organization)))
		return "organization: must name it in 1 to 64 octets (PK-119)";
	if (!is_text(s->common_name, CA_COMMON_NAME_MAX) ||
	    ca_name_is_generic(span_str(s->common_name)))
		return "common name: must name the CA in 1 to 64 octets "
		       "(PK-119)";
	return NULL;
}

struct span
ca_subject_name(struct job *j, const struct ca_subject *s)
{
	struct buf b;

	buf_init(&b, j->arena, CERTIFICATE_MAX);
	size_t mark = der_open(&b, DER_SEQUENCE);
	field_attribute(
	    &b, OID_COUNTRY, DER_PRINTABLE_STRING, span_str(s->country));
	field_attribute(
	    &b, OID_ORGANIZATION, DER_UTF8_STRING, span_str(s->organization));
	field_attribute(
	    &b, OID_COMMON_NAME, DER_UTF8_STRING, span_str(s->common_name));
	der_close(&b, mark);
	return buf_span(&b);
}

/* --- keys ---------------------------------------------------------------- */

EVP_PKEY *
ca_key_generate(struct arena *a, const char *type)
{
	EVP_PKEY *key = NULL;

	if (strcmp(type, "p256") == 0)
		key = EVP_EC_gen("P-256");
	else if (strcmp(type, "p384") == 0)
		key = EVP_EC_gen("P-384");
	else if (strcmp(type, "rsa3072") == 0)
		key = EVP_RSA_gen(3072);
	else if (strcmp(type, "rsa4096") == 0)
		key = EVP_RSA_gen(4096);
	return ossl_own_pkey(a, key);
}

struct span
ca_spki(struct job *j, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	struct span out = { 0 };

	if (n > 0)
		out =
		    span_mem(arena_memdup(j->arena, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	return out;
}

static int
check_pair(struct job *j, EVP_PKEY *key)
{
	const struct span text = SPAN("signed and verified before use");
	unsigned char signature[SIGNATURE_MAX];
	size_t n = sizeof signature;
	EVP_MD_CTX *sign = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());
	EVP_MD_CTX *verify = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());

	if (sign == NULL || verify == NULL ||
	    EVP_DigestSignInit_ex(
		sign, NULL, "SHA384", NULL, NULL, key, NULL) != 1 ||
	    EVP_DigestSign(sign, signature, &n, ossl_bytes(text), text.n) !=
		1 ||
	    EVP_DigestVerifyInit_ex(
		verify, NULL, "SHA384", NULL, NULL, key, NULL) != 1 ||
	    EVP_DigestVerify(verify, signature, n, ossl_bytes(text), text.n) !=
		1)
		return ossl_fail(
		    j, "the new key does not verify what it signs (PK-210)");
	return 0;
}

static int
check_distance(struct job *j, EVP_PKEY *key)
{
	BIGNUM *p = NULL;
	BIGNUM *q = NULL;

	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
		return 0;
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR1, &p) != 1 ||
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR2, &q) != 1) {
		BN_clear_free(p);
		return ossl_fail(j, "the factors of the new key");
	}
	(void)ossl_own_bn(j->arena, p);
	(void)ossl_own_bn(j->arena, q);
	BIGNUM *distance = ossl_own_bn(j->arena, BN_secure_new());
	if (distance == NULL || BN_sub(distance, p, q) != 1)
		return ossl_fail(j, "the factors of the new key");
	if (BN_num_bits(distance) <= EVP_PKEY_get_bits(key) / 2 - 100)
		return job_fail(j, ERR_INTERNAL,
		    "the factors of the new key are too close (PK-210)");
	return 0;
}

int
ca_key_check(struct job *j, EVP_PKEY *key)
{
	enum key_type type;
	const char *reason = keycheck_key(key, KEYCHECK_SUBJECT, &type);

	if (reason != NULL)
		return job_fail(
		    j, ERR_INTERNAL, "the new key: %s (PK-210)", reason);
	return check_pair(j, key) < 0 ? -1 : check_distance(j, key);
}

struct span
ca_key_passphrase(struct arena *a)
{
	uint8_t octets[PASSPHRASE_OCTETS];
	struct buf b;

	rnd_bytes(octets, sizeof octets);
	buf_init_secret(&b, a, 2 * PASSPHRASE_OCTETS);
	b64url_add(&b, span_mem(octets, sizeof octets));
	wipe(octets, sizeof octets);
	return buf_span(&b);
}

int
ca_key_seal(
    struct job *j, EVP_PKEY *key, struct span passphrase, struct span *pem)
{
	struct arena *a = j->arena;
	unsigned char salt[SALT_LEN];
	char *text;

	rnd_bytes(salt, sizeof salt);
	PKCS8_PRIV_KEY_INFO *plain = ossl_own_pkcs8(a, EVP_PKEY2PKCS8(key));
	X509_ALGOR *algorithm = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt,
	    sizeof salt, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
	if (plain == NULL || algorithm == NULL) {
		X509_ALGOR_free(algorithm);
		return ossl_fail(j, "encrypting a key");
	}
	X509_SIG *sealed = ossl_own_sig(a,
	    PKCS8_set0_pbe(passphrase.p, (int)passphrase.n, plain, algorithm));
	if (sealed == NULL) {
		X509_ALGOR_free(algorithm);
		return ossl_fail(j, "encrypting a key");
	}
	BIO *bio = ossl_own_bio(a, BIO_new(BIO_s_mem()));
	if (bio == NULL || PEM_write_bio_PKCS8(bio, sealed) != 1)
		return ossl_fail(j, "writing a key");
	long n = BIO_get_mem_data(bio, &text);
	*pem = span_mem(arena_memdup(a, text, (size_t)n), (size_t)n);
	return 0;
}

/* scrypt takes 16 MiB, or what who sealed it chose. */
static bool
is_memory_short(void)
{
	bool is_short = false;
	unsigned long e;

	while ((e = ERR_get_error()) != 0)
		is_short =
		    is_short || ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
	return is_short;
}

int
ca_key_unseal(struct job *j, struct arena *keep, struct span pem,
    struct span passphrase, EVP_PKEY **key)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);

	ERR_clear_error();
	*key = bio == NULL ? NULL
			   : PEM_read_bio_PrivateKey(
				 bio, NULL, passphrase_give, &passphrase);
	BIO_free(bio);
	if (*key != NULL) {
		ERR_clear_error();
		*key = ossl_own_pkey(keep, *key);
		return 1;
	}
	return bio != NULL && !is_memory_short()
		   ? 0
		   : job_fail(j, ERR_INTERNAL,
			 "there is not enough memory to open the key: give the "
			 "service more");
}

int
ca_key_open(
    struct job *j, const char *path, struct span passphrase, EVP_PKEY **key)
{
	struct span pem = { 0 };
	int opened;

	if (file_read_private(j, path, KEY_FILE_MAX, &pem) < 0)
		return -1;
	if (!span_starts(pem, SPAN("-----BEGIN ENCRYPTED PRIVATE KEY-----")))
		return job_fail(j, ERR_INTERNAL,
		    "%s: not an encrypted PKCS#8 key in PEM (PK-201)", path);
	opened = ca_key_unseal(j, j->arena, pem, passphrase, key);
	if (opened < 0)
		return job_context(j, "%s", path);
	return opened > 0 ? 0
			  : job_fail(j, ERR_INTERNAL,
				"%s: these secrets do not open it", path);
}

int
ca_signer_make(struct job *j, EVP_PKEY *key, enum ca_role role,
    struct span name, struct signer *s, struct span *spki)
{
	uint8_t *key_id = arena_alloc(j->arena, KEY_ID_LEN);
	enum key_type type;
	struct span bits;

	*s = (struct signer){ .role = role, .public_key = key };
	s->key = signing_key_new(j->arena, key);
	s->alg = sig_alg_for(key, role);
	*spki = ca_spki(j, key);
	if (s->alg == NULL || spki_split(*spki, &type, &bits) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "the key is of a type that no CA has (PK-116)");
	key_id_compute(bits, key_id);
	s->key_id = span_mem(key_id, KEY_ID_LEN);
	s->name = name;
	return 0;
}

/* --- certificates (section 10) ------------------------------------------- */

static void
add_basic_constraints(struct buf *b, bool is_root)
{
	struct extension_mark m =
	    extension_open(b, OID_BASIC_CONSTRAINTS, true);
	size_t mark = der_open(b, DER_SEQUENCE);
	der_add_true(b);
	if (!is_root)
		der_add_uint(b, 0); /* pathLen, PK-120 */
	der_close(b, mark);
	extension_close(b, m);
}

/* PK-122 */
static void
add_purposes(struct buf *b, const struct ca_template *t)
{
	const struct span purposes[] = { OID_EMAIL_PROTECTION,
		OID_CLIENT_AUTH };

	extension_ext_key_usage(b, purposes, t->client_auth ? 2 : 1);
}

/* PK-123 */
static void
add_policies(struct buf *b, const struct ca_template *t)
{
	struct span policies[2 + CA_POLICIES_MAX] = { OID_MAILBOX_MULTIPURPOSE,
		OID_MAILBOX_STRICT };
	size_t n = 2;

	for (size_t i = 0; i < t->policy_count && i < CA_POLICIES_MAX; i++)
		policies[n++] = t->policies[i];
	extension_policies(b, policies, n);
}

static void
add_extensions(
    struct buf *b, const struct signer *signer, const struct ca_template *t)
{
	bool is_root = t->kind == CA_KIND_ROOT;
	size_t explicit = der_open(b, DER_CONTEXT(3));
	size_t list = der_open(b, DER_SEQUENCE);

	add_basic_constraints(b, is_root);
	extension_key_usage(b, SPAN("\x03\x02\x01\x06")); /* PK-121 */
	extension_subject_key_id(b, t->key_id);
	if (!is_root) {
		extension_authority_key_id(b, signer->key_id);
		add_purposes(b, t);
		add_policies(b, t);
		extension_crl_point(b, t->crl_url);
		extension_authority_info(b, t->ca_issuers_url, NULL);
		if (t->permitted_count > 0)
			extension_permitted_hosts(
			    b, t->permitted, t->permitted_count);
	}
	der_close(b, list);
	der_close(b, explicit);
}

bool
ca_certificate_fits(struct job *j, const struct signer *signer,
    const struct ca_template *t, struct span der)
{
	struct certview v;
	struct buf b;

	buf_init(&b, j->arena, CERTIFICATE_MAX);
	add_extensions(&b, signer, t);
	return buf_ok(&b) && certview_parse(der, &v) == 0 &&
	       span_eq(v.subject, t->subject) && span_eq(v.spki, t->spki) &&
	       span_ends(v.tbs, buf_span(&b));
}

static int
build(struct job *j, const struct signer *signer,
    const struct lint_ca_issuer *issuer, const struct ca_template *t,
    struct span *tbs)
{
	uint8_t serial[SERIAL_LEN];
	int64_t from;
	int64_t to;
	struct buf b;

	issue_serial(1, serial);
	issue_validity(
	    j->now, ALLOWANCE_SECS, ca_profile_for(t->kind)->days, &from, &to);
	if (issuer != NULL && from < issuer->not_before)
		from = issuer->not_before;
	if (issuer != NULL && to > issuer->not_after)
		to = issuer->not_after;
	buf_init(&b, j->arena, CERTIFICATE_MAX);
	size_t mark = der_open(&b, DER_SEQUENCE);
	field_head(&b, span_mem(serial, sizeof serial), signer->alg->der,
	    signer->name);
	field_validity(&b, from, to);
	buf_add(&b, t->subject);
	buf_add(&b, t->spki);
	add_extensions(&b, signer, t);
	der_close(&b, mark);
	if (!buf_ok(&b))
		return job_fail(
		    j, ERR_INTERNAL, "the certificate would be too large");
	*tbs = buf_span(&b);
	return 0;
}

/* PK-138 */
static int
check_signed(struct job *j, const struct signer *signer,
    const struct lint_ca_input *in, struct span tbs, struct span der)
{
	X509 *x = ossl_x509(j->arena, der);
	struct certview v;

	if (x == NULL || certview_parse(der, &v) < 0 || !span_eq(v.tbs, tbs))
		return job_fail(j, ERR_INTERNAL,
		    "the signed certificate is not strict DER");
	const char *problem = lint_ca(j->arena, in, &v);
	if (problem != NULL)
		return job_fail(j, ERR_INTERNAL, "%s", problem);
	if (X509_verify(x, signer->public_key) != 1)
		return ossl_fail(j, "the certificate's signature");
	return 0;
}

/* PK-136, PK-137: before the signature exists. */
static int
ask_others(struct job *j, const struct signer *signer,
    const struct ca_template *t, struct span tbs)
{
	struct signer lint;
	struct span der;

	if (t->judge == NULL)
		return 0;
	if (ca_lint_signer(j, j->arena, signer, &lint) < 0 ||
	    signer_sign(j, &lint, SIGNED_CA, tbs, &der) < 0)
		return -1;
	return t->judge->ask(t->judge->context, j,
	    t->kind == CA_KIND_ROOT ? LINT_ROOT : LINT_ISSUING, der);
}

int
ca_dates_check(struct job *j, bool client_auth)
{
	if (!client_auth || !effective_at(EFFECTIVE_CA_ONE_PURPOSE, j->now))
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "clientAuth: a CA made from %s on has one purpose (PK-122)",
	    effective_find(EFFECTIVE_CA_ONE_PURPOSE)->day);
}

int
ca_certificate_make(struct job *j, const struct signer *signer,
    const struct lint_ca_issuer *issuer, const struct ca_template *t,
    struct span *der)
{
	const struct lint_ca_input in = { t->kind, issuer,
		t->is_demonstration };
	struct certview v;
	struct span tbs = { NULL, 0 };

	if (ca_dates_check(j, t->client_auth) < 0 ||
	    build(j, signer, issuer, t, &tbs) < 0)
		return -1;
	if (certview_parse_tbs(tbs, &v) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "the certificate is not strict DER");
	const char *problem = lint_ca(j->arena, &in, &v);
	if (problem != NULL)
		return job_fail(
		    j, ERR_INTERNAL, "refused before signing: %s", problem);
	if (ask_others(j, signer, t, tbs) < 0 ||
	    signer_sign(j, signer, SIGNED_CA, tbs, der) < 0)
		return -1;
	return check_signed(j, signer, &in, tbs, *der);
}
