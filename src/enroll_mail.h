/*
 * The mailbox owner's side of RFC 8823: reading the challenge mail, and
 * writing the reply.  Pure functions; src/enroll_box.c brings and sends the
 * bytes.
 */
#ifndef SRC_ENROLL_MAIL_H
#define SRC_ENROLL_MAIL_H

#include "lib/buf.h"

struct job;
struct resolver;

/* base64url of a SHA-256. */
#define ENROLL_DIGEST_LEN 43

/*
 * token-part1 out of a Subject, decoded or not, or out of what somebody
 * copied: the whole field, its text, or the token alone.  Everything up to
 * "ACME:" is passed over, white space inside the token dropped.  0, or -1
 * ERR_MALFORMED.
 */
int enroll_subject_parse(
    struct job *j, struct span text, const char **token_part1);
/* The same, but the label must be there. */
int enroll_field_parse(
    struct job *j, struct span body, const char **token_part1);

/* What the reply says (RFC 8823 section 3, step 6). */
void enroll_digest(struct job *j, const char *token_part1,
    const char *token_part2, const char *thumbprint,
    char out[ENROLL_DIGEST_LEN + 1]);
/* The three lines with LF ends. */
const char *enroll_block(struct job *j, const char *digest);

struct enroll_expected {
	const char *mailbox;       /* canonical: To */
	const char *from;          /* canonical: the challenge's from */
	struct resolver *resolver; /* NULL: DKIM is not looked at */
};

struct enroll_challenge {
	const char *token_part1;
	const char *reply_to;   /* canonical */
	const char *message_id; /* with <>, or NULL */
};

/*
 * Is this message the challenge mail, and is it as RFC 8823 section 3.1 wants
 * it?  1; 0 for a message that is none of ours; -1 with ERR_MALFORMED for one
 * that claims to be but is not right.
 */
int enroll_mail_check(struct job *j, struct span raw, int64_t arrival,
    const struct enroll_expected *e, struct enroll_challenge *out);

/* The reply, with CRLF line ends (RFC 8823 section 3.2). */
void enroll_reply_format(struct job *j, const struct enroll_challenge *c,
    const char *mailbox, const char *digest, struct span *out);

#endif
