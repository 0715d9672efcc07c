/*
 * Is issuance stopped for an order (PK-45)?  The web role asks at finalize, the
 * issuer before it takes a serial number and before it signs.  Revocation never
 * asks (PK-183).
 */
#ifndef ACME_STOP_H
#define ACME_STOP_H

#include "db/store_order.h"
#include "db/store_stop.h"

struct job;

#define STOP_RETRY_AFTER 300 /* seconds */

/* The first stop that holds for the order, from the CA with this key
 * identifier (hexadecimal; NULL: not known, which is any): 1 and *out, 0,
 * -1. */
int stop_find(struct job *j, const struct order *o, const char *ca_label,
    struct stop *out);

#endif
