/*
 * What a subscriber certificate looks like (pki.md section 9).
 */
#ifndef PKI_PROFILE_H
#define PKI_PROFILE_H

#include "pki/csr.h"

struct profile {
	const char *name;
	/* In full, for the records (PK-18): whatever changes in the profile
	 * changes here. */
	const char *text;
	struct span policy; /* the reserved OID (PK-101) */
};

#define PROFILE_DAYS_MAX 818 /* PK-92 */
#define PROFILE_NAME_MAX 64  /* PK-110, in characters */

extern const struct profile profile_mailbox_multipurpose;

/* The table of 9.2: the BIT STRING in DER; empty where the key type cannot do
 * what the class asks for. */
struct span profile_key_usage(
    enum key_class class, enum key_type type, bool non_repudiation);

#endif
