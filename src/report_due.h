/* What a problem report waits for, and until when (PK-184). */
#ifndef SRC_REPORT_DUE_H
#define SRC_REPORT_DUE_H

#include <stdint.h>

struct job;
struct report;

/* Until then the next step must be done; 0: there is none. */
int64_t report_due(const struct report *r);
/* "its answer" */
const char *report_lacks(const struct report *r);
/* "open", "answered", "not answered", "decided", "closed" */
const char *report_state(const struct report *r);
/* Until the next step: "11h59m", "overdue 0h01m", or "-"; the job's. */
const char *report_left(struct job *j, const struct report *r);

#endif
