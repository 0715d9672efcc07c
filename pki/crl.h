/*
 * Certificate revocation lists (pki.md section 13): one list for each shard of
 * an issuing CA, complete for the certificates of that shard.
 *
 *	crl_sign()     builds, signs and lints (L-60, L-61, L-63, L-64)
 *	crl_read()     reads a list of this CA again and verifies its signature
 *	crl_compare()  L-66: what the next list leaves out
 */
#ifndef PKI_CRL_H
#define PKI_CRL_H

#include "pki/key.h"

/* PK-156: a new list of an issuing CA, whether or not there is something new,
 * and how long it can be believed (less a second). */
#define CRL_EVERY_SECS ((int64_t)24 * 3600)
#define CRL_LIFE_SECS ((int64_t)7 * 86400)

/* PK-209: the first list of each CA is its ceremony's, and no service makes one
 * of that number, whether or not it knows of the ceremony. */
#define CRL_NUMBER_OF_CEREMONY 1

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
	/* PK-155: the URI of the issuingDistributionPoint; NULL: the list is
	 * complete for its CA and has none. */
	const char *point;
};

/* DER, signed by the CA, parsed and verified again. */
int crl_sign(struct job *j, const struct ca *ca, const struct crl_input *in,
    struct span *der);
/* The same list, signed by the throw-away key: for others to judge before the
 * CA's key is used (PK-137, PK-141). */
int crl_lint_sign(struct job *j, const struct ca *ca,
    const struct crl_input *in, struct span *der);
/* thisUpdate + 7 days - 1 s (PK-156). */
int64_t crl_next_update(int64_t this_update);

/*
 * What a list says, in the job's memory; entries are views of `der`.  0, or -1
 * ERR_INTERNAL if it is not a list in strict DER, not this CA's, or its
 * signature does not verify: lists come back from places where others than
 * the issuer can write.
 */
int crl_read(
    struct job *j, const struct ca *ca, struct span der, struct crl_input *out);

/* thisUpdate and nextUpdate alone, of a list in our own files; nothing is
 * verified.  0, or -1. */
int crl_read_times(struct span der, struct crl_input *out);

/* The entry of this number, or NULL. */
const struct crl_entry *crl_find(const struct crl_input *l, struct span serial);

/*
 * L-66: 0, or -1 ERR_INTERNAL if the number is not greater or thisUpdate not
 * later than the former list's.  *lost are the entries that the former list
 * has and the next one has not: each needs its reason (PK-160).
 */
int crl_compare(struct job *j, const struct crl_input *former,
    const struct crl_input *next, const struct crl_entry ***lost,
    size_t *count);

#endif
