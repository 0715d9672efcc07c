#include "config.h"

#include "src/status_answer.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "src/http_date.h"
#include "src/status_ocsp.h"
#include "src/status_place.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOUR ((int64_t)3600)
#define LIST_EVERY_SECS (24 * HOUR)             /* PK-156 */
#define LIST_LIFE_SECS ((int64_t)7 * 24 * HOUR) /* PK-156 */
#define LIST_AGE_SECS HOUR                      /* PK-161 */
#define OCSP_AGE_SECS (12 * HOUR)               /* PK-175 */
#define LIST_MAX ((size_t)64 << 20)
#define UNKNOWN_MAX 64
#define UNKNOWN_TEXT 48
#define TEXT_MAX 128

/* A list, and what of it is in the header of each answer. */
struct served {
	struct span path; /* of the URL */
	const char *file;
	ino_t inode;
	off_t size;
	struct timespec changed;
	char etag[2 * SHA256_LEN + 3]; /* empty: not read yet */
	int64_t this_update;
};

struct unknown {
	char serial[UNKNOWN_TEXT];
	uint64_t count;
};

struct status_service {
	const struct conf *conf;
	struct served lists[CRL_SHARDS_MAX];
	size_t list_count;
	struct span ca_path; /* p NULL: not served */
	struct span ca_der;
	const char *ca_etag;
	int64_t ca_since;
	struct span ocsp_path; /* p NULL: off */
	struct unknown unknown[UNKNOWN_MAX];
	size_t unknown_count;
	uint64_t unknown_others;
	int64_t reported_at;
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

int
status_service_new(struct job *j, struct arena *keep, const struct conf *conf,
    struct status_service **out)
{
	const struct conf_issuer *c = &conf->issuer;
	struct status_service *s = arena_alloc(keep, sizeof(*s));

	s->conf = conf;
	/* Another CA serves its own lists (PK-220). */
	if (c->crl_file != NULL)
		s->list_count = (size_t)c->crl_shards;
	for (size_t i = 0; i < s->list_count; i++) {
		s->lists[i].path =
		    status_url_path(status_shard_url(keep, c, (int64_t)i));
		s->lists[i].file = status_shard_file(keep, c, (int64_t)i);
	}
	if (status_ocsp_is_on(c))
		s->ocsp_path = status_url_path(c->ocsp_url);
	if (c->ca_issuers_url != NULL) {
		s->ca_path = status_url_path(c->ca_issuers_url);
		if (ca_certificate_read(
			j, keep, c->ca_certificate, &s->ca_der) < 0)
			return -1;
		s->ca_etag = etag_of(keep, s->ca_der);
		s->ca_since = j->now;
	}
	s->reported_at = j->now;
	*out = s;
	return 0;
}

/* --- headers -------------------------------------------------------------- */

static void
add_header(struct status_result *r, const char *name, const char *value)
{
	if (r->header_count == STATUS_HEADERS_MAX)
		return;
	r->headers[r->header_count].name = name;
	r->headers[r->header_count++].value = value;
}

static const char *
date(struct job *j, int64_t secs)
{
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	http_date_add(&b, secs);
	return b.p;
}

static void
add_text(struct job *j, struct status_result *r, int status, const char *text)
{
	r->status = status;
	r->body = span_str(arena_printf(j->arena, "%s\n", text));
	add_header(r, "Content-Type", "text/plain; charset=utf-8");
}

static int64_t
within(int64_t secs, int64_t max)
{
	if (secs < 0)
		return 0;
	return secs < max ? secs : max;
}

/* RFC 9110 13.2.2: If-None-Match counts, where it is there, and nothing else.
 * Weak tags compare as strong ones do here. */
static bool
is_unchanged(const struct status_query *q, const char *etag, int64_t modified)
{
	struct span rest;
	int64_t since;

	if (q->if_none_match == NULL)
		return q->if_modified_since != NULL &&
		       http_date_parse(q->if_modified_since, &since) == 0 &&
		       modified <= since;
	rest = span_str(q->if_none_match);
	while (rest.n > 0) {
		size_t end = span_find(rest, 0, ',');
		struct span one = span_trim(span_cut(rest, 0, end));

		if (span_starts(one, SPAN("W/")))
			one = span_from(one, 2);
		if (span_eq_str(one, "*") || span_eq_str(one, etag))
			return true;
		rest = span_from(rest, end + 1);
	}
	return false;
}

/* What a cache needs to know; true if it has what it asks for. */
static bool
add_validators(struct job *j, const struct status_query *q,
    struct status_result *r, const char *etag, int64_t modified)
{
	add_header(r, "ETag", etag);
	add_header(r, "Last-Modified", date(j, modified));
	if (!is_unchanged(q, etag, modified))
		return false;
	r->status = 304;
	return true;
}

static bool
is_read(const struct status_query *q)
{
	return strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0;
}

static void
refuse_method(struct job *j, struct status_result *r, const char *allowed)
{
	add_header(r, "Allow", allowed);
	add_text(j, r, 405, "this method is not for this resource");
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
		add_text(j, r, 503, "the list is not there yet");
		return;
	}
	add_header(r, "Content-Type", "application/pkix-crl");
	add_header(r, "Cache-Control",
	    arena_printf(j->arena, "max-age=%" PRId64,
		within(
		    l->this_update + LIST_EVERY_SECS - j->now, LIST_AGE_SECS)));
	r->status = 200;
	if (add_validators(j, q, r, l->etag, l->this_update)) {
		(void)close(fd);
		return;
	}
	r->fd = fd;
	r->size = (uint64_t)st.st_size;
}

