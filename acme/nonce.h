/*
 * Nonces (AC-54 to AC-60): issuing one stores nothing, redeeming one is
 * remembered until it would have expired.
 *
 * A nonce is a stamp of 8 octets, 8 random octets and 16 octets of an
 * HMAC-SHA256 over both, under a key drawn when the process starts.  Stamps
 * only grow, and no two nonces have the same one: the time in milliseconds
 * with 20 bits to count within one.  So the stamp alone says how old a nonce
 * is and whether it was redeemed.
 *
 * Redeemed stamps are in a hash table, to find them, and in a heap, to forget
 * the oldest first.  When there are as many as the bound allows, the oldest
 * is forgotten and no stamp up to it is accepted any more (AC-58): memory is
 * bounded, and no nonce is ever accepted twice.
 *
 * All functions may be called from several threads.
 */
#ifndef ACME_NONCE_H
#define ACME_NONCE_H

#include "lib/buf.h"

struct acme;
struct job;
struct json;
struct nonces;

#define NONCE_LEN 43

#define NONCE_BOUND (1u << 20) /* AC-58 */

/* `ttl` in seconds; `bound` redeemed nonces are remembered. */
struct nonces *nonces_new(int64_t ttl, size_t bound);
void nonces_free(struct nonces *n); /* NULL-safe */

void nonce_issue(struct nonces *n, char out[NONCE_LEN + 1]);
/*
 * Takes the header's member (NULL: missing) out of circulation: 0, or -1 with
 * ERR_BAD_NONCE or ERR_MALFORMED (AC-55).
 */
int nonce_redeem(struct nonces *n, struct job *j, const struct json *member);

/* Redeemed nonces remembered now. */
size_t nonce_count(struct nonces *n);

/* Tests: the next request may carry this nonce, once. */
void nonce_test_accept(struct acme *a, const char *nonce);

#endif
