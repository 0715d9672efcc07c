#include "config.h"

#include "pki/key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/ca.h"
#include "pki/ca_build.h"
#include "pki/certview.h"
#include "pki/keycheck.h"
#include "pki/lint_ca.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "pki/remote_key.h"
#include "pki/token_key.h"

#define PEM_FILE_MAX (256 * 1024)
#define PASSPHRASE_MAX 1024
#define CHAIN_MAX 8

/* At a time, or NULL. */
static int
verify(struct job *j, X509_STORE *store, X509 *certificate, int purpose,
    const int64_t *when)
{
	X509_STORE_CTX *ctx =
	    ossl_own_store_ctx(j->arena, X509_STORE_CTX_new());

	if (ctx == NULL ||
	    X509_STORE_CTX_init(ctx, store, certificate, NULL) != 1)
		return ossl_fail(j, "X509_STORE_CTX_init");
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	if (when != NULL)
		X509_VERIFY_PARAM_set_time(param, (time_t)*when);
	if (purpose != 0 && X509_VERIFY_PARAM_set_purpose(param, purpose) != 1)
		return ossl_fail(j, "unknown purpose");
	int ok = X509_verify_cert(ctx);
	ERR_clear_error();
	if (ok == 1)
		return 0;
	return job_fail(j, ERR_INTERNAL, "verification: %s",
	    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
}

int
ca_verify(struct job *j, X509_STORE *store, X509 *certificate, int purpose,
    int64_t when)
{
	return verify(j, store, certificate, purpose, &when);
}

int
ca_verify_chain(
    struct job *j, const struct ca *ca, X509 *certificate, int purpose)
{
	return verify(j, ca->chain_store, certificate, purpose, NULL);
}

/* --- loading ------------------------------------------------------------- */

struct loader {
	struct job *j;
	struct arena *keep;
	const struct ca_files *files;
	struct ca *ca;
	STACK_OF(X509) * above; /* from the chain file */
	X509 *root;
	struct certview view; /* of the issuing CA */
};

static X509 *
next_pem_certificate(struct loader *l, BIO *bio, const char *path)
{
	X509 *x = ossl_read_x509(bio);

	if (x == NULL &&
	    ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		ossl_fail(l->j, path);
	ERR_clear_error();
	return x;
}

static BIO *
open_pem(struct loader *l, const char *path)
{
	struct span text;

	if (file_read(l->j, path, PEM_FILE_MAX, &text) < 0)
		return NULL;
	BIO *bio =
	    ossl_own_bio(l->j->arena, BIO_new_mem_buf(text.p, (int)text.n));
	if (bio == NULL)
		ossl_fail(l->j, path);
	return bio;
}

static int
load_certificate(struct loader *l)
{
	const char *path = l->files->certificate;
	BIO *bio = open_pem(l, path);

	if (bio == NULL)
		return -1;
	X509 *x = ossl_own_x509(l->keep, next_pem_certificate(l, bio, path));
	if (x == NULL)
		return job_fail(
		    l->j, ERR_INTERNAL, "%s: no certificate in PEM", path);
	X509 *more =
	    ossl_own_x509(l->j->arena, next_pem_certificate(l, bio, path));
	if (more != NULL)
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: more than the issuing CA's certificate; what is above "
		    "it belongs into the chain file",
		    path);
	l->ca->certificate = x;
	return l->j->err.kind == ERR_NONE ? 0 : -1;
}

static int
load_above(struct loader *l)
{
	const char *path = l->files->chain;
	X509 *x;

	l->above = ossl_own_certs(l->keep, sk_X509_new_null());
	if (path == NULL)
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: a chain file with the root is needed",
		    l->files->certificate);
	BIO *bio = open_pem(l, path);
	if (bio == NULL)
		return -1;
	while ((x = next_pem_certificate(l, bio, path)) != NULL) {
		if (sk_X509_num(l->above) >= CHAIN_MAX ||
		    sk_X509_push(l->above, x) <= 0) {
			X509_free(x);
			return job_fail(l->j, ERR_INTERNAL,
			    "%s: more than %d certificates", path, CHAIN_MAX);
		}
		if (X509_self_signed(x, 0) == 1)
			l->root = x;
	}
	if (l->j->err.kind != ERR_NONE)
		return -1;
	if (l->root == NULL)
		return job_fail(
		    l->j, ERR_INTERNAL, "%s: no self-signed root in it", path);
	return 0;
}

