/*
 * What is handed to another CA (pki.md section 17): one request per order, and
 * the certificates that this CA is to revoke.
 *
 *	issuer    store_handoff_ask()     committed before anybody is called
 *	upstream  store_handoff_lease()   takes it, calls out, commits the
 *	                                  answer
 *	issuer    store_handoff_by_order() compares, delivers, is done with it
 *
 * A stage is changed by a statement that names the one before:
 *
 *	asked → sending → pending → answered → done
 *
 * and to stale (not sent while its order's checks were fresh: the issuer asks
 * again), refused, or held (for the operator).
 */
#ifndef DB_STORE_HANDOFF_H
#define DB_STORE_HANDOFF_H

#include "db/store.h"

enum handoff_stage {
	HANDOFF_ASKED,
	HANDOFF_SENDING, /* the other CA may have it, or not */
	HANDOFF_PENDING, /* it has it */
	HANDOFF_ANSWERED,
	HANDOFF_REFUSED,
	HANDOFF_STALE,
	HANDOFF_HELD,
	HANDOFF_DONE
};
const char *handoff_stage_name(enum handoff_stage s);

struct handoff {
	const char *id; /* idempotency key (PK-217) */
	const char *order_id;
	int64_t created_at;
	const char *request; /* JSON (src/handoff.h) */
	struct span seal;    /* the issuer's, over order and request */
	enum handoff_stage stage;
	const char *token; /* the other CA's name for it, or NULL */
	struct span token_seal;
	int64_t attempts;
	int64_t retry_secs;
	struct span answer; /* PEM, leaf first */
	const char *error;  /* err_kind_name(), when refused */
};

/* A new request, or a stale one with new contents: due for upstream. */
int store_handoff_ask(struct job *j, const struct handoff *h);
/* How many were asked for since then. */
int store_handoff_count_since(struct job *j, int64_t since, int64_t *count);
int store_handoff_by_order(
    struct job *j, const char *order_id, struct handoff *out);

int store_handoff_lease(
    struct job *j, int64_t lease_until, struct handoff *out);
int store_handoff_next_due(struct job *j, int64_t *at);
/* Changes the stage from h->stage; due_at 0: nothing is due for upstream.
 * Token, its seal, retry_secs, answer and error are written as in h. */
int store_handoff_move(struct job *j, const struct handoff *h,
    enum handoff_stage to, int64_t due_at);
/* Has another request that may still be sent or asked for this token?  Nobody
 * else takes it before this transaction ends.  1, 0, -1. */
int store_handoff_token_is_taken(
    struct job *j, const struct handoff *h, const char *token);
/* What the other CA asked an order to wait, within its limits: 1, or 0 where
 * it did not; -1. */
int store_handoff_retry_secs(
    struct job *j, const char *order_id, int64_t *secs);
/* The order waits for the issuer no longer: it looks now. */
int store_handoff_wake_order(struct job *j, const char *order_id);
/* Held ones, oldest first, at most `max`. */
int store_handoff_held(
    struct job *j, size_t max, struct handoff **out, size_t *count);

struct withdrawal {
	const char *id;
	const char *cert_id; /* NULL: never delivered */
	struct span der;
	int64_t reason;
	int64_t asked_at;
	int64_t attempts;
};
/* Not delivered, to be revoked by the CA that sent it.  The id is given. */
int store_withdrawal_add(
    struct job *j, struct span der, int64_t not_after, int64_t reason);
/* Is this, which ends then, to be revoked as never delivered?  1, 0, -1. */
int store_withdrawal_has(struct job *j, struct span der, int64_t not_after);
/* Takes up what was revoked here (at most `max`): *count of them. */
int store_withdrawal_adopt(
    struct job *j, const char *ca_label, size_t max, size_t *count);
int store_withdrawal_lease(
    struct job *j, int64_t lease_until, struct withdrawal *out);
int store_withdrawal_retry(struct job *j, const char *id, int64_t due_at);
/* A stop has cut it off: due now, and no attempt. */
int store_withdrawal_give_back(struct job *j, const char *id);
/* It is past what a revocation is for: nothing is due any more. */
int store_withdrawal_end(struct job *j, const struct withdrawal *w);
/* The other CA has confirmed it. */
int store_withdrawal_confirm(struct job *j, const struct withdrawal *w);
int store_withdrawal_next_due(struct job *j, int64_t *at);
int store_withdrawal_confirmed(
    struct job *j, const char *cert_id, bool *confirmed);
/* Whoever asked is told so: 1 once, then 0; -1. */
int store_withdrawal_tell(struct job *j, const char *cert_id);

/* When the role starts: what the one before it had begun is due at once, a poll
 * after as long as the other CA wants (SQLite).  In transactions of its own. */
int store_handoff_recover(struct job *j);

#endif
