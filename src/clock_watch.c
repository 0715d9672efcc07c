#include "config.h"

#include "src/clock_watch.h"

#include "db/store_clock.h"
#include "db/store_newest.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/worker.h"

#include <inttypes.h>

#define STEP_MAX_MS ((int64_t)60 * 1000)
/* From here on it is told of. */
#define STEP_TOLD_MS ((int64_t)1000)

static int
distrust(struct job *j, const char *why, int64_t secs, const char *advice)
{
	log_error("clock not trusted",
	    "error=\"%s\" seconds=%" PRId64
	    " next=\"set the clock, then start the service anew; nothing is "
	    "signed until then%s\"",
	    why, secs, advice);
	return job_fail(
	    j, ERR_BUSY, "the clock: %s, by %" PRId64 " s", why, secs);
}

/* PK-19: once for each step, also while nothing is signed. */
static int
tell_step(struct clock_watch *w, struct job *j, int64_t offset)
{
	int64_t step = offset - w->told_ms;

	if (step > -STEP_TOLD_MS && step < STEP_TOLD_MS)
		return 0;
	log_warning("clock stepped", "ms=%" PRId64, step);
	if (worker_record(j, "issuer", "clock stepped", "clock",
		step > 0 ? "forward" : "back",
		arena_printf(j->arena, "{\"ms\":%" PRId64 "}", step)) < 0)
		return -1;
	w->told_ms = offset;
	return 0;
}

/* Small differences are followed: a clock that is slewed is in order. */
static int
check_step(struct clock_watch *w, struct job *j)
{
	int64_t offset = clock_now_ms() - clock_boot_ms();
	int64_t step = offset - w->offset_ms;

	if (!w->has_offset)
		w->told_ms = offset;
	else if (tell_step(w, j, offset) < 0)
		return -1;
	if (w->has_offset && (step > STEP_MAX_MS || step < -STEP_MAX_MS))
		return distrust(j,
		    step > 0 ? "it was stepped forward" : "it was stepped back",
		    ((step > 0 ? step : -step) + 500) / 1000, "");
	w->has_offset = true;
	w->offset_ms = offset;
	return 0;
}

static int64_t
ahead(struct job *j, int64_t at)
{
	return at > j->now + CLOCK_TOLERANCE_SECS ? at - j->now : 0;
}

int
clock_lag(struct job *j, const char *ca_label, struct clock_lag *out)
{
	int64_t made, audited;

	if (store_newest(j, ca_label, &made, &audited) < 0)
		return -1;
	*out = (struct clock_lag){ ahead(j, made), ahead(j, audited) };
	return 0;
}

static int
check_store(struct clock_watch *w, struct job *j, const char *ca_label)
{
	struct clock_lag lag;

	if (w->checked_at == j->now)
		return 0;
	if (clock_lag(j, ca_label, &lag) < 0)
		return -1;
	w->audit_ahead = lag.audited;
	if (lag.made > 0)
		return distrust(
		    j, CLOCK_BEHIND_MADE, lag.made, "; " CLOCK_WAY_OUT);
	w->checked_at = j->now;
	return 0;
}

int
clock_watch_check(struct clock_watch *w, struct job *j, const char *ca_label)
{
	if (!w->is_on)
		return 0;
	if (check_step(w, j) < 0)
		return -1;
	return check_store(w, j, ca_label);
}

int
clock_watch_orders(const struct clock_watch *w, struct job *j)
{
	if (w->audit_ahead == 0)
		return 0;
	return distrust(j, CLOCK_BEHIND_AUDITED, w->audit_ahead, "");
}
