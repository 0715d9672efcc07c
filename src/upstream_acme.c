/*
 * Through ACME (RFC 8555).  The order's URL there is the token: it is
 * committed before the order is finalized, and an order is finalized once, so
 * that whoever is killed in between goes on with the same one (PK-217).
 */
#include "config.h"

#include "src/upstream.h"

#include "acme/certid.h"
#include "db/store_handoff.h"
#include "db/store_window.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/acme_client.h"
#include "src/handoff.h"
#include "src/remote.h"
#include "src/role.h"

#include <string.h>

#define UNPROVEN_SECS 300
#define REASON_SUPERSEDED 4

/* --- talking to it -------------------------------------------------------- */

static int
connect_account(
    const struct upstream *u, struct job *j, struct acme_client **out)
{
	const struct conf_upstream *conf = &j->conf->external;
	struct acme_client_conf client = { .directory = conf->directory,
		.ca_file = conf->ca_file,
		.agent = "upstream",
		.is_ending = role_is_stopping,
		.account_key = u->account_key };
	struct acme_client_account account = { .accept_terms =
						   conf->accept_terms,
		.eab_kid = conf->eab_kid,
		.eab_key = u->eab_key };
	bool made;

	*out = NULL;
	if (acme_client_new(j, &client, out) < 0)
		return -1;
	if (acme_client_account(*out, j, &account, &made) < 0) {
		/* Not of the order, whatever its kind: this account.  Or of
		 * the moment, as give_up() says. */
		if (j->err.kind != ERR_BUSY && j->err.kind != ERR_BAD_NONCE)
			j->err.kind = ERR_INTERNAL;
		return -1;
	}
	if (made)
		log_info("account made", "directory=%s", conf->directory);
	return 0;
}

/* What the job's error means for the request. */
static void
give_up(struct job *j, const struct handoff *h, enum upstream_outcome if_busy,
    struct upstream_answer *out)
{
	struct log_quoted q;
	enum err_kind kind = j->err.kind;
	/* Of the connection, or of the moment. */
	bool is_passing = kind == ERR_BUSY || kind == ERR_BAD_NONCE ||
			  kind == ERR_ORDER_NOT_READY;

	log_error("upstream failed", "order=%s error=%s next=\"%s\"",
	    h->order_id, log_quote(&q, span_str(j->err.text)),
	    is_passing ? "it is asked again until external.max_wait; if it "
			 "stays so: countersign check"
		       : "the order has failed; mend what the error says, or "
			 "ask that CA, before another is made");
	job_recover(j);
	if (is_passing) {
		out->outcome = if_busy;
		return;
	}
	out->outcome = UPSTREAM_REFUSED;
	out->kind = kind;
}

/* --- an order there ------------------------------------------------------- */

/* It wants the mailbox's owner to answer it as well, or somebody to prove the
 * domain there beforehand: the order waits, the admin is told. */
static void
say_unproven(
    const struct handoff *h, const struct handoff_request *r, const char *url)
{
	struct log_quoted q, where;

	log_error("upstream wants proof",
	    "order=%s mailbox=%s upstream_order=%s next=\"that CA does not "
	    "take our word for the mailbox: have it authorized there for the "
	    "account of external.account_key (pre-authorization, or the owner "
	    "answers its challenge mail); the order goes on by itself then\"",
	    h->order_id, log_quote(&q, span_str(r->mailboxes[0])),
	    log_quote(&where, span_str(url)));
}

static void
read_invalid(struct job *j, const struct handoff *h,
    const struct remote_order *order, struct upstream_answer *out)
{
	struct span text = span_str(order->error);
	struct log_quoted q;

	log_error("upstream refuses", "order=%s error=%s", h->order_id,
	    log_quote(&q, text));
	out->outcome = UPSTREAM_REFUSED;
	out->kind = handoff_kind(
	    span_dup(j->arena, span_cut(text, 0, span_find(text, 0, ':'))));
}

static void
read_order(struct acme_client *c, struct job *j, const struct handoff *h,
    const struct handoff_request *r, const struct remote_order *order,
    struct upstream_answer *out)
{
	out->retry_secs = order->retry_after > 0 ? order->retry_after : 0;
	switch (order->status) {
	case REMOTE_PENDING:
		if (r->bar == HANDOFF_ENDED) {
			out->outcome = UPSTREAM_BARRED;
			return;
		}
		say_unproven(h, r, order->url);
		out->outcome = UPSTREAM_PENDING;
		if (out->retry_secs < UNPROVEN_SECS)
			out->retry_secs = UNPROVEN_SECS;
		return;
	case REMOTE_READY:
		/* Finalized, and it has not got that far; or not finalized. */
		out->outcome =
		    r->bar == HANDOFF_FREE ? UPSTREAM_PENDING : UPSTREAM_BARRED;
		return;
	case REMOTE_PROCESSING:
		out->outcome = UPSTREAM_PENDING;
		return;
	case REMOTE_VALID:
		if (order->certificate == NULL ||
		    acme_client_chain(
			c, j, order->certificate, &out->certificate) < 0)
			break;
		out->outcome = UPSTREAM_ISSUED;
		return;
	case REMOTE_INVALID:
	case REMOTE_EXPIRED:
	case REMOTE_DEACTIVATED:
	case REMOTE_REVOKED:
		read_invalid(j, h, order, out);
		return;
	}
	if (j->err.kind == ERR_NONE)
		job_fail(j, ERR_BUSY, "a valid order without certificate");
	/* There is one, so nothing but another try helps. */
	j->err.kind = ERR_BUSY;
	give_up(j, h, UPSTREAM_LATER, out);
}

