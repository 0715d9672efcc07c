/* The email-reply-00 challenge (AC-108, AC-121 to AC-123). */
#ifndef ACME_CHALLENGE_H
#define ACME_CHALLENGE_H

#include "acme/request.h"

struct acme;
struct authz;
struct job;
struct json_out;

int challenge_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

/* The challenge of an authorization as a JSON object. */
void challenge_put(const struct acme *a, struct job *j, const struct authz *z,
    struct json_out *o);

#endif
