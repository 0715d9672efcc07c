/* The two halves of `countersign audit`. */
#ifndef SRC_CMD_AUDIT_H
#define SRC_CMD_AUDIT_H

#include "src/command.h"

struct audit_options {
	const char *since, *until, *seed; /* NULL: not given */
	bool json;
};

/* With the moment of the first record that no signed head covers (PK-21). */
#define AUDIT_LATE_TEXT                                                        \
	"the records since %s have no signed head, which the issuer writes "   \
	"once a day: is countersignd running, and what does its log say?  If " \
	"it was, somebody may have changed or cut off the end of the chain"

/* The same where there is none at all. */
#define AUDIT_NO_HEAD_TEXT                                                     \
	"there are records since %s, and not one signed head of the chain, "   \
	"which the issuer writes once a day: is countersignd running, and "    \
	"what does its log say?  If it was, somebody has deleted the heads "   \
	"and may have changed or deleted any record"

/* PK-24: draws, records, looks and prints.  0, 1 if there are findings, or
 * -1. */
int cmd_audit_sample(struct command *c, const struct audit_options *o);

#endif
