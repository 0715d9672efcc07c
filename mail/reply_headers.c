#include "config.h"

#include "mail/reply_headers.h"

#include <string.h>

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "mail/addr_list.h"
#include "mail/bounce.h"
#include "mail/cfws.h"
#include "mail/iso_2022_jp.h"
#include "mail/mime.h"
#include "mail/reply_via.h"

#define TOKEN_CHARS 32 /* ER-5 */
#define TO_MAX 100
#define PASSED_ON_MAX 100

/* The text after the last label: a prefix may itself hold one (ER-23). */
static bool
after_label(struct span subject, struct span *out)
{
	const struct span label = SPAN("ACME:");
	size_t at = 0, hit;
	bool found = false;

	while ((hit = span_find_span(subject, at, label)) < subject.n) {
		at = hit + label.n;
		found = true;
	}
	*out = span_from(subject, at);
	return found;
}

/*
 * Without white space, what nobody sees, and the "=" at the end: 0, or -1 if
 * it is not a token-part1.  Gateways and ticket systems put marks in brackets
 * behind a Subject ("[SEC=OFFICIAL]"); no token holds a bracket.
 */
static int
read_token(struct span text, char token[TOKEN_CHARS])
{
	size_t at = 0, n = 0, padding = 0;
	bool after_blank = false;
	uint32_t c;

	while (at < text.n) {
		if (utf8_next(text, &at, &c) != 1)
			return -1;
		if (n == TOKEN_CHARS && after_blank && (c == '[' || c == '('))
			break;
		after_blank = c == ' ' || c == '\t';
		if (c == '\t' || utf8_is_invisible(c))
			continue;
		if (c == '=') {
			padding++;
			continue;
		}
		if (n == TOKEN_CHARS || padding > 0 || c >= 0x80)
			return -1;
		token[n++] = (char)c;
	}
	return n == TOKEN_CHARS && b64url_is_alphabet(span_mem(token, n)) ? 0
									  : -1;
}

/* ER-23: the token behind the label: 0, or -1. */
static int
find_token(struct span subject, char token[TOKEN_CHARS])
{
	struct span rest;

	return after_label(subject, &rest) ? read_token(rest, token) : -1;
}

/* Are all encoded words in charsets in which ASCII is what it is? */
static bool
holds_ascii(struct span subject)
{
	static const char *const charsets[] = { "us-ascii", "utf-8",
		"iso-8859-", "windows-", "koi8-", "gb", "big5", "euc-",
		"shift_jis", "ks_c_5601" };
	size_t at = 0, i;
	struct span name;

	while ((at = span_find_span(subject, at, SPAN("=?"))) < subject.n) {
		at += 2;
		name = span_from(subject, at);
		if (span_starts(name, SPAN("="))) /* the end of base64 */
			continue;
		for (i = 0; i < COUNT(charsets); i++)
			if (span_casestarts(name, span_str(charsets[i])))
				break;
		if (i == COUNT(charsets))
			return false;
	}
	return true;
}

/*
 * Outlook and Notes encode a Subject as a whole where something before the
 * label is not ASCII ("Réf. : ", a gateway's mark), in the charset of their
 * language.  Label and token have the same octets there, and only who has read
 * the challenge mail can write the token in any (decision 0063).
 */
static int
find_in_octets(struct job *j, struct span body, char token[TOKEN_CHARS])
{
	struct span octets = mime_undo_words(j, body);

	/* Without its letters, the same holds for what Japanese programs write
	 * (decision 0065). */
	if (iso_2022_jp_is_all(body))
		octets = iso_2022_jp_strip(j, octets);
	else if (!holds_ascii(body))
		return -1;
	return find_token(octets, token);
}

int
reply_headers_token(struct job *j, const struct message *m, struct span *part1,
    uint8_t part1_hash[SHA256_LEN])
{
	const struct field *x = message_field(m, "Subject");
	char *token = arena_alloc_secret(j->arena, TOKEN_CHARS);
	struct span subject;

	if (x == NULL || message_count(m, "Subject") != 1)
		return 0;
	if ((mime_decode_words(j, x->body, &subject) < 0 ||
		find_token(subject, token) < 0) &&
	    find_in_octets(j, x->body, token) < 0)
		return 0;
	*part1 = span_mem(token, TOKEN_CHARS);
	sha256(*part1, part1_hash);
	return 1;
}

/* --- what must not be there ---------------------------------------------- */

