#include "config.h"

#include "src/form.h"

#include "lib/hex.h"

/* --- fields --------------------------------------------------------------- */

/* One octet from `from` on, moved behind it: 0 or -1. */
static int
decode_octet(struct span s, size_t *from, char *out)
{
	char c = s.p[(*from)++];

	if (c == '+') {
		c = ' ';
	} else if (c == '%') {
		if (hex_parse_fixed(span_cut(s, *from, *from + 2), &c, 1) < 0)
			return -1;
		*from += 2;
	}
	*out = c;
	return c == '\0' ? -1 : 0;
}

static int
decode(struct span s, struct buf *out)
{
	size_t at = 0;
	char c;

	while (at < s.n) {
		if (decode_octet(s, &at, &c) < 0)
			return -1;
		buf_add_char(out, c);
	}
	return buf_ok(out) ? 0 : -1;
}

/* Escaped or not. */
static bool
is_name(struct span s, const char *name)
{
	size_t at = 0;
	char c;

	while (at < s.n) {
		if (decode_octet(s, &at, &c) < 0 || *name == '\0' || c != *name)
			return false;
		name++;
	}
	return *name == '\0';
}

int
form_field(struct span form, const char *name, struct buf *out)
{
	struct span found = { NULL, 0 };
	bool is_there = false;

	for (size_t at = 0; at < form.n;) {
		size_t end = span_find(form, at, '&');
		size_t sign = span_find(form, at, '=');

		if (sign > end)
			sign = end;
		if (is_name(span_cut(form, at, sign), name)) {
			if (is_there)
				return -1;
			is_there = true;
			found = span_cut(form, sign + 1, end);
		}
		at = end + 1;
	}
	if (!is_there)
		return 0;
	return decode(found, out) < 0 ? -1 : 1;
}

/* --- cookies -------------------------------------------------------------- */

int
form_cookie(struct span header, const char *name, struct span *out)
{
	bool is_there = false;

	*out = (struct span){ NULL, 0 };
	for (size_t at = 0; at < header.n;) {
		size_t end = span_find(header, at, ';');
		struct span pair = span_trim(span_cut(header, at, end));
		size_t sign = span_find(pair, 0, '=');

		at = end + 1;
		if (sign == pair.n ||
		    !span_eq_str(span_cut(pair, 0, sign), name))
			continue;
		if (is_there)
			return -1;
		is_there = true;
		*out = span_from(pair, sign + 1);
	}
	return is_there;
}
