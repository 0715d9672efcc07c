/* The contacts of an account (AC-69). */
#ifndef ACME_CONTACT_H
#define ACME_CONTACT_H

#include "acme/request.h"

struct job;

#define CONTACTS_MAX 10 /* of one account */

/*
 * The payload's `contact`: 1 and the array as JSON text, 0 if there is none,
 * or -1 with every contact that is refused as a subproblem.
 */
int contact_parse(struct job *j, const struct json *payload,
    struct response *resp, const char **out);

#endif
