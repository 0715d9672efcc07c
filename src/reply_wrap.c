#include "config.h"

#include "src/reply_wrap.h"

#include "db/store_reply_wrap.h"
#include "lib/job.h"
#include "pki/envelope.h"
#include "src/role_validator.h"
#include "src/worker.h"

/* Between the clocks of two machines, and for what was begun in time. */
#define SLACK_SECS 3600
#define LOOKS 20

int
reply_wrap_step(struct validator *v, struct job *j)
{
	struct plain_reply r;
	struct span sealed;
	int found;

	if (v->wrap_to == NULL)
		return 0;
	if (store_begin(j) < 0)
		return -1;
	found = store_reply_wrap_next(j, SLACK_SECS, LOOKS, &r);
	if (found < 0)
		return worker_undo(j);
	if (store_commit(j) < 0 || found == 0)
		return found == 0 ? 0 : -1;
	if (envelope_seal(j, v->wrap_to, r.raw, &sealed) < 0 ||
	    store_begin(j) < 0)
		return -1;
	if (store_reply_wrap(j, r.id, sealed) < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : 1;
}
