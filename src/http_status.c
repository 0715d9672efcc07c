#include "config.h"

#include "src/http_status.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "pki/ocsp_request.h"
#include "src/client_address.h"
#include "src/http_gate.h"
#include "src/http_peers.h"
#include "src/http_watch.h"
#include "src/status_answer.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define PEER_CONNECTIONS_MAX 64
#define POOL_OCTETS 16384
#define IDLE_SECS 10
#define REPORT_SECS 600
/* A request must be there so soon, however its octets trickle in; an answer is
 * read at 16 octets a millisecond or faster. */
#define REQUEST_MS 10000
#define ANSWER_MS 30000
#define OCTETS_PER_MS 16
#define TEND_MS 1000
#define TEND_IDLE_MS 10000
/* What is too much for OCSP is read so far, and gets an answer. */
#define BODY_MAX ((size_t)64 * 1024)

/* A socket and its thread, which shares nothing with the others. */
struct listening {
	struct http_status *all;
	struct status_service *service;
	const struct conf *conf;
	struct MHD_Daemon *daemon;
	int64_t reported_at;
	struct live_asker live;
};

struct http_status {
	struct listening v[HTTP_SOCKETS_MAX];
	size_t n;
	struct http_gate gate;
	struct client_trust trust;
};

/* One request while its body comes. */
struct exchange {
	char *target; /* owned */
	bool is_begun;
	char body[OCSP_REQUEST_MAX + 1];
	size_t n;
	size_t body_n; /* of all of it */
};

/* --- connections ---------------------------------------------------------- */

/* Lists must be had by everybody: nobody gets all connections. */
static enum MHD_Result
on_accept(void *ctx, const struct sockaddr *a, socklen_t n)
{
	const struct listening *h = ctx;

	(void)n;
	return http_gate_may(&h->all->gate, a) ? MHD_YES : MHD_NO;
}

static void
on_connection(void *ctx, struct MHD_Connection *connection,
    void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	const struct http_gate *gate = &((struct listening *)ctx)->all->gate;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		http_gate_enter(gate, connection, socket_context, REQUEST_MS);
	else
		http_gate_leave(gate, connection, socket_context);
}

/* --- requests ------------------------------------------------------------- */

/* libmicrohttpd would undo the escapes of a target that is base64 inside. */
static size_t
keep_escapes(void *ctx, struct MHD_Connection *connection, char *text)
{
	(void)ctx;
	(void)connection;
	return strlen(text);
}

static void *
on_target(void *ctx, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *x = calloc(1, sizeof(*x));

	http_gate_give(
	    &((struct listening *)ctx)->all->gate, connection, REQUEST_MS);
	if (x == NULL)
		return NULL;
	x->target = strdup(uri);
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
	free(x->target);
	free(x);
	*request = NULL;
}

static struct MHD_Response *
make_response(const struct status_result *r)
{
	struct MHD_Response *m;
	union {
		const char *in;
		char *out;
	} body = { .in = r->body.n == 0 ? "" : r->body.p };

	if (r->fd >= 0) {
		m = MHD_create_response_from_fd_at_offset64(r->size, r->fd, 0);
		if (m == NULL)
			(void)close(r->fd);
	} else {
		m = MHD_create_response_from_buffer(
		    r->body.n, body.out, MHD_RESPMEM_MUST_COPY);
	}
	for (size_t i = 0; m != NULL && i < r->header_count; i++)
		(void)MHD_add_response_header(
		    m, r->headers[i].name, r->headers[i].value);
	return m;
}

static void
report(struct listening *h, struct job *j)
{
	if (j->now - h->reported_at < REPORT_SECS)
		return;
	h->reported_at = j->now;
	status_report(j, h->service);
}

