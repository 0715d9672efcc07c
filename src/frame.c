#include "config.h"

#include "src/frame.h"

struct span
frame_take(struct frame_reader *r, size_t n)
{
	struct span s = { NULL, 0 };

	if (n > r->left.n) {
		r->failed = true;
		return s;
	}
	s = span_cut(r->left, 0, n);
	r->left = span_from(r->left, n);
	return s;
}

unsigned char
frame_take_octet(struct frame_reader *r)
{
	struct span s = frame_take(r, 1);

	return s.n == 1 ? (unsigned char)s.p[0] : 0;
}
