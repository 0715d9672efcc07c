/*
 * A relay's answers, read strictly: three digits, the same in every line, a
 * blank or a hyphen, text (RFC 5321 4.2).  Pure functions over bytes that a
 * stranger sends; smtp_session.c does the reading.
 */
#ifndef MAIL_SMTP_REPLY_H
#define MAIL_SMTP_REPLY_H

#include <sys/types.h>

#include "lib/buf.h"
#include "mail/sasl.h"

#define SMTP_REPLY_LINE_MAX 2048
#define SMTP_REPLY_LINES_MAX 100

struct smtp_reply {
	int code;        /* 200..599 */
	char text[256];  /* of all lines, what fits; printable ASCII */
	struct span raw; /* of the first, as it came, within the bytes */
};

/* One line of the answer, without code and line end: what EHLO lists. */
typedef void smtp_line_fn(void *ctx, bool is_first, struct span text);

/*
 * Reads the answer at the begin of `bytes`: its length in octets; 0 if it goes
 * on beyond them; -1 with *why if it is none.  `each` (or NULL) sees the
 * lines of a complete answer only.
 */
ssize_t smtp_reply_read(struct span bytes, struct smtp_reply *out,
    const char **why, smtp_line_fn *each, void *ctx);

/* What a relay offers in its answer to EHLO. */
struct smtp_offer {
	bool starttls, smtputf8;
	unsigned mechanisms; /* 1u << enum sasl_mechanism */
	char names[200];     /* all of AUTH's words, also unknown ones */
};

/* An smtp_line_fn; ctx is the smtp_offer, zeroed before. */
void smtp_offer_line(void *offer, bool is_first, struct span text);

#endif
