#include "config.h"

#include "tests/unit/smime_lab.h"

#include "tests/unit/unit.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/b64.h"
#include "pki/der.h"

#define ATTRIBUTE_OID "1.2.840.113549.1.9.16.2.55"

int64_t smime_lab_now = SMIME_LAB_NOW;

/* --- keys ---------------------------------------------------------------- */

/* A public key by its numbers, which nobody has the other half of. */
static EVP_PKEY *
rsa_public(int bits, const char *exponent)
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *n = BN_new(), *e = NULL;
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	assert_true(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD));
	assert_true(BN_hex2bn(&e, exponent) > 0);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(b);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return key;
}

/* Keys that must not count; "public/…" are such. */
static EVP_PKEY *
generate_public(const char *name)
{
	static const unsigned char small_order[32];

	if (strcmp(name, "ed25519") == 0)
		return EVP_PKEY_new_raw_public_key(
		    EVP_PKEY_ED25519, NULL, small_order, sizeof(small_order));
	if (strcmp(name, "8193") == 0)
		return rsa_public(8193, "10001");
	if (strcmp(name, "8192") == 0)
		return rsa_public(8192, "10001");
	if (strcmp(name, "even") == 0)
		return rsa_public(2048, "10000");
	if (strcmp(name, "one") == 0)
		return rsa_public(2048, "1");
	if (strcmp(name, "64") == 0)
		return rsa_public(2048, "8000000000000001");
	return rsa_public(2048, "10000000000000001");
}

