#include "config.h"

#include "src/overview.h"

#include <inttypes.h>
#include <string.h>

#include "acme/report.h"
#include "db/audit_mark.h"
#include "db/store_admin_key.h"
#include "db/store_incident.h"
#include "db/store_report.h"
#include "db/store_stop.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/effective.h"
#include "src/admin_expiry.h"
#include "src/cmd_audit.h"
#include "src/overview_conf.h"
#include "src/overview_disk.h"
#include "src/overview_lists.h"
#include "src/overview_roles.h"
#include "src/overview_work.h"
#include "src/rehearsal.h"
#include "src/remarks.h"
#include "src/report_due.h"
#include "src/single.h"

#define DAY 86400
#define INCIDENTS_MAX 100
#define REPORTS_MAX 100

/* --- the server ----------------------------------------------------------- */

/* With PostgreSQL servers may run elsewhere: nobody knows. */
static int
look_at_server(struct job *j, struct remarks *r)
{
	if (!single_is_taken(j, j->conf->database))
		remark(r, REMARK_WRONG, "countersignd",
		    "does not run: start it (systemctl start countersignd)");
	return 0;
}

/* PK-45, PK-204 */
static int
look_at_stops(struct job *j, struct remarks *r)
{
	struct stop *list;
	size_t count;

	if (store_stop_list(j, &list, &count) < 0)
		return -1;
	if (count == 0)
		remark(r, REMARK_OK, "issuance", "is not stopped");
	for (size_t i = 0; i < count; i++)
		remark(r, REMARK_WARN, "issuance",
		    arena_printf(j->arena,
			"stopped for %s%s%s by %s since %s: %s (countersign "
			"resume lifts it)",
			list[i].scope, list[i].value[0] != '\0' ? " " : "",
			list[i].value, list[i].by,
			clock_rfc3339(j->arena, list[i].at), list[i].reason));
	return 0;
}

/* --- deadlines ------------------------------------------------------------ */

