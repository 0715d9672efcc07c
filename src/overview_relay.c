#include "config.h"

#include "src/overview_relay.h"

#include "acme/status.h"
#include "db/store_order.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "mail/status_words.h"
#include "src/remarks.h"

/* Tried, and not accepted. */
struct waiting {
	size_t count;
	const struct authz *first;
};

static bool
is_waiting(const struct job *j, const struct authz *a)
{
	return a->challenge.mail_sent_at == 0 &&
	       a->challenge.mail_error != NULL &&
	       authz_status(a, j->now) == AUTHZ_PENDING &&
	       j->now - a->created_at > OVERVIEW_RELAY_SECS;
}

static void
find_waiting(const struct job *j, const struct order *o, struct waiting *w)
{
	for (size_t i = 0; i < o->identifier_count; i++) {
		const struct authz *a = &o->identifiers[i].authz;

		if (!is_waiting(j, a))
			continue;
		w->count++;
		if (w->first == NULL || a->created_at < w->first->created_at)
			w->first = a;
	}
}

/* A reply code: the relay is there, and may have its reasons. */
static bool
is_answer(const char *text)
{
	return ascii_is_digit(text[0]) && ascii_is_digit(text[1]) &&
	       ascii_is_digit(text[2]) && (text[3] == ' ' || text[3] == '\0');
}

void
overview_relay(
    struct job *j, struct remarks *r, const struct order *orders, size_t count)
{
	struct waiting w = { 0, NULL };
	const char *why;

	for (size_t i = 0; i < count; i++)
		find_waiting(j, &orders[i], &w);
	if (w.count == 0)
		return;
	why = w.first->challenge.mail_error;
	remark(r, is_answer(why) ? REMARK_WARN : REMARK_WRONG, "mail relay",
	    arena_printf(j->arena,
		"does not take challenge mails: %zu, the first since %s: %s "
		"(countersign check tries it)",
		w.count, clock_rfc3339(j->arena, w.first->created_at),
		status_explain(j, why)));
}
