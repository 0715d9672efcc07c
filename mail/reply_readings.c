#include "config.h"

#include "mail/reply_readings.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "mail/finding.h"
#include "mail/reply_block.h"
#include "mail/reply_html.h"
#include "mail/reply_quote.h"

/* "This is a multi-part message in MIME format." may take two lines. */
#define PREAMBLE_LINES_MAX 2

static int
refuse(struct finding *f, const char *why)
{
	return finding_set(f, FINDING_REFUSE, "mime.inconsistent", "%s", why);
}

/* --- does the body have the structure that is declared? ------------------ */

/* Lines that begin with "--" and are followed by a Content- field: what a
 * reader would take for delimiters, whatever the boundary. */
static size_t
count_delimiters(struct span body)
{
	size_t at, next, n = 0;

	for (at = 0; at < body.n; at = next) {
		next = span_find(body, at, '\n') + 1;
		n += span_starts(span_from(body, at), SPAN("--")) &&
		     span_casestarts(span_from(body, next), SPAN("Content-"));
	}
	return n;
}

static size_t
count_lines(struct span text)
{
	size_t at, end, n = 0;

	for (at = 0; at < text.n; at = end + 1) {
		end = span_find(text, at, '\n');
		n += span_trim_fws(span_cut(text, at, end)).n > 0;
	}
	return n;
}

/*
 * With another Content-Type the preamble was the text, and could have said that
 * what follows is quoted: who wrote, and when, or that in quoted-printable.
 * The words that programs put there ("This is a multi-part message in MIME
 * format.") hold none of these.
 */
static bool
may_introduce(struct span preamble)
{
	static const struct span marks[] = { { "@", 1 }, { "=", 1 }, { ":", 1 },
		{ "\xef\xbc\x9a", 3 } };

	for (size_t i = 0; i < COUNT(marks); i++)
		if (span_has(preamble, marks[i]))
			return true;
	return false;
}

/* GroupWise's takes three lines. */
static bool
is_of_groupwise(struct span preamble)
{
	static const char *const lines[] = {
		"This is a MIME message. If you are reading this text, you "
		"may want to",
		"consider changing to a mail reader or gateway that "
		"understands how to",
		"properly handle MIME multipart messages.",
	};
	size_t at = 0;

	for (size_t i = 0; i < COUNT(lines); i++)
		if (!span_eq_str(reply_line_at(preamble, at, &at), lines[i]))
			return false;
	return span_trim_fws(span_from(preamble, at)).n == 0;
}

/* Words that stand where nobody reads, and are none that programs put there. */
static bool
is_strange(struct span preamble)
{
	return !is_of_groupwise(preamble) &&
	       (count_lines(preamble) > PREAMBLE_LINES_MAX ||
		   may_introduce(preamble) || reply_has_separator(preamble) ||
		   reply_html_is_likely(preamble));
}

/*
 * Counts the parts; 0, or -1 if one has no Content- field first, or words
 * stand where nobody reads: with another boundary they would have been the
 * text.
 */
static int
check_parts(const struct mime_part *p, size_t *count, struct finding *f)
{
	size_t i;

	if (is_strange(p->preamble))
		return refuse(f, "text before the first part");
	for (i = 0; i < p->part_count; i++) {
		const struct mime_part *x = &p->parts[i];

		if (x->field_count == 0 ||
		    !span_casestarts(x->fields[0].name, SPAN("Content-")))
			return refuse(f,
			    "a part that does not begin with a Content- "
			    "field");
		++*count;
		if (check_parts(x, count, f) < 0)
			return -1;
	}
	return 0;
}

/*
 * Of alternatives the plainest stands first (RFC 2046 section 5.1.4).  Where
 * something else does, the parts may have been no alternatives before somebody
 * called them so: words in HTML, say, and a file that was sent along.
 */
static int
check_order(const struct reply_readings *what, struct finding *f)
{
	const struct mime_part *root = what->root;

	if (!mime_part_is(root, "multipart", "alternative") ||
	    what->leaf == &root->parts[0])
		return 0;
	return refuse(f,
	    "text/plain behind another part, and no signature says that they "
	    "are alternatives: send the reply as plain text");
}

/*
 * Every line that looks like a delimiter is one, and the reverse.  Of a signed
 * multipart that is not in doubt: a transfer encoding that is said of it may be
 * none that changes an octet (RFC 2045 section 6.4, mail/mime_part.c), so it is
 * cut in one way, and a part may have no fields (RFC 2046 section 5.1).
 */
static int
check_structure(const struct reply_readings *what, struct finding *f)
{
	const struct mime_part *root = what->root;
	size_t parts = 0;

	if (what->is_type_signed && root->part_count > 0)
		return 0;
	if (check_parts(root, &parts, f) < 0 || check_order(what, f) < 0)
		return -1;
	if (parts != count_delimiters(root->body))
		return refuse(f,
		    parts == 0 ? "text/plain that looks like a multipart"
			       : "a multipart that could be cut differently");
	return 0;
}

/* --- does any reading say something else? -------------------------------- */

/* One check of one body. */
struct check {
	struct job *j;
	const struct reply_readings *what;
	struct finding *f;
};

static bool
says_else(const struct reply_block *b, const uint8_t digest[SHA256_LEN])
{
	return b->found &&
	       (b->differ || memcmp(b->digest, digest, SHA256_LEN) != 0);
}

/*
 * With another Content-Type the whole body was HTML, in which nothing marks
 * the lines of a quotation; but an element stands before whatever is quoted in
 * it.  A text in which no block is may have been one whose lines were cut
 * differently.  (A multipart says in itself which part is HTML.)
 */
