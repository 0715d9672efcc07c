/*
 * The response block (ER-28, MA-60 to MA-62) and where it may not stand
 * (MA-61, mail/reply_above.h): one pass over a text, line by line, nothing
 * allocated.
 */
#ifndef MAIL_REPLY_BLOCK_H
#define MAIL_REPLY_BLOCK_H

#include "lib/buf.h"
#include "lib/digest.h"

struct finding;

/* The well-formed blocks of one kind. */
struct reply_block {
	bool found;
	bool differ;                /* another one is not equal to … */
	uint8_t digest[SHA256_LEN]; /* … the first */
};

struct reply_blocks {
	struct reply_block counts; /* nothing above says that it is quoted */
	struct reply_block below;  /* something does */
	bool is_below_marks;       /* marked lines stand above all that count */
	size_t end;  /* behind the last armour line of any; 0: there is none */
	bool bad;    /* one that would count is not well-formed */
	bool quoted; /* an armour line behind a quote mark or blank */
	/* A line that would count is the word STOP; with a mark only if there
	 * is no quote mark above it: a text that is quoted may say STOP where
	 * its line ends, and be broken there. */
	bool stop;
};

/* The octets of what s begins with, if that may stand beside the word STOP on
 * its line, as a blank may, or 0. */
size_t reply_stop_mark(struct span s);
/* Lines end in LF or CRLF. */
void reply_blocks_scan(struct span text, struct reply_blocks *out);
/* Of the same text, whose lines were cut in another way: what counts in both
 * counts. */
void reply_blocks_also(
    struct reply_blocks *b, const struct reply_blocks *other);
/* What they say: 0 and 32 octets, or -1 (body.*). */
int reply_blocks_judge(const struct reply_blocks *b, uint8_t digest[SHA256_LEN],
    struct finding *f);

#endif
