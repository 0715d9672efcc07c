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
 * Does `name`, of which nothing is decoded, hold no address but `spec` in any
 * reading of its encoded words?  Not so either where one cannot be undone, or
 * is in a charset in which ASCII may be written otherwise (MA-45).
 */
bool from_words_are_plain(struct job *j, struct span name, struct span spec);

#endif
