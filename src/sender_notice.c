#include "config.h"

#include "src/sender_notice.h"

#include "db/store_audit.h"
#include "db/store_notice.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "mail/notice.h"
#include "src/recipient.h"
#include "src/role_sender.h"
#include "src/sender_recipient.h"
#include "src/sender_renewal.h"
#include "src/worker.h"

/* As long as a challenge mail's, and for the same reason. */
#define LEASE_SECS 300

static const struct submit_result not_needed = { .outcome = SUBMIT_PERMANENT,
	.answer = "not sent: no longer needed" };

static int
compose(struct job *j, const struct notice *n, const struct notice_input *in,
    struct span *out)
{
	if (notice_renewal_of(n->about) != NULL)
		return notice_compose_renewal(j, in, out);
	return n->words == NULL ? notice_compose(j, in, out)
				: notice_compose_report(j, in, out);
}

/* Rendered once and kept: every attempt sends the same octets. */
static int
render(const struct sender *s, struct job *j, struct notice *n)
{
	const struct conf_sender *conf = &j->conf->sender;
	struct notice_input in = {
		.ca_name = j->conf->ca_name,
		.mailbox = n->mailbox,
		.from = conf->from,
		.language = n->language,
		.default_language = conf->default_language,
		.renewal_texts = s->renewal_texts,
		.help_url = conf->help_url,
		.date = j->now,
		.deadline = n->deadline,
		.about = n->about,
		.words = n->words,
	};
	const struct sender_letter letter = { .from = conf->from,
		.label = arena_printf(j->arena, "about=%s", n->about),
		.expires_at = n->expires_at };
	struct span plain;

	in.message_id = notice_message_id(j, &in);
	if (compose(j, n, &in, &plain) < 0 ||
	    sender_sign(s, j, &letter, plain, &n->message) < 0 ||
	    store_begin(j) < 0)
		return -1;
	if (store_notice_spool(j, n, in.message_id, n->message) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static int
record(struct job *j, const struct notice *n, const struct submit_result *r)
{
	switch (r->outcome) {
	case SUBMIT_ACCEPTED:
		return store_notice_sent(j, n, r->answer);
	case SUBMIT_PERMANENT:
		return store_notice_failed(j, n, r->answer);
	case SUBMIT_TEMPORARY:
	case SUBMIT_UNKNOWN:
		return store_notice_retry(
		    j, n, j->now + sender_pause(n->attempts), r->answer);
	case SUBMIT_CUT_OFF:
		return store_notice_give_back(j, n);
	}
	return -1;
}

/* The incident may have been cancelled since the mail was leased. */
static int
drop(struct job *j, const struct notice *n)
{
	store_rollback(j);
	if (j->err.kind != ERR_CONFLICT)
		return -1;
	job_recover(j);
	log_info("notice dropped", "about=%s", n->about);
	return 0;
}

static int
finish(struct job *j, const struct notice *n, const struct submit_result *r)
{
	const char *outcome = sender_outcome_name(r->outcome);
	struct log_quoted q;

	if (store_begin(j) < 0)
		return -1;
	if (record(j, n, r) < 0)
		return drop(j, n);
	/* No attempt, so there is nothing to tell of it. */
	if (r->outcome != SUBMIT_CUT_OFF &&
	    store_audit_add(j, "sender", "notice", notice_object(j, n->about),
		outcome, worker_detail(j, "answer", r->answer)) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	log_info("notice", "about=%s result=\"%s\" attempt=%lld answer=%s",
	    n->about, outcome, (long long)n->attempts,
	    sender_answer_quote(&q, j, r->answer));
	return 0;
}

static int
send_one(const struct sender *s, struct job *j, struct notice *n)
{
	const struct sender_recipient to = { .mailbox = n->mailbox,
		.utf8_local = true,
		.expires_at = n->expires_at };
	const struct submit_result *refusal;
	struct submit_result r;
	int found;

	found = sender_recipient_check(j, &to, &refusal);
	if (found <= 0)
		return found < 0 ? -1 : finish(j, n, refusal);
	if (notice_renewal_of(n->about) != NULL) {
		found = sender_renewal_is_wanted(
		    j, notice_renewal_of(n->about), n->mailbox);
		if (found <= 0)
			return found < 0 ? -1 : finish(j, n, &not_needed);
	}
	if (n->message.n == 0 && render(s, j, n) < 0)
		return drop(j, n);
	if (submit_send(s->submit, j, recipient_base(&j->conf->sender),
		n->mailbox, n->message, &r) < 0)
		return -1;
	j->now = clock_now();
	return finish(j, n, &r);
}

int
sender_notice_step(const struct sender *s, struct job *j)
{
	struct notice n;
	int found;

	if (store_begin(j) < 0)
		return -1;
	found = store_notice_lease(j, j->now + LEASE_SECS, &n);
	if (found <= 0) {
		store_rollback(j);
		return found;
	}
	if (store_commit(j) < 0)
		return -1;
	return send_one(s, j, &n) < 0 ? -1 : 1;
}
