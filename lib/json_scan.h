/*
 * JSON text before jansson has seen it: limits, and what jansson would not
 * tell apart (AC-25, AC-27).  Whether it is JSON at all is jansson's to say.
 */
#ifndef LIB_JSON_SCAN_H
#define LIB_JSON_SCAN_H

#include "lib/buf.h"

enum json_scan_result { JSON_SCAN_OK, JSON_SCAN_LIMIT, JSON_SCAN_CHARACTER };

struct json_scan {
	struct span text;
	size_t at;
	int depth;
	size_t items, items_max;
	bool opened; /* nothing but white space since [ or { */
};

/* The whole text; a limit goes before a forbidden character. */
enum json_scan_result json_scan(struct span text, size_t items_max);
/* One token, or one blank, at s->at; goes on behind it. */
enum json_scan_result json_scan_token(struct json_scan *s);
/* White space as RFC 8259 section 2 has it. */
bool json_is_blank(char c);

#endif
