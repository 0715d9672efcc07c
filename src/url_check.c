#include "config.h"

#include "src/url_check.h"

#include "db/store_crl.h"
#include "db/store_ocsp.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "pki/ocsp_answer.h"
#include "pki/ocsp_client.h"
#include "src/status_place.h"

#include <inttypes.h>
#include <string.h>

#define LIST_MAX ((size_t)64 << 20) /* as the issuer makes them */
#define SMALL_MAX ((size_t)64 * 1024)
#define CLOCK_SECS 60   /* by which machines may differ */
#define CACHE_SECS 3600 /* PK-161: so long a list may be kept on its way */
#define SERIAL_OCTETS 16
#define MEDIA_CRL "application/pkix-crl"
#define MEDIA_CERT "application/pkix-cert"
#define MEDIA_OCSP_REQUEST "application/ocsp-request"
#define MEDIA_OCSP "application/ocsp-response"

int
url_subject_load(struct job *j, struct arena *keep, const struct conf_issuer *c,
    struct url_subject *out)
{
	const struct ca_files files = { .certificate = c->ca_certificate,
		.chain = c->ca_chain };

	*out = (struct url_subject){ .conf = c };
	if (ca_load(j, keep, &files, &out->ca) < 0)
		return -1;
	return ca_above_read(
	    j, keep, c->ca_certificate, c->ca_chain, &out->above);
}

/* --- fetching ------------------------------------------------------------- */

static int
fetch(struct job *j, const struct url_subject *s,
    const struct https_request *request, const char *media, struct span *body)
{
	struct https_response r;

	if (s->send(s->ctx, j, request, &r) < 0)
		return -1;
	/* Programs that fetch for a certificate follow no redirection. */
	if (r.status != 200)
		return job_fail(j, ERR_INTERNAL,
		    "HTTP status %" PRId64 ", not 200", r.status);
	if (strcmp(r.content_type, media) != 0)
		return job_fail(j, ERR_INTERNAL,
		    "Content-Type is \"%s\", not %s", r.content_type, media);
	*body = r.body;
	return 0;
}

static int
get(struct job *j, const struct url_subject *s, const char *url,
    const char *media, size_t max, struct span *body)
{
	const struct https_request request = {
		.method = HTTPS_GET, .url = url, .answer_max = max
	};

	return fetch(j, s, &request, media, body);
}

