#include "config.h"

#include "src/http_gate.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "src/http_peers.h"
#include "src/http_watch.h"
#include "src/tls.h"

#include <microhttpd.h>
#include <stdlib.h>

/* What libmicrohttpd keeps for the socket of a connection. */
struct visit {
	struct http_watch *watch;
	struct tls_identity *tls;
};

bool
http_gate_may(const struct http_gate *g, const struct sockaddr *a)
{
	struct netaddr peer;

	return !http_peer_address(a, &peer) || http_peers_may(g->peers, &peer);
}

bool
http_gate_peer(struct MHD_Connection *c, struct netaddr *out)
{
	return http_peer_address(
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
		->client_addr,
	    out);
}

void
http_gate_enter(const struct http_gate *g, struct MHD_Connection *c,
    void **socket_context, int64_t ms)
{
	int fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)
		     ->connect_fd;
	struct visit *v = xcalloc(1, sizeof(*v));
	struct netaddr peer;

	v->watch = http_watch_start(g->watches, fd, clock_mono_ms() + ms);
	v->tls = tls_enter();
	*socket_context = v;
	if (g->peers != NULL && http_gate_peer(c, &peer))
		http_peers_enter(g->peers, &peer);
}

void
http_gate_leave(
    const struct http_gate *g, struct MHD_Connection *c, void **socket_context)
{
	struct visit *v = *socket_context;
	struct netaddr peer;

	if (g->peers != NULL && http_gate_peer(c, &peer))
		http_peers_leave(g->peers, &peer);
	http_watch_end(g->watches, v->watch);
	tls_leave(v->tls);
	free(v);
	*socket_context = NULL;
}

struct http_watch *
http_gate_watch(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const struct visit *v = info != NULL ? info->socket_context : NULL;

	return v != NULL ? v->watch : NULL;
}

void
http_gate_give(const struct http_gate *g, struct MHD_Connection *c, int64_t ms)
{
	http_watch_until(g->watches, http_gate_watch(c), clock_mono_ms() + ms);
}

void
http_gate_linger(
    const struct http_gate *g, struct MHD_Connection *c, int64_t ms)
{
	http_watch_linger(http_gate_watch(c));
	http_gate_give(g, c, ms);
}

void
http_gate_close(struct http_gate *g)
{
	http_watches_free(g->watches);
	http_peers_free(g->peers);
	*g = (struct http_gate){ .watches = NULL };
}
