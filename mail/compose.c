#include "config.h"

#include "mail/compose.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/embed.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/rnd.h"

#include <string.h>

#define LINE_MAX_OCTETS 76 /* MA-104 */
#define FILL_WIDTH 72
#define PART_MAX 65536
#define MESSAGE_MAX (4 * PART_MAX)
#define PART1_LEN 32 /* ER-5 */
#define LOCAL_MAX 64
#define ACCEPT_RANGES_MAX 32

/* --- languages
 * ---------------------------------------------------------------- */

struct language {
	const char *tag;
	const char *after_day, *zone; /* in a date */
	const char *months[12];
	const char *text, *html; /* names of the templates */
};

static const struct language languages[] = {
	{ "en", " ", " UTC",
	    { "January", "February", "March", "April", "May", "June", "July",
		"August", "September", "October", "November", "December" },
	    "en.txt", "en.html" },
	{ "de", ". ", " Uhr (UTC)",
	    { "Januar", "Februar", "M\xc3\xa4rz", "April", "Mai", "Juni",
		"Juli", "August", "September", "Oktober", "November",
		"Dezember" },
	    "de.txt", "de.html" },
};

/* The language of a tag, by its first subtag ("de-AT"); NULL if we have none.
 */
static const struct language *
language_find(struct span tag)
{
	struct span first = span_cut(tag, 0, span_find(tag, 0, '-'));

	for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
		if (span_caseeq_str(first, languages[i].tag))
			return &languages[i];
	}
	return NULL;
}

/* A qvalue in thousandths, or -1: "1", "0.8", "0.125" (RFC 9110 12.4.2). */
static int
quality_parse(struct span s)
{
	static const int weights[] = { 1000, 0, 100, 10, 1 };
	int q = 0;

	if (s.n == 0 || s.n > 5 || (s.n > 1 && s.p[1] != '.'))
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (i == 1)
			continue;
		if (!ascii_is_digit(s.p[i]))
			return -1;
		q += (s.p[i] - '0') * weights[i];
	}
	return q <= 1000 ? q : -1;
}

/* One element of Accept-Language: the tag and its quality, -1 if malformed. */
static int
range_parse(struct span range, struct span *tag)
{
	size_t semicolon = span_find(range, 0, ';');
	struct span parameter = span_trim(span_from(range, semicolon + 1));

	*tag = span_trim(span_cut(range, 0, semicolon));
	if (semicolon == range.n)
		return 1000;
	if (!span_casestarts(parameter, SPAN("q=")))
		return -1;
	return quality_parse(span_from(parameter, 2));
}

/* The language wanted most that we have; the first of equals. */
static const struct language *
language_choose(const char *accept, const struct language *fallback)
{
	struct span rest = span_str(accept), tag;
	const struct language *best = NULL;
	int best_quality = 0;

	for (size_t i = 0; i < ACCEPT_RANGES_MAX && rest.n > 0; i++) {
		size_t comma = span_find(rest, 0, ',');
		int quality = range_parse(span_cut(rest, 0, comma), &tag);
		const struct language *found =
		    span_eq_str(tag, "*") ? fallback : language_find(tag);

		rest = span_from(rest, comma + 1);
		if (found != NULL && quality > best_quality) {
			best = found;
			best_quality = quality;
		}
	}
	return best == NULL ? fallback : best;
}

static const struct language *
language_of(const struct compose_input *in)
{
	const struct language *fallback =
	    language_find(span_str(in->default_language));

	if (fallback == NULL)
		fallback = &languages[0];
	return language_choose(in->language, fallback);
}

static const char *
date_for_people(struct job *j, const struct language *l, int64_t secs)
{
	struct clock_date d;

	clock_date(secs, &d);
	return arena_printf(j->arena, "%d%s%s %d, %02d:%02d%s", d.day,
	    l->after_day, l->months[d.month - 1], d.year, d.hour, d.minute,
	    l->zone);
}

/* --- templates
 * ------------------------------------------------------------------ */

struct value {
	const char *name; /* in braces in the template */
	const char *text; /* NULL: lines that need it are left out */
};

