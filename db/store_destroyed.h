/*
 * Keys of the CA that were destroyed, or are asked to be (PK-207).  What PK-22
 * keeps of such a key is counted from destroyed_at.
 */
#ifndef DB_STORE_DESTROYED_H
#define DB_STORE_DESTROYED_H

#include "db/store.h"

struct destroyed_key {
	struct span spki_sha256;
	struct span spki;     /* DER */
	const char *ca_label; /* subject key identifier, hexadecimal */
	const char *method;
	const char *witnesses; /* who saw it, as text */
	bool is_compromised;
	const char *asked_by;
	int64_t asked_at;
	const char *approved_by; /* NULL: nobody has */
	int64_t begun_at;        /* 0: only asked for */
	int64_t destroyed_at;    /* 0: not known to be gone */
};

#define DESTROY_ASKED_SECS (24 * 3600) /* then it is asked for anew */

/* 1, 0, -1. */
int store_destroyed_by_key(
    struct job *j, struct span spki_sha256, struct destroyed_key *out);
/* In place of an earlier request; ERR_CONFLICT once it has begun. */
int store_destroyed_ask(struct job *j, const struct destroyed_key *k);
/* The second admin, who is another, confirms: nothing loads the key from now
 * on.  ERR_CONFLICT if there is no such request, or it is too old. */
int store_destroyed_begin(
    struct job *j, struct span spki_sha256, const char *by);
/* It is gone; what PK-22 keeps of the CA with that key is kept from `ended_at`
 * on: the later of now and the end of the last certificate. */
int store_destroyed_finish(
    struct job *j, const struct destroyed_key *k, int64_t ended_at);
/* Must the key not be used any more?  1 / 0 / -1. */
int store_destroyed_is(struct job *j, struct span spki_sha256);
/* Until when is some certificate valid that this CA has signed, or is about to?
 * 1 and the last moment, 0: none is now, -1.  Reads all of the CA's. */
int store_destroyed_last_use(
    struct job *j, const char *ca_label, int64_t *not_after);

#endif