static const char *
until(struct job *j, const char *what, int64_t when)
{
	char text[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(when, text);
	return arena_printf(j->arena, "%s, good until %s", what, text);
}

static int
check_times(struct job *j, int64_t this_update, int64_t next_update)
{
	char text[CLOCK_RFC3339_MAX];

	if (this_update > j->now + CLOCK_SECS)
		return job_fail(j, ERR_INTERNAL,
		    "its thisUpdate is in the future: is the clock right?");
	if (next_update > j->now)
		return 0;
	clock_format_rfc3339(next_update, text);
	return job_fail(j, ERR_INTERNAL, "it has run out at %s", text);
}

/* --- lists ---------------------------------------------------------------- */

/* PK-155: the list of another shard does not do. */
static int
check_point(struct job *j, const struct url_subject *s,
    const struct ca_url *url, const char *point)
{
	const char *expected = s->conf->crl_shards > 1 ? url->url : NULL;

	if (expected == NULL && point == NULL)
		return 0;
	if (expected != NULL && point != NULL && strcmp(expected, point) == 0)
		return 0;
	return job_fail(j, ERR_INTERNAL, "the list of another shard: it is %s",
	    point == NULL ? "complete, without a distribution point" : point);
}

/* An older one may be in a cache for an hour. */
static int
check_number(struct job *j, const struct url_subject *s,
    const struct ca_url *url, const struct crl_input *l)
{
	struct crl newest;
	int found = store_crl_head(j, ca_key_label(s->ca), url->shard, &newest);

	if (found < 0)
		return -1;
	if (found == 0 || l->number > (uint64_t)newest.number)
		return job_fail(j, ERR_INTERNAL,
		    "list number %" PRIu64 " is not in this database: another "
		    "installation answers, or the database is an old one",
		    l->number);
	if (l->number < (uint64_t)newest.number &&
	    newest.this_update + CACHE_SECS < j->now)
		return job_fail(j, ERR_INTERNAL,
		    "list number %" PRIu64 " is an old one; the newest is "
		    "%" PRId64,
		    l->number, newest.number);
	return 0;
}

static int
check_list(struct job *j, const struct url_subject *s, const struct ca_url *url,
    const char **found)
{
	struct span der = { NULL, 0 };
	struct crl_input l;

	if (get(j, s, url->url, MEDIA_CRL, LIST_MAX, &der) < 0 ||
	    crl_read(j, s->ca, der, &l) < 0 ||
	    check_point(j, s, url, l.point) < 0 ||
	    check_times(j, l.this_update, l.next_update) < 0 ||
	    check_number(j, s, url, &l) < 0)
		return -1;
	*found = until(j,
	    arena_printf(j->arena, "revocation list number %" PRIu64, l.number),
	    l.next_update);
	return 0;
}

static int
check_above_list(struct job *j, const struct url_subject *s,
    const struct ca_url *url, const char **found)
{
	struct span der = { NULL, 0 };
	struct above_list l;

	if (get(j, s, url->url, MEDIA_CRL, LIST_MAX, &der) < 0 ||
	    ca_above_list(j, &s->above, der, &l) < 0 ||
	    check_times(j, l.this_update, l.next_update) < 0)
		return -1;
	if (l.has_revoked)
		return job_fail(j, ERR_INTERNAL,
		    "the issuing CA's certificate is revoked on it");
	*found = until(j, "revocation list of the CA above", l.next_update);
	return 0;
}

/* --- certificates --------------------------------------------------------- */

static int
check_certificate(struct job *j, const struct url_subject *s,
    const struct ca_url *url, const char **found)
{
	bool is_above = url->kind == CA_URL_ABOVE_CERTIFICATE;
	struct span expected = is_above ? s->above.issuer : s->above.ca;
	struct span der = { NULL, 0 };

	if (get(j, s, url->url, MEDIA_CERT, SMALL_MAX, &der) < 0)
		return -1;
	*found = is_above ? "certificate of the CA above"
			  : "certificate of the issuing CA";
	if (span_eq(der, expected))
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "not the certificate, in DER, that the configuration has as %s",
	    is_above ? "the signer of ca_certificate in ca_chain"
		     : "ca_certificate");
}

/* --- OCSP ----------------------------------------------------------------- */

/* The number that is asked about. */
struct question {
	struct span serial;
	struct ocsp_known known; /* serial NULL: there is no certificate */
};

static int
choose(struct job *j, const struct url_subject *s, struct question *q)
{
	uint8_t *octets = arena_alloc(j->arena, SERIAL_OCTETS);
	int found = store_ocsp_known(j, ca_key_label(s->ca), &q->known);

	if (found < 0)
		return -1;
	q->serial = span_mem(octets, SERIAL_OCTETS);
	if (found == 0) {
		rnd_bytes(octets, SERIAL_OCTETS);
		octets[0] = (octets[0] & 0x7f) | 0x40; /* positive, minimal */
		return 0;
	}
	q->serial.n = strlen(q->known.serial) / 2;
	octets = arena_alloc(j->arena, q->serial.n);
	q->serial.p = (const char *)octets;
	return hex_parse_fixed(span_str(q->known.serial), octets, q->serial.n) <
		       0
		   ? job_fail(j, ERR_INTERNAL, "serial %s in the database",
			 q->known.serial)
		   : 0;
}

static const char *
error_text(struct job *j, int error)
{
	return arena_printf(j->arena, "OCSP response status %d%s", error,
	    error == OCSP_TRY_LATER
		? " (tryLater): the issuer has just begun to make the "
		  "answers, or something keeps it from that"
		: "");
}

