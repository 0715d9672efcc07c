#include "config.h"

#include "mail/bounce.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "mail/mime_part.h"
#include "mail/status_words.h"

#define MESSAGE_ID_MAX 998
#define RETURNED_HEADER_MAX (128 * 1024)

static bool
read_root_type(struct job *j, const struct message *m, struct mime_type *out)
{
	const struct field *x = message_field(m, "Content-Type");
	struct finding ignored;

	return x != NULL && mime_type_parse(j, x->body, out, &ignored) == 0;
}

bool
bounce_is_report(struct job *j, const struct message *m)
{
	struct mime_type t;

	return read_root_type(j, m, &t) && span_eq_str(t.type, "multipart") &&
	       span_eq_str(t.subtype, "report");
}

static bool
is_delivery_report(struct job *j, const struct message *m)
{
	struct mime_type t;
	struct span kind;

	return bounce_is_report(j, m) && read_root_type(j, m, &t) &&
	       mime_param_get(&t, "report-type", &kind) &&
	       span_caseeq_str(kind, "delivery-status");
}

static bool
is_status_part(const struct mime_part *p)
{
	return mime_part_is(p, "message", "delivery-status") ||
	       mime_part_is(p, "message", "global-delivery-status");
}

static bool
is_returned_part(const struct mime_part *p)
{
	return mime_part_is(p, "message", "rfc822") ||
	       mime_part_is(p, "message", "global") ||
	       mime_part_is(p, "message", "global-headers") ||
	       mime_part_is(p, "text", "rfc822-headers");
}

/*
 * OpenSMTPD calls its reports multipart/mixed.  A reply of this shape is none
 * (MA-55: a message in it), so nothing is lost by looking for it.
 */
static bool
is_mixed_report(struct job *j, const struct message *m)
{
	struct mime_type t;
	struct mime_part root;
	struct finding ignored;

	return read_root_type(j, m, &t) && span_eq_str(t.type, "multipart") &&
	       span_eq_str(t.subtype, "mixed") &&
	       mime_part_parse(j, m, &root, &ignored) == 0 &&
	       root.part_count == 3 &&
	       mime_part_is(&root.parts[0], "text", "plain") &&
	       is_status_part(&root.parts[1]) &&
	       is_returned_part(&root.parts[2]);
}

/* --- what it says -------------------------------------------------------- */

/* digit "." 1*3digit "." 1*3digit (RFC 3463 section 2). */
static bool
is_status(struct span s)
{
	size_t i, digits = 0, dots = 0;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '.') {
			if (digits == 0 || ++dots > 2)
				return false;
			digits = 0;
		} else if (!ascii_is_digit(s.p[i]) || ++digits > 3) {
			return false;
		}
	}
	return dots == 2 && digits > 0 && s.p[1] == '.' &&
	       (s.p[0] == '2' || s.p[0] == '4' || s.p[0] == '5');
}

/* The one field of that name in a group of fields: 1, or 0. */
static int
one_value(const struct field *fields, size_t count, const char *name,
    struct span *out)
{
	const struct field *x = field_find(fields, count, name);

	if (x == NULL || field_count(fields, count, span_str(name)) != 1)
		return 0;
	*out = span_trim_fws(x->body);
	return out->n > 0;
}

/* Up to the first blank or comment: some systems put words after a status, as
 * RFC 3464 section 2.3.4 allows, or after an action. */
static struct span
first_word(struct span s)
{
	size_t n = 0;

	while (n < s.n && strchr(" \t\r\n(", s.p[n]) == NULL)
		n++;
	return span_cut(s, 0, n);
}

/* Refused for now until the time was over, and why: no "4.0.…" says that. */
static bool
is_given_up(struct span diagnostic, struct span status)
{
	return diagnostic.p[0] == '4' && status.p[0] == '4' &&
	       !span_starts(status, SPAN("4.0."));
}

/*
 * "5.0.0" is what several systems write whatever happened (RFC 3463 2.: no
 * more is known); the relay's answer then has the code, and with the same
 * first digit it says the same: "smtp; 550 5.1.1 …".  Exim writes 5.0.0 also
 * when it gives up: "smtp; 452 4.2.2 … retry timeout exceeded".
 */
static struct span
better_status(const struct field *fields, size_t count, struct span status)
{
	struct span diagnostic, word;
	size_t i = 0;

	if (status.n != 5 || memcmp(status.p + 1, ".0.0", 4) != 0 ||
	    !one_value(fields, count, "Diagnostic-Code", &diagnostic) ||
	    !span_casestarts(diagnostic, SPAN("smtp;")))
		return status;
	diagnostic = span_trim_fws(span_from(diagnostic, 5));
	while (i < diagnostic.n && ascii_is_digit(diagnostic.p[i]))
		i++;
	if (i != 3 || i == diagnostic.n ||
	    strchr(" -\t\r\n", diagnostic.p[i]) == NULL)
		return status;
	word = first_word(span_trim_fws(span_from(diagnostic, i + 1)));
	return is_status(word) && (word.p[0] == status.p[0] ||
				      is_given_up(diagnostic, word))
		   ? word
		   : status;
}

