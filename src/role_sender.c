#include "config.h"

#include "src/role_sender.h"

#include "acme/eab.h"
#include "acme/limit.h"
#include "acme/policy.h"
#include "acme/problem.h"
#include "acme/replaces.h"
#include "acme/request.h"
#include "db/store_audit.h"
#include "db/store_authz.h"
#include "db/store_caa_report.h"
#include "db/store_notice.h"
#include "db/store_outbox.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/log.h"
#include "mail/compose.h"
#include "mail/smime_sign.h"
#include "mail/smime_signer.h"
#include "mail/smtp_text.h"
#include "mail/texts.h"
#include "src/delivery_problem.h"
#include "src/incident_tell.h"
#include "src/relay.h"
#include "src/sender_notice.h"
#include "src/sender_renewal.h"
#include "src/sender_report.h"
#include "src/wording.h"
#include "src/worker.h"

#include <string.h>

/* How long one submission may take before another sender may try. */
#define LATE_SECS 3600 /* a mail's own wait, in an order of several */
#define LEASE_SECS 300
#define SMTP_TIMEOUT_MS 60000
/* Ended challenges are wiped in small bites (AC-113). */
#define WIPE_MAX 50

int64_t
sender_pause(int64_t attempts)
{
	int64_t pause = 60;

	for (int64_t i = 1; i < attempts && pause < 1800; i++)
		pause *= 2;
	return pause < 1800 ? pause : 1800;
}

/*
 * S/MIME comes before DKIM, which covers it (MA-103).  A mail that the
 * certificate does not stand for goes out with DKIM alone: a signature that
 * clients find wrong is worse than none, and RFC 8823 asks for one of both.
 */
static int
sign_smime(const struct sender *s, struct job *j,
    const struct sender_letter *letter, struct span *message)
{
	if (s->smime == NULL)
		return 0;
	if (smime_signer_fits(s->smime, letter->from, j->now))
		return smime_sign(j, s->smime, j->conf->sender.smime_protection,
		    *message, message);
	log_warning("mail without S/MIME signature", "%s next=\"%s\"",
	    letter->label,
	    j->now > s->smime->not_after
		? "the certificate has ended: replace it and restart"
		: "nothing: it was ordered under another sender address");
	return 0;
}

int
sender_sign(const struct sender *s, struct job *j,
    const struct sender_letter *letter, struct span plain, struct span *out)
{
	*out = plain;
	if (sign_smime(s, j, letter, out) < 0)
		return -1;
	if (s->signer_count == 0)
		return 0;
	return dkim_sign(j, *out, addr_domain_of(letter->from), s->signers,
	    s->signer_count, j->now, letter->expires_at, out);
}

/* Rendered once and kept: every attempt sends the same octets (ER-10). */
static int
render(const struct sender *s, struct job *j, struct outbox_mail *mail)
{
	const struct conf *conf = j->conf;
	struct compose_input in = {
		.ca_name = conf->ca_name,
		.mailbox = mail->mailbox,
		.from = mail->from,
		.reply_to = mail->reply_to,
		.message_id = mail->message_id,
		.token_part1 = mail->token_part1,
		.language = mail->language,
		.default_language = s->texts != NULL
					? s->texts->default_language
					: conf->sender.default_language,
		.texts = s->texts,
		.help_url = conf->sender.help_url,
		.date = j->now,
		.expires_at = mail->expires_at,
	};
	const struct sender_letter letter = { .from = mail->from,
		.label = arena_printf(j->arena, "order=%s challenge=%s",
		    mail->order_id, mail->challenge_id),
		.expires_at = mail->expires_at };
	struct span plain;

	if (compose_challenge(j, &in, &plain) < 0 ||
	    sender_sign(s, j, &letter, plain, &mail->message) < 0)
		return -1;
	if (store_begin(j) < 0 ||
	    store_outbox_spool(j, mail->challenge_id, mail->message) < 0)
		return worker_undo(j);
	return store_commit(j);
}

const char *
sender_outcome_name(enum submit_outcome outcome)
{
	switch (outcome) {
	case SUBMIT_ACCEPTED:
		return "accepted";
	case SUBMIT_TEMPORARY:
		return "temporary failure";
	case SUBMIT_PERMANENT:
		return "permanent failure";
	case SUBMIT_UNKNOWN:
		return "broken off after the data";
	case SUBMIT_CUT_OFF:
		return "cut off by the stop";
	}
	return "";
}

