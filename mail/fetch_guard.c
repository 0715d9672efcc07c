#include "config.h"

#include "mail/fetch_guard.h"

/* What we ask for has two; what else a server may tell has few. */
#define DEPTH_MAX 50

static const struct span bad_charset = SPAN_INIT("[BADCHARSET");

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

static const char *
end_line(struct fetch_guard *g)
{
	uint64_t number = g->number;
	bool is_literal = g->is_number && g->depth > 0;

	g->in_number = g->is_number = false;
	if (!is_literal) {
		*g = (struct fetch_guard){ .head_n = 0 };
		return NULL;
	}
	/* Whatever libetpan takes it for, what follows might not be a line. */
	if (!is_fetch(g))
		return "the server sent a literal in a list; none was asked "
		       "for";
	if (number > UINT32_MAX)
		return "the server announced more octets than IMAP can";
	g->literal = number;
	return NULL;
}

static const char *
see_octet(struct fetch_guard *g, char c)
{
	if (g->head_n < FETCH_GUARD_HEAD)
		g->head[g->head_n++] = c;
	see_literal(g, c);
	if (c == '\n')
		return end_line(g);
	if (c == '(' && ++g->depth > DEPTH_MAX)
		return "the server sent lists inside of lists without end";
	if (c == ')' && g->depth > 0)
		g->depth--;
	/* "[" occurs in it only once. */
	if (ascii_lower(c) != ascii_lower(bad_charset.p[g->matched]))
		g->matched = c == '[';
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
