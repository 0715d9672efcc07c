/*
 * Challenge mails to send: one row per challenge, ever (ER-10, AC-117).
 *
 * lease → (render, spool) → submit → sent | retry | failed.  What is spooled
 * is what every attempt sends: same octets, same Message-ID.
 */
#ifndef DB_STORE_OUTBOX_H
#define DB_STORE_OUTBOX_H

#include "db/store.h"

struct outbox_mail {
	const char *challenge_id;
	const char *authz_id;
	const char *account_id;
	const char *order_id;
	const char *mailbox; /* canonical */
	const char *from;
	const char *reply_to; /* or NULL */
	const char *message_id;
	const char *language;    /* or NULL */
	const char *eab_kid;     /* that the account is bound to, or NULL */
	struct span token_part1; /* secret: wiped with the arena */
	struct span message;     /* spooled; empty before the first attempt */
	int64_t created_at;
	int64_t expires_at;
	int64_t attempts; /* with this one */
};

/* The next mail due whose challenge is alive: 1 and *out, 0, -1. */
int store_outbox_lease(
    struct job *j, int64_t lease_until, struct outbox_mail *out);
/* Has it neither been sent nor ended since it was leased?  1 / 0 / -1. */
int store_outbox_is_open(struct job *j, const char *challenge_id);
/* Keeps the rendered octets before the first submission. */
int store_outbox_spool(
    struct job *j, const char *challenge_id, struct span message);
/* The relay took it.  In an order of several mailboxes the next mail is
 * released at now + gap (AC-116). */
int store_outbox_sent(struct job *j, const char *challenge_id,
    const char *relay_answer, int64_t gap);
/* Temporary failure: due again; `error` is a problem shown while the
 * challenge is processing (AC-119), `code` is for the admin. */
int store_outbox_retry(struct job *j, const char *challenge_id, int64_t due_at,
    const char *code, const char *error);
/* Not tried, since the sender ends: due now, and no attempt. */
int store_outbox_give_back(struct job *j, const char *challenge_id);
/* Permanent failure: challenge, authorization and order end (ER-11). */
int store_outbox_failed(struct job *j, const char *challenge_id,
    const char *relay_answer, const char *error);
/* When the role starts: what the one before it had begun, and what waits for
 * another try, is due at once (SQLite; with PostgreSQL others may be at work,
 * and leases run out).  In a transaction of its own. */
int store_outbox_recover(struct job *j);
/* 1 and when the next mail is due, or 0. */
int store_outbox_next_due(struct job *j, int64_t *at);

#endif
