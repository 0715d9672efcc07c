/*
 * The report of a refusal to the contact that a domain's CAA records name
 * (PK-37; RFC 8659 4.4): whom to write to, and what.
 *
 * Those records are anybody's, and so is the mailbox that they name: nothing
 * of them but names of domains gets into the mail.
 */
#ifndef MAIL_IODEF_H
#define MAIL_IODEF_H

#include "lib/addr.h"

/*
 * The value of an iodef property: 1 and the one mailbox of a mailto: URL, or
 * 0 for everything else, which includes header fields (RFC 6068 "?"), several
 * addresses and percent-encoding.
 */
int iodef_mailbox(struct job *j, struct span value,
    const struct addr_policy *policy, struct addr *out);

struct iodef_report {
	const char *id;       /* the same for each attempt */
	const char *ca_name;  /* UTF-8 */
	const char *from;     /* bare address */
	const char *to;       /* canonical */
	const char *domain;   /* of the mailbox that was asked for */
	const char *found_at; /* whose records forbid it */
	bool is_critical;     /* and why: an unknown critical property */
	int64_t refused_at;
	int64_t date;
};

/* Text for people with an IODEF document (RFC 7970) attached; exact bytes with
 * CRLF, before DKIM. */
int iodef_compose(
    struct job *j, const struct iodef_report *in, struct span *out);

#endif