/* What an address begins with, without its type, as far as it names a mailbox:
 * no domain, which a system may write in another form, and no "+detail". */
static struct span
mailbox_name(struct span value)
{
	size_t type = span_find(value, 0, ';'), end;

	value = span_trim_fws(span_from(value, type < value.n ? type + 1 : 0));
	if (value.n > 0 && value.p[0] == '<')
		value = span_from(value, 1);
	end = span_find(value, 0, '@');
	return span_cut(value, 0, span_find(span_cut(value, 0, end), 0, '+'));
}

/* Written in one way only: not so with quotes, escapes, or other letters. */
static bool
is_plain(struct span name)
{
	size_t i;

	for (i = 0; i < name.n; i++)
		if (!ascii_is_alnum(name.p[i]) &&
		    strchr("!#$%&'*-/?^_`{|}~.", name.p[i]) == NULL)
			return false;
	return name.n > 0;
}

/*
 * Where the mailbox is an alias, or a list, a report is about one of those that
 * it stands for; others may have the mail (decision 61).
 */
static bool
is_passed_on(const struct field *fields, size_t count, struct span recipient)
{
	struct span original, name = mailbox_name(recipient);

	if (!one_value(fields, count, "Original-Recipient", &original))
		return false;
	original = mailbox_name(original);
	return is_plain(original) && is_plain(name) &&
	       !span_caseeq(original, name);
}

/* What the groups about the recipients have said so far. */
struct actions {
	bool failed, passed_on, delayed, other;
};

/* The first one is kept, and that of the mailbox itself before that of another
 * which it passes its mail on to. */
static void
keep_status(struct dsn *out, struct span status, bool comes_first)
{
	if (out->status[0] != '\0' && !comes_first)
		return;
	memset(out->status, 0, sizeof(out->status));
	memcpy(out->status, status.p, status.n);
}

/* The fields about one recipient (RFC 3464 section 2.3): 0 or -1. */
static int
read_recipient(const struct field *fields, size_t count, struct actions *said,
    struct dsn *out)
{
	static const char *const other[] = { "delivered", "relayed",
		"expanded" };
	struct span recipient, action, status;
	bool is_first = false;
	size_t i;

	if (!one_value(fields, count, "Final-Recipient", &recipient) ||
	    !one_value(fields, count, "Action", &action) ||
	    !one_value(fields, count, "Status", &status))
		return -1;
	status = first_word(status);
	action = first_word(action);
	if (!is_status(status))
		return -1;
	for (i = 0; i < 3; i++) {
		if (span_caseeq_str(action, other[i])) {
			said->other = true;
			return 0;
		}
	}
	if (status.p[0] == '2') /* contradicts itself */
		return -1;
	if (span_caseeq_str(action, "delayed"))
		said->delayed = true;
	else if (!span_caseeq_str(action, "failed"))
		return -1;
	else if (is_passed_on(fields, count, recipient)) {
		said->passed_on = true;
	} else {
		is_first = !said->failed;
		said->failed = true;
	}
	keep_status(out, better_status(fields, count, status), is_first);
	return 0;
}

/*
 * The mail had one recipient.  Where one of those that became of it has failed
 * and another has got it, or will, nothing is known that could be acted on.
 */
static int
conclude(const struct actions *said, struct dsn *out)
{
	if ((said->failed || said->passed_on) && said->delayed)
		return -1;
	out->failed = said->failed && !said->other;
	out->passed_on = said->passed_on && !said->failed && !said->other;
	out->delayed = said->delayed && !said->other;
	if (!out->failed && !out->passed_on && !out->delayed)
		memset(out->status, 0, sizeof(out->status));
	return 0;
}

/* Groups of fields with empty lines between them; the first is about the
 * message (RFC 3464 section 2.1): 0 or -1. */
