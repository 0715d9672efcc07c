/*
 * Asks the parent of the linters (src/role_linter.h) about a certificate that
 * is to be signed, or a list or an OCSP answer that is to be published, and
 * says what follows from their answers (PK-136, PK-139 to PK-141).
 */
#ifndef SRC_LINTERS_H
#define SRC_LINTERS_H

#include "src/lint_frame.h"

struct conf;
struct json_out;

struct linters_question {
	int fd; /* of fd_message_pair(); -1: none was started */
	enum lint_object object;
	struct span der; /* the lint certificate of a new one */
	bool is_ours;    /* what the configuration allows, it allows of ours */
};

/* How many linters of the configuration judge such a thing. */
size_t linters_count(const struct conf *c, enum lint_object object);

/*
 * An answer for each of them, in the configuration's sequence, and how many
 * that are; of one that said nothing until its limit of time and a little more,
 * one that says so.
 */
size_t linters_ask(struct job *j, const struct linters_question *q,
    struct lint_answer answers[LINTERS_MAX]);

/* Of one answer: the finding that refuses, or NULL; those that are allowed are
 * added ("zlint:w_x until 2027-03-31: reason", with commas). */
const struct linter_finding *linters_refusal(struct job *j,
    const struct lint_answer *a, bool is_ours, struct buf *allowed);

struct linters_verdict {
	const char *report;  /* ours, and what each linter printed (PK-18) */
	const char *allowed; /* ours and theirs, for the audit; NULL: none */
	bool refuses;        /* one of them has a finding */
	const char *line;    /* "zlint (ZLint version 3.7.3): pass" and so on;
			      * NULL: none was asked */
};

/*
 * All linters that judge such a thing, none of which costs nothing: 0;
 * -1 ERR_BUSY: one has failed, so that there is no verdict and nothing is
 * signed;
 * -1 ERR_INTERNAL "lint zlint:e_x": one refuses.  `own` is the report and the
 * allowances of our own lints.
 */
int linters_check(struct job *j, const struct linters_question *q,
    const struct linters_verdict *own, struct linters_verdict *out);

/* {"linter":…,"version":…,"result":…,"findings":[…],"output":…} */
void linters_report(struct json_out *o, const struct lint_answer *a);

#endif
