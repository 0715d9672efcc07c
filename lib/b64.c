#include "config.h"

#include "lib/b64.h"

#include <endian.h>
#include <string.h>

#include "lib/arena.h"

static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits that a character of base64 stands for, and one; 0: none. */
static const unsigned char values[256] = { ['A'] = 1,
	['B'] = 2,
	['C'] = 3,
	['D'] = 4,
	['E'] = 5,
	['F'] = 6,
	['G'] = 7,
	['H'] = 8,
	['I'] = 9,
	['J'] = 10,
	['K'] = 11,
	['L'] = 12,
	['M'] = 13,
	['N'] = 14,
	['O'] = 15,
	['P'] = 16,
	['Q'] = 17,
	['R'] = 18,
	['S'] = 19,
	['T'] = 20,
	['U'] = 21,
	['V'] = 22,
	['W'] = 23,
	['X'] = 24,
	['Y'] = 25,
	['Z'] = 26,
	['a'] = 27,
	['b'] = 28,
	['c'] = 29,
	['d'] = 30,
	['e'] = 31,
	['f'] = 32,
	['g'] = 33,
	['h'] = 34,
	['i'] = 35,
	['j'] = 36,
	['k'] = 37,
	['l'] = 38,
	['m'] = 39,
	['n'] = 40,
	['o'] = 41,
	['p'] = 42,
	['q'] = 43,
	['r'] = 44,
	['s'] = 45,
	['t'] = 46,
	['u'] = 47,
	['v'] = 48,
	['w'] = 49,
	['x'] = 50,
	['y'] = 51,
	['z'] = 52,
	['0'] = 53,
	['1'] = 54,
	['2'] = 55,
	['3'] = 56,
	['4'] = 57,
	['5'] = 58,
	['6'] = 59,
	['7'] = 60,
	['8'] = 61,
	['9'] = 62,
	['+'] = 63,
	['/'] = 64 };

/* The six bits that c stands for in base64, or all bits. */
static unsigned
sextet(char c)
{
	return (unsigned)values[(unsigned char)c] - 1;
}

/* In base64url, or -1. */
static int
url_value(char c)
{
	if (c == '-')
		return 62;
	if (c == '_')
		return 63;
	return c == '+' || c == '/' ? -1 : (int)sextet(c);
}

/* Three octets as four characters; fewer as two or three. */
static size_t
encode_group(
    const unsigned char *in, size_t n, const char *letters, char out[4])
{
	unsigned bits = (unsigned)in[0] << 16;

	if (n > 1)
		bits |= (unsigned)in[1] << 8;
	if (n > 2)
		bits |= in[2];
	out[0] = letters[bits >> 18 & 63];
	out[1] = letters[bits >> 12 & 63];
	out[2] = letters[bits >> 6 & 63];
	out[3] = letters[bits & 63];
	return n >= 3 ? 4 : n + 1;
}

void
b64url_format(char *out, struct span bytes)
{
	const unsigned char *in = (const unsigned char *)bytes.p;

	for (size_t i = 0; i < bytes.n; i += 3) {
		char group[4];
		size_t n =
		    encode_group(in + i, bytes.n - i, url_alphabet, group);

		memcpy(out, group, n);
		out += n;
	}
	*out = '\0';
}

char *
b64url_dup(struct arena *a, struct span bytes)
{
	char *out = arena_alloc(a, B64URL_LEN(bytes.n) + 1);

	b64url_format(out, bytes);
	return out;
}

void
b64url_add(struct buf *out, struct span bytes)
{
	const unsigned char *in = (const unsigned char *)bytes.p;

	for (size_t i = 0; i < bytes.n && buf_ok(out); i += 3) {
		char group[4];
		size_t n =
		    encode_group(in + i, bytes.n - i, url_alphabet, group);

		buf_add_mem(out, group, n);
	}
}

/* Groups are made here before they are added: a few at a time, since each
 * call has its price. */
#define GROUPS 64

void
b64_add(struct buf *out, struct span bytes)
{
	const unsigned char *in = (const unsigned char *)bytes.p;
	char text[GROUPS * 4];
	size_t filled = 0;

	buf_reserve(out, (bytes.n + 2) / 3 * 4);
	for (size_t i = 0; i < bytes.n && buf_ok(out); i += 3) {
		char *group = text + filled;
		size_t n = encode_group(in + i, bytes.n - i, alphabet, group);

		memset(group + n, '=', 4 - n);
		filled += 4;
		if (filled < sizeof(text) && i + 3 < bytes.n)
			continue;
		buf_add_mem(out, text, filled);
		filled = 0;
	}
}

bool
b64url_is_alphabet(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (url_value(text.p[i]) < 0)
			return false;
	}
	return true;
}

/* Octets that `n` characters without padding become. */
static size_t
decoded_len(size_t n)
{
	return n / 4 * 3 + (n % 4 == 0 ? 0 : n % 4 - 1);
}

