/*
 * The proof of possession in a certificate request: which algorithms it may
 * have, and whether it verifies (PK-57, AC-133).
 */
#ifndef PKI_CSR_PROOF_H
#define PKI_CSR_PROOF_H

#include <openssl/types.h>

#include "pki/csr.h"
#include "pki/der.h"

/* A CertificationRequest of RFC 2986, taken apart. */
struct csr_signed {
	struct span info; /* what is signed */
	struct der algorithm;
	struct span signature;
};

/* By `key`, which is of that type: 0, or -1 with ERR_BAD_CSR. */
int csr_proof_check(struct job *j, const struct csr_signed *s,
    enum key_type type, EVP_PKEY *key);

#endif
