/*
 * Opening an incident (PK-185): for `countersign incident open`, which selects
 * a set, and `countersign cert revoke --replace-by`, which names one
 * certificate.
 */
#ifndef SRC_INCIDENT_OPEN_H
#define SRC_INCIDENT_OPEN_H

#include "lib/buf.h"

struct incident;
struct incident_selector;
struct job;

/* The cause that makes the proofs of the mailboxes worthless (PK-187). */
#define INCIDENT_VALIDATION "validation"

struct incident_opened {
	int64_t certificates;
	size_t dropped; /* authorizations */
};
/*
 * In a transaction of its own, which `dry_run` undoes: 0, or -1 and nothing has
 * changed, also when the selector finds no certificate (ERR_MALFORMED).
 */
int incident_open(struct job *j, const struct incident *i,
    const struct incident_selector *s, bool dry_run,
    struct incident_opened *out);

#endif
