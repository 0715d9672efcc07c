/*
 * The transcript of a ceremony (PK-209): lines of text, each of which ends
 * with the SHA-256 of itself and the hash before it.
 *
 *	2026-11-29T06:30:00Z root key: made, p384 sha256=…
 */
#ifndef PKI_TRANSCRIPT_H
#define PKI_TRANSCRIPT_H

#include "lib/buf.h"

struct job;

/* How long the time before each line is, with the blank behind it. */
#define TRANSCRIPT_TIME_LEN (sizeof("2026-11-29T06:30:00Z ") - 1)

struct transcript {
	const char *path;
	struct span text; /* what is in the file */
	char last[65];    /* the last hash, hexadecimal */
	size_t count;     /* of lines */
};

/* Reads and verifies; a file that is not there is an empty transcript.  0, or
 * -1 ERR_INTERNAL naming the first line that does not fit. */
int transcript_open(struct job *j, const char *path, struct transcript *t);
/* The same for what was in such a file; the path is for messages. */
int transcript_read(
    struct job *j, const char *path, struct span text, struct transcript *t);
/* The lines, from *at = 0 on, without their time. */
bool transcript_next(const struct transcript *t, size_t *at, struct span *line);
/* Of a line "written: NAME, SHA-256 HEX …" both. */
bool transcript_written(struct span line, struct span *name, struct span *hex);
/* Is there a line that begins with this, after its time? */
bool transcript_says(const struct transcript *t, const char *begin);
/* Appends one line, durably.  Control characters become "?". */
int transcript_add(struct job *j, struct transcript *t, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
