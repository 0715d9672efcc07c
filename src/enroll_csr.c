#include "config.h"

#include "src/enroll_csr.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/ossl.h"

#include <string.h>

static const char *const usages[] = {
	[ENROLL_BOTH] = "both",
	[ENROLL_SIGN] = "sign",
	[ENROLL_ENCRYPT] = "encrypt",
};
#define USAGE_COUNT COUNT(usages)

int
enroll_usage_parse(const char *name, enum enroll_usage *out)
{
	for (size_t i = 0; i < USAGE_COUNT; i++) {
		if (strcmp(name, usages[i]) == 0) {
			*out = (enum enroll_usage)i;
			return 1;
		}
	}
	return 0;
}

/* GENERAL_NAMES of mailboxes: SmtpUTF8Mailbox where the local part is not
 * ASCII (RFC 9598), rfc822Name else. */
static int
add_name(GENERAL_NAMES *names, const char *mailbox)
{
	bool is_ascii = span_is_ascii(span_str(mailbox));
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *text = ASN1_STRING_type_new(
	    is_ascii ? V_ASN1_IA5STRING : V_ASN1_UTF8STRING);
	ASN1_TYPE *value = NULL;

	if (name == NULL || text == NULL ||
	    ASN1_STRING_set(text, mailbox, (int)strlen(mailbox)) != 1)
		goto fail;
	if (is_ascii) {
		GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
	} else {
		value = ASN1_TYPE_new();
		if (value == NULL)
			goto fail;
		ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
		text = NULL;
		if (GENERAL_NAME_set0_othername(name,
			OBJ_nid2obj(NID_id_on_SmtpUTF8Mailbox), value) != 1)
			goto fail;
	}
	if (sk_GENERAL_NAME_push(names, name) > 0)
		return 0;
	GENERAL_NAME_free(name);
	return -1;
fail:
	ASN1_TYPE_free(value);
	ASN1_STRING_free(text);
	GENERAL_NAME_free(name);
	return -1;
}

static int
add_names(STACK_OF(X509_EXTENSION) * *list, const struct enroll_request *r)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	int result = names != NULL ? 0 : -1;

	for (size_t i = 0; i < r->mailbox_count && result == 0; i++)
		result = add_name(names, r->mailboxes[i]);
	if (result == 0 && X509V3_add1_i2d(list, NID_subject_alt_name, names, 0,
			       X509V3_ADD_DEFAULT) != 1)
		result = -1;
	GENERAL_NAMES_free(names);
	return result;
}

/* PK section 7.2: the bits by usage and by what the key can do. */
static int
add_key_usage(STACK_OF(X509_EXTENSION) * *list, const struct enroll_request *r)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	bool is_rsa = EVP_PKEY_is_a(r->key, "RSA");
	int result = -1;

	/* digitalSignature 0, keyEncipherment 2, keyAgreement 4 */
	if (bits != NULL &&
	    (r->usage == ENROLL_ENCRYPT ||
		ASN1_BIT_STRING_set_bit(bits, 0, 1) == 1) &&
	    (r->usage == ENROLL_SIGN ||
		ASN1_BIT_STRING_set_bit(bits, is_rsa ? 2 : 4, 1) == 1) &&
	    X509V3_add1_i2d(list, NID_key_usage, bits, 1, X509V3_ADD_DEFAULT) ==
		1)
		result = 0;
	ASN1_BIT_STRING_free(bits);
	return result;
}

static const EVP_MD *
digest_of(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "ED25519")) /* has its own */
		return NULL;
	return EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha256();
}

static int
fill(X509_REQ *req, const struct enroll_request *r)
{
	STACK_OF(X509_EXTENSION) *list = NULL;
	int result = -1;

	/* No subject: the CA composes it, and a name there could only
	 * contradict (PK-60). */
	if (X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
	    X509_REQ_set_pubkey(req, r->key) == 1 && add_names(&list, r) == 0 &&
	    add_key_usage(&list, r) == 0 &&
	    X509_REQ_add_extensions(req, list) == 1 &&
	    X509_REQ_sign(req, r->key, digest_of(r->key)) > 0)
		result = 0;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return result;
}

int
enroll_csr(struct job *j, const struct enroll_request *r, struct span *der)
{
	X509_REQ *req = X509_REQ_new();
	unsigned char *p = NULL;
	int n = -1;

	if (req != NULL && fill(req, r) == 0)
		n = i2d_X509_REQ(req, &p);
	X509_REQ_free(req);
	if (n <= 0)
		return ossl_fail(j, "cannot make the certificate request");
	*der = span_mem(arena_memdup(j->arena, p, (size_t)n), (size_t)n);
	OPENSSL_free(p);
	return 0;
}
