/*
 * Asking the configured perspectives, each or through a service that asks them
 * (PK-52, MP-9, MP-11).
 *
 * One object for the life of a validator process: it remembers who has been
 * silent, and lets answers that came too late for the decision come in.
 */
#ifndef SRC_PERSPECTIVE_CLIENT_H
#define SRC_PERSPECTIVE_CLIENT_H

#include "src/corroborate.h"

struct conf_open_mpic;
struct perspective_client;

/* x_new/x_free, for the perspectives of the job's configuration, which stay
 * the same when it is read again. */
int perspective_client_new(struct job *j, struct perspective_client **out);
void perspective_client_free(struct perspective_client *c); /* NULL-safe */
/* For tests: a deadline of so many ms, in place of MP-1's. */
void perspective_client_hasten(struct perspective_client *c, long deadline_ms);

/* One question and its round. */
struct inquiry {
	const struct question *question;
	const char *about; /* for the log */
	/* Which service; NULL: whose turn it is. */
	const struct conf_open_mpic *service;
	/* By perspective_client_ask(), in the job's arena: */
	struct round round;
	size_t calls_left; /* to a service, of this round */
};

/*
 * One round for each, all at the same time but for EXCHANGES_MAX, until the
 * outcome of each is certain.  0, or -1 for a fault of ours.
 */
int perspective_client_ask(struct perspective_client *c, struct job *j,
    struct inquiry *inquiries, size_t n);

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
