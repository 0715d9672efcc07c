/*
 * The page for people (PK-184): where a problem with a certificate is reported.
 * It is there when policy says an address, and the directory names it.
 */
#ifndef ACME_HELP_H
#define ACME_HELP_H

#include "acme/request.h"

struct acme;
struct job;

int help_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

#endif
