/*
 * What a subscriber certificate looks like (pki.md section 9, AC-163): a
 * fixed table.  An order carries a profile's name from newOrder to the
 * signature; web and issuer each look it up with profile_find().
 */
#ifndef PKI_PROFILE_H
#define PKI_PROFILE_H

#include "pki/csr.h"

struct profile {
	const char *name;        /* AC-161 */
	const char *description; /* one line, for the directory */
	/* In full, for the records (PK-18): whatever changes in the profile
	 * changes here. */
	const char *text;
	struct span policy; /* the reserved OID (PK-101) */
	unsigned classes;   /* a bit for each enum key_class that it allows */
};

#define PROFILE_DAYS_MAX 818 /* PK-92 */
#define PROFILE_NAME_MAX 64  /* PK-110, in characters */

extern const struct profile profiles[];
extern const size_t profile_count;

/* NULL: there is none of this name. */
const struct profile *profile_find(struct span name);

bool profile_allows(const struct profile *p, enum key_class class);
/* For people: the intent that the class has and the profile does not allow:
 * "signing", "encryption", or NULL. */
const char *profile_excluded(const struct profile *p, enum key_class class);

/* The table of 9.2: the BIT STRING in DER; empty where the key type cannot do
 * what the class asks for. */
struct span profile_key_usage(
    enum key_class class, enum key_type type, bool non_repudiation);

#endif
