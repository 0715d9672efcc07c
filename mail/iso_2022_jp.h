/*
 * Encoded words in ISO-2022-JP (RFC 1468), as Japanese programs write names:
 * two ASCII octets for a letter, "@." for one of many names.
 */
#ifndef MAIL_ISO_2022_JP_H
#define MAIL_ISO_2022_JP_H

#include <stdbool.h>

#include "lib/buf.h"

struct job;

/* Are all encoded words in a field's text in it? */
bool iso_2022_jp_is_all(struct span text);
/* Octets with one beyond ASCII for letters in a row that every decoder knows;
 * others stay. */
struct span iso_2022_jp_strip(struct job *j, struct span octets);

#endif
