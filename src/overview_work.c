#include "config.h"

#include "src/overview_work.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_cert.h"
#include "db/store_order.h"
#include "db/store_order_look.h"
#include "db/store_queue.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "src/overview.h"
#include "src/overview_relay.h"
#include "src/overview_replies.h"
#include "src/remarks.h"
#include "src/story.h"

#define HOUR 3600
#define DAY 86400
#define ORDERS_MAX 1000
#define REASONS_MAX 5

/* "23 minutes" */
static const char *
span_of_time(struct job *j, int64_t secs)
{
	if (secs < 120)
		return arena_printf(j->arena, "%" PRId64 " seconds", secs);
	if (secs < 2 * HOUR)
		return arena_printf(j->arena, "%" PRId64 " minutes", secs / 60);
	if (secs < 2 * DAY)
		return arena_printf(j->arena, "%" PRId64 " hours", secs / HOUR);
	return arena_printf(j->arena, "%" PRId64 " days", secs / DAY);
}

static int
look_at_queues(struct job *j, struct remarks *r)
{
	struct queue *list;
	size_t count, late = 0;

	if (store_queue_list(j, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct queue *q = &list[i];

		if (q->count == 0 || j->now - q->since <= OVERVIEW_LATE_SECS)
			continue;
		late++;
		remark(r, REMARK_WRONG, q->what,
		    arena_printf(j->arena,
			"%s%" PRId64 " should have been taken up by now, the "
			"first for %s: role %s does not run, is overloaded, or "
			"cannot work; its log says which",
			q->count == QUEUE_COUNT_MAX ? "at least " : "",
			q->count, span_of_time(j, j->now - q->since), q->role));
	}
	if (late == 0)
		remark(r, REMARK_OK, "work", "none is left undone");
	return 0;
}

static int
look_at_held(struct job *j, struct remarks *r)
{
	struct queue held;

	if (store_queue_held(j, &held) < 0)
		return -1;
	if (held.count > 0)
		remark(r, REMARK_WRONG, "held orders",
		    arena_printf(j->arena,
			"%" PRId64 ", the first for %s, by a fault that is "
			"not their clients': the issuer's log says which",
			held.count, span_of_time(j, j->now - held.since)));
	return 0;
}

struct reason {
	const char *text;
	size_t count;
};

static int
more_first(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

/* Counts it among those that are there, or adds it. */
static void
count_reason(struct reason *list, size_t *n, const char *text)
{
	size_t i = 0;

	while (i < *n && strcmp(list[i].text, text) != 0)
		i++;
	if (i == *n)
		list[(*n)++] = (struct reason){ text, 0 };
	list[i].count++;
}

/* "9 wait for a reply; 2 for the issuer; 1 for others" */
static const char *
say_reasons(struct job *j, struct reason *list, size_t n)
{
	const char *out = "";
	size_t others = 0;

	qsort(list, n, sizeof(*list), more_first);
	for (size_t i = 0; i < n; i++) {
		if (i >= REASONS_MAX) {
			others += list[i].count;
			continue;
		}
		out = arena_printf(j->arena, "%s%s%zu for %s", out,
		    i > 0 ? "; " : "", list[i].count, list[i].text);
	}
	return others == 0
		   ? out
		   : arena_printf(j->arena, "%s; %zu for others", out, others);
}

static int
look_at_orders(struct job *j, struct remarks *r)
{
	struct reason *reasons;
	struct order *orders;
	size_t count, n = 0;

	if (store_order_list(j, true, ORDERS_MAX, &orders, &count) < 0)
		return -1;
	if (count == 0) {
		remark(r, REMARK_OK, "orders", "none is pending");
		return 0;
	}
	reasons = arena_calloc(j->arena, count, sizeof(*reasons));
	for (size_t i = 0; i < count; i++)
		count_reason(reasons, &n, story_lacks(j, &orders[i]));
	remark(r, REMARK_OK, "orders",
	    arena_printf(j->arena,
		"%s%zu wait: %s (countersign orders --pending)",
		count == ORDERS_MAX ? "at least " : "", count,
		say_reasons(j, reasons, n)));
	overview_relay(j, r, orders, count);
	return 0;
}

static int
look_at_certificates(struct job *j, struct remarks *r)
{
	int64_t count, max = j->conf->issuer.max_per_hour;

	if (store_cert_count_since(j, j->now - HOUR, &count) < 0)
		return -1;
	remark(r, REMARK_OK, "certificates",
	    max > 0 ? arena_printf(j->arena,
			  "%" PRId64 " in the last hour, of at most %" PRId64,
			  count, max)
		    : arena_printf(
			  j->arena, "%" PRId64 " in the last hour", count));
	return 0;
}

int
overview_work(struct job *j, struct remarks *r)
{
	return look_at_queues(j, r) < 0 || look_at_held(j, r) < 0 ||
		       look_at_orders(j, r) < 0 || overview_replies(j, r) < 0 ||
		       look_at_certificates(j, r) < 0
		   ? -1
		   : 0;
}
