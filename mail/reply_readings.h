/*
 * Interpretation invariance (MA-59): where the DKIM signature does not cover
 * what says how the body is to be read, no way of reading it may say
 * something else.
 */
#ifndef MAIL_REPLY_READINGS_H
#define MAIL_REPLY_READINGS_H

#include "lib/digest.h"
#include "mail/mime_part.h"

/* What was read, as declared. */
struct reply_readings {
	const struct mime_part *root, *leaf;
	const uint8_t *digest; /* what it says; SHA256_LEN octets */
	bool is_type_signed;   /* is the root's Content-Type covered? */
};

/* 0, or -1 with mime.inconsistent, body.ambiguous or body.block-in-quote. */
int reply_readings_check(
    struct job *j, const struct reply_readings *what, struct finding *f);

#endif