static int
check_markup(
    const struct check *c, struct span text, const struct reply_blocks *b)
{
	if (b->end > 0)
		text = span_cut(text, 0, b->end);
	if (c->what->is_type_signed || c->what->root->part_count > 0 ||
	    !reply_html_is_likely(text))
		return 0;
	return refuse(c->f,
	    "text/plain that looks like HTML above the response block, and no "
	    "signature says which it is: send the reply as plain text, with "
	    "the block at its very top");
}

/* `text` may have been decoded into the job's arena, which is of no use after
 * it (MA-94). */
static int
check_reading(const struct check *c, struct span text, struct reply_blocks *out)
{
	const uint8_t *digest = c->what->digest;

	reply_blocks_scan(text, out);
	if (check_markup(c, text, out) < 0)
		return -1;
	arena_clear(c->j->arena);
	if (says_else(&out->counts, digest) || says_else(&out->below, digest))
		return finding_set(c->f, FINDING_REFUSE, "body.ambiguous",
		    "the body read in another way has another block");
	if (out->below.found && !out->counts.found)
		return finding_set(c->f, FINDING_REFUSE, "body.block-in-quote",
		    "the body read in another way has the block in a quote");
	return 0;
}

/* The same; what cannot be decoded (`result` -1) says nothing. */
static int
check_decoded(const struct check *c, int result, struct span octets)
{
	struct reply_blocks b;

	if (result == 0)
		return check_reading(c, octets, &b);
	arena_clear(c->j->arena);
	return 0;
}

/* As a multipart: each leaf as its own fields say, whatever its type. */
static int
check_leaves(const struct check *c, const struct mime_part *p)
{
	struct finding ignored;
	struct span octets;
	int result;
	size_t i;

	for (i = 0; i < p->part_count; i++)
		if (check_leaves(c, &p->parts[i]) < 0)
			return -1;
	if (p->part_count > 0)
		return 0;
	result = mime_part_decode(c->j, p, &octets, &ignored);
	return check_decoded(c, result, octets);
}

/* The body as one text in each transfer encoding; *raw is as it stands. */
static int
check_texts(const struct check *c, struct reply_blocks *raw)
{
	struct span body = c->what->root->body, octets = { NULL, 0 };
	int result;

	if (check_reading(c, body, raw) < 0)
		return -1;
	result = mime_decode_qp(c->j, body, &octets);
	if (check_decoded(c, result, octets) < 0)
		return -1;
	result = mime_decode_base64(c->j, body, &octets);
	return check_decoded(c, result, octets);
}

/* KMail's quoted-printable encodes the dash with which a line begins, in all
 * lines (decision 0067). */
static bool
encodes_dashes(struct span body)
{
	return !span_starts(body, SPAN("-")) && !span_has(body, SPAN("\n-"));
}

/* The armour line that it is when it is decoded.  Any other stays as wide as it
 * is: programs that broke it counted that (MA-61). */
static struct span
undo_armour(struct span line, bool is_dash_encoded)
{
	static const struct span armour[] = {
		SPAN_INIT("-----BEGIN ACME RESPONSE-----"),
		SPAN_INIT("-----END ACME RESPONSE-----")
	};
	struct span s = line;

	while (span_ends(s, SPAN("=20")) || span_ends(s, SPAN("=09")))
		s = span_cut(s, 0, s.n - 3);
	s = utf8_trim_end(s);
	for (size_t i = 0; i < COUNT(armour); i++)
		if (span_eq(s, armour[i]) ||
		    (is_dash_encoded && span_starts(s, SPAN("=2D")) &&
			span_eq(span_from(s, 3), span_from(armour[i], 1))))
			return armour[i];
	return line;
}

/*
 * Quoted-printable leaves armour lines as they are, but for blanks at their
 * end and such a dash.  A block that exists only when it is decoded could be
 * text that was never meant to be one ("> x=0A-----BEGIN…").
 */
static bool
is_in_raw(struct job *j, struct span body)
{
	bool is_dash_encoded = encodes_dashes(body);
	struct reply_blocks blocks;
	struct span line;
	struct buf b;
	size_t at, next;

	buf_init(&b, j->arena, body.n + 2);
	buf_reserve(&b, body.n + 1);
	for (at = 0; at < body.n; at = next) {
		line = reply_line_at(body, at, &next);
		buf_add(&b, undo_armour(line, is_dash_encoded));
		buf_add_char(&b, '\n');
	}
	reply_blocks_scan(buf_span(&b), &blocks);
	return blocks.counts.found || blocks.bad;
}

static int
check_readings(const struct check *c)
{
	const struct mime_part *root = c->what->root, *leaf = c->what->leaf;
	struct reply_blocks raw;

	if (check_structure(c->what, c->f) < 0 || check_texts(c, &raw) < 0 ||
	    check_leaves(c, root) < 0)
		return -1;
	if (leaf == root && leaf->encoding == MIME_QUOTED_PRINTABLE &&
	    !raw.counts.found && !raw.bad && !is_in_raw(c->j, root->body))
		return refuse(c->f, "a block only in one reading");
	return 0;
}

int
reply_readings_check(
    struct job *j, const struct reply_readings *what, struct finding *f)
{
	struct job own = *j;
	const struct check c = { &own, what, f };
	int result;

	own.arena = arena_new();
	result = check_readings(&c);
	arena_free(own.arena);
	return result;
}
