/*
 * The lines of `countersign check` and `countersign status`: what was looked
 * at, whether it is as it should be, and if not, what to do.
 */
#ifndef SRC_REMARKS_H
#define SRC_REMARKS_H

#include <stdbool.h>
#include <stdio.h>

enum remark {
	REMARK_OK,
	REMARK_WARN,  /* it works, and should be looked at */
	REMARK_WRONG, /* it does not */
};

struct remarks {
	FILE *to;       /* NULL: standard output */
	bool json;      /* an object a line: level, what, text */
	unsigned wrong; /* how many */
};

/* Prints one; `text` can be "" with REMARK_OK. */
void remark(
    struct remarks *r, enum remark level, const char *what, const char *text);

#endif
