#include "config.h"

#include "lib/utf8.h"

#include <string.h>
#include <unictype.h>

struct form {
	uint8_t mask, lead;
	uint32_t least; /* smaller is overlong */
};

static const struct form forms[] = {
	{ 0x80, 0x00, 0x0 },
	{ 0xe0, 0xc0, 0x80 },
	{ 0xf0, 0xe0, 0x800 },
	{ 0xf8, 0xf0, 0x10000 },
};

int
utf8_next(struct span s, size_t *at, uint32_t *code_point)
{
	size_t follow, i;
	uint8_t first, c;
	uint32_t v;

	if (*at >= s.n)
		return 0;
	first = (uint8_t)s.p[*at];
	for (follow = 0; follow < 4; follow++)
		if ((first & forms[follow].mask) == forms[follow].lead)
			break;
	if (follow == 4 || s.n - *at <= follow)
		return -1;
	v = first & (uint8_t)~forms[follow].mask;
	for (i = 1; i <= follow; i++) {
		c = (uint8_t)s.p[*at + i];
		if ((c & 0xc0) != 0x80)
			return -1;
		v = v << 6 | (c & 0x3f);
	}
	if (v < forms[follow].least || v > 0x10ffff ||
	    (v >= 0xd800 && v <= 0xdfff))
		return -1;
	*at += follow + 1;
	*code_point = v;
	return 1;
}

/* Where ASCII ends: most text is nothing else, and eight octets at a time
 * cost as much as one. */
static size_t
skip_ascii(struct span s, size_t at)
{
	uint64_t eight;

	for (; s.n - at >= sizeof(eight); at += sizeof(eight)) {
		memcpy(&eight, s.p + at, sizeof(eight));
		if ((eight & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	while (at < s.n && (uint8_t)s.p[at] < 0x80)
		at++;
	return at;
}

bool
utf8_is_valid(struct span s)
{
	size_t at = skip_ascii(s, 0);
	uint32_t c;
	int more;

	while ((more = utf8_next(s, &at, &c)) == 1)
		at = skip_ascii(s, at);
	return more == 0;
}

void
utf8_add(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_add_char(b, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_add_char(b, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_add_char(b, (char)(0xe0 | c >> 12));
		} else {
			buf_add_char(b, (char)(0xf0 | c >> 18));
			buf_add_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_add_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_add_char(b, (char)(0x80 | (c & 0x3f)));
}

bool
utf8_is_plain(struct span s)
{
	const uint32_t unwanted = UC_CATEGORY_MASK_C | UC_CATEGORY_MASK_Z;
	size_t at = 0;
	uint32_t c;
	int more;

	while ((more = utf8_next(s, &at, &c)) == 1)
		if (c != ' ' && uc_is_general_category_withtable(c, unwanted))
			return false;
	return more == 0;
}

bool
utf8_is_invisible(uint32_t c)
{
	if (c < 0x80)
		return c == ' ';
	return uc_is_general_category_withtable(
	    c, UC_CATEGORY_MASK_Z | UC_CATEGORY_MASK_Cf);
}

bool
utf8_is_shown(uint32_t code_point)
{
	uint32_t c = code_point;

	if (c == '\n' || c == '\t' || c == ' ')
		return true;
	return c >= 0x20 && c != 0x7f && (c < 0x80 || c >= 0xa0) &&
	       !utf8_is_invisible(c);
}

bool
utf8_is_digit(uint32_t c)
{
	if (c < 0x80)
		return c >= '0' && c <= '9';
	return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Nd);
}

/* The length of the invisible character that s ends in, or 0. */
static size_t
last_invisible(struct span s)
{
	size_t n, at;
	uint32_t c;

	for (n = 1; n <= 4 && n <= s.n; n++) {
		at = s.n - n;
		if (((uint8_t)s.p[at] & 0xc0) == 0x80)
			continue;
		if (utf8_next(s, &at, &c) != 1 || at != s.n)
			return 0;
		return c == '\t' || utf8_is_invisible(c) ? n : 0;
	}
	return 0;
}

struct span
utf8_trim_end(struct span s)
{
	size_t n;

	while ((n = last_invisible(s)) > 0)
		s.n -= n;
	return s;
}

struct span
utf8_trim(struct span s)
{
	size_t at = 0, next = 0;
	uint32_t c;

	while (
	    utf8_next(s, &next, &c) == 1 && (c == '\t' || utf8_is_invisible(c)))
		at = next;
	return utf8_trim_end(span_from(s, at));
}
