/* Comments and folding white space (RFC 5322 section 3.2.2). */
#ifndef MAIL_CFWS_H
#define MAIL_CFWS_H

#include "lib/buf.h"

/*
 * Moves *at behind all of it: 0; or -1 for a comment that does not end, nests
 * more than eight deep or has a control character in it.
 */
int cfws_skip(struct span s, size_t *at);

#endif
