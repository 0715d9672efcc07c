/* A user or password for the relay, kept as long as the program speaks to
 * it. */
#ifndef MAIL_CREDENTIAL_H
#define MAIL_CREDENTIAL_H

#include "lib/buf.h"

struct job;

/*
 * `what` names it in the error.  0 and *out, to be wiped and freed by the
 * caller, or -1 for one that is empty, longer than `max` octets, or holds
 * control characters.
 */
int credential_copy(
    struct job *j, const char *what, struct span value, size_t max, char **out);

#endif
