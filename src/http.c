#include "config.h"

#include "src/http.h"

#include "acme/problem.h"
#include "acme/route.h"
#include "db/store.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/key.h"
#include "src/conf_check.h"
#include "src/tls.h"
#include "src/wake.h"
#include "src/writer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DAEMONS_MAX 16
#define LINE_MAX_OCTETS 2048 /* AC-5: of the request line */
#define HEADER_MAX 16384
#define IDLE_MS 75000
#define TEND_MS 1000
#define TEND_IDLE_MS 10000
#define STOP_MS 10000

/* One connection, for deadlines: libmicrohttpd's own limit counts only
 * inactivity, and one octet a second would live for ever. */
struct watch {
	struct watch *prev, *next;
	int fd;
	int64_t deadline; /* monotonic ms; INT64_MAX while we work */
};

struct http {
	struct MHD_Daemon *daemons[DAEMONS_MAX];
	size_t daemon_count;
	struct acme *acme;
	struct writer *writer;
	_Atomic(const struct conf *) conf;
	pthread_key_t thread_store;
	pthread_mutex_t lock; /* of the list of watches */
	struct watch *watches;
	struct exchange *parked; /* wait for the issuer (AC-143) */
	const struct ca *ca;     /* for its chain only: no key */
	struct arena *keep;
	bool stopping;
	atomic_int exchanges;
};

/* One request, from its first line to its answer's last octet. */
struct exchange {
	struct write_item item; /* first: the writer hands it back */
	struct http *http;
	struct MHD_Connection *connection;
	struct watch *watch;
	struct job job;
	struct request request;
	struct response response;
	struct buf body;
	char address[INET6_ADDRSTRLEN];
	bool begun;    /* header seen */
	bool last;     /* the connection ends with this answer */
	bool answered; /* response is complete */
	struct exchange *next_parked;
	int64_t park_until; /* monotonic ms */
	int64_t began_ms;
};

/* --- deadlines --- */

static void
watch_until(struct http *h, struct watch *w, int64_t deadline)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	w->deadline = deadline;
	pthread_mutex_unlock(&h->lock);
}

static void
on_connection(void *ctx, struct MHD_Connection *connection,
    void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	struct http *h = ctx;
	struct watch *w = *socket_context;

	pthread_mutex_lock(&h->lock);
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		w = xcalloc(1, sizeof(*w));
		w->fd = MHD_get_connection_info(
		    connection, MHD_CONNECTION_INFO_CONNECTION_FD)
			    ->connect_fd;
		/* The first request, TLS included, must come soon. */
		w->deadline = clock_mono_ms() +
			      atomic_load(&h->conf)->web.body_timeout * 1000;
		w->next = h->watches;
		if (w->next != NULL)
			w->next->prev = w;
		else /* http_tend() sleeps long while there are none */
			wake_send(1u << ROLE_WEB);
		h->watches = w;
		*socket_context = w;
	} else if (w != NULL) {
		if (w->prev != NULL)
			w->prev->next = w->next;
		else
			h->watches = w->next;
		if (w->next != NULL)
			w->next->prev = w->prev;
		free(w);
		*socket_context = NULL;
	}
	pthread_mutex_unlock(&h->lock);
}

/* Connections that take too long; are there any at all? */
static bool
end_overdue(struct http *h)
{
	int64_t now = clock_mono_ms();
	bool any;

	pthread_mutex_lock(&h->lock);
	for (struct watch *w = h->watches; w != NULL; w = w->next) {
		if (w->deadline > now)
			continue;
		/* libmicrohttpd sees the end of the stream and cleans up; the
		 * descriptor stays its own, so no other gets hit. */
		shutdown(w->fd, SHUT_RDWR);
		w->deadline = INT64_MAX;
	}
	any = h->watches != NULL;
	pthread_mutex_unlock(&h->lock);
	return any;
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
		if (store_open(j, j->conf->database, &s) < 0)
			return -1;
		pthread_setspecific(h->thread_store, s);
	}
	j->store = s;
	return 0;
}

/* --- a request's header --- */

