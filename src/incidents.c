#include "config.h"

#include "acme/revoke.h"
#include "db/store_audit.h"
#include "db/store_incident.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/key.h"
#include "src/former.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <inttypes.h>

#define HOUR INT64_C(3600)
#define BITE 500 /* certificates a transaction */
/*
 * PK-157: at the deadline the list that shows the last revocation is out.  So
 * it begins earlier by what a busy machine needs for the set, with lists and
 * OCSP answers between the bites; by the longest time for which revocations
 * are collected; and by an hour, in which a person can mend what is broken.
 */
#define CERTS_PER_SEC 50
#define LIST_PAUSE INT64_C(300)
#define RESERVE HOUR
#define PUBLISH_SECS 600 /* PK-182 */
#define LOOK_SECS 5
#define LATE_LOOK_SECS 60

int64_t
issuer_incident_next(int64_t end, int64_t now)
{
	static const int64_t alarms[] = { 12 * HOUR, 4 * HOUR, 1 * HOUR };

	for (size_t i = 0; i < COUNT(alarms); i++) {
		if (end - alarms[i] > now)
			return end - alarms[i];
	}
	return end;
}

static int64_t
start_of(const struct incident *i)
{
	return i->deadline - i->cert_count / CERTS_PER_SEC - LIST_PAUSE -
	       RESERVE;
}

int64_t
issuer_incident_due(const struct incident *i, int64_t now)
{
	int64_t start = start_of(i);

	/* Alarms come so long before it begins: then nobody can change it. */
	return start <= now ? now : issuer_incident_next(start, now);
}

const char *
issuer_incident_status(const struct job *j, const struct incident *i)
{
	if (i->cancelled_at != 0)
		return "cancelled";
	if (i->finished_at != 0)
		return "finished";
	if (i->opening_at != 0)
		return "opening";
	if (incident_is_draft(i))
		return "draft";
	return issuer_incident_due(i, j->now) > j->now ? "open" : "revoking";
}

/* How many of the set are done: before the transaction, in which others would
 * wait for it.  Of a large one it takes too long for who has lists to make. */
#define COUNTED_MAX 10000

struct progress {
	int64_t revoked, replaced; /* -1: not counted */
};

static int
count_progress(struct job *j, const struct incident *i, struct progress *p)
{
	*p = (struct progress){ -1, -1 };
	if (j->now >= start_of(i) || i->cert_count > COUNTED_MAX)
		return 0;
	return store_incident_progress(j, i->id, &p->revoked, &p->replaced);
}

