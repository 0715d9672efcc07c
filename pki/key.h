/*
 * Where the CA's private key lives, and the one function that uses it.
 *
 * A signer function takes a type tag and a finished to-be-signed structure
 * that pki/ built itself; no function outside pki/ signs a buffer (PK-203).
 */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include "lib/buf.h"

struct arena;
struct job;
struct remote_key;  /* pki/remote_key.h */
struct token_place; /* pki/token_key.h */
struct ca;          /* issuing CA: certificate, chain, key, throw-away key */

struct ca_files {
	const char *certificate; /* PEM, the issuing CA */
	const char *chain;       /* PEM, what stands above it */
	const char *key;         /* encrypted PKCS#8, PEM; NULL: no key
				  * (web and checks need none) */
	const char *passphrase_file;
	/* In place of key and passphrase_file: kept as it is given. */
	const struct token_place *token;
	/* The process that signs (PK-202): the token is asked for the first
	 * time by ca_ready(), and there is no throw-away key. */
	bool is_signer;
	/* In place of all of these: another process signs. */
	const struct remote_key *remote;
	/* Section 10 in full, as for one that is made now (L-50 to L-57). */
	bool is_public;
	bool lints; /* a throw-away key, although there is no key: another
		     * CA signs (PK-215) */
};

/*
 * Loads and checks: the key fits the certificate, the chain verifies to a
 * self-signed root, algorithms of pki.md 9.4, validity, CA fields of section
 * 10 (PK-120, PK-121, PK-124).  Makes the throw-away lint key (PK-137).
 * Lives as long as `keep`.  0, or -1 ERR_INTERNAL naming file and reason.
 */
int ca_load(struct job *j, struct arena *keep, const struct ca_files *files,
    const struct ca **out);

/*
 * For a rehearsal (PK-186): the CA of these files, whose key is not touched,
 * and the same with a throw-away key of its type.  What that one signs verifies
 * with *test and with nothing else.  0, or -1.
 */
int ca_rehearsal(struct job *j, struct arena *keep,
    const struct ca_files *files, const struct ca **real,
    const struct ca **test);

/* The first certificate of a PEM file, as DER (PK-105: caIssuers).  0, or -1
 * ERR_INTERNAL naming the file. */
int ca_certificate_read(
    struct job *j, struct arena *keep, const char *path, struct span *der);

/*
 * Another chain for the same leaves (AC-148), from a PEM file: the first
 * certificate has the issuing CA's name, key and purposes (PK-134), each next
 * one certifies the one before.  0 and its PEM, which lives as long as `keep`,
 * or -1 ERR_INTERNAL naming file and reason.
 */
int ca_alternate_load(struct job *j, struct arena *keep, const struct ca *ca,
    const char *path, struct span *pem);

/* PEM of the intermediates to deliver after the leaf (PK-148): the issuing
 * CA and what is above it, without the root unless the root is the issuing
 * CA itself (clients need two certificates). */
struct span ca_chain_pem(const struct ca *ca);
const char *ca_key_label(const struct ca *ca); /* hex SKI: for records */
/* What it signs certificates and lists with: "ecdsa-with-SHA256" … */
const char *ca_signature_algorithm(const struct ca *ca);
int64_t ca_not_after(const struct ca *ca);
/* Is this SubjectPublicKeyInfo the CA's own, or the lint key's (PK-65)? */
bool ca_has_key(const struct ca *ca, struct span spki);
/* Would the key sign now?  0; -1 ERR_BUSY while its token is away, which
 * this looks for again when that is due; -1 ERR_REFUSED when it refuses until a
 * person has mended it.  What is to be signed waits in both cases (PK-200). */
int ca_ready(struct job *j, const struct ca *ca);

/*
 * `countersign init` (private mode): a root and an issuing CA (pki.md
 * section 10), keys as encrypted PKCS#8 with scrypt, mode 0400, in `dir`:
 * root.pem, root-key.pem, issuing.pem, issuing-key.pem, ca-passphrase, and
 * the root's first CRL.  Refuses to overwrite anything.
 */
struct ca_init {
	const char *dir;
	const char *organization;
	const char *country;     /* two letters */
	const char *common_name; /* base of both common names */
	const char *key_type;    /* "p256", "p384", "rsa4096", "rsa3072" */
	const char *root_crl_url;
	const char *root_url; /* AIA caIssuers of the issuing CA */
};
int ca_init_create(struct job *j, const struct ca_init *in);

#endif
