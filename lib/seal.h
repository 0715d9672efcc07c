/*
 * Seals: a MAC over a list of fields under a key that only validator and
 * issuer hold, so that a row written by anybody else is worth nothing
 * (architecture.md, PK-205).
 *
 * Each field goes in with its length before it, so no two lists of fields
 * have the same bytes; the first field names the kind of statement.
 */
#ifndef LIB_SEAL_H
#define LIB_SEAL_H

#include "lib/buf.h"

struct job;

#define SEAL_LEN 32
struct seal_key; /* wiped when the arena it came from ends */

/* Reads a key file made by `countersign init` (64 hex characters). */
int seal_key_load(struct job *j, struct arena *keep, const char *path,
    const struct seal_key **out);
/* For tests and for init: a key from 32 octets. */
const struct seal_key *seal_key_new(
    struct arena *keep, const uint8_t octets[32]);

void seal_make(const struct seal_key *k, const struct span *fields,
    size_t count, uint8_t out[SEAL_LEN]);
bool seal_verify(const struct seal_key *k, const struct span *fields,
    size_t count, struct span seal);

#endif
