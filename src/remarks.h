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

/* What takes a remark in place of a file; the texts live as long as the job
 * that looks. */
typedef void remark_fn(
    void *ctx, enum remark level, const char *what, const char *text);

struct remarks {
	FILE *to;        /* NULL: standard output */
	remark_fn *take; /* in place of it, or NULL */
	void *ctx;
	bool json;      /* an object a line: level, what, text */
	unsigned wrong; /* how many */
};

/* "ok", "warn", "wrong" */
const char *remark_level_name(enum remark level);

/* Prints one; `text` can be "" with REMARK_OK. */
void remark(
    struct remarks *r, enum remark level, const char *what, const char *text);

#endif
