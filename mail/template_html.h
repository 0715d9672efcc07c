/*
 * The HTML of challenge mails: what an installation's template may hold
 * (ER-18: no remote content, no script, no link except the help page), and
 * what is left of HTML when a mail program makes text of it.
 *
 * A small part of HTML, read strictly: lower-case elements of a list, each
 * closed in order; quoted attributes of a list; nothing that loads, runs or
 * hides anything.
 */
#ifndef MAIL_TEMPLATE_HTML_H
#define MAIL_TEMPLATE_HTML_H

#include "lib/buf.h"

struct job;

/* What a reader sees: blanks joined, a line for each paragraph or cell, and
 * for each of its octets the line of the source. */
struct visible {
	struct span text;
	const uint32_t *lines;
};

typedef void template_mistake_fn(void *ctx, size_t line, const char *message);

/* Each mistake goes to `mistake` (NULL: they are passed over); what is visible
 * is found all the same. */
void template_html_read(struct job *j, struct span html,
    template_mistake_fn *mistake, void *ctx, struct visible *out);

#endif
