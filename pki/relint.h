/*
 * The lints again, on a certificate that was issued (PK-188): an update of the
 * lints may find what the former ones did not.
 */
#ifndef PKI_RELINT_H
#define PKI_RELINT_H

#include "lib/buf.h"

struct ca;
struct csr;
struct job;
struct profile;

struct relint_input {
	const struct profile *profile; /* as it was then */
	const char *const *mailboxes;  /* of the order */
	size_t mailbox_count;
	const struct csr *csr;
	const char *subject_number; /* as in struct issue_input */
	struct span der;            /* the certificate */
};

/* 0; or -1 with ERR_INTERNAL "lint L-31: …".  Dates, serial number and the
 * addresses of lists are the certificate's own.  *report: each lint, as JSON;
 * NULL: the certificate cannot be read. */
int relint(struct job *j, const struct ca *ca, const struct relint_input *in,
    const char **report);

#endif
