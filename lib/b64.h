/*
 * base64url and base64, strict (RFC 4648, AC-29, MA-22).
 *
 * base64url: no padding, no white space, no length of 1 modulo 4, unused
 * low bits zero: one octet string has one spelling.
 */
#ifndef LIB_B64_H
#define LIB_B64_H

#include "lib/buf.h"

/* Characters that n octets become, without padding. */
#define B64URL_LEN(n) (((n)*4 + 2) / 3)

void b64url_add(struct buf *out, struct span bytes);
/* `out` has B64URL_LEN(bytes.n) + 1 bytes; NUL-terminated. */
void b64url_format(char *out, struct span bytes);
char *b64url_dup(struct arena *a, struct span bytes);
/* Decodes into the arena: 0, or -1 if `text` is not the one spelling.
 * An empty text is zero octets. */
int b64url_parse(struct arena *a, struct span text, struct span *out);
/* Decodes exactly `n` octets into `out`: 0 or -1. */
int b64url_parse_fixed(struct span text, void *out, size_t n);
/* Is every character one of the base64url alphabet? */
bool b64url_is_alphabet(struct span text);

/* Padded base64, no line breaks. */
void b64_add(struct buf *out, struct span bytes);
/*
 * Padded base64 in which SP, HTAB, CR and LF may stand anywhere: 0, or -1 for
 * another character, wrong padding, anything after it, or unused bits set.
 */
int b64_parse_fws(struct arena *a, struct span text, struct span *out);

/* Base32 in lower case, without padding: 16 octets are 26 characters. */
void b32_add(struct buf *out, struct span bytes);
bool b32_is_alphabet(struct span text);

#endif
