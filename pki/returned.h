/*
 * A certificate that another CA has made for us (PK-216): is it what was asked
 * for?  Nothing of it is believed before.
 */
#ifndef PKI_RETURNED_H
#define PKI_RETURNED_H

#include "lib/buf.h"

struct ca;
struct csr;
struct job;
struct profile;

struct returned_want {
	const struct profile *profile;
	const struct csr *csr;
	const char *const *mailboxes; /* canonical */
	size_t mailbox_count;
	int64_t life_max;       /* seconds, both ends counted */
	int64_t not_before_min; /* 0: any */
	int64_t not_after_max;  /* inclusive; 0: any */
};

struct returned {
	/* The first certificate; empty where there is none to be read. */
	struct span der;
	/* When it matches: */
	struct span tbs;
	struct span signature_alg;
	const char *serial; /* hex */
	int64_t not_before, not_after;
	const char *lint_report;
	const char *why; /* when it does not */
};

/*
 * `answer`: PEM, the leaf first (what follows is not read: the chain is ours
 * to know), or DER.  1 it matches, 0 it does not and out->why says what is
 * wrong, -1 a fault of our own.
 */
int returned_check(struct job *j, const struct ca *ca,
    const struct returned_want *want, struct span answer, struct returned *out);

/* The DER of the first certificate in PEM, or of DER itself: 0 or -1. */
int returned_leaf(struct job *j, struct span answer, struct span *der);

/* The same of the one at `i`, from 0: -1 where there is none. */
int returned_at(struct job *j, struct span answer, size_t i, struct span *der);

/* When it ends, whatever else is wrong with it: 0, or -1 if it is no
 * certificate at all, so that nobody can revoke it. */
int returned_end(struct job *j, struct span der, int64_t *not_after);

/* Is it a CA's, with another key than the one that was asked for, which is in
 * `tbs`?  As where an answer has the chain the wrong way round. */
bool returned_is_of_ca(struct span der, struct span tbs);
/* Is it for the key that was asked for? */
bool returned_is_for_key(struct span der, struct span tbs);

#endif
