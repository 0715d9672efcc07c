#include "config.h"

#include "src/ceiling.h"

#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_handoff.h"
#include "db/store_stop.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/worker.h"

#include <inttypes.h>

#define MINUTE 60
#define HOUR 3600

void
ceiling_count(struct ceiling *c, int64_t now)
{
	int64_t minute = now / MINUTE;
	size_t slot = (size_t)(minute % CEILING_MINUTES);

	if (c->minute[slot] != minute) {
		c->minute[slot] = minute;
		c->count[slot] = 0;
	}
	c->count[slot]++;
}

int64_t
ceiling_sum(const struct ceiling *c, int64_t now)
{
	int64_t minute = now / MINUTE, sum = 0;

	for (size_t k = 0; k < CEILING_MINUTES; k++) {
		if (c->minute[k] > minute - CEILING_MINUTES)
			sum += c->count[k];
	}
	return sum;
}

static int
stop_all(struct job *j, int64_t count)
{
	const char *reason = arena_printf(j->arena,
	    "%" PRId64 " certificates within an hour; "
	    "issuer.max_per_hour is %" PRId64,
	    count, j->conf->issuer.max_per_hour);
	struct stop stop = { .scope = STOP_ALL,
		.value = "",
		.reason = reason,
		.by = "issuer",
		.at = j->now };
	int stopped;

	if (store_begin(j) < 0)
		return -1;
	stopped = store_stop_add(j, &stop);
	if (stopped < 0 ||
	    (stopped > 0 &&
		store_audit_add(j, "issuer", "issuance", STOP_ALL, "stopped",
		    worker_detail(j, "reason", reason)) < 0))
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	log_error("issuance stopped",
	    "reason=\"%s\" next=\"find out who ordered them; if they are "
	    "wanted, raise issuer.max_per_hour, then countersign resume "
	    "issuance --all\"",
	    reason);
	return 0;
}

int
ceiling_check(const struct ceiling *c, struct job *j, bool *reached)
{
	int64_t count, mine = ceiling_sum(c, j->now);
	/* What another CA signs counts when it is asked. */
	int counted = j->conf->external.kind == CONF_EXTERNAL_NONE
			  ? store_cert_count_since(j, j->now - HOUR, &count)
			  : store_handoff_count_since(j, j->now - HOUR, &count);

	if (counted < 0)
		return -1;
	if (mine > count)
		count = mine;
	*reached = count >= j->conf->issuer.max_per_hour;
	return *reached ? stop_all(j, count) : 0;
}
