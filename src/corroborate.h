/*
 * What remote perspectives say to what the validator saw (pki.md 6): counted,
 * written down, and computed again from what was written.  No sockets: those
 * are src/perspective_client.c's.
 */
#ifndef SRC_CORROBORATE_H
#define SRC_CORROBORATE_H

#include "src/service_record.h"
#include "src/testimony.h"

struct caa_row;
struct seal_key;

struct round {
	struct testimony *v;
	size_t n;
	int64_t at;
	const char *service; /* that was asked, or NULL: each of them was */
	struct service_call calls[OPEN_MPIC_CHECKS]; /* to it */
};
struct quorum round_count(struct job *j, const struct round *r);

/* The trace with a member "corroboration" that holds everything (PK-55,
 * MP-10); NULL: too large. */
const char *corroboration_add(struct job *j, const char *trace,
    const struct question *q, const struct round *r);

struct corroborated {
	struct quorum counted;
	/* The key was asked for, too; it may have been left out. */
	bool saw_key;
	/* Answers of a service were taken in the flat form, too. */
	bool took_flat;
	/* As in struct round, and never two of them (MP-11). */
	const char *service;
};
/*
 * From such a trace: 1 and the outcome, computed again from the answers; 0 if
 * it holds none, or such of another kind of perspectives; -1 ERR_UNAUTHORIZED
 * if what is written does not follow from what was answered, or is about
 * something else than `expected`.
 */
int corroboration_verify(struct job *j, const char *trace,
    const struct question *expected, struct corroborated *out);

/*
 * The key that authenticated a reply is asked for when the reply has come; its
 * domain may change it afterwards.  Has there been a round of this
 * authorization in which enough perspectives saw it (PK-47)?  1, 0; -1
 * ERR_UNAUTHORIZED: the row that says so cannot be believed.  `seal`: NULL
 * where nobody knows the key.  *row: which one it was.
 */
int corroboration_of_key(struct job *j, const struct seal_key *seal,
    const char *authz_id, struct caa_row *row);
/* Is this check such a round?  1, or -1 as above. */
int corroboration_shows_key(
    struct job *j, const struct seal_key *seal, const struct caa_row *c);

#endif