static bool
is_one_of(struct span value, const char *const *list)
{
	for (; *list != NULL; list++)
		if (span_caseeq_str(value, *list))
			return true;
	return false;
}

int
reply_headers_list(const struct message *m, struct finding *f)
{
	static const char *const names[] = { "Mailing-List", "X-Mailing-List",
		NULL };
	const struct field *x;
	size_t i;

	for (i = 0; i < m->field_count; i++) {
		x = &m->fields[i];
		if (span_casestarts(x->name, SPAN("List-")) ||
		    is_one_of(x->name, names))
			return finding_set(f, FINDING_REFUSE, "hdr.list",
			    "the message came through a mailing list: a reply "
			    "must come straight from the mailbox");
		if (span_caseeq_str(x->name, "Precedence") &&
		    span_caseeq_str(span_trim_fws(x->body), "list"))
			return finding_set(f, FINDING_REFUSE, "hdr.list",
			    "Precedence says that the message came through a "
			    "mailing list: a reply must come straight from "
			    "the mailbox");
	}
	return 0;
}

int
reply_headers_resent(const struct message *m, struct finding *f)
{
	size_t i;

	for (i = 0; i < m->field_count; i++)
		if (span_casestarts(m->fields[i].name, SPAN("Resent-")))
			return finding_set(f, FINDING_REFUSE, "hdr.resent",
			    "the message was resent: a reply must come "
			    "straight from the mailbox");
	return 0;
}

/* RFC 3834 section 5: a keyword and parameters. */
static bool
is_by_hand(struct job *j, const struct field *x)
{
	struct mime_type t;
	struct finding ignored;
	struct span value;
	size_t end = span_find(x->body, 0, ';');

	if (mime_params_parse(j, span_from(x->body, end), &t, &ignored) < 0)
		return false;
	if (span_caseeq_str(span_trim_fws(span_cut(x->body, 0, end)), "no"))
		return true;
	return mime_param_get(&t, "type", &value) &&
	       span_caseeq_str(value, "acme");
}

static bool
is_null_sender(struct span body)
{
	return span_eq_str(span_trim_fws(body), "<>");
}

/* MA-48, and what other responders, Exchange, and ticket systems write, of
 * which not all say Auto-Submitted (decision 0054). */
static const char *const machines[] = { "X-Autoreply", "X-Autorespond",
	"X-Auto-Reply", "X-Autoreply-From", "X-Mail-Autoreply",
	"X-Autogenerated", "X-FC-MachineGenerated", "X-OTRS-Loop",
	"X-RT-Loop-Prevention", "X-MS-Exchange-Generated-Message-Source",
	NULL };

static const char *
automatic_why(struct job *j, const struct field *x)
{
	static const char *const precedences[] = { "bulk", "junk", "auto_reply",
		"auto-reply", NULL };
	static const char *const precedence_names[] = { "Precedence",
		"X-Precedence", NULL };

	if (span_caseeq_str(x->name, "Auto-Submitted") && !is_by_hand(j, x))
		return "Auto-Submitted says so";
	if (is_one_of(x->name, precedence_names) &&
	    is_one_of(span_trim_fws(x->body), precedences))
		return "Precedence says so";
	if (is_one_of(x->name, machines))
		return "a field of automatic replies";
	if (span_caseeq_str(x->name, "Return-Path") && is_null_sender(x->body))
		return "no envelope sender";
	return NULL;
}

int
reply_headers_automatic(
    struct job *j, const struct message *m, struct finding *f)
{
	const char *why = NULL;
	size_t i;

	for (i = 0; i < m->field_count && why == NULL; i++)
		why = automatic_why(j, &m->fields[i]);
	if (why == NULL && bounce_is_report(j, m))
		why = "multipart/report";
	if (why == NULL)
		return 0;
	return finding_set(f, FINDING_REFUSE, "hdr.automatic",
	    "an automatic message: %s. A response is sent by hand, or says "
	    "Auto-Submitted: auto-replied; type=acme",
	    why);
}

/* --- who and to whom ----------------------------------------------------- */

int
reply_headers_from(struct job *j, const struct message *m, const char *mailbox,
    const char **from, struct finding *f)
{
	const struct field *x = message_field(m, "From");

	if (x == NULL)
		return finding_set(
		    f, FINDING_REFUSE, "hdr.missing", "no From field");
	if (addr_list_from(j, x->body, from, f) < 0)
		return -1;
	if (!addr_is_sender(*from, mailbox))
		return finding_set(f, FINDING_REFUSE, "hdr.from-mismatch",
		    "the reply came from another address than the mailbox that "
		    "was asked");
	if (reply_via_list(j, x->body, *from))
		return finding_set(f, FINDING_REFUSE, "hdr.list",
		    "the name in From says that somebody wrote by way of a "
		    "list (\"via\", \"on behalf of\"): a reply must come "
		    "straight from the mailbox, under a name of its own");
	return 0;
}

