#include "config.h"

#include "mail/smtp_text.h"

#include <stdio.h>
#include <string.h>

#include "lib/count.h"
#include "lib/utf8.h"

enum { LINE_MAX_OCTETS = 998, MAILBOX_MAX = 254, LOCAL_MAX = 64 };

/* --- addresses ----------------------------------------------------------- */

static bool
is_dot_atom(struct span s, const char *specials, bool utf8)
{
	bool dot = true;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '.' && dot)
			return false;
		dot = c == '.';
		if (utf8 && (unsigned char)c >= 0x80)
			continue;
		if (!dot && !ascii_is_alnum(c) &&
		    (c == '\0' || strchr(specials, c) == NULL))
			return false;
	}
	return s.n > 0 && !dot;
}

bool
smtp_domain_is_good(struct span domain)
{
	return is_dot_atom(domain, "-", false);
}

const char *
smtp_address_check(const char *mailbox, bool utf8)
{
	struct span s = span_str(mailbox);
	const char *at = mailbox == NULL ? NULL : strrchr(mailbox, '@');
	size_t local;

	if (s.n == 0)
		return "it is empty";
	if (span_has_control(s))
		return "it holds a control character";
	if (s.n > MAILBOX_MAX)
		return "it is longer than 254 octets";
	if (at == NULL)
		return "it has no @";
	local = (size_t)(at - mailbox);
	if (local > LOCAL_MAX)
		return "its local part is longer than 64 octets";
	if (!is_dot_atom(span_cut(s, 0, local), "!#$%&'*+-/=?^_`{|}~", utf8) ||
	    (utf8 && !utf8_is_plain(span_cut(s, 0, local))))
		return "its local part is not a dot-atom";
	if (!smtp_domain_is_good(span_from(s, local + 1)))
		return "its domain is not a domain name";
	return NULL;
}

/* --- messages ------------------------------------------------------------ */

/* RFC 5321 2.3.8, 4.5.3.1.6; `header` octets of it may be UTF-8. */
static const char *
check_lines(struct span m, size_t header)
{
	size_t begin = 0;

	if (!span_ends(m, SPAN("\r\n")))
		return "its last line does not end with CRLF";
	for (size_t i = 0; i < m.n; i++) {
		unsigned char c = (unsigned char)m.p[i];

		if (c == '\0' || (c >= 0x80 && i >= header))
			return "it holds an octet that is not ASCII text";
		if (c == '\r' && m.p[i + 1] != '\n')
			return "it holds a CR without LF";
		if (c != '\n')
			continue;
		if (i == 0 || m.p[i - 1] != '\r')
			return "it holds a LF without CR";
		if (i - 1 - begin > LINE_MAX_OCTETS)
			return "a line is longer than 998 octets";
		begin = i + 1;
	}
	return NULL;
}

/* What libesmtp makes up when it is missing; what it drops, all of it or
 * all but the first. */
static const struct {
	const char *name;
	unsigned min, max;
	const char *why;
} fields[] = {
	{ "Date", 1, 1, "it needs exactly one Date" },
	{ "From", 1, 1, "it needs exactly one From" },
	{ "Message-ID", 1, 1, "it needs exactly one Message-ID" },
	{ "Return-Path", 0, 0, "it may have no Return-Path" },
	{ "Original-Recipient", 0, 0, "it may have no Original-Recipient" },
	{ "Resent-Reply-To", 0, 0, "it may have no Resent-Reply-To" },
	{ "Sender", 0, 1, "it has more than one Sender" },
	{ "To", 0, 1, "it has more than one To" },
	{ "Cc", 0, 1, "it has more than one Cc" },
	{ "Bcc", 0, 0, "it may have no Bcc" },
	{ "Reply-To", 0, 1, "it has more than one Reply-To" },
	{ "Disposition-Notification-To", 0, 1,
	    "it has more than one Disposition-Notification-To" },
};
enum { FIELD_COUNT = COUNT(fields) };

static const char *
check_field_name(struct span name)
{
	if (name.n == 0)
		return "a header line has no field name";
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return "a field name holds a blank or worse";
	return NULL;
}

static const char *
check_header(struct span m)
{
	unsigned count[FIELD_COUNT] = { 0 };
	size_t at = 0;
	const char *why;

	for (;;) {
		size_t end = span_find(m, at, '\n');
		struct span line = span_cut(m, at, end - 1);
		size_t colon = span_find(line, 0, ':');

		if (end >= m.n)
			return "no empty line ends its header";
		if (line.n == 0)
			break;
		if (line.p[0] == ' ' || line.p[0] == '\t') {
			if (at == 0)
				return "it begins with a folded line";
			at = end + 1;
			continue;
		}
		if (colon == line.n)
			return "a header line has no colon";
		why = check_field_name(span_cut(line, 0, colon));
		if (why != NULL)
			return why;
		for (size_t i = 0; i < FIELD_COUNT; i++)
			count[i] += span_caseeq_str(
			    span_cut(line, 0, colon), fields[i].name);
		at = end + 1;
	}
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (count[i] < fields[i].min || count[i] > fields[i].max)
			return fields[i].why;
	return NULL;
}

