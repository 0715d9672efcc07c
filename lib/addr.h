/*
 * Mailboxes: syntax, canonical form, the two comparisons.  (In lib/ because
 * mail/, pki/ and acme/ all need it.)  addr.c alone knows libidn2, and with
 * utf8.c libunistring.
 *
 * Canonical form (ER-2, AC-88, PK-79, PK-80): domain in lower-case A-labels,
 * local part unchanged.  Nothing is repaired: what would have to be is
 * refused.  Equality of canonical forms to the octet decides everything but
 * one thing: a reply's From is compared with addr_is_sender() (ER-3).
 */
#ifndef LIB_ADDR_H
#define LIB_ADDR_H

#include "lib/buf.h"

struct job;

struct addr_policy {
	bool utf8_local;       /* non-ASCII local parts are offered */
	bool reserved_domains; /* .test, .invalid, .localhost, .internal … */
	/* Refuses .example and .alt as well, and unless reserved ones pass
	 * each top-level domain that does not exist (PK-86). */
	bool is_public;
};

struct addr {
	const char *canonical; /* local@domain */
	const char *local;
	const char *domain; /* lower-case A-labels */
	bool is_ascii;      /* the local part is ASCII */
};

/*
 * Reads one bare mailbox (ER-1, AC-86, AC-87): 0, or -1 with ERR_MALFORMED
 * (syntax) or ERR_REJECTED_IDENTIFIER (well-formed but not offered: address
 * literal, single label, quoted local part, non-ASCII local part or reserved
 * domain where the policy says no).  Control characters never reach the
 * error's text.
 */
int addr_parse(struct job *j, struct span value,
    const struct addr_policy *policy, struct addr *out);

/*
 * The canonical form of a domain in U-labels or A-labels, any ASCII case:
 * 0, or -1 with ERR_MALFORMED.  IDNA2008 without mapping.
 */
int addr_domain(struct job *j, struct span domain, const char **out);

/* ER-3: canonical domains equal, local parts equal with ASCII letters
 * compared without case.  Both are canonical forms. */
bool addr_is_sender(const char *from, const char *mailbox);

/*
 * The form in which mailboxes are counted (AC-185), never compared: local
 * part in lower case and without its +suffix, so that one mailbox does not
 * have as many budgets as it has spellings.  From a canonical form.
 */
const char *addr_counted(struct job *j, const char *canonical);

/* ASCII letters in lower case: as this server's own addresses are kept with
 * each challenge (AC-108).  Never for a mailbox that is asked. */
const char *addr_lower(struct job *j, const char *address);

/* What is after the last @ of a canonical form. */
const char *addr_domain_of(const char *canonical);
/* Is it the domain `above`, or one below it?  Both canonical. */
bool addr_domain_within(const char *domain, const char *above);

#endif
