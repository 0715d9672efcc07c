/* Finalize (AC-130 to AC-143). */
#ifndef ACME_FINALIZE_H
#define ACME_FINALIZE_H

#include "acme/request.h"

struct acme;
struct job;
struct json;

int order_finalize(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

/* The CSR of a finalize request's payload: 0, or -1 ERR_MALFORMED. */
int finalize_csr(struct job *j, const struct json *payload, struct span *der);

#endif
