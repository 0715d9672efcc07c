#include "config.h"

#include "src/sender_report.h"

#include <string.h>

#include "db/store_audit.h"
#include "db/store_caa_report.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "mail/iodef.h"
#include "src/recipient.h"
#include "src/role_sender.h"
#include "src/sender_recipient.h"
#include "src/worker.h"

/* As long as a challenge mail's, and for the same reason. */
#define LEASE_SECS 300

static const struct submit_result unwanted = { .outcome = SUBMIT_PERMANENT,
	.answer = "not sent: policy.caa_report is none" };

/* Rendered once and kept: every attempt sends the same octets. */
static int
render(const struct sender *s, struct job *j, struct caa_report *r)
{
	const struct conf_sender *conf = &j->conf->sender;
	const struct iodef_report in = {
		.id = r->id,
		.ca_name = j->conf->ca_name,
		.from = conf->from,
		.to = r->recipient,
		.domain = r->domain,
		.found_at = r->found_at,
		.is_critical = strcmp(r->reason, "critical") == 0,
		.refused_at = r->refused_at,
		.date = j->now,
	};
	const struct sender_letter letter = { .from = conf->from,
		.label = arena_printf(j->arena, "report=%s", r->id),
		.expires_at = r->expires_at };
	struct span plain;

	if (iodef_compose(j, &in, &plain) < 0 ||
	    sender_sign(s, j, &letter, plain, &r->message) < 0 ||
	    store_begin(j) < 0)
		return -1;
	if (store_caa_report_spool(j, r, r->message) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static int
record(struct job *j, const struct caa_report *r, const struct submit_result *s)
{
	switch (s->outcome) {
	case SUBMIT_ACCEPTED:
		return store_caa_report_sent(j, r, s->answer);
	case SUBMIT_PERMANENT:
		return store_caa_report_failed(j, r, s->answer);
	case SUBMIT_TEMPORARY:
		return store_caa_report_retry(
		    j, r, j->now + sender_pause(r->attempts), s->answer);
	case SUBMIT_UNKNOWN:
		/* Rather none than two. */
		return store_caa_report_failed(j, r, s->answer);
	case SUBMIT_CUT_OFF:
		return store_caa_report_give_back(j, r);
	}
	return -1;
}

static int
finish(struct job *j, const struct caa_report *r, const struct submit_result *s)
{
	const char *outcome = sender_outcome_name(s->outcome);
	struct log_quoted q;

	if (store_begin(j) < 0)
		return -1;
	if (record(j, r, s) < 0)
		return worker_undo(j);
	/* No attempt, so there is nothing to tell of it. */
	if (s->outcome != SUBMIT_CUT_OFF &&
	    store_audit_add(j, "sender", "caa report",
		arena_printf(j->arena, "report:%s", r->id), outcome,
		worker_detail(j, "answer", s->answer)) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	log_info("caa report",
	    "report=%s domain=%s result=\"%s\" attempt=%lld answer=%s", r->id,
	    r->domain, outcome, (long long)r->attempts,
	    sender_answer_quote(&q, j, s->answer));
	return 0;
}

static int
send_one(const struct sender *s, struct job *j, struct caa_report *r)
{
	const struct sender_recipient to = { .mailbox = r->recipient,
		.expires_at = r->expires_at };
	const struct submit_result *refusal;
	struct submit_result result;
	int found;

	if (j->conf->caa_report != CONF_CAA_REPORT_MAILTO)
		return finish(j, r, &unwanted);
	found = sender_recipient_check(j, &to, &refusal);
	if (found <= 0)
		return found < 0 ? -1 : finish(j, r, refusal);
	if (r->message.n == 0 && render(s, j, r) < 0)
		return -1;
	if (submit_send(s->submit, j, recipient_base(&j->conf->sender),
		r->recipient, r->message, &result) < 0)
		return -1;
	j->now = clock_now();
	return finish(j, r, &result);
}

int
sender_report_step(const struct sender *s, struct job *j)
{
	struct caa_report r;
	int found;

	if (store_begin(j) < 0)
		return -1;
	found = store_caa_report_lease(j, j->now + LEASE_SECS, &r);
	if (found <= 0) {
		store_rollback(j);
		return found;
	}
	if (store_commit(j) < 0)
		return -1;
	return send_one(s, j, &r) < 0 ? -1 : 1;
}
