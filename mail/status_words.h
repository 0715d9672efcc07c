/*
 * Enhanced mail system status codes in words (RFC 3463, and the registry that
 * RFC 5248 began): what became of the challenge mail, for people who do not
 * know the numbers.  Nothing of the remote server's own text is in it
 * (AC-119).
 */
#ifndef MAIL_STATUS_WORDS_H
#define MAIL_STATUS_WORDS_H

#include <stdbool.h>

struct job;

/* "there is no such mailbox" for "550 5.1.1", "5.1.1" or "550"; NULL for what
 * is not one of these. */
const char *status_words(const char *code);
/* Says it for good that nothing takes mail for the domain: it does not exist
 * (5.1.2), has no way to it in the DNS (5.4.4), or wants none (556, RFC 7505).
 */
bool status_is_no_exchanger(const char *code);
/* "550 5.1.1 (there is no such mailbox)"; an empty code: "no answer". */
const char *status_explain(struct job *j, const char *code);

#endif