/* `refusal`: what the client is told of an end that is ours, or NULL. */
static int
record_outcome(struct job *j, const struct outbox_mail *mail,
    const struct submit_result *r, const char *refusal)
{
	const char *id = mail->challenge_id;

	switch (r->outcome) {
	case SUBMIT_ACCEPTED:
		return store_outbox_sent(
		    j, id, r->answer, j->conf->challenge_mail_gap);
	case SUBMIT_PERMANENT:
		if (refusal == NULL)
			refusal = delivery_failed(
			    j, mail->mailbox, r->code, r->reason);
		if (store_outbox_failed(j, id, r->answer, refusal) < 0)
			return -1;
		return limits_note_failure(j, mail->account_id, mail->mailbox);
	case SUBMIT_TEMPORARY:
	case SUBMIT_UNKNOWN:
		return store_outbox_retry(j, id,
		    j->now + sender_pause(mail->attempts),
		    r->code[0] != '\0' ? r->code : r->answer,
		    delivery_delayed(j, r->code, r->reason));
	case SUBMIT_CUT_OFF:
		return store_outbox_give_back(j, id);
	}
	return -1;
}

/* The client or the operator has ended the authorization since the mail was
 * leased (AC-105): there is nothing to send any more. */
static int
drop(struct job *j, const struct outbox_mail *mail)
{
	store_rollback(j);
	if (j->err.kind != ERR_CONFLICT)
		return -1;
	job_recover(j);
	log_info("challenge mail dropped", "order=%s challenge=%s",
	    mail->order_id, mail->challenge_id);
	return 0;
}

/* Up to a blank, or what encloses addresses. */
static struct span
next_word(struct span text)
{
	size_t n = 0;

	while (n < text.n && strchr(" \t<>()[],;:\"'", text.p[n]) == NULL)
		n++;
	return span_cut(text, 0, n);
}

const char *
sender_answer_quote(struct log_quoted *q, struct job *j, const char *answer)
{
	struct span rest = span_str(answer);
	struct buf b;

	buf_init(&b, j->arena, (sizeof("(mailbox)") * (rest.n + 1)));
	while (rest.n > 0) {
		struct span word = next_word(rest);

		if (span_find(word, 0, '@') < word.n)
			buf_add_str(&b, "(mailbox)");
		else
			buf_add(&b, word);
		if (word.n < rest.n)
			buf_add_char(&b, rest.p[word.n]);
		rest = span_from(rest, word.n + 1);
	}
	return log_quote(q, buf_span(&b));
}

/* A relay that answers may have its reasons.  One that does not is a person's
 * to mend, and so is one that refuses us rather than the mailbox: our login,
 * our sender address, our host. */
static bool
is_for_a_person(const struct submit_result *r)
{
	return r->outcome == SUBMIT_TEMPORARY &&
	       (r->code[0] == '\0' || r->code[0] == '5');
}

