/*
 * The decision of CAA `issuemail` (pki.md section 4; RFC 8659, 8657, 9495).
 *
 * caa_check() climbs the tree with the resolver and decides; caa_decide()
 * is the pure part over one record set.  The trace is what PK-17 stores: the
 * decision can be computed from it again.
 */
#ifndef PKI_CAA_H
#define PKI_CAA_H

#include "lib/buf.h"
#include "lib/conf.h"

struct job;
struct json;
struct resolver;

/* RFC 8657: what is understood, and the one method that is ours (PK-39 to
 * PK-41). */
#define CAA_PARAMETER_ACCOUNT "accounturi"
#define CAA_PARAMETER_METHODS "validationmethods"
#define CAA_METHOD "email-reply-00"

enum caa_result { CAA_PERMIT, CAA_DENY, CAA_FAIL };
const char *caa_result_name(enum caa_result r);
int caa_result_parse(struct span name, enum caa_result *out);

struct caa_policy {
	const struct conf_list *issuer_domains; /* PK-26 */
	bool flag1_critical;                    /* PK-32 */
	/* Older account URLs up to the id (PK-40); NULL: none. */
	const struct conf_list *account_prefixes;
	bool ignore_unknown; /* parameters: PK-42 */
	/* Of this domain, for which it is asked at once; only recorded, so that
	 * a denial can be reported (PK-17).  0: not known here. */
	size_t mailbox_count;
	/* Waits before a name is asked again (1 s, then 4 s); NULL: asks at
	 * once, for a caller that comes back later anyway. */
	void (*pause)(int64_t ms);
	/* After this no name is asked any more, and the check has failed: a
	 * domain has up to 127 labels, and its owner's name servers may take
	 * their time for each.  0: no bound, where nothing is waited for. */
	int64_t budget_ms;
};

struct caa_decision {
	enum caa_result result;
	const char *reason;   /* "no-record", "no-issuemail", "issuemail",
			       * "critical", "not-authorized", "bogus",
			       * "temporary" */
	char detail[200];     /* for people */
	const char *found_at; /* name of the relevant set, or NULL */
	uint32_t ttl;
	struct conf_list contacts; /* iodef, with CAA_DENY (PK-37) */
	const char *trace;         /* JSON (PK-17) */
};
#define CAA_CONTACTS_MAX 8
#define CAA_CONTACT_MAX 320 /* octets */

/* 0 with *out, whatever was found; -1 only for our own faults. */
int caa_check(struct job *j, struct resolver *resolver, const char *domain,
    const char *account_url, const struct caa_policy *policy,
    struct caa_decision *out);

/*
 * A trace is read as one object, whatever the limits of requests are: a set of
 * records fills a DNS message of 64 KiB, and a domain has up to 127 labels.
 * 0, or -1 ERR_MALFORMED.
 */
int caa_trace_parse(struct job *j, const char *trace, const struct json **out);

/* Did such a check find a set, and has no issuemail property of it parameters
 * (PK-53)?  1; 0, also where there was no set; -1 ERR_MALFORMED. */
int caa_trace_is_plain(struct job *j, const char *trace);

/* RDATA of one relevant record set → PERMIT or DENY with its reason. */
void caa_decide(const struct span *rdata, size_t count, const char *account_url,
    const struct caa_policy *policy, struct caa_decision *out);

#endif
