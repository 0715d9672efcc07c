/*
 * The profiles that the issuer has had, in full (PK-18, PK-19).
 */
#ifndef DB_STORE_PROFILE_H
#define DB_STORE_PROFILE_H

#include "db/store.h"
#include "lib/buf.h"

struct profile_row {
	const char *name;
	struct span sha256; /* of the text */
};

/* Those that it has now, by name. */
int store_profile_list(struct job *j, struct profile_row **out, size_t *count);
/* One that it has or had: 1 and its text, 0, -1. */
int store_profile_text(
    struct job *j, const struct profile_row *p, struct span *text);
/* In the caller's transaction: from now on, until now. */
int store_profile_put(
    struct job *j, const struct profile_row *p, const char *text);
int store_profile_retire(struct job *j, const struct profile_row *p);

#endif
