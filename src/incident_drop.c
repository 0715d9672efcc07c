#include "config.h"

#include "src/incident_drop.h"

#include "db/store_authz.h"
#include "db/store_incident.h"
#include "lib/job.h"
#include "lib/log.h"

#define PAGE 500

/* PK-187: replacements need a new reply. */
int
incident_drop(struct job *j, const char *incident_id,
    const struct id_range *range, size_t *dropped)
{
	size_t count = 0, revoked = 0;
	const char **ids = NULL;
	struct authz a;

	do {
		if (store_incident_authz(
			j, incident_id, range, PAGE, &ids, &count) < 0)
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

int
incident_drop_all(struct job *j, const char *incident_id, size_t *dropped)
{
	struct id_range range = { .to = "" };
	int found;

	while ((found = store_incident_range(
		    j, incident_id, range.to, PAGE, &range)) == 1)
		if (incident_drop(j, incident_id, &range, dropped) < 0)
			return -1;
	return found;
}
