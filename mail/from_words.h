/*
 * Encoded words (RFC 2047) in the names and comments of a From field: could a
 * reader who undoes them before it looks for the address find another one
 * (decisions 0063 and 0065)?
 */
#ifndef MAIL_FROM_WORDS_H
#define MAIL_FROM_WORDS_H

#include <stdbool.h>

#include "lib/buf.h"

struct job;

/*
 * `before` and `after` are all that is not the address `spec`, as they stand
 * there.  Is there no other address in any reading of their encoded words, and
 * nothing beside this one that could become part of it?  Not so either where a
 * word cannot be undone, or is in a charset in which ASCII may be written
 * otherwise, or what stands behind a fold in a comment could go on with the
 * address (MA-45).
 */
bool from_words_are_plain(
    struct job *j, struct span before, struct span after, struct span spec);

#endif
