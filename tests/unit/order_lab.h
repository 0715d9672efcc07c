/*
 * For the tests of orders: what a client asks of its order, and finds in the
 * answers (tests/unit/acme_front.h).
 */
#ifndef TESTS_UNIT_ORDER_LAB_H
#define TESTS_UNIT_ORDER_LAB_H

#include "tests/unit/acme_front.h"

#define EMAIL(value) "{\"type\":\"email\",\"value\":\"" value "\"}"
#define DNS(value) "{\"type\":\"dns\",\"value\":\"" value "\"}"
#define ALICE EMAIL("alice@example.com")

/* newOrder with these identifiers, a list in JSON. */
struct answer order_lab_new(struct job *j, const char *identifiers);
/* The URL of a new one for ALICE alone; of one that is ready: the first by a
 * reply, others by reuse. */
const char *order_lab_alice(struct job *j);
const char *order_lab_ready(struct job *j);
/* A CSR of `finalize_csr`, for: */
const char *order_lab_csr(const char *name);
struct answer order_lab_finalize(
    struct job *j, const char *order_url, const char *csr_b64u);
const char *order_lab_status(struct job *j, const char *order_url);
/* The i-th authorization of an order. */
const char *order_lab_authz_url(const struct answer *a, size_t i);
struct answer order_lab_read(struct job *j, const char *url);

/* The only challenge of an authorization. */
const struct json *order_lab_challenge(const struct answer *authz);
/* A string that must be there. */
const char *order_lab_member(const struct json *object, const char *name);

#endif
