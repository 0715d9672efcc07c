#include "config.h"

#include "src/list_watch.h"

#include "db/store_crl.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"

#include <inttypes.h>

#define LOOK_SECS 60
#define LATE_SECS 600 /* PK-182 */
#define AGAIN_SECS 3600

int
list_watch_look(struct list_watch *w, struct job *j)
{
	/* A number that another CA was never asked for is on no list. */
	bool issued_only = j->conf->external.kind != CONF_EXTERNAL_NONE;
	int64_t since;
	int found;

	if (w->looked_at != 0 && j->now - w->looked_at < LOOK_SECS)
		return 0;
	w->looked_at = j->now;
	found = store_crl_waits(j, issued_only, &since);
	if (found < 0)
		return -1;
	if (found == 0 || j->now - since <= LATE_SECS) {
		w->told_at = 0;
		return 0;
	}
	if (w->told_at != 0 && j->now - w->told_at < AGAIN_SECS)
		return 0;
	w->told_at = j->now;
	log_error("revocation waits for its list",
	    "seconds=%" PRId64
	    " next=\"find out whether the issuer runs and what keeps it; the "
	    "list must be out within 10 minutes of a revocation; of a CA whose "
	    "key was destroyed there is none, and countersign status says what "
	    "to do\"",
	    j->now - since);
	return 0;
}