/* The certificate's octets, as they were signed, in the arena. */
static int
certificate_der(struct loader *l, X509 *x, struct span *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	if (n <= 0)
		return ossl_fail(l->j, "i2d_X509");
	*out = span_mem(arena_memdup(l->keep, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	return 0;
}

/* PK-132, PK-116: a signature and a key that pki.md 9.4 knows. */
static const char *
algorithm_problem(const struct certview *v, const EVP_PKEY *key)
{
	if (!span_eq(v->inner_algorithm, v->outer_algorithm) ||
	    !sig_alg_is_known(v->outer_algorithm))
		return "its signature algorithm is not one of SHA-256, SHA-384 "
		       "and SHA-512 with RSA (PKCS#1 v1.5) or ECDSA (PK-132)";
	if (key == NULL || sig_alg_for(key, CA_ROLE_ISSUING) == NULL)
		return "its key is neither RSA, P-256 nor P-384 (PK-116)";
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	    EVP_PKEY_get_bits(key) < 3072)
		return "its RSA key has less than 3072 bits (PK-116, PK-131)";
	return NULL;
}

const char *
ca_usage_problem(const struct certview *v)
{
	const struct cert_extension *e =
	    certview_extension(v, OID_EXT_KEY_USAGE);
	bool is_for_email = false;
	struct der list;
	struct der usage;

	if (e == NULL || der_only(e->value, DER_SEQUENCE, &list) < 0)
		return "extKeyUsage must be there (PK-122)";
	while (der_next(&list.body, &usage) == 1) {
		if (span_eq(usage.body, OID_EMAIL_PROTECTION))
			is_for_email = true;
		else if (!span_eq(usage.body, OID_CLIENT_AUTH))
			return "extKeyUsage names more than emailProtection "
			       "and clientAuth (PK-122)";
	}
	return is_for_email ? NULL
			    : "extKeyUsage lacks emailProtection (PK-122)";
}

/* Section 10's fields of the issuing CA. */
static const char *
fields_problem(const struct certview *v, struct span *key_id)
{
	const struct cert_extension *e;
	const char *problem;

	if (!v->is_v3 || span_eq(v->subject, v->issuer))
		return "it is a root, which issues to CAs only (PK-130)";
	e = certview_extension(v, OID_BASIC_CONSTRAINTS);
	if (e == NULL || !e->critical ||
	    !span_eq(e->value, SPAN("\x30\x06\x01\x01\xff\x02\x01\x00")))
		return "basicConstraints must be critical, CA, pathLen 0 "
		       "(PK-120)";
	e = certview_extension(v, OID_KEY_USAGE);
	if (e == NULL || !e->critical ||
	    !span_eq(e->value, SPAN("\x03\x02\x01\x06")))
		return "keyUsage must be critical, keyCertSign and cRLSign "
		       "(PK-121)";
	problem = ca_usage_problem(v);
	if (problem != NULL)
		return problem;
	if (certview_subject_key_id(v, key_id) != 1 || key_id->n == 0)
		return "subjectKeyIdentifier must be there (PK-124)";
	return NULL;
}

static int
check_certificate(struct loader *l)
{
	struct ca *ca = l->ca;
	struct span der = { 0 };
	const char *problem;

	if (certificate_der(l, ca->certificate, &der) < 0)
		return -1;
	if (certview_parse(der, &l->view) < 0)
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: the certificate is not strict DER",
		    l->files->certificate);
	if (span_has(l->view.subject, SPAN("REHEARSAL ")))
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: made in a rehearsal, which never issues (PK-213)",
		    l->files->certificate);
	ca->signer.public_key = X509_get0_pubkey(ca->certificate);
	problem = algorithm_problem(&l->view, ca->signer.public_key);
	if (problem == NULL)
		problem = fields_problem(&l->view, &ca->signer.key_id);
	if (problem != NULL)
		return job_fail(l->j, ERR_INTERNAL, "%s: %s",
		    l->files->certificate, problem);
	ca->signer.name = l->view.subject;
	ca->signer.alg = sig_alg_for(ca->signer.public_key, CA_ROLE_ISSUING);
	ca->label = hex_dup(l->keep, ca->signer.key_id);
	ca->not_before = l->view.not_before;
	ca->not_after = l->view.not_after;
	return 0;
}

/* PK-116 to PK-128: what a CA made by this program passes before it is signed.
 * In private mode any CA that can issue will do. */
static int
lint_issuing(struct loader *l, X509 *signer)
{
	struct certview v;
	struct span der = { 0 };
	struct lint_ca_issuer issuer;
	const char *problem;

	if (!l->files->is_public)
		return 0;
	if (certificate_der(l, signer, &der) < 0)
		return -1;
	if (certview_parse(der, &v) < 0 ||
	    certview_subject_key_id(&v, &issuer.key_id) != 1)
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: the CA above has no subjectKeyIdentifier (PK-124)",
		    l->files->chain);
	issuer.name = v.subject;
	issuer.key = X509_get0_pubkey(signer);
	issuer.not_before = v.not_before;
	issuer.not_after = v.not_after;
	const struct lint_ca_input in = { CA_KIND_ISSUING, &issuer, false };
	problem = lint_ca(l->j->arena, &in, &l->view);
	return problem == NULL
		   ? 0
		   : job_fail(l->j, ERR_INTERNAL, "%s: not for public mode: %s",
			 l->files->certificate, problem);
}

