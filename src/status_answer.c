#include "config.h"

#include "src/status_answer.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/ca_above.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "src/http_target.h"
#include "src/status_header.h"
#include "src/status_ocsp.h"
#include "src/status_place.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOUR ((int64_t)3600)
#define ABOVE_EVERY_SECS (180 * 24 * HOUR) /* PK-156 */
#define LIST_AGE_SECS HOUR                 /* PK-161 */
#define OCSP_AGE_SECS (12 * HOUR)          /* PK-175 */
#define LIST_MAX ((size_t)64 << 20)
#define UNKNOWN_MAX 64
#define UNKNOWN_TEXT 48

/* A list, and what of it is in the header of each answer. */
struct served {
	struct span path; /* of the URL */
	const char *file;
	ino_t inode;
	off_t size;
	struct timespec changed;
	char etag[2 * SHA256_LEN + 3]; /* empty: not read yet */
	int64_t this_update;
	int64_t every; /* a new one is made so often, in seconds */
};

struct unknown {
	char serial[UNKNOWN_TEXT];
	uint64_t count;
};

/* What one CA has: the one that issues, and former ones. */
struct served_ca {
	const struct conf_issuer *conf;
	struct span ca_path; /* p NULL: not served */
	struct span ca_der;
	const char *ca_etag;
	int64_t ca_since;
	struct span ocsp_path; /* p NULL: off */
};

struct status_service {
	struct served *lists;
	size_t list_count;
	struct served_ca *cas;
	size_t ca_count;
	struct unknown unknown[UNKNOWN_MAX];
	size_t unknown_count;
	uint64_t unknown_others;
	int64_t reported_at;
	status_live_fn *live; /* NULL: nobody */
	void *live_ctx;
};

/* --- what is served ------------------------------------------------------- */

static const char *
etag_of(struct arena *a, struct span octets)
{
	uint8_t hash[SHA256_LEN];

	sha256(octets, hash);
	return arena_printf(
	    a, "\"%s\"", hex_dup(a, span_mem(hash, sizeof(hash))));
}

static void
add_lists(
    struct status_service *s, struct arena *keep, const struct conf_issuer *c)
{
	for (int64_t k = 0; k < c->crl_shards; k++) {
		struct served *l = &s->lists[s->list_count];

		/* Another CA serves its own lists (PK-220). */
		if (c->crl_file == NULL)
			return;
		l->path = status_url_path(status_shard_url(keep, c, k));
		l->file = status_shard_file(keep, c, k);
		l->every = CRL_EVERY_SECS;
		s->list_count++;
	}
}

static int
add_ca(struct job *j, struct arena *keep, struct status_service *s,
    const struct conf_issuer *c)
{
	struct served_ca *ca = &s->cas[s->ca_count++];

	ca->conf = c;
	add_lists(s, keep, c);
	if (status_ocsp_is_on(c))
		ca->ocsp_path = status_url_path(c->ocsp_url);
	if (c->ca_issuers_url == NULL)
		return 0;
	ca->ca_path = status_url_path(c->ca_issuers_url);
	if (ca_certificate_read(j, keep, c->ca_certificate, &ca->ca_der) < 0)
		return -1;
	ca->ca_etag = etag_of(keep, ca->ca_der);
	ca->ca_since = j->now;
	return 0;
}

/* List and certificate of the CA above, where the issuing CA's certificate says
 * that they are. */
static int
add_above(struct job *j, struct arena *keep, struct status_service *s,
    const struct conf_issuer *c)
{
	struct served_ca *ca = &s->cas[s->ca_count];
	struct ca_above above;

	if (c->root_crl == NULL)
		return 0;
	if (ca_above_read(j, keep, c->ca_certificate, c->ca_chain, &above) < 0)
		return -1;
	if (above.crl_url != NULL)
		s->lists[s->list_count++] =
		    (struct served){ .path = status_url_path(above.crl_url),
			    .file = c->root_crl,
			    .every = ABOVE_EVERY_SECS };
	if (above.issuer_url == NULL)
		return 0;
	*ca = (struct served_ca){ .conf = c,
		.ca_path = status_url_path(above.issuer_url),
		.ca_der = above.issuer,
		.ca_etag = etag_of(keep, above.issuer),
		.ca_since = j->now };
	s->ca_count++;
	return 0;
}

