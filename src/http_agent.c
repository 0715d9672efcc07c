#include "config.h"

#include "src/http_agent.h"

#include "dns/agent_form.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/rate.h"
#include "src/agent_pool.h"
#include "src/conf_perspective.h"
#include "src/http_gate.h"
#include "src/http_target.h"
#include "src/http_watch.h"
#include "src/listen.h"
#include "src/tls.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 128
#define POOL_OCTETS 16384
/* From the first octet of the handshake to the last of the question; then the
 * validator waits for us. */
#define QUESTION_MS 5000
#define ANSWER_MS 15000
#define IDLE_SECS 15
#define PEM_MAX (256 * 1024)

/* mpic-open-api.md 4 */
static const struct conf_rate rate = { .count = 50, .secs = 1 };

struct http_agent {
	struct listener listeners[AGENT_LISTEN_MAX];
	struct MHD_Daemon *daemons[AGENT_LISTEN_MAX];
	size_t count, started;
	const struct conf *conf;
	const char *client_ca; /* PEM */
	struct agent_pool *pool;
	struct http_gate gate; /* libmicrohttpd counts the peers */
	struct arena *keep;
	pthread_mutex_t lock;
	int64_t full_at_ms; /* of the bucket */
};

/* One request while its body comes. */
struct exchange {
	bool is_answered;
	size_t n;
	char body[AGENT_REQUEST_MAX + 1];
};

/* --- what may be asked ---------------------------------------------------- */

static bool
may_ask_now(struct http_agent *h)
{
	int64_t now = clock_now_ms();
	bool may;

	pthread_mutex_lock(&h->lock);
	may = bucket_wait(&rate, h->full_at_ms, now, 1) == 0;
	if (may)
		h->full_at_ms = bucket_take(&rate, h->full_at_ms, now, 1);
	pthread_mutex_unlock(&h->lock);
	return may;
}

static bool
is_known(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	return info != NULL && tls_client_is_trusted(info->tls_session);
}

/* 0, or the status by which it is refused before its body. */
static int
check_head(struct http_agent *h, struct MHD_Connection *c, const char *url,
    const char *method)
{
	if (!is_known(c))
		return 403;
	if (!span_eq_str(http_target_split(span_str(url)).path, AGENT_PATH))
		return 404;
	if (strcmp(method, "POST") != 0)
		return 405;
	return may_ask_now(h) ? 0 : 429;
}

static const char *
words_of(int status)
{
	switch (status) {
	case 403:
		return "a client certificate is needed that this perspective "
		       "knows\n";
	case 404:
		return "there is only " AGENT_PATH "\n";
	case 405:
		return "POST a question\n";
	case 413:
		return "a question has at most 4 KiB\n";
	default:
		return "at most 50 questions a second\n";
	}
}

/* --- answering ------------------------------------------------------------ */