#define VALUES 4

static void
add_html(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '&':
			buf_add_str(b, "&amp;");
			break;
		case '<':
			buf_add_str(b, "&lt;");
			break;
		case '>':
			buf_add_str(b, "&gt;");
			break;
		case '"':
			buf_add_str(b, "&quot;");
			break;
		case '\'':
			buf_add_str(b, "&#39;");
			break;
		default:
			buf_add_char(b, s.p[i]);
		}
	}
}

static const struct value *
value_find(const struct value *values, struct span name)
{
	for (size_t i = 0; i < VALUES; i++) {
		if (span_eq_str(name, values[i].name))
			return &values[i];
	}
	return NULL;
}

/* Does the line need a value that is not set? */
static bool
line_is_left_out(struct span line, const struct value *values)
{
	for (size_t i = 0; i < VALUES; i++) {
		if (values[i].text == NULL &&
		    span_find_span(line, 0, span_str(values[i].name)) < line.n)
			return true;
	}
	return false;
}

/* One line of the template with the values put in. */
static void
line_expand(
    struct buf *b, struct span line, const struct value *values, bool html)
{
	for (size_t at = 0; at < line.n;) {
		size_t open = span_find(line, at, '{');
		size_t close = span_find(line, open, '}');
		const struct value *value =
		    value_find(values, span_cut(line, open, close + 1));

		buf_add(b, span_cut(line, at, open));
		if (value != NULL && html)
			add_html(b, span_str(value->text));
		else if (value != NULL)
			buf_add_str(b, value->text);
		at = close + 1;
	}
}

static struct span
template_expand(
    struct job *j, struct span template, const struct value *values, bool html)
{
	struct buf b;

	buf_init(&b, j->arena, PART_MAX);
	for (size_t at = 0; at < template.n;) {
		size_t end = span_find(template, at, '\n');
		struct span line = span_cut(template, at, end);

		at = end + 1;
		if (line_is_left_out(line, values))
			continue;
		line_expand(&b, line, values, html);
		buf_add_char(&b, '\n');
	}
	return buf_span(&b);
}

/* --- plain text: paragraphs filled
 * ------------------------------------------------- */

struct filler {
	struct buf out;
	size_t column; /* 0: at the start of a line */
};

static void
fill_end(struct filler *f)
{
	if (f->column > 0)
		buf_add_char(&f->out, '\n');
	f->column = 0;
}

/* Code points, since that is what a reader sees. */
static size_t
width_of(struct span word)
{
	size_t n = 0;

	for (size_t i = 0; i < word.n; i++)
		n += ((unsigned char)word.p[i] & 0xc0) != 0x80;
	return n;
}

static void
fill_word(struct filler *f, struct span word)
{
	size_t width = width_of(word);

	if (f->column > 0 && f->column + 1 + width > FILL_WIDTH)
		fill_end(f);
	if (f->column > 0) {
		buf_add_char(&f->out, ' ');
		f->column++;
	}
	buf_add(&f->out, word);
	f->column += width;
}

static void
fill_line(struct filler *f, struct span line)
{
	for (size_t at = 0; at < line.n;) {
		size_t end = span_find(line, at, ' ');

		if (end > at)
			fill_word(f, span_cut(line, at, end));
		at = end + 1;
	}
}

/* Indented lines stay as they are; of the others, those without an empty line
 * between them are one paragraph. */
static struct span
text_fill(struct job *j, struct span text)
{
	struct filler f = { .column = 0 };

	buf_init(&f.out, j->arena, PART_MAX);
	for (size_t at = 0; at < text.n;) {
		size_t end = span_find(text, at, '\n');
		struct span line = span_cut(text, at, end);

		at = end + 1;
		if (line.n > 0 && line.p[0] != ' ') {
			fill_line(&f, line);
			continue;
		}
		fill_end(&f);
		buf_add(&f.out, line);
		buf_add_char(&f.out, '\n');
	}
	fill_end(&f);
	while (span_ends(buf_span(&f.out), SPAN("\n\n")))
		f.out.p[--f.out.n] = '\0';
	return buf_span(&f.out);
}

