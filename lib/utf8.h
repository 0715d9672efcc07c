/*
 * UTF-8, strict: no overlong form, no surrogate, nothing above U+10FFFF.
 */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include "lib/buf.h"

/*
 * The code point at offset *at, which moves behind it: 1; 0 at the end of s;
 * -1 (and *at stays) for octets that are not well-formed.
 */
int utf8_next(struct span s, size_t *at, uint32_t *code_point);
bool utf8_is_valid(struct span s);
/* The code point's octets; it is a Unicode scalar value. */
void utf8_add(struct buf *b, uint32_t code_point);

/*
 * Well-formed, and no control, format, bidirectional, separator, private or
 * unassigned character (MA-6): for addresses and tag values.  SP, U+0020, is
 * none of these.
 */
bool utf8_is_plain(struct span s);

#endif
