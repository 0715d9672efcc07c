/*
 * One check's result, with the reason code of mail-authentication.md.
 *
 * Codes are stored and logged exactly as written there ("msg.nul",
 * "dkim.body-hash").  The detail is for people, in our own words; it never
 * repeats text of the message (AC-129) and never holds part1 (MA-85).
 */
#ifndef MAIL_FINDING_H
#define MAIL_FINDING_H

#include <stddef.h>

enum finding_class {
	FINDING_PASS,
	FINDING_NOTE,   /* stored, decides nothing */
	FINDING_SKIP,   /* this signature does not count, others may */
	FINDING_DEFER,  /* try again later */
	FINDING_REFUSE, /* the message proves nothing */
};

struct finding {
	enum finding_class result;
	const char *code; /* static text */
	char detail[200];
};

/* Sets *f and returns -1 for REFUSE, SKIP and DEFER, 0 for PASS and NOTE. */
int finding_set(struct finding *f, enum finding_class result, const char *code,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same with a detail that is there already. */
int finding_set_text(struct finding *f, enum finding_class result,
    const char *code, const char *detail);
const char *finding_class_name(enum finding_class c);

#endif