/* AC-29: `out` has decoded_len(text.n) octets. */
static int
decode_url(struct span text, unsigned char *out)
{
	unsigned bits = 0;
	int count = 0;

	if (text.n % 4 == 1)
		return -1;
	for (size_t i = 0; i < text.n; i++) {
		int value = url_value(text.p[i]);

		if (value < 0)
			return -1;
		bits = (bits << 6 | (unsigned)value) & 0xffff;
		count += 6;
		if (count >= 8) {
			count -= 8;
			*out++ = (unsigned char)(bits >> count & 0xff);
		}
	}
	/* What is left over is not part of any octet: it must be zero, or
	 * one octet string would have several spellings. */
	return (bits & ((1u << count) - 1)) == 0 ? 0 : -1;
}

int
b64url_parse(struct arena *a, struct span text, struct span *out)
{
	size_t n = decoded_len(text.n);
	unsigned char *octets = arena_alloc(a, n + 1);

	if (decode_url(text, octets) != 0)
		return -1;
	*out = span_mem(octets, n);
	return 0;
}

int
b64url_parse_fixed(struct span text, void *out, size_t n)
{
	if (text.n % 4 == 1 || decoded_len(text.n) != n)
		return -1;
	return decode_url(text, out);
}

static bool
is_fws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What may follow the last character: padding and white space.  The number
 * of "=", or -1. */
static int
count_padding(struct span text, size_t at)
{
	int padding = 0;

	for (; at < text.n; at++) {
		if (text.p[at] == '=')
			padding++;
		else if (!is_fws(text.p[at]))
			return -1;
		if (padding > 2)
			return -1;
	}
	return padding;
}

/* Whole groups of four at the front of `text`, without anything between:
 * how many characters.  Most of what is long is that.  `out` has room for one
 * octet more than they become. */
static size_t
decode_groups(struct span text, unsigned char *out)
{
	const char *p = text.p;
	size_t at;

	for (at = 0; at + 4 <= text.n; at += 4) {
		unsigned a = sextet(p[at]), b = sextet(p[at + 1]);
		unsigned c = sextet(p[at + 2]), d = sextet(p[at + 3]);
		uint32_t bits;

		if ((a | b | c | d) > 63)
			break;
		bits = htobe32(a << 26 | b << 20 | c << 14 | d << 8);
		memcpy(out, &bits, sizeof(bits));
		out += 3;
	}
	return at;
}

int
b64_parse_fws(struct arena *a, struct span text, struct span *out)
{
	unsigned char *octets = arena_alloc(a, decoded_len(text.n) + 1);
	size_t count = 0, n = 0, at;
	unsigned bits = 0;
	int padding;

	for (at = 0; at < text.n; at++) {
		if (count % 4 == 0) {
			size_t more =
			    decode_groups(span_from(text, at), octets + n);

			at += more;
			count += more;
			n += more / 4 * 3;
			if (at == text.n)
				break;
		}
		int value = (int)sextet(text.p[at]);

		if (value < 0) {
			if (is_fws(text.p[at]))
				continue;
			break;
		}
		bits = bits << 6 | (unsigned)value;
		if (++count % 4 == 0) {
			octets[n++] = (unsigned char)(bits >> 16 & 0xff);
			octets[n++] = (unsigned char)(bits >> 8 & 0xff);
			octets[n++] = (unsigned char)(bits & 0xff);
		}
	}
	padding = count_padding(text, at);
	if (padding < 0 || (count + (size_t)padding) % 4 != 0 || count % 4 == 1)
		return -1;
	/* What is left over is not part of any octet: it must be zero. */
	if (count % 4 == 2) {
		if ((bits & 0xf) != 0)
			return -1;
		octets[n++] = (unsigned char)(bits >> 4 & 0xff);
	} else if (count % 4 == 3) {
		if ((bits & 0x3) != 0)
			return -1;
		octets[n++] = (unsigned char)(bits >> 10 & 0xff);
		octets[n++] = (unsigned char)(bits >> 2 & 0xff);
	}
	*out = span_mem(octets, n);
	return 0;
}

static const char b32_letters[] = "abcdefghijklmnopqrstuvwxyz234567";

void
b32_add(struct buf *out, struct span bytes)
{
	uint32_t bits = 0;
	unsigned count = 0;

	for (size_t i = 0; i < bytes.n; i++) {
		bits = (bits << 8 | (unsigned char)bytes.p[i]) & 0xfff;
		for (count += 8; count >= 5; count -= 5)
			buf_add_char(
			    out, b32_letters[bits >> (count - 5) & 31]);
	}
	if (count > 0)
		buf_add_char(out, b32_letters[bits << (5 - count) & 31]);
}

bool
b32_is_alphabet(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\0' || strchr(b32_letters, text.p[i]) == NULL)
			return false;
	}
	return true;
}
