/* Lower-case hexadecimal. */
#ifndef LIB_HEX_H
#define LIB_HEX_H

#include "lib/buf.h"

/* `out` has 2 * bytes.n + 1 bytes; NUL-terminated. */
void hex_format(char *out, struct span bytes);
char *hex_dup(struct arena *a, struct span bytes);
/* Exactly 2 * n characters, either case: 0 or -1. */
int hex_parse_fixed(struct span text, void *out, size_t n);

#endif
