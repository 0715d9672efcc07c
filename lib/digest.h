/*
 * SHA-256, HMAC-SHA-256, comparison in constant time, wiping.  The only
 * place below mail/ and pki/ that knows OpenSSL's digests.
 */
#ifndef LIB_DIGEST_H
#define LIB_DIGEST_H

#include "lib/buf.h"

#define SHA256_LEN 32

void sha256(struct span data, uint8_t out[SHA256_LEN]);

/* Streaming.  After a sum was taken the next one begins: one context serves an
 * item of work. */
struct sha256_ctx;
struct sha256_ctx *sha256_new(struct arena *a);
void sha256_add(struct sha256_ctx *c, struct span data);
void sha256_finish(struct sha256_ctx *c, uint8_t out[SHA256_LEN]);

void hmac_sha256(struct span key, struct span data, uint8_t out[SHA256_LEN]);

/* Equal length and octets; time depends on the length only. */
bool ct_equal(struct span a, struct span b);
/* Overwrites in a way that the compiler keeps. */
void wipe(void *p, size_t n);

#endif
