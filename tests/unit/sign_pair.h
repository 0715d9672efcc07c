/*
 * For the tests of the signer: the two ends of what it and the issuer talk
 * over, in one process until the test forks.
 */
#ifndef TESTS_UNIT_SIGN_PAIR_H
#define TESTS_UNIT_SIGN_PAIR_H

#include <sys/types.h>

struct job;
struct remote_key;

/* For one that may have no processor for a while. */
#define SIGN_PAIR_PATIENCE_MS 180000

struct sign_pair {
	int issuer, signer; /* descriptors */
	const struct remote_key
	    *key; /* the issuer's; lives in the job's arena */
};

struct sign_pair sign_pair_make(struct job *j);
void sign_pair_end(const struct sign_pair *p);
/* Waits for a process, which ended with status 0. */
void sign_pair_ended_well(pid_t pid);

#endif
