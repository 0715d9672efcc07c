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
/* What a busy machine does a second, with lists and OCSP answers between the
 * bites: so much earlier it begins, to be done at the deadline. */
#define CERTS_PER_SEC 50

int64_t
issuer_incident_next(int64_t deadline, int64_t now)
{
	static const int64_t alarms[] = { 12 * HOUR, 4 * HOUR, 1 * HOUR };

	for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++) {
		if (deadline - alarms[i] > now)
			return deadline - alarms[i];
	}
	return deadline;
}

static int64_t
start_of(const struct incident *i)
{
	return i->deadline - i->cert_count / CERTS_PER_SEC;
}

int64_t
issuer_incident_due(const struct incident *i, int64_t now)
{
	int64_t next = issuer_incident_next(i->deadline, now);
	int64_t start = start_of(i);

	if (start <= now)
		return now;
	return start < next ? start : next;
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
	    " revoked=%" PRId64 " replaced=%" PRId64
	    " next=\"what is left is revoked at the deadline\"",
	    i->id, i->deadline - j->now, i->cert_count, revoked, replaced);
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
