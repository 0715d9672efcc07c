/*
 * The issuer: the only holder of the CA key.  It has no network and believes
 * no row that it cannot recompute (architecture.md, PK-44): before each
 * signature it verifies seal, stored reply, CAA and CSR again.
 */
#ifndef SRC_ROLE_ISSUER_H
#define SRC_ROLE_ISSUER_H

#include <stddef.h>

#include "src/role.h"

struct ca;
struct order;
struct seal_key;

struct issuer {
	const struct ca *ca;
	const struct seal_key *seal;
	int64_t written; /* number of the list in crl_file; 0: not known */
};

/* One order, or a revocation list that is due: 1, 0, -1. */
int issuer_step(void *issuer, struct job *j);
int issuer_next_due(void *issuer, struct job *j, int64_t *at);

/*
 * Revocation lists (src/lists.c): one that is due, or one that is not in
 * crl_file yet: 1, 0, -1.  Every 24 hours, and after revocations, which are
 * collected for at most five minutes (PK-156).
 */
int issuer_list_step(struct issuer *i, struct job *j);
/* 0, or -1. */
int issuer_list_due(const struct issuer *i, struct job *j, int64_t *at);
/* How long revocations are collected after a list of so many octets. */
int64_t issuer_list_pause(size_t octets);

/* Why an order cannot be signed now. */
enum gate {
	GATE_OPEN,
	GATE_WAIT,   /* CAA too old or missing: asked for, come back */
	GATE_CLOSED, /* never: the job's error is the problem */
};
/* PK-44, PK-13, PK-27.  -1 for faults of our own. */
int issuer_gate(const struct issuer *i, struct job *j, const struct order *o,
    enum gate *out);

extern const struct role_ops issuer_ops;

#endif
