/*
 * What is put on record of orders and revocations that the rules of the
 * resource refuse (PK-19, step 20 of AC-52): for accounts alone, each of the
 * first ones of an hour by itself, and the others as one number a minute.  So
 * a flood fills no table and costs no commit.
 *
 * What is only counted is in this process's memory: when it is killed, the
 * numbers of that minute are lost, and all records before are there.
 */
#ifndef ACME_REFUSED_H
#define ACME_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/rnd.h"

struct job;
struct request;

enum refused_what { REFUSED_ORDER, REFUSED_REVOCATION, REFUSED_KINDS };

#define REFUSED_SECS 3600
#define REFUSED_EACH 10   /* of one account, by themselves */
#define REFUSED_TOTAL 500 /* of all; and numbers, then one for all */
#define REFUSED_COUNT_SECS 60

/* Safe to use from several threads. */
struct refused;
struct refused *refused_new(void);
void refused_free(struct refused *r); /* NULL-safe */

/* One more: true if it is to be recorded by itself, else it is counted. */
bool refused_take(struct refused *r, const char *account_id,
    enum refused_what what, int64_t now);

struct refused_sum {
	char account_id[RND_ID_LEN + 1]; /* "": many accounts together */
	int64_t since;
	int64_t counts[REFUSED_KINDS];
};
/* What was only counted in a minute that is over (or, with `all`, that is not):
 * false if there is nothing.  It is forgotten. */
bool refused_next(
    struct refused *r, int64_t now, bool all, struct refused_sum *out);
/* It could not be recorded after all. */
void refused_put_back(
    struct refused *r, const struct refused_sum *sum, int64_t now);

/*
 * After an account's request was refused with the job's error and what it wrote
 * was undone, in the same transaction.  What the limits refuse, or a resource
 * that is not there, leaves no record (AC-53).  The job's error stays.
 */
void refused_record(struct refused *r, struct job *j, const struct request *req,
    enum refused_what what);
/* What refused_next() has, each in a transaction of its own: 0, or -1 and the
 * rest is still counted. */
int refused_record_sums(struct refused *r, struct job *j, bool all);

#endif
