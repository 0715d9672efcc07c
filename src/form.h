/*
 * What browsers send: the fields of a form or of a query
 * (application/x-www-form-urlencoded, WHATWG URL section 5.1) and cookies
 * (RFC 6265 section 4.2).
 */
#ifndef SRC_FORM_H
#define SRC_FORM_H

#include "lib/buf.h"

/*
 * The value of the field `name`, decoded and added to `out`: 1; 0: there is
 * none, and nothing was added; -1: it is there twice, an escape is broken, it
 * holds a NUL, or it does not fit.
 */
int form_field(struct span form, const char *name, struct buf *out);

/* The value of the cookie, within `header`: 1; 0; -1: it is there twice. */
int form_cookie(struct span header, const char *name, struct span *out);

#endif
