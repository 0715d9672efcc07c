/*
 * The issuer: the only holder of the CA key.  It has no network and believes
 * no row that it cannot recompute (architecture.md, PK-44): before each
 * signature it verifies seal, stored reply, CAA and CSR again.
 */
#ifndef SRC_ROLE_ISSUER_H
#define SRC_ROLE_ISSUER_H

#include <stddef.h>

#include "src/ceiling.h"
#include "src/clock_watch.h"
#include "src/role.h"
#include "src/status_place.h"

struct answers;
struct ca;
struct crl;
struct crl_input;
struct order;
struct seal_key;

struct issuer {
	const struct ca *ca;
	const struct seal_key *seal;
	/* Number of the list in each shard's file; 0: not known. */
	int64_t written[CRL_SHARDS_MAX];
	struct answers *answers;          /* src/answers.h; NULL: OCSP is off */
	const struct weakkeys *weak_keys; /* NULL: there are none */
	struct ceiling ceiling;
	struct clock_watch clock;
};

/* One order, or a revocation list that is due: 1, 0, -1. */
int issuer_step(void *issuer, struct job *j);
int issuer_next_due(void *issuer, struct job *j, int64_t *at);

/*
 * Revocation lists (src/lists.c): one that is due, or one that is not in its
 * shard's file yet: 1, 0, -1.  Every 24 hours, and after revocations, which
 * are collected for at most five minutes (PK-156).
 */
int issuer_list_step(struct issuer *i, struct job *j);
/* 0, or -1. */
int issuer_list_due(const struct issuer *i, struct job *j, int64_t *at);
/* At the start: the shards of the configuration are those that certificates
 * name, or more (PK-154, PK-155).  0, or -1 saying what is wrong. */
int issuer_list_start(const struct issuer *i, struct job *j);
/* The newest list of the shard that carries this CA's signature, from the
 * database or from the file: 0, or -1. */
int issuer_list_former(const struct issuer *i, struct job *j, int64_t shard,
    struct crl_input *former, bool *found);
/* PK-149: is the list of this shard out, and not at its end?  1, 0, -1. */
int issuer_list_is_out(const struct issuer *i, struct job *j, int64_t shard);
/* How long revocations are collected after a list of so many octets. */
int64_t issuer_list_pause(size_t octets);
/* PK-162: a line in the log from 1 MB on, an alarm from 10 MB on. */
void issuer_list_warn_of_size(const struct crl *list);

/*
 * Incidents (src/incidents.c, PK-185): alarms before a deadline, and from it
 * on some hundred certificates at a time, until all are revoked: 1, 0, -1.
 */
int issuer_incident_step(struct job *j);
/* When the issuer has to look at one with this deadline, after `now`: at the
 * next alarm, or at the deadline. */
int64_t issuer_incident_next(int64_t deadline, int64_t now);

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
