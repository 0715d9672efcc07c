#include "config.h"

#include "src/incident_open.h"

#include "db/store_audit.h"
#include "db/store_authz.h"
#include "db/store_incident.h"
#include "db/store_notice.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/rnd.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <string.h>

#define PAGE 500
#define HOUR ((int64_t)3600)
/* A relay that is away for as long as that after the end. */
#define NOTICE_SECS ((int64_t)2 * 86400)

/* PK-187: replacements need a new reply. */
static int
drop_authorizations(struct job *j, const char *incident_id, size_t *dropped)
{
	size_t count = 0, revoked = 0;
	const char **ids = NULL;
	struct authz a;

	*dropped = 0;
	do {
		if (store_incident_authz(j, incident_id, PAGE, &ids, &count) <
		    0)
			return -1;
		revoked = 0;
		for (size_t i = 0; i < count; i++) {
			int found = store_authz_lock(j, ids[i], &a);

			if (found < 0 ||
			    (found == 1 && store_authz_revoke(j, &a) < 0))
				return -1;
			revoked += found == 1;
		}
		*dropped += revoked;
	} while (revoked > 0);
	/* They would be found again and again. */
	if (count > 0)
		log_error("authorizations without challenge",
		    "incident=%s authz=%s next=\"find out who wrote the rows; "
		    "they prove nothing\"",
		    incident_id, ids[0]);
	return 0;
}

/* --- causes -------------------------------------------------------------- */

static const struct incident_cause causes[] = {
	{ "request", 24, 0 },
	{ "unauthorized", 24, 0 },
	{ "key-compromise", 24, 1 },
	{ "weak-key", 24, 1 },
	{ INCIDENT_VALIDATION, 24, 4 },
	{ "key-quality", 120, 4 },
	{ "misuse", 120, 9 },
	{ "terms", 120, 9 },
	{ "name", 120, 5 },
	{ "misissued", 120, 4 },
};

const struct incident_cause *
incident_cause_find(const char *name)
{
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (strcmp(causes[i].name, name) == 0)
			return &causes[i];
	return NULL;
}

int
incident_cause_read(
    struct job *j, const char *name, const struct incident_cause **out)
{
	const char *known = "";

	*out = name == NULL ? NULL : incident_cause_find(name);
	if (*out != NULL)
		return 0;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		known = arena_printf(j->arena, "%s%s%s", known,
		    i > 0 ? ", " : "", causes[i].name);
	return job_fail(j, ERR_MALFORMED, "--cause%s%s: give one of %s",
	    name == NULL ? "" : " ", name == NULL ? "" : name, known);
}

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

/* To each mailbox, and to those who are to hear of the account. */
static int
queue_notices(struct job *j, const struct incident *i)
{
	int64_t last = i->deadline > j->now ? i->deadline : j->now;
	int64_t expires_at = last + NOTICE_SECS;
	struct notice_account *accounts;
	const char *after = "";
	size_t count;

	if (store_notice_queue(j, i->id, expires_at) < 0)
		return -1;
	do {
		if (store_notice_accounts(
			j, i->id, after, PAGE, &accounts, &count) < 0)
			return -1;
		for (size_t k = 0; k < count; k++)
			if (add_contacts(
				j, i->id, accounts[k].contact, expires_at) < 0)
				return -1;
		if (count > 0)
			after = accounts[count - 1].id;
	} while (count > 0);
	return 0;
}

/* --- opening ------------------------------------------------------------- */

int
incident_open_within(struct job *j, const struct incident *i,
    const struct incident_selector *s, struct incident_opened *out)
{
	struct incident counted;

	*out = (struct incident_opened){ 0 };
	if (store_incident_open(j, i, s,
		issuer_incident_next(i->deadline, j->now),
		&out->certificates) < 0)
		return -1;
	if (out->certificates == 0)
		return job_fail(j, ERR_MALFORMED,
		    "no certificate is like that; nothing was opened");
	counted = *i;
	counted.cert_count = out->certificates;
	if (store_incident_set_due(
		j, i->id, issuer_incident_due(&counted, j->now)) < 0)
		return -1;
	if (strcmp(i->cause, INCIDENT_VALIDATION) == 0 &&
	    drop_authorizations(j, i->id, &out->dropped) < 0)
		return -1;
	if (queue_notices(j, i) < 0)
		return -1;
	return store_audit_add(j, i->opened_by, "incident opened",
	    arena_printf(j->arena, "incident:%s", i->id), "ok", i->selector);
}

int
incident_open(struct job *j, const struct incident *i,
    const struct incident_selector *s, bool dry_run,
    struct incident_opened *out)
{
	if (store_begin(j) < 0)
		return -1;
	if (incident_open_within(j, i, s, out) < 0)
		return worker_undo(j);
	if (!dry_run)
		return store_commit(j);
	store_rollback(j);
	return 0;
}

/* --- drafts -------------------------------------------------------------- */

/* The CA knows from now on: confirming it does not move the deadline. */
int
incident_draft(struct job *j, const char *cause_name, struct incident *out,
    int64_t *certificates)
{
	const struct incident_cause *cause = incident_cause_find(cause_name);
	const struct incident_selector s = { .found_cause = cause_name };
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);

	*certificates = 0;
	rnd_id(id);
	*out = (struct incident){ .id = id,
		.cause = cause->name,
		.selector =
		    arena_printf(j->arena, "{\"found\":\"%s\"}", cause->name),
		.reason = cause->reason,
		.known_at = j->now,
		.deadline = j->now + cause->hours * HOUR,
		.opened_by = "issuer" };
	if (store_incident_open(j, out, &s, 0, certificates) < 0)
		return -1;
	return store_audit_add(j, "issuer", "incident drafted",
	    arena_printf(j->arena, "incident:%s", id), "ok", out->selector);
}

int
incident_confirm(struct job *j, const struct incident *i, const char *by)
{
	if (!incident_is_draft(i))
		return job_fail(
		    j, ERR_MALFORMED, "%s: the incident is no draft", i->id);
	if (store_incident_confirm(
		j, i->id, by, issuer_incident_due(i, j->now)) < 0 ||
	    queue_notices(j, i) < 0)
		return -1;
	return store_audit_add(j, by, "incident confirmed",
	    arena_printf(j->arena, "incident:%s", i->id), "ok", NULL);
}
