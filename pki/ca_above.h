/*
 * What stands above an issuing CA: whose certificate signed its own, and the
 * two URLs by which clients find that one's certificate and list (PK-126,
 * PK-127).  From files alone: no key.
 */
#ifndef PKI_CA_ABOVE_H
#define PKI_CA_ABOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

struct arena;
struct job;

struct ca_above {
	struct span ca;     /* the issuing CA's certificate, DER */
	struct span issuer; /* that of the CA which signed it, DER */
	/* As they stand in the issuing CA's certificate; NULL: not there. */
	const char *crl_url;
	const char *issuer_url;
};

/* `certificate` and `chain` are PEM files, as in struct ca_files; the result
 * lives as long as `keep`.  0, or -1 ERR_INTERNAL naming the file. */
int ca_above_read(struct job *j, struct arena *keep, const char *certificate,
    const char *chain, struct ca_above *out);

/* A list of that CA, which need not be made by this program. */
struct above_list {
	int64_t this_update;
	int64_t next_update;
	bool has_revoked; /* the issuing CA is on it */
};

/* 0, or -1 ERR_INTERNAL if it is no list in DER, another one's, or its
 * signature does not verify. */
int ca_above_list(struct job *j, const struct ca_above *above, struct span der,
    struct above_list *out);

#endif
