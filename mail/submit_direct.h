/*
 * Submission over sessions of our own (mail/smtp_session.h): implicit TLS,
 * SCRAM, access tokens, SMTPUTF8, and a session that is kept for the next
 * message.  See mail/submit.h for what it is used for.
 *
 * A kept session may be closed by the relay at any time, or be refused more
 * messages (421, 452).  As long as nothing of a message was handed over, that
 * costs a new session and nothing else.
 */
#ifndef MAIL_SUBMIT_DIRECT_H
#define MAIL_SUBMIT_DIRECT_H

#include "mail/submit.h"

struct job;
struct submit_direct;

/* Connects to nobody yet.  0, or -1 ERR_INTERNAL: the configuration cannot
 * work. */
int submit_direct_new(
    struct job *j, const struct submit_conf *conf, struct submit_direct **out);
void submit_direct_free(struct submit_direct *d); /* NULL-safe */

/* As in mail/submit.h; addresses and message are checked before. */
int submit_direct_send(struct submit_direct *d, struct job *j, const char *from,
    const char *to, struct span message, bool utf8, struct submit_result *out);
/* *utf8: does the relay offer SMTPUTF8? */
int submit_direct_check(struct submit_direct *d, struct job *j, bool *utf8);
/* Ends a session that nobody has used for a while. */
void submit_direct_idle(struct submit_direct *d);

#endif
