/* Authorizations (AC-101 to AC-106). */
#ifndef ACME_AUTHZ_H
#define ACME_AUTHZ_H

#include "acme/request.h"

struct acme;
struct job;

/* Reads one, or deactivates it. */
int authz_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

/* newAuthz */
int authz_create(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

#endif
