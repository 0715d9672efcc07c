#include "config.h"

#include "acme/revoke.h"
#include "db/store_incident.h"
#include "lib/job.h"
#include "lib/log.h"
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

int64_t
issuer_incident_next(int64_t end, int64_t now)
{
	static const int64_t alarms[] = { 12 * HOUR, 4 * HOUR, 1 * HOUR };

	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++) {
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

static int
alarm_once(struct job *j, const struct incident *i)
{
	int64_t next = issuer_incident_due(i, j->now);
	int64_t revoked, replaced;

	if (store_incident_progress(j, i->id, &revoked, &replaced) < 0 ||
	    store_begin(j) < 0)
		return -1;
	if (store_incident_set_due(j, i->id, next) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	log_error("incident deadline near",
	    "incident=%s seconds=%" PRId64 " certificates=%" PRId64
	    " revoked=%" PRId64 " replaced=%" PRId64 " begins=%" PRId64
	    " next=\"what is left is revoked from then on, "
	    "so that the lists are out at the deadline\"",
	    i->id, i->deadline - j->now, i->cert_count, revoked, replaced,
	    start_of(i));
	return 1;
}

static int
revoke_some(struct job *j, const struct incident *i)
{
	int more;

	if (store_begin(j) < 0)
		return -1;
	more = revoke_incident(j, i, BITE);
	if (more < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	if (more == 0)
		log_warning("incident finished",
		    "incident=%s certificates=%" PRId64, i->id, i->cert_count);
	return 1;
}

int
issuer_incident_step(struct job *j)
{
	struct incident i;
	int found = store_incident_due(j, &i);

	if (found <= 0)
		return found;
	return j->now < start_of(&i) ? alarm_once(j, &i) : revoke_some(j, &i);
}
