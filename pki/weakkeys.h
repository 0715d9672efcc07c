/*
 * Keys that everybody knows (PK-74, PK-76): those of Debian's broken generator,
 * those printed in RFCs and other documents, those found on the net.  They
 * come in a file, which tools/weak-keys makes of such collections: a first
 * line with a checksum, then sorted lines of 20 hexadecimal digits, the
 * leftmost 80 bits of SHA-256 of the bare key: of the modulus of an RSA key,
 * of the point otherwise.  So another encoding of the key does not slip
 * through.
 */
#ifndef PKI_WEAKKEYS_H
#define PKI_WEAKKEYS_H

#include "lib/buf.h"

struct arena;
struct job;
struct weakkeys;

/* Reads it into `keep`: 0, or -1 with what is wrong with the file.  `path`
 * NULL: *out is NULL, which has no key. */
int weakkeys_load(struct job *j, struct arena *keep, const char *path,
    const struct weakkeys **out);

/* SHA-256 of the list in hexadecimal; "" without one. */
const char *weakkeys_checksum(const struct weakkeys *w);

/* Is it one of them?  `spki` is one that keycheck_spki() accepts. */
bool weakkeys_has(const struct weakkeys *w, struct span spki);
/* The same by spki_bare_sha256() (pki/keycheck.h). */
bool weakkeys_has_bare(const struct weakkeys *w, const uint8_t hash[32]);

#endif
