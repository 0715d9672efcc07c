#include "config.h"

#include "mail/reply_above.h"

#include <string.h>

#include "lib/count.h"
#include "lib/utf8.h"
#include "mail/reply_quote.h"
#include "mail/reply_wrote.h"

#define FIRST_LINES_MAX 4
#define TAB_COLUMNS 8
#define BREAK_COLUMNS 60 /* or more: where programs break lines */

static const struct span nbsp = { "\xc2\xa0", 2 };

/* --- what a line says ---------------------------------------------------- */

/* How many digits stand at *at, which moves behind them. */
static size_t
digits_at(struct span s, size_t *at)
{
	size_t n = 0, next = *at;
	uint32_t c;

	while (utf8_next(s, &next, &c) == 1 && utf8_is_digit(c)) {
		*at = next;
		n++;
	}
	return n;
}

/* ":00", behind the hour. */
static bool
has_minutes(struct span s, size_t at)
{
	uint32_t c;

	return utf8_next(s, &at, &c) == 1 && (c == ':' || c == 0xff1a) &&
	       digits_at(s, &at) >= 2;
}

/* Numbers in any script, but for those in words and in escapes of
 * quoted-printable: "10:00" is a time of day, two of them may be a date. */
static void
find_moment(struct span s, struct reply_hints *h)
{
	size_t at = 0, n, runs = 0;
	uint32_t c, before = ' ';
	bool counts;

	while (at < s.n) {
		if ((uint8_t)s.p[at] < 0x80 && !ascii_is_digit(s.p[at])) {
			before = (uint8_t)s.p[at++];
			continue;
		}
		n = digits_at(s, &at);
		if (n > 0) {
			counts =
			    before != '=' &&
			    !(before < 0x80 && ascii_is_alpha((char)before));
			runs += counts;
			if (counts && n <= 2 && has_minutes(s, at))
				h->doubt = true;
			before = '0';
		} else if (utf8_next(s, &at, &c) == 1) {
			before = c;
		} else {
			at++;
			before = ' ';
		}
	}
	if (runs >= 2)
		h->moment = h->near = true;
}

/* With what attributions end, in any script and emphasis: *words stand before
 * it. */
static bool
ends_in_colon(struct span s, struct span *words)
{
	static const struct span colons[] = { { ":", 1 }, { "\xef\xbc\x9a", 3 },
		{ "\xef\xb9\x95", 3 }, { "\xef\xb8\xb0", 3 },
		{ "\xe1\x9f\x96", 3 }, /* Khmer */
		{ "\xc2\xb7", 2 },     /* Greek */
		{ "\xce\x87", 2 } };

	s = utf8_trim_end(s);
	while (s.n > 0 && strchr("*_", s.p[s.n - 1]) != NULL)
		s.n--;
	*words = s;
	for (size_t i = 0; i < COUNT(colons); i++)
		if (span_ends(s, colons[i])) {
			*words =
			    utf8_trim_end(span_cut(s, 0, s.n - colons[i].n));
			return true;
		}
	return false;
}

/* Adds what the line says to what others of the same kind said. */
static void
read_hints(struct span line, struct reply_hints *h)
{
	struct span words;
	bool colon = ends_in_colon(line, &words);

	if (colon && reply_says_wrote(words))
		h->doubt = true;
	if (span_find(line, 0, '@') < line.n || span_has(line, SPAN("ACME:")))
		h->doubt = true;
	find_moment(line, h);
	h->colon |= colon;
	h->rule |= reply_is_rule(line);
	if (h->moment && (colon || reply_is_header_like(line)))
		h->doubt = true;
	/* Without a colon it may be the holder's sentence. */
	if (h->near && reply_says_wrote(words))
		h->doubt = true;
	if (h->colon && h->rule)
		h->doubt = true;
}

static bool
is_marked(struct span line)
{
	return reply_unquoted(line).n != line.n;
}

/* Of a marked line: what only looks like none (NBSP) is some. */
static bool
has_words(struct span line)
{
	while (line.n > 0 && line.p[0] != '\0' &&
	       strchr(">|: \t", line.p[0]) != NULL)
		line = span_from(line, 1);
	return line.n > 0;
}

/* An octet counts as a column: some programs do so, and no letter is wider than
 * it has octets. */
static size_t
columns_of(struct span line)
{
	size_t columns = 0;

	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] != '\r' && line.p[i] != '\n')
			columns += line.p[i] == '\t' ? TAB_COLUMNS : 1;
	return columns;
}

/* Its first word, with the blanks before it. */
static struct span
first_word(struct span line)
{
	size_t at = 0;

	while (at < line.n && (line.p[at] == ' ' || line.p[at] == '\t'))
		at++;
	while (at < line.n && line.p[at] != ' ' && line.p[at] != '\t')
		at++;
	return span_cut(line, 0, at);
}

/* Could a program have broken a longer line where the last one ends?  Then this
 * word did not fit any more. */
static bool
may_be_broken(const struct reply_above *a, struct span word)
{
	return a->columns + 1 + columns_of(word) >= BREAK_COLUMNS;
}

static bool
is_indented(struct span line)
{
	return line.p[0] == ' ' || line.p[0] == '\t' || span_starts(line, nbsp);
}

/* --- the paragraph with which the text begins ----------------------------- */

