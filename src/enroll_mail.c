#include "config.h"

#include "src/enroll_mail.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "mail/addr_list.h"
#include "mail/dkim_verify.h"
#include "mail/field.h"
#include "mail/finding.h"
#include "mail/mime.h"

#include <string.h>

#define LABEL SPAN("ACME:")
#define TOKEN_OCTETS_MIN 16 /* 128 bits: RFC 8823 section 3 */
#define TOKEN_MAX 256
#define MESSAGE_ID_MAX 250
#define REPLY_MAX 4096

/* --- the token ----------------------------------------------------------- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the last label: a prefix of any language may stand before it, and
 * no token holds a colon. */
static bool
after_label(struct span text, struct span *rest)
{
	for (size_t i = text.n; i-- > 0;) {
		struct span here = span_from(text, i);

		if (span_casestarts(here, LABEL)) {
			*rest = span_from(here, LABEL.n);
			return true;
		}
	}
	return false;
}

static int
token_parse(struct job *j, struct span text, const char **out)
{
	struct span octets;
	struct buf b;

	buf_init(&b, j->arena, TOKEN_MAX);
	for (size_t i = 0; i < text.n; i++)
		if (!is_blank(text.p[i]))
			buf_add_char(&b, text.p[i]);
	while (b.n > 0 && b.p[b.n - 1] == '=')
		b.p[--b.n] = '\0';
	if (!buf_ok(&b) || b64url_parse(j->arena, buf_span(&b), &octets) < 0 ||
	    octets.n < TOKEN_OCTETS_MIN)
		return job_fail(j, ERR_MALFORMED,
		    "what stands behind \"ACME:\" is not a token of RFC 8823 "
		    "(letters, digits, - and _; usually 32 of them)");
	*out = b.p;
	return 0;
}

int
enroll_subject_parse(struct job *j, struct span text, const char **token_part1)
{
	struct span decoded, rest;

	text = span_trim_fws(text);
	if (mime_decode_words(j, text, &decoded) == 0)
		text = decoded;
	if (after_label(text, &rest))
		text = rest;
	return token_parse(j, text, token_part1);
}

int
enroll_field_parse(struct job *j, struct span body, const char **token_part1)
{
	struct span decoded, rest;

	if (mime_decode_words(j, body, &decoded) < 0 ||
	    !after_label(decoded, &rest))
		return job_fail(
		    j, ERR_MALFORMED, "its Subject does not say \"ACME:\"");
	return token_parse(j, rest, token_part1);
}

void
enroll_digest(struct job *j, const char *token_part1, const char *token_part2,
    const char *thumbprint, char out[ENROLL_DIGEST_LEN + 1])
{
	uint8_t sum[SHA256_LEN];

	sha256(span_str(arena_printf(
		   j->arena, "%s%s.%s", token_part1, token_part2, thumbprint)),
	    sum);
	b64url_format(out, span_mem(sum, sizeof(sum)));
}

const char *
enroll_block(struct job *j, const char *digest)
{
	return arena_printf(j->arena,
	    "-----BEGIN ACME RESPONSE-----\n%s\n"
	    "-----END ACME RESPONSE-----\n",
	    digest);
}

/* --- the challenge mail -------------------------------------------------- */

struct mail {
	struct job *j;
	struct message m;
	const struct enroll_expected *e;
};

static int
one_address(struct mail *mail, const char *name, const char **out)
{
	const struct field *f = message_field(&mail->m, name);
	struct finding finding;

	if (f == NULL || message_count(&mail->m, name) != 1 ||
	    addr_list_from(mail->j, f->body, out, &finding) < 0)
		return job_fail(mail->j, ERR_MALFORMED,
		    "it has not exactly one %s with one address", name);
	return 0;
}

/* Whether it is worth a word to the user: from where it should come, and
 * with a token in the Subject. */
static bool
is_candidate(struct mail *mail, const char **token)
{
	const struct field *subject = message_field(&mail->m, "Subject");
	struct job *j = mail->j;
	const char *from = NULL, *to = NULL;

	if (one_address(mail, "To", &to) < 0)
		job_recover(j); /* said later */
	else if (to != NULL && strcmp(to, mail->e->mailbox) != 0)
		return false; /* of another authorization of the order */
	if (subject == NULL || one_address(mail, "From", &from) < 0 ||
	    !addr_is_sender(from, mail->e->from) ||
	    enroll_field_parse(j, subject->body, token) < 0) {
		job_recover(j);
		return false;
	}
	return true;
}

/* RFC 8823 3.1 item 4, RFC 3834 5: "auto-generated", with type=acme where a
 * type is given. */
