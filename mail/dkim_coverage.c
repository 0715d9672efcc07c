#include "config.h"

#include "mail/dkim_coverage.h"

#include "lib/arena.h"
#include "lib/job.h"

static const struct {
	struct span name;
	bool is_core;
} coverage_fields[DKIM_COVERAGE_FIELDS] = {
	[DKIM_COVERAGE_FROM] = { SPAN_INIT("From"), true },
	[DKIM_COVERAGE_SUBJECT] = { SPAN_INIT("Subject"), true },
	[DKIM_COVERAGE_DATE] = { SPAN_INIT("Date"), true },
	[DKIM_COVERAGE_SENDER] = { SPAN_INIT("Sender"), false },
	[DKIM_COVERAGE_REPLY_TO] = { SPAN_INIT("Reply-To"), false },
	[DKIM_COVERAGE_TO] = { SPAN_INIT("To"), false },
	[DKIM_COVERAGE_CC] = { SPAN_INIT("Cc"), false },
	[DKIM_COVERAGE_IN_REPLY_TO] = { SPAN_INIT("In-Reply-To"), false },
	[DKIM_COVERAGE_REFERENCES] = { SPAN_INIT("References"), false },
	[DKIM_COVERAGE_MESSAGE_ID] = { SPAN_INIT("Message-ID"), false },
	[DKIM_COVERAGE_CONTENT_TYPE] = { SPAN_INIT("Content-Type"), false },
	[DKIM_COVERAGE_CTE] = { SPAN_INIT("Content-Transfer-Encoding"), false },
};

/* Counts one name.  Each of a message and of h= comes by here: most are told
 * apart by their length. */
static void
count_name(struct span name, size_t counts[DKIM_COVERAGE_FIELDS])
{
	for (size_t i = 0; i < DKIM_COVERAGE_FIELDS; i++) {
		struct span own = coverage_fields[i].name;

		if (own.n == name.n && span_caseeq(own, name)) {
			counts[i]++;
			return;
		}
	}
}

void
dkim_coverage_count(
    const struct message *m, size_t present[DKIM_COVERAGE_FIELDS])
{
	memset(present, 0, DKIM_COVERAGE_FIELDS * sizeof(*present));
	for (size_t i = 0; i < m->field_count; i++)
		count_name(m->fields[i].name, present);
}

void
dkim_coverage_find(const struct span *names, size_t count,
    const size_t present[DKIM_COVERAGE_FIELDS], struct dkim_coverage *out)
{
	size_t listed[DKIM_COVERAGE_FIELDS] = { 0 };

	for (size_t i = 0; i < count; i++)
		count_name(names[i], listed);
	for (size_t i = 0; i < DKIM_COVERAGE_FIELDS; i++) {
		out->lacks[i] = listed[i] < present[i];
		out->has[i] = listed[i] > 0 && !out->lacks[i];
	}
}

/* Does that field keep the signature from that grade? */
static bool
misses(const struct dkim_coverage *c, enum conf_coverage grade, size_t field)
{
	switch (grade) {
	case CONF_COVERAGE_RFC:
		return !c->has[field];
	case CONF_COVERAGE_PRESENT:
		return c->lacks[field];
	case CONF_COVERAGE_CORE:
		break;
	}
	return c->lacks[field] && coverage_fields[field].is_core;
}

bool
dkim_coverage_reaches(const struct dkim_coverage *c, enum conf_coverage grade)
{
	for (size_t i = 0; i < DKIM_COVERAGE_FIELDS; i++) {
		if (misses(c, grade, i))
			return false;
	}
	return true;
}

enum conf_coverage
dkim_coverage_grade(const struct dkim_coverage *c)
{
	return dkim_coverage_reaches(c, CONF_COVERAGE_RFC) ? CONF_COVERAGE_RFC
	       : dkim_coverage_reaches(c, CONF_COVERAGE_PRESENT)
		   ? CONF_COVERAGE_PRESENT
		   : CONF_COVERAGE_CORE;
}

const char *
dkim_coverage_missing(
    struct job *j, const struct dkim_coverage *c, enum conf_coverage want)
{
	struct buf missing;

	buf_init(&missing, j->arena, 256);
	for (size_t i = 0; i < DKIM_COVERAGE_FIELDS; i++) {
		if (!misses(c, want, i))
			continue;
		if (missing.n > 0)
			buf_add_str(&missing, ", ");
		buf_add(&missing, coverage_fields[i].name);
	}
	return missing.p;
}
