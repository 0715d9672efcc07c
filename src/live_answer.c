#include "config.h"

#include "src/live_answer.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/rate.h"
#include "pki/crl_lint.h"
#include "pki/responder_key.h"
#include "src/status_ocsp.h"

#include <string.h>

/* Of our own answers, the first with each key and one of so many are read as
 * clients read them (PK-141). */
#define SAMPLE_EVERY 64
#define SAMPLE_SECS 3600

/* A key, and what belongs to it. */
struct signer_key {
	struct arena *own; /* NULL: there is none */
	struct responder responder;
};

struct live {
	const struct conf_issuer *conf;
	const struct ca *ca;
	struct ocsp_ca names;
	bool has_names;
	struct signer_key now;           /* with its certificate */
	struct signer_key next;          /* that waits for it */
	const struct remote_key *remote; /* NULL: keys are made here */
	const char *label;
	struct responder_trust *trust;
	uint64_t signed_with; /* the key in use */
	uint64_t count;
	int64_t full_at_ms; /* lib/rate.h */
	char sample[OCSP_RESPONSE_MAX];
	size_t sample_n;   /* 0: none, or it was taken */
	int64_t sample_at; /* when it was signed; 0: none with this key */
};

struct live *
live_new(
    struct arena *keep, const struct conf_issuer *conf, const struct ca *ca)
{
	struct live *l = arena_alloc(keep, sizeof(*l));

	*l = (struct live){
		.conf = conf, .ca = ca, .trust = responder_trust_new(keep, ca)
	};
	return l;
}

void
live_use_key(struct live *l, const struct remote_key *remote, const char *label)
{
	l->remote = remote;
	l->label = label;
}

static void
drop(struct signer_key *k)
{
	arena_free(k->own);
	*k = (struct signer_key){ .own = NULL };
}

void
live_free(struct live *l)
{
	if (l == NULL)
		return;
	drop(&l->now);
	drop(&l->next);
	responder_trust_free(l->trust);
}

uint64_t
live_take_count(struct live *l)
{
	uint64_t count = l->count;

	l->count = 0;
	return count;
}

/* --- the key -------------------------------------------------------------- */

int64_t
live_key_due(const struct live *l)
{
	if (l->next.own != NULL || l->now.own == NULL)
		return 0;
	return l->now.responder.not_before + RESPONDER_RENEW_SECS;
}

/* PK-177 */
static int
find_key(struct job *j, const struct live *l, struct signer_key *k)
{
	if (l->remote != NULL)
		return responder_key_ask(
		    j, k->own, l->remote, l->label, &k->responder);
	return responder_new_key(j, k->own, &k->responder) < 0
		   ? -1
		   : responder_request(j, k->own, &k->responder);
}

int
live_key(struct job *j, struct live *l, struct span *request)
{
	struct signer_key *k = &l->next;

	if (j->now < live_key_due(l))
		return 0;
	if (k->own == NULL) {
		k->own = arena_new();
		if (find_key(j, l, k) < 0) {
			drop(k);
			return -1;
		}
	}
	*request = k->responder.request;
	return 1;
}

int
live_adopt(struct job *j, struct live *l, struct span certificate)
{
	struct signer_key *k = &l->next;

	if (k->own == NULL)
		return job_fail(j, ERR_INTERNAL, "no key waits for one");
	if (responder_adopt(j, k->own, l->ca, certificate, &k->responder) < 0)
		return -1;
	drop(&l->now);
	l->now = *k;
	*k = (struct signer_key){ .own = NULL };
	l->signed_with = 0;
	l->sample_at = 0;
	return 0;
}

/* --- answers -------------------------------------------------------------- */

/* PK-173: one that is shorter than is asked for is passed over. */
static struct span
nonce_of(const struct live *l, const struct ocsp_request *r)
{
	return r->nonce_is == OCSP_NONCE_GOOD &&
		       r->nonce.n >= (size_t)l->conf->ocsp_nonce_min
		   ? r->nonce
		   : (struct span){ NULL, 0 };
}

/* PK-167, PK-172: every one of them is ours. */
static bool
are_ours(const struct live *l, const struct ocsp_request *r)
{
	if (r->count == 0 || r->count > OCSP_CERTS_MAX)
		return false;
	for (size_t i = 0; i < r->count; i++)
		if (!ocsp_ca_is(&l->names, &r->certs[i]))
			return false;
	return true;
}

static void
set_unknown(struct job *j, struct span serial, struct ocsp_status *s)
{
	*s = (struct ocsp_status){ .is_unknown = true,
		.this_update = j->now,
		.serial_len = (uint8_t)serial.n };
	memcpy(s->serial, serial.p, serial.n);
}

