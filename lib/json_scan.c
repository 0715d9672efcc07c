#include "config.h"

#include "lib/json_scan.h"

#include <string.h>

#include "lib/arena.h"

/* AC-25 */
#define MAX_DEPTH 16
#define MAX_NUMBER 32
/* Any integer of so many digits fits into 64 bits. */
#define MAX_DIGITS 18

bool
json_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The four hexadecimal digits at `at`, or -1. */
static int
hex4(struct span text, size_t at)
{
	int value = 0;

	if (at + 4 > text.n)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		char c = ascii_lower(text.p[at + i]);

		if (ascii_is_digit(c))
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else
			return -1;
	}
	return value;
}

static bool
is_escape_u(struct span text, size_t at)
{
	return at + 1 < text.n && text.p[at] == '\\' && text.p[at + 1] == 'u';
}

/* AC-27: is the \uXXXX at s->at a character?  Goes on behind it. */
static bool
scan_escape_u(struct json_scan *s)
{
	int unit = hex4(s->text, s->at + 2);
	int low;

	s->at += 2;
	if (unit < 0)
		return true; /* not JSON: jansson says so */
	s->at += 4;
	if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff))
		return false;
	if (unit < 0xd800 || unit > 0xdbff)
		return true;
	low = is_escape_u(s->text, s->at) ? hex4(s->text, s->at + 2) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return false;
	s->at += 6;
	return true;
}

/* From behind the opening quote to behind the closing one. */
static enum json_scan_result
scan_string(struct json_scan *s)
{
	bool good = true;

	while (s->at < s->text.n && s->text.p[s->at] != '"') {
		if (is_escape_u(s->text, s->at))
			good = scan_escape_u(s) && good;
		else
			s->at += s->text.p[s->at] == '\\' ? 2 : 1;
	}
	s->at++;
	return good ? JSON_SCAN_OK : JSON_SCAN_CHARACTER;
}

/* Numbers and the three words. */
static enum json_scan_result
scan_word(struct json_scan *s)
{
	size_t start = s->at;
	bool exponent = false;
	char first = s->text.p[start];

	while (s->at < s->text.n &&
	       (ascii_is_alnum(s->text.p[s->at]) || s->text.p[s->at] == '+' ||
		   s->text.p[s->at] == '-' || s->text.p[s->at] == '.')) {
		exponent = exponent || ascii_lower(s->text.p[s->at]) == 'e';
		s->at++;
	}
	if (s->at == start)
		s->at++;
	if (first != '-' && !ascii_is_digit(first))
		return JSON_SCAN_OK;
	if (s->at - start > MAX_NUMBER)
		return JSON_SCAN_LIMIT;
	return exponent || s->at - start > MAX_DIGITS ? JSON_SCAN_LARGE
						      : JSON_SCAN_OK;
}

/* One token.  Items are the commas, and one more for each pair of brackets
 * that is not empty. */
enum json_scan_result
json_scan_token(struct json_scan *s)
{
	char c = s->text.p[s->at];
	bool opened = s->opened;

	if (json_is_blank(c)) {
		s->at++;
		return JSON_SCAN_OK;
	}
	s->opened = c == '[' || c == '{';
	if ((opened && c != ']' && c != '}') || c == ',')
		s->items++;
	if (s->items > s->items_max)
		return JSON_SCAN_LIMIT;
	switch (c) {
	case '[':
	case '{':
		s->at++;
		return ++s->depth > MAX_DEPTH ? JSON_SCAN_LIMIT : JSON_SCAN_OK;
	case ']':
	case '}':
		s->depth--;
		s->at++;
		return JSON_SCAN_OK;
	case '"':
		s->at++;
		return scan_string(s);
	case ',':
	case ':':
		s->at++;
		return JSON_SCAN_OK;
	default:
		return scan_word(s);
	}
}

enum json_scan_result
json_scan(struct span text, size_t items_max)
{
	struct json_scan s = { .text = text, .items_max = items_max };
	enum json_scan_result worst = JSON_SCAN_OK;

	while (s.at < text.n) {
		enum json_scan_result r = json_scan_token(&s);

		if (r == JSON_SCAN_LIMIT)
			return r;
		if (r > worst)
			worst = r;
	}
	return worst;
}

/* --- numbers that are too large for jansson ------------------------------ */

static bool
is_number(struct span token)
{
	return token.n > 0 && (token.p[0] == '-' || ascii_is_digit(token.p[0]));
}

/* What of it is kept: all, unless it is an integer with more digits. */
static size_t
kept(struct span token)
{
	size_t sign = token.p[0] == '-' ? 1 : 0;

	for (size_t i = sign; i < token.n; i++)
		if (!ascii_is_digit(token.p[i]))
			return token.n;
	return token.n > sign + MAX_DIGITS ? sign + MAX_DIGITS : token.n;
}

/* Changes the copy of a number in place; its length afterwards. */
static size_t
fit(char *number, size_t n)
{
	bool exponent = false;

	for (size_t i = 0; i < n; i++) {
		if (exponent && ascii_is_digit(number[i]))
			number[i] = '0';
		exponent = exponent || ascii_lower(number[i]) == 'e';
	}
	return kept(span_mem(number, n));
}

struct span
json_scan_fit(struct arena *a, struct span text)
{
	struct json_scan s = { .text = text, .items_max = SIZE_MAX };
	char *out = arena_alloc(a, text.n);
	size_t n = 0;

	while (s.at < text.n) {
		size_t start = s.at;
		struct span token;

		(void)json_scan_token(&s);
		token = span_cut(text, start, s.at);
		memcpy(out + n, token.p, token.n);
		n += is_number(token) ? fit(out + n, token.n) : token.n;
	}
	return span_mem(out, n);
}
