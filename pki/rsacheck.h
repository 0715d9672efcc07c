/*
 * The numbers of an RSA public key (PK-70 to PK-73, AC-42).
 */
#ifndef PKI_RSACHECK_H
#define PKI_RSACHECK_H

#include <openssl/types.h>
#include <stdbool.h>

#include "pki/keycheck.h"

/* AC-42; one more round than PK-72 asks for would do, both get these. */
#define RSA_FERMAT_ROUNDS 110

/* NULL, or why the key must not be used: a constant text. */
const char *rsa_check_numbers(
    const BIGNUM *n, const BIGNUM *e, enum keycheck_use use);
/* One of its texts, or of keycheck.h's: does it say that whoever sees the key
 * can compute the private one (PK-71 to PK-73)? */
bool rsa_reason_is_compromise(const char *reason);

#endif
