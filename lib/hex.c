#include "config.h"

#include "lib/hex.h"

#include "lib/arena.h"

void
hex_format(char *out, struct span bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];

		*out++ = digits[c >> 4];
		*out++ = digits[c & 15];
	}
	*out = '\0';
}

char *
hex_dup(struct arena *a, struct span bytes)
{
	char *out = arena_calloc(a, bytes.n + 1, 2);

	hex_format(out, bytes);
	return out;
}

static int
value_of(char c)
{
	c = ascii_lower(c);
	if (ascii_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int
hex_parse_fixed(struct span text, void *out, size_t n)
{
	unsigned char *p = out;

	if (text.n / 2 != n || text.n % 2 != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int high = value_of(text.p[2 * i]);
		int low = value_of(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		p[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}
