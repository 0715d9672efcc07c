/* Finalize (AC-130 to AC-143). */
#ifndef ACME_FINALIZE_H
#define ACME_FINALIZE_H

#include "acme/request.h"

struct acme;
struct job;

int order_finalize(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

#endif