/* PK-45, PK-204: an order there that is ready is signed at one word. */
static int
finalize(struct acme_client *c, struct job *j, const struct handoff_request *r,
    struct remote_order *order)
{
	if (r->look(j, r->look_ctx) < 0)
		return -1;
	if (r->bar != HANDOFF_FREE)
		return 0;
	return acme_client_finalize(c, j, order, r->csr, order);
}

static void
acme_poll(const struct upstream *u, struct job *j, const struct handoff *h,
    const struct handoff_request *r, struct upstream_answer *out)
{
	struct acme_client *c = NULL;
	struct remote_order order;

	*out = (struct upstream_answer){ .outcome = UPSTREAM_UNKNOWN };
	if (h->token == NULL)
		return;
	if (connect_account(u, j, &c) < 0 ||
	    acme_client_order_read(c, j, h->token, &order) < 0) {
		/* Nothing was said of the order, whatever went wrong: somebody
		 * may be at work for it. */
		j->err.kind = ERR_BUSY;
		give_up(j, h, UPSTREAM_LATER, out);
	} else if (order.status == REMOTE_READY && r->bar == HANDOFF_FREE &&
		   finalize(c, j, r, &order) < 0) {
		/* An answer that is not understood may have been a yes; the
		 * next look tells. */
		if (j->err.kind == ERR_INTERNAL || j->err.kind == ERR_MALFORMED)
			j->err.kind = ERR_BUSY;
		give_up(j, h, UPSTREAM_LATER, out);
	} else {
		read_order(c, j, h, r, &order, out);
	}
	acme_client_free(c);
}

/* An order that nobody knows of is never finalized. */
static void
new_order(const struct upstream *u, struct job *j, const struct handoff *h,
    const struct handoff_request *r, struct upstream_answer *out)
{
	const char *profile = j->conf->external.profile;
	const struct acme_client_wish wish = { .mailboxes = r->mailboxes,
		.profile = profile,
		.mailbox_count = r->mailbox_count,
		.not_before = r->ordered_not_before,
		.not_after = r->ordered_not_after };
	struct acme_client *c = NULL;
	struct remote_order order;

	*out = (struct upstream_answer){ .outcome = UPSTREAM_STARTED };
	if (connect_account(u, j, &c) < 0) {
		/* Without a directory nothing was sent at all. */
		if (c == NULL)
			j->err.kind = ERR_BUSY;
		give_up(j, h, UPSTREAM_UNKNOWN, out);
	} else if (acme_client_check_profile(c, j, profile) < 0 ||
		   acme_client_order(c, j, &wish, &order) < 0) {
		give_up(j, h, UPSTREAM_UNKNOWN, out);
	} else {
		out->token = order.url;
	}
	acme_client_free(c);
}

/* Asked again with fresh checks: the order there is still good, unless it has
 * come to its end meanwhile, and then nothing was or will be signed for it. */
static void
acme_issue(const struct upstream *u, struct job *j, const struct handoff *h,
    const struct handoff_request *r, struct upstream_answer *out)
{
	if (h->token != NULL) {
		acme_poll(u, j, h, r, out);
		if (out->outcome != UPSTREAM_REFUSED)
			return;
	}
	new_order(u, j, h, r, out);
}

/* --- revocation ----------------------------------------------------------- */

static int
revoke(struct acme_client *c, struct job *j, const struct withdrawal *w)
{
	if (acme_client_revoke(c, j, w->der, w->reason) == 0)
		return 0;
	if (j->err.kind != ERR_BAD_REVOCATION_REASON)
		return -1;
	/* RFC 8555 7.6 leaves it to the server which reasons it takes. */
	log_warning("reason not taken",
	    "reason=%lld next=\"nothing: it is revoked as superseded\"",
	    (long long)w->reason);
	job_recover(j);
	return acme_client_revoke(c, j, w->der, REASON_SUPERSEDED);
}

static int
acme_revoke(const struct upstream *u, struct job *j, const struct withdrawal *w)
{
	struct acme_client *c = NULL;
	int result = -1;

	if (connect_account(u, j, &c) == 0)
		result = revoke(c, j, w);
	if (result < 0 && j->err.kind == ERR_ALREADY_REVOKED) {
		job_recover(j);
		result = 0;
	}
	acme_client_free(c);
	return result;
}

/* --- renewal (RFC 9773) --------------------------------------------------- */

static int
acme_renewal(
    const struct upstream *u, struct job *j, struct window *w, int64_t *secs)
{
	const struct conf_upstream *conf = &j->conf->external;
	const struct acme_client_conf client = { .directory = conf->directory,
		.ca_file = conf->ca_file,
		.agent = "upstream",
		.is_ending = role_is_stopping,
		.account_key = u->account_key };
	struct acme_client *c = NULL;
	struct remote_renewal found = { .start = 0 };
	int result = -1;

	if (acme_client_new(j, &client, &c) == 0)
		result = acme_client_renewal(
		    c, j, certid_format(j, w->ca_label, w->serial), &found);
	acme_client_free(c);
	if (result > 0) {
		w->start_at = found.start;
		w->end_at = found.end;
		*secs = found.retry_after;
	}
	return result;
}

const struct upstream_ops upstream_acme_ops = { .issue = acme_issue,
	.poll = acme_poll,
	.revoke = acme_revoke,
	.renewal = acme_renewal };
