/*
 * JSON text before jansson has seen it: limits, what jansson would not tell
 * apart, and what it could not hold (AC-25, AC-27).  Whether it is JSON at all
 * is jansson's to say.
 */
#ifndef LIB_JSON_SCAN_H
#define LIB_JSON_SCAN_H

#include "lib/buf.h"

/* The worse is the greater. */
enum json_scan_result {
	JSON_SCAN_OK,
	JSON_SCAN_LARGE, /* good, but json_scan_fit() it for jansson */
	JSON_SCAN_CHARACTER,
	JSON_SCAN_LIMIT
};

struct arena;

struct json_scan {
	struct span text;
	size_t at;
	int depth;
	size_t items, items_max;
	bool opened; /* nothing but white space since [ or { */
};

/* The whole text: the worst of it. */
enum json_scan_result json_scan(struct span text, size_t items_max);
/* One token, or one blank, at s->at; goes on behind it. */
enum json_scan_result json_scan_token(struct json_scan *s);
/*
 * The text with its numbers cut so that each fits into 64 bits, or a double:
 * an integer loses its last digits, an exponent becomes 0.  What was no number
 * stays none, and tokens stay tokens.
 */
struct span json_scan_fit(struct arena *a, struct span text);
/* White space as RFC 8259 section 2 has it. */
bool json_is_blank(char c);

#endif
