/*
 * Through CMP (PK-222).  The token is the transaction: its transactionID is
 * committed before the request is sent, each answer before the next message
 * (src/cmp_state.h), and what comes is confirmed only after it was compared
 * with what was asked for (PK-216).
 */
#include "config.h"

#include "src/upstream.h"

#include "db/store_handoff.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/certview.h"
#include "pki/csr.h"
#include "pki/oid.h"
#include "pki/profile.h"
#include "pki/returned.h"
#include "src/cmp_client.h"
#include "src/handoff.h"

#define DAY_SECS ((int64_t)86400)
#define TEMPLATE_EXTENSIONS 3

/* --- what is asked for, and whether it came ------------------------------- */

/* Subject, key and extensions of the certificate that we would have made. */
static int
make_template(struct job *j, const struct handoff_request *r,
    struct cmp_template *t, struct span extensions[TEMPLATE_EXTENSIONS])
{
	const struct span wanted[TEMPLATE_EXTENSIONS] = { OID_SUBJECT_ALT_NAME,
		OID_KEY_USAGE, OID_EXT_KEY_USAGE };
	struct certview v;

	if (certview_parse_tbs(r->template, &v) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "a hand-off whose template "
		    "cannot be read");
	*t = (struct cmp_template){
		.subject = v.subject, .spki = v.spki, .extensions = extensions
	};
	for (size_t i = 0; i < TEMPLATE_EXTENSIONS; i++) {
		const struct cert_extension *e =
		    certview_extension(&v, wanted[i]);

		if (e != NULL)
			extensions[t->extension_count++] = e->whole;
	}
	return 0;
}

struct judgement {
	const struct upstream *u;
	const struct handoff_request *r;
};

static int
parse_csr(struct job *j, const struct handoff_request *r,
    const struct profile *profile, struct csr *csr)
{
	const struct csr_policy policy = { .mailboxes = r->mailboxes,
		.mailbox_count = r->mailbox_count,
		.ignore_dns_mailboxes = j->conf->compat_dns_mailbox,
		.addr = { .utf8_local = j->conf->utf8_mailboxes,
		    .is_public = j->conf->mode == CONF_MODE_PUBLIC,
		    .reserved_domains = j->conf->allow_reserved_domains },
		.profile = profile };

	return csr_parse(j, r->csr, &policy, csr);
}

/* PK-216, before the CA is told; the issuer compares once more before anybody
 * gets it. */
static int
judge(void *ctx, struct job *j, struct span certificate, const char **why)
{
	const struct judgement *g = ctx;
	const struct handoff_request *r = g->r;
	struct returned_want want = { .mailboxes = r->mailboxes,
		.mailbox_count = r->mailbox_count,
		.not_before_min = r->ordered_not_before,
		.not_after_max = r->ordered_not_after };
	struct returned found;
	struct csr csr;
	int matches;

	if (r->bar == HANDOFF_ENDED) {
		*why = "its order has ended";
		return 0;
	}
	want.profile = profile_find(j->conf, span_str(r->profile));
	if (want.profile == NULL || parse_csr(j, r, want.profile, &csr) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "a hand-off of a profile or request that is not known");
	want.csr = &csr;
	want.life_max = profile_days(j->conf, want.profile) * DAY_SECS;
	matches = returned_check(j, g->u->ca, &want, certificate, &found);
	*why = found.why;
	return matches;
}

/* --- what an end means ---------------------------------------------------- */

/* PK-219 */
static enum err_kind
refusal_kind(unsigned failures)
{
	if (failures & (CMP_BAD_ALG | CMP_BAD_POP | CMP_BAD_CERT_TEMPLATE))
		return ERR_BAD_CSR;
	return ERR_INTERNAL;
}

static void
say(const char *event, const char *id, const char *text)
{
	struct log_quoted q;

	log_error(
	    event, "order=%s error=%s", id, log_quote(&q, span_str(text)));
}

static void
read_refusal(const struct handoff *h, const struct cmp_result *r,
    struct upstream_answer *out)
{
	say("upstream refuses", h->order_id, r->text);
	if (r->failures & CMP_TRANSACTION_ID_IN_USE)
		return; /* so it has had it: it must know what came of it */
	if (r->failures & (CMP_SYSTEM_UNAVAIL | CMP_SYSTEM_FAILURE)) {
		out->outcome = UPSTREAM_UNKNOWN; /* a new transaction, later */
		return;
	}
	out->outcome = UPSTREAM_REFUSED;
	out->kind = refusal_kind(r->failures);
}

/* An error message: of the first message it is a refusal.  Of one that was
 * sent before it may be that very thing which it does not like (RFC 9810
 * section 5.1.1), and says nothing of the certificate. */
