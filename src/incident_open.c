#include "config.h"

#include "src/incident_open.h"

#include "db/store_audit.h"
#include "db/store_authz.h"
#include "db/store_incident.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <string.h>

#define DROP_PAGE 500

/* PK-187: replacements need a new reply. */
static int
drop_authorizations(struct job *j, const char *incident_id, size_t *dropped)
{
	size_t count = 1;
	const char **ids = NULL;
	struct authz a;

	for (*dropped = 0; count > 0; *dropped += count) {
		if (store_incident_authz(
			j, incident_id, DROP_PAGE, &ids, &count) < 0)
			return -1;
		for (size_t i = 0; i < count; i++) {
			int found = store_authz_lock(j, ids[i], &a);

			if (found < 0 ||
			    (found == 1 && store_authz_revoke(j, &a) < 0))
				return -1;
		}
	}
	return 0;
}

static int
fill(struct job *j, const struct incident *i, const struct incident_selector *s,
    struct incident_opened *out)
{
	if (store_incident_open(j, i, s,
		issuer_incident_next(i->deadline, j->now),
		&out->certificates) < 0)
		return -1;
	if (out->certificates == 0)
		return job_fail(j, ERR_MALFORMED,
		    "no certificate is like that; nothing was opened");
	if (strcmp(i->cause, INCIDENT_VALIDATION) == 0 &&
	    drop_authorizations(j, i->id, &out->dropped) < 0)
		return -1;
	return store_audit_add(j, i->opened_by, "incident opened",
	    arena_printf(j->arena, "incident:%s", i->id), "ok", i->selector);
}

int
incident_open(struct job *j, const struct incident *i,
    const struct incident_selector *s, bool dry_run,
    struct incident_opened *out)
{
	*out = (struct incident_opened){ 0 };
	if (store_begin(j) < 0)
		return -1;
	if (fill(j, i, s, out) < 0)
		return worker_undo(j);
	if (!dry_run)
		return store_commit(j);
	store_rollback(j);
	return 0;
}
