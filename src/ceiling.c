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
#include <string.h>

#define MINUTE 60
#define HOUR 3600
/* src/lists.c makes no more than one in 5 seconds. */
#define LISTS_PER_SHARD 800
#define ROUNDS 4
#define HASHES 2 /* signatures for each number */
#define ANSWERS_BESIDES 1000
#define RESPONDERS 500

void
ceiling_count(struct ceiling *c, int64_t now)
{
	ceiling_add(c, now, 1);
}

void
ceiling_add(struct ceiling *c, int64_t now, int64_t signatures)
{
	int64_t minute = now / MINUTE;
	size_t slot = (size_t)(minute % CEILING_MINUTES);

	if (c->minute[slot] != minute) {
		c->minute[slot] = minute;
		c->count[slot] = 0;
	}
	c->count[slot] += signatures;
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

/* The row, the audit record: 1 it is new, 0, -1. */
static int
add_stop(struct job *j, const struct stop *stop, const char *object)
{
	int stopped;

	if (store_begin(j) < 0)
		return -1;
	stopped = store_stop_add(j, stop);
	if (stopped < 0 ||
	    (stopped > 0 &&
		store_audit_add(j, "issuer", "issuance", object, "stopped",
		    worker_detail(j, "reason", stop->reason)) < 0))
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : stopped;
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

	if (add_stop(j, &stop, STOP_ALL) < 0)
		return -1;
	log_error("issuance stopped",
	    "reason=\"%s\" next=\"find out who ordered them; if they are "
	    "wanted, raise issuer.max_per_hour, then countersign resume "
	    "issuance --all\"",
	    reason);
	return 0;
}

int
ceiling_room(
    const struct ceiling *c, struct job *j, int64_t pending, int64_t *room)
{
	int64_t count, mine = ceiling_sum(c, j->now) + pending;
	/* What another CA signs counts when it is asked. */
	int counted = j->conf->external.kind == CONF_EXTERNAL_NONE
			  ? store_cert_count_since(j, j->now - HOUR, &count)
			  : store_handoff_count_since(j, j->now - HOUR, &count);

	if (counted < 0)
		return -1;
	if (mine > count)
		count = mine;
	*room = j->conf->issuer.max_per_hour - count;
	return 0;
}

int
ceiling_check(const struct ceiling *c, struct job *j, bool *reached)
{
	int64_t room;

	if (ceiling_room(c, j, 0, &room) < 0)
		return -1;
	*reached = room <= 0;
	return *reached ? stop_all(j, j->conf->issuer.max_per_hour - room) : 0;
}

/* --- what is not certificates --------------------------------------------- */

const struct ceiling_kind ceiling_lists = { "lists", "max_lists_per_hour",
	"one list of each shard in 5 minutes" };
const struct ceiling_kind ceiling_answers = { "answers", "max_answers_per_hour",
	"new certificates, new revocations and a renewal every 12 hours" };
const struct ceiling_kind ceiling_responders = { "responders",
	"max_responders_per_hour", "one in 10 minutes" };

static int
is_on_hold(const struct ceiling_kind *kind, struct job *j, bool *held)
{
	struct stop *list;
	size_t count;

	*held = false;
	if (store_stop_list(j, &list, &count) < 0)
		return -1;
	for (size_t k = 0; k < count && !*held; k++)
		*held = strcmp(list[k].scope, STOP_SIGNING) == 0 &&
			strcmp(list[k].value, kind->name) == 0;
	return 0;
}

int
ceiling_hold(const struct ceiling_kind *kind, struct job *j, int64_t count,
    int64_t max, bool *held)
{
	const char *reason;
	struct stop stop;
	int added;

	if (is_on_hold(kind, j, held) < 0)
		return -1;
	if (*held || count < max)
		return 0;
	reason = arena_printf(j->arena,
	    "%" PRId64 " signatures of %s within an hour; issuer.%s is "
	    "%" PRId64,
	    count, kind->name, kind->option, max);
	stop = (struct stop){ .scope = STOP_SIGNING,
		.value = kind->name,
		.reason = reason,
		.by = "issuer",
		.at = j->now };
	added = add_stop(
	    j, &stop, arena_printf(j->arena, "signing:%s", kind->name));
	if (added < 0)
		return -1;
	*held = true;
	if (added > 0)
		log_error("signing on hold",
		    "reason=\"%s\" next=\"find out who changed rows; %s is "
		    "signed meanwhile; raise issuer.%s, then countersign "
		    "resume issuance --signing %s\"",
		    reason, kind->reserve, kind->option, kind->name);
	return 0;
}

int64_t
ceiling_max_lists(const struct conf_issuer *c)
{
	if (c->max_lists_per_hour != 0)
		return c->max_lists_per_hour;
	return LISTS_PER_SHARD * c->crl_shards;
}

int64_t
ceiling_max_answers(const struct conf_issuer *c, int64_t numbers)
{
	if (c->max_answers_per_hour != 0)
		return c->max_answers_per_hour;
	return HASHES * ROUNDS * (numbers + c->max_per_hour + ANSWERS_BESIDES);
}

int64_t
ceiling_max_responders(const struct conf_issuer *c)
{
	return c->max_responders_per_hour != 0 ? c->max_responders_per_hour
					       : RESPONDERS;
}
