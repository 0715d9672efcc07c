/*
 * For the tests of S/MIME verification: roots, a signer and a list that one
 * test changes at a time, and what the verifier says of a message then.
 */
#ifndef TESTS_UNIT_SMIME_WORLD_H
#define TESTS_UNIT_SMIME_WORLD_H

#include "mail/smime_verify.h"
#include "tests/unit/smime_lab.h"

#define ALICE "alice@user.test"

/* A root, a CA below it, lists of both, and who trusts the root. */
struct world {
	struct job *j;
	struct smime_id root, ca;
	struct smime_trust *trust;
	struct smime_policy policy;
	const char *from;
};

/* Who trusts that root and has those lists. */
struct smime_trust *world_trust(struct job *j, const struct smime_id *root,
    const struct span *crls, size_t crl_count);

/* All in order; the lists revoke nothing. */
struct world world_new(void);

/* Of a message that has arrived now. */
struct smime_result world_verify(struct world *w, struct span raw);

/* Fails with the verdict's text if it is another. */
void world_check_code(const struct smime_result *r, const char *code);

/* A certificate of the world's CA with one thing different, and its CA. */
struct smime_result world_verify_cert(
    struct world *w, const struct smime_cert *c);

/* The signer that all trust: of ALICE, by the world's CA. */
struct smime_id world_alice(struct world *w);

#endif
