#include "config.h"

#include "mail/esmtp_verdict.h"

#include <stdio.h>

/* After stdio.h, whose size_t it needs. */
#include <libesmtp.h>

#include "mail/esmtp_session.h"
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

static void
set_status(struct submit_result *out, enum submit_outcome outcome,
    const struct smtp_status *st)
{
	struct smtp_enhanced e = { st->enh_class, st->enh_subject,
		st->enh_detail };
	const char *text = st->text == NULL ? "" : st->text;

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
	else
		snprintf(text, sizeof(text),
		    "the connection ended, or nothing was answered in time");
	set_result(out, SUBMIT_TEMPORARY, "", text);
}

void
esmtp_verdict(const struct esmtp_session *x, const struct smtp_status *to,
    const struct smtp_status *message, const struct smtp_status *from,
    struct submit_result *out)
{
	if (x->moving && message->code / 100 == 2 && to->code / 100 == 2 &&
	    x->answered)
		set_status(out, SUBMIT_ACCEPTED, message);
	else if (to->code >= 400)
		set_status(out, refusal(to->code), to);
	else if (from->code >= 400)
		/* Our sender was refused: no word about the recipient, unless
		 * the message is too large for the relay. */
		set_status(out,
		    from->code == 552 ? SUBMIT_PERMANENT : SUBMIT_TEMPORARY,
		    from);
	else if (message->code >= 400)
		set_status(out, refusal(message->code), message);
	else if (x->moving)
		/* ER-10: the dot may have arrived. */
		set_result(out, SUBMIT_UNKNOWN, "",
		    x->why[0] != '\0'
			? x->why
			: "the connection ended before the relay answered "
			  "to the end of the message");
	else
		judge_unsent(x, out);
}

void
esmtp_verdict_unreached(const char *why, struct submit_result *out)
{
	set_result(out, SUBMIT_TEMPORARY, "", why);
}