static int
check_auto_submitted(struct mail *mail)
{
	const struct field *f = message_field(&mail->m, "Auto-Submitted");
	struct mime_type parameters = { 0 };
	struct finding finding;
	struct span body, type;
	size_t end;

	if (f == NULL || message_count(&mail->m, "Auto-Submitted") != 1)
		return job_fail(mail->j, ERR_MALFORMED,
		    "it has not exactly one Auto-Submitted field");
	body = field_unfold(mail->j, f);
	end = span_find(body, 0, ';');
	if (!span_caseeq_str(
		span_trim(span_cut(body, 0, end)), "auto-generated") ||
	    mime_params_parse(
		mail->j, span_from(body, end), &parameters, &finding) < 0 ||
	    (mime_param_get(&parameters, "type", &type) == 1 &&
		!span_caseeq_str(type, "acme")))
		return job_fail(mail->j, ERR_MALFORMED,
		    "its Auto-Submitted field is not \"auto-generated; "
		    "type=acme\"");
	return 0;
}

static int
check_dkim(struct mail *mail, int64_t arrival)
{
	const struct enroll_expected *e = mail->e;
	struct dkim_policy policy = { .coverage = CONF_COVERAGE_CORE };
	struct dkim_result result;

	if (e->resolver == NULL)
		return 0;
	policy.sent_at = arrival;
	if (dkim_verify(mail->j, &mail->m, addr_domain_of(e->from), arrival,
		&policy, e->resolver, &result) < 0)
		return -1;
	if (!result.pass)
		return job_fail(mail->j, ERR_MALFORMED,
		    "no DKIM signature of %s on it verifies: %s",
		    addr_domain_of(e->from), result.finding.detail);
	return 0;
}

/* One token in angle brackets that can stand in our header as it is. */
static const char *
message_id(struct mail *mail)
{
	const struct field *f = message_field(&mail->m, "Message-ID");
	struct span id;

	if (f == NULL)
		return NULL;
	id = span_trim(field_unfold(mail->j, f));
	if (id.n < 3 || id.n > MESSAGE_ID_MAX || id.p[0] != '<' ||
	    id.p[id.n - 1] != '>')
		return NULL;
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] <= ' ' || id.p[i] >= 0x7f)
			return NULL;
	return span_dup(mail->j->arena, id);
}

static int
check(struct mail *mail, int64_t arrival, struct enroll_challenge *out)
{
	struct finding finding;
	const char *to;

	if (message_check_fields(&mail->m, &finding) < 0)
		return job_fail(mail->j, ERR_MALFORMED, "%s", finding.detail);
	if (one_address(mail, "To", &to) < 0 ||
	    check_auto_submitted(mail) < 0 || check_dkim(mail, arrival) < 0)
		return -1;
	out->reply_to = mail->e->from;
	if (message_field(&mail->m, "Reply-To") != NULL &&
	    one_address(mail, "Reply-To", &out->reply_to) < 0)
		return -1;
	out->message_id = message_id(mail);
	return 0;
}

int
enroll_mail_check(struct job *j, struct span raw, int64_t arrival,
    const struct enroll_expected *e, struct enroll_challenge *out)
{
	struct message_limits limits = { .message_max = raw.n };
	struct mail mail = { .j = j, .e = e };
	struct finding finding;

	*out = (struct enroll_challenge){ 0 };
	if (message_parse(j, raw, &limits, &mail.m, &finding) < 0 ||
	    !is_candidate(&mail, &out->token_part1))
		return 0;
	return check(&mail, arrival, out) < 0 ? -1 : 1;
}

/* --- the reply ----------------------------------------------------------- */

void
enroll_reply_format(struct job *j, const struct enroll_challenge *c,
    const char *mailbox, const char *digest, struct span *out)
{
	char date[CLOCK_RFC5322_MAX], id[RND_ID_LEN + 1];
	struct buf b;

	clock_format_rfc5322(clock_now(), date);
	rnd_id(id);
	buf_init(&b, j->arena, REPLY_MAX);
	buf_addf(&b, "From: %s\r\nTo: %s\r\n", mailbox, c->reply_to);
	buf_addf(&b, "Subject: Re: ACME: %s\r\n", c->token_part1);
	buf_addf(&b, "Date: %s\r\nMessage-ID: <%s@%s>\r\n", date, id,
	    addr_domain_of(mailbox));
	if (c->message_id != NULL)
		buf_addf(&b, "In-Reply-To: %s\r\nReferences: %s\r\n",
		    c->message_id, c->message_id);
	buf_add_str(&b, "MIME-Version: 1.0\r\n"
			"Content-Type: text/plain; charset=us-ascii\r\n"
			"Content-Transfer-Encoding: 7bit\r\n"
			"\r\n");
	buf_addf(&b,
	    "-----BEGIN ACME RESPONSE-----\r\n%s\r\n"
	    "-----END ACME RESPONSE-----\r\n",
	    digest);
	*out = buf_span(&b);
}
