/*
 * Is a template that an installation brings fit to be sent (ER-18, MA-63,
 * MA-104)?  Every mistake is reported as "file:line: what, and what would be
 * right".
 */
#ifndef MAIL_TEMPLATE_CHECK_H
#define MAIL_TEMPLATE_CHECK_H

#include "mail/template.h"

typedef void template_report_fn(void *ctx, const char *message);

struct template_file {
	const char *name;  /* for the report */
	struct span bytes; /* lines end in LF */
	bool is_html;
	bool is_renewal; /* that a certificate can be renewed; no challenge */
};

/* The source: the number of mistakes. */
unsigned template_check(struct job *j, const struct template_file *file,
    template_report_fn *report, void *ctx);

/*
 * The same with values that the configuration holds and addresses of every
 * length: no quotation of it, with or without marks or as text made from
 * HTML, may be read as an answer, and it must not get too long.  The number
 * of mistakes.  `values` needs no mailbox.
 */
unsigned template_check_values(struct job *j, const struct template_file *file,
    const struct template_values *values, template_report_fn *report,
    void *ctx);

#endif
