/* The directory (AC-61 to AC-63) and newNonce (AC-57). */
#ifndef ACME_DIRECTORY_H
#define ACME_DIRECTORY_H

#include "acme/request.h"

struct acme;
struct job;

int directory_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp);
int nonce_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

#endif
