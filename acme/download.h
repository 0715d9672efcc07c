/* Certificates (AC-146 to AC-151). */
#ifndef ACME_DOWNLOAD_H
#define ACME_DOWNLOAD_H

#include "acme/request.h"

struct acme;
struct job;

int certificate_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

/* AC-147: does this Accept field want the DER form rather than the chain? */
bool accept_prefers_der(struct span accept);

#endif
