/*
 * The evidence of one reply as JSON (MA-85, MA-86): the checks in order, and
 * what each signature was and which key record answered for it; for S/MIME
 * which roots and lists did.  No text of
 * the message goes in; names are those that obey their syntax.
 */
#ifndef MAIL_REPLY_EVIDENCE_H
#define MAIL_REPLY_EVIDENCE_H

#include "mail/reply.h"

#define REPLY_CHECKS_MAX 24

struct reply_trail {
	struct finding checks[REPLY_CHECKS_MAX];
	size_t count;
};

/* Notes a check; returns f's 0 or -1, as finding_set(). */
int reply_trail_add(struct reply_trail *t, const struct finding *f);
const char *reply_evidence(struct job *j, const struct reply *r);

#endif
