/*
 * How many connections each peer has: an IPv4 address, or an IPv6 network of
 * 64 bits, which one subscriber has to himself (AC-5, AC-21).  Not counted
 * are trusted proxies, who come for many, and peers on a Unix socket.
 */
#ifndef SRC_HTTP_PEERS_H
#define SRC_HTTP_PEERS_H

#include "lib/netaddr.h"

struct client_trust;
struct http_peers;
struct sockaddr;

/* The address of a peer; false where it has none. */
bool http_peer_address(const struct sockaddr *a, struct netaddr *out);

/* `trust` is borrowed. */
struct http_peers *http_peers_new(
    int64_t most, const struct client_trust *trust);
void http_peers_free(struct http_peers *p); /* NULL-safe */

/* From any thread. */
bool http_peers_may(struct http_peers *p, const struct netaddr *a);
void http_peers_enter(struct http_peers *p, const struct netaddr *a);
void http_peers_leave(struct http_peers *p, const struct netaddr *a);

#endif