/* --- transfer encodings
 * --------------------------------------------------------------- */

/* Can it go as it is: ASCII, and no line too long? */
static bool
is_7bit(struct span text)
{
	for (size_t at = 0; at < text.n;) {
		size_t end = span_find(text, at, '\n');

		if (end - at > LINE_MAX_OCTETS)
			return false;
		at = end + 1;
	}
	return span_is_ascii(text);
}

/* Can the octet stand for itself?  A blank at the end of a line cannot. */
static bool
qp_is_literal(struct span line, size_t i)
{
	unsigned char c = (unsigned char)line.p[i];

	if (c == ' ')
		return i + 1 < line.n;
	return c > 0x20 && c < 0x7f && c != '=';
}

/* RFC 2045 6.7: a line of at most 76 octets, the "=" of a soft break
 * included. */
static void
qp_add_line(struct buf *b, struct span line)
{
	size_t column = 0;

	for (size_t i = 0; i < line.n; i++) {
		bool literal = qp_is_literal(line, i);
		size_t width = literal ? 1 : 3;

		if (column + width > LINE_MAX_OCTETS - 1) {
			buf_add_str(b, "=\r\n");
			column = 0;
		}
		if (literal)
			buf_add_char(b, line.p[i]);
		else
			buf_addf(b, "=%02X", (unsigned char)line.p[i]);
		column += width;
	}
	buf_add_str(b, "\r\n");
}

/* One part of the alternative; text with LF line ends. */
static void
part_add(
    struct buf *b, const char *boundary, const char *type, struct span text)
{
	bool plain = is_7bit(text);

	buf_addf(b, "--%s\r\nContent-Type: %s; charset=%s\r\n", boundary, type,
	    span_is_ascii(text) ? "us-ascii" : "utf-8");
	buf_addf(b, "Content-Transfer-Encoding: %s\r\n\r\n",
	    plain ? "7bit" : "quoted-printable");
	for (size_t at = 0; at < text.n;) {
		size_t end = span_find(text, at, '\n');
		struct span line = span_cut(text, at, end);

		at = end + 1;
		if (plain) {
			buf_add(b, line);
			buf_add_str(b, "\r\n");
		} else
			qp_add_line(b, line);
	}
}

/* --- the message
 * ------------------------------------------------------------------------ */

/* Nothing that ends a header line or an address early gets in, wherever the
 * value comes from. */
static bool
is_bare(const char *s)
{
	struct span v = span_str(s);

	return v.n > 0 && !span_has_control(v) && strpbrk(s, " <>,;") == NULL;
}

static int
input_check(struct job *j, const struct compose_input *in)
{
	struct span id = span_str(in->message_id);

	if (!is_bare(in->mailbox) || !is_bare(in->from))
		return job_fail(j, ERR_INTERNAL,
		    "challenge mail: To or From is no bare address");
	if (id.n < 3 || id.p[0] != '<' || id.p[id.n - 1] != '>' ||
	    !is_bare(span_dup(j->arena, span_cut(id, 1, id.n - 1))))
		return job_fail(
		    j, ERR_INTERNAL, "challenge mail: no Message-ID");
	if (in->token_part1.n != PART1_LEN ||
	    !b64url_is_alphabet(in->token_part1))
		return job_fail(j, ERR_INTERNAL,
		    "challenge mail: token-part1 is not 32 characters");
	return 0;
}

/* ER-18, MA-63: whatever the CA is called, nothing that is quoted may look
 * like an answer. */
static bool
has_armour(struct span text)
{
	return span_find_span(text, 0, SPAN("-----BEGIN ACME")) < text.n ||
	       span_find_span(text, 0, SPAN("-----END ACME")) < text.n;
}

/* Addresses and the Message-ID stand whole behind their names, however long:
 * clients compare them as texts (AC-120). */
