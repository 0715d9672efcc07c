#include "config.h"

#include <openssl/x509.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "pki/ceremony_backup.h"
#include "pki/ceremony_key.h"
#include "pki/ceremony_lock.h"
#include "pki/ceremony_root.h"
#include "pki/ossl.h"

#define REQUEST "request of an issuing CA"

static int
check_key_type(struct ceremony *c, const char *key_type)
{
	if (strcmp(key_type, "p384") == 0 || strcmp(key_type, "rsa4096") == 0)
		return 0;
	return job_fail(
	    c->j, ERR_INTERNAL, "key type: must be p384 or rsa4096 (PK-116)");
}

/* PKCS#10: name, key, proof of possession. */
static int
make_request(struct ceremony *c, const struct ceremony_key *k, struct span name)
{
	struct signer s;
	struct span spki, der;

	if (ceremony_key_signer(c, k, CA_ROLE_ISSUING, name, &s, &spki) < 0 ||
	    transcript_add(c->j, &c->transcript,
		"issuing key: SHA-256 of its public half %s",
		ceremony_key_hash(c->j, spki)) < 0 ||
	    ca_request_make(c->j, &s, &der) < 0)
		return -1;
	return ceremony_write(c, "issuing.csr", 0644,
	    ceremony_pem(c->j, "CERTIFICATE REQUEST", der), true);
}

/* An act that makes a key begins the transcript first: what was there before
 * such an act was put there. */
static int
find_restored(struct ceremony *c, struct ceremony_key *k)
{
	struct transcript t;

	if (!k->is_there)
		return 0;
	if (transcript_open(c->j, ceremony_path(c, "transcript"), &t) < 0)
		return -1;
	k->is_restored = !transcript_says(&t, "act: " REQUEST);
	return 0;
}

static int
request(
    struct ceremony *c, const struct ca_subject *subject, const char *key_type)
{
	const char *problem = ca_subject_problem(subject);
	struct ceremony_key k;
	struct span name;

	if (problem != NULL)
		return job_fail(c->j, ERR_INTERNAL, "%s", problem);
	name = ca_subject_name(c->j, subject);
	if (check_key_type(c, key_type) < 0 ||
	    ceremony_key_plan(c, "issuing", ceremony_is_rehearsal(name), &k) <
		0 ||
	    find_restored(c, &k) < 0 || ceremony_open(c, REQUEST) < 0 ||
	    ceremony_key_take(c, &k, key_type) < 0 ||
	    make_request(c, &k, name) < 0 || ceremony_key_close(c, &k) < 0)
		return -1;
	return ceremony_finish(c, REQUEST);
}

int
ceremony_request(
    struct ceremony *c, const struct ca_subject *subject, const char *key_type)
{
	return ceremony_lock(c) < 0
		   ? -1
		   : ceremony_unlock(c, request(c, subject, key_type));
}

/* The request that was made here tells the key before that is opened. */
static int
check_request(
    struct ceremony *c, const char *file, const struct ceremony_cert *own)
{
	struct ceremony_request_parts request;

	if (!ceremony_has(c, "issuing.csr"))
		return 0;
	if (ceremony_request_read(
		c->j, ceremony_path(c, "issuing.csr"), &request) < 0)
		return -1;
	if (span_eq(request.spki, own->view.spki))
		return 0;
	return job_fail(
	    c->j, ERR_INTERNAL, "%s: not for the key in this folder", file);
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
	const char *problem;

	problem = lint_ca(j->arena, &of_root, &root->view);
	if (problem != NULL)
		return job_fail(j, ERR_INTERNAL, "the root: %s", problem);
	(void)certview_subject_key_id(&root->view, &issuer.key_id);
	problem = lint_ca(j->arena, &of_own, &own->view);
	if (problem != NULL)
		return job_fail(j, ERR_INTERNAL, "%s: %s", file, problem);
	if (X509_verify(root->x509, X509_get0_pubkey(root->x509)) != 1 ||
	    X509_verify(own->x509, X509_get0_pubkey(root->x509)) != 1)
		return ossl_fail(j, "a signature does not verify");
	return check_request(c, file, own);
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
		if (own->view.not_before < old.view.not_before)
			return job_fail(c->j, ERR_CONFLICT,
			    "it is older than the certificate in %s, which is "
			    "valid from %s on: give the renewed one",
			    c->dir,
			    clock_rfc3339(c->j->arena, old.view.not_before));
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

/* The key is there, and is the certificate's. */
static int
take_key(struct ceremony *c, const struct ceremony_cert *own,
    struct ceremony_key *k, struct signer *s)
{
	struct span spki;

