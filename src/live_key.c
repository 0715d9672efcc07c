#include "config.h"

#include "src/live_key.h"

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/linter.h"
#include "pki/responder.h"
#include "pki/responder_request.h"
#include "src/answers.h"
#include "src/linters.h"
#include "src/linters_hold.h"
#include "src/live_link.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <string.h>

#define LINT_EVERY_SECS 3600

struct live_keys {
	int fd;
	/* What was certified last: asked for again, it is said again. */
	uint8_t key[SHA256_LEN];
	char certificate[LIVE_CERTIFICATE_MAX];
	size_t n; /* 0: nothing */
	/* A key that stays has another one from then on (PK-118). */
	int64_t not_before, renew_at;
	int64_t linted_at;
};

/* What has come, the newest of each kind: older ones are of processes that
 * have ended, or were soon followed. */
struct inbox {
	struct span key;    /* CertificationRequest; n 0: none */
	struct span sample; /* OCSPResponse */
};

struct live_keys *
live_keys_new(struct arena *keep, int fd)
{
	struct live_keys *k;

	if (fd < 0)
		return NULL;
	k = arena_alloc(keep, sizeof(*k));
	*k = (struct live_keys){ .fd = fd };
	return k;
}

static struct inbox
take_newest(struct job *j, int fd)
{
	struct inbox in = { .key = { NULL, 0 } };
	struct span message, body;
	enum live_kind kind;

	while (live_take(j, fd, 1 + OCSP_RESPONSE_MAX, &message) == 1) {
		if (live_told(message, &kind, &body) < 0)
			continue;
		if (kind == LIVE_KEY)
			in.key = body;
		else
			in.sample = body;
	}
	return in;
}

static int
certify(struct issuer *i, struct job *j, struct span spki,
    const uint8_t key[SHA256_LEN])
{
	struct live_keys *k = i->live;
	struct responder r;

	k->n = 0;
	if (answers_certify(i, j, spki, &r) < 0)
		return -1;
	if (r.certificate.n > sizeof(k->certificate))
		return job_fail(j, ERR_INTERNAL, "OCSP responder: too large");
	memcpy(k->certificate, r.certificate.p, r.certificate.n);
	memcpy(k->key, key, SHA256_LEN);
	k->n = r.certificate.n;
	k->not_before = r.not_before;
	k->renew_at = r.not_before + RESPONDER_RENEW_SECS;
	return 0;
}

static int
tell_refusal(struct job *j)
{
	const char *why = arena_strdup(j->arena, j->err.text);

	job_recover(j);
	log_error("linter refuses",
	    "what=\"live OCSP answer\" error=\"%s\" next=\"find out who is "
	    "wrong, countersign or the linter; issuer.ocsp_mode = presigned "
	    "ends such answers\"",
	    why);
	return worker_record(j, "issuer", "linters", "live OCSP answers",
	    "refused", worker_detail(j, linter_kind(LINT_OCSP), why));
}

/*
 * PK-141.  The issuer does not read it, and what comes of it is an alarm: the
 * responder could not hold the CA's own work if it were a stranger's.  For the
 * same reason no more than one an hour is looked at.
 */
static int
lint_sample(struct issuer *i, struct job *j, struct span response)
{
	struct live_keys *k = i->live;
	struct linters_question q = {
		.object = LINT_OCSP, .der = response, .is_ours = true
	};
	const struct linters_verdict own = { .report = "{\"lints\":[]}" };
	struct linters_verdict all = own;

	if (linters_count(j->conf, LINT_OCSP) == 0 || i->linters == NULL ||
	    linters_hold_left(i->linters, j) > 0 ||
	    (k->linted_at != 0 && k->linted_at <= j->now &&
		j->now < k->linted_at + LINT_EVERY_SECS))
		return 0;
	k->linted_at = j->now;
	q.fd = i->linters->fd;
	if (linters_check(j, &q, &own, &all) == 0) {
		log_info("live OCSP answer linted", "verdict=\"%s\"",
		    all.line != NULL ? all.line : "");
		return linters_hold_record_allowed(j, LINT_OCSP, all.allowed);
	}
	if (all.refuses)
		return tell_refusal(j);
	log_warning("live OCSP answer not linted", "error=\"%s\"", j->err.text);
	job_recover(j);
	return 0;
}

static bool
is_certified(
    const struct live_keys *k, const uint8_t key[SHA256_LEN], int64_t now)
{
	return k->n > 0 && memcmp(key, k->key, SHA256_LEN) == 0 &&
	       k->not_before <= now && now < k->renew_at;
}

static int
give_certificate(struct issuer *i, struct job *j, struct span request)
{
	struct live_keys *k = i->live;
	uint8_t key[SHA256_LEN];
	struct span spki = { NULL, 0 };
	EVP_PKEY *read;

	if (responder_request_read(j, j->arena, request, &spki, &read) < 0)
		return -1;
	sha256(spki, key);
	if (!is_certified(k, key, j->now) && certify(i, j, spki, key) < 0)
		return -1;
	if (live_give(k->fd, span_mem(k->certificate, k->n)) < 0)
		log_warning(
		    "OCSP responder not told", "next=\"it asks again\"");
	return 1;
}

int
live_keys_step(struct issuer *i, struct job *j)
{
	struct inbox in;

	if (i->live == NULL || i->answers == NULL)
		return 0;
	in = take_newest(j, i->live->fd);
	if (in.key.n > 0 && give_certificate(i, j, in.key) < 0)
		return -1;
	if (in.sample.n > 0 && lint_sample(i, j, in.sample) < 0)
		return -1;
	return in.key.n > 0 || in.sample.n > 0 ? 1 : 0;
}
