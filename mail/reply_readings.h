/*
 * Interpretation invariance (MA-59): where the DKIM signature does not cover
 * what says how the body is to be read, no way of reading it may say
 * something else.
 */
#ifndef MAIL_REPLY_READINGS_H
#define MAIL_REPLY_READINGS_H

#include "lib/digest.h"
#include "mail/mime_part.h"

/*
 * `digest` is what the body says as declared.  0, or -1 with
 * mime.inconsistent, body.ambiguous or body.block-in-quote.
 */
int reply_readings_check(struct job *j, const struct mime_part *root,
    const struct mime_part *leaf, const uint8_t digest[SHA256_LEN],
    struct finding *f);

#endif