static enum MHD_Result
answer(struct http_agent *h, struct MHD_Connection *c, struct exchange *x,
    const struct agent_reply *r)
{
	union {
		const char *in;
		char *out;
	} body = { .in = r->body.n == 0 ? "" : r->body.p };
	struct MHD_Response *m = MHD_create_response_from_buffer(
	    r->body.n, body.out, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	x->is_answered = true;
	if (m == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(m, "Content-Type",
	    r->status == 200 ? "application/json" : "text/plain");
	(void)MHD_add_response_header(m, "Cache-Control", "no-store");
	(void)MHD_add_response_header(m, "Connection", "close");
	if (r->status == 405)
		(void)MHD_add_response_header(m, "Allow", "POST");
	if (r->status == 429 || r->status == 503)
		(void)MHD_add_response_header(m, "Retry-After", "1");
	http_gate_linger(&h->gate, c, ANSWER_MS);
	result = MHD_queue_response(c, (unsigned)r->status, m);
	MHD_destroy_response(m);
	return result;
}

static enum MHD_Result
refuse(struct http_agent *h, struct MHD_Connection *c, struct exchange *x,
    int status)
{
	const struct agent_reply r = { status, span_str(words_of(status)) };

	log_warning("question refused", "status=%d", status);
	return answer(h, c, x, &r);
}

static enum MHD_Result
ask(struct http_agent *h, struct MHD_Connection *c, struct exchange *x)
{
	struct agent_reply r;
	enum MHD_Result result;
	struct job j;

	if (x->n > AGENT_REQUEST_MAX)
		return refuse(h, c, x, 413);
	http_gate_give(&h->gate, c, ANSWER_MS);
	job_init(&j, NULL, h->conf);
	agent_pool_ask(h->pool, &j, span_mem(x->body, x->n), &r);
	if (r.status != 200)
		log_warning("question not answered", "status=%d", r.status);
	result = answer(h, c, x, &r);
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
	struct http_agent *h = ctx;
	struct exchange *x = *request;
	int status;

	(void)version;
	if (x == NULL) {
		*request = x = calloc(1, sizeof(*x));
		if (x == NULL)
			return MHD_NO;
		status = check_head(h, connection, url, method);
		return status == 0 ? MHD_YES : refuse(h, connection, x, status);
	}
	if (x->is_answered) {
		*size = 0;
		return MHD_YES;
	}
	if (*size > 0) {
		/* One octet over the limit is enough to be refused. */
		size_t room = sizeof(x->body) - x->n;
		size_t n = *size < room ? *size : room;

		memcpy(x->body + x->n, part, n);
		x->n += n;
		*size = 0;
		return MHD_YES;
	}
	return ask(h, connection, x);
}

static void
on_completed(void *ctx, struct MHD_Connection *connection, void **request,
    enum MHD_RequestTerminationCode code)
{
	(void)ctx;
	(void)connection;
	(void)code;
	free(*request);
	*request = NULL;
}

static void
on_connection(void *ctx, struct MHD_Connection *connection, void **socket_ctx,
    enum MHD_ConnectionNotificationCode code)
{
	const struct http_gate *gate = &((const struct http_agent *)ctx)->gate;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		http_gate_enter(gate, connection, socket_ctx, QUESTION_MS);
	else
		http_gate_leave(gate, connection, socket_ctx);
}

/* --- the life of it ------------------------------------------------------- */

static int
listen_all(struct job *j, struct http_agent *h)
{
	const struct conf_list *l = &j->conf->agent.listen;

	for (size_t i = 0; i < l->n && i < AGENT_LISTEN_MAX; i++) {
		if (listen_open(
			j, "agent.listen", l->v[i], NULL, &h->listeners[i]) < 0)
			return -1;
		h->count++;
	}
	return 0;
}

int
http_agent_open(struct job *j, struct http_agent **out)
{
	const struct conf_agent *g = &j->conf->agent;
	struct http_agent *h = xcalloc(1, sizeof(*h));
	struct span pem;

	h->conf = j->conf;
	h->keep = arena_new();
	h->gate.watches = http_watches_new(ROLE_PERSPECTIVE);
	pthread_mutex_init(&h->lock, NULL);
	*out = h;
	if (tls_load(j, g->tls_certificate, g->tls_key) < 0 ||
	    file_read(j, g->client_ca, PEM_MAX, &pem) < 0)
		return -1;
	if (span_find_span(pem, 0, SPAN("-----BEGIN CERTIFICATE-----")) ==
	    pem.n)
		return job_fail(j, ERR_INTERNAL,
		    "%s: holds no certificate in PEM", g->client_ca);
	h->client_ca = span_dup(h->keep, pem);
	return listen_all(j, h);
}

static struct MHD_Daemon *
start_one(struct http_agent *h, int fd)
{
	return MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION |
				    MHD_USE_INTERNAL_POLLING_THREAD |
				    MHD_USE_POLL | MHD_USE_ITC | MHD_USE_TLS,
	    0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    /* A stranger's handshakes leave room for others. */
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX / 2,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_OCTETS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECS,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_HTTPS_CERT_CALLBACK,
	    tls_retrieve_callback(), MHD_OPTION_HTTPS_PRIORITIES,
	    tls_priorities(), MHD_OPTION_HTTPS_MEM_TRUST, h->client_ca,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_END);
}

int
http_agent_start(struct http_agent *h, struct job *j, struct agent_pool *pool)
{
	h->pool = pool;
	for (; h->started < h->count; h->started++) {
		struct MHD_Daemon *d =
		    start_one(h, h->listeners[h->started].fd);

		if (d == NULL)
			return job_fail(j, ERR_INTERNAL,
			    "the HTTPS server does not start: see whether %s "
			    "holds certificates in PEM",
			    j->conf->agent.client_ca);
		h->daemons[h->started] = d;
	}
	return 0;
}

void
http_agent_tend(struct http_agent *h)
{
	bool soon;

	(void)http_watches_tend(h->gate.watches, &soon);
}

void
http_agent_stop(struct http_agent *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->count; i++) {
		if (i < h->started)
			MHD_stop_daemon(h->daemons[i]);
		else
			(void)close(h->listeners[i].fd);
	}
	http_gate_close(&h->gate);
	pthread_mutex_destroy(&h->lock);
	arena_free(h->keep);
	free(h);
}
