#include "config.h"

#include "src/sender_renewal.h"

#include <string.h>

#include "acme/renewal.h"
#include "acme/status.h"
#include "db/store_incident.h"
#include "db/store_notice.h"
#include "db/store_renewal.h"
#include "db/store_window.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/worker.h"

#define MAILBOXES_MAX 100 /* of one certificate */
#define DAY_SECS 86400
#define SEND_SECS (7 * DAY_SECS) /* for so long it is tried */

/* What a look at a certificate comes to. */
struct look {
	int64_t again_at; /* 0: not any more */
	const char *tell[MAILBOXES_MAX];
	size_t tell_count;
};

/* Incidents apart, which move the window and have mails of their own. */
static int
opens_at(struct job *j, const struct renewal *r, int64_t *at)
{
	const struct renewal_facts facts = { r->not_before, r->not_after, 0,
		0 };
	struct renewal_window others = { 0, 0 };

	if (store_window_get(j, r->cert_id, &others.start, &others.end) < 0)
		return -1;
	*at = renewal_window_of(&facts, &others, j->now).start;
	return 0;
}

/* By an order that has come to something, or may: 1 and when to look again (0:
 * not any more), 0, -1. */
static int
is_replaced(struct job *j, const struct renewal *r, int64_t *again_at)
{
	struct order o;
	int found;

	if (r->replaced_by == NULL)
		return 0;
	found = store_order_by_id(j, r->replaced_by, NULL, &o);
	if (found <= 0)
		return found;
	switch (order_status(&o, j->now)) {
	case ORDER_INVALID:
		return 0;
	case ORDER_VALID:
		*again_at = 0;
		return 1;
	case ORDER_PENDING:
	case ORDER_READY:
	case ORDER_PROCESSING:
		break;
	}
	*again_at = j->now + DAY_SECS;
	return 1;
}

/* Those that need a person, and when the first authorization that is live has
 * ended, and with it what made a person unnecessary.  Who was told before is
 * not told twice: the notice's row is there. */
static int
look_at_mailboxes(struct job *j, const struct renewal *r, struct look *out)
{
	struct renewal_mailbox *m;
	size_t count;

	if (store_renewal_mailboxes(j, r, MAILBOXES_MAX, &m, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (m[i].is_newer)
			continue;
		if (m[i].live_until == 0)
			out->tell[out->tell_count++] = m[i].mailbox;
		else if (out->again_at == 0 || m[i].live_until < out->again_at)
			out->again_at = m[i].live_until;
	}
	return 0;
}

static int
look_at(struct job *j, const struct renewal *r, struct look *out)
{
	int64_t at;
	int found;

	*out = (struct look){ 0 };
	if (r->account_has_ended ||
	    r->not_after + 1 - r->not_before < j->conf->sender.renewal_notice)
		return 0;
	if (opens_at(j, r, &at) < 0)
		return -1;
	if (at > j->now) {
		out->again_at = at;
		return 0;
	}
	if (r->issued_at == 0 || r->revoked_at != 0 || r->not_after < j->now)
		return 0;
	found = store_incident_deadline(j, r->cert_id, &at);
	if (found > 0)
		out->again_at = at > j->now ? at + 1 : j->now + DAY_SECS;
	else if (found == 0)
		found = is_replaced(j, r, &out->again_at);
	if (found != 0)
		return found < 0 ? -1 : 0;
	return look_at_mailboxes(j, r, out);
}

static int
queue(struct job *j, const struct renewal *r, const struct look *l)
{
	int64_t last = j->now + SEND_SECS;

	for (size_t i = 0; i < l->tell_count; i++) {
		const struct notice_renewal n = { .cert_id = r->cert_id,
			.mailbox = l->tell[i],
			.language = r->language,
			.not_after = r->not_after,
			.expires_at =
			    last < r->not_after ? last : r->not_after };

		if (store_notice_renewal(j, &n) < 0)
			return -1;
	}
	if (l->tell_count > 0)
		log_info("renewal notice queued", "cert=%s mailboxes=%zu",
		    r->cert_id, l->tell_count);
	return store_renewal_set(j, r->cert_id, l->again_at);
}

/* 1, 0, -1 */
static int
take_one(struct job *j)
{
	struct renewal r;
	struct look l;
	int found = store_renewal_take(j, &r);

	if (found <= 0)
		return found;
	if (look_at(j, &r, &l) < 0) {
		/* Rows about this one that cannot be read keep nobody else
		 * from being told. */
		if (j->err.kind != ERR_SPOILED)
			return -1;
		log_error("renewal not looked at",
		    "cert=%s error=\"%s\" next=\"find out who wrote that; it "
		    "is looked at again in a day\"",
		    r.cert_id, j->err.text);
		job_recover(j);
		l = (struct look){ .again_at = j->now + DAY_SECS };
	}
	return queue(j, &r, &l) < 0 ? -1 : 1;
}

/* Is there any, still?  Another may have been faster with the first. */
static int
is_due(struct job *j)
{
	int64_t at;
	int found = store_renewal_next_due(j, &at);

	return found > 0 ? at <= j->now : found;
}

/* One certificate and no more: others lock several in orders of their own, and
 * whoever holds one row and waits for none closes no circle. */
int
sender_renewal_step(struct job *j)
{
	int found;

	if (j->conf->sender.renewal_notice == 0)
		return 0;
	if (store_begin(j) < 0)
		return -1;
	found = take_one(j);
	if (found < 0)
		return worker_undo(j);
	if (found == 0) {
		store_rollback(j);
		return is_due(j);
	}
	return store_commit(j) < 0 ? -1 : 1;
}

int
sender_renewal_next_due(struct job *j, int64_t *at)
{
	return j->conf->sender.renewal_notice == 0
		   ? 0
		   : store_renewal_next_due(j, at);
}

int
sender_renewal_is_wanted(
    struct job *j, const char *cert_id, const char *mailbox)
{
	struct renewal r;
	struct look l;
	int found = store_renewal_by_cert(j, cert_id, &r);

	if (found <= 0 || j->conf->sender.renewal_notice == 0)
		return found < 0 ? -1 : 0;
	if (look_at(j, &r, &l) < 0)
		return -1;
	for (size_t i = 0; i < l.tell_count; i++)
		if (strcmp(l.tell[i], mailbox) == 0)
			return 1;
	return 0;
}