/* Ends the transaction. */
static int
alarm_once(struct job *j, const struct incident *i, const struct progress *p)
{
	int64_t next = issuer_incident_due(i, j->now);
	const char *counts = "";

	if (p->revoked >= 0)
		counts = arena_printf(j->arena,
		    " revoked=%" PRId64 " replaced=%" PRId64, p->revoked,
		    p->replaced);
	if (store_incident_set_due(j, i->id, next) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	log_error("incident deadline near",
	    "incident=%s seconds=%" PRId64 " certificates=%" PRId64
	    "%s begins=%" PRId64
	    " next=\"what is left is revoked from then on, so that the lists "
	    "are out at the deadline; countersign incident show counts what "
	    "is done\"",
	    i->id, i->deadline - j->now, i->cert_count, counts, start_of(i));
	return 1;
}

/* --- until it is published ------------------------------------------------ */

/* PK-157: the last moment at which all of it may become public.  One that was
 * opened with its deadline (--now) has the time that any revocation has. */
static int64_t
limit_of(const struct incident *i)
{
	int64_t first = i->opened_at + PUBLISH_SECS;

	return i->deadline > first ? i->deadline : first;
}

/* Lists and answers show all of it, and the lists are where they are fetched:
 * 1, 0, -1. */
static int
is_published(const struct issuer *s, struct job *j, const struct incident *i)
{
	bool external = issuer_is_external(j);
	const char *answers_of =
	    external || s->answers == NULL ? "" : ca_key_label(s->ca);
	int waits = store_incident_waits(j, i->id, answers_of, external);

	if (waits != 0)
		return waits < 0 ? -1 : 0;
	for (int64_t k = 0; !external && k < j->conf->issuer.crl_shards; k++) {
		int out = issuer_list_is_out(s, j, k);

		if (out <= 0)
			return out;
	}
	return former_lists_are_out(s, j);
}

static int
note(struct job *j, const struct incident *i, const char *event,
    const char *result, const char *detail)
{
	return store_audit_add(j, "issuer", event,
	    arena_printf(j->arena, "incident:%s", i->id), result, detail);
}

/* PK-156: the lists of a CA whose key was destroyed have ended. */
static void
tell_unlisted(const struct incident *i, int64_t unlisted)
{
	log_error("incident finished",
	    "incident=%s certificates=%" PRId64 " unlisted=%" PRId64
	    " next=\"the key of the CA of these was destroyed, and no list can "
	    "show that they are revoked: have the CA's own certificate revoked "
	    "by the CA above (countersign ca root-crl --revoke), and report "
	    "it\"",
	    i->id, i->cert_count, unlisted);
}

static int
finish(struct job *j, const struct incident *i)
{
	const char *detail = NULL;
	int64_t unlisted;

	if (store_incident_unlisted(j, i->id, &unlisted) < 0)
		return -1;
	if (unlisted > 0)
		detail = arena_printf(
		    j->arena, "{\"unlisted\":%" PRId64 "}", unlisted);
	if (store_begin(j) < 0)
		return -1;
	if (store_incident_finish(j, i->id) < 0 ||
	    note(j, i, "incident finished", unlisted > 0 ? "unlisted" : "ok",
		detail) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	if (unlisted > 0)
		tell_unlisted(i, unlisted);
	else
		log_warning("incident finished",
		    "incident=%s certificates=%" PRId64, i->id, i->cert_count);
	return 1;
}

/* Once. */
static int
tell_late(struct job *j, const struct incident *i)
{
	if (store_begin(j) < 0)
		return -1;
	if (store_incident_set_late(j, i->id) < 0 ||
	    note(j, i, "incident late", "ok", NULL) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	log_error("incident late",
	    "incident=%s seconds=%" PRId64 " certificates=%" PRId64
	    " next=\"the deadline has passed, and not all revocations are "
	    "published: find out what keeps the issuer, and report it\"",
	    i->id, j->now - i->deadline, i->cert_count);
	return 1;
}

static int
look_again(struct job *j, const struct incident *i)
{
	int64_t limit = limit_of(i);
	int64_t at = j->now + (j->now > limit ? LATE_LOOK_SECS : LOOK_SECS);

	if (j->now <= limit && at > limit + 1)
		at = limit + 1;
	if (store_begin(j) < 0)
		return -1;
	if (store_incident_set_due(j, i->id, at) < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : 1;
}

/* What came of a bite: 1 there is more, 0 all is revoked, REVOKE_HELD. */
static int
go_on(const struct issuer *s, struct job *j, const struct incident *i, int more)
{
	int published = more == 0 ? is_published(s, j, i) : 0;

	if (published < 0)
		return -1;
	if (published == 1)
		return finish(j, i);
	if (j->now > limit_of(i) && i->late_at == 0)
		return tell_late(j, i);
	return more == 1 ? 1 : look_again(j, i);
}

/*
 * What an admin, the holder or another incident has revoked need not be waited
 * for: an incident with nothing left ends before its deadline, and with it the
 * haste that it asks of all clients (PK-193).
 */
int
issuer_incident_spent_step(struct job *j)
{
	int found = store_incident_any_spent(j);

	if (found <= 0)
		return found;
	if (store_begin(j) < 0)
		return -1;
	if (store_incident_hasten_spent(j) < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : 1;
}

/* Is it time to revoke, or is there nothing left that would be?  1, 0, -1. */
static int
is_time(struct job *j, const struct incident *i)
{
	int left;

	if (j->now >= start_of(i))
		return 1;
	left = store_incident_has_left(j, i->id);
	return left < 0 ? -1 : left == 0;
}

/* One that another issuer is at is passed over: it is not waited for. */
int
issuer_incident_step(const struct issuer *s, struct job *j)
{
	struct progress p;
	struct incident i;
	int found = store_incident_due(j, &i), more;

	if (found <= 0)
		return found;
	if (count_progress(j, &i, &p) < 0)
		return -1;
	if (store_begin(j) < 0)
		return -1;
	found = store_incident_take(j, &i);
	if (found < 0)
		return worker_undo(j);
	if (found == 0) {
		store_rollback(j);
		return 0;
	}
	found = is_time(j, &i);
	if (found < 0)
		return worker_undo(j);
	if (found == 0)
		return alarm_once(j, &i, &p);
	more = revoke_incident(j, &i, BITE);
	if (more < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : go_on(s, j, &i, more);
}
