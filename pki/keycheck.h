/*
 * The quality of public keys: subject keys in requests (PK-68 to PK-75,
 * AC-134) and account keys in JWKs (AC-41 to AC-43).
 *
 * keycheck_key() judges a key that a library has already read; it says which
 * type it is and why it must not be used.  keycheck_spki() begins with the
 * octets of a SubjectPublicKeyInfo, whose AlgorithmIdentifier has one
 * spelling only (PK-69).
 */
#ifndef PKI_KEYCHECK_H
#define PKI_KEYCHECK_H

#include <openssl/types.h>

#include "pki/csr.h"

struct arena;

enum keycheck_use {
	KEYCHECK_ACCOUNT, /* AC-42: 2048 to 4096 bits, e below 2^64 */
	KEYCHECK_SUBJECT, /* PK-70: 2048, 3072, 4096 bits, e = 65537 */
	/* The same with an odd e from 65537 to 2^256 - 1. */
	KEYCHECK_ANY_EXPONENT,
};

/* NULL, or why not: a constant text for the client. */
const char *keycheck_key(
    EVP_PKEY *key, enum keycheck_use use, enum key_type *type);

/* The same for a SubjectPublicKeyInfo; the key, read once, belongs to the
 * arena. */
const char *keycheck_spki(struct arena *a, struct span spki,
    enum keycheck_use use, enum key_type *type, EVP_PKEY **key);

/* "RSA", "P-256" … for people. */
const char *key_type_name(enum key_type type);
/* "RSA 2048", "P-256" …; and as the configuration writes it, "rsa-2048". */
const char *key_kind_name(enum key_kind kind);
const char *key_kind_word(enum key_kind kind);
/* Of a subject key that keycheck_key() has found good; -1: none of them. */
int key_kind_of(const EVP_PKEY *key, enum key_type type, enum key_kind *out);
enum key_type key_kind_type(enum key_kind kind);
bool key_type_is_ec(enum key_type type);
bool key_type_only_signs(enum key_type type); /* Ed25519, Ed448 */
/* The AlgorithmIdentifier of pki.md 9.4. */
struct span key_type_algorithm(enum key_type type);

/* The parts of a SubjectPublicKeyInfo whose type is one of ours: the bits of
 * the key without the octet of unused bits.  0 or -1. */
int spki_split(struct span spki, enum key_type *type, struct span *key_bits);

/*
 * SHA-256 of the bare key (PK-76): of the modulus of an RSA key without the
 * octet that keeps it positive, of the point otherwise, so that another
 * exponent or encoding is the same key.  0, or -1 as spki_split().
 */
int spki_bare_sha256(struct span spki, uint8_t out[32]);

#endif
