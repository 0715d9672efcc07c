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

/* A separator or format character (categories Z and Cf): blanks of all kinds,
 * marks of direction, joiners, the byte order mark. */
bool utf8_is_invisible(uint32_t code_point);
/* A stranger's text may show it: a line's end, a tab, a blank, and what stands
 * in its place and moves nothing else. */
bool utf8_is_shown(uint32_t code_point);
/* A decimal digit of any script (Nd). */
bool utf8_is_digit(uint32_t code_point);
/*
 * Without blanks, tabs and invisible characters at its end, or at both ends.
 * Octets that are not UTF-8 are no such.
 */
struct span utf8_trim_end(struct span s);
struct span utf8_trim(struct span s);

#endif
