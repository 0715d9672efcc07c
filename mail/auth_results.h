/*
 * Authentication-Results of the own mail server (RFC 8601; MA-50, MA-81).
 *
 * They never make a message authentic.  What the own server found can only
 * speak against it: a recorded failure where we found none, or the lack of an
 * SPF pass where the configuration asks for one.
 *
 * Whoever writes a message can write such fields too, so only those count
 * that stand above the Received field by which the own systems took it over,
 * with exactly the configured authserv-id.
 */
#ifndef MAIL_AUTH_RESULTS_H
#define MAIL_AUTH_RESULTS_H

#include "mail/field.h"
#include "mail/finding.h"

struct auth_results_conf {
	const char *authserv_id; /* NULL: none is trusted */
	size_t hops; /* Received fields that the own systems add; from 1 */
};

struct auth_result {
	struct span method; /* "dkim", without a version */
	struct span result; /* "pass" */
	const char *domain; /* canonical: of dkim header.d or header.i, dmarc
			     * header.from, spf smtp.mailfrom; or NULL */
};

#define AUTH_RESULTS_MAX 64

struct auth_results {
	struct auth_result v[AUTH_RESULTS_MAX];
	size_t count;
	/* A field that cannot be read speaks of a failure of DKIM or DMARC. */
	bool has_unread_failure;
};

/*
 * Those that count; a field that is not well-formed, or longer than 4 KiB,
 * does not.  But what a sender chooses stands in them (addresses, domains, how
 * many signatures there are), so that he could have a failure overlooked.
 */
void auth_results_read(struct job *j, const struct message *m,
    const struct auth_results_conf *conf, struct auth_results *out);

/*
 * MA-81: 0, or -1 with ar.disagrees (to be deferred) if the own server saw the
 * signature of `dkim_domain` fail, or DMARC for `from_domain`, or anything of
 * theirs in a field that cannot be read.
 */
int auth_results_veto(const struct auth_results *r, const char *from_domain,
    const char *dkim_domain, struct finding *f);
/* MA-50: did SPF pass for an envelope sender in that domain? */
bool auth_results_spf(const struct auth_results *r, const char *from_domain);

#endif
