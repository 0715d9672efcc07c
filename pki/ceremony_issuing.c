#include "config.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "pki/ceremony.h"
#include "pki/ossl.h"

#define PASSPHRASE_OCTETS 32
#define PASSPHRASE_MAX 1024
#define REQUEST_MAX 8192

static int
make_passphrase(struct ceremony *c)
{
	uint8_t octets[PASSPHRASE_OCTETS];
	struct buf b;

	rnd_bytes(octets, sizeof octets);
	buf_init_secret(&b, c->j->arena, 2 * PASSPHRASE_OCTETS);
	b64url_add(&b, span_mem(octets, sizeof octets));
	wipe(octets, sizeof octets);
	return ceremony_write(c, "ca-passphrase", 0400, buf_span(&b), false);
}

static int
open_key(struct ceremony *c, EVP_PKEY **key)
{
	struct span passphrase;

	return file_read_secret(c->j, ceremony_path(c, "ca-passphrase"),
		   PASSPHRASE_MAX, &passphrase) < 0
		   ? -1
		   : ca_key_open(c->j, ceremony_path(c, "issuing-key.pem"),
			 passphrase, key);
}

static int
make_key(struct ceremony *c, const char *key_type)
{
	struct span passphrase;
	struct span pem;
	EVP_PKEY *key = ca_key_generate(c->j->arena, key_type);

	if (key == NULL)
		return job_fail(c->j, ERR_INTERNAL,
		    "key type: must be p384 or rsa4096 (PK-116)");
	if (ca_key_check(c->j, key) < 0 ||
	    file_read_secret(c->j, ceremony_path(c, "ca-passphrase"),
		PASSPHRASE_MAX, &passphrase) < 0 ||
	    ca_key_seal(c->j, key, passphrase, &pem) < 0)
		return -1;
	return ceremony_write(c, "issuing-key.pem", 0400, pem, false);
}

/* PKCS#10: name, key, proof of possession. */
static int
make_request(struct ceremony *c, EVP_PKEY *key, struct span name)
{
	const unsigned char *p = ossl_bytes(name);
	X509_REQ *request = X509_REQ_new();
	X509_NAME *subject = d2i_X509_NAME(NULL, &p, (long)name.n);
	unsigned char *der = NULL;
	int n = 0;

	if (request != NULL && subject != NULL &&
	    X509_REQ_set_version(request, 0) == 1 &&
	    X509_REQ_set_subject_name(request, subject) == 1 &&
	    X509_REQ_set_pubkey(request, key) == 1 &&
	    X509_REQ_sign(request, key, EVP_sha384()) > 0)
		n = i2d_X509_REQ(request, &der);
	X509_REQ_free(request);
	X509_NAME_free(subject);
	if (n <= 0)
		return ossl_fail(c->j, "making the request");
	struct span pem =
	    ceremony_pem(c->j, "CERTIFICATE REQUEST", span_mem(der, (size_t)n));
	OPENSSL_free(der);
	return ceremony_write(c, "issuing.csr", 0644, pem, true);
}

int
ceremony_request(
    struct ceremony *c, const struct ca_subject *subject, const char *key_type)
{
	const char *problem = ca_subject_problem(subject);
	EVP_PKEY *key;

	if (problem != NULL)
		return job_fail(c->j, ERR_INTERNAL, "%s", problem);
	if (strcmp(key_type, "p384") != 0 && strcmp(key_type, "rsa4096") != 0)
		return job_fail(c->j, ERR_INTERNAL,
		    "key type: must be p384 or rsa4096 (PK-116)");
	if (ceremony_open(c, "request of an issuing CA") < 0 ||
	    (!ceremony_has(c, "ca-passphrase") && make_passphrase(c) < 0) ||
	    (!ceremony_has(c, "issuing-key.pem") &&
		make_key(c, key_type) < 0) ||
	    open_key(c, &key) < 0 || ceremony_key_check(c, key, key_type) < 0)
		return -1;
	if (transcript_add(c->j, &c->transcript,
		"issuing key: SHA-256 of its public half %s",
		ceremony_key_hash(c->j, ca_spki(c->j, key))) < 0)
		return -1;
	return make_request(c, key, ca_subject_name(c->j, subject));
}

static int
check_import(struct ceremony *c, const char *file,
    const struct ceremony_cert *own, const struct ceremony_cert *root)
{
	struct job *j = c->j;
	struct lint_ca_issuer issuer = { root->view.subject, { 0 },
		X509_get0_pubkey(root->x509), root->view.not_before,
		root->view.not_after };
	const struct lint_ca_input of_root = { .kind = CA_KIND_ROOT };
	const struct lint_ca_input of_own = { .kind = CA_KIND_ISSUING,
		.issuer = &issuer };
	EVP_PKEY *key;

	const char *problem = lint_ca(j->arena, &of_root, &root->view);
	if (problem != NULL)
		return job_fail(j, ERR_INTERNAL, "the root: %s", problem);
	(void)certview_subject_key_id(&root->view, &issuer.key_id);
	problem = lint_ca(j->arena, &of_own, &own->view);
	if (problem != NULL)
		return job_fail(j, ERR_INTERNAL, "%s: %s", file, problem);
	if (X509_verify(root->x509, X509_get0_pubkey(root->x509)) != 1 ||
	    X509_verify(own->x509, X509_get0_pubkey(root->x509)) != 1)
		return ossl_fail(j, "a signature does not verify");
	if (open_key(c, &key) < 0)
		return -1;
	if (EVP_PKEY_eq(key, X509_get0_pubkey(own->x509)) != 1)
		return job_fail(j, ERR_INTERNAL,
		    "%s: not for the key in this folder", file);
	return 0;
}

/* A renewal keeps name and key; the root never changes. */
static int
check_replaced(struct ceremony *c, const struct ceremony_cert *own,
    const struct ceremony_cert *root)
{
	struct ceremony_cert old;

	if (ceremony_has(c, "issuing.pem")) {
		if (ceremony_cert_read(
			c->j, ceremony_path(c, "issuing.pem"), &old) < 0)
			return -1;
		if (!span_eq(old.view.subject, own->view.subject) ||
		    !span_eq(old.view.spki, own->view.spki))
			return job_fail(c->j, ERR_CONFLICT,
			    "%s holds another CA: give each a folder of its "
			    "own (PK-135)",
			    c->dir);
	}
	if (ceremony_has(c, "root.pem")) {
		if (ceremony_cert_read(
			c->j, ceremony_path(c, "root.pem"), &old) < 0)
			return -1;
		if (!span_eq(old.view.der, root->view.der))
			return job_fail(c->j, ERR_CONFLICT,
			    "%s holds another root", c->dir);
	}
	return 0;
}

int
ceremony_import(struct ceremony *c, const char *certificate, const char *root)
{
	struct ceremony_cert own, above;

	if (ceremony_cert_read(c->j, certificate, &own) < 0 ||
	    ceremony_cert_read(c->j, root, &above) < 0 ||
	    check_import(c, certificate, &own, &above) < 0 ||
	    check_replaced(c, &own, &above) < 0)
		return -1;
	if (ceremony_open(c, "import of a certificate") < 0 ||
	    ceremony_write(c, "root.pem", 0444,
		ceremony_pem(c->j, "CERTIFICATE", above.view.der), true) < 0)
		return -1;
	return ceremony_write(c, "issuing.pem", 0444,
	    ceremony_pem(c->j, "CERTIFICATE", own.view.der), true);
}