static void
read_abort(const struct handoff *h, const struct cmp_state *state,
    const struct cmp_result *r, bool is_first, struct upstream_answer *out)
{
	if (is_first && state->answer_count == 0) {
		read_refusal(h, r, out);
		return;
	}
	say("upstream aborts", h->order_id, r->text);
	out->outcome = UPSTREAM_UNSURE;
}

static void
withdraw(
    const struct cmp_result *r, const char *why, struct upstream_answer *out)
{
	out->outcome = UPSTREAM_WITHDRAWN;
	out->certificate = r->certificate;
	out->why = why;
}

static void
read_end(struct job *j, const struct handoff *h, const struct cmp_state *state,
    const struct cmp_result *r, bool is_first, struct upstream_answer *out)
{
	switch (r->end) {
	case CMP_GOES_ON:
		out->outcome = UPSTREAM_STARTED;
		out->token = cmp_state_format(j, state);
		return;
	case CMP_WAITS:
		out->outcome = UPSTREAM_PENDING;
		out->token = cmp_state_format(j, state);
		out->retry_secs = r->retry_secs;
		return;
	case CMP_CONFIRMED:
		out->outcome = UPSTREAM_ISSUED;
		out->certificate = r->certificate;
		return;
	case CMP_NOT_WANTED:
		withdraw(r, r->why, out);
		return;
	case CMP_UNCONFIRMED:
		say("upstream refuses", h->order_id, r->text);
		withdraw(r, "that CA did not take the confirmation", out);
		return;
	case CMP_REFUSED:
		read_refusal(h, r, out);
		return;
	case CMP_ABORTED:
		read_abort(h, state, r, is_first, out);
		return;
	case CMP_NO_ANSWER:
		say("upstream failed", h->order_id, j->err.text);
		job_recover(j);
		out->outcome = UPSTREAM_LATER;
		return;
	}
}

/* --- the transaction ------------------------------------------------------ */

static const char *
cmp_begin(struct job *j, const struct handoff *h)
{
	struct cmp_state s;

	if (h->token != NULL)
		log_warning("transaction given up",
		    "order=%s next=\"nothing, if that CA revokes what is not "
		    "confirmed; else look for one of this order there\"",
		    h->order_id);
	cmp_state_init(&s);
	return cmp_state_format(j, &s);
}

static void
step(const struct upstream *u, struct job *j, const struct handoff *h,
    const struct handoff_request *r, bool is_first, struct upstream_answer *out)
{
	struct span extensions[TEMPLATE_EXTENSIONS];
	struct judgement g = { u, r };
	struct cmp_template t;
	struct cmp_result result = { .end = CMP_NO_ANSWER };
	struct cmp_state state = { .answer_count = 0 };

	*out = (struct upstream_answer){ .outcome = UPSTREAM_UNSURE };
	if (cmp_state_parse(j, h->token, &state) == 0) {
		/* What it may not have got must not reach it now. */
		if (state.answer_count == 0 && r->bar != HANDOFF_FREE) {
			out->outcome = UPSTREAM_BARRED;
			return;
		}
		if (make_template(j, r, &t, extensions) == 0)
			cmp_client_step(
			    u->cmp, j, &t, &state, judge, &g, &result);
	}
	read_end(j, h, &state, &result, is_first, out);
}

static void
cmp_issue(const struct upstream *u, struct job *j, const struct handoff *h,
    const struct handoff_request *r, struct upstream_answer *out)
{
	step(u, j, h, r, true, out);
}

static void
cmp_poll(const struct upstream *u, struct job *j, const struct handoff *h,
    const struct handoff_request *r, struct upstream_answer *out)
{
	step(u, j, h, r, false, out);
}

/* --- revocation ----------------------------------------------------------- */

/* RFC 9810 5.2.3; one that was rejected need not be known as issued. */
static bool
is_gone(const struct withdrawal *w, const struct cmp_result *r)
{
	return (r->failures & CMP_CERT_REVOKED) != 0 ||
	       (w->cert_id == NULL && (r->failures & CMP_BAD_CERT_ID) != 0);
}

static int
cmp_revoke(const struct upstream *u, struct job *j, const struct withdrawal *w)
{
	struct cmp_result r;

	cmp_client_revoke(u->cmp, j, w->der, w->reason, &r);
	if (r.end == CMP_CONFIRMED)
		return 0;
	if (r.end == CMP_NO_ANSWER)
		return -1;
	if (is_gone(w, &r))
		return 0;
	return job_fail(j, ERR_BUSY, "that CA does not revoke it: %s", r.text);
}

const struct upstream_ops upstream_cmp_ops = { .issue = cmp_issue,
	.poll = cmp_poll,
	.revoke = cmp_revoke,
	.begin = cmp_begin };
