/*
 * PK-185: which certificates does a lint of today refuse?
 */
#ifndef SRC_INCIDENT_LINT_H
#define SRC_INCIDENT_LINT_H

#include <stdbool.h>
#include <stddef.h>

struct incident_selector;
struct issuer;
struct job;

struct incident_lint_set {
	const char **ids; /* in the job's arena */
	size_t count;
	size_t checked;
	size_t unlinted; /* of those: of another CA than the issuing one and
			  * the former ones, or without their profile */
};

/* Looks at all unexpired certificates, outside of a transaction.  The lint is
 * one of ours (L-31), or another linter's with the name of its section
 * (zlint:e_x), which the issuer's descriptor leads to.  0; -1 ERR_MALFORMED for
 * a lint that there is not, ERR_BUSY where the linter gives no verdict. */
int incident_lint_find(const struct issuer *i, struct job *j, const char *lint,
    struct incident_lint_set *out);

/* For a command: the selector for them.  0; -1 ERR_MALFORMED also where there
 * is none.  A warning on standard error tells how many could not be linted. */
int incident_lint_select(
    struct job *j, const char *lint, struct incident_selector *s);

/* Does a lint report say that this one refuses? */
bool incident_lint_refuses(struct job *j, const char *report, const char *lint);

#endif