int
status_service_new(struct job *j, struct arena *keep, const struct conf *conf,
    struct status_service **out)
{
	struct status_service *s = arena_alloc(keep, sizeof(*s));
	int64_t lists = conf->issuer.crl_shards + 1;

	for (size_t i = 0; i < conf->former_count; i++)
		lists += conf->formers[i].issuer.crl_shards;
	s->lists = arena_calloc(keep, (size_t)lists, sizeof(*s->lists));
	s->cas = arena_calloc(keep, conf->former_count + 2, sizeof(*s->cas));
	if (add_ca(j, keep, s, &conf->issuer) < 0)
		return -1;
	for (size_t i = 0; i < conf->former_count; i++)
		if (add_ca(j, keep, s, &conf->formers[i].issuer) < 0)
			return -1;
	/* Last: of two things with one path it is the own one. */
	if (add_above(j, keep, s, &conf->issuer) < 0)
		return -1;
	s->reported_at = j->now;
	*out = s;
	return 0;
}

void
status_service_live(struct status_service *s, status_live_fn *ask, void *ctx)
{
	s->live = ask;
	s->live_ctx = ctx;
}

static int64_t
within(int64_t secs, int64_t max)
{
	if (secs < 0)
		return 0;
	return secs < max ? secs : max;
}

static bool
is_read(const struct status_query *q)
{
	return strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0;
}

/* --- lists ---------------------------------------------------------------- */

