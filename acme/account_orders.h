/* The list of an account's orders (AC-75). */
#ifndef ACME_ACCOUNT_ORDERS_H
#define ACME_ACCOUNT_ORDERS_H

#include "acme/request.h"

struct acme;
struct job;

int account_orders(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

#endif
