/*
 * May a line of a reply be quoted, by what stands above it (MA-61, decision
 * 0036)?  Who quotes without marks says above the quotation whose text it is.
 * So a response counts only if nothing above it but marked lines names a
 * mailbox, a time or a challenge, or is a separator (mail/reply_quote.h).
 *
 * One exception: answers below a quotation with marks.  The paragraph with
 * which the text begins may say whose text it is if marked lines follow it, and
 * if it is none that programs write which put no marks.  A signature may stand
 * above it.
 *
 * Programs that break long lines leave what does not fit without a mark.  So
 * what stands in one paragraph with a marked line may be that one's end, if
 * each line between them is so long that the next one's first word did not fit
 * any more (decisions 0063 and 0065).
 *
 * One line at a time, in one pass; nothing is allocated.
 */
#ifndef MAIL_REPLY_ABOVE_H
#define MAIL_REPLY_ABOVE_H

#include "lib/buf.h"

/* What the lines of one paragraph, or of all, say. */
struct reply_hints {
	bool doubt;  /* somebody, a time of day, a challenge */
	bool moment; /* two numbers, */
	bool near;   /* in this paragraph */
	bool colon;  /* a line ends in one */
	bool rule;
};

/* All zero before the first line. */
struct reply_above {
	bool below;   /* something above says that what follows is quoted */
	bool own;     /* there is a line without mark, */
	bool marked;  /* or with one */
	bool goes_on; /* the last one may be of a marked one that was broken */
	size_t columns; /* how wide it is */
	bool signature; /* in the one with which the text begins */
	/* The paragraph with which the text begins, while it is not known what
	 * follows it. */
	size_t first_lines; /* 0: it is known */
	bool first_ended;   /* by an empty line */
	bool first_strange; /* cannot be an attribution above marked lines */
	bool first_told;    /* its first line says something */
	bool first_colon;   /* its last line ends in a colon, and in no blank */
	struct reply_hints first, rest;
	bool soft; /* a marked line goes on in the next (quoted-printable) */
	bool head; /* in the header of a part, in a body read raw (MA-59) */
};

/* The next line, which begins at `at` and ends before `next`. */
void reply_above_add(struct reply_above *a, struct span text, size_t at,
    struct span line, size_t next);
/* Instead of it: a block begins.  May it be quoted?  If not, it is the
 * holder's own. */
bool reply_above_block(struct reply_above *a);
/* May the line that was added last be quoted? */
bool reply_above_is_doubtful(const struct reply_above *a);

#endif
