#include "config.h"

#include "mail/esmtp_verdict.h"

#include <stdio.h>
#include <string.h>

/* After stdio.h, whose size_t it needs. */
#include <libesmtp.h>

#include "lib/clock.h"
#include "mail/esmtp_session.h"
#include "mail/smtp_reply.h"
#include "mail/smtp_text.h"
#include "mail/submit.h"

static void
set_result(struct submit_result *out, enum submit_outcome outcome,
    const char *code, const char *answer)
{
	out->outcome = outcome;
	snprintf(out->code, sizeof(out->code), "%s", code);
	smtp_text_clean(out->answer, sizeof(out->answer), answer);
}

/* The text of an answer that libesmtp could not read to its end is what was
 * seen last. */
static void
set_status(const struct esmtp_session *x, struct submit_result *out,
    enum submit_outcome outcome, const struct smtp_status *st)
{
	struct smtp_enhanced e = { st->enh_class, st->enh_subject,
		st->enh_detail };
	const char *seen = x->answers.code == st->code ? x->answers.text : "";
	const char *text = st->text == NULL ? seen : st->text;

	set_result(out, outcome, "", text);
	smtp_code_format(out->code, st->code, &e, text);
}

/* The recipient's or the message's refusal; 530 and its kin say that we may
 * not send at all (RFC 4954 6), 421 that the relay is going away. */
static enum submit_outcome
refusal(int code)
{
	if (code == 530 || code == 534 || code == 535 || code == 538)
		return SUBMIT_TEMPORARY;
	return code >= 500 ? SUBMIT_PERMANENT : SUBMIT_TEMPORARY;
}

/* A relay that has refused a chunk (BDAT) says these of those that follow, and
 * libesmtp tells of the last one alone; of a message they mean nothing. */
static enum submit_outcome
message_refusal(int code)
{
	return code == 503 || code == 551 ? SUBMIT_TEMPORARY : refusal(code);
}

static bool
is_too_late(const struct esmtp_session *x)
{
	return clock_mono_ms() - x->asked_at >= x->submit->timeout_ms;
}

static const char *
words_of_silence(const struct esmtp_session *x)
{
	return is_too_late(x) ? "the relay did not answer in time"
			      : "the relay closed the connection";
}

static const char *
words_of_end(const struct esmtp_session *x)
{
	if (x->last_n > 0)
		return "the relay's answer to the end of the message cannot be "
		       "read";
	return is_too_late(x)
		   ? "the relay did not answer to the end of the message in "
		     "time"
		   : "the connection ended before the relay answered to the "
		     "end of the message";
}

bool
esmtp_verdict_is_unreadable(const struct esmtp_session *x)
{
	return !x->moving && x->why[0] == '\0' &&
	       (x->error == SMTP_ERR_INVALID_RESPONSE_SYNTAX ||
		   x->error == SMTP_ERR_STATUS_MISMATCH ||
		   x->error == SMTP_ERR_UNTERMINATED_RESPONSE);
}

static void
judge_unsent(const struct esmtp_session *x, struct submit_result *out)
{
	static const struct smtp_enhanced none;
	char text[160];
	int code = x->refused_code;

	if (x->why[0] != '\0') {
		set_result(out, SUBMIT_TEMPORARY, "", x->why);
		smtp_code_format(out->code, code, &none, x->refused_text);
		return;
	}
	if (x->answers.code >= 400) {
		set_result(out, SUBMIT_TEMPORARY, "", x->answers.text);
		smtp_code_format(
		    out->code, x->answers.code, &none, x->answers.text);
		return;
	}
	if (x->submit->client.why[0] != '\0')
		snprintf(
		    text, sizeof(text), "TLS: %.150s", x->submit->client.why);
	else if (x->error == SMTP_ERR_INVALID_RESPONSE_STATUS)
		snprintf(text, sizeof(text), "the relay answered %d %.120s",
		    x->answers.code, x->answers.text);
	else
		snprintf(text, sizeof(text), "%s",
		    esmtp_verdict_is_unreadable(x)
			? "the relay sent an answer that cannot be read"
			: words_of_silence(x));
	set_result(out, SUBMIT_TEMPORARY, "", text);
}

/* libesmtp reads answers more narrowly than RFC 5321 and RFC 2034 have them:
 * no bare code, and an enhanced one in each line. */
static bool
judge_end(const struct esmtp_session *x, struct submit_result *out)
{
	static const struct smtp_enhanced none;
	struct smtp_reply r;
	const char *why;

	if (smtp_reply_read(
		span_mem(x->last, x->last_n), &r, &why, NULL, NULL) <= 0 ||
	    r.code / 100 == 3)
		return false;
	set_result(out, r.code / 100 == 2 ? SUBMIT_ACCEPTED : refusal(r.code),
	    "", r.text);
	smtp_code_format(out->code, r.code, &none, r.text);
	return true;
}

static bool
is_refusal(const struct smtp_status *st)
{
	return st->code >= 400 && st->code < 600;
}

/* libesmtp says that the end was answered, too, where it could not read what
 * was said of a chunk (BDAT); but it keeps no text of what it did not read to
 * its end. */
static bool
is_accepted(const struct esmtp_session *x, const struct smtp_status *to,
    const struct smtp_status *message)
{
	return x->moving && x->answered && message->text != NULL &&
	       message->code / 100 == 2 && to->code / 100 == 2;
}

void
esmtp_verdict(const struct esmtp_session *x, const struct smtp_status *to,
    const struct smtp_status *message, const struct smtp_status *from,
    struct submit_result *out)
{
	if (is_accepted(x, to, message))
		set_status(x, out, SUBMIT_ACCEPTED, message);
	else if (is_refusal(to))
		set_status(x, out, refusal(to->code), to);
	else if (is_refusal(from))
		/* Our sender was refused: no word about the recipient, unless
		 * the message is too large for the relay. */
		set_status(x, out,
		    from->code == 552 ? SUBMIT_PERMANENT : SUBMIT_TEMPORARY,
		    from);
	else if (is_refusal(message))
		set_status(x, out, message_refusal(message->code), message);
	else if (!x->moving)
		judge_unsent(x, out);
	else if (to->code / 100 != 2 || !judge_end(x, out))
		/* ER-10: the dot may have arrived. */
		set_result(out, SUBMIT_UNKNOWN, "",
		    x->why[0] != '\0' ? x->why : words_of_end(x));
}

void
esmtp_verdict_unreached(const char *why, struct submit_result *out)
{
	set_result(out, SUBMIT_TEMPORARY, "", why);
}