/* PK-185 */
static int
look_at_incidents(struct job *j, struct remarks *r)
{
	struct incident *list;
	size_t count;

	if (store_incident_list(j, INCIDENTS_MAX, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct incident *n = &list[i];

		if (n->finished_at != 0 || n->cancelled_at != 0)
			continue;
		if (n->opening_at != 0)
			remark(r, REMARK_WARN, "incident",
			    arena_printf(j->arena, "%s (%s) is being opened",
				n->id, n->cause));
		else if (incident_is_draft(n))
			remark(r, REMARK_WARN, "incident",
			    arena_printf(j->arena,
				"%s (%s, %" PRId64 " certificates) is a draft: "
				"countersign incident confirm or cancel",
				n->id, n->cause, n->cert_count));
		else
			remark(r,
			    n->late_at != 0 || n->deadline < j->now
				? REMARK_WRONG
				: REMARK_WARN,
			    "incident",
			    arena_printf(j->arena,
				"%s (%s, %" PRId64
				" certificates) ends at %s%s",
				n->id, n->cause, n->cert_count,
				clock_rfc3339(j->arena, n->deadline),
				n->late_at != 0 ? ", which was missed" : ""));
	}
	return 0;
}

/* PK-184: the countdown. */
static int
look_at_reports(struct job *j, struct remarks *r)
{
	struct report *list;
	size_t count;

	if (store_report_list(
		j, false, REPORT_ANSWER_SECS, REPORTS_MAX, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct report *p = &list[i];
		int64_t at = report_due(p);
		bool late = at < j->now;

		if (at == 0) { /* decided that nothing is to be done */
			remark(r, REMARK_WARN, "problem report",
			    arena_printf(j->arena,
				"number %" PRId64 " waits to be closed "
				"(countersign report close %" PRId64 ")",
				p->number, p->number));
			continue;
		}
		remark(r, late ? REMARK_WRONG : REMARK_WARN, "problem report",
		    arena_printf(j->arena,
			"number %" PRId64 ": %s %s %s (countersign report show "
			"%" PRId64 ")",
			p->number, report_lacks(p),
			late ? "was due at" : "is due by",
			clock_rfc3339(j->arena, at), p->number));
	}
	return 0;
}

/* PK-3 */
static int
look_at_rules(struct job *j, struct remarks *r)
{
	const struct effective *rules[EFFECTIVE_COUNT];
	size_t n = effective_upcoming(j->conf, j->now, rules);

	for (size_t i = 0; i < n; i++)
		remark(r, REMARK_WARN, "rules to come",
		    arena_printf(j->arena, "from %s: %s (%s): %s",
			rules[i]->day, rules[i]->rule, rules[i]->source,
			rules[i]->advice));
	return 0;
}

/* --- reminders ------------------------------------------------------------ */

/* A CA that has just begun is not wrong. */
static int
remind_of_rehearsal(struct job *j, struct remarks *r)
{
	static const char what[] = "rehearsal of an incident";
	const char *advice = NULL;
	int64_t at;

	if (rehearsal_advice(j, &advice) < 0 || rehearsal_last(j, &at) < 0)
		return -1;
	if (advice != NULL)
		remark(r, REMARK_WARN, what, advice);
	else
		remark(r, REMARK_OK, what,
		    arena_printf(j->arena, "last done at %s",
			clock_rfc3339(j->arena, at)));
	return 0;
}

static int
remind_of_head(struct job *j, struct remarks *r)
{
	int64_t since;
	int late = audit_mark_is_late(
	    j, j->conf->issuer.audit_public_keys != NULL, &since);

	if (late > 0)
		remark(r, REMARK_WARN, "audit records",
		    arena_printf(j->arena, AUDIT_LATE_TEXT,
			clock_rfc3339(j->arena, since)));
	return late < 0 ? -1 : 0;
}

/* PK-21 */
static int
remind_of_audit_key(struct job *j, struct remarks *r)
{
	if (j->conf->mode == CONF_MODE_PUBLIC &&
	    j->conf->issuer.audit_key == NULL)
		remark(r, REMARK_WARN, "audit key",
		    "issuer.audit_key is not set: the head of the audit and "
		    "the gaps of purged records carry a MAC only, which the "
		    "validator could make too");
	return 0;
}

static int
remind_of_admins(struct job *j, struct remarks *r)
{
	struct admin_expiry *list;
	const char *advice;
	size_t count;

	if (store_admin_key_expiring(j, j->now + ADMIN_EXPIRY_SECS,
		ADMIN_EXPIRY_MAX, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		advice =
		    admin_expiry_advice(j, list[i].name, list[i].not_after);
		if (advice != NULL)
			remark(r, REMARK_WARN, "admins", advice);
	}
	return 0;
}

typedef int look(struct job *j, struct remarks *r);

static int
look_at_each(struct job *j, struct remarks *r, look *const *looks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (looks[i](j, r) < 0)
			return -1;
	return 0;
}

int
overview_reminders(struct job *j, struct remarks *r)
{
	static look *const looks[] = { remind_of_rehearsal, remind_of_head,
		remind_of_audit_key, remind_of_admins };

	return look_at_each(j, r, looks, COUNT(looks));
}

static int
look_at_all(struct job *j, struct remarks *r)
{
	static look *const looks[] = { overview_roles, overview_disk,
		look_at_stops, overview_work, overview_lists, look_at_incidents,
		look_at_reports, overview_reminders, look_at_rules };

	return look_at_each(j, r, looks, COUNT(looks));
}

int
overview(struct job *j, struct remarks *r)
{
	return look_at_server(j, r) < 0 || overview_conf(j, r, true) < 0
		   ? -1
		   : look_at_all(j, r);
}

int
overview_inside(struct job *j, struct remarks *r)
{
	return overview_conf(j, r, false) < 0 ? -1 : look_at_all(j, r);
}
