/*
 * The ceilings of signatures per hour (PK-204): whoever has taken over another
 * role cannot drain the CA.  Certificates first.
 */
#ifndef SRC_CEILING_H
#define SRC_CEILING_H

#include <stdbool.h>
#include <stdint.h>

struct conf_issuer;
struct job;

#define CEILING_MINUTES 60

/* Signatures of this process, by minute.  Rows can be made older by others;
 * this cannot. */
struct ceiling {
	int64_t minute[CEILING_MINUTES];
	int64_t count[CEILING_MINUTES];
};

/* One more signature, before it is made, or asked of another CA. */
void ceiling_count(struct ceiling *c, int64_t now);
void ceiling_add(struct ceiling *c, int64_t now, int64_t signatures);
/* How many in the last hour. */
int64_t ceiling_sum(const struct ceiling *c, int64_t now);

/*
 * How many more certificates this hour may have, with `pending` numbers that
 * were reserved and whose signatures are not counted yet; below 0 where the
 * limit was lowered.  0, or -1.
 */
int ceiling_room(
    const struct ceiling *c, struct job *j, int64_t pending, int64_t *room);
/*
 * Has the last hour had issuer.max_per_hour certificates?  Then all issuance
 * is stopped, which lasts until an admin lifts it with `countersign resume`:
 * 0 and *reached, or -1.
 */
int ceiling_check(const struct ceiling *c, struct job *j, bool *reached);

/*
 * What else the keys sign: revocation lists, OCSP answers, certificates of OCSP
 * responders.  Above a limit per hour, which normal work never meets, their
 * signing is on hold until an admin lifts it: an alarm, and a reserve that is
 * left, so that whoever floods keeps no revocation from getting out.
 */
struct ceiling_kind {
	const char *name;    /* in the stop's row */
	const char *option;  /* in section issuer */
	const char *reserve; /* what is signed all the same, for the alarm */
};
extern const struct ceiling_kind ceiling_lists, ceiling_answers,
    ceiling_responders;

/*
 * Is its signing on hold, or is it from now on?  Outside a transaction: 0 and
 * *held, or -1.
 */
int ceiling_hold(const struct ceiling_kind *kind, struct job *j, int64_t count,
    int64_t max, bool *held);

/* The limits: the configuration's, or derived. */
int64_t ceiling_max_lists(const struct conf_issuer *c);
/* `numbers`: of certificates whose status is answered. */
int64_t ceiling_max_answers(const struct conf_issuer *c, int64_t numbers);
int64_t ceiling_max_responders(const struct conf_issuer *c);

#endif