const char *
smtp_message_check(struct span message, bool utf8)
{
	size_t header = utf8 ? span_find_span(message, 0, SPAN("\r\n\r\n")) : 0;
	const char *why = check_lines(message, header);

	if (why == NULL && !utf8_is_valid(span_cut(message, 0, header)))
		return "its header is not UTF-8";
	return why != NULL ? why : check_header(message);
}

/* --- answers ------------------------------------------------------------- */

void
smtp_answers_expect(struct smtp_answers *a)
{
	a->complete = 0;
	a->after = 0;
}

void
smtp_text_clean(char *out, size_t room, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 1 < room; text++) {
		char c = *text;

		if (c < ' ' || c > '~')
			c = ' ';
		if (c == ' ' && (n == 0 || out[n - 1] == ' '))
			continue;
		out[n++] = c;
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

static int
line_code(const struct smtp_answers *a)
{
	int64_t code;

	if (a->n < 3 || span_to_int(span_mem(a->line, 3), 0, 999, &code) < 0)
		return 0;
	return (int)code;
}

static void
end_line(struct smtp_answers *a)
{
	bool is_last = a->n < 4 || a->line[3] != '-';

	a->line[a->n] = '\0';
	if (!a->in_answer) {
		a->code = line_code(a);
		smtp_text_clean(
		    a->text, sizeof(a->text), a->n > 4 ? a->line + 4 : "");
	}
	a->in_answer = !is_last;
	a->complete += is_last;
	a->n = 0;
}

void
smtp_answers_add(struct smtp_answers *a, struct span bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		if (a->complete > 0)
			a->after++;
		if (bytes.p[i] == '\n')
			end_line(a);
		else if (a->n < sizeof(a->line) - 1)
			a->line[a->n++] = bytes.p[i];
	}
}

/* --- codes --------------------------------------------------------------- */

/* At most `max` digits at *p, which moves behind them: the number, or -1. */
static int
read_number(const char **p, int max)
{
	int n = 0;

	if (!ascii_is_digit(**p))
		return -1;
	for (int i = 0; i < max && ascii_is_digit(**p); i++)
		n = n * 10 + (*(*p)++ - '0');
	return n;
}

/* RFC 3463 2: class "." subject "." detail at the text's begin. */
static bool
read_enhanced(const char *text, struct smtp_enhanced *e)
{
	int parts[3];

	for (int i = 0; i < 3; i++) {
		if (i > 0 && *text++ != '.')
			return false;
		parts[i] = read_number(&text, i == 0 ? 1 : 3);
		if (parts[i] < 0)
			return false;
	}
	*e = (struct smtp_enhanced){ parts[0], parts[1], parts[2] };
	return *text == ' ' || *text == '\0';
}

void
smtp_code_format(
    char *out, int code, const struct smtp_enhanced *e, const char *text)
{
	struct smtp_enhanced found = *e;

	if (code < 100 || code > 599) {
		out[0] = '\0';
		return;
	}
	/* Only a class that fits the answer is believed (RFC 2034 4). */
	if ((found.class == 0 && !read_enhanced(text, &found)) ||
	    found.class != code / 100 || found.subject < 0 ||
	    found.subject > 999 || found.detail < 0 || found.detail > 999)
		snprintf(out, 24, "%d", code);
	else
		snprintf(out, 24, "%d %d.%d.%d", code, found.class,
		    found.subject, found.detail);
}

/* A word this long with capitals within is hardly one of a language. */
#define ENCODED_MIN 12

/* Of base64, or of an access token. */
static bool
is_encoded_char(char c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("+/=-_~.", c) != NULL);
}

static void
hide_encoded(char *text, size_t n)
{
	for (size_t at = 0, run; at < n; at += run + 1) {
		bool lower = false, mixed = false;

		for (run = 0; at + run < n && is_encoded_char(text[at + run]);
		     run++) {
			char c = text[at + run];

			/* "Authentication" is none. */
			mixed = mixed || (lower && c >= 'A' && c <= 'Z');
			lower = lower || (c >= 'a' && c <= 'z');
		}
		if (run >= ENCODED_MIN && mixed)
			memset(text + at, '*', run);
	}
}

void
smtp_text_hide_login(char *text, struct span secret)
{
	struct span said = span_str(text);
	size_t at = 0;

	while (
	    secret.n > 0 && (at = span_find_span(said, at, secret)) < said.n) {
		memset(text + at, '*', secret.n);
		at += secret.n;
	}
	hide_encoded(text, said.n);
}

/* So many characters of a token in a row are no chance. */
#define TOKEN_PART_MIN ((size_t)4)

/* How long is what begins both of them? */
static size_t
common_start(struct span a, struct span b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	return n;
}

/* How many octets of the text are, from its start, a part of the token? */
static size_t
part_of_token(struct span text, struct span token)
{
	size_t longest = 0;

	for (size_t i = 0; i < token.n; i++) {
		size_t n = common_start(text, span_from(token, i));

		if (n > longest)
			longest = n;
	}
	return longest >= TOKEN_PART_MIN ? longest : 0;
}

void
smtp_text_hide_token(char *text, struct span token)
{
	struct span rest = span_str(text);

	while (rest.n > 0) {
		size_t n = part_of_token(rest, token);

		memset(text, '*', n);
		n = n > 0 ? n : 1;
		text += n;
		rest = span_from(rest, n);
	}
}
