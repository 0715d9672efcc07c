/* Dates in HTTP header fields (RFC 9110 5.6.7). */
#ifndef SRC_HTTP_DATE_H
#define SRC_HTTP_DATE_H

#include <stdint.h>

struct buf;

/* "Sun, 06 Nov 1994 08:49:37 GMT", in no locale. */
void http_date_add(struct buf *b, int64_t secs);
/* The same form, the only one that is still sent: 0, or -1. */
int http_date_parse(const char *text, int64_t *secs);

#endif