/* What the issuer has signed about this number: 0; or the error to answer. */
static enum ocsp_error
look_up(struct job *j, const struct live *l, const struct ocsp_cert_id *id,
    struct ocsp_single *out)
{
	struct ocsp_request one = { .certs = { *id }, .count = 1 };
	struct ocsp_reply r;

	out->hash = id->hash;
	/* PK-170: no certificate of ours can have it, and an answer that says
	 * so would be one that linters refuse. */
	if (!crl_serial_is_proper(id->serial))
		return OCSP_UNAUTHORIZED;
	status_ocsp(j, l->conf, &one, &r);
	if (r.is_unknown) {
		set_unknown(j, id->serial, &out->status);
		return OCSP_SUCCESSFUL;
	}
	if (r.is_error)
		return r.error;
	out->status = r.status;
	if (responder_trust_check(j, l->trust, id->hash, &r.status, &r.parts) ==
	    0)
		return OCSP_SUCCESSFUL;
	log_error("OCSP answer in a file not ours",
	    "error=\"%s\" next=\"find out who wrote to issuer.ocsp_folder\"",
	    j->err.text);
	job_recover(j);
	return OCSP_TRY_LATER;
}

/* About how many numbers strangers may ask in a second. */
static bool
take_turns(struct live *l, size_t count)
{
	const struct conf_rate rate = { l->conf->max_live_answers, 1 };
	int64_t now = clock_now_ms();

	if (bucket_wait(&rate, l->full_at_ms, now, (int64_t)count) > 0)
		return false;
	l->full_at_ms = bucket_take(&rate, l->full_at_ms, now, (int64_t)count);
	return true;
}

static void
keep_sample(struct live *l, int64_t now, struct span response)
{
	/* A clock that was set back is no reason to wait. */
	if (response.n > sizeof(l->sample) ||
	    (l->sample_at != 0 && l->sample_at <= now &&
		now < l->sample_at + SAMPLE_SECS))
		return;
	memcpy(l->sample, response.p, response.n);
	l->sample_n = response.n;
	l->sample_at = now;
}

bool
live_take_sample(struct job *j, struct live *l, struct span *response)
{
	if (l->sample_n == 0)
		return false;
	*response = span_mem(
	    arena_memdup(j->arena, l->sample, l->sample_n), l->sample_n);
	l->sample_n = 0;
	return true;
}

static int
sign(struct job *j, struct live *l, const struct ocsp_data *d,
    struct span *response)
{
	if (responder_reply(j, &l->now.responder, &l->names, d, response) < 0 ||
	    (l->signed_with % SAMPLE_EVERY == 0 &&
		responder_check_data(j, l->ca, d, *response) < 0))
		return -1;
	l->signed_with++;
	l->count++;
	keep_sample(l, j->now, *response);
	return 0;
}

static enum ocsp_error
make(struct job *j, struct live *l, const struct ocsp_request *r,
    struct span *response)
{
	struct ocsp_single singles[OCSP_CERTS_MAX];
	const struct ocsp_data d = { singles, r->count, j->now,
		nonce_of(l, r) };

	if (l->now.own == NULL || !take_turns(l, r->count))
		return OCSP_TRY_LATER;
	for (size_t i = 0; i < r->count; i++) {
		enum ocsp_error e = look_up(j, l, &r->certs[i], &singles[i]);

		if (e != OCSP_SUCCESSFUL)
			return e;
	}
	if (sign(j, l, &d, response) == 0)
		return OCSP_SUCCESSFUL;
	/* That its token is away is said there, and not for each client. */
	if (j->err.kind != ERR_BUSY && j->err.kind != ERR_REFUSED)
		log_error(
		    "OCSP answer not signed", "error=\"%s\"", j->err.text);
	job_recover(j);
	return OCSP_TRY_LATER;
}

struct span
live_answer(struct job *j, struct live *l, struct span request)
{
	struct ocsp_request r;
	struct span response = { NULL, 0 };
	enum ocsp_error e;

	if (!l->has_names && responder_ca(j, l->ca, &l->names) < 0) {
		job_recover(j);
		return ocsp_error_response(OCSP_TRY_LATER);
	}
	l->has_names = true;
	if (ocsp_request_parse(request, &r) < 0 || r.nonce_is == OCSP_NONCE_BAD)
		return ocsp_error_response(OCSP_MALFORMED);
	e = are_ours(l, &r) ? make(j, l, &r, &response) : OCSP_UNAUTHORIZED;
	return e == OCSP_SUCCESSFUL ? response : ocsp_error_response(e);
}
