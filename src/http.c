#include "config.h"

#include "src/http.h"

#include "acme/route.h"
#include "db/store.h"
#include "db/store_login.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/client_address.h"
#include "src/http_chain.h"
#include "src/http_direct.h"
#include "src/http_gate.h"
#include "src/http_head.h"
#include "src/http_listen.h"
#include "src/http_peers.h"
#include "src/http_private.h"
#include "src/http_watch.h"
#include "src/tls.h"
#include "src/writer.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Of a connection, for all that libmicrohttpd keeps of a request's head and
 * the head of its answer. */
#define POOL_OCTETS (2 * (size_t)HTTP_HEADER_MAX)
#define IDLE_MS 75000
/* A body that stops is answered 408 by its connection's own thread; this much
 * later http_tend() cuts what is still there. */
#define CUT_MS 3000
/* Each timer of its own costs its thread a look at every event. */
#define TIMERS_MAX 1000
#define TEND_MS 1000
#define TEND_SOON_MS 100
#define TEND_IDLE_MS 10000
#define STOP_MS 10000

/* --- deadlines --- */

static int64_t
body_ms(const struct http *h)
{
	return atomic_load(&h->conf)->web.body_timeout * 1000;
}

/* libmicrohttpd's own limits know neither networks nor proxies, and are for
 * each socket alone. */
static enum MHD_Result
on_accept(void *ctx, const struct sockaddr *a, socklen_t n)
{
	struct http *h = ctx;

	(void)n;
	if (atomic_load(&h->connections) >=
	    atomic_load(&h->conf)->web.max_connections)
		return MHD_NO;
	return http_gate_may(&h->gate, a) ? MHD_YES : MHD_NO;
}

static void
on_connection(void *ctx, struct MHD_Connection *connection,
    void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	struct http *h = ctx;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		http_gate_enter(
		    &h->gate, connection, socket_context, body_ms(h));
		atomic_fetch_add(&h->connections, 1);
	} else {
		atomic_fetch_sub(&h->connections, 1);
		http_gate_leave(&h->gate, connection, socket_context);
	}
}

/*
 * libmicrohttpd ends the connection on its own thread when nothing came for so
 * long, and on_completed() can still answer: that is how a body that stops
 * gets its 408 (AC-5).
 */
static void
set_timer(struct exchange *x, int64_t ms)
{
	struct http *h = x->http;

	if (ms < 1)
		ms = 1;
	if (!x->has_timer && atomic_fetch_add(&h->timers, 1) >= TIMERS_MAX) {
		atomic_fetch_sub(&h->timers, 1);
		return; /* http_tend() will cut it without a word */
	}
	x->has_timer = true;
	MHD_set_connection_option(x->connection, MHD_CONNECTION_OPTION_TIMEOUT,
	    (unsigned)((ms + 999) / 1000));
}

static void
end_timer(struct exchange *x)
{
	if (!x->has_timer)
		return;
	x->has_timer = false;
	atomic_fetch_sub(&x->http->timers, 1);
	MHD_set_connection_option(x->connection, MHD_CONNECTION_OPTION_TIMEOUT,
	    (unsigned)(IDLE_MS / 1000));
}

/* --- a thread's own connection to the store --- */

static void
close_store(void *store)
{
	store_close(store);
}

static int
use_thread_store(struct http *h, struct job *j)
{
	struct store *s = pthread_getspecific(h->thread_store);

	if (s == NULL) {
		if (store_open_as(j, h->login, &s) < 0)
			return -1;
		pthread_setspecific(h->thread_store, s);
	}
	j->store = s;
	return 0;
}

/* --- a request's head --- */

static enum method
method_of(const char *name)
{
	static const struct {
		const char *name;
		enum method method;
	} known[] = {
		{ "GET", METHOD_GET },
		{ "HEAD", METHOD_HEAD },
		{ "POST", METHOD_POST },
		{ "OPTIONS", METHOD_OPTIONS },
	};

	for (size_t i = 0; i < COUNT(known); i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].method;
	return METHOD_OTHER;
}

