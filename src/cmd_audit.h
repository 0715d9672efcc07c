/* The two halves of `countersign audit`. */
#ifndef SRC_CMD_AUDIT_H
#define SRC_CMD_AUDIT_H

#include "src/command.h"

struct audit_options {
	const char *since, *until, *seed; /* NULL: not given */
	bool json;
};

/* PK-24: draws, records, looks and prints.  0, 1 if there are findings, or
 * -1. */
int cmd_audit_sample(struct command *c, const struct audit_options *o);

#endif