static int
finish(struct job *j, const struct outbox_mail *mail,
    const struct submit_result *r, const char *refusal)
{
	struct log_quoted q;
	const char *object = arena_printf(j->arena, "order:%s", mail->order_id);

	if (store_begin(j) < 0)
		return -1;
	if (record_outcome(j, mail, r, refusal) < 0)
		return r->outcome == SUBMIT_ACCEPTED ? worker_undo(j)
						     : drop(j, mail);
	/* No attempt, so there is nothing to tell of it. */
	if (r->outcome != SUBMIT_CUT_OFF &&
	    store_audit_add(j, "sender", "challenge mail", object,
		sender_outcome_name(r->outcome),
		worker_detail(j, "answer", r->answer)) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	log_line(is_for_a_person(r) ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
	    "challenge mail",
	    "order=%s challenge=%s result=\"%s\" "
	    "attempt=%lld code=\"%s\" answer=%s%s",
	    mail->order_id, mail->challenge_id, sender_outcome_name(r->outcome),
	    (long long)mail->attempts, r->code,
	    sender_answer_quote(&q, j, r->answer),
	    is_for_a_person(r)
		? " next=\"see why the relay cannot be used, as "
		  "countersign check does; the mail is tried again\""
		: "");
	return 0;
}

/* The account's own list may say no as well (AC-78).  *refusal: the problem
 * that says so, or NULL. */
static int
find_refusal(
    struct job *j, const struct outbox_mail *mail, const char **refusal)
{
	struct addr_policy policy = policy_addr(j->conf);
	struct account_rights rights;
	struct addr addr;

	*refusal = NULL;
	if (eab_rights_of(j, mail->eab_kid, &rights) < 0)
		return -1;
	if (addr_parse(j, span_str(mail->mailbox), &policy, &addr) == 0 &&
	    policy_check(j, j->conf, rights.allow, &addr) == 0)
		return 0;
	if (!err_is_theirs(j->err.kind))
		return -1;
	*refusal = problem_format(j, j->err.kind, j->err.text);
	job_recover(j);
	return 0;
}

/* The lists may have changed since the order came (ER-13). */
static int
refuse_if_denied(struct job *j, const struct outbox_mail *mail, bool *denied)
{
	static const struct submit_result r = { .outcome = SUBMIT_PERMANENT,
		.answer = "refused by this server's policy" };
	const char *refusal;

	if (find_refusal(j, mail, &refusal) < 0)
		return -1;
	*denied = refusal != NULL;
	return *denied ? finish(j, mail, &r, refusal) : 0;
}

static int
put_back(struct job *j, const struct outbox_mail *mail, int64_t secs)
{
	static const char code[] = "limits.mails_to_mailbox";

	if (store_begin(j) < 0 ||
	    store_outbox_retry(j, mail->challenge_id, j->now + secs, code,
		delivery_delayed(j, "", "too many mails to this mailbox")) < 0)
		return worker_undo(j);
	log_info("challenge mail held back",
	    "order=%s challenge=%s seconds=%lld", mail->order_id,
	    mail->challenge_id, (long long)secs);
	return store_commit(j);
}

/*
 * A mail that waited for the one before it in its order (AC-116) may leave a
 * day after it was asked for; its budget was that day's.  So it counts once
 * more when it is to leave late, or mails could be saved up (AC-189).
 * *waits: it was put back.
 */
static int
count_late(struct job *j, const struct outbox_mail *mail, bool *waits)
{
	struct response resp = { .status = 0 };
	struct account_rights rights;
	struct limits l;
	int is_free;

	*waits = false;
	if (mail->message.n > 0 || j->now < mail->created_at + LATE_SECS)
		return 0;
	is_free = replaces_mail_was_free(j, mail->order_id, mail->mailbox);
	if (is_free != 0)
		return is_free < 0 ? -1 : 0;
	if (eab_rights_of(j, mail->eab_kid, &rights) < 0 || store_begin(j) < 0)
		return -1;
	limits_init(
	    &l, j, limits_of_account(j, &j->conf->limits, rights.limits));
	limits_add_mailbox(&l, mail->account_id, mail->mailbox);
	if (limits_take(&l, &resp) == 0)
		return store_commit(j);
	store_rollback(j);
	if (j->err.kind != ERR_RATE_LIMITED)
		return -1;
	job_recover(j);
	*waits = true;
	return put_back(j, mail, resp.problem->retry_after);
}

static int
send_one(const struct sender *s, struct job *j, struct outbox_mail *mail)
{
	struct submit_result r;
	bool denied, waits;
	int open;

	if (refuse_if_denied(j, mail, &denied) < 0)
		return -1;
	if (denied)
		return 0;
	if (count_late(j, mail, &waits) < 0)
		return -1;
	if (waits)
		return 0;
	if (mail->message.n == 0 && render(s, j, mail) < 0)
		return drop(j, mail);
	/* The account or the authorization may have ended just now (AC-73). */
	open = store_outbox_is_open(j, mail->challenge_id);
	if (open == 0)
		job_fail(
		    j, ERR_CONFLICT, "outbox %s: ended", mail->challenge_id);
	if (open <= 0)
		return drop(j, mail);
	if (submit_send(s->submit, j,
		mail->reply_to != NULL ? mail->reply_to : mail->from,
		mail->mailbox, mail->message, &r) < 0)
		return -1;
	j->now = clock_now();
	/* A relay that quotes the Subject must not bring token-part1 into the
	 * log or the audit (ER-6). */
	smtp_text_hide_token(r.answer, mail->token_part1);
	return finish(j, mail, &r, NULL);
}

static int
wipe_ended(struct job *j, size_t *count)
{
	if (store_begin(j) < 0 ||
	    store_challenge_wipe_expired(j, j->now, WIPE_MAX, count) < 0)
		return worker_undo(j);
	return store_commit(j);
}

int
sender_step(void *ctx, struct job *j)
{
	const struct sender *s = ctx;
	struct outbox_mail mail;
	size_t wiped = 0;
	int found;

	if (store_begin(j) < 0)
		return -1;
	found = store_outbox_lease(j, j->now + LEASE_SECS, &mail);
	if (found <= 0) {
		store_rollback(j);
		if (found < 0)
			return -1;
		/* Somebody waits for a challenge mail, so it goes first. */
		found = incident_tell_step(j);
		if (found == 0)
			found = sender_notice_step(s, j);
		if (found == 0)
			found = sender_report_step(s, j);
		if (found == 0)
			found = sender_renewal_step(j);
		if (found != 0)
			return found;
		submit_idle(s->submit);
		if (wipe_ended(j, &wiped) < 0)
			return -1;
		return wiped > 0;
	}
	if (store_commit(j) < 0)
		return -1;
	return send_one(s, j, &mail) < 0 ? -1 : 1;
}

int
sender_next_due(void *ctx, struct job *j, int64_t *at)
{
	static int (*const queues[])(struct job *, int64_t *) = {
		store_outbox_next_due, incident_tell_due, store_notice_next_due,
		store_caa_report_next_due, sender_renewal_next_due
	};
	int any = 0;

	(void)ctx;
	for (size_t i = 0; i < COUNT(queues); i++) {
		int64_t next = 0;
		int found = queues[i](j, &next);

		if (found < 0)
			return -1;
		if (found > 0 && (!any || next < *at))
			*at = next;
		any |= found;
	}
	return any;
}

static int
load_signer(struct job *j, struct role_env *env, struct sender *s,
    const char *file, const char *selector)
{
	if (file == NULL)
		return 0;
	if (dkim_signer_load(
		j, env->keep, file, selector, &s->signers[s->signer_count]) < 0)
		return -1;
	s->signer_count++;
	return 0;
}

static int
load_smime(struct job *j, struct role_env *env, struct sender *s)
{
	const struct conf_sender *c = &j->conf->sender;
	struct smime_files files = { c->smime_certificate, c->smime_key };
	char until[CLOCK_RFC3339_MAX];

	if (files.certificate == NULL)
		return 0;
	if (smime_signer_load(j, env->keep, &files, c->from, &s->smime) < 0)
		return -1;
	if (smime_signer_ends_soon(s->smime, j->now)) {
		clock_format_rfc3339(s->smime->not_after, until);
		log_warning("S/MIME certificate ends soon",
		    "file=%s at=%s next=\"replace it and restart\"",
		    files.certificate, until);
	}
	return 0;
}

/* Reads this role's secrets while it still may. */
static int
sender_open(struct job *j, struct role_env *env)
{
	const struct conf_sender *c = &j->conf->sender;
	struct sender *s = arena_alloc(env->keep, sizeof(*s));

	if (load_signer(j, env, s, c->dkim_rsa_key, c->dkim_rsa_selector) < 0 ||
	    load_signer(
		j, env, s, c->dkim_ed25519_key, c->dkim_ed25519_selector) < 0 ||
	    load_smime(j, env, s) < 0 ||
	    relay_new(j, c, SMTP_TIMEOUT_MS, &s->submit) < 0)
		return -1;
	env->role = s;
	return 0;
}

static int
load_texts(
    const struct conf *conf, struct texts **challenge, struct texts **renewal)
{
	if (wording_load(
		conf, TEXTS_CHALLENGE, conf_report_log, NULL, challenge) < 0)
		return -1;
	if (wording_load(conf, TEXTS_RENEWAL, conf_report_log, NULL, renewal) ==
	    0)
		return 0;
	texts_free(*challenge);
	return -1;
}

/* Those that are in use stay if the new ones have a mistake. */
static void
sender_reloaded(struct role_env *env)
{
	struct sender *s = env->role;
	struct texts *fresh = NULL, *fresh_renewal = NULL;

	if (load_texts(env->conf, &fresh, &fresh_renewal) < 0) {
		log_error("texts of the mail not reloaded",
		    "next=\"mend the files and send SIGHUP again; the old "
		    "texts stay in use; countersign mail preview shows the "
		    "new ones\"");
		return;
	}
	texts_free(s->texts);
	texts_free(s->renewal_texts);
	s->texts = fresh;
	s->renewal_texts = fresh_renewal;
}

static int
sender_run(struct role_env *env)
{
	struct sender *s = env->role;

	if (load_texts(env->conf, &s->texts, &s->renewal_texts) < 0)
		return -1;
	env->reloaded = sender_reloaded;
	return worker_loop(env, ROLE_SENDER, sender_step, sender_next_due);
}

static void
sender_close(struct role_env *env)
{
	struct sender *s = env->role;

	texts_free(s->texts);
	texts_free(s->renewal_texts);
	submit_free(s->submit);
}

static int
sender_recover(struct job *j)
{
	return store_outbox_recover(j) < 0 || store_notice_recover(j) < 0
		   ? -1
		   : store_caa_report_recover(j);
}

const struct role_ops sender_ops = { ROLE_SENDER, sender_open, sender_recover,
	sender_run, sender_close };