/* AC-21 */
static void
set_client_address(struct exchange *x)
{
	struct netaddr peer;

	client_address(&x->http->trust,
	    http_gate_peer(x->connection, &peer) ? &peer : NULL,
	    x->head.forwarded, x->address);
	x->request.client_address = x->address;
}

/* --- the answer --- */

static void
log_access(const struct exchange *x)
{
	struct log_quoted target, agent;

	log_info("request",
	    "job=%s method=%s target=%s status=%d octets=%zu ms=%lld "
	    "client=%s agent=%s",
	    x->job.id,
	    method_of(x->request.method_name) == METHOD_OTHER
		? "other"
		: x->request.method_name,
	    log_quote(&target, x->request.target), x->response.status,
	    x->response.body.n, (long long)(clock_mono_ms() - x->began_ms),
	    x->address, log_quote(&agent, x->request.user_agent));
}

static enum MHD_Result
send_answer(struct exchange *x)
{
	struct response *r = &x->response;
	struct MHD_Response *m = MHD_create_response_from_buffer(
	    r->body.n, r->body.p, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (m == NULL)
		return MHD_NO;
	for (size_t i = 0; i < r->header_count; i++)
		MHD_add_response_header(
		    m, r->headers[i].name, r->headers[i].value);
	if (x->last) {
		MHD_add_response_header(m, "Connection", "close");
		http_watch_linger(x->watch);
	}
	end_timer(x);
	/* For one who reads as slowly as others write. */
	http_watch_until(
	    x->http->gate.watches, x->watch, clock_mono_ms() + IDLE_MS);
	log_access(x);
	result = MHD_queue_response(x->connection, (unsigned)r->status, m);
	MHD_destroy_response(m);
	return result;
}

static enum MHD_Result
finish(struct exchange *x)
{
	acme_finish(x->http->acme, &x->job, &x->request, &x->response);
	x->answered = true;
	return send_answer(x);
}

/*
 * Between the head and the end of the body, where libmicrohttpd takes no
 * answer.  What the steps before the body have to say comes first (AC-52).
 */
static void
answer_in_body(struct exchange *x, int status, const char *what)
{
	struct job *j = &x->job;

	if (acme_admit(x->http->acme, j, &x->request, &x->response) == 0)
		job_fail_status(j, ERR_MALFORMED, status, "%s", what);
	acme_finish(x->http->acme, j, &x->request, &x->response);
	x->answered = true;
	http_watch_linger(x->watch);
	log_access(x);
	http_direct_send(x->connection, j, &x->response);
}

static void
answer_too_slow(struct exchange *x)
{
	answer_in_body(x, 408,
	    arena_printf(x->job.arena,
		"the request body did not arrive within %lld seconds",
		(long long)x->job.conf->web.body_timeout));
}

/* --- now and then --- */

int64_t
http_tend(struct http *h, struct store *store)
{
	int64_t most, ms = http_parked_tend(h, store, TEND_IDLE_MS);
	bool soon, any = http_watches_tend(h->gate.watches, &soon);

	most = soon ? TEND_SOON_MS : any ? TEND_MS : TEND_IDLE_MS;
	return ms < most ? ms : most;
}

int
http_tell_refused(struct http *h, struct job *j, bool is_end)
{
	return acme_tend(h->acme, j, is_end);
}

/* --- the request, once it is complete --- */

static enum MHD_Result
serve(struct exchange *x)
{
	struct http *h = x->http;
	struct job *j = &x->job;

	end_timer(x);
	http_watch_until(h->gate.watches, x->watch, INT64_MAX);
	x->request.body = buf_span(&x->body);
	if (use_thread_store(h, j) < 0 ||
	    acme_prepare(h->acme, j, &x->request, &x->response) < 0)
		return finish(x);
	if (acme_writes(&x->request)) {
		http_write(x);
		return MHD_YES;
	}
	acme_handle(h->acme, j, &x->request, &x->response);
	return finish(x);
}

static enum MHD_Result
begin(struct exchange *x)
{
	int result;

	x->begun = true;
	x->request.method = method_of(x->head.method);
	x->request.method_name = x->head.method;
	result = http_head_read(x->connection, &x->job, &x->head, &x->request);
	set_client_address(x);
	if (result < 0) {
		/* What follows on this connection cannot be trusted to be a
		 * request (AC-4). */
		x->last = true;
		return finish(x);
	}
	/* Line ends and extensions within a chunked body are read more
	 * generously than others might, and are not shown: nothing may
	 * follow that could be taken for a request (AC-4). */
	x->last = x->head.is_chunked;
	if (x->head.has_body)
		set_timer(x, x->body_until - clock_mono_ms());
	return MHD_YES;
}

static enum MHD_Result
take_body(struct exchange *x, const char *data, size_t *size)
{
	int64_t left = x->body_until - clock_mono_ms();

	buf_add_mem(&x->body, data, *size);
	*size = 0;
	if (!buf_ok(&x->body)) {
		answer_in_body(x, 413,
		    arena_printf(x->job.arena,
			"request body exceeds %lld octets",
			(long long)x->job.conf->web.max_body));
		return MHD_NO;
	}
	if (left <= 0) {
		answer_too_slow(x);
		return MHD_NO;
	}
	set_timer(x, left);
	return MHD_YES;
}

static enum MHD_Result
/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd's type */
on_request(void *ctx, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *size,
    void **context)
{
	struct exchange *x = *context;

	(void)ctx;
	(void)connection;
	(void)url;
	if (x == NULL)
		return MHD_NO;
	if (!x->begun) {
		x->head.method = method;
		x->head.version = version;
		return begin(x);
	}
	if (x->answered)
		return send_answer(x);
	if (*size > 0)
		return take_body(x, data, size);
	return serve(x);
}

/* The target as it was sent: `url` above is decoded already. */
static void *
on_target(void *ctx, const char *target, struct MHD_Connection *connection)
{
	struct http *h = ctx;
	struct exchange *x = xcalloc(1, sizeof(*x));

	job_init(&x->job, NULL, atomic_load(&h->conf));
	x->http = h;
	x->connection = connection;
	x->began_ms = clock_mono_ms();
	x->head.target = target != NULL ? target : "";
	x->head.target_n = strlen(x->head.target);
	x->request.target =
	    span_str(arena_strdup(x->job.arena, x->head.target));
	buf_init(&x->body, x->job.arena, (size_t)x->job.conf->web.max_body);
	x->watch = http_gate_watch(connection);
	x->body_until = x->began_ms + body_ms(h);
	http_watch_until(h->gate.watches, x->watch, x->body_until + CUT_MS);
	atomic_fetch_add(&h->exchanges, 1);
	return x;
}

static void
on_completed(void *ctx, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode code)
{
	struct http *h = ctx;
	struct exchange *x = *context;

	(void)connection;
	if (x == NULL)
		return;
	if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		http_watch_until(
		    h->gate.watches, x->watch, clock_mono_ms() + IDLE_MS);
	else if (code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED && x->begun &&
		 !x->answered)
		answer_too_slow(x);
	if (x->has_timer)
		atomic_fetch_sub(&h->timers, 1);
	*context = NULL;
	job_done(&x->job);
	free(x);
	atomic_fetch_sub(&h->exchanges, 1);
}

/* --- threads --- */

static int
start_daemon(struct http *h, struct job *j, const struct http_socket *socket)
{
	const struct conf_web *c = &j->conf->web;
	struct MHD_OptionItem options[] = {
		{ MHD_OPTION_LISTEN_SOCKET, socket->listener.fd, NULL },
		{ MHD_OPTION_THREAD_POOL_SIZE,
		    c->threads > 1 ? (intptr_t)c->threads : 0, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, (intptr_t)c->max_connections,
		    NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_OCTETS, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, IDLE_MS / 1000, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	/* Never select(): it ends at descriptor 1024. */
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD |
			 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
			 (socket->is_tls ? MHD_USE_TLS : 0);
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, tls_retrieve_callback() },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, tls_priorities() },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_Daemon *d;

	d = MHD_start_daemon(flags, 0, on_accept, h, on_request, h,
	    MHD_OPTION_ARRAY, options, MHD_OPTION_ARRAY,
	    socket->is_tls ? tls : tls + 2, MHD_OPTION_URI_LOG_CALLBACK,
	    on_target, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_END);
	if (d == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "the HTTP server does not start: %s", strerror(errno));
	h->daemons[h->daemon_count++] = d;
	return 0;
}

static int
set_chain(struct http *h, struct job *j)
{
	struct acme_chain chain;

	if (http_chain_load(j, h->keep, &h->ca, &chain) < 0)
		return -1;
	acme_set_chain(h->acme, &chain);
	return 0;
}

static int
set_trust(struct http *h, struct job *j)
{
	return client_trust_parse(
	    j, h->keep, &j->conf->web.trusted_proxies, &h->trust);
}

int
http_start(struct job *j, const struct http_sockets *sockets,
    const struct http_secrets *secrets, struct http **out)
{
	struct http *h = xcalloc(1, sizeof(*h));

	atomic_store(&h->conf, j->conf);
	pthread_mutex_init(&h->lock, NULL);
	pthread_key_create(&h->thread_store, close_store);
	h->acme = acme_new(j->conf);
	h->login = secrets->login;
	acme_set_eab_key(h->acme, secrets->eab_key);
	acme_set_weak_keys(h->acme, secrets->weak_keys);
	h->keep = arena_new();
	h->gate.watches = http_watches_new(ROLE_WEB);
	h->sockets = *sockets;
	if (set_chain(h, j) < 0 || set_trust(h, j) < 0 ||
	    acme_share(h->acme, j) < 0 ||
	    writer_start(j, h->login, &h->writer) < 0) {
		http_stop(h);
		return -1;
	}
	http_hold(h, secrets->is_held);
	h->gate.peers = http_peers_new(j->conf->web.max_per_address, &h->trust);
	for (size_t i = 0; i < sockets->n; i++) {
		if (start_daemon(h, j, &sockets->v[i]) < 0) {
			http_stop(h);
			return -1;
		}
	}
	*out = h;
	return 0;
}

void
http_hold(struct http *h, bool yes)
{
	writer_hold(h->writer, yes);
}

const struct ca *
http_ca(const struct http *h)
{
	return h->ca;
}

void
http_set_conf(struct http *h, const struct conf *conf)
{
	atomic_store(&h->conf, conf);
	acme_set_conf(h->acme, conf);
}

/* What is begun may finish: idle connections need not be waited for. */
static void
drain(struct http *h)
{
	int64_t until = clock_mono_ms() + STOP_MS;
	struct timespec pause = { .tv_nsec = 20000000 };

	for (size_t i = 0; i < h->daemon_count; i++) {
		const struct http_socket *s = &h->sockets.v[i];

		/* Its threads may still use the descriptor: it is closed when
		 * they are gone.  What was passed goes on listening. */
		MHD_quiesce_daemon(h->daemons[i]);
		if (!s->is_passed)
			shutdown(s->listener.fd, SHUT_RDWR);
	}
	while (atomic_load(&h->exchanges) > 0 && clock_mono_ms() < until)
		nanosleep(&pause, NULL);
}

void
http_stop(struct http *h)
{
	if (h == NULL)
		return;
	http_parked_end(h);
	drain(h);
	/* All parked requests come back before the daemons stop: stopping
	 * with one suspended would abort the process. */
	writer_stop(h->writer);
	for (size_t i = 0; i < h->daemon_count; i++) {
		MHD_stop_daemon(h->daemons[i]);
		close(h->sockets.v[i].listener.fd);
	}
	http_gate_close(&h->gate);
	acme_free(h->acme);
	arena_free(h->keep);
	pthread_key_delete(h->thread_store);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
