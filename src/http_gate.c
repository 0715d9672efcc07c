#include "config.h"

#include "src/http_gate.h"

#include "lib/clock.h"
#include "src/http_peers.h"
#include "src/http_watch.h"

#include <microhttpd.h>

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
	struct netaddr peer;

	*socket_context =
	    http_watch_start(g->watches, fd, clock_mono_ms() + ms);
	if (g->peers != NULL && http_gate_peer(c, &peer))
		http_peers_enter(g->peers, &peer);
}

void
http_gate_leave(
    const struct http_gate *g, struct MHD_Connection *c, void **socket_context)
{
	struct netaddr peer;

	if (g->peers != NULL && http_gate_peer(c, &peer))
		http_peers_leave(g->peers, &peer);
	http_watch_end(g->watches, *socket_context);
	*socket_context = NULL;
}

static struct http_watch *
watch_of(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
	    ->socket_context;
}

void
http_gate_give(const struct http_gate *g, struct MHD_Connection *c, int64_t ms)
{
	http_watch_until(g->watches, watch_of(c), clock_mono_ms() + ms);
}

void
http_gate_linger(
    const struct http_gate *g, struct MHD_Connection *c, int64_t ms)
{
	http_watch_linger(watch_of(c));
	http_gate_give(g, c, ms);
}

void
http_gate_close(struct http_gate *g)
{
	http_watches_free(g->watches);
	http_peers_free(g->peers);
	*g = (struct http_gate){ .watches = NULL };
}
