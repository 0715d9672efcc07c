/*
 * Asking all configured perspectives at once (PK-52, MP-1): each by a
 * connection of its own, HTTPS with client certificate, at most ten seconds.
 *
 * One object for the life of a validator process: it remembers who has been
 * silent, and lets answers that came too late for the decision come in.
 */
#ifndef SRC_PERSPECTIVE_CLIENT_H
#define SRC_PERSPECTIVE_CLIENT_H

#include "src/corroborate.h"

struct perspective_client;

/* x_new/x_free, for the perspectives of the job's configuration, which stay
 * the same when it is read again. */
int perspective_client_new(struct job *j, struct perspective_client **out);
void perspective_client_free(struct perspective_client *c); /* NULL-safe */

/*
 * One round, until its outcome is certain.  0 and *out in the job's arena, or
 * -1 for a fault of ours.  `about` is for the log.
 */
int perspective_client_ask(struct perspective_client *c, struct job *j,
    const struct question *q, const char *about, struct round *out);

/* An answer that came after its round was decided (PK-52). */
struct late_answer {
	const char *about;
	struct testimony testimony;
};
/* 1 with the next one, in the job's arena; 0. */
int perspective_client_late(
    struct perspective_client *c, struct job *j, struct late_answer *out);
/* Are there some that may still come? */
bool perspective_client_waits(const struct perspective_client *c);

#endif
