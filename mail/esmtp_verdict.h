/*
 * What became of a message that libesmtp was given.  Its own word is taken from
 * the recipient's and the message's status only, and "accepted" only when
 * these agree with what was seen (mail/esmtp_session.h).
 */
#ifndef MAIL_ESMTP_VERDICT_H
#define MAIL_ESMTP_VERDICT_H

#include <stdbool.h>

struct esmtp_session;
struct smtp_status;
struct submit_result;

/* `to`, `message` and `from` as libesmtp saw them answered, in the order in
 * which the answers decide. */
void esmtp_verdict(const struct esmtp_session *x, const struct smtp_status *to,
    const struct smtp_status *message, const struct smtp_status *from,
    struct submit_result *out);

/* Nothing was sent, since libesmtp cannot read what the relay answers. */
bool esmtp_verdict_is_unreadable(const struct esmtp_session *x);
/* There was no session. */
void esmtp_verdict_unreached(const char *why, struct submit_result *out);

#endif
