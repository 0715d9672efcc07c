/*
 * DKIM key records (RFC 6376 3.6.1, RFC 8301, RFC 8463; MA-33 to MA-36).
 *
 *	dkim_key_find()    the one record among the TXT records of an answer
 *	dkim_key_parse()   its tags and key, checked
 *	dkim_key_verify()  a signature over a SHA-256 hash
 */
#ifndef MAIL_DKIM_KEY_H
#define MAIL_DKIM_KEY_H

#include "dns/resolver.h"
#include "mail/finding.h"

#define DKIM_RECORD_MAX 8192 /* MA-33 */

struct job;
struct evp_pkey_st; /* OpenSSL's EVP_PKEY */
struct evp_pkey_ctx_st;

enum dkim_key_type { DKIM_KEY_RSA, DKIM_KEY_ED25519 };
/* "rsa-sha256", "ed25519-sha256"; "rsa", "ed25519". */
const char *dkim_key_algorithm(enum dkim_key_type t);
const char *dkim_key_type_name(enum dkim_key_type t);

struct dkim_key {
	enum dkim_key_type type;
	struct evp_pkey_st *pkey;         /* owned by the job's arena */
	struct evp_pkey_ctx_st *verifier; /* of RSA, likewise */
	unsigned bits;                    /* of the modulus; 256 for Ed25519 */
	size_t signature_len;
	struct span public_key; /* p=, decoded */
	bool is_testing;        /* t=y */
	bool is_strict;         /* t=s */
	char words[32];         /* "rsa-sha256, 2048 bits" */
};

/* The joined text of the only TXT record with p= in the answer (MA-33):
 * 0, or -1 with key.none, key.multiple, key.too-large or key.syntax. */
int dkim_key_find(struct job *j, const struct dns_answer *a,
    struct span *record, struct finding *f);

/* For signatures of the type `want`: 0, or -1 (key.*).  t=y is not refused
 * here, nor is a short RSA key of 1024 bits or more. */
int dkim_key_parse(struct job *j, struct span record, enum dkim_key_type want,
    struct dkim_key *out, struct finding *f);

enum dkim_key_verdict {
	DKIM_KEY_GOOD,
	DKIM_KEY_BAD,    /* the signature is not of this key and hash */
	DKIM_KEY_FAILED, /* could not be computed (MA-28) */
};
enum dkim_key_verdict dkim_key_verify(
    const struct dkim_key *k, const uint8_t hash[32], struct span signature);

#endif
