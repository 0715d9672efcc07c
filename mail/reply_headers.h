/*
 * What a reply's header fields must say (ER-23, ER-25, ER-26; MA-45 to
 * MA-49).  Each function: 0, or -1 with the finding.
 */
#ifndef MAIL_REPLY_HEADERS_H
#define MAIL_REPLY_HEADERS_H

#include "lib/digest.h"
#include "mail/field.h"
#include "mail/finding.h"

/* ER-23: the token-part1 of the Subject, in memory that is wiped, and its
 * hash: 1, or 0 if there is none. */
int reply_headers_token(struct job *j, const struct message *m,
    struct span *part1, uint8_t part1_hash[SHA256_LEN]);

/* Copies from mailing lists: hdr.list (ER-26, MA-47). */
int reply_headers_list(const struct message *m, struct finding *f);
/* hdr.resent (MA-46). */
int reply_headers_resent(const struct message *m, struct finding *f);
/* Answers that no person and no ACME client wrote: hdr.automatic (MA-48). */
int reply_headers_automatic(
    struct job *j, const struct message *m, struct finding *f);

/* MA-45: From's canonical form, which is `mailbox` (ER-3). */
int reply_headers_from(struct job *j, const struct message *m,
    const char *mailbox, const char **from, struct finding *f);
/* What was delivered to the mailbox before `signature` was put on top of it,
 * and passed on: hdr.automatic (MA-48). */
int reply_headers_passed_on(struct job *j, const struct message *m,
    const struct field *signature, const char *mailbox, struct finding *f);
/* MA-49 */
int reply_headers_to(struct job *j, const struct message *m,
    const char *answer_to, struct finding *f);
int reply_headers_in_reply_to(
    const struct message *m, const char *message_id, struct finding *f);

#endif
