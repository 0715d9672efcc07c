/*
 * The mailbox owner's mail server: waiting for the challenge mail over IMAP,
 * sending the reply over SMTP.
 *
 * Nothing in the mailbox is moved or deleted; the challenge mail is flagged
 * once it is answered, everything else is left as it is.
 */
#ifndef SRC_ENROLL_BOX_H
#define SRC_ENROLL_BOX_H

#include "mail/fetch.h"
#include "mail/submit.h"

struct enroll_box;
struct enroll_challenge;
struct enroll_expected;

struct enroll_box_conf {
	struct fetch_conf imap;
	struct submit_conf smtp;
	/* Something that the user should read while we go on. */
	void (*tell)(const char *text);
};

/*
 * Logs in at both servers, so that a wrong password is known before anything
 * is ordered, and notes which mail is there already: only later mail counts.
 */
int enroll_box_new(
    struct job *j, const struct enroll_box_conf *conf, struct enroll_box **out);
void enroll_box_free(struct enroll_box *b); /* NULL-safe */

/* Looks again at all that came since enroll_box_new(). */
void enroll_box_rewind(struct enroll_box *b);

/*
 * Waits for the mail that is expected: 1 and *out in the job's arena, 0 after
 * timeout_ms, -1.  A server that went away is asked again until then.
 */
int enroll_box_find(struct enroll_box *b, struct job *j,
    const struct enroll_expected *e, int64_t timeout_ms,
    struct enroll_challenge *out);

/* Hands the reply over and flags the mail that was found last. */
int enroll_box_reply(struct enroll_box *b, struct job *j, const char *mailbox,
    const char *reply_to, struct span message);

#endif