struct header_scan {
	struct exchange *x;
	int content_types, lengths, encodings, hosts;
	size_t octets; /* of the header section, about */
	struct span length;
	bool nul, lengths_differ;
};

static enum MHD_Result
scan_header(void *ctx, enum MHD_ValueKind kind, const char *key,
    size_t key_size, const char *value, size_t value_size)
{
	struct header_scan *s = ctx;
	struct request *r = &s->x->request;
	struct span k = span_mem(key, key_size);
	struct span v = span_mem(value, value_size);

	(void)kind;
	s->octets += key_size + value_size + 4; /* ": " and CRLF */
	if (span_find(v, 0, '\0') < v.n || span_find(k, 0, '\0') < k.n)
		s->nul = true;
	if (span_caseeq_str(k, "content-type")) {
		r->content_type = v;
		r->content_type_repeated = ++s->content_types > 1;
	} else if (span_caseeq_str(k, "content-length")) {
		if (s->lengths++ > 0 && !span_eq(s->length, v))
			s->lengths_differ = true;
		s->length = v;
	} else if (span_caseeq_str(k, "transfer-encoding")) {
		s->encodings++;
	} else if (span_caseeq_str(k, "content-encoding")) {
		r->content_encoding = v;
	} else if (span_caseeq_str(k, "accept")) {
		r->accept = v;
	} else if (span_caseeq_str(k, "accept-language")) {
		r->accept_language = v;
	} else if (span_caseeq_str(k, "user-agent")) {
		r->user_agent = v;
	} else if (span_caseeq_str(k, "host")) {
		s->hosts++;
	}
	return MHD_YES;
}

/* AC-3: host compared without case, the default port may be left out. */
static bool
is_our_host(const struct conf *conf, struct span host)
{
	struct span ours = span_from(span_str(conf->base_url), 8);
	struct span port = SPAN(":443");

	if (span_ends(ours, port))
		ours = span_cut(ours, 0, ours.n - port.n);
	if (span_ends(host, port))
		host = span_cut(host, 0, host.n - port.n);
	return span_caseeq(ours, host);
}

/* AC-4, AC-5, AC-3: what does not depend on the route. */
static int
check_header(struct exchange *x, const struct header_scan *s)
{
	struct job *j = &x->job;
	const char *host =
	    MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Host");
	int64_t length, max = j->conf->web.max_body;

	if (s->nul || (s->lengths > 0 && s->encodings > 0) ||
	    s->lengths_differ || s->hosts > 1)
		return job_fail(
		    j, ERR_MALFORMED, "the request's header is ambiguous");
	if (strlen(x->request.method_name) + x->request.target.n +
		strlen("  HTTP/1.1") >
	    LINE_MAX_OCTETS)
		return job_fail_status(j, ERR_MALFORMED, 414,
		    "the request line exceeds %d octets", LINE_MAX_OCTETS);
	if (s->octets > HEADER_MAX)
		return job_fail_status(j, ERR_MALFORMED, 431,
		    "the request's header exceeds %d octets", HEADER_MAX);
	if (host == NULL)
		return job_fail(j, ERR_MALFORMED, "the Host field is missing");
	if (!is_our_host(j->conf, span_str(host)))
		return job_fail_status(j, ERR_MALFORMED, 421,
		    "this server does not answer for that host");
	if (s->lengths > 0 &&
	    span_to_int(s->length, 0, INT64_MAX, &length) == 0 && length > max)
		return job_fail_status(j, ERR_MALFORMED, 413,
		    "request body exceeds %lld octets", (long long)max);
	return 0;
}

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

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].method;
	return METHOD_OTHER;
}

static void
set_client_address(struct exchange *x)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *peer = info != NULL ? info->client_addr : NULL;
	const void *octets = NULL;

	if (peer != NULL && peer->sa_family == AF_INET)
		octets =
		    &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
	else if (peer != NULL && peer->sa_family == AF_INET6)
		octets = &((const struct sockaddr_in6 *)(const void *)peer)
			      ->sin6_addr;
	if (octets == NULL || inet_ntop(peer->sa_family, octets, x->address,
				  sizeof(x->address)) == NULL)
		snprintf(x->address, sizeof(x->address), "unknown");
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
	if (x->last)
		MHD_add_response_header(m, "Connection", "close");
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

