#include "config.h"

#include "mail/dkim_tags.h"

#include <string.h>

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* The offset after white space at `at`.  A CRLF belongs to it only if more
 * white space follows, as in a folded field. */
static size_t
skip_fws(struct span s, size_t at)
{
	for (;;) {
		if (at < s.n && is_wsp(s.p[at]))
			at++;
		else if (s.n - at > 2 && s.p[at] == '\r' &&
			 s.p[at + 1] == '\n' && is_wsp(s.p[at + 2]))
			at += 3;
		else
			return at;
	}
}

static size_t
skip_name(struct span s, size_t at)
{
	if (at == s.n || !ascii_is_alpha(s.p[at]))
		return at;
	while (at < s.n && (ascii_is_alnum(s.p[at]) || s.p[at] == '_'))
		at++;
	return at;
}

/* VALCHAR, and the octets of UTF-8 (RFC 8616); ";" is not one.  (Without a
 * branch: half of base64 lies above ";", half below.) */
static bool
is_value_char(char c)
{
	unsigned char u = (unsigned char)c;

	return (u > 0x20) & (u != ';') & (u != 0x7f);
}

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* Are eight octets all printable ASCII but ";"?  The high bit of an octet is
 * set by what goes wrong: over 0x7e, under 0x21, or zero once ";" is taken
 * away.  A borrow can only make it say no too often. */
static bool
are_plain(const char *p)
{
	uint64_t eight, differs;

	memcpy(&eight, p, sizeof(eight));
	differs = eight ^ EACH((unsigned char)';');
	return (((eight + EACH(0x01)) | eight | (eight - EACH(0x21)) |
		    (differs - EACH(0x01))) &
		   EACH(0x80)) == 0;
}

/* Keys and signatures are long, and have nothing else. */
static size_t
skip_visible(struct span s, size_t at)
{
	while (s.n - at >= 8 && are_plain(s.p + at))
		at += 8;
	while (at < s.n && is_value_char(s.p[at]))
		at++;
	return at;
}

/* Reads the value at `at`: *end is where its last visible character ended.
 * The offset of what stops it. */
static size_t
skip_value(struct span s, size_t at, size_t *end)
{
	size_t from;

	*end = at;
	do {
		from = at;
		at = skip_visible(s, at);
		if (at > from)
			*end = at;
		from = at;
		at = skip_fws(s, at);
	} while (at > from);
	return at;
}

/* Names are ASCII, as parse_tag() has found. */
static size_t
letter_of(struct span name)
{
	return (unsigned char)name.p[0] & 0x7f;
}

static int
add_tag(struct dkim_tags *t, struct dkim_tag tag)
{
	if (dkim_tags_find(t, tag.name) != NULL)
		return -1;
	t->tags[t->count++] = tag;
	if (tag.name.n == 1)
		t->letter[letter_of(tag.name)] = (unsigned char)t->count;
	return 0;
}

/* tag-spec at *at, which moves to the ";" after it or the end. */
static enum dkim_tags_fault
parse_tag(struct span list, size_t *at, struct dkim_tags *out)
{
	size_t name_from = skip_fws(list, *at);
	size_t name_to = skip_name(list, name_from);
	size_t equals = skip_fws(list, name_to);
	size_t from, end, to;

	if (name_from == name_to || equals == list.n || list.p[equals] != '=' ||
	    out->count == DKIM_TAGS_MAX)
		return DKIM_TAGS_SYNTAX;
	from = skip_fws(list, equals + 1);
	to = skip_value(list, from, &end);
	if (to < list.n && list.p[to] != ';')
		return DKIM_TAGS_SYNTAX;
	*at = to;
	if (add_tag(out,
		(struct dkim_tag){ .name = span_cut(list, name_from, name_to),
		    .value = span_cut(list, from, end),
		    .from = equals + 1,
		    .to = to }) < 0)
		return DKIM_TAGS_DUPLICATE;
	return DKIM_TAGS_OK;
}

enum dkim_tags_fault
dkim_tags_parse(struct span list, struct dkim_tags *out)
{
	size_t at = 0;

	out->count = 0;
	memset(out->letter, 0, sizeof(out->letter));
	do {
		enum dkim_tags_fault fault = parse_tag(list, &at, out);

		if (fault != DKIM_TAGS_OK)
			return fault;
		/* Behind the ";".  One empty element may stand at the very
		 * end. */
		if (at < list.n)
			at++;
	} while (skip_fws(list, at) < list.n);
	return DKIM_TAGS_OK;
}

const struct dkim_tag *
dkim_tags_find(const struct dkim_tags *t, struct span name)
{
	if (name.n == 1) {
		size_t place = t->letter[letter_of(name)];

		return place == 0 ? NULL : &t->tags[place - 1];
	}
	for (size_t i = 0; i < t->count; i++) {
		if (span_eq(t->tags[i].name, name))
			return &t->tags[i];
	}
	return NULL;
}

bool
dkim_list_next(struct span *rest, bool *more, struct span *out)
{
	size_t colon;

	if (!*more)
		return false;
	colon = span_find(*rest, 0, ':');
	*out = span_trim_fws(span_cut(*rest, 0, colon));
	*more = colon < rest->n;
	*rest = span_from(*rest, colon + 1);
	return true;
}

bool
dkim_list_has(struct span list, const char *word)
{
	struct span element;
	bool more = true;

	while (dkim_list_next(&list, &more, &element)) {
		if (span_eq_str(element, word))
			return true;
	}
	return false;
}
