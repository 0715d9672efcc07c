/*
 * Which fields of the message a signature covers, and which grade of coverage
 * that is (RFC 8823 section 3.2 item 9, MA-41).
 *
 * A field is covered if all that are there of its name are signed: each name
 * in h= stands for one of them.  Of one that is absent h= must name it, or it
 * may have been taken out.
 */
#ifndef MAIL_DKIM_COVERAGE_H
#define MAIL_DKIM_COVERAGE_H

#include "lib/conf.h"
#include "mail/field.h"

/* RFC 8823 3.2 item 9, its fields. */
enum dkim_coverage_field {
	DKIM_COVERAGE_FROM,
	DKIM_COVERAGE_SUBJECT,
	DKIM_COVERAGE_DATE,
	DKIM_COVERAGE_SENDER,
	DKIM_COVERAGE_REPLY_TO,
	DKIM_COVERAGE_TO,
	DKIM_COVERAGE_CC,
	DKIM_COVERAGE_IN_REPLY_TO,
	DKIM_COVERAGE_REFERENCES,
	DKIM_COVERAGE_MESSAGE_ID,
	DKIM_COVERAGE_CONTENT_TYPE,
	DKIM_COVERAGE_CTE,
	DKIM_COVERAGE_FIELDS,
};

struct dkim_coverage {
	bool has[DKIM_COVERAGE_FIELDS];
	bool lacks[DKIM_COVERAGE_FIELDS]; /* one is there, not signed */
};

/* How often the message has each of them. */
void dkim_coverage_count(
    const struct message *m, size_t present[DKIM_COVERAGE_FIELDS]);
/* By the names of h=. */
void dkim_coverage_find(const struct span *names, size_t count,
    const size_t present[DKIM_COVERAGE_FIELDS], struct dkim_coverage *out);

bool dkim_coverage_reaches(
    const struct dkim_coverage *c, enum conf_coverage grade);
/* The highest that is reached; CORE also if none is. */
enum conf_coverage dkim_coverage_grade(const struct dkim_coverage *c);
/* What keeps it from that grade, which it does not reach, for people: "Subject,
 * Date"; lives in the job's arena. */
const char *dkim_coverage_missing(
    struct job *j, const struct dkim_coverage *c, enum conf_coverage want);

#endif