static enum MHD_Result
answer(struct listening *h, struct MHD_Connection *c, const char *method,
    const struct exchange *x)
{
	struct status_query q = { .method = method,
		.target = span_str(x->target),
		.body = span_mem(x->body, x->n),
		.if_none_match = MHD_lookup_connection_value(
		    c, MHD_HEADER_KIND, "If-None-Match"),
		.if_modified_since = MHD_lookup_connection_value(
		    c, MHD_HEADER_KIND, "If-Modified-Since") };
	enum MHD_Result result = MHD_NO;
	struct status_result r;
	struct MHD_Response *m;
	struct job j;

	job_init(&j, NULL, h->conf);
	status_answer(&j, h->service, &q, &r);
	http_gate_give(
	    &h->all->gate, c, ANSWER_MS + (int64_t)r.size / OCTETS_PER_MS);
	m = make_response(&r);
	if (m != NULL) {
		result = MHD_queue_response(c, (unsigned)r.status, m);
		MHD_destroy_response(m);
	}
	report(h, &j);
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
	if (x == NULL || x->target == NULL)
		return MHD_NO;
	if (!x->is_begun) {
		x->is_begun = true;
		return MHD_YES;
	}
	if (*size > 0) {
		/* One octet over the limit is enough to be refused. */
		size_t room = sizeof(x->body) - x->n;
		size_t n = *size < room ? *size : room;

		memcpy(x->body + x->n, part, n);
		x->n += n;
		x->body_n += *size;
		*size = 0;
		return x->body_n > BODY_MAX ? MHD_NO : MHD_YES;
	}
	return answer(ctx, connection, method, x);
}

static int
ask_live(void *ctx, struct job *j, struct span request, struct span *response)
{
	return live_ask(j, ctx, request, response);
}

static int
start_one(struct job *j, struct arena *keep, struct listening *h, int fd)
{
	h->conf = j->conf;
	h->reported_at = j->now;
	if (status_service_new(j, keep, j->conf, &h->service) < 0)
		return -1;
	if (h->live.fd >= 0)
		status_service_live(h->service, ask_live, &h->live);
	h->daemon =
	    MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0,
		on_accept, h, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_OCTETS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECS,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, h,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_END);
	if (h->daemon == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "web.status_listen: the HTTP server does not start: %s",
		    strerror(errno));
	return 0;
}

int
http_status_start(struct job *j, struct arena *keep,
    const struct http_sockets *sockets, const struct live_ends *live,
    struct http_status **out)
{
	struct http_status *h = arena_alloc(keep, sizeof(*h));
	int64_t most;

	*out = h;
	if (client_trust_parse(
		j, keep, &j->conf->web.trusted_proxies, &h->trust) < 0)
		return -1;
	h->gate.watches = http_watches_new(ROLE_WEB);
	most = j->conf->web.max_per_address;
	h->gate.peers = http_peers_new(
	    most < PEER_CONNECTIONS_MAX ? most : PEER_CONNECTIONS_MAX,
	    &h->trust);
	for (size_t i = 0; i < sockets->n; i++) {
		h->n = i + 1;
		h->v[i].all = h;
		live_asker_init(&h->v[i].live, i < live->n ? live->fds[i] : -1);
		if (start_one(j, keep, &h->v[i], sockets->v[i].listener.fd) < 0)
			return -1;
	}
	return 0;
}

void
http_status_stop(struct http_status *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].daemon != NULL)
			MHD_stop_daemon(h->v[i].daemon);
	h->n = 0;
	http_gate_close(&h->gate);
}

int64_t
http_status_tend(struct http_status *h)
{
	bool soon, any = http_watches_tend(h->gate.watches, &soon);

	return any ? TEND_MS : TEND_IDLE_MS;
}

int
http_status_listen(struct job *j, struct http_sockets *out)
{
	const struct conf_list *l = &j->conf->web.status_listen;

	out->n = 0;
	for (size_t i = 0; i < l->n && i < HTTP_SOCKETS_MAX; i++) {
		struct listener *one = &out->v[out->n].listener;

		out->v[out->n] = (struct http_socket){ .is_tls = false };
		if (listen_open(j, "web.status_listen", l->v[i], NULL, one) <
		    0) {
			http_unlisten(out);
			for (size_t k = 0; k < out->n; k++)
				(void)close(out->v[k].listener.fd);
			out->n = 0;
			return -1;
		}
		out->n++;
	}
	return 0;
}