static EVP_PKEY *
generate(const char *name)
{
	if (strncmp(name, "public/", 7) == 0)
		return generate_public(name + 7);
	if (strncmp(name, "rsa1024", 7) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	if (strncmp(name, "rsa2048", 7) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	if (strncmp(name, "ed25519", 7) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (strncmp(name, "p384", 4) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	if (strncmp(name, "p521", 4) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
	if (strncmp(name, "secp256k1", 9) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

EVP_PKEY *
smime_lab_key(const char *name)
{
	static struct {
		char name[20];
		EVP_PKEY *key;
	} keys[40];
	size_t i;

	for (i = 0; keys[i].key != NULL; i++)
		if (strcmp(keys[i].name, name) == 0)
			return keys[i].key;
	assert_true(i < 39);
	snprintf(keys[i].name, sizeof(keys[i].name), "%s", name);
	keys[i].key = generate(name);
	assert_non_null(keys[i].key);
	return keys[i].key;
}

/* --- certificates -------------------------------------------------------- */

static void
free_x509(void *x)
{
	X509_free(x);
}

static void
free_crl(void *x)
{
	X509_CRL_free(x);
}

static void
free_cms(void *x)
{
	CMS_ContentInfo_free(x);
}

static void
add_ext(X509 *x, int nid, const char *value, const char *usual)
{
	X509_EXTENSION *e;

	if (value == NULL)
		value = usual;
	if (*value == '\0')
		return;
	e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void
add_raw_san(X509 *x, struct span der)
{
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	ASN1_OCTET_STRING_set(s, (const unsigned char *)der.p, (int)der.n);
	e = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, s);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(s);
}

static void
add_key_id(X509 *x)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, NULL, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_key_identifier, "hash");
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void
set_name(X509 *x, const struct smime_cert *c, long serial)
{
	X509_NAME *name = X509_get_subject_name(x);
	char text[40];

	snprintf(text, sizeof(text), "Somebody %ld", serial);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)(c->name != NULL ? c->name : text), -1, -1,
	    0);
	if (c->email != NULL)
		X509_NAME_add_entry_by_txt(name, "emailAddress", MBSTRING_ASC,
		    (const unsigned char *)c->email, -1, -1, 0);
}

static void
set_times(X509 *x, const struct smime_cert *c)
{
	int from = c->from != 0 ? c->from : -10;
	int until = c->until != 0 ? c->until : 10;

	ASN1_TIME_set(X509_getm_notBefore(x),
	    (time_t)smime_lab_now + (time_t)from * SMIME_LAB_DAY);
	ASN1_TIME_set(X509_getm_notAfter(x),
	    (time_t)smime_lab_now + (time_t)until * SMIME_LAB_DAY);
}

struct smime_id
smime_lab_make(struct job *j, const struct smime_cert *c)
{
	static long last = 1000;
	long serial = c->serial != 0 ? c->serial : ++last;
	X509 *x = arena_own(j->arena, X509_new(), free_x509);
	EVP_PKEY *key = smime_lab_key(c->key != NULL ? c->key : "p256");
	EVP_PKEY *by = c->issuer != NULL ? c->issuer->key : key;
	const EVP_MD *md =
	    EVP_get_digestbyname(c->md != NULL ? c->md : "SHA256");

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	set_name(x, c, serial);
	X509_set_issuer_name(
	    x, X509_get_subject_name(c->issuer != NULL ? c->issuer->x : x));
	set_times(x, c);
	X509_set_pubkey(x, key);
	add_ext(x, NID_basic_constraints, c->basic, "");
	add_ext(x, NID_key_usage, c->usage, "critical,digitalSignature");
	add_ext(x, NID_ext_key_usage, c->eku, "emailProtection");
	if (c->raw_san.p != NULL)
		add_raw_san(x, c->raw_san);
	else
		add_ext(
		    x, NID_subject_alt_name, c->san, "email:alice@user.test");
	if (c->has_key_id)
		add_key_id(x);
	if (EVP_PKEY_get_base_id(by) == EVP_PKEY_ED25519)
		md = NULL;
	assert_true(X509_sign(x, by, md) > 0);
	return (struct smime_id){ x, key };
}

struct smime_id
smime_lab_ca(struct job *j, const struct smime_id *issuer)
{
	static int made;
	char key[20];

	snprintf(key, sizeof(key), "p256/ca%d", made++ % 12);
	return smime_lab_make(j, &(struct smime_cert){ .issuer = issuer,
				     .key = key,
				     .san = "",
				     .eku = "",
				     .usage = "critical,keyCertSign,cRLSign",
				     .basic = "critical,CA:TRUE" });
}

static struct span
take_der(struct job *j, unsigned char *der, int n)
{
	struct span out;

	assert_true(n > 0);
	out = span_mem(arena_memdup(j->arena, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	return out;
}

struct span
smime_lab_der(struct job *j, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	return take_der(j, der, n);
}

static struct span
take_bio(struct job *j, BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);
	struct span out =
	    span_mem(arena_memdup(j->arena, p, (size_t)n), (size_t)n);

	BIO_free(bio);
	return out;
}

struct span
smime_lab_pem(struct job *j, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(bio, x), 1);
	return take_bio(j, bio);
}

/* --- lists --------------------------------------------------------------- */

static void
add_revoked(X509_CRL *crl, const ASN1_INTEGER *serial)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *at =
	    ASN1_TIME_set(NULL, (time_t)smime_lab_now - SMIME_LAB_DAY);

	X509_REVOKED_set_serialNumber(r, (ASN1_INTEGER *)(uintptr_t)serial);
	X509_REVOKED_set_revocationDate(r, at);
	assert_int_equal(X509_CRL_add0_revoked(crl, r), 1);
	ASN1_TIME_free(at);
}

static void
add_others(X509_CRL *crl, long count)
{
	ASN1_INTEGER *serial = ASN1_INTEGER_new();

	for (long i = 0; i < count; i++) {
		ASN1_INTEGER_set(serial, 1000000 + i);
		add_revoked(crl, serial);
	}
	ASN1_INTEGER_free(serial);
}

struct span
smime_lab_crl(struct job *j, const struct smime_list_spec *l)
{
	X509_CRL *crl = arena_own(j->arena, X509_CRL_new(), free_crl);
	int from = l->from != 0 ? l->from : -1;
	int until = l->until != 0 ? l->until : 5;
	ASN1_TIME *t = ASN1_TIME_set(
	    NULL, (time_t)smime_lab_now + (time_t)from * SMIME_LAB_DAY);
	unsigned char *der = NULL;
	int n;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(l->issuer->x));
	X509_CRL_set1_lastUpdate(crl, t);
	ASN1_TIME_set(t, (time_t)smime_lab_now + (time_t)until * SMIME_LAB_DAY);
	if (!l->no_end)
		X509_CRL_set1_nextUpdate(crl, t);
	ASN1_TIME_free(t);
	if (l->revoked != NULL)
		add_revoked(crl, X509_get0_serialNumber(l->revoked));
	add_others(crl, l->others);
	X509_CRL_sort(crl);
	assert_true(X509_CRL_sign(crl,
			l->signer != NULL ? l->signer->key : l->issuer->key,
			EVP_sha256()) > 0);
	n = i2d_X509_CRL(crl, &der);
	return take_der(j, der, n);
}

/* --- CMS ----------------------------------------------------------------- */

static const char *
part_of(const struct smime_letter *l)
{
	return l->part != NULL
		   ? l->part
		   : "Content-Type: text/plain\r\n\r\n" SMIME_LAB_BLOCK;
}

static void
set_pss(CMS_SignerInfo *si, const struct smime_letter *l)
{
	EVP_PKEY_CTX *ctx = CMS_SignerInfo_get0_pkey_ctx(si);

	assert_true(
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0);
	if (l->mgf1 != NULL)
		assert_true(EVP_PKEY_CTX_set_rsa_mgf1_md(
				ctx, EVP_get_digestbyname(l->mgf1)) > 0);
}

static void
add_attribute(CMS_SignerInfo *si, struct span value)
{
	assert_int_equal(CMS_signed_add1_attr_by_txt(si, ATTRIBUTE_OID,
			     V_ASN1_SET, value.p, (int)value.n),
	    1);
}

static void
add_signers(CMS_ContentInfo *cms, const struct smime_letter *l)
{
	const EVP_MD *md =
	    EVP_get_digestbyname(l->md != NULL ? l->md : "SHA256");

	for (size_t i = 0; i < 5 && l->signers[i] != NULL; i++) {
		CMS_SignerInfo *si = CMS_add1_signer(cms, l->signers[i]->x,
		    l->signers[i]->key, md,
		    l->flags | CMS_BINARY | CMS_PARTIAL |
			(l->pss ? CMS_KEY_PARAM : 0));

		assert_non_null(si);
		if (l->pss)
			set_pss(si, l);
		if (l->attribute.p != NULL)
			add_attribute(si, l->attribute);
	}
	for (size_t i = 0; i < 8 && l->extra[i] != NULL; i++)
		CMS_add1_cert(cms, l->extra[i]);
}

struct span
smime_lab_cms(struct job *j, const struct smime_letter *l)
{
	unsigned flags = l->flags | CMS_BINARY | CMS_PARTIAL;
	CMS_ContentInfo *cms;
	unsigned char *der = NULL;
	const char *part = part_of(l);
	BIO *bio = BIO_new_mem_buf(part, (int)strlen(part));
	int n;

	if (!l->opaque)
		flags |= CMS_DETACHED;
	cms = arena_own(
	    j->arena, CMS_sign(NULL, NULL, NULL, NULL, flags), free_cms);
	assert_non_null(cms);
	add_signers(cms, l);
	if (l->signers[0] != NULL &&
	    CMS_final(cms, bio, NULL, CMS_BINARY) != 1) {
		ERR_print_errors_fp(stderr);
		fail_msg("%s", "CMS_final");
	}
	BIO_free(bio);
	if (l->content != NULL) {
		ASN1_OCTET_STRING **c = CMS_get0_content(cms);

		*c = ASN1_OCTET_STRING_new();
		ASN1_OCTET_STRING_set(*c, (const unsigned char *)l->content,
		    (int)strlen(l->content));
	}
	n = i2d_CMS_ContentInfo(cms, &der);
	return take_der(j, der, n);
}

static void
add_algorithm(struct buf *b, struct span oid)
{
	size_t one = der_open(b, DER_SEQUENCE);

	der_add(b, DER_OID, oid);
	der_close(b, one);
}

static void
add_attribute_value(
    struct buf *b, struct span oid, uint8_t tag, struct span value)
{
	size_t one = der_open(b, DER_SEQUENCE), set;

	der_add(b, DER_OID, oid);
	set = der_open(b, DER_SET);
	der_add(b, tag, value);
	der_close(b, set);
	der_close(b, one);
}

/* contentType and messageDigest: the contents of the SET OF. */
static struct span
two_attributes(struct job *j, const char *part, const EVP_MD *md, bool other)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n;
	struct buf b;

	EVP_Digest(part, strlen(part), hash, &n, md, NULL);
	buf_init(&b, j->arena, 1000);
	add_attribute_value(&b, SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"),
	    DER_OID,
	    other ? SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")
		  : SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"));
	add_attribute_value(&b, SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"),
	    DER_OCTET_STRING, span_mem(hash, n));
	return buf_span(&b);
}

static void
add_ed25519_signer(struct job *j, struct buf *b, const struct smime_letter *l,
    struct span digest_oid, const EVP_MD *md)
{
	const struct smime_id *id = l->signers[0];
	struct span attributes =
			two_attributes(j, part_of(l), md, l->attribute_type),
		    der;
	size_t signer = der_open(b, DER_SEQUENCE), sid;
	const X509_NAME *issuer = X509_get_issuer_name(id->x);
	const unsigned char *name;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char value[64];
	size_t n;
	struct buf set;

	buf_init(&set, j->arena, 1000);
	der_add(&set, DER_SET, attributes);
	der = buf_span(&set);
	n = sizeof(value);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, id->key), 1);
	assert_int_equal(
	    EVP_DigestSign(ctx, value, &n, (const unsigned char *)der.p, der.n),
	    1);
	EVP_MD_CTX_free(ctx);
	der_add_uint(b, 1);
	sid = der_open(b, DER_SEQUENCE);
	assert_int_equal(X509_NAME_get0_der(issuer, &name, &n), 1);
	buf_add_mem(b, name, n);
	der_add_uint(
	    b, (uint64_t)ASN1_INTEGER_get(X509_get0_serialNumber(id->x)));
	der_close(b, sid);
	add_algorithm(b, digest_oid);
	der_add(b, DER_CONTEXT(0), attributes);
	add_algorithm(b, SPAN("\x2b\x65\x70"));
	der_add(b, DER_OCTET_STRING, span_mem(value, sizeof(value)));
	der_close(b, signer);
}