/* What counts from here on. */
static void
read_also(struct reply_above *a, struct reply_hints h)
{
	a->below |= h.doubt || (a->rest.moment && h.colon);
	a->rest.moment |= h.moment;
	a->rest.near |= h.near;
	a->rest.colon |= h.colon;
	a->rest.rule |= h.rule;
}

/* It was not above marked lines. */
static void
first_is_own(struct reply_above *a)
{
	if (a->first_lines == 0)
		return;
	a->first_lines = 0;
	a->own = true;
	read_also(a, a->first);
}

static bool
ends_sentence(struct span line)
{
	return span_ends(line, SPAN(".")) || span_ends(line, SPAN("!")) ||
	       span_ends(line, SPAN("?"));
}

/* Words of the holder's own do not make it one: an attribution says whose text
 * it is, or of when, from its first line on, and is no sentence.
 * Yahoo, SOGo and others, which put no marks, indent an attribution or end it
 * with blanks, or write them below it. */
static void
add_to_first(struct reply_above *a, struct span text, struct span line)
{
	size_t end = (size_t)(line.p - text.p) + line.n;
	bool blank = span_ends(line, nbsp) ||
		     (end < text.n && strchr(" \t", text.p[end]) != NULL);
	bool only = a->first_lines == 0, colon;
	struct span words;

	read_hints(utf8_trim_end(line), &a->first);
	if (only)
		a->first_told = a->first.doubt || a->first.moment;
	a->first_lines++;
	colon = ends_in_colon(line, &words);
	a->first_colon = !blank && colon;
	a->first_strange |= is_indented(line) ||
			    a->first_lines > FIRST_LINES_MAX ||
			    ends_sentence(line) ||
			    (only ? reply_is_header_like(line) &&
					!(colon && reply_says_wrote(words))
				  : a->first.doubt && !a->first_told);
}

static void
add_marked(struct reply_above *a, struct span line, struct span shown)
{
	struct span words = reply_unquoted(shown);

	if (a->first_lines > 0 && !a->first_strange && a->first_colon)
		a->first_lines = 0;
	first_is_own(a);
	/* The header alone is marked. */
	if (a->own && (reply_is_from(words) || span_has(words, SPAN("ACME:"))))
		a->below = true;
	a->marked = true;
	if (is_marked(shown))
		a->goes_on = has_words(line);
	a->soft = span_ends(shown, SPAN("="));
}

static void
add_empty(struct reply_above *a, struct span text, size_t at)
{
	a->signature = false;
	a->first.near = a->rest.near = false;
	if (a->first_lines == 0)
		return;
	a->first_ended = true;
	if (text.p[at] != '\r' && text.p[at] != '\n')
		a->first_strange = true;
}

/* Its lines say nothing of somebody; mutt puts the attribution right below. */
static bool
is_signature(struct reply_above *a, struct span line)
{
	struct reply_hints h = { .doubt = false };

	if (!a->signature)
		return false;
	read_hints(line, &h);
	if (h.doubt || h.moment) {
		a->signature = false;
		return false;
	}
	read_also(a, h);
	return true;
}

static void
add_unmarked(struct reply_above *a, struct span text, struct span line)
{
	bool is_first;

	if (a->first_ended)
		first_is_own(a);
	is_first = !a->own && !a->marked;
	if (is_first && a->first_lines == 0 && span_eq(line, SPAN("--")))
		a->signature = true;
	if (is_signature(a, line))
		return;
	if (is_first) {
		add_to_first(a, text, line);
		return;
	}
	a->own = true;
	read_hints(line, &a->rest);
	a->below |= a->rest.doubt;
}

/* ------------------------------------------------------------------------- */

/* A body that is read raw: where a part begins, its text begins (MA-59). */
static bool
begins_head(struct span line, struct span after)
{
	return span_starts(line, SPAN("--")) &&
	       span_casestarts(after, SPAN("Content-"));
}

static void
begin_head(struct reply_above *a)
{
	first_is_own(a);
	*a = (struct reply_above){ .below = a->below, .head = true };
}

/* Is the line one of a part's header, or the empty one below it? */
static bool
skips_head(struct reply_above *a, struct span line)
{
	if (!a->head)
		return false;
	a->head = line.n > 0;
	return true;
}

void
reply_above_add(struct reply_above *a, struct span text, size_t at,
    struct span line, size_t next)
{
	struct span shown, whole = span_cut(text, at, next);
	bool soft = a->soft;

	if (a->below || skips_head(a, line))
		return;
	a->soft = false;
	shown = utf8_trim(line);
	a->goes_on &= line.n > 0 && (shown.n == 0 || soft ||
					may_be_broken(a, first_word(line)));
	if (shown.n > 0 || columns_of(whole) > a->columns)
		a->columns = columns_of(whole);
	if (shown.n == 0)
		add_empty(a, text, at);
	else if (!soft && reply_is_separator(text, at, line, next))
		a->below = true;
	else if (begins_head(line, span_from(text, next)))
		begin_head(a);
	else if (soft || is_marked(shown))
		add_marked(a, line, shown);
	else
		add_unmarked(a, text, line);
}

bool
reply_above_block(struct reply_above *a)
{
	first_is_own(a);
	a->own = true;
	/* In quoted-printable the word is as wide as this (decision 0067). */
	return a->below ||
	       (a->goes_on && may_be_broken(a, SPAN("=2D----BEGIN")));
}

bool
reply_above_is_doubtful(const struct reply_above *a)
{
	return a->below || (a->first_lines > 0 && a->first.doubt);
}
