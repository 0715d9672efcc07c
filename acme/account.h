/* Accounts (AC-64 to AC-71). */
#ifndef ACME_ACCOUNT_H
#define ACME_ACCOUNT_H

#include "acme/request.h"

struct acme;
struct job;

int account_create(
    struct acme *a, struct job *j, struct request *req, struct response *resp);
/* Read, and update of the contacts. */
int account_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

/* Step 15: 0, or -1 with 401 unauthorized (AC-49). */
int account_check_status(
    struct job *j, const struct account *account, const char *what);

#endif
