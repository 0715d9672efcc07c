/*
 * What an incident lets the issuer sign, on a copy of the store with a
 * throw-away key (PK-186): the OCSP answers and the lists that say what was
 * revoked.  The code is the issuer's own; the files go to a folder that is
 * removed.
 */
#ifndef SRC_REHEARSAL_SIGN_H
#define SRC_REHEARSAL_SIGN_H

#include <stdint.h>

struct job;
struct rehearsal_signer;

struct rehearsal_signed {
	int64_t answers, lists; /* that were signed */
	/* Milliseconds: what was there, signed anew before the incident, as it
	 * is not there in a real one; and what the incident adds. */
	int64_t prepare_ms, answers_ms, lists_ms;
};

/*
 * Reads the CA's certificate and the seal key that j->conf names.  NULL where
 * another CA issues, whose lists are its own.  0; -1 saying what is wrong.
 */
int rehearsal_signer_new(struct job *j, struct rehearsal_signer **out);
void rehearsal_signer_free(struct rehearsal_signer *s); /* NULL-safe */

/* Both with j->store the copy, before and after the incident; a NULL signer
 * does nothing.  0, or -1. */
int rehearsal_sign_before(
    struct job *j, struct rehearsal_signer *s, struct rehearsal_signed *out);
int rehearsal_sign_after(
    struct job *j, struct rehearsal_signer *s, struct rehearsal_signed *out);

#endif
