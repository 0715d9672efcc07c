/* Text that goes into HTML or XML, from whomever it comes. */
#ifndef LIB_MARKUP_H
#define LIB_MARKUP_H

#include "lib/buf.h"

/* Each of the five octets that could begin or end an element, an attribute or a
 * reference becomes a reference that both languages have; the others stay. */
void buf_add_markup(struct buf *b, struct span text);

#endif
