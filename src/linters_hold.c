#include "config.h"

#include "src/linters_hold.h"

#include "db/store.h"
#include "db/store_audit.h"
#include "lib/arena.h"
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
/* Lists and answers that were refused are made again so often. */
#define REFUSED_SECS 60

enum lint_object
linters_object(const struct profile *profile)
{
	return profile->generation == GENERATION_STRICT ? LINT_STRICT
							: LINT_MULTIPURPOSE;
}

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
	    "error=\"%s\" next=\"mend it, or take its section out and send "
	    "SIGHUP: until then nothing is signed; countersign check tries "
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

/* What nobody has ordered: there is no order whose problem says it. */
static bool
is_own_work(enum lint_object object)
{
	return object != LINT_STRICT && object != LINT_MULTIPURPOSE;
}

int
linters_hold_may(
    const struct linters_hold *h, struct job *j, enum lint_object object)
{
	int64_t left = linters_hold_left(h, j);
	int64_t at = h != NULL ? h->refused_at[object] : 0;

	if (linters_count(j->conf, object) == 0)
		return 0;
	if (left == 0 && at != 0 && at <= j->now && j->now < at + REFUSED_SECS)
		left = at + REFUSED_SECS - j->now;
	return left == 0 ? 0
			 : job_fail(j, ERR_BUSY,
			       "linters (%s): the next try is in %d seconds",
			       linter_kind(object), (int)left);
}

/* PK-141: what was published stays. */
static int
tell_refusal(struct linters_hold *h, struct job *j, enum lint_object object)
{
	struct err why = j->err;
	int result = 0;

	log_error("linter refuses",
	    "what=%s error=\"%s\" next=\"it was not signed or published, and "
	    "what is published stays; find out who is wrong, countersign or "
	    "the linter\"",
	    linter_kind(object), why.text);
	job_recover(j);
	if (h->refused_at[object] == 0)
		result = record(j, "refused",
		    worker_detail(j, linter_kind(object), why.text));
	h->refused_at[object] = j->now;
	if (result == 0)
		j->err = why;
	return result;
}

static int
take_refusal(struct linters_hold *h, struct job *j, enum lint_object object)
{
	struct err why = j->err;

	job_recover(j);
	/* What refuses works. */
	if (end(h, j) < 0)
		return -1;
	j->err = why;
	if (is_own_work(object) && h->refuses)
		(void)tell_refusal(h, j, object);
	return -1;
}

int
linters_hold_check(struct linters_hold *h, struct job *j,
    const struct linters_subject *subject, const char **report,
    const char **allowed)
{
	const struct linters_question q = { .fd = h != NULL ? h->fd : -1,
		.object = subject->object,
		.der = subject->der,
		.is_ours = subject->is_ours };
	const struct linters_verdict own = { .report = *report,
		.allowed = *allowed };
	struct linters_verdict all = own;

	if (linters_count(j->conf, subject->object) == 0)
		return 0;
	if (h == NULL)
		return job_fail(j, ERR_INTERNAL, "linters without a parent");
	h->refuses = false;
	if (linters_check(j, &q, &own, &all) == 0) {
		h->refused_at[subject->object] = 0;
		*report = all.report;
		*allowed = all.allowed;
		return end(h, j);
	}
	if (j->err.kind == ERR_BUSY) {
		begin(h, j);
		return -1;
	}
	h->refuses = all.refuses;
	return take_refusal(h, j, subject->object);
}

int
linters_hold_allowed(
    struct job *j, enum lint_object object, const char *allowed)
{
	if (allowed == NULL)
		return 0;
	log_warning("lint allowed", "what=%s lints=\"%s\"", linter_kind(object),
	    allowed);
	return store_audit_add(j, "issuer", "lint allowed", linter_kind(object),
	    "ok", worker_detail(j, "lints", allowed));
}

int
linters_hold_record_allowed(
    struct job *j, enum lint_object object, const char *allowed)
{
	if (allowed == NULL)
		return 0;
	if (store_begin(j) < 0)
		return -1;
	if (linters_hold_allowed(j, object, allowed) < 0)
		return worker_undo(j);
	return store_commit(j);
}

int
linters_hold_pass(struct linters_hold *h, struct job *j,
    enum lint_object object, struct span der)
{
	const struct linters_subject subject = { object, der, true };
	const char *report = "{\"lints\":[]}", *allowed = NULL;

	if (linters_hold_may(h, j, object) < 0 ||
	    linters_hold_check(h, j, &subject, &report, &allowed) < 0)
		return -1;
	return linters_hold_record_allowed(j, object, allowed);
}
