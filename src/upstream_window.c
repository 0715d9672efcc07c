/* The other CA's word on when a certificate had best be renewed (PK-220). */
#include "config.h"

#include "db/store_window.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/role_upstream.h"
#include "src/worker.h"

/* It is asked at least as often as our own clients ask us to look (PK-193
 * counts on a day), and never so often that it would be a load. */
#define AGAIN_MIN_SECS ((int64_t)6 * 3600)
#define AGAIN_MAX_SECS ((int64_t)24 * 3600)

static int64_t
again_secs(int64_t said)
{
	if (said < 0 || said > AGAIN_MAX_SECS)
		return AGAIN_MAX_SECS;
	return said > AGAIN_MIN_SECS ? said : AGAIN_MIN_SECS;
}

static int
lease(struct job *j, struct window *w)
{
	int found;

	if (store_begin(j) < 0)
		return -1;
	found = store_window_lease(j, j->now + UPSTREAM_LEASE_SECS, w);
	if (found < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : found;
}

static int
put(struct job *j, const struct window *w, int64_t due_at)
{
	if (store_begin(j) < 0 || store_window_put(j, w, due_at) < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : 1;
}

int
upstream_window_step(const struct upstream_role *u, struct job *j)
{
	int64_t secs = -1;
	struct window w;
	int found = lease(j, &w);

	if (found <= 0)
		return found;
	if (u->ops->renewal == NULL || w.revoked_at != 0 ||
	    w.not_after < j->now)
		return put(j, &w, 0);
	found = u->ops->renewal(&u->secrets, j, &w, &secs);
	if (found < 0) { /* what it said before stands */
		struct log_quoted q;

		log_warning("renewal window not had",
		    "cert=%s error=%s next=\"nothing: it is asked again\"",
		    w.cert_id, log_quote(&q, span_str(j->err.text)));
		job_recover(j);
		secs = AGAIN_MIN_SECS;
	} else if (found == 0) {
		w.start_at = w.end_at = 0;
	}
	j->now = clock_now();
	return put(j, &w, j->now + again_secs(secs));
}