/* Reads the file when it is another one than before. */
static int
look_at(struct job *j, struct served *l, int fd, const struct stat *st)
{
	struct crl_input times;
	struct span der;

	if (l->etag[0] != '\0' && l->inode == st->st_ino &&
	    l->size == st->st_size && l->changed.tv_sec == st->st_mtim.tv_sec &&
	    l->changed.tv_nsec == st->st_mtim.tv_nsec)
		return 0;
	if (fd_read_all(j, fd, l->file, LIST_MAX, &der) < 0)
		return -1;
	if (crl_read_times(der, &times) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: not a revocation list", l->file);
	memcpy(l->etag, etag_of(j->arena, der), sizeof(l->etag));
	l->this_update = times.this_update;
	l->inode = st->st_ino;
	l->size = st->st_size;
	l->changed = st->st_mtim;
	return 0;
}

static void
answer_list(struct job *j, struct served *l, const struct status_query *q,
    struct status_result *r)
{
	/* Never wait: a pipe without a writer would stop the whole service. */
	int fd = open(l->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    look_at(j, l, fd, &st) < 0) {
		if (fd >= 0)
			(void)close(fd);
		status_header_text(j, r, 503, "the list is not there yet");
		return;
	}
	status_header_add(r, "Content-Type", "application/pkix-crl");
	status_header_add(r, "Cache-Control",
	    arena_printf(j->arena, "max-age=%" PRId64,
		within(l->this_update + l->every - j->now, LIST_AGE_SECS)));
	r->status = 200;
	if (status_header_validators(j, q, r, l->etag, l->this_update)) {
		(void)close(fd);
		return;
	}
	r->fd = fd;
	r->size = (uint64_t)st.st_size;
}

static void
answer_ca(struct job *j, const struct served_ca *s,
    const struct status_query *q, struct status_result *r)
{
	status_header_add(r, "Content-Type", "application/pkix-cert");
	status_header_add(r, "Cache-Control", "max-age=3600");
	r->status = 200;
	if (!status_header_validators(j, q, r, s->ca_etag, s->ca_since))
		r->body = s->ca_der;
}

/* --- OCSP ----------------------------------------------------------------- */

static void
count_unknown(struct job *j, struct status_service *s, struct span serial)
{
	const char *hex = hex_dup(j->arena, serial);

	for (size_t i = 0; i < s->unknown_count; i++)
		if (strcmp(s->unknown[i].serial, hex) == 0) {
			s->unknown[i].count++;
			return;
		}
	if (s->unknown_count == UNKNOWN_MAX || strlen(hex) >= UNKNOWN_TEXT) {
		s->unknown_others++;
		return;
	}
	struct unknown *u = &s->unknown[s->unknown_count++];
	memcpy(u->serial, hex, strlen(hex) + 1);
	u->count = 1;
}

/* PK-175: what may be kept, and how long. */
static void
add_ocsp_headers(struct job *j, const struct status_query *q,
    const struct ocsp_reply *reply, struct status_result *r)
{
	status_header_add(r, "Cache-Control",
	    arena_printf(j->arena,
		"max-age=%" PRId64 ", public, no-transform, must-revalidate",
		within(reply->refresh_at - j->now, OCSP_AGE_SECS)));
	status_header_add(
	    r, "Expires", status_header_date(j, reply->next_update));
	if (!status_header_validators(
		j, q, r, etag_of(j->arena, reply->der), reply->this_update))
		r->body = reply->der;
}

/* Which of several guesses at a path it was: one that has an answer that was
 * signed in advance.  Anything else may be a wrong guess. */
struct guess {
	struct job *j;
	const struct status_service *service;
	struct span path;
	bool is_one; /* it is no guess any more */
};

/* What only who signs for this client can say: its nonce, several numbers, and
 * that a number was never issued (PK-170, PK-172, PK-173). */
static bool
is_live(const struct conf_issuer *c, const struct ocsp_request *r,
    const struct ocsp_reply *presigned)
{
	if (r->count != 1)
		return r->count <= OCSP_CERTS_MAX;
	return presigned->is_unknown ||
	       (!presigned->is_error && r->nonce_is == OCSP_NONCE_GOOD &&
		   r->nonce.n >= (size_t)c->ocsp_nonce_min);
}

static void
ask_live(const struct guess *g, const struct served_ca *ca,
    const struct ocsp_request *r, struct ocsp_reply *reply)
{
	const struct status_service *s = g->service;

	if (!g->is_one || s->live == NULL || !status_ocsp_is_live(ca->conf))
		return;
	if (r->nonce_is == OCSP_NONCE_BAD)
		reply->der = ocsp_error_response(OCSP_MALFORMED);
	else if (!is_live(ca->conf, r, reply))
		return;
	else if (s->live(s->live_ctx, g->j, r->der, &reply->der) < 0)
		reply->der = ocsp_error_response(OCSP_TRY_LATER);
	reply->is_error = false;
	reply->is_live = true;
}

/* By the CA that the request is about, of those with this URL: an answer, or
 * what comes closest to one. */
static void
ask_cas(const struct guess *g, const struct ocsp_request *r,
    struct ocsp_reply *reply)
{
	bool is_first = true;

	for (size_t i = 0; i < g->service->ca_count; i++) {
		const struct served_ca *ca = &g->service->cas[i];
		struct ocsp_reply one;

		if (ca->ocsp_path.p == NULL || !span_eq(ca->ocsp_path, g->path))
			continue;
		status_ocsp(g->j, ca->conf, r, &one);
		ask_live(g, ca, r, &one);
		if (is_first || !one.is_error || one.is_unknown)
			*reply = one;
		is_first = false;
		if (!one.is_error || one.is_unknown)
			return;
	}
}

static bool
has_answer(void *ctx, const struct ocsp_request *r)
{
	struct ocsp_reply reply = { .is_error = true };

	ask_cas(ctx, r, &reply);
	return !reply.is_error;
}

/* PK-170: each of several numbers. */
static void
count_unknowns(const struct guess *g, struct status_service *s,
    const struct ocsp_request *r)
{
	for (size_t i = 0; i < r->count && i < OCSP_CERTS_MAX; i++) {
		const struct ocsp_request one = { .certs = { r->certs[i] },
			.count = 1 };
		struct ocsp_reply reply = { .is_unknown = false };

		ask_cas(g, &one, &reply);
		if (reply.is_unknown)
			count_unknown(g->j, s, reply.serial);
	}
}

/* A target below the URL of an OCSP service, and what follows. */
struct below {
	struct span base, rest;
};

static void
answer_ocsp(struct job *j, struct status_service *s,
    const struct status_query *q, const struct below *at,
    struct status_result *r)
{
	struct ocsp_request request;
	struct ocsp_reply reply = { .is_error = true,
		.der = ocsp_error_response(OCSP_MALFORMED) };
	struct guess guess = { j, s, at->base, false };
	bool is_post = strcmp(q->method, "POST") == 0;
	int parsed;

	if (!is_post && !is_read(q)) {
		status_header_refuse_method(j, r, "GET, HEAD, POST");
		return;
	}
	parsed = is_post ? ocsp_request_parse(q->body, &request)
			 : ocsp_request_from_path(j->arena, at->rest,
			       has_answer, &guess, &request);
	if (parsed == 0 && request.count > 1)
		count_unknowns(&guess, s, &request);
	guess.is_one = true;
	if (parsed == 0)
		ask_cas(&guess, &request, &reply);
	if (reply.is_unknown)
		count_unknown(j, s, reply.serial);
	/* PK-166: 200 for errors too. */
	r->status = 200;
	r->body = reply.der;
	status_header_add(r, "Content-Type", "application/ocsp-response");
	if (reply.is_error || reply.is_live)
		status_header_add(r, "Cache-Control", "no-store");
	else if (!is_post) {
		r->body = (struct span){ NULL, 0 };
		add_ocsp_headers(j, q, &reply, r);
	}
}

/* Is the target below the URL of this service? */
static bool
is_below(struct span base, struct span path, struct below *at)
{
	if (base.p == NULL)
		return false;
	*at = (struct below){ .base = base };
	if (span_eq(path, base))
		return true;
	if (!span_starts(path, base))
		return false;
	at->rest = span_from(path, base.n);
	if (base.p[base.n - 1] == '/')
		return true;
	if (!span_starts(at->rest, SPAN("/")))
		return false;
	at->rest = span_from(at->rest, 1);
	return true;
}

static bool
is_ocsp(const struct status_service *s, struct span path, struct below *at)
{
	for (size_t i = 0; i < s->ca_count; i++)
		if (is_below(s->cas[i].ocsp_path, path, at))
			return true;
	return false;
}

/* --- all of them ---------------------------------------------------------- */

void
status_answer(struct job *j, struct status_service *s,
    const struct status_query *q, struct status_result *out)
{
	/* Of whichever host: each URL has a path of its own. */
	struct span path = http_target_split(q->target).path;
	struct below at;

	path = span_cut(path, 0, span_find(path, 0, '?'));
	*out = (struct status_result){ .fd = -1 };
	for (size_t i = 0; i < s->list_count; i++) {
		if (!span_eq(path, s->lists[i].path))
			continue;
		if (is_read(q))
			answer_list(j, &s->lists[i], q, out);
		else
			status_header_refuse_method(j, out, "GET, HEAD");
		return;
	}
	for (size_t i = 0; i < s->ca_count; i++) {
		const struct served_ca *ca = &s->cas[i];

		if (ca->ca_path.p == NULL || !span_eq(path, ca->ca_path))
			continue;
		if (is_read(q))
			answer_ca(j, ca, q, out);
		else
			status_header_refuse_method(j, out, "GET, HEAD");
		return;
	}
	if (is_ocsp(s, path, &at)) {
		answer_ocsp(j, s, q, &at, out);
		return;
	}
	status_header_text(j, out, 404, "there is nothing here");
}

/* --- for people ----------------------------------------------------------- */

/* PK-156: half of its life, three quarters of it. */
static void
report_list(struct job *j, const char *file)
{
	struct crl_input l;
	struct span der;
	int64_t age;

	if (!file_is_regular(file) ||
	    file_read_regular(j, file, LIST_MAX, &der) < 0 ||
	    crl_read_times(der, &l) < 0) {
		job_recover(j);
		return;
	}
	age = j->now - l.this_update;
	if (age >= CRL_LIFE_SECS * 3 / 4)
		log_error("revocation list ends soon",
		    "file=%s hours=%" PRId64 " next=\"the issuer must publish "
		    "a list now; without one, mail programs stop trusting "
		    "certificates\"",
		    file, (l.next_update - j->now) / HOUR);
	else if (age >= CRL_LIFE_SECS / 2)
		log_error("revocation list old",
		    "file=%s hours=%" PRId64
		    " next=\"find out why the issuer publishes none\"",
		    file, age / HOUR);
}

void
status_report(struct job *j, struct status_service *s)
{
	for (size_t i = 0; i < s->list_count; i++)
		if (s->lists[i].every == CRL_EVERY_SECS)
			report_list(j, s->lists[i].file);
	if (j->now - s->reported_at < 24 * HOUR)
		return;
	s->reported_at = j->now;
	for (size_t i = 0; i < s->unknown_count; i++)
		log_warning("OCSP asked for a number never issued",
		    "serial=%s count=%" PRIu64
		    " next=\"unless it is of a certificate that has ended: "
		    "somebody may have one that this CA does not know\"",
		    s->unknown[i].serial, s->unknown[i].count);
	if (s->unknown_others > 0)
		log_warning("OCSP asked for numbers never issued",
		    "count=%" PRIu64, s->unknown_others);
	s->unknown_count = 0;
	s->unknown_others = 0;
}
