/*
 * Can the user of the roles write where it must, the database and the folders
 * of revocation lists and OCSP answers, and read the certificates and the list
 * of the CA above that clients get?
 */
#ifndef SRC_PLACE_CHECK_H
#define SRC_PLACE_CHECK_H

struct job;

typedef void place_check_fn(void *ctx, const char *message);

/* Reports each place that this process cannot use, and what to do: how many
 * of them keep the roles from starting.  Those of a former CA do not: they hold
 * back its own lists and answers alone (src/former.h). */
int place_check_here(struct job *j, place_check_fn *report, void *ctx);

/* Reports the same for the user of the roles, and how many: whoever runs
 * `countersign check` is often root, whom no mode stops, so a child that has
 * become that user looks.  -1 with the job's error if that user cannot be had.
 */
int place_check(struct job *j, place_check_fn *report, void *ctx);

#endif
