/* Authorizations (AC-101 to AC-105). */
#ifndef ACME_AUTHZ_H
#define ACME_AUTHZ_H

#include "acme/request.h"

struct acme;
struct job;

int authz_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

#endif
