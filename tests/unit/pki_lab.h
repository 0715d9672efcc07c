/*
 * For the tests of pki/: a CA on disk, keys of each type, and certificate
 * requests with one thing out of order.
 */
#ifndef TESTS_UNIT_PKI_LAB_H
#define TESTS_UNIT_PKI_LAB_H

#include <openssl/types.h>

#include "pki/ca.h"
#include "pki/csr.h"
#include "pki/profile.h"

struct certview;
struct issue_input;
struct job;

#define LAB_CRL_URL "http://crl.example.com/issuing.crl"
#define LAB_CA_ISSUERS_URL "http://ca.example.com/issuing.cer"

/* Multipurpose, with every class and key: where the profile does not
 * matter. */
extern const struct profile lab_profile;
#define LAB_PROFILE (&lab_profile)
#define LAB_ANY_CLASS (PROFILE_BIT(KEY_CLASS_DUAL + 1) - 1)
#define LAB_ANY_KEY (PROFILE_BIT(KEY_KIND_COUNT) - 1)

/* 2026-11-23T12:00:00Z: when the CAs are made and everything happens. */
#define LAB_NOW 1795435200
/* unit_job() at that time. */
struct job *lab_job(void);

/* A folder for this process, removed when it ends. */
const char *lab_folder(void);

/* A file there or elsewhere, and what is in it (64 KiB at most). */
const char *lab_path(struct job *j, const char *where, const char *name);
struct span lab_file(struct job *j, const char *path);

/* A CA of this type ("p256", "p384", "rsa3072", "rsa4096"), made with
 * ca_init_create() on the first call and loaded with its key. */
const struct ca *lab_ca(const char *key_type);
/* The folder it lies in. */
const char *lab_ca_folder(const char *key_type);

/* Its key, read from its file; the caller frees it. */
EVP_PKEY *lab_ca_key(const char *key_type);

/* A key of this type, the same on each call; `bits` for RSA. */
EVP_PKEY *lab_key(enum key_type type, int bits);
/* Its SubjectPublicKeyInfo. */
struct span lab_spki(struct job *j, EVP_PKEY *key);
struct span lab_x509_der(struct job *j, X509 *x);

/* A certificate that must come about: its DER. */
struct span lab_issue(
    struct job *j, const struct ca *ca, const struct issue_input *in);
/* An extension's value in hexadecimal, "" if there is none. */
const char *lab_value_hex(
    struct job *j, const struct certview *v, struct span oid);

#define LAB_NO_KEY_USAGE (-1)

struct lab_csr {
	EVP_PKEY *key;
	const char *digest;     /* NULL: SHA256, none for Ed25519, Ed448 */
	struct span rdns;       /* of the subject */
	struct span names;      /* GeneralName elements; p NULL: no SAN */
	int key_usage;          /* bit i is 1 << i; LAB_NO_KEY_USAGE */
	struct span extensions; /* more Extension elements */
	struct span attributes; /* more Attribute elements, before the
				 * extensionRequest in the order of SET OF */
	struct span spki;       /* in place of the key's */
	struct span algorithm;  /* in place of the right one */
	int version;
	bool pss;     /* RSA with PSS, salt as long as the hash … */
	int pss_salt; /* … or, above 0, so long */
};

/* A good one for mailbox and key: no subject, no keyUsage. */
struct lab_csr lab_csr(struct job *j, EVP_PKEY *key, const char *mailbox);
struct span lab_csr_make(struct job *j, const struct lab_csr *c);

/* Pieces of DER. */
struct span lab_der(struct job *j, uint8_t tag, struct span body);
struct span lab_join(struct job *j, struct span a, struct span b);
struct span lab_rfc822(struct job *j, const char *mailbox);
struct span lab_smtp_utf8(struct job *j, const char *mailbox);
struct span lab_rdn(
    struct job *j, struct span oid, uint8_t tag, struct span value);
struct span lab_extension(
    struct job *j, struct span oid, bool critical, struct span value);
struct span lab_named_bits(struct job *j, unsigned bits);
struct span lab_copy(struct job *j, struct span s);

/* Octets written as hexadecimal, blanks between allowed. */
struct span lab_hex(struct job *j, const char *text);
/*
 * DER as it is read by people: octets in lower-case hexadecimal, { … } around
 * the contents of the element whose tag stands before, 'text' as it is, and a
 * capital letter for a piece that the caller has: words[0] is A.
 *
 *	30{ 0603551d14 04{ 020101 } }
 */
#define LAB_WORDS 26
struct span lab_notation(
    struct job *j, const char *text, const struct span words[LAB_WORDS]);

#endif
