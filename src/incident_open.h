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
 * In transactions of its own, of which the last one opens it (decision 60):
 * 0, or -1 and nothing has changed, also when the selector finds no certificate
 * (ERR_MALFORMED).  Whoever is killed leaves what the issuer undoes. `dry_run`:
 * how many there are.  Some are told by then; the sender goes on
 * (src/incident_tell.h).
 */
int incident_open(struct job *j, const struct incident *i,
    const struct incident_selector *s, bool dry_run,
    struct incident_opened *out);

/* The same inside a transaction of the caller's, who undoes it after -1. */
int incident_open_within(struct job *j, const struct incident *i,
    const struct incident_selector *s, struct incident_opened *out);

/*
 * The issuer's: an incident without effect, of what the daily look has found
 * for the cause.  Inside a transaction.  *certificates 0: none was opened.
 */
int incident_draft(struct job *j, const char *cause, struct incident *out,
    int64_t *certificates);
/* An operator confirms it: from now on it is open. */
int incident_confirm(struct job *j, const struct incident *i, const char *by);

/* Section 15.1 of the requirements: NULL for a cause that is not there. */
struct incident_cause {
	const char *name;
	int64_t hours; /* from when the CA knew to the deadline */
	int64_t reason;
};
const struct incident_cause *incident_cause_find(const char *name);
/* What was given with --cause, NULL: nothing.  0, or -1 ERR_MALFORMED saying
 * which there are. */
int incident_cause_read(
    struct job *j, const char *name, const struct incident_cause **out);

#endif