/* --- writes --- */

static int
apply_write(struct write_item *item)
{
	struct exchange *x = (struct exchange *)(void *)item;

	return acme_handle(x->http->acme, &x->job, &x->request, &x->response);
}

/*
 * A finalize that was committed waits a moment for the issuer, so that most
 * clients get their certificate's URL in the same answer (AC-143).
 */
static bool
park(struct exchange *x)
{
	struct http *h = x->http;
	int64_t wait_ms = x->job.conf->web.finalize_wait * 1000;
	bool parked = false;

	if (x->job.err.kind != ERR_NONE || wait_ms == 0 ||
	    acme_refresh(h->acme, &x->job, &x->request, &x->response) != 0)
		return false;
	pthread_mutex_lock(&h->lock);
	if (!h->stopping) {
		x->park_until = clock_mono_ms() + wait_ms;
		x->next_parked = h->parked;
		h->parked = x;
		parked = true;
	}
	pthread_mutex_unlock(&h->lock);
	if (parked)
		wake_send(1u << ROLE_WEB);
	return parked;
}

static void
answer_and_resume(struct exchange *x)
{
	acme_finish(x->http->acme, &x->job, &x->request, &x->response);
	x->answered = true;
	MHD_resume_connection(x->connection);
}

static void
write_done(struct write_item *item)
{
	struct exchange *x = (struct exchange *)(void *)item;

	if (!park(x))
		answer_and_resume(x);
}

static struct exchange *
take_parked(struct http *h)
{
	struct exchange *list;

	pthread_mutex_lock(&h->lock);
	list = h->parked;
	h->parked = NULL;
	pthread_mutex_unlock(&h->lock);
	return list;
}

static void
park_again(struct http *h, struct exchange *x)
{
	pthread_mutex_lock(&h->lock);
	x->next_parked = h->parked;
	h->parked = x;
	pthread_mutex_unlock(&h->lock);
}

/* Looks whether the issuer is done; milliseconds until the next one's time
 * is over. */
static int64_t
tend_parked(struct http *h, struct store *store)
{
	struct exchange *next, *x = take_parked(h);
	int64_t now = clock_mono_ms(), soonest = TEND_IDLE_MS;

	for (; x != NULL; x = next) {
		int waits;

		next = x->next_parked;
		x->job.store = store;
		waits = acme_refresh(
			    h->acme, &x->job, &x->request, &x->response) == 0;
		/* It is committed: a fault in looking is no refusal. */
		job_recover(&x->job);
		if (!waits || x->park_until <= now) {
			answer_and_resume(x);
			continue;
		}
		if (x->park_until - now < soonest)
			soonest = x->park_until - now;
		park_again(h, x);
	}
	return soonest;
}

int64_t
http_tend(struct http *h, struct store *store)
{
	int64_t ms = tend_parked(h, store);

	return end_overdue(h) && ms > TEND_MS ? TEND_MS : ms;
}

/* --- the request, once it is complete --- */

static enum MHD_Result
serve(struct exchange *x)
{
	struct http *h = x->http;
	struct job *j = &x->job;

	watch_until(h, x->watch, INT64_MAX);
	x->request.body = buf_span(&x->body);
	if (use_thread_store(h, j) < 0 ||
	    acme_prepare(h->acme, j, &x->request, &x->response) < 0)
		return finish(x);
	if (acme_writes(&x->request)) {
		x->item.job = j;
		x->item.apply = apply_write;
		x->item.done = write_done;
		/* Before the writer can resume it. */
		MHD_suspend_connection(x->connection);
		writer_add(h->writer, &x->item);
		return MHD_YES;
	}
	acme_handle(h->acme, j, &x->request, &x->response);
	return finish(x);
}

