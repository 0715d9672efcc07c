#include "config.h"

#include "lib/json.h"

#include "lib/clock.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"

void
json_out_init(struct json_out *o, struct buf *b)
{
	*o = (struct json_out){ .b = b };
}

/* Before a name or a value. */
static void
separate(struct json_out *o)
{
	if (o->comma)
		buf_add_char(o->b, ',');
	o->comma = true;
}

static void
begin(struct json_out *o, char bracket)
{
	separate(o);
	buf_add_char(o->b, bracket);
	o->comma = false;
}

static void
end(struct json_out *o, char bracket)
{
	buf_add_char(o->b, bracket);
	o->comma = true;
}

void
json_object_begin(struct json_out *o)
{
	begin(o, '{');
}

void
json_object_end(struct json_out *o)
{
	end(o, '}');
}

void
json_array_begin(struct json_out *o)
{
	begin(o, '[');
}

void
json_array_end(struct json_out *o)
{
	end(o, ']');
}

/* Octets of the UTF-8 sequence at the start of s, or 0 if it is none
 * (RFC 3629: no surrogate, nothing longer than needed, at most U+10FFFF). */
static size_t
utf8_len(struct span s)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max;
		size_t n;
	} forms[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = 0; i < COUNT(forms); i++) {
		if (p[0] < forms[i].first_min || p[0] > forms[i].first_max)
			continue;
		if (s.n < forms[i].n ||
		    (forms[i].n > 1 && (p[1] < forms[i].second_min ||
					   p[1] > forms[i].second_max)))
			return 0;
		for (size_t k = 2; k < forms[i].n; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].n;
	}
	return 0;
}

/* One character of s, whose length in s is returned. */
static size_t
put_character(struct buf *b, struct span s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = utf8_len(s);

	if (n == 0) {
		buf_add_str(b, "\xef\xbf\xbd"); /* U+FFFD */
		return 1;
	}
	if (c == '"' || c == '\\') {
		buf_add_char(b, '\\');
		buf_add_char(b, (char)c);
	} else if (c < 0x20 || c == 0x7f) {
		buf_addf(b, "\\u%04x", (unsigned)c);
	} else {
		buf_add_mem(b, s.p, n);
	}
	return n;
}

/* How many octets at the beginning stand for themselves. */
static size_t
plain_length(struct span s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f && s.p[n] != '"' &&
	       s.p[n] != '\\')
		n++;
	return n;
}

static void
put_quoted(struct buf *b, struct span s)
{
	buf_reserve(b, s.n + 2);
	buf_add_char(b, '"');
	while (s.n > 0) {
		size_t n = plain_length(s);

		buf_add_mem(b, s.p, n);
		s = span_from(s, n);
		if (s.n > 0)
			s = span_from(s, put_character(b, s));
	}
	buf_add_char(b, '"');
}

void
json_key(struct json_out *o, const char *name)
{
	separate(o);
	put_quoted(o->b, span_str(name));
	buf_add_char(o->b, ':');
	o->comma = false;
}

void
json_put_string(struct json_out *o, struct span s)
{
	separate(o);
	put_quoted(o->b, s);
}

void
json_put_int(struct json_out *o, int64_t v)
{
	separate(o);
	buf_addf(o->b, "%jd", (intmax_t)v);
}

void
json_put_bool(struct json_out *o, bool v)
{
	separate(o);
	buf_add_str(o->b, v ? "true" : "false");
}

void
json_put_null(struct json_out *o)
{
	separate(o);
	buf_add_str(o->b, "null");
}

void
json_put_raw(struct json_out *o, struct span json)
{
	separate(o);
	buf_add(o->b, json);
}

void
json_member_string(struct json_out *o, const char *name, struct span s)
{
	json_key(o, name);
	json_put_string(o, s);
}

void
json_member_str(struct json_out *o, const char *name, const char *s)
{
	json_member_string(o, name, span_str(s));
}

void
json_member_int(struct json_out *o, const char *name, int64_t v)
{
	json_key(o, name);
	json_put_int(o, v);
}

void
json_member_bool(struct json_out *o, const char *name, bool v)
{
	json_key(o, name);
	json_put_bool(o, v);
}

void
json_member_time(struct json_out *o, const char *name, int64_t secs)
{
	char text[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(secs, text);
	json_member_str(o, name, text);
}

void
json_member_sha256(struct json_out *o, const char *name, struct span octets)
{
	char text[2 * SHA256_LEN + 1];
	uint8_t sum[SHA256_LEN];

	sha256(octets, sum);
	hex_format(text, span_mem(sum, sizeof(sum)));
	json_member_str(o, name, text);
}
