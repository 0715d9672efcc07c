/*
 * ACME clients that do nothing but order certificates: a thread and a kept
 * connection each, blocking sockets, TLS by OpenSSL.
 *
 *	acme_load BASE_URL CA_FILE CONNECTIONS WARM_UP SECONDS ACCOUNTS
 *
 * One order: newOrder, its authorization read, the challenge POSTed, the
 * order read until the reply was judged, finalize (and the order read again
 * should it not be valid by then), the certificate downloaded.  Mailboxes
 * and certificate keys are new each time, accounts are shared out in turn.
 *
 * What ends in the SECONDS after the warm-up is counted; one JSON object
 * with microseconds is printed.  Any answer but the expected ends the
 * program with an error.
 */
#include "config.h"

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/json.h"
#include "src/enroll_csr.h"
#include "src/jose.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX 65536
#define ORDER_MAX_US 60000000
#define WAIT_FIRST_US 5000
#define WAIT_MIN_US 1000

enum kind {
	KIND_ORDER,
	KIND_NEW_ORDER,
	KIND_AUTHORIZATION,
	KIND_CHALLENGE,
	KIND_POLL,
	KIND_FINALIZE,
	KIND_CERTIFICATE,
	KIND_COUNT
};
static const char *const kind_names[KIND_COUNT] = { "order", "new_order",
	"authorization", "challenge", "poll", "finalize", "certificate" };

struct samples {
	uint32_t *us;
	size_t n, cap;
};

struct account {
	EVP_PKEY *key;
	char *kid;
};

struct load {
	const char *base_url;
	char host[256], port[16];
	SSL_CTX *tls;
	struct account *accounts;
	size_t account_count;
	atomic_ulong next_order;
	atomic_long bad_nonces;
	int64_t from_us, until_us; /* of what is counted */
};

struct worker {
	pthread_t thread;
	struct load *load;
	SSL *ssl;
	char in[ANSWER_MAX];
	char nonce[128];
	struct samples samples[KIND_COUNT];
	int64_t wait_us; /* until the reply is judged, as learned */
};

struct answer {
	int status;
	const char *location;
	struct span body;
	const struct json *json;
};

/* A client's way through one order. */
struct course {
	struct worker *w;
	struct job *j;
	const struct account *account;
};

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)))
__attribute__((noreturn));