static enum MHD_Result
begin(struct exchange *x, struct MHD_Connection *connection, const char *method)
{
	struct header_scan s = { .x = x };

	x->begun = true;
	x->connection = connection;
	x->request.method = method_of(method);
	x->request.method_name = method;
	set_client_address(x);
	MHD_get_connection_values_n(
	    connection, MHD_HEADER_KIND, scan_header, &s);
	if (check_header(x, &s) < 0) {
		/* What follows on this connection cannot be trusted to be a
		 * request (AC-4). */
		x->last = true;
		return finish(x);
	}
	return MHD_YES;
}

static enum MHD_Result
take_body(struct exchange *x, const char *data, size_t *size)
{
	buf_add_mem(&x->body, data, *size);
	*size = 0;
	if (buf_ok(&x->body) || x->job.err.kind != ERR_NONE)
		return MHD_YES;
	/* The answer has to wait until the body is through: only then does
	 * libmicrohttpd take it.  Nothing more is kept. */
	job_fail_status(&x->job, ERR_MALFORMED, 413,
	    "request body exceeds %lld octets",
	    (long long)x->job.conf->web.max_body);
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
	(void)url;
	(void)version;
	if (x == NULL)
		return MHD_NO;
	if (!x->begun)
		return begin(x, connection, method);
	if (x->answered)
		return send_answer(x);
	if (*size > 0)
		return take_body(x, data, size);
	if (x->job.err.kind != ERR_NONE)
		return finish(x);
	return serve(x);
}

/* The target as it was sent: `url` above is decoded already. */
static void *
on_target(void *ctx, const char *target, struct MHD_Connection *connection)
{
	struct http *h = ctx;
	struct exchange *x = xcalloc(1, sizeof(*x));
	const union MHD_ConnectionInfo *info;

	job_init(&x->job, NULL, atomic_load(&h->conf));
	x->http = h;
	x->began_ms = clock_mono_ms();
	x->request.target = span_str(arena_strdup(x->job.arena, target));
	buf_init(&x->body, x->job.arena, (size_t)x->job.conf->web.max_body);
	info = MHD_get_connection_info(
	    connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	x->watch = info != NULL ? info->socket_context : NULL;
	watch_until(
	    h, x->watch, x->began_ms + x->job.conf->web.body_timeout * 1000);
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
		watch_until(h, x->watch, clock_mono_ms() + IDLE_MS);
	*context = NULL;
	job_done(&x->job);
	free(x);
	atomic_fetch_sub(&h->exchanges, 1);
}

/* --- sockets and threads --- */

static int
bind_one(struct job *j, const struct addrinfo *a, const char *name)
{
	int on = 1;
	int fd = socket(a->ai_family,
	    a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);

	if (fd < 0)
		return job_fail(j, ERR_INTERNAL, "web.listen %s: %s", name,
		    strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 1024) == 0)
		return fd;
	job_fail(j, ERR_INTERNAL, "web.listen %s: %s", name, strerror(errno));
	close(fd);
	return -1;
}

int
http_bind(struct job *j, const struct conf_list *addresses, int **fds)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };

	if (addresses->n > DAEMONS_MAX)
		return job_fail(j, ERR_INTERNAL,
		    "web.listen: at most %d addresses", DAEMONS_MAX);
	*fds = arena_calloc(j->arena, addresses->n + 1, sizeof(**fds));
	for (size_t i = 0; i < addresses->n; i++) {
		const char *host, *port;
		struct addrinfo *found;
		int error;

		if (conf_parse_listen(j->arena, addresses->v[i], &host, &port) <
		    0)
			return job_fail(
			    j, ERR_INTERNAL, "web.listen %s", addresses->v[i]);
		error = getaddrinfo(host, port, &hints, &found);
		if (error != 0)
			return job_fail(j, ERR_INTERNAL, "web.listen %s: %s",
			    addresses->v[i], gai_strerror(error));
		(*fds)[i] = bind_one(j, found, addresses->v[i]);
		freeaddrinfo(found);
		if ((*fds)[i] < 0)
			return -1;
	}
	(*fds)[addresses->n] = -1;
	return 0;
}

