#include "config.h"

#include "mail/reply_block.h"

#include <string.h>

#include "lib/b64.h"
#include "lib/count.h"
#include "lib/utf8.h"
#include "mail/finding.h"
#include "mail/reply_above.h"
#include "mail/reply_quote.h"

#define DIGEST_CHARS 43

static const struct span begin_line = { "-----BEGIN ACME RESPONSE-----", 29 };
static const struct span end_line = { "-----END ACME RESPONSE-----", 27 };
static const struct span bom = { "\xef\xbb\xbf", 3 };

/* --- blocks -------------------------------------------------------------- */

struct scan {
	struct reply_blocks *out;
	struct reply_above above;
	bool inside;
	bool below; /* a block begun here may be quoted */
	char text[DIGEST_CHARS + 1];
	size_t n;
	bool padded;
};

static void
leave_bad(struct scan *s)
{
	s->inside = false;
	if (!s->below)
		s->out->bad = true;
}

static void
leave_good(struct scan *s, const uint8_t digest[SHA256_LEN])
{
	struct reply_block *b = s->below ? &s->out->below : &s->out->counts;

	s->inside = false;
	if (!b->found)
		memcpy(b->digest, digest, SHA256_LEN);
	else if (memcmp(b->digest, digest, SHA256_LEN) != 0)
		b->differ = true;
	if (b == &s->out->counts)
		s->out->is_below_marks =
		    s->above.marked && (!b->found || s->out->is_below_marks);
	b->found = true;
}

/* AC-125: 43 characters, one spelling for one digest. */
static void
end_block(struct scan *s)
{
	uint8_t digest[SHA256_LEN];

	if (s->n == DIGEST_CHARS && b64url_parse_fixed(span_mem(s->text, s->n),
					digest, sizeof(digest)) == 0)
		leave_good(s, digest);
	else
		leave_bad(s);
}

static int
add_char(struct scan *s, char c)
{
	if (s->padded ||
	    (c != '=' &&
		(s->n == DIGEST_CHARS || !b64url_is_alphabet(span_mem(&c, 1)))))
		return -1;
	if (c == '=')
		s->padded = true;
	else
		s->text[s->n++] = c;
	return 0;
}

/* A line inside a block: 0, or -1 if it cannot be part of one.  White space is
 * dropped (ER-28), and so is what nobody sees: editors of HTML make NBSP of a
 * blank, others put in marks of direction. */
static int
add_content(struct scan *s, struct span line)
{
	size_t at = 0;
	uint32_t c;

	while (at < line.n) {
		if (utf8_next(line, &at, &c) != 1)
			return -1;
		if (c != '\t' && !utf8_is_invisible(c) &&
		    (c >= 0x80 || add_char(s, (char)c) < 0))
			return -1;
	}
	return 0;
}

static void
begin_block(struct scan *s)
{
	if (s->inside)
		leave_bad(s);
	s->inside = true;
	s->padded = false;
	s->n = 0;
	s->below = reply_above_block(&s->above);
}

static const struct span stop_marks[] = { SPAN_INIT("."), SPAN_INIT("!"),
	SPAN_INIT("\""), SPAN_INIT("'"), SPAN_INIT("*"), SPAN_INIT("“"),
	SPAN_INIT("”"), SPAN_INIT("„"), SPAN_INIT("‘"), SPAN_INIT("’"),
	SPAN_INIT("‚"), SPAN_INIT("「"), SPAN_INIT("」") };

size_t
reply_stop_mark(struct span s)
{
	for (size_t i = 0; i < COUNT(stop_marks); i++)
		if (span_starts(s, stop_marks[i]))
			return stop_marks[i].n;
	return 0;
}

static struct span
skip_stop_marks(struct span s)
{
	size_t n;

	while ((n = reply_stop_mark(s)) > 0)
		s = span_from(s, n);
	return s;
}

/* The word alone; telephones put a full stop behind it, and who reads "the
 * single word STOP" may write it so (AC-189), in quotes of any kind but those
 * that mark lines as quoted. */
static bool
is_stop(const struct scan *s, struct span line)
{
	static const struct span word = SPAN_INIT("STOP");

	line = utf8_trim(line);
	if (s->above.marked)
		return span_caseeq(line, word);
	line = skip_stop_marks(line);
	return span_casestarts(line, word) &&
	       skip_stop_marks(span_from(line, word.n)).n == 0;
}

static void
scan_line(
    struct scan *s, struct span text, size_t at, struct span line, size_t next)
{
	struct span shown = utf8_trim_end(line);

	if (at == 0 && span_starts(shown, bom))
		shown = span_from(shown, bom.n);
	if (span_eq(shown, begin_line)) {
		s->out->end = next;
		begin_block(s);
		return;
	}
	if (s->inside) {
		if (span_eq(shown, end_line)) {
			s->out->end = next;
			end_block(s);
			return;
		}
		if (add_content(s, line) == 0)
			return;
		leave_bad(s);
	}
	if (span_ends(shown, begin_line) &&
	    span_eq(reply_unquoted(shown), begin_line))
		s->out->quoted = true;
	reply_above_add(&s->above, text, at, line, next);
	if (is_stop(s, line) && !reply_above_is_doubtful(&s->above))
		s->out->stop = true;
}

void
reply_blocks_scan(struct span text, struct reply_blocks *out)
{
	struct scan s = { .out = out };
	struct span line;
	size_t at, next;

	memset(out, 0, sizeof(*out));
	for (at = 0; at < text.n; at = next) {
		line = reply_line_at(text, at, &next);
		scan_line(&s, text, at, line, next);
	}
	if (s.inside)
		leave_bad(&s);
}

void
reply_blocks_also(struct reply_blocks *b, const struct reply_blocks *other)
{
	if (!b->below.found)
		b->below = other->below;
	if (!other->counts.found)
		b->counts = other->counts;
	b->is_below_marks |= other->is_below_marks;
	b->bad |= other->bad;
	b->quoted |= other->quoted;
	b->stop &= other->stop;
}

int
reply_blocks_judge(
    const struct reply_blocks *b, uint8_t digest[SHA256_LEN], struct finding *f)
{
	if (b->counts.found && (b->bad || b->counts.differ))
		return finding_set(f, FINDING_REFUSE, "body.ambiguous",
		    "two response blocks with different content: send one");
	if (b->counts.found) {
		memcpy(digest, b->counts.digest, SHA256_LEN);
		return 0;
	}
	if (b->bad)
		return finding_set(f, FINDING_REFUSE, "body.bad-block",
		    "the response block is not a digest of 43 characters: copy "
		    "its lines unchanged");
	if (b->below.found)
		return finding_set(f, FINDING_REFUSE, "body.block-in-quote",
		    "the only response block is in what may be quoted text: "
		    "put its lines at the very top of the reply");
	if (b->quoted)
		return finding_set(f, FINDING_REFUSE, "body.block-in-quote",
		    "the lines of the only response block have blanks or "
		    "marks before them, as quoted text has: put them at the "
		    "very top of the reply, with nothing before them");
	return finding_set(f, FINDING_REFUSE, "body.no-block",
	    "no response block: it must stand in the plain text of the reply, "
	    "from its line -----BEGIN ACME RESPONSE----- on, unchanged");
}
