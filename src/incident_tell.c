#include "config.h"

#include "src/incident_tell.h"

#include "db/store_incident.h"
#include "db/store_notice.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "src/worker.h"

#define BITE 200 /* certificates a transaction */
#define HOUR ((int64_t)3600)
/* A relay that is away for as long as that after the end. */
#define NOTICE_SECS ((int64_t)2 * 86400)

/* --- notices ------------------------------------------------------------- */

/* AC-69 has let nothing else in than one address behind mailto. */
static int
add_contact(
    struct job *j, const char *incident_id, struct span url, int64_t expires_at)
{
	static const struct span scheme = SPAN_INIT("mailto:");
	const struct addr_policy policy = { .utf8_local = true,
		.reserved_domains = true };
	struct addr a;

	if (!span_casestarts(url, scheme))
		return 0;
	if (addr_parse(j, span_from(url, scheme.n), &policy, &a) < 0) {
		job_recover(j);
		return 0;
	}
	return store_notice_add(j, incident_id, a.canonical, expires_at);
}

static int
add_contacts(struct job *j, const char *incident_id, const char *array,
    int64_t expires_at)
{
	const struct json *object, *list;
	const char *text = arena_printf(j->arena, "{\"contact\":%s}", array);

	/* What cannot be read must not keep an incident from being opened. */
	if (json_parse_object(j, span_str(text), "contact", &object) < 0) {
		job_recover(j);
		log_warning(
		    "contacts not readable", "incident=%s", incident_id);
		return 0;
	}
	list = json_get(object, "contact");
	for (size_t i = 0;
	     json_type(list) == JSON_T_ARRAY && i < json_count(list); i++)
		if (add_contact(j, incident_id, json_string(json_at(list, i)),
			expires_at) < 0)
			return -1;
	return 0;
}

/* To those who are to hear of the account. */
static int
tell_accounts(struct job *j, const char *incident_id,
    const struct id_range *range, int64_t expires_at)
{
	struct notice_account *accounts;
	size_t count;

	if (store_notice_accounts(
		j, incident_id, range, BITE, &accounts, &count) < 0)
		return -1;
	for (size_t k = 0; k < count; k++)
		if (add_contacts(
			j, incident_id, accounts[k].contact, expires_at) < 0)
			return -1;
	return 0;
}

/* --- a bite -------------------------------------------------------------- */

int
incident_tell_within(struct job *j, const struct incident *i)
{
	int64_t last = i->deadline > j->now ? i->deadline : j->now;
	int64_t expires_at = last + NOTICE_SECS;
	struct id_range range;
	int found = store_incident_tell(j, i->id, BITE, &range);

	if (found <= 0)
		return found;
	if (store_notice_queue(j, i->id, &range, expires_at) < 0 ||
	    tell_accounts(j, i->id, &range, expires_at) < 0)
		return -1;
	return 1;
}

int
incident_tell(struct job *j, const struct incident *i)
{
	int more;

	if (store_begin(j) < 0)
		return -1;
	more = incident_tell_within(j, i);
	if (more < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : more;
}

int
incident_tell_step(struct job *j)
{
	struct incident i;
	int found = store_incident_telling(j, &i);

	if (found <= 0)
		return found;
	found = incident_tell(j, &i);
	if (found == 0)
		log_info("incident told", "incident=%s", i.id);
	return found;
}

int
incident_tell_due(struct job *j, int64_t *at)
{
	struct incident i;
	int found = store_incident_telling(j, &i);

	*at = j->now;
	return found;
}
