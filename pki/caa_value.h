/*
 * One CAA record, and what the value of its `issuemail` says (RFC 8659 4.1,
 * RFC 9495 3, RFC 8657): whom it names, and whether its parameters hold for an
 * account.  Octets in, an answer out; pki/caa.h decides over a whole set.
 */
#ifndef PKI_CAA_VALUE_H
#define PKI_CAA_VALUE_H

#include "lib/buf.h"

struct caa_policy;

/* Views into the RDATA. */
struct caa_property {
	unsigned flags;
	struct span tag;
	struct span value;
};

/* Flags, length of the tag, tag, value: 0 or -1. */
int caa_property_parse(struct span rdata, struct caa_property *out);

struct caa_judgement {
	bool names_us;
	const char *refusal;   /* of the first parameter that does not hold, for
				* people; NULL: all do */
	struct span parameter; /* its tag, in the value */
};

/* 0, or -1 for a value outside the grammar (PK-35), which names nobody. */
int caa_value_judge(struct span value, const char *account_url,
    const struct caa_policy *policy, struct caa_judgement *out);

/* Is it an issuemail that anything but blanks stands in behind its domain? */
bool caa_has_parameters(struct span rdata);

#endif
