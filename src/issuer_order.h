/*
 * One order on its way through the issuer, in steps that the orders of a batch
 * take together (src/issuer_batch.c):
 *
 *	issuer_order_open()     everything that PK-44 asks for
 *	issuer_order_draft()    contents, lint certificate, lints
 *	issuer_order_reserve()  number and contents, in the caller's transaction
 *	issuer_order_sign()     signature and PK-138
 *	issuer_order_record()   the certificate, in the caller's transaction
 *
 * Each works in the order's own job.  Where one fails, issuer_settle() ends the
 * order or gives it back; its neighbours never notice.
 */
#ifndef SRC_ISSUER_ORDER_H
#define SRC_ISSUER_ORDER_H

#include "db/store_cert.h"
#include "db/store_order.h"
#include "lib/job.h"
#include "pki/csr.h"
#include "pki/issue.h"
#include "src/relied.h"

struct issuer;
struct profile;

enum issuer_order_state {
	ORDER_DONE,     /* it has ended, or was given back */
	ORDER_FAILED,   /* its job's error says why; issuer_settle() */
	ORDER_NO_ROOM,  /* the ceiling is reached meanwhile (PK-204) */
	ORDER_OPEN,     /* to be drafted and reserved */
	ORDER_RESERVED, /* to be signed */
	ORDER_SIGNED,   /* to be recorded */
};

struct issuer_order {
	enum issuer_order_state state;
	struct job job; /* owned */
	const char *id;
	int64_t attempts;
	struct order order;
	const struct profile *profile;
	struct csr csr;
	struct cert row;           /* what is or will be reserved */
	bool was_reserved;         /* by an earlier attempt */
	struct relied_list relied; /* what the gate has let it pass for */
	struct issue_tbs tbs;      /* what the CA's key is to sign */
	struct span der;           /* the certificate */
	bool is_lint_refused;      /* drafted, and a lint refuses it */
};

/*
 * The order is read and judged, and dealt with where it cannot be signed now:
 * its state is DONE, OPEN, RESERVED (its number was reserved before) or FAILED.
 * `may_reserve`: the ceiling is not reached (PK-204).  0, or -1 for faults that
 * keep the order from being dealt with.
 */
int issuer_order_open(
    struct issuer *i, struct issuer_order *w, bool may_reserve);
/* Draws a serial, builds and lints: 0 or -1. */
int issuer_order_draft(const struct issuer *i, struct issuer_order *w);
/* PK-143, PK-144: 0, or -1, and *taken if the number was drawn before: draft it
 * again. */
int issuer_order_reserve(
    const struct issuer *i, struct issuer_order *w, bool *taken);
/* Asks again what may have changed since, signs, verifies: 0 or -1. */
int issuer_order_sign(struct issuer *i, struct issuer_order *w);
/* All checks have passed, and what is to be signed is reserved: 0 or -1. */
int issuer_order_audit_approved(struct job *j, const struct issuer_order *w);
/* Certificate and order: 0 or -1. */
int issuer_order_record(struct issuer_order *w);
/* After the records of all, since it makes other writers wait: 0 or -1. */
int issuer_order_audit(struct issuer_order *w);

/* What becomes of it (src/issuer_outcome.c): 0 or -1. */
int issuer_settle(const struct issuer *i, struct job *j, const struct order *o,
    int64_t attempts);
/* The CA's own fault, or the machine's: other tries, then the end. */
int issuer_try_later(struct job *j, const struct order *o, int64_t attempts);
int issuer_end_without_profile(struct job *j, const struct order *o);
int issuer_wait_for_token(struct job *j, const struct order *o);
/* For ERR_ISSUANCE_STOPPED; any other error stays: -1. */
int issuer_wait_for_resume(struct job *j, const struct order *o);
/* Rows that no program of ours wrote: not looked at again. */
int issuer_set_aside(struct job *j, const char *id, const char *why);

#endif
