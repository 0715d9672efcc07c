/*
 * A certificate policy of the operator's own, as an OID in dots (PK-101,
 * PK-123).
 */
#ifndef PKI_POLICY_OID_H
#define PKI_POLICY_OID_H

#include "lib/buf.h"

struct arena;

/* May it stand beside the reserved ones?  Not anyPolicy, not below 2.23.140. */
bool policy_oid_is_own(struct span oid);
/* NULL and the OID in the arena, or what is wrong with the text. */
const char *policy_oid_read(
    struct arena *a, const char *text, struct span *oid);

#endif
