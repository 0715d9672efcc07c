/*
 * Whether a mail that nobody waits for (a notice, a report of a CAA refusal)
 * may go to its recipient: to a mailbox, in time, and to nobody who wants no
 * mail (AC-90).
 *
 *	found = sender_recipient_check(j, &to, &refusal);
 *	if (found <= 0)
 *		return found < 0 ? -1 : finish(j, row, refusal);
 */
#ifndef SRC_SENDER_RECIPIENT_H
#define SRC_SENDER_RECIPIENT_H

#include <stdbool.h>
#include <stdint.h>

struct job;
struct submit_result;

struct sender_recipient {
	const char *mailbox; /* from a row: it may be anything */
	bool utf8_local;     /* its local part may be outside ASCII */
	int64_t expires_at;  /* seconds since 1970; from then on too late */
};

/*
 * 1: it may; 0: it may not, and *refusal is what to record in place of the
 * relay's answer (it is static); -1: the job's error.
 */
int sender_recipient_check(struct job *j, const struct sender_recipient *r,
    const struct submit_result **refusal);

#endif
