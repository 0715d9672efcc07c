/*
 * Submission through libesmtp: to a relay reached in clear on this host or by
 * STARTTLS, without a login or with PLAIN or LOGIN, between ASCII mailboxes.
 * A session is one message: it can only be given more of them before it begins.
 * What the library must not be trusted with is done in mail/esmtp_session.c;
 * nobody else knows it.  See mail/submit.h for what it is used for.
 */
#ifndef MAIL_SUBMIT_ESMTP_H
#define MAIL_SUBMIT_ESMTP_H

#include "mail/submit.h"

struct job;
struct submit_esmtp;

/* conf->auth: PLAIN or LOGIN, where there is a user. */
int submit_esmtp_new(
    struct job *j, const struct submit_conf *conf, struct submit_esmtp **out);
void submit_esmtp_free(struct submit_esmtp *s); /* NULL-safe */

/* As in mail/submit.h; addresses and message are checked before.  *unreadable:
 * nothing was sent, as libesmtp cannot read what this relay answers. */
int submit_esmtp_send(struct submit_esmtp *s, struct job *j, const char *from,
    const char *to, struct span message, struct submit_result *out,
    bool *unreadable);
int submit_esmtp_check(struct submit_esmtp *s, struct job *j, bool *unreadable);

#endif
