/*
 * Octets of a message between two of our processes, taken one after the other.
 * What is not there any more is empty, or 0, and `failed` stays true.
 */
#ifndef SRC_FRAME_H
#define SRC_FRAME_H

#include "lib/buf.h"

struct frame_reader {
	struct span left;
	bool failed;
};

/* The next n, which point into the message. */
struct span frame_take(struct frame_reader *r, size_t n);
unsigned char frame_take_octet(struct frame_reader *r);

#endif
