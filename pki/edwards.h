/*
 * The point of an Ed25519 or Ed448 public key (RFC 8032 5.1.3, 5.2.3): encoded
 * in the one way there is, on the curve, and not of small order (AC-43, PK-75).
 */
#ifndef PKI_EDWARDS_H
#define PKI_EDWARDS_H

#include <openssl/types.h>
#include <stddef.h>

#include "pki/csr.h"

/* Octets of such a key; 0 for a type that is none. */
size_t edwards_len(enum key_type type);

/* NULL, or why the key must not be used: a constant text.  A type that is none
 * of the two "cannot be checked". */
const char *edwards_check(EVP_PKEY *key, enum key_type type);

#endif