	if (ceremony_key_take(c, k, NULL) < 0)
		return -1;
	if (EVP_PKEY_eq(k->pkey, X509_get0_pubkey(own->x509)) != 1)
		return job_fail(c->j, ERR_INTERNAL,
		    "%s: its certificate is not for the key in this folder",
		    c->dir);
	return ceremony_key_signer(
	    c, k, CA_ROLE_ISSUING, own->view.subject, s, &spki);
}

static int
plan(
    struct ceremony *c, const struct ceremony_cert *own, struct ceremony_key *k)
{
	return ceremony_key_plan(c, "issuing",
		   ceremony_is_rehearsal(own->view.subject), k) < 0
		   ? -1
		   : ceremony_backup_check(c, k);
}

/* Why the list may be out, as far as the folder knows; NULL: it is not. */
static const char *
list_obstacle(const struct ceremony *c)
{
	if (transcript_says(&c->transcript, "written: issuing.crl, "))
		return "the transcript tells of one that is not here";
	if (!transcript_says(&c->transcript, "issuing key: made"))
		return "the key was not made in this folder, and where it was, "
		       "there may be one";
	return NULL;
}

/* No list is no loss: no service waits for it. */
static int
leave_list(struct ceremony *c, const char *why)
{
	const char *line = arena_printf(c->j->arena,
	    "issuing.crl: not made: %s; the service begins with number 2", why);

	c->tell(c->context, line);
	return transcript_add(c->j, &c->transcript, "%s", line);
}

/*
 * Step 10, once: no two with this number.  Before there is a certificate in the
 * folder, the service has not begun; where there is one, it may have, and lists
 * are its affair.  A key that came from its backup may have a list elsewhere.
 */
static int
first_list(struct ceremony *c, const struct signer *s)
{
	struct crl_input list = { .number = CRL_NUMBER_OF_CEREMONY,
		.this_update = c->j->now,
		.next_update = crl_next_update(c->j->now) };
	const char *why = list_obstacle(c);

	if (ceremony_has(c, "issuing.crl"))
		return ceremony_list_read(
		    c, "issuing.crl", s->public_key, &list);
	if (ceremony_has(c, "issuing.pem"))
		return 0;
	if (why != NULL)
		return leave_list(c, why);
	if (c->lint == NULL &&
	    transcript_add(c->j, &c->transcript, "others' linters: none") < 0)
		return -1;
	return ceremony_list_write(c, "issuing.crl", s, CA_ROLE_ISSUING, &list);
}

static int
import(struct ceremony *c, const char *certificate, const char *root)
{
	struct ceremony_cert own, above;
	struct ceremony_key k;
	struct signer s = { .key = NULL };

	if (ceremony_cert_read(c->j, certificate, &own) < 0 ||
	    ceremony_cert_read(c->j, root, &above) < 0 ||
	    check_import(c, certificate, &own, &above) < 0 ||
	    check_replaced(c, &own, &above) < 0 || plan(c, &own, &k) < 0 ||
	    ceremony_open(c, CEREMONY_IMPORT) < 0 ||
	    take_key(c, &own, &k, &s) < 0 || first_list(c, &s) < 0)
		return -1;
	if (ceremony_write(c, "root.pem", 0444,
		ceremony_pem(c->j, "CERTIFICATE", above.view.der), true) < 0 ||
	    ceremony_write(c, "issuing.pem", 0444,
		ceremony_pem(c->j, "CERTIFICATE", own.view.der), true) < 0 ||
	    ceremony_backup_make(c, &k, &s) < 0 ||
	    ceremony_key_close(c, &k) < 0)
		return -1;
	return ceremony_finish(c, CEREMONY_IMPORT);
}

int
ceremony_import(struct ceremony *c, const char *certificate, const char *root)
{
	return ceremony_lock(c) < 0
		   ? -1
		   : ceremony_unlock(c, import(c, certificate, root));
}

int
ceremony_backup_issuing(struct ceremony *c)
{
	struct ceremony_cert own;
	struct ceremony_key k;
	struct signer s;

	if (!ceremony_has(c, "issuing.pem"))
		return job_fail(c->j, ERR_INTERNAL,
		    "%s: holds neither a root nor an issuing CA that has its "
		    "certificate (ca import)",
		    c->dir);
	if (ceremony_cert_read(c->j, ceremony_path(c, "issuing.pem"), &own) <
		0 ||
	    plan(c, &own, &k) < 0 ||
	    ceremony_open(c, "backup of an issuing CA") < 0 ||
	    take_key(c, &own, &k, &s) < 0 ||
	    ceremony_backup_make(c, &k, &s) < 0 ||
	    ceremony_key_close(c, &k) < 0)
		return -1;
	return ceremony_finish(c, "backup of an issuing CA");
}