static void
answer_ca(struct job *j, const struct status_service *s,
    const struct status_query *q, struct status_result *r)
{
	add_header(r, "Content-Type", "application/pkix-cert");
	add_header(r, "Cache-Control", "max-age=3600");
	r->status = 200;
	if (!add_validators(j, q, r, s->ca_etag, s->ca_since))
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
	add_header(r, "Cache-Control",
	    arena_printf(j->arena,
		"max-age=%" PRId64 ", public, no-transform, must-revalidate",
		within(reply->refresh_at - j->now, OCSP_AGE_SECS)));
	add_header(r, "Expires", date(j, reply->next_update));
	if (!add_validators(
		j, q, r, etag_of(j->arena, reply->der), reply->this_update))
		r->body = reply->der;
}

/* Which of several guesses at a path it was: one that has an answer. */
struct guess {
	struct job *j;
	const struct conf_issuer *conf;
};

static bool
has_answer(void *ctx, const struct ocsp_request *r)
{
	const struct guess *g = ctx;
	struct ocsp_reply reply;

	status_ocsp(g->j, g->conf, r, &reply);
	return !reply.is_error;
}

static void
answer_ocsp(struct job *j, struct status_service *s,
    const struct status_query *q, struct span rest, struct status_result *r)
{
	struct ocsp_request request;
	struct ocsp_reply reply = { .is_error = true,
		.der = ocsp_error_response(OCSP_MALFORMED) };
	struct guess guess = { j, &s->conf->issuer };
	bool is_post = strcmp(q->method, "POST") == 0;
	int parsed;

	if (!is_post && !is_read(q)) {
		refuse_method(j, r, "GET, HEAD, POST");
		return;
	}
	parsed = is_post ? ocsp_request_parse(q->body, &request)
			 : ocsp_request_from_path(
			       j->arena, rest, has_answer, &guess, &request);
	if (parsed == 0)
		status_ocsp(j, &s->conf->issuer, &request, &reply);
	if (reply.is_unknown)
		count_unknown(j, s, reply.serial);
	/* PK-166: 200 for errors too. */
	r->status = 200;
	r->body = reply.der;
	add_header(r, "Content-Type", "application/ocsp-response");
	if (reply.is_error)
		add_header(r, "Cache-Control", "no-store");
	else if (!is_post) {
		r->body = (struct span){ NULL, 0 };
		add_ocsp_headers(j, q, &reply, r);
	}
}

/* Is the target below the URL of the service?  *rest is what follows. */
static bool
is_ocsp(const struct status_service *s, struct span path, struct span *rest)
{
	struct span base = s->ocsp_path;

	if (base.p == NULL)
		return false;
	*rest = (struct span){ NULL, 0 };
	if (span_eq(path, base))
		return true;
	if (!span_starts(path, base))
		return false;
	*rest = span_from(path, base.n);
	if (base.p[base.n - 1] == '/')
		return true;
	if (rest->p[0] != '/')
		return false;
	*rest = span_from(*rest, 1);
	return true;
}

/* --- all of them ---------------------------------------------------------- */

void
status_answer(struct job *j, struct status_service *s,
    const struct status_query *q, struct status_result *out)
{
	struct span path = span_cut(q->target, 0, span_find(q->target, 0, '?'));
	struct span rest;

	*out = (struct status_result){ .fd = -1 };
	for (size_t i = 0; i < s->list_count; i++) {
		if (!span_eq(path, s->lists[i].path))
			continue;
		if (is_read(q))
			answer_list(j, &s->lists[i], q, out);
		else
			refuse_method(j, out, "GET, HEAD");
		return;
	}
	if (s->ca_path.p != NULL && span_eq(path, s->ca_path)) {
		if (is_read(q))
			answer_ca(j, s, q, out);
		else
			refuse_method(j, out, "GET, HEAD");
		return;
	}
	if (is_ocsp(s, path, &rest)) {
		answer_ocsp(j, s, q, rest, out);
		return;
	}
	add_text(j, out, 404, "there is nothing here");
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
	if (age >= LIST_LIFE_SECS * 3 / 4)
		log_error("revocation list ends soon",
		    "file=%s hours=%" PRId64 " next=\"the issuer must publish "
		    "a list now; without one, mail programs stop trusting "
		    "certificates\"",
		    file, (l.next_update - j->now) / HOUR);
	else if (age >= LIST_LIFE_SECS / 2)
		log_error("revocation list old",
		    "file=%s hours=%" PRId64
		    " next=\"find out why the issuer publishes none\"",
		    file, age / HOUR);
}

void
status_report(struct job *j, struct status_service *s)
{
	for (size_t i = 0; i < s->list_count; i++)
		report_list(j, s->lists[i].file);
	if (j->now - s->reported_at < 24 * HOUR)
		return;
	s->reported_at = j->now;
	for (size_t i = 0; i < s->unknown_count; i++)
		log_warning("OCSP asked for a number never issued",
		    "serial=%s count=%" PRIu64
		    " next=\"somebody may have a certificate that this CA "
		    "does not know\"",
		    s->unknown[i].serial, s->unknown[i].count);
	if (s->unknown_others > 0)
		log_warning("OCSP asked for numbers never issued",
		    "count=%" PRIu64, s->unknown_others);
	s->unknown_count = 0;
	s->unknown_others = 0;
}