static void
add_header(struct buf *b, const struct compose_input *in, const char *boundary)
{
	char date[CLOCK_RFC5322_MAX];

	clock_format_rfc5322(in->date, date);
	buf_addf(
	    b, "From: %s\r\nTo: %s\r\nSubject: ACME: ", in->from, in->mailbox);
	buf_add(b, in->token_part1);
	buf_addf(b, "\r\nDate: %s\r\nMessage-ID: %s\r\n", date, in->message_id);
	buf_add_str(b, "Auto-Submitted: auto-generated; type=acme\r\n"
		       "X-Auto-Response-Suppress: All\r\n"
		       "MIME-Version: 1.0\r\n");
	buf_addf(b,
	    "Content-Type: multipart/alternative;\r\n"
	    " boundary=\"%s\"\r\n\r\n",
	    boundary);
}

/* The same for each attempt to deliver the same mail; "=_" occurs neither in
 * the templates nor in quoted-printable. */
static const char *
boundary_of(struct job *j, const struct compose_input *in)
{
	uint8_t hash[SHA256_LEN];

	sha256(span_str(in->message_id), hash);
	return arena_printf(
	    j->arena, "=_%s", hex_dup(j->arena, span_mem(hash, 16)));
}

static struct span
render(
    struct job *j, const char *template, const struct value *values, bool html)
{
	const struct embed *file = embed_find(compose_templates, template);
	struct span text = template_expand(j, file->bytes, values, html);

	return html ? text : text_fill(j, text);
}

int
compose_challenge(
    struct job *j, const struct compose_input *in, struct span *out)
{
	const struct language *l = language_of(in);
	const struct value values[VALUES] = {
		{ "{ca_name}", in->ca_name },
		{ "{mailbox}", in->mailbox },
		{ "{expires}", date_for_people(j, l, in->expires_at) },
		{ "{help_url}", in->help_url },
	};
	const char *boundary;
	struct span text, html;
	struct buf b;

	if (input_check(j, in) < 0)
		return -1;
	boundary = boundary_of(j, in);
	text = render(j, l->text, values, false);
	html = render(j, l->html, values, true);
	if (has_armour(text) || has_armour(html))
		return job_fail(j, ERR_INTERNAL,
		    "challenge mail: its text looks like an answer");
	buf_init(&b, j->arena, MESSAGE_MAX);
	add_header(&b, in, boundary);
	part_add(&b, boundary, "text/plain", text);
	part_add(&b, boundary, "text/html", html);
	buf_addf(&b, "--%s--\r\n", boundary);
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL,
		    "challenge mail: longer than %d octets", MESSAGE_MAX);
	*out = buf_span(&b);
	return 0;
}

/* --- addresses and ids
 * --------------------------------------------------------------------- */

/* RFC 4648 base32 in lower case, without padding. */
static void
base32_add(struct buf *b, const uint8_t *p, size_t n)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint32_t bits = 0;
	unsigned count = 0;

	for (size_t i = 0; i < n; i++) {
		bits = (bits << 8 | p[i]) & 0xfff;
		for (count += 8; count >= 5; count -= 5)
			buf_add_char(b, alphabet[bits >> (count - 5) & 31]);
	}
	if (count > 0)
		buf_add_char(b, alphabet[bits << (5 - count) & 31]);
}

const char *
compose_tagged_from(struct job *j, const char *from)
{
	struct span whole = span_str(from);
	const char *domain = addr_domain_of(from);
	size_t local = whole.n - strlen(domain) - 1;
	uint8_t tag[16];
	struct buf b;

	rnd_bytes(tag, sizeof(tag));
	buf_init(&b, j->arena, whole.n + 32);
	buf_add(&b, span_cut(whole, 0, local));
	buf_add_char(&b, '+');
	base32_add(&b, tag, sizeof(tag));
	if (b.n > LOCAL_MAX) {
		(void)job_fail(j, ERR_INTERNAL,
		    "%s: too long to carry a tag of 26 characters", from);
		return NULL;
	}
	buf_add(&b, span_from(whole, local));
	return b.p;
}

const char *
compose_message_id(struct job *j, const char *from)
{
	uint8_t id[16];

	rnd_bytes(id, sizeof(id));
	return arena_printf(j->arena, "<%s@%s>",
	    hex_dup(j->arena, span_mem(id, sizeof(id))), addr_domain_of(from));
}
