/*
 * LMTP as a server speaks it (RFC 2033), without sockets and without a clock:
 * octets in, answers out, and whole messages for the caller.
 *
 *	lmtp_read(l, &in)	until it has taken all that came
 *	lmtp_output(l)		is written to the client, then lmtp_sent()
 *
 * After LMTP_MESSAGE the caller stores the message and calls lmtp_answer():
 * only then is there an answer for each recipient, and 250 promises that the
 * message will not be lost.
 *
 * Only CR LF ends a line, and only CR LF "." CR LF a message: what a mail
 * server before us took for the inside of one message is never the end of it
 * here (SMTP smuggling).  Everything is bounded: lines, recipients, mistakes,
 * the message, answers that nobody reads.
 */
#ifndef SRC_LMTP_H
#define SRC_LMTP_H

#include "lib/buf.h"

struct lmtp;

#define LMTP_RECIPIENTS_MAX 100

struct lmtp_conf {
	const char *host; /* in the greeting */
	size_t message_max;
	/* Is mail to this address for us?  Without <>. */
	bool (*is_ours)(void *ctx, struct span address);
	void *ctx;
};

enum lmtp_event {
	LMTP_MORE,    /* all octets taken; more are needed */
	LMTP_FLUSH,   /* let the client read its answers first */
	LMTP_MESSAGE, /* see lmtp_message(); lmtp_answer() before going on */
	LMTP_END,     /* write the output, then close */
};

struct lmtp_message {
	struct span raw;               /* valid until lmtp_answer() */
	bool null_sender;              /* MAIL FROM:<> (MA-48) */
	const struct span *recipients; /* accepted, in order */
	size_t recipient_count;
};

enum lmtp_answer {
	LMTP_STORED, /* 250: committed */
	LMTP_LATER,  /* 451: our fault; the client keeps it and comes again */
};

enum lmtp_farewell { LMTP_IDLE, LMTP_STOPPING, LMTP_CROWDED };

/* Greets.  `host` and `ctx` are borrowed. */
struct lmtp *lmtp_new(const struct lmtp_conf *conf);
void lmtp_free(struct lmtp *l); /* NULL-safe */

/* Takes octets from the front of *in. */
enum lmtp_event lmtp_read(struct lmtp *l, struct span *in);
void lmtp_message(const struct lmtp *l, struct lmtp_message *out);
void lmtp_answer(struct lmtp *l, enum lmtp_answer answer);
/* 421: what comes next is LMTP_END. */
void lmtp_farewell(struct lmtp *l, enum lmtp_farewell why);

/* Not yet written; the first n octets were. */
struct span lmtp_output(const struct lmtp *l);
void lmtp_sent(struct lmtp *l, size_t n);

#endif
