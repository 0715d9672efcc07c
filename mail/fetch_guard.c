#include "config.h"

#include "mail/fetch_guard.h"

#include <stddef.h>
#include <string.h>

/* What we ask for has two; what else a server may tell has few.  Whether they
 * end is not looked at: a ")" in a string ends none. */
#define LISTS_MAX 50

/* libetpan takes it for a code after blanks as well. */
static const struct span bad_charset = SPAN_INIT("badcharset");

/* "* 12 FETCH (": the one response in which there is a literal of ours. */
static bool
is_fetch(const struct fetch_guard *g)
{
	struct span rest = span_mem(g->head, g->head_n);
	size_t digits = 0;

	if (!span_starts(rest, SPAN("* ")))
		return false;
	rest = span_from(rest, 2);
	while (digits < rest.n && ascii_is_digit(rest.p[digits]))
		digits++;
	return digits > 0 &&
	       span_casestarts(span_from(rest, digits), SPAN(" FETCH ("));
}

/* "{12}", which a line's end follows; libetpan adds up in 32 bits. */
static void
see_literal(struct fetch_guard *g, char c)
{
	if (c == '\r' || c == '\n')
		return;
	g->is_number = c == '}' && g->in_number;
	if (c == '{') {
		g->in_number = true;
		g->number = 0;
	} else if (!ascii_is_digit(c) || !g->in_number) {
		g->in_number = false;
	} else if (g->number <= UINT32_MAX) {
		g->number = g->number * 10 + (uint64_t)(c - '0');
	}
}

/* What libetpan, which passes over blanks, might take for a literal. */
static bool
may_be_literal(const struct fetch_guard *g)
{
	return g->last == '}' && g->opened > 0;
}

/* A NUL would end the words. */
static void
keep_farewell(struct fetch_guard *g)
{
	struct span line = span_trim_fws(span_mem(g->head, g->head_n));

	if (!span_casestarts(line, SPAN("* BYE")))
		return;
	line = span_cut(line, 2, sizeof(g->farewell) - 1);
	memcpy(g->farewell, line.p, line.n);
	g->farewell[line.n] = '\0';
}

static const char *
end_line(struct fetch_guard *g)
{
	keep_farewell(g);
	if (!may_be_literal(g)) {
		memset(g, 0, offsetof(struct fetch_guard, farewell));
		return NULL;
	}
	/* Else what follows might be no line to it, or no literal. */
	if (!g->is_number || g->in_string || !is_fetch(g))
		return "the server sent a literal that none asked for, or that "
		       "is not well-formed";
	if (g->number > UINT32_MAX)
		return "the server announced more octets than IMAP can";
	g->literal = g->number;
	g->in_number = g->is_number = false;
	g->last = '\0';
	return NULL;
}

static void
see_string(struct fetch_guard *g, char c)
{
	if (g->is_escaped)
		g->is_escaped = false;
	else if (c == '\\')
		g->is_escaped = g->in_string;
	else if (c == '"')
		g->in_string = !g->in_string;
}

static const char *
see_octet(struct fetch_guard *g, char c)
{
	if (g->head_n < FETCH_GUARD_HEAD)
		g->head[g->head_n++] = c;
	see_literal(g, c);
	see_string(g, c);
	if (c == '\n')
		return end_line(g);
	if (c != ' ' && c != '\t' && c != '\r')
		g->last = c;
	if (c == '(' && ++g->opened > LISTS_MAX)
		return "the server sent lists inside of lists without end";
	/* "b" occurs in it only once. */
	if (ascii_lower(c) != bad_charset.p[g->matched])
		g->matched = ascii_lower(c) == bad_charset.p[0];
	else if (++g->matched == bad_charset.n)
		return "the server speaks of charsets; none was asked for";
	return NULL;
}

const char *
fetch_guard_see(struct fetch_guard *g, struct span octets)
{
	const char *why = NULL;
	size_t at = 0, n;

	while (at < octets.n && why == NULL) {
		if (g->literal == 0) {
			why = see_octet(g, octets.p[at++]);
			continue;
		}
		n = octets.n - at < g->literal ? octets.n - at
					       : (size_t)g->literal;
		g->literal -= n;
		at += n;
	}
	return why;
}
