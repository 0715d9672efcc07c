#include "config.h"

#include "src/judgement_record.h"

#include "acme/limit.h"
#include "acme/status.h"
#include "db/store_audit.h"
#include "db/store_caa.h"
#include "db/store_notice.h"
#include "db/store_reply.h"
#include "db/store_suppressed.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "mail/status_words.h"
#include "src/conf_perspective.h"
#include "src/judgement.h"
#include "src/recipient.h"
#include "src/role_validator.h"
#include "src/worker.h"

#include <string.h>

#define SUPPRESS_SECS ((int64_t)90 * 86400)
/* How long the quorum may take at least: a round with its look-ups. */
#define HOLD_SECS_MIN 120

/* AC-189: the holder said so in an authenticated reply.  It takes nothing
 * away from a longer time that an operator entered. */
static int
suppress(struct job *j, const struct authz *a)
{
	struct suppressed s = { .mailbox = addr_counted(j, a->mailbox),
		.since = j->now,
		.until = j->now + SUPPRESS_SECS,
		.source = "reply" };

	if (store_suppressed_extend(j, &s) < 0)
		return -1;
	log_info("mailbox suppressed",
	    "order=%s next=\"its holder wants no more challenge mails; "
	    "countersign suppress --list shows which mailboxes do\"",
	    a->order_id);
	return store_audit_add(j, "validator", "mailbox suppressed",
	    arena_printf(j->arena, "mailbox:%s", s.mailbox), "ok", NULL);
}

/* An authenticated reply that is no answer, in time or not. */
static bool
is_no_answer(enum verdict v)
{
	return v == VERDICT_NO_RESPONSE || v == VERDICT_LATE ||
	       v == VERDICT_EXPIRED;
}

/*
 * CAA is looked up in the same stride, so that finalize need not wait for the
 * DNS.  Where perspectives decide, the client learns of the verdict when it
 * knows theirs: they are asked as long as the challenge lives, and one round
 * more for a reply in its last minute.
 */
static int
ask_more(struct job *j, const struct authz *a)
{
	int64_t until = a->expires_at;

	if (until < j->now + HOLD_SECS_MIN)
		until = j->now + HOLD_SECS_MIN;
	if (store_caa_request_for(j, a, j->now) < 0)
		return -1;
	return conf_corroborates(j->conf) ? store_authz_hold(j, a->id, until)
					  : 0;
}

/* To an address that notices give for bounces, now or before sender.reply_to
 * was set or taken out? */
static bool
came_to_base(const struct conf_sender *sender, const struct recipients *to)
{
	return sender->from != NULL &&
	       (recipients_have(to, sender->from) ||
		   recipients_have(to, recipient_base(sender)));
}

/*
 * A notice that has come back (PK-184, PK-185): to the address that it gave for
 * that, which everybody knows, and naming its Message-ID, which only those know
 * who saw it.  It is noted for the operator, and nothing else comes of it.
 */
static int
note_bounce(struct job *j, const struct judgement *g)
{
	const struct dsn *d = &g->reply.dsn;
	const struct recipients to = judgement_recipients(g);
	const char *about = NULL;
	int found;

	if (!d->parsed || !d->failed || d->original_message_id == NULL ||
	    !came_to_base(&j->conf->sender, &to))
		return 0;
	found = store_notice_bounced(
	    j, d->original_message_id, status_explain(j, d->status), &about);
	if (found <= 0)
		return found;
	log_info("notice bounced", "about=%s status=%s", about, d->status);
	return store_audit_add(j, "validator", "notice bounced",
	    notice_object(j, about), "ok",
	    worker_detail(j, "status", d->status));
}

int
judgement_record(struct job *j, struct judgement *g)
{
	const struct conf *conf = j->conf;
	const struct authz *a = &g->subject.authz;
	enum verdict *applied = &g->applied;
	int64_t valid_until = 0;

	if (g->has_subject)
		valid_until = authz_valid_until(
		    a, j->now, conf->authz_valid_life, conf->order_life);
	if (store_reply_record(j, &g->record, valid_until, applied) < 0)
		return -1;
	if (!g->has_subject)
		return g->reply.dsn.is_dsn ? note_bounce(j, g) : 0;
	if (*applied == VERDICT_REPEATED)
		g->record.code = REPLY_CODE_REPEATED;
	if (*applied == VERDICT_MATCH && ask_more(j, a) < 0)
		return -1;
	if ((*applied == VERDICT_MISMATCH || *applied == VERDICT_DSN_FAILED) &&
	    limits_note_failure(j, a->account_id, a->mailbox) < 0)
		return -1;
	if (is_no_answer(*applied) && g->reply.asks_to_stop &&
	    suppress(j, a) < 0)
		return -1;
	j->wake |= 1u << ROLE_SENDER; /* the order's next mail (AC-116) */
	if (*applied == VERDICT_DEFERRED)
		j->wake |= 1u << ROLE_VALIDATOR;
	return store_audit_add(j, "validator", "reply",
	    arena_printf(j->arena, "order:%s", a->order_id),
	    verdict_name(*applied), worker_detail(j, "code", g->record.code));
}

/* Two pictures of one thing: a fault of somebody's, or an attack. */
static void
alarm_of(const struct judgement *g)
{
	const char *code = g->record.code;
	bool dns = code != NULL && strcmp(code, "dns.disagreement") == 0;

	if (!dns && (code == NULL || strcmp(code, "ar.disagrees") != 0))
		return;
	log_error("reply held back",
	    "order=%s challenge=%s code=%s next=\"%s\"",
	    g->subject.authz.order_id, g->subject.authz.challenge.id, code,
	    dns ? "compare the DKIM key record at both resolvers: somebody "
		  "on the way to one of them may have changed it"
		: "look at the reply's Authentication-Results in the mailbox: "
		  "the own mail server saw another message, or one of the "
		  "two is wrong");
}

void
judgement_log(const struct judgement *g)
{
	const struct received *m = g->received;
	struct log_quoted q;

	log_quote(&q, span_str(m->source));
	if (!g->has_subject) {
		log_info("reply", "verdict=%s source=%s uid=%lld",
		    verdict_name(g->applied), q.text, (long long)m->uid);
		return;
	}
	log_info("reply",
	    "order=%s challenge=%s verdict=%s code=%s source=%s uid=%lld",
	    g->subject.authz.order_id, g->subject.authz.challenge.id,
	    verdict_name(g->applied),
	    g->record.code != NULL ? g->record.code : "-", q.text,
	    (long long)m->uid);
	alarm_of(g);
}
