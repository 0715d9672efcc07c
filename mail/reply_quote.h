/*
 * Lines that mail programs put above quoted text that carries no marks (MA-61),
 * and which marks quoted lines carry.  One line at a time; nothing is
 * allocated.  What such lines mean for those below is mail/reply_above.h.
 */
#ifndef MAIL_REPLY_QUOTE_H
#define MAIL_REPLY_QUOTE_H

#include "lib/buf.h"

/* The line at `at` without line end and blanks before it; *next is where the
 * one after it begins. */
struct span reply_line_at(struct span text, size_t at, size_t *next);
/*
 * Is `line`, which begins at `at` and ends before `next`, one below which all
 * is quoted, whatever stands there?  A worded line ("-----Original
 * Message-----") or a copied header.
 */
bool reply_is_separator(
    struct span text, size_t at, struct span line, size_t next);
/* Does any line in it? */
bool reply_has_separator(struct span text);
/* "_____": one stroke and nothing else. */
bool reply_is_rule(struct span line);
/* "Name: value", in any language. */
bool reply_is_header_like(struct span line);
/* Such a line that says From. */
bool reply_is_from(struct span line);
/* The line without the marks that programs put before quoted ones. */
struct span reply_unquoted(struct span line);

#endif