/* PK-117, 9.4: no curve signs with another curve's hash. */
static const char *
signature_problem(
    struct loader *l, const struct certview *v, const EVP_PKEY *signer)
{
	const struct sig_alg *follows = sig_alg_for(signer, CA_ROLE_ISSUING);

	if (follows == NULL || sig_alg_suits(signer, v->outer_algorithm))
		return NULL;
	return arena_printf(l->j->arena,
	    "its signature algorithm is not %s, which follows from its "
	    "signer's key (PK-117): have it signed again with that",
	    follows->name);
}

/* The verified way up: algorithms and ends of each, PEM without the root
 * (PK-148). */
static int
take_chain(struct loader *l, STACK_OF(X509) * chain)
{
	struct certview v;
	struct span der = { 0 };
	struct buf pem;

	buf_init(&pem, l->keep, PEM_FILE_MAX);
	int count = sk_X509_num(chain);
	for (int i = 0; i < count; i++) {
		X509 *x = sk_X509_value(chain, i);
		/* A root is its own. */
		X509 *signer = sk_X509_value(chain, i + 1 < count ? i + 1 : i);
		if (certificate_der(l, x, &der) < 0)
			return -1;
		const char *problem =
		    certview_parse(der, &v) < 0
			? "not strict DER"
			: algorithm_problem(&v, X509_get0_pubkey(x));
		if (problem == NULL)
			problem =
			    signature_problem(l, &v, X509_get0_pubkey(signer));
		if (problem != NULL)
			return job_fail(l->j, ERR_INTERNAL,
			    "%s: certificate %d: %s",
			    i == 0 ? l->files->certificate : l->files->chain, i,
			    problem);
		if (v.not_after < l->ca->not_after)
			l->ca->not_after = v.not_after;
		if (i + 1 < count)
			pem_add(&pem, "CERTIFICATE", der);
	}
	if (!buf_ok(&pem))
		return job_fail(l->j, ERR_INTERNAL, "the chain is too long");
	l->ca->chain_pem = buf_span(&pem);
	return 0;
}

static int
verify_chain(struct loader *l)
{
	X509_STORE *store = ossl_own_store(l->j->arena, X509_STORE_new());
	X509_STORE_CTX *ctx =
	    ossl_own_store_ctx(l->j->arena, X509_STORE_CTX_new());

	if (store == NULL || ctx == NULL ||
	    X509_STORE_add_cert(store, l->root) != 1 ||
	    X509_STORE_CTX_init(ctx, store, l->ca->certificate, l->above) != 1)
		return ossl_fail(l->j, l->files->chain);
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)l->j->now);
	X509_VERIFY_PARAM_set_flags(
	    param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	int ok = X509_verify_cert(ctx);
	ERR_clear_error();
	if (ok != 1)
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: does not lead to the root in %s: %s",
		    l->files->certificate, l->files->chain,
		    ossl_verify_problem(l->j->arena, ctx));
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	if (lint_issuing(l, sk_X509_value(chain, 1)) < 0)
		return -1;
	return take_chain(l, chain);
}

static X509_STORE *
anchor_store(struct arena *keep, X509 *anchor)
{
	X509_STORE *store = ossl_own_store(keep, X509_STORE_new());

	if (store == NULL || X509_STORE_add_cert(store, anchor) != 1 ||
	    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1)
		return NULL;
	return store;
}

/* Instead of the last step of X509_verify_cert(). */
static int
accept_chain(X509_STORE_CTX *ctx)
{
	(void)ctx;
	return 1;
}

static X509_STORE *
chain_store(struct arena *keep, X509 *anchor)
{
	X509_STORE *store = anchor_store(keep, anchor);

	if (store != NULL)
		X509_STORE_set_verify(store, accept_chain);
	return store;
}

