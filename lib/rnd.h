/*
 * Randomness, from OpenSSL's generator.  A generator that fails ends the
 * process: nothing falls back (PK-4, AC-109).  Tests can make it repeat.
 */
#ifndef LIB_RND_H
#define LIB_RND_H

#include <stddef.h>
#include <stdint.h>

void rnd_bytes(void *out, size_t n);

/* An object's id: 16 octets as 22 base64url characters (AC-174). */
#define RND_ID_LEN 22
void rnd_id(char out[RND_ID_LEN + 1]);
/* As long, for a row that no client names: 6 octets of the time and 10 random
 * ones.  What is made together stands together in an index, so that a hundred
 * rows change a few of its pages and not a hundred. */
void rnd_row_id(char out[RND_ID_LEN + 1]);

/* Tests only: a deterministic stream from `seed`; 0 turns it off. */
void rnd_test_seed(uint64_t seed);

#endif
