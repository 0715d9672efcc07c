/*
 * What is left of a former CA whose key was destroyed (PK-156, PK-207): its
 * last list says what is revoked until it ends, and then nobody does.
 */
#ifndef SRC_FORMER_REST_H
#define SRC_FORMER_REST_H

#include <stdint.h>

struct conf_issuer;
struct job;

struct former_rest {
	int64_t list_end; /* nextUpdate of the list that ends first; 0: none */
	int64_t cert_end; /* notAfter of the last certificate; 0: none */
	int64_t unlisted; /* revoked and valid, and on no list */
};

/* From the database: 0, or -1. */
int former_rest(struct job *j, const char *ca_label,
    const struct conf_issuer *c, struct former_rest *out);

/* What is to be done, in the job's memory, where certificates outlive the last
 * list, or were revoked after it; or NULL. */
const char *former_rest_problem(struct job *j, const struct former_rest *r);

#endif
