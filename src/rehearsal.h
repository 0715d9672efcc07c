/*
 * An incident, rehearsed (PK-186): opened and carried out on a copy of the
 * store, which is thrown away, to the OCSP answers and lists, which a test key
 * signs.  The store itself gets an audit record.
 */
#ifndef SRC_REHEARSAL_H
#define SRC_REHEARSAL_H

#include "db/store_login.h"
#include "src/rehearsal_sign.h"

struct incident;
struct incident_selector;

struct rehearsal {
	int64_t certificates;
	int64_t revoked;
	int64_t mails;
	/* How long it took, in milliseconds. */
	int64_t copy_ms, open_ms, revoke_ms;
	struct rehearsal_signed sign; /* with a test key */
};

/* j->store is what `login` has opened. */
int rehearsal_run(struct job *j, const struct store_login *login,
    const struct incident *i, const struct incident_selector *s,
    struct rehearsal *out);

/* When the last one was: 1, 0 never, -1. */
int rehearsal_last(struct job *j, int64_t *at);
/* What an operator should know, or NULL: it is older than 12 months.  0, -1. */
int rehearsal_advice(struct job *j, const char **out);

#endif
