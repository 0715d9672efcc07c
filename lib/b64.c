#include "config.h"

#include "lib/b64.h"

#include <string.h>

#include "lib/arena.h"

static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits that c stands for, or -1; `c62` and `c63` are the last two of
 * the alphabet. */
static int
value_of(char c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == c62)
		return 62;
	if (c == c63)
		return 63;
	return -1;
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

void
b64_add(struct buf *out, struct span bytes)
{
	const unsigned char *in = (const unsigned char *)bytes.p;

	for (size_t i = 0; i < bytes.n && buf_ok(out); i += 3) {
		char group[4];
		size_t n = encode_group(in + i, bytes.n - i, alphabet, group);

		memset(group + n, '=', 4 - n);
		buf_add_mem(out, group, 4);
	}
}

bool
b64url_is_alphabet(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (value_of(text.p[i], '-', '_') < 0)
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
		int value = value_of(text.p[i], '-', '_');

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

/* The characters before the padding without white space, and the number of
 * padding characters; -1 for a character that may not stand there. */
static int
strip_fws(struct span text, char *out, size_t *n, size_t *padding)
{
	*n = *padding = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (is_fws(c))
			continue;
		if (c == '=') {
			(*padding)++;
			continue;
		}
		if (*padding > 0 || value_of(c, '+', '/') < 0)
			return -1;
		/* The decoder below is the one for base64url. */
		out[(*n)++] = (char)(c == '+' ? '-' : c == '/' ? '_' : c);
	}
	return 0;
}

int
b64_parse_fws(struct arena *a, struct span text, struct span *out)
{
	char *clean = arena_alloc(a, text.n + 1);
	size_t n, padding;

	if (strip_fws(text, clean, &n, &padding) != 0)
		return -1;
	if (padding > 2 || (n + padding) % 4 != 0)
		return -1;
	return b64url_parse(a, span_mem(clean, n), out);
}
