/*
 * The pieces of a hierarchy (pki.md section 10): names, keys, certificates.
 * `countersign init` and the ceremony put them together.
 */
#ifndef PKI_CA_BUILD_H
#define PKI_CA_BUILD_H

#include "pki/ca.h"
#include "pki/lint_ca.h"
#include "pki/linter.h"

/* PK-119: all three are needed and name who it is. */
struct ca_subject {
	const char *country;
	const char *organization;
	const char *common_name;
};
#define CA_COMMON_NAME_MAX 64
/* NULL, or which part is wrong and why. */
const char *ca_subject_problem(const struct ca_subject *s);
struct span ca_subject_name(struct job *j, const struct ca_subject *s);

/* "p256", "p384", "rsa3072", "rsa4096"; NULL for another type. */
EVP_PKEY *ca_key_generate(struct arena *a, const char *type);
/* PK-210: signs and verifies; the checks of 7.3 on the public half; p and q
 * of an RSA key far enough apart (FIPS 186-4 B.3.3: more than 2 to the
 * power of half its bits less 100).  0, or -1 ERR_INTERNAL. */
int ca_key_check(struct job *j, EVP_PKEY *key);
/* PK-201: PKCS#8 in PEM, scrypt, AES-256-CBC. */
int ca_key_seal(
    struct job *j, EVP_PKEY *key, struct span passphrase, struct span *pem);
/* A random one to seal with: 256 bits as base64url, wiped with the arena. */
struct span ca_key_passphrase(struct arena *a);
/* What is sealed, in the arena `keep`: 1, 0 if the passphrase does not open it,
 * or -1 ERR_INTERNAL if there is no memory for that. */
int ca_key_unseal(struct job *j, struct arena *keep, struct span pem,
    struct span passphrase, EVP_PKEY **key);
/* The same of a file, in the job's arena: 0, or -1 ERR_INTERNAL. */
int ca_key_open(
    struct job *j, const char *path, struct span passphrase, EVP_PKEY **key);

/* Fills signer and SubjectPublicKeyInfo from key and name. */
int ca_signer_make(struct job *j, EVP_PKEY *key, enum ca_role role,
    struct span name, struct signer *s, struct span *spki);
struct span ca_spki(struct job *j, EVP_PKEY *key);

#define CA_POLICIES_MAX 8

struct ca_template {
	enum ca_kind kind; /* root or issuing CA */
	struct span subject;
	struct span spki;
	struct span key_id;
	/* Of an issuing CA. */
	const char *crl_url;
	const char *ca_issuers_url;
	const char *const *permitted; /* PK-128 */
	size_t permitted_count;
	bool client_auth; /* clientAuth as well (PK-122) */
	const struct span
	    *policies;         /* own ones, beside the reserved (PK-123) */
	size_t policy_count;   /* at most CA_POLICIES_MAX */
	bool is_demonstration; /* lint_ca.h */
	const struct lint_judge *judge; /* others' linters; NULL: none */
};

/*
 * Fields, lints, signature, and the result parsed and verified again
 * (PK-136, PK-138).  The validity is the kind's, cut at the issuer's end;
 * `issuer` is NULL for a root.  0, or -1 ERR_INTERNAL naming the lint.
 */
int ca_certificate_make(struct job *j, const struct signer *signer,
    const struct lint_ca_issuer *issuer, const struct ca_template *t,
    struct span *der);
/* PK-122, PK-142: may a CA be made now with clientAuth?  0, or -1 saying from
 * when on it may not, whenever its certificate begins. */
int ca_dates_check(struct job *j, bool client_auth);
/*
 * A request of this CA's own (RFC 2986): its name, its key, and the proof that
 * its private half is there, verified before it is given (PK-210).  0, or -1.
 */
int ca_request_make(struct job *j, const struct signer *s, struct span *der);
/* Has it name, key and extensions of the template, whatever its dates? */
bool ca_certificate_fits(struct job *j, const struct signer *signer,
    const struct ca_template *t, struct span der);

#endif
