/*
 * Lines that a person types, or a script pipes in, waited for with a limit.
 */
#ifndef SRC_ENROLL_LINE_H
#define SRC_ENROLL_LINE_H

#include "lib/buf.h"

#define ENROLL_LINE_MAX 4096

struct enroll_lines {
	int fd;
	char bytes[ENROLL_LINE_MAX];
	size_t n; /* read and not yet given out */
	bool at_end;
};

void enroll_lines_init(struct enroll_lines *l, int fd);

/*
 * The next line without its end, copied into `a`: 1; 0 after timeout_ms, -1
 * at the end of the input.  A longer line than the limit comes in pieces.
 */
int enroll_lines_next(struct enroll_lines *l, struct arena *a,
    int64_t timeout_ms, struct span *line);

#endif
