#include "config.h"

#include "db/store_queue.h"

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/count.h"

/* Each has an index over what is due, so that a scan ends at the limit. */
#define DUE_IN(table, more)                                                    \
	"SELECT COUNT(*), MIN(due_at) FROM (SELECT due_at FROM " table         \
	" WHERE due_at <= $1 " more " ORDER BY due_at LIMIT $2) waiting"

static const struct {
	const char *what, *role, *text;
} queues[] = {
	{ "challenge mails", "sender",
	    DUE_IN("outbox", "AND expires_at > $1") },
	{ "notices", "sender", DUE_IN("notice", "") },
	{ "CAA reports", "sender", DUE_IN("caa_report", "") },
	{ "replies", "validator", DUE_IN("reply", "") },
	{ "CAA checks", "validator", DUE_IN("caa", "") },
	{ "orders", "issuer",
	    "SELECT COUNT(*), MIN(issue_due_at) FROM (SELECT issue_due_at "
	    "FROM orders WHERE issue_due_at <= $1 "
	    "ORDER BY issue_due_at LIMIT $2) waiting" },
	{ "incidents", "issuer", DUE_IN("incident", "") },
	{ "requests to the other CA", "upstream", DUE_IN("handoff", "") },
	{ "revocations at the other CA", "upstream", DUE_IN("withdrawal", "") },
};
#define QUEUES COUNT(queues)

/* Reads COUNT(*) and the earliest moment (none: NULL, which is 0). */
static int
count_rows(struct job *j, struct queue *out, const char *text,
    const struct sql_value *args, size_t n)
{
	struct query q;
	int found = query_first(&q, j, text, args, n);

	if (found == 1) {
		out->count = query_int(&q);
		out->since = query_int(&q);
	}
	query_end(&q);
	return found < 0 ? -1 : 0;
}

int
store_queue_list(struct job *j, struct queue **out, size_t *count)
{
	struct queue *list = arena_calloc(j->arena, QUEUES, sizeof(*list));

	for (size_t i = 0; i < QUEUES; i++) {
		list[i].what = queues[i].what;
		list[i].role = queues[i].role;
		if (count_rows(j, &list[i], queues[i].text,
			ARGS(v_int(j->now), v_int(QUEUE_COUNT_MAX))) < 0)
			return -1;
	}
	*out = list;
	*count = QUEUES;
	return 0;
}

int
store_queue_held(struct job *j, struct queue *out)
{
	*out = (struct queue){ .what = "orders", .role = "issuer" };
	return count_rows(j, out,
	    "SELECT COUNT(*), MIN(since) FROM (SELECT issue_fault_at AS since "
	    "FROM orders WHERE issue_due_at IS NOT NULL "
	    "ORDER BY issue_due_at LIMIT $1) waiting WHERE since > 0",
	    ARGS(v_int(QUEUE_COUNT_MAX)));
}