/* PK-170: "unauthorized" where answers are signed in advance; signed "unknown"
 * where they are signed for the client. */
static int
judge_unknown(
    struct job *j, const struct url_subject *s, const struct ocsp_said *said)
{
	if (status_ocsp_is_live(s->conf) && said->error == 0)
		return said->is_unknown
			   ? 0
			   : job_fail(j, ERR_INTERNAL,
				 "a number that was never issued must get "
				 "\"unknown\", and gets another status");
	if (!status_ocsp_is_live(s->conf) && said->error == OCSP_UNAUTHORIZED)
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "a number that was never issued must get %s, and gets %s",
	    status_ocsp_is_live(s->conf) ? "\"unknown\""
					 : "\"unauthorized\" (6)",
	    error_text(j, said->error));
}

static int
judge_answer(struct job *j, const struct url_subject *s,
    const struct question *q, const struct ocsp_said *said)
{
	const char *serial = q->known.serial;

	if (serial == NULL)
		return judge_unknown(j, s, said);
	if (said->error != 0)
		return job_fail(j, ERR_INTERNAL,
		    "no answer about certificate %s: %s", serial,
		    error_text(j, said->error));
	if (said->is_unknown)
		return job_fail(j, ERR_INTERNAL,
		    "the responder does not know certificate %s", serial);
	if (said->is_revoked != q->known.is_revoked && !q->known.is_due)
		return job_fail(j, ERR_INTERNAL,
		    "it says that certificate %s is %s, the database says "
		    "otherwise",
		    serial, said->is_revoked ? "revoked" : "good");
	return check_times(j, said->this_update, said->next_update);
}

/* By GET with SHA-1, as most clients ask, or by POST with SHA-256 (PK-167). */
static int
ask(struct job *j, const struct url_subject *s, const char *url,
    enum https_method method, const struct question *q)
{
	enum ocsp_hash hash = method == HTTPS_GET ? OCSP_SHA1 : OCSP_SHA256;
	struct https_request request = { .method = method,
		.url = url,
		.content_type = MEDIA_OCSP_REQUEST,
		.answer_max = SMALL_MAX };
	struct span body = { NULL, 0 };
	struct ocsp_said said;

	if (ocsp_client_request(j, s->ca, hash, q->serial, &request.body) < 0)
		return -1;
	if (method == HTTPS_GET)
		request.url = arena_printf(j->arena, "%s%s%s", url,
		    url[strlen(url) - 1] == '/' ? "" : "/",
		    ocsp_client_path(j->arena, request.body));
	if (fetch(j, s, &request, MEDIA_OCSP, &body) < 0 ||
	    ocsp_client_read(j, s->ca, hash, q->serial, body, &said) < 0 ||
	    judge_answer(j, s, q, &said) < 0)
		return job_context(
		    j, "%s", method == HTTPS_GET ? "GET" : "POST");
	return 0;
}

static int
check_ocsp(struct job *j, const struct url_subject *s, const struct ca_url *url,
    const char **found)
{
	struct question q;

	if (choose(j, s, &q) < 0 || ask(j, s, url->url, HTTPS_GET, &q) < 0 ||
	    ask(j, s, url->url, HTTPS_POST, &q) < 0)
		return -1;
	*found = q.known.serial == NULL
		     ? "OCSP by GET and POST, as is right while there is no "
		       "certificate yet"
		     : arena_printf(j->arena,
			   "OCSP by GET and POST about certificate %s",
			   q.known.serial);
	return 0;
}

int
url_check(struct job *j, const struct url_subject *s, const struct ca_url *url,
    const char **found)
{
	switch (url->kind) {
	case CA_URL_LIST:
		return check_list(j, s, url, found);
	case CA_URL_OCSP:
		return check_ocsp(j, s, url, found);
	case CA_URL_ABOVE_LIST:
		return check_above_list(j, s, url, found);
	case CA_URL_CERTIFICATE:
	case CA_URL_ABOVE_CERTIFICATE:
		break;
	}
	return check_certificate(j, s, url, found);
}