static int
load_key(struct loader *l)
{
	const char *path = l->files->key;
	struct job *j = l->j;
	struct span passphrase = { 0 };
	struct span pem = { 0 };
	EVP_PKEY *key;
	int opened;

	if (l->files->passphrase_file == NULL)
		return job_fail(
		    j, ERR_INTERNAL, "%s: no passphrase file", path);
	if (file_read_private(j, path, PEM_FILE_MAX, &pem) < 0 ||
	    file_read_secret(
		j, l->files->passphrase_file, PASSPHRASE_MAX, &passphrase) < 0)
		return -1;
	/* PK-201 */
	if (!span_starts(pem, SPAN("-----BEGIN ENCRYPTED PRIVATE KEY-----")))
		return job_fail(j, ERR_INTERNAL,
		    "%s: not an encrypted PKCS#8 key in PEM: openssl pkcs8 "
		    "-topk8 -scrypt makes one of another key",
		    path);
	opened = ca_key_unseal(j, l->keep, pem, passphrase, &key);
	if (opened < 0)
		return job_context(j, "%s", path);
	if (opened == 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: the passphrase in %s does not open it: put the one "
		    "there that this key was encrypted with, or restore both "
		    "files from one backup",
		    path, l->files->passphrase_file);
	if (EVP_PKEY_eq(key, l->ca->signer.public_key) != 1)
		return job_fail(j, ERR_INTERNAL,
		    "%s: not the key of the certificate in %s", path,
		    l->files->certificate);
	l->ca->signer.key = signing_key_new(l->keep, key);
	return 0;
}

/* Wherever it is; nowhere: there is none here. */
static int
find_key(struct loader *l)
{
	const struct ca_files *files = l->files;
	struct signer *s = &l->ca->signer;

	if (files->remote != NULL) {
		s->key = remote_key_new(l->keep, files->remote, l->ca->label);
		return 0;
	}
	if (files->token == NULL)
		return files->key != NULL ? load_key(l) : 0;
	return (files->is_signer ? token_key_prepare : token_key_open)(
	    l->j, l->keep, files->token, s->public_key, &s->key);
}

/* PK-137: the same type and size as the CA's key. */
static EVP_PKEY *
make_lint_key(const EVP_PKEY *like)
{
	char group[32];
	size_t len;

	if (EVP_PKEY_get_base_id(like) == EVP_PKEY_RSA)
		return EVP_RSA_gen((size_t)EVP_PKEY_get_bits(like));
	if (EVP_PKEY_get_group_name(like, group, sizeof group, &len) != 1)
		return NULL;
	return EVP_EC_gen(group);
}

int
ca_lint_signer(struct job *j, struct arena *keep, const struct signer *of,
    struct signer *out)
{
	*out = *of;
	out->public_key = ossl_own_pkey(keep, make_lint_key(of->public_key));
	if (out->public_key == NULL)
		return ossl_fail(j, "making the lint key");
	out->key = signing_key_still(j, keep, out->public_key, out->alg);
	return out->key == NULL ? -1 : 0;
}

int
ca_stores_make(struct job *j, struct arena *keep, struct ca *ca)
{
	ca->store = anchor_store(keep, ca->certificate);
	ca->chain_store = chain_store(keep, ca->certificate);
	return ca->store != NULL && ca->chain_store != NULL
		   ? 0
		   : ossl_fail(j, "the store of the CA's certificate");
}

int
ca_load(struct job *j, struct arena *keep, const struct ca_files *files,
    const struct ca **out)
{
	struct loader l = { .j = j, .keep = keep, .files = files };

	l.ca = arena_alloc(keep, sizeof *l.ca);
	if (load_certificate(&l) < 0 || load_above(&l) < 0 ||
	    check_certificate(&l) < 0 || verify_chain(&l) < 0)
		return -1;
	if (ca_stores_make(j, keep, l.ca) < 0)
		return job_context(j, "%s", files->certificate);
	if (find_key(&l) < 0)
		return -1;
	if (!files->is_signer && (l.ca->signer.key != NULL || files->lints) &&
	    ca_lint_signer(j, keep, &l.ca->signer, &l.ca->lint) < 0)
		return -1;
	*out = l.ca;
	return 0;
}

struct span
ca_chain_pem(const struct ca *ca)
{
	return ca->chain_pem;
}

const char *
ca_key_label(const struct ca *ca)
{
	return ca->label;
}

const char *
ca_signature_algorithm(const struct ca *ca)
{
	return ca->signer.alg->name;
}

int64_t
ca_not_after(const struct ca *ca)
{
	return ca->not_after;
}

int
ca_ready(struct job *j, const struct ca *ca)
{
	const struct signing_key *key = ca->signer.key;

	return key == NULL || key->ready == NULL ? 0
						 : key->ready(j, key->context);
}

static bool
is_spki_of(EVP_PKEY *key, struct span spki)
{
	unsigned char *der = NULL;
	int n = key == NULL ? 0 : i2d_PUBKEY(key, &der);
	bool is_equal = n > 0 && span_eq(span_mem(der, (size_t)n), spki);

	OPENSSL_free(der);
	return is_equal;
}

bool
ca_has_key(const struct ca *ca, struct span spki)
{
	return is_spki_of(ca->signer.public_key, spki) ||
	       is_spki_of(ca->lint.public_key, spki);
}
