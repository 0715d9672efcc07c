#include "config.h"

#include "tests/unit/signer_lab.h"

#include "tests/unit/unit.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit_folder.h"

#define YEAR 31536000

static void
x509_release(void *x)
{
	X509_free(x);
}

static void
pkey_release(void *x)
{
	EVP_PKEY_free(x);
}

static EVP_PKEY *
make_key(struct job *j, const char *type)
{
	EVP_PKEY *key;

	if (strncmp(type, "RSA", 3) == 0)
		key = EVP_RSA_gen((unsigned)strtoul(type + 3, NULL, 10));
	else if (strcmp(type, "ED25519") == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, type);
	else
		key = EVP_EC_gen(type);
	assert_non_null(key);
	return arena_own(j->arena, key, pkey_release);
}

struct issuing {
	struct job *j;
	const char *name;
	EVP_PKEY *key;
	X509 *issuer; /* NULL: itself */
	EVP_PKEY *issuer_key;
	int64_t from, to;
	long serial;
};

static void
add_extension(X509 *x, const struct issuing *i, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	if (value[0] == '\0')
		return;
	X509V3_set_ctx(
	    &ctx, i->issuer == NULL ? x : i->issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static X509 *
begin(const struct issuing *i)
{
	X509 *x = arena_own(i->j->arena, X509_new(), x509_release);
	X509_NAME *name = X509_get_subject_name(x);

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), i->serial);
	ASN1_TIME_set(X509_getm_notBefore(x), i->j->now + i->from);
	ASN1_TIME_set(X509_getm_notAfter(x), i->j->now + i->to);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)i->name, -1, -1, 0);
	X509_set_issuer_name(
	    x, i->issuer == NULL ? name : X509_get_subject_name(i->issuer));
	X509_set_pubkey(x, i->key);
	add_extension(x, i, NID_subject_key_identifier, "hash");
	if (i->issuer != NULL)
		add_extension(x, i, NID_authority_key_identifier, "keyid");
	return x;
}

static X509 *
finish(const struct issuing *i, X509 *x)
{
	bool ed25519 = EVP_PKEY_get_base_id(i->issuer_key) == EVP_PKEY_ED25519;

	assert_true(
	    X509_sign(x, i->issuer_key, ed25519 ? NULL : EVP_sha256()) > 0);
	return x;
}

static X509 *
make_ca(const struct issuing *i)
{
	X509 *x = begin(i);

	add_extension(x, i, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(x, i, NID_key_usage, "critical,keyCertSign,cRLSign");
	return finish(i, x);
}

static const char *
either(const char *given, const char *usual)
{
	return given != NULL ? given : usual;
}

static X509 *
make_leaf(const struct issuing *i, const struct signer_lab_leaf *how)
{
	X509 *x = begin(i);

	add_extension(
	    x, i, NID_basic_constraints, either(how->basic, "CA:FALSE"));
	add_extension(x, i, NID_key_usage,
	    either(how->usage, "critical,digitalSignature"));
	add_extension(
	    x, i, NID_ext_key_usage, either(how->extended, "emailProtection"));
	add_extension(x, i, NID_subject_alt_name,
	    either(how->names, "email:acme@ca.test"));
	return finish(i, x);
}

static void
write_key(const char *path, EVP_PKEY *key)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(
	    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0400), 0);
}

void
signer_lab_write(
    struct job *j, const struct signer_lab *lab, X509 *const *certificates)
{
	FILE *f = fopen(lab->files.certificate, "wb");

	(void)j;
	assert_non_null(f);
	for (size_t i = 0; certificates[i] != NULL; i++)
		assert_int_equal(PEM_write_X509(f, certificates[i]), 1);
	assert_int_equal(fclose(f), 0);
}

void
signer_lab_make(
    struct job *j, const struct signer_lab_leaf *how, struct signer_lab *out)
{
	static const struct signer_lab_leaf usual;
	const struct signer_lab_leaf *l = how != NULL ? how : &usual;
	EVP_PKEY *root_key = make_key(j, "P-256"),
		 *ca_key = make_key(j, "P-256");
	struct issuing root = { j, "Root", root_key, NULL, root_key, -YEAR,
		9 * (int64_t)YEAR, 1 };
	struct issuing ca = { j, "Intermediate", ca_key, NULL, root_key, -YEAR,
		5 * (int64_t)YEAR, 2 };
	struct issuing leaf = { j, "Signer", NULL, NULL, ca_key,
		l->from != 0 ? l->from : -3600, l->to != 0 ? l->to : YEAR, 3 };

	*out = (struct signer_lab){ .how = *l,
		.key = make_key(j, either(l->key, "P-256")),
		.files = { unit_path("signer.pem"), unit_path("signer.key") } };
	out->root = make_ca(&root);
	ca.issuer = out->root;
	out->intermediate = make_ca(&ca);
	leaf.key = out->key;
	leaf.issuer = l->self_signed ? NULL : out->intermediate;
	if (l->self_signed)
		leaf.issuer_key = out->key;
	out->leaf = make_leaf(&leaf, l);
	signer_lab_write(j, out,
	    (X509 *const[]){ out->leaf,
		l->self_signed ? NULL : out->intermediate, out->root, NULL });
	(void)unlink(out->files.key);
	write_key(out->files.key, out->key);
}

const struct smime_signer *
signer_lab_load(struct job *j, const struct signer_lab *lab)
{
	const struct smime_signer *s;

	assert_int_equal(
	    smime_signer_load(j, j->arena, &lab->files, "acme@ca.test", &s), 0);
	return s;
}
