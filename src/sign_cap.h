/*
 * The ceilings of PK-204 once more, where the key is: whoever has taken over
 * the issuer cannot drain the token silently.  They are twice as high as the
 * issuer's own, which stops first: what it signs again after a crash, and the
 * reserve that it has left, do not meet them.
 */
#ifndef SRC_SIGN_CAP_H
#define SRC_SIGN_CAP_H

#include "src/ceiling.h"

/* Subscribers, responders, lists, answers, responders' requests. */
#define SIGN_CAP_KINDS 5

struct sign_cap { /* zeros: nothing is signed yet */
	struct ceiling made[SIGN_CAP_KINDS];
	int64_t max[SIGN_CAP_KINDS];
	bool is_held[SIGN_CAP_KINDS]; /* until the next sign_cap_set() */
	int64_t told_at[SIGN_CAP_KINDS];
};

/* The configuration's limits; what was on hold is not any more. */
void sign_cap_set(
    struct sign_cap *c, const struct conf_issuer *conf, int64_t max_per_hour);

/* May one more be signed that has this tag (pki/remote_key.h)?  0; -1 ERR_BUSY:
 * an hour has had too many, and an admin must look. */
int sign_cap_check(struct job *j, struct sign_cap *c, char tag);
/*
 * What signers before this one have signed is not known, if they ended without
 * being told to.  So many have within the last hour: it is taken for half of
 * what each had left, so that all of them together do not sign more than twice
 * what one may.
 */
void sign_cap_resume(struct sign_cap *c, int64_t now, int64_t ends);
void sign_cap_count(struct sign_cap *c, int64_t now, char tag);

#endif