static void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("acme_load: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	_exit(EXIT_FAILURE);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
sleep_us(int64_t us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

/* --- samples ------------------------------------------------------------- */

static void
note(struct worker *w, enum kind kind, int64_t begun_us)
{
	struct samples *s = &w->samples[kind];
	int64_t now = now_us();

	if (now < w->load->from_us || now >= w->load->until_us)
		return;
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 1024 : 2 * s->cap;
		s->us = xrealloc(s->us, s->cap * sizeof(*s->us));
	}
	s->us[s->n++] = (uint32_t)(now - begun_us);
}

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
gather(const struct worker *workers, size_t count, enum kind kind,
    struct samples *all)
{
	*all = (struct samples){ .us = NULL };
	for (size_t i = 0; i < count; i++)
		all->cap += workers[i].samples[kind].n;
	all->us = xcalloc(all->cap + 1, sizeof(*all->us));
	for (size_t i = 0; i < count; i++) {
		const struct samples *s = &workers[i].samples[kind];

		if (s->n > 0)
			memcpy(all->us + all->n, s->us, s->n * sizeof(*s->us));
		all->n += s->n;
	}
	qsort(all->us, all->n, sizeof(*all->us), by_value);
}

static uint32_t
percentile(const struct samples *s, size_t percent)
{
	return s->n == 0 ? 0 : s->us[(s->n - 1) * percent / 100];
}

static void
print_kind(const struct worker *workers, size_t count, enum kind kind)
{
	struct samples all;

	gather(workers, count, kind, &all);
	printf("\"%s\":{\"count\":%zu,\"p50\":%u,\"p95\":%u,\"p99\":%u},",
	    kind_names[kind], all.n, percentile(&all, 50), percentile(&all, 95),
	    percentile(&all, 99));
	free(all.us);
}

/* --- HTTP ---------------------------------------------------------------- */

static int
connect_tcp(const struct load *l)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	int fd = -1, on = 1;

	if (getaddrinfo(l->host, l->port, &hints, &found) != 0)
		die("no address of %s", l->host);
	for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	if (fd < 0)
		die("no connection: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void
open_connection(struct worker *w)
{
	w->ssl = SSL_new(w->load->tls);
	if (w->ssl == NULL || SSL_set_fd(w->ssl, connect_tcp(w->load)) != 1 ||
	    SSL_set1_host(w->ssl, w->load->host) != 1 ||
	    SSL_set_tlsext_host_name(w->ssl, w->load->host) != 1 ||
	    SSL_connect(w->ssl) != 1)
		die("no TLS: %s", ERR_reason_error_string(ERR_get_error()));
}

static void
close_connection(struct worker *w)
{
	int fd = SSL_get_fd(w->ssl);

	SSL_shutdown(w->ssl);
	SSL_free(w->ssl);
	close(fd);
}

/* A field's value, or an empty span. */
static struct span
field(struct span head, const char *name)
{
	size_t len = strlen(name), end;

	for (size_t at = 0; at < head.n; at = end + 1) {
		struct span line;

		end = span_find(head, at, '\n');
		line = span_cut(head, at, end);
		if (line.n > len && line.p[len] == ':' &&
		    span_casestarts(line, span_mem(name, len)))
			return span_trim_fws(span_from(line, len + 1));
	}
	return (struct span){ NULL, 0 };
}

static void
read_more(struct worker *w, size_t *have)
{
	int n;

	if (*have == sizeof(w->in))
		die("an answer is too long");
	n = SSL_read(w->ssl, w->in + *have, (int)(sizeof(w->in) - *have));
	if (n <= 0)
		die("the connection ended: %.*s", (int)*have, w->in);
	*have += (size_t)n;
}

/* The body stays where it was read until the next answer is. */
static void
read_answer(struct worker *w, struct job *j, struct answer *out)
{
	struct span head, nonce, location;
	size_t have = 0, body;
	int64_t length = 0, status = 0;

	do {
		read_more(w, &have);
		head = span_mem(w->in, have);
		body = span_find_span(head, 0, SPAN("\r\n\r\n"));
	} while (body == have);
	head = span_cut(head, 0, body + 2);
	body += 4;
	/* newNonce's answer has neither body nor length. */
	if (span_to_int(span_cut(head, 9, 12), 100, 599, &status) < 0 ||
	    (status != 204 && span_to_int(field(head, "Content-Length"), 0,
				  ANSWER_MAX, &length) < 0))
		die("not understood: %.*s", (int)head.n, head.p);
	out->status = (int)status;
	while (have < body + (size_t)length)
		read_more(w, &have);
	out->body = span_mem(w->in + body, (size_t)length);
	nonce = field(head, "Replay-Nonce");
	snprintf(w->nonce, sizeof(w->nonce), "%.*s", (int)nonce.n, nonce.p);
	location = field(head, "Location");
	out->location = span_dup(j->arena, location);
}

static void
exchange(struct worker *w, struct job *j, const char *method, const char *path,
    struct span body, struct answer *out)
{
	struct buf b;

	buf_init(&b, j->arena, ANSWER_MAX);
	buf_addf(&b,
	    "%s %s HTTP/1.1\r\nHost: %s:%s\r\nUser-Agent: acme_load\r\n"
	    "Content-Type: application/jose+json\r\nContent-Length: %zu\r\n"
	    "\r\n",
	    method, path, w->load->host, w->load->port, body.n);
	buf_add(&b, body);
	if (!buf_ok(&b) || SSL_write(w->ssl, b.p, (int)b.n) != (int)b.n)
		die("a request was not sent");
	read_answer(w, j, out);
}

/* --- ACME ---------------------------------------------------------------- */

static void
post_once(
    struct course *c, const char *url, const char *payload, struct answer *out)
{
	const char *base = c->w->load->base_url;
	struct span body, header;
	const char *jwk, *text;

	if (c->account->kid != NULL)
		text = arena_printf(c->j->arena,
		    "{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"%s\","
		    "\"url\":\"%s\"}",
		    c->account->kid, c->w->nonce, url);
	else if (jose_jwk(c->j, c->account->key, &jwk) == 0)
		text = arena_printf(c->j->arena,
		    "{\"alg\":\"ES256\",\"jwk\":%s,\"nonce\":\"%s\","
		    "\"url\":\"%s\"}",
		    jwk, c->w->nonce, url);
	else
		die("%s", c->j->err.text);
	header = span_str(text);
	if (jose_sign(c->j, c->account->key, header, span_str(payload), &body) <
	    0)
		die("%s", c->j->err.text);
	exchange(c->w, c->j, "POST", url + strlen(base), body, out);
}

/* The expected answer, with its JSON if it has any; or the end. */
static void
post(struct course *c, enum kind kind, const char *url, const char *payload,
    int status, struct answer *out)
{
	int64_t begun = now_us();

	for (;;) {
		post_once(c, url, payload, out);
		if (out->status != 400 ||
		    !span_has(out->body, SPAN("badNonce")))
			break;
		atomic_fetch_add(&c->w->load->bad_nonces, 1);
	}
	if (out->status != status)
		die("%s: %d, not %d: %.*s", url, out->status, status,
		    (int)out->body.n, out->body.p);
	note(c->w, kind, begun);
	out->json = NULL;
	if (kind != KIND_CERTIFICATE &&
	    json_parse_object(c->j, out->body, "answer", &out->json) < 0)
		die("%s: %s", url, c->j->err.text);
}

static const char *
member(const struct course *c, const struct json *object, const char *name)
{
	return span_dup(c->j->arena, json_string(json_get(object, name)));
}

static bool
has_status(const struct answer *a, const char *status)
{
	return span_eq_str(json_string(json_get(a->json, "status")), status);
}

/* Reads the order until it has the status, first after `wait` µs. */
static void
poll_order(struct course *c, const char *url, const char *status, int64_t wait,
    struct answer *out)
{
	int64_t begun = now_us(), pause = wait / 4;

	sleep_us(wait);
	for (;;) {
		post(c, KIND_POLL, url, "", 200, out);
		if (has_status(out, status))
			return;
		if (has_status(out, "invalid") ||
		    now_us() - begun > ORDER_MAX_US)
			die("%s: never %s: %.*s", url, status, (int)out->body.n,
			    out->body.p);
		if (pause < WAIT_MIN_US)
			pause = WAIT_MIN_US;
		sleep_us(pause);
		pause += pause / 2;
	}
}

static void
await_reply(struct course *c, const char *url)
{
	struct worker *w = c->w;
	int64_t begun = now_us();
	struct answer a;

	poll_order(c, url, "ready", w->wait_us, &a);
	w->wait_us = (3 * w->wait_us + 9 * (now_us() - begun) / 10) / 4;
	if (w->wait_us < WAIT_MIN_US)
		w->wait_us = WAIT_MIN_US;
}

static const char *
finalize_payload(const struct course *c, const char *mailbox)
{
	struct enroll_request r = { .key = EVP_EC_gen("P-256"),
		.mailboxes = &mailbox,
		.mailbox_count = 1 };
	struct span der;
	struct buf b;

	if (r.key == NULL || enroll_csr(c->j, &r, &der) < 0)
		die("no CSR: %s", c->j->err.text);
	EVP_PKEY_free(r.key);
	buf_init(&b, c->j->arena, ANSWER_MAX);
	buf_add_str(&b, "{\"csr\":\"");
	b64url_add(&b, der);
	buf_add_str(&b, "\"}");
	return b.p;
}

static void
run_order(struct course *c, const char *mailbox)
{
	const char *base = c->w->load->base_url, *order, *authz, *challenge;
	struct arena *a = c->j->arena;
	/* The key is the client's own business, not part of its order. */
	const char *csr = finalize_payload(c, mailbox);
	int64_t begun = now_us();
	struct answer got;

	post(c, KIND_NEW_ORDER, arena_printf(a, "%s/acme/new-order", base),
	    arena_printf(a,
		"{\"identifiers\":[{\"type\":\"email\",\"value\":\"%s\"}]}",
		mailbox),
	    201, &got);
	order = got.location;
	authz = span_dup(
	    a, json_string(json_at(json_get(got.json, "authorizations"), 0)));
	post(c, KIND_AUTHORIZATION, authz, "", 200, &got);
	challenge =
	    member(c, json_at(json_get(got.json, "challenges"), 0), "url");
	post(c, KIND_CHALLENGE, challenge, "{}", 200, &got);
	await_reply(c, order);
	post(c, KIND_FINALIZE, arena_printf(a, "%s/finalize", order), csr, 200,
	    &got);
	if (!has_status(&got, "valid"))
		poll_order(c, order, "valid", WAIT_FIRST_US, &got);
	post(c, KIND_CERTIFICATE, member(c, got.json, "certificate"), "", 200,
	    &got);
	note(c->w, KIND_ORDER, begun);
}

static void
take_nonce(struct worker *w)
{
	struct answer a = { 0 };
	struct job j;

	job_init(&j, NULL, NULL);
	exchange(w, &j, "GET", "/acme/new-nonce", span_str(NULL), &a);
	job_done(&j);
}

static void *
worker_main(void *ctx)
{
	struct worker *w = ctx;
	struct load *l = w->load;

	w->wait_us = WAIT_FIRST_US;
	open_connection(w);
	take_nonce(w);
	while (now_us() < l->until_us) {
		unsigned long n = atomic_fetch_add(&l->next_order, 1);
		struct job j;
		struct course c = { w, &j, &l->accounts[n % l->account_count] };

		job_init(&j, NULL, NULL);
		run_order(&c, arena_printf(j.arena, "b%ld-%lu@user.test",
				  (long)getpid(), n));
		job_done(&j);
	}
	close_connection(w);
	return NULL;
}

/* --- the whole ----------------------------------------------------------- */

static void
make_accounts(struct load *l)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	w->load = l;
	open_connection(w);
	take_nonce(w);
	for (size_t i = 0; i < l->account_count; i++) {
		struct account *account = &l->accounts[i];
		struct job j;
		struct course c = { w, &j, account };
		struct answer a;

		job_init(&j, NULL, NULL);
		account->key = EVP_EC_gen("P-256");
		if (account->key == NULL)
			die("no key");
		post(&c, KIND_ORDER,
		    arena_printf(j.arena, "%s/acme/new-acct", l->base_url),
		    "{\"termsOfServiceAgreed\":true}", 201, &a);
		account->kid = xstrdup(a.location);
		job_done(&j);
	}
	close_connection(w);
	free(w);
}

static void
parse_arguments(struct load *l, char **argv)
{
	if (sscanf(argv[1], "https://%255[^:/]:%15[0-9]", l->host, l->port) !=
	    2)
		die("%s: not https://HOST:PORT", argv[1]);
	l->base_url = argv[1];
	l->tls = SSL_CTX_new(TLS_client_method());
	if (l->tls == NULL ||
	    SSL_CTX_load_verify_locations(l->tls, argv[2], NULL) != 1)
		die("%s: cannot be read", argv[2]);
	SSL_CTX_set_verify(l->tls, SSL_VERIFY_PEER, NULL);
	l->account_count = (size_t)atol(argv[6]);
	if (l->account_count == 0)
		die("%s: not a number of accounts", argv[6]);
	l->accounts = xcalloc(l->account_count, sizeof(*l->accounts));
}

static void
print_result(const struct load *l, const struct worker *workers, size_t count,
    int64_t spent_us)
{
	putchar('{');
	for (int kind = 0; kind < KIND_COUNT; kind++)
		print_kind(workers, count, (enum kind)kind);
	printf("\"counted_us\":%lld,\"all_us\":%lld,\"all_orders\":%lu,"
	       "\"bad_nonces\":%ld}\n",
	    (long long)(l->until_us - l->from_us), (long long)spent_us,
	    atomic_load(&l->next_order), atomic_load(&l->bad_nonces));
}

static void
release(struct load *l, struct worker *workers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (int kind = 0; kind < KIND_COUNT; kind++)
			free(workers[i].samples[kind].us);
	free(workers);
	for (size_t i = 0; i < l->account_count; i++) {
		EVP_PKEY_free(l->accounts[i].key);
		free(l->accounts[i].kid);
	}
	free(l->accounts);
	SSL_CTX_free(l->tls);
}

int
main(int argc, char **argv)
{
	struct load l = { .from_us = INT64_MAX };
	struct worker *workers;
	size_t count;
	int64_t begun;

	if (argc != 7) {
		fputs("usage: acme_load BASE_URL CA_FILE CONNECTIONS WARM_UP "
		      "SECONDS ACCOUNTS\n",
		    stderr);
		return EXIT_FAILURE;
	}
	parse_arguments(&l, argv);
	make_accounts(&l);
	count = (size_t)atol(argv[3]);
	workers = xcalloc(count, sizeof(*workers));
	begun = now_us();
	l.from_us = begun + (int64_t)(1e6 * atof(argv[4]));
	l.until_us = l.from_us + (int64_t)(1e6 * atof(argv[5]));
	for (size_t i = 0; i < count; i++) {
		workers[i].load = &l;
		if (pthread_create(&workers[i].thread, NULL, worker_main,
			&workers[i]) != 0)
			die("no thread");
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
	print_result(&l, workers, count, now_us() - begun);
	release(&l, workers, count);
	return EXIT_SUCCESS;
}
