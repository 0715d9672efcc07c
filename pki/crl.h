/*
 * Certificate revocation lists (pki.md section 13): one complete list per
 * issuing CA.
 */
#ifndef PKI_CRL_H
#define PKI_CRL_H

#include "pki/key.h"

struct crl_entry {
	struct span serial; /* content octets */
	int64_t revoked_at;
	int reason; /* 0: none written (PK-158) */
};

struct crl_input {
	uint64_t number; /* PK-153 */
	int64_t this_update;
	int64_t next_update;
	const struct crl_entry *entries; /* sorted by serial, unique */
	size_t count;
};

/* DER, signed by the CA, parsed and verified again. */
int crl_sign(struct job *j, const struct ca *ca, const struct crl_input *in,
    struct span *der);
/* thisUpdate + 7 days - 1 s (PK-156). */
int64_t crl_next_update(int64_t this_update);

#endif
