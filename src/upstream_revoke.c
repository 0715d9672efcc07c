/* Certificates of another CA are revoked there (PK-220). */
#include "config.h"

#include "src/role_upstream.h"

#include "db/store_audit.h"
#include "db/store_handoff.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/returned.h"
#include "src/worker.h"

#include <inttypes.h>

#define REVOKE_MAX_SECS 300
#define REVOKE_LATE_SECS 3600 /* PK-220 */
#define ADOPT_MAX 100

static int
confirm(struct job *j, const struct withdrawal *w)
{
	if (store_begin(j) < 0 || store_withdrawal_confirm(j, w) < 0 ||
	    store_audit_add(j, "upstream", "revocation confirmed",
		arena_printf(j->arena, "%s:%s",
		    w->cert_id != NULL ? "cert" : "withdrawal", w->id),
		"ok", NULL) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	log_info("revocation confirmed", "cert=%s", w->id);
	return 1;
}

/* No list names a certificate after its end (RFC 5280 3.3), nor what is
 * none. */
static bool
is_expired(struct job *j, const struct withdrawal *w)
{
	int64_t not_after;

	return returned_end(j, w->der, &not_after) < 0 || not_after < j->now;
}

static int
give_up(struct job *j, const struct withdrawal *w)
{
	struct log_quoted q;

	log_error("revocation given up",
	    "cert=%s error=%s next=\"nothing: the certificate has expired, and "
	    "that CA never said that it was revoked\"",
	    w->id, log_quote(&q, span_str(j->err.text)));
	job_recover(j);
	if (store_begin(j) < 0 || store_withdrawal_end(j, w) < 0 ||
	    store_audit_add(j, "upstream", "revocation given up",
		arena_printf(j->arena, "%s:%s",
		    w->cert_id != NULL ? "cert" : "withdrawal", w->id),
		"expired", NULL) < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : 1;
}

static int
put_off(struct job *j, const struct withdrawal *w)
{
	bool is_late = j->now - w->asked_at >= REVOKE_LATE_SECS;
	int64_t secs = 10 * w->attempts;
	struct log_quoted q;

	log_line(is_late ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
	    is_late ? "revocation late" : "revocation not confirmed",
	    "cert=%s seconds=%" PRId64 " error=%s next=\"%s\"", w->id,
	    j->now - w->asked_at, log_quote(&q, span_str(j->err.text)),
	    is_late ? "have that CA revoke it; it is asked again until it "
		      "confirms, or the certificate expires"
		    : "nothing: it is asked again");
	job_recover(j);
	if (store_begin(j) < 0 ||
	    store_withdrawal_retry(j, w->id,
		j->now + (secs < REVOKE_MAX_SECS ? secs : REVOKE_MAX_SECS)) < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : 1;
}

/* PK-220: a stop has cut it off, which says nothing of that CA. */
static int
give_back(struct job *j, const struct withdrawal *w)
{
	log_info("revocation cut off by the stop",
	    "cert=%s next=\"nothing: the next start asks\"", w->id);
	job_recover(j);
	j->now = clock_now();
	if (store_begin(j) < 0 || store_withdrawal_give_back(j, w->id) < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : 1;
}

int
upstream_revoke_step(const struct upstream_role *u, struct job *j)
{
	struct withdrawal w;
	size_t count;
	int found;

	if (store_begin(j) < 0)
		return -1;
	if (store_withdrawal_adopt(j, u->ca_label, ADOPT_MAX, &count) < 0)
		return worker_undo(j);
	found = store_withdrawal_lease(j, j->now + UPSTREAM_LEASE_SECS, &w);
	if (found < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	if (found == 0)
		return 0;
	if (u->ops->revoke(&u->secrets, j, &w) == 0)
		return confirm(j, &w);
	if (role_is_stopping())
		return give_back(j, &w);
	return is_expired(j, &w) ? give_up(j, &w) : put_off(j, &w);
}
