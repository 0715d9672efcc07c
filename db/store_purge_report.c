/* Problem reports with their notices (PK-22, PK-184). */
#include "config.h"

#include "db/store_notice.h"
#include "db/store_private.h"
#include "db/store_purge_rows.h"
#include "lib/arena.h"
#include "lib/count.h"

struct report_facts {
	int64_t number, closed_at;
	const char *cert_id, *incident_id;
	struct span spki_sha256;
};

static int
report_facts(struct job *j, const char *id, struct report_facts *f)
{
	struct query q;
	int found;

	*f = (struct report_facts){ .number = 0 };
	if (span_to_int(span_str(id), 1, INT64_MAX, &f->number) < 0)
		return 0;
	found = query_first(&q, j,
	    "SELECT closed_at, cert_id, incident_id, spki_sha256 FROM report "
	    "WHERE number = $1",
	    ARGS(v_int(f->number)));
	if (found == 1) {
		f->closed_at = query_int(&q);
		f->cert_id = query_text(&q);
		f->incident_id = query_text(&q);
		f->spki_sha256 = query_bytes(&q);
	}
	query_end(&q);
	return found;
}

/* The last certificate that it is about: until when, 0 if there is none. */
static int
certificates_end(struct job *j, const struct report_facts *f, int64_t *end)
{
	int64_t one = 0, all = 0;

	if (f->cert_id != NULL &&
	    store_get_int(j, &one, "SELECT not_after FROM cert WHERE id = $1",
		ARGS(v_text(f->cert_id))) < 0)
		return -1;
	if (f->spki_sha256.n > 0 &&
	    store_get_int(j, &all,
		"SELECT not_after FROM cert WHERE spki_sha256 = $1 "
		"ORDER BY not_after DESC LIMIT 1",
		ARGS(v_bytes(f->spki_sha256))) < 0)
		return -1;
	*end = later(one, all);
	return 0;
}

/* Is there still something to be done about it?  Then there is no end; else
 * *end, if it is later, is that of its incident. */
static int
is_open(struct job *j, const struct report_facts *f, int64_t *end)
{
	static const char *const steps[] = { NOTICE_ANSWER, NOTICE_DECISION };
	int64_t one;
	int found;

	for (size_t i = 0; i < COUNT(steps); i++) {
		int waits = store_get_int(j, &one,
		    "SELECT 1 FROM notice WHERE about = $1 "
		    "AND due_at IS NOT NULL LIMIT 1",
		    ARGS(v_text(notice_of_report(j, f->number, steps[i]))));

		if (waits != 0)
			return waits;
	}
	if (f->closed_at == 0)
		return 1;
	*end = later(*end, f->closed_at);
	if (f->incident_id == NULL)
		return 0;
	found = store_get_int(j, &one,
	    "SELECT CASE WHEN finished_at > cancelled_at THEN finished_at "
	    "ELSE cancelled_at END FROM incident WHERE id = $1",
	    ARGS(v_text(f->incident_id)));
	if (found <= 0)
		return found;
	*end = later(*end, one);
	return one == 0;
}

int
purge_report_due(struct job *j, const char *id, const struct purge_rules *rules,
    int64_t *due)
{
	struct report_facts f;
	int64_t end = 0;
	int held = report_facts(j, id, &f);

	*due = j->now + PURGE_DAY;
	if (held < 0 || certificates_end(j, &f, &end) < 0)
		return -1;
	held = is_open(j, &f, &end);
	if (held == 0)
		*due = end + rules->retention;
	return held < 0 ? -1 : 0;
}

int
purge_report_delete(
    struct job *j, const char *id, const struct purge_rules *rules)
{
	struct report_facts f;
	int found = report_facts(j, id, &f);

	(void)rules;
	if (found <= 0)
		return found;
	if (store_change(j, NULL, "DELETE FROM notice WHERE about IN ($1, $2)",
		ARGS(v_text(notice_of_report(j, f.number, NOTICE_ANSWER)),
		    v_text(notice_of_report(j, f.number, NOTICE_DECISION)))) <
	    0)
		return -1;
	return store_change(j, NULL, "DELETE FROM report WHERE number = $1",
	    ARGS(v_int(f.number)));
}
