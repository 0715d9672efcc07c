/*
 * By which rules a CAA check is made, and by which a recorded one was made:
 * the configuration may have been read again in between.
 */
#ifndef SRC_CAA_RULES_H
#define SRC_CAA_RULES_H

#include "pki/caa.h"

struct caa_row;

struct caa_rules {
	struct caa_policy policy;
	const char *account_url;
	struct conf_list issuer_domains, account_prefixes; /* the policy's */
};

/* Those of the job's configuration, whose lists they point to. */
struct caa_policy caa_rules_policy(const struct conf *conf);
const char *caa_rules_account(struct job *j, const char *account_id);

/* As the trace of a check says: 0; or -1, ERR_MALFORMED or ERR_UNAUTHORIZED:
 * it does not say.  *out must not be copied, it points into itself. */
int caa_rules_read(struct job *j, const char *trace, struct caa_rules *out);

/* Would it be made by the same rules today?  1, 0, or -1 as above. */
int caa_rules_hold(struct job *j, const struct caa_row *c);

#endif