static int
read_status_part(struct job *j, struct span text, struct dsn *out)
{
	struct finding ignored;
	struct field *fields;
	struct span reporter, rest;
	struct actions said = { .failed = false };
	size_t count, groups = 0;
	struct buf b;

	buf_init(&b, j->arena, text.n + 4);
	buf_add(&b, text);
	buf_add(&b, SPAN("\r\n\r\n"));
	for (rest = buf_span(&b); rest.n > 0;) {
		if (span_starts(rest, SPAN("\r\n"))) {
			rest = span_from(rest, 2);
			continue;
		}
		if (field_section_parse(
			j, rest, &fields, &count, &rest, &ignored) < 0)
			return -1;
		if (groups++ == 0) {
			if (!one_value(
				fields, count, "Reporting-MTA", &reporter))
				return -1;
		} else if (read_recipient(fields, count, &said, out) < 0) {
			return -1;
		}
	}
	return groups < 2 ? -1 : conclude(&said, out);
}

/* "<…@…>", printable ASCII without blanks. */
static bool
is_message_id(struct span s)
{
	size_t i;

	if (s.n < 3 || s.n > MESSAGE_ID_MAX || s.p[0] != '<' ||
	    s.p[s.n - 1] != '>')
		return false;
	for (i = 1; i < s.n - 1; i++)
		if (s.p[i] <= 32 || s.p[i] >= 127 || s.p[i] == '<' ||
		    s.p[i] == '>')
			return false;
	return true;
}

/* The Message-ID of the message, or header, that came back; or NULL. */
static const char *
read_returned(struct job *j, const struct mime_part *p)
{
	struct finding ignored;
	struct span text, id, rest;
	struct field *fields;
	size_t count;
	struct buf b;

	if (mime_part_decode(j, p, &text, &ignored) < 0 ||
	    text.n > RETURNED_HEADER_MAX * 2)
		return NULL;
	if (field_section_parse(j, text, &fields, &count, &rest, &ignored) <
	    0) {
		/* A header alone may end without an empty line. */
		buf_init(&b, j->arena, text.n + 4);
		buf_add(&b, text);
		buf_add(&b, SPAN("\r\n\r\n"));
		if (field_section_parse(
			j, buf_span(&b), &fields, &count, &rest, &ignored) < 0)
			return NULL;
	}
	if (!one_value(fields, count, "Message-ID", &id) || !is_message_id(id))
		return NULL;
	return span_dup(j->arena, id);
}

/* RFC 6522 section 3: two or three parts in this order. */
static int
read_report(struct job *j, const struct message *m, struct dsn *out)
{
	struct finding ignored;
	struct mime_part root;
	struct span text;

	if (mime_part_parse(j, m, &root, &ignored) < 0 || root.part_count < 2 ||
	    root.part_count > 3 || !is_status_part(&root.parts[1]) ||
	    mime_part_decode(j, &root.parts[1], &text, &ignored) < 0 ||
	    (text.n > 0 && memchr(text.p, '\0', text.n) != NULL))
		return -1;
	if (read_status_part(j, text, out) < 0)
		return -1;
	if (root.part_count == 3 && is_returned_part(&root.parts[2]))
		out->original_message_id = read_returned(j, &root.parts[2]);
	return 0;
}

/* One that nobody can act on; always 1. */
static int
unparsed(struct dsn *out, struct finding *f, const char *why)
{
	memset(out, 0, sizeof(*out));
	out->is_dsn = true;
	(void)finding_set(f, FINDING_NOTE, "dsn.unparsed", "%s", why);
	return 1;
}

int
bounce_parse(
    struct job *j, const struct message *m, struct dsn *out, struct finding *f)
{
	memset(out, 0, sizeof(*out));
	if (!is_delivery_report(j, m) && !is_mixed_report(j, m))
		return 0;
	if (read_report(j, m, out) < 0)
		return unparsed(
		    out, f, "a delivery report that is not strictly RFC 3464");
	out->is_dsn = true;
	out->parsed = true;
	if (out->failed)
		(void)finding_set(f, FINDING_NOTE, "dsn.failed",
		    "delivery failed: %s", status_explain(j, out->status));
	else if (out->delayed)
		(void)finding_set(f, FINDING_NOTE, "dsn.delayed",
		    "delivery is delayed: %s", status_explain(j, out->status));
	else if (out->passed_on)
		(void)finding_set(f, FINDING_NOTE, "dsn.noted",
		    "delivery failed to one address that the mailbox passes "
		    "its mail on to: %s",
		    status_explain(j, out->status));
	else
		(void)finding_set(f, FINDING_NOTE, "dsn.noted",
		    "a delivery report of neither failure nor delay");
	return 1;
}

int
bounce_parse_other(const struct message *m, struct dsn *out, struct finding *f)
{
	const struct field *x = message_field(m, "Return-Path");

	if (x == NULL || message_count(m, "Return-Path") != 1 ||
	    !span_eq_str(span_trim_fws(x->body), "<>"))
		return 0;
	return unparsed(out, f,
	    "a mail without envelope sender that is no delivery report of "
	    "RFC 3464");
}
