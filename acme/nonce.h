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
 * Machines that share a database have one key, and one redeemed set in the
 * database: a client whose requests a balancer spreads is understood by all of
 * them, and what one has accepted no other does (AC-59).
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
/* Before the first nonce: the key is SECRET_NONCE, and the redeemed ones are
 * in the jobs' store. */
void nonces_share(struct nonces *n, struct span key);

void nonce_issue(struct nonces *n, char out[NONCE_LEN + 1]);
/*
 * Takes the header's member (NULL: missing) out of circulation: 0, or -1 with
 * ERR_BAD_NONCE or ERR_MALFORMED (AC-55).  Where they are shared, that is a
 * transaction of its own, whose end is durable.
 */
int nonce_redeem(struct nonces *n, struct job *j, const struct json *member);
/* Where they are shared: the expired ones go, if it is time for that.  0, -1;
 * with no transaction begun. */
int nonces_forget(struct nonces *n, struct job *j);

/* Redeemed nonces remembered by this process now. */
size_t nonce_count(struct nonces *n);

/* Tests: the next request may carry this nonce, once. */
void nonce_test_accept(struct acme *a, const char *nonce);

#endif
