/*
 * The two ends of a connection, alike for the servers: who may connect, and
 * from when to when it is counted (http_peers.h), watched (http_watch.h) and
 * needs what its TLS session is given (tls.h).  What libmicrohttpd keeps for a
 * socket is ours alone.
 */
#ifndef SRC_HTTP_GATE_H
#define SRC_HTTP_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct MHD_Connection;
struct http_peers;
struct http_watch;
struct http_watches;
struct netaddr;
struct sockaddr;

/* Both are set before the first connection comes. */
struct http_gate {
	struct http_watches *watches;
	struct http_peers *peers; /* NULL: nobody is counted here */
};

/* Peers without an address, on a Unix socket, always may.  Where they are
 * counted. */
bool http_gate_may(const struct http_gate *g, const struct sockaddr *a);

/* It has so many milliseconds for its first request, TLS included. */
void http_gate_enter(const struct http_gate *g, struct MHD_Connection *c,
    void **socket_context, int64_t ms);
void http_gate_leave(
    const struct http_gate *g, struct MHD_Connection *c, void **socket_context);

/* It has so many milliseconds from now on. */
void http_gate_give(
    const struct http_gate *g, struct MHD_Connection *c, int64_t ms);
/* The same for its last answer, after which the client may still send. */
void http_gate_linger(
    const struct http_gate *g, struct MHD_Connection *c, int64_t ms);

/* The connection's watch; NULL where it has none. */
struct http_watch *http_gate_watch(struct MHD_Connection *c);

/* The peer's address; false where it has none. */
bool http_gate_peer(struct MHD_Connection *c, struct netaddr *out);

/* When no connection is left. */
void http_gate_close(struct http_gate *g);

#endif