static int
start_daemon(struct http *h, struct job *j, int fd)
{
	const struct conf_web *c = &j->conf->web;
	struct MHD_OptionItem options[] = {
		{ MHD_OPTION_LISTEN_SOCKET, fd, NULL },
		{ MHD_OPTION_THREAD_POOL_SIZE,
		    c->threads > 1 ? (intptr_t)c->threads : 0, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, (intptr_t)c->max_connections,
		    NULL },
		{ MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		    (intptr_t)c->max_per_address, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, 2 * HEADER_MAX, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, IDLE_MS / 1000, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD |
			 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TLS | MHD_USE_ITC;
	struct MHD_OptionItem certificate[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, tls_retrieve_callback() },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_Daemon *d;

	d = MHD_start_daemon(flags, 0, NULL, NULL, on_request, h,
	    MHD_OPTION_ARRAY, options, MHD_OPTION_ARRAY, certificate,
	    MHD_OPTION_HTTPS_PRIORITIES, tls_priorities,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, h,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_END);
	if (d == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "the HTTP server does not start: %s", strerror(errno));
	h->daemons[h->daemon_count++] = d;
	return 0;
}

/* AC-148 */
static int
load_alternates(struct http *h, struct job *j, struct acme_chain *chain)
{
	const struct conf_list *files = &j->conf->issuer.alternate_chains;
	struct span *list = arena_calloc(h->keep, files->n + 1, sizeof(*list));

	for (size_t i = 0; i < files->n; i++) {
		if (ca_alternate_load(
			j, h->keep, h->ca, files->v[i], &list[i]) < 0)
			return -1;
	}
	chain->alternates = list;
	chain->alternate_count = files->n;
	return 0;
}

/* What follows a certificate in its chain; the key is the issuer's alone. */
static int
set_chain(struct http *h, struct job *j)
{
	const struct conf_issuer *c = &j->conf->issuer;
	struct ca_files files = { .certificate = c->ca_certificate,
		.chain = c->ca_chain };
	struct acme_chain chain = { .issuer_url = c->ca_issuers_url };

	if (ca_load(j, h->keep, &files, &h->ca) < 0 ||
	    load_alternates(h, j, &chain) < 0)
		return -1;
	chain.pem = ca_chain_pem(h->ca);
	chain.ca_label = ca_key_label(h->ca);
	chain.not_after = ca_not_after(h->ca);
	acme_set_chain(h->acme, &chain);
	return 0;
}

int
http_start(struct job *j, const int *fds, struct http **out)
{
	struct http *h = xcalloc(1, sizeof(*h));

	atomic_store(&h->conf, j->conf);
	pthread_mutex_init(&h->lock, NULL);
	pthread_key_create(&h->thread_store, close_store);
	h->acme = acme_new(j->conf);
	h->keep = arena_new();
	if (set_chain(h, j) < 0 || writer_start(j, &h->writer) < 0) {
		http_stop(h);
		return -1;
	}
	for (; *fds >= 0; fds++) {
		if (start_daemon(h, j, *fds) < 0) {
			http_stop(h);
			return -1;
		}
	}
	*out = h;
	return 0;
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
		int fd = MHD_quiesce_daemon(h->daemons[i]);

		if (fd >= 0)
			close(fd);
	}
	while (atomic_load(&h->exchanges) > 0 && clock_mono_ms() < until)
		nanosleep(&pause, NULL);
}

void
http_stop(struct http *h)
{
	struct exchange *next;

	if (h == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_mutex_unlock(&h->lock);
	for (struct exchange *x = take_parked(h); x != NULL; x = next) {
		next = x->next_parked;
		answer_and_resume(x);
	}
	drain(h);
	/* All parked requests come back before the daemons stop: stopping
	 * with one suspended would abort the process. */
	writer_stop(h->writer);
	for (size_t i = 0; i < h->daemon_count; i++)
		MHD_stop_daemon(h->daemons[i]);
	acme_free(h->acme);
	arena_free(h->keep);
	pthread_key_delete(h->thread_store);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
