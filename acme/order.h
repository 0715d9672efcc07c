/* Orders (AC-83 to AC-100). */
#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include "acme/request.h"

struct acme;
struct job;
struct order;

int order_create(
    struct acme *a, struct job *j, struct request *req, struct response *resp);
int order_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

/* The account's own order, or 404 "no such order" (AC-175). */
int order_find(struct job *j, const struct request *req, struct order *out);
/* The object with its fields (AC-96, AC-100). */
void order_respond(const struct acme *a, struct job *j,
    const struct order *order, int status, struct response *resp);

#endif
