#include "config.h"

#include "mail/bounce.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "mail/mime_part.h"

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

	if (x == NULL || field_count(fields, count, name) != 1)
		return 0;
	*out = span_trim_fws(x->body);
	return out->n > 0;
}

/* The fields about one recipient (RFC 3464 section 2.3): 0 or -1. */
static int
read_recipient(const struct field *fields, size_t count, struct dsn *out)
{
	static const char *const other[] = { "delivered", "relayed",
		"expanded" };
	struct span recipient, action, status;
	size_t i;

	if (!one_value(fields, count, "Final-Recipient", &recipient) ||
	    !one_value(fields, count, "Action", &action) ||
	    !one_value(fields, count, "Status", &status))
		return -1;
	/* After the number some systems put words. */
	status = span_cut(status, 0, span_find(status, 0, ' '));
	if (!is_status(status))
		return -1;
	if (!span_caseeq_str(action, "failed") &&
	    !span_caseeq_str(action, "delayed")) {
		for (i = 0; i < 3; i++)
			if (span_caseeq_str(action, other[i]))
				return 0;
		return -1;
	}
	if (status.p[0] == '2') /* contradicts itself */
		return -1;
	if (span_caseeq_str(action, "failed"))
		out->failed = true;
	else
		out->delayed = true;
	if (out->status[0] == '\0')
		memcpy(out->status, status.p, status.n);
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
		} else if (read_recipient(fields, count, out) < 0) {
			return -1;
		}
	}
	/* Some delivered and some failed is nothing to act on. */
	return groups < 2 || (out->failed && out->delayed) ? -1 : 0;
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

int
bounce_parse(
    struct job *j, const struct message *m, struct dsn *out, struct finding *f)
{
	memset(out, 0, sizeof(*out));
	if (!is_delivery_report(j, m))
		return 0;
	if (read_report(j, m, out) < 0) {
		memset(out, 0, sizeof(*out));
		out->is_dsn = true;
		(void)finding_set(f, FINDING_NOTE, "dsn.unparsed",
		    "a delivery report that is not strictly RFC 3464");
		return 1;
	}
	out->is_dsn = true;
	out->parsed = true;
	if (out->failed)
		(void)finding_set(f, FINDING_NOTE, "dsn.failed",
		    "delivery failed: %s", out->status);
	else if (out->delayed)
		(void)finding_set(f, FINDING_NOTE, "dsn.delayed",
		    "delivery is delayed: %s", out->status);
	else
		(void)finding_set(f, FINDING_NOTE, "dsn.noted",
		    "a delivery report of neither failure nor delay");
	return 1;
}
