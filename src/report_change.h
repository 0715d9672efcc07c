/*
 * What an operator does with a problem report (PK-184), each step in a
 * transaction of its own with its mails and its audit record.
 */
#ifndef SRC_REPORT_CHANGE_H
#define SRC_REPORT_CHANGE_H

#include "lib/buf.h"

struct job;
struct report;

/* What a mail can carry. */
#define REPORT_WORDS_MAX ((size_t)8 * 1024)

/* ERR_MALFORMED if there is none. */
int report_find(struct job *j, int64_t number, struct report *out);

/* The preliminary answer, by mail to the reporter and the subscribers. */
int report_answer(
    struct job *j, int64_t number, const char *by, const char *words);

struct report_decision {
	/* NULL: no action; else an incident's, and when it is over at the
	 * latest counts from when the report came. */
	const char *cause;
	bool now; /* the deadline is now */
	const char *words;
};
/* Opens the incident that revokes, and tells everybody by mail.  *out: the
 * report as it is then. */
int report_decide(struct job *j, int64_t number, const char *by,
    const struct report_decision *d, struct report *out);

/* One that is open, answered and decided: 0, or -1 ERR_MALFORMED. */
int report_close(struct job *j, int64_t number, const char *by);

/* One whose proof was verified (report_enter_proof()) is answered, decided and
 * closed at once; reporter and subscribers are told.  In the caller's
 * transaction; ERR_CONFLICT if a person was faster. */
int report_settle(struct job *j, struct report *r, const char *by);

#endif
