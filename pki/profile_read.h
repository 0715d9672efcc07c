/*
 * A profile of former times, from its text in the records (PK-18): what a
 * certificate was issued under is what it is linted by, also after an edit
 * (PK-188).
 */
#ifndef PKI_PROFILE_READ_H
#define PKI_PROFILE_READ_H

#include "pki/profile.h"

/* The inverse of profile_text(): what is read gives the same text again, octet
 * for octet; all but the description is there.  0, or -1: no text of this
 * version's. */
int profile_read(struct arena *a, struct span text, struct profile *out);

#endif
