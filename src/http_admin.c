#include "config.h"

#include "src/http_admin.h"

#include "acme/response.h"
#include "db/store.h"
#include "db/store_login.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/admin_front.h"
#include "src/client_address.h"
#include "src/http_gate.h"
#include "src/http_peers.h"
#include "src/http_watch.h"
#include "src/listen.h"
#include "src/tls.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of each socket; and of one peer, on all of them: a stranger's handshakes
 * leave room for others.  On a Unix socket, which has no such peers, the first
 * is all there is. */
#define CONNECTIONS_MAX 64
#define PEER_CONNECTIONS_MAX (CONNECTIONS_MAX / 2)
#define POOL_OCTETS 16384
#define IDLE_SECS 30
/* A request, the handshake before it included, must be there so soon; its
 * answer must be read in as much. */
#define REQUEST_MS 15000
#define ANSWER_MS 60000
#define TEND_MS 1000
#define TEND_IDLE_MS 10000
/* A name and a password, each octet escaped. */
#define BODY_MAX 4096

/* A socket and its thread. */
struct listening {
	struct http_admin *all;
	struct listener listener;
	struct MHD_Daemon *daemon;
	struct store *store; /* its thread's */
};

struct http_admin {
	struct listening v[HTTP_ADMIN_SOCKETS_MAX];
	size_t n;
	_Atomic(const struct conf *) conf;
	struct admin_front *front;
	const struct store_login *login;
	struct http_gate gate;
};

/* No proxy comes for many. */
static const struct client_trust nobody;

/* One request while its body comes. */
struct exchange {
	char *target; /* owned */
	bool is_begun;
	bool is_too_long;
	size_t n;
	char body[BODY_MAX];
};

/* --- connections ---------------------------------------------------------- */

static void *
session_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info != NULL ? info->tls_session : NULL;
}

static enum MHD_Result
on_accept(void *ctx, const struct sockaddr *a, socklen_t n)
{
	const struct listening *l = ctx;

	(void)n;
	return http_gate_may(&l->all->gate, a) ? MHD_YES : MHD_NO;
}

static void
on_connection(void *ctx, struct MHD_Connection *connection,
    void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	const struct http_gate *gate = &((struct listening *)ctx)->all->gate;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		tls_ask_client(session_of(connection));
		http_gate_enter(gate, connection, socket_context, REQUEST_MS);
	} else {
		http_gate_leave(gate, connection, socket_context);
	}
}

/* --- requests ------------------------------------------------------------- */

static void *
on_target(void *ctx, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *x = xcalloc(1, sizeof(*x));

	http_gate_give(
	    &((struct listening *)ctx)->all->gate, connection, REQUEST_MS);
	x->target = xcalloc(1, strlen(uri) + 1);
	memcpy(x->target, uri, strlen(uri));
	return x;
}

static void
on_completed(void *ctx, struct MHD_Connection *connection, void **request,
    enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *request;

	(void)code;
	http_gate_give(
	    &((struct listening *)ctx)->all->gate, connection, REQUEST_MS);
	if (x == NULL)
		return;
	explicit_bzero(x->body, sizeof(x->body)); /* a password, perhaps */
	free(x->target);
	free(x);
	*request = NULL;
}

static struct span
header(struct MHD_Connection *c, const char *name)
{
	return span_str(MHD_lookup_connection_value(c, MHD_HEADER_KIND, name));
}

static void
set_address(struct MHD_Connection *c, char out[NETADDR_MAX])
{
	struct netaddr peer;

	client_address(
	    &nobody, http_gate_peer(c, &peer) ? &peer : NULL, SPAN(""), out);
}

