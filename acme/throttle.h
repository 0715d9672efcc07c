/*
 * How fast one client address may ask (AC-180), and how often in vain
 * (AC-181): in memory, for this process.  After a restart every bucket is
 * full.
 *
 * The table has a fixed size: who comes new takes the place of the address
 * whose buckets are the fullest, which loses the least by it.  Addresses are
 * known by a keyed hash, so nobody can choose whom they push out.
 *
 * All functions may be called from several threads.
 */
#ifndef ACME_THROTTLE_H
#define ACME_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct conf_limits;
struct throttle;

struct throttle *throttle_new(void);
void throttle_free(struct throttle *t); /* NULL-safe */

enum throttle_kind { THROTTLE_REQUEST, THROTTLE_RENEWAL_INFO };

/* Counts one request: 0, or seconds until the next is served. */
int64_t throttle_request(struct throttle *t, const struct conf_limits *conf,
    const char *client_address, enum throttle_kind kind, int64_t now_ms);
/* Seconds for which the address is refused because of its failures, or 0. */
int64_t throttle_blocked(
    struct throttle *t, const char *client_address, int64_t now_ms);
/* One request that did not prove who asks. */
void throttle_failure(struct throttle *t, const struct conf_limits *conf,
    const char *client_address, int64_t now_ms);

#endif