struct span
smime_lab_ed25519(struct job *j, const struct smime_letter *l, int digest_nid)
{
	const ASN1_OBJECT *oid = OBJ_nid2obj(digest_nid);
	struct span digest_oid = span_mem(OBJ_get0_data(oid), OBJ_length(oid));
	const EVP_MD *md = EVP_get_digestbynid(digest_nid);
	size_t info, explicit, data, part;
	struct buf b;

	buf_init(&b, j->arena, 65536);
	info = der_open(&b, DER_SEQUENCE);
	der_add(&b, DER_OID, SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"));
	explicit = der_open(&b, DER_CONTEXT(0));
	data = der_open(&b, DER_SEQUENCE);
	der_add_uint(&b, 1);
	part = der_open(&b, DER_SET);
	add_algorithm(&b, digest_oid);
	der_close(&b, part);
	add_algorithm(&b, SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"));
	part = der_open(&b, DER_CONTEXT(0));
	buf_add(&b, smime_lab_der(j, l->signers[0]->x));
	for (size_t i = 0; l->extra[i] != NULL; i++)
		buf_add(&b, smime_lab_der(j, l->extra[i]));
	der_close(&b, part);
	part = der_open(&b, DER_SET);
	add_ed25519_signer(j, &b, l, digest_oid, md);
	der_close(&b, part);
	der_close(&b, data);
	der_close(&b, explicit);
	der_close(&b, info);
	return buf_span(&b);
}

struct span
smime_lab_data(struct job *j)
{
	static const struct smime_letter usual;
	const char *part = part_of(&usual);
	BIO *bio = BIO_new_mem_buf(part, (int)strlen(part));
	CMS_ContentInfo *cms =
	    arena_own(j->arena, CMS_data_create(bio, CMS_BINARY), free_cms);
	unsigned char *der = NULL;
	int n = i2d_CMS_ContentInfo(cms, &der);

	BIO_free(bio);
	return take_der(j, der, n);
}

static void
add_base64(struct buf *b, struct span octets)
{
	for (size_t at = 0; at < octets.n; at += 54) {
		b64_add(b, span_cut(octets, at, at + 54));
		buf_add_str(b, "\r\n");
	}
}

static const char *
or_else(const char *text, const char *other)
{
	return text != NULL ? text : other;
}

struct span
smime_lab_around(struct job *j, const struct smime_letter *l, struct span cms)
{
	struct buf b;

	buf_init(&b, j->arena, 1 << 20);
	buf_addf(&b,
	    "From: %s\r\nTo: %s\r\nSubject: %s\r\n"
	    "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
	    "Message-ID: <1@user.test>\r\nIn-Reply-To: %s\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: %s\r\n",
	    or_else(l->from, "Alice <alice@user.test>"),
	    or_else(l->to, "acme+tag@ca.test"),
	    or_else(l->subject, "Re: ACME: toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q"),
	    or_else(l->in_reply_to, "<c1@ca.test>"),
	    or_else(l->type,
		l->opaque ? "application/pkcs7-mime; smime-type=signed-data"
			  : "multipart/signed; micalg=sha-256; boundary=\"b\";"
			    "\r\n protocol=\"application/pkcs7-signature\""));
	if (l->opaque) {
		buf_add_str(&b, "Content-Transfer-Encoding: base64\r\n\r\n");
		add_base64(&b, cms);
		return buf_span(&b);
	}
	buf_addf(&b, "\r\nThis is an S/MIME signed message\r\n\r\n--b\r\n%s",
	    l->shown != NULL ? l->shown : part_of(l));
	buf_add_str(&b,
	    "\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n");
	add_base64(&b, cms);
	buf_add_str(&b, "\r\n--b--\r\n");
	return buf_span(&b);
}

struct span
smime_lab_message(struct job *j, const struct smime_letter *l)
{
	return smime_lab_around(j, l, smime_lab_cms(j, l));
}

struct span
smime_lab_attribute(struct job *j, const struct smime_header *h, size_t count)
{
	size_t set, list, one;
	struct buf b;

	buf_init(&b, j->arena, 65536);
	set = der_open(&b, DER_SET);
	der_add(&b, DER_ENUMERATED, SPAN("\x01"));
	list = der_open(&b, DER_SEQUENCE);
	for (size_t i = 0; i < count; i++) {
		one = der_open(&b, DER_SEQUENCE);
		der_add(&b, 0x1a, span_str(h[i].name));
		der_add(&b, DER_UTF8_STRING, span_str(h[i].value));
		if (h[i].status >= 0)
			der_add_uint(&b, (uint64_t)h[i].status);
		der_close(&b, one);
	}
	der_close(&b, list);
	der_close(&b, set);
	return buf_span(&b);
}
