#include "config.h"

#include "src/linters_hold.h"

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/profile.h"
#include "src/linters.h"
#include "src/worker.h"

#define PAUSE_SECS 2
#define PAUSE_MAX_SECS 60
/* What the longest limit of time and the longest pause come to. */
#define HOLD_MAX 300

int64_t
linters_hold_left(const struct linters_hold *h, const struct job *j)
{
	/* One of another clock's holds nothing. */
	if (h == NULL || h->until <= j->now || h->until > j->now + HOLD_MAX)
		return 0;
	return h->until - j->now;
}

/* The beginning and the end of it; between them the log says enough. */
static int
record(struct job *j, const char *result, const char *detail)
{
	return worker_record(
	    j, "issuer", "linters", "issuance", result, detail);
}

static void
begin(struct linters_hold *h, struct job *j)
{
	struct err why = j->err;

	log_error("linter failed",
	    "error=\"%s\" next=\"mend it, or take its section out and start "
	    "again: until then nothing is signed; countersign check tries "
	    "it\"",
	    why.text);
	if (h->pause == 0) {
		job_recover(j);
		if (record(j, "failed", worker_detail(j, "error", why.text)) <
		    0)
			log_error(
			    "hold not recorded", "error=\"%s\"", j->err.text);
	}
	h->pause = h->pause == 0 ? PAUSE_SECS : h->pause * 2;
	if (h->pause > PAUSE_MAX_SECS)
		h->pause = PAUSE_MAX_SECS;
	/* The linter has had its time in between. */
	h->until = clock_now() + h->pause;
	job_recover(j);
	j->err = why;
}

static int
end(struct linters_hold *h, struct job *j)
{
	h->until = 0;
	if (h->pause == 0)
		return 0;
	if (record(j, "ok", NULL) < 0)
		return -1;
	h->pause = 0;
	log_info("linters work again", "next=\"nothing\"");
	return 0;
}

int
linters_hold_check(struct linters_hold *h, struct job *j,
    const struct linters_subject *subject, const char **report,
    const char **allowed)
{
	const struct linters_question q = { .fd = h != NULL ? h->fd : -1,
		.is_strict = subject->profile->generation == GENERATION_STRICT,
		.der = subject->der,
		.is_ours = subject->is_ours };
	const struct linters_verdict own = { *report, *allowed, false };
	struct linters_verdict all = own;
	struct err why;

	if (j->conf->linter_count == 0)
		return 0;
	if (h == NULL)
		return job_fail(j, ERR_INTERNAL, "linters without a parent");
	h->refuses = false;
	if (linters_check(j, &q, &own, &all) == 0) {
		*report = all.report;
		*allowed = all.allowed;
		return end(h, j);
	}
	if (j->err.kind == ERR_BUSY) {
		begin(h, j);
		return -1;
	}
	why = j->err;
	job_recover(j);
	/* What refuses works. */
	h->refuses = all.refuses;
	if (end(h, j) < 0)
		return -1;
	j->err = why;
	return -1;
}