/* One word at a time: some of these fields hold several addresses with blanks
 * between them.  More words than so many are nobody's but who hides one there:
 * Exchange puts its field below those of the sender. */
static bool
names_mailbox(struct job *j, struct addr_list *l, struct span body,
    const char *mailbox, size_t *words)
{
	size_t at = 0, from;

	while (at < body.n && *words < PASSED_ON_MAX) {
		from = at;
		while (at < body.n && strchr(" \t\r\n,;", body.p[at]) == NULL)
			at++;
		if (at++ == from)
			continue;
		(void)addr_list_add(j, l, span_cut(body, from, at - 1));
		++*words;
	}
	return *words == PASSED_ON_MAX || addr_list_has(l, mailbox);
}

/*
 * What was delivered to the mailbox before it came here was passed on there,
 * by a rule, a list or an alias, whoever wrote it; and what leaves a mail
 * system by itself its domain often signs (decision 0061).  Above the signature
 * stands what this side's servers write, who may deliver to the same mailbox.
 */
int
reply_headers_passed_on(struct job *j, const struct message *m,
    const struct field *signature, const char *mailbox, struct finding *f)
{
	static const char *const names[] = { "Delivered-To", "X-Original-To",
		"Envelope-To", "X-Envelope-To", "X-Sieve-Redirected-From",
		"X-Forwarded-For", "X-Loop", "X-MS-Exchange-Inbox-Rules-Loop",
		"X-MS-Exchange-ForwardingLoop", NULL };
	const struct field *x = signature + 1;
	struct addr_list l;
	size_t words = 0;

	addr_list_init(j, &l, PASSED_ON_MAX);
	for (; x < m->fields + m->field_count; x++)
		if (is_one_of(x->name, names) &&
		    names_mailbox(j, &l, x->body, mailbox, &words))
			return finding_set(f, FINDING_REFUSE, "hdr.automatic",
			    "an automatic message: %.*s says that it was "
			    "delivered to the mailbox, and passed on from "
			    "there. A response is sent from the mailbox by "
			    "hand, or by an ACME program",
			    (int)x->name.n, x->name.p);
	return 0;
}

int
reply_headers_to(struct job *j, const struct message *m, const char *answer_to,
    struct finding *f)
{
	const struct field *x = message_field(m, "To");
	struct addr_list to;

	addr_list_init(j, &to, TO_MAX);
	if (x != NULL && addr_list_add(j, &to, x->body) == 0 &&
	    addr_list_has(&to, answer_to))
		return 0;
	return finding_set(f, FINDING_REFUSE, "hdr.to-mismatch",
	    "To is not the address that the challenge mail came from, or its "
	    "Reply-To where it has one: reply to that mail itself");
}

/*
 * The one Message-ID of the field.  mailutils and other old programs write
 * words before it ("Your message of Mon, 2 Mar 2026 …", obs-in-reply-to of RFC
 * 5322), Gnus and Rmail a comment behind it ("(Alice's message of "Mon, 2 Mar
 * 2026 …")"); what could hide another id, or this one, is not among them.
 */
static struct span
only_id(struct span body)
{
	size_t from, to, end, i;

	body = span_trim_fws(body);
	from = span_find(body, 0, '<');
	end = to = span_find(body, from, '>') + 1;
	for (i = 0; i < from; i++)
		if (strchr("\"()>\\[]@", body.p[i]) != NULL)
			return body;
	if (to > body.n || cfws_skip(body, &end) < 0 || end < body.n ||
	    span_find(body, to, '<') < body.n)
		return body;
	return span_cut(body, from, to);
}

int
reply_headers_in_reply_to(
    const struct message *m, const char *message_id, struct finding *f)
{
	const struct field *x = message_field(m, "In-Reply-To");

	/* Absent is accepted (ER-25): clients in use write none. */
	if (x == NULL || span_eq_str(only_id(x->body), message_id))
		return 0;
	return finding_set(f, FINDING_REFUSE, "hdr.in-reply-to",
	    "In-Reply-To is not the challenge mail's Message-ID: reply to "
	    "that mail itself, not to another one");
}
