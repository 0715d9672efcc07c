/*
 * A certificate as an auditor looks at it (PK-24): linted again with every
 * linter of the configuration, and traced to what proved each of its mailboxes
 * (PK-18: the way from certificate to evidence has no gap).
 */
#ifndef SRC_AUDIT_LOOK_H
#define SRC_AUDIT_LOOK_H

#include "lib/buf.h"

struct issuer;
struct job;
struct seal_key;

struct audit_look {
	const struct issuer *issuer; /* its certificate; no key */
	const struct seal_key *seal; /* NULL: not checked, for this reason: */
	const char *seal_why;
	int linters_fd; /* of linter_start() */
};

/*
 * Adds what was found, as text or as one JSON object and a line end.  1 if
 * there is a finding, a linter without a verdict or a gap among them, 0 if
 * not, -1.
 */
int audit_look(const struct audit_look *l, struct job *j, const char *cert_id,
    bool json, struct buf *out);

#endif
