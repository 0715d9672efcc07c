/*
 * What an IMAP server sends, as fetch_guard_see() is given it: the first octet
 * says how it is cut.  Pieces of any size find what one piece finds; and where
 * there is no literal, a line that passes has neither of the two things that
 * libetpan does not survive.
 */
#include "config.h"

#include <stdlib.h>

#include "mail/fetch_guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define LISTS_MAX 50
static const struct span bad_charset = SPAN_INIT("BADCHARSET");

static bool
passes_in_pieces(struct span octets, size_t size)
{
	struct fetch_guard g = { .head_n = 0 };

	for (size_t at = 0; at < octets.n; at += size) {
		if (fetch_guard_see(&g, span_cut(octets, at, at + size)) !=
		    NULL)
			return false;
	}
	return true;
}

static bool
is_harmless(struct span line)
{
	size_t lists = 0;

	for (size_t i = 0; i < line.n; i++) {
		if (span_casestarts(span_from(line, i), bad_charset))
			return false;
		if (line.p[i] == '(' && ++lists > LISTS_MAX)
			return false;
	}
	return true;
}

static bool
are_all_harmless(struct span octets)
{
	for (size_t at = 0, end; at < octets.n; at = end + 1) {
		end = span_find(octets, at, '\n');
		if (!is_harmless(span_cut(octets, at, end)))
			return false;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span all = span_mem(data, n), octets = span_from(all, 1);
	size_t size = n == 0 ? 1 : 1 + data[0];
	bool passes = passes_in_pieces(octets, octets.n == 0 ? 1 : octets.n);

	if (passes != passes_in_pieces(octets, size))
		abort();
	if (span_find(octets, 0, '}') == octets.n &&
	    passes != are_all_harmless(octets))
		abort();
	return 0;
}