static enum MHD_Result
send_answer(struct MHD_Connection *c, const struct response *r)
{
	struct MHD_Response *m = MHD_create_response_from_buffer(
	    r->body.n, r->body.p, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (m == NULL)
		return MHD_NO;
	for (size_t i = 0; i < r->header_count; i++)
		(void)MHD_add_response_header(
		    m, r->headers[i].name, r->headers[i].value);
	result = MHD_queue_response(c, (unsigned)r->status, m);
	MHD_destroy_response(m);
	return result;
}

static int
use_store(struct listening *l, struct job *j)
{
	if (l->store == NULL && store_open_as(j, l->all->login, &l->store) < 0)
		return -1;
	j->store = l->store;
	return 0;
}

static enum MHD_Result
answer(struct listening *l, struct MHD_Connection *c, const char *method,
    const struct exchange *x)
{
	char address[NETADDR_MAX];
	struct admin_query q = { .method = method,
		.target = span_str(x->target),
		.cookie = header(c, "Cookie"),
		.host = header(c, "Host"),
		.origin = header(c, "Origin"),
		.content_type = header(c, "Content-Type"),
		.body = span_mem(x->body, x->n),
		.is_too_long = x->is_too_long,
		.address = address };
	struct response r = { .status = 0 };
	enum MHD_Result result;
	struct job j;

	job_init(&j, NULL, atomic_load(&l->all->conf));
	http_gate_give(&l->all->gate, c, ANSWER_MS);
	set_address(c, address);
	q.client_key = tls_client_key(&j, session_of(c));
	/* Without the database the answer says so. */
	(void)use_store(l, &j);
	admin_front_answer(&j, l->all->front, &q, &r);
	result = send_answer(c, &r);
	job_done(&j);
	return result;
}

/* First without a body, then with its parts, then without: the end. */
static enum MHD_Result
/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd's type */
on_request(void *ctx, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *part, size_t *size,
    void **request)
{
	struct exchange *x = *request;

	(void)url;
	(void)version;
	if (x == NULL)
		return MHD_NO;
	if (!x->is_begun) {
		x->is_begun = true;
		return MHD_YES;
	}
	if (*size > 0) {
		/* What is too much is read, within the time, and refused. */
		if (*size > sizeof(x->body) - x->n) {
			x->is_too_long = true;
		} else {
			memcpy(x->body + x->n, part, *size);
			x->n += *size;
		}
		*size = 0;
		return MHD_YES;
	}
	return answer(ctx, connection, method, x);
}

/* --- the life of it ------------------------------------------------------- */

int
http_admin_open(struct job *j, struct http_admin **out)
{
	const struct conf_admin *a = &j->conf->admin;
	struct http_admin *h = xcalloc(1, sizeof(*h));

	*out = h;
	atomic_store(&h->conf, j->conf);
	h->gate.watches = http_watches_new(ROLE_ADMIN);
	h->gate.peers = http_peers_new(PEER_CONNECTIONS_MAX, &nobody);
	if (tls_load(j, a->tls_certificate, a->tls_key) < 0)
		return -1;
	for (size_t i = 0; i < a->listen.n && i < HTTP_ADMIN_SOCKETS_MAX; i++) {
		h->v[i].all = h;
		if (listen_open(j, "admin.listen", a->listen.v[i], NULL,
			&h->v[i].listener) < 0)
			return -1;
		h->n++;
	}
	return 0;
}

static int
start_one(struct listening *l, struct job *j)
{
	l->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_TLS, 0,
	    on_accept, l, on_request, l, MHD_OPTION_LISTEN_SOCKET,
	    l->listener.fd, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)POOL_OCTETS, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)IDLE_SECS, MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_HTTPS_CERT_CALLBACK, tls_retrieve_callback(),
	    MHD_OPTION_HTTPS_PRIORITIES, tls_priorities(),
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, l,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, l,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_END);
	return l->daemon != NULL
		   ? 0
		   : job_fail(j, ERR_INTERNAL,
			 "admin.listen: the HTTPS server does not start: %s",
			 strerror(errno));
}

int
http_admin_start(struct http_admin *h, struct job *j, struct admin_front *front,
    const struct store_login *login)
{
	h->front = front;
	h->login = login;
	for (size_t i = 0; i < h->n; i++)
		if (start_one(&h->v[i], j) < 0)
			return -1;
	return 0;
}

void
http_admin_set_conf(struct http_admin *h, const struct conf *conf)
{
	atomic_store(&h->conf, conf);
}

int64_t
http_admin_tend(struct http_admin *h)
{
	bool soon, any = http_watches_tend(h->gate.watches, &soon);

	return any ? TEND_MS : TEND_IDLE_MS;
}

void
http_admin_stop(struct http_admin *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n; i++) {
		struct listening *l = &h->v[i];

		if (l->daemon != NULL)
			MHD_stop_daemon(l->daemon);
		else
			(void)close(l->listener.fd);
		store_close(l->store);
		listen_remove(&l->listener);
	}
	http_gate_close(&h->gate);
	free(h);
}
