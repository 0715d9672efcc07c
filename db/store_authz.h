/* Authorizations and their one challenge (AC-101 to AC-129). */
#ifndef DB_STORE_AUTHZ_H
#define DB_STORE_AUTHZ_H

#include "db/store.h"

#define TOKEN_PART_LEN 32 /* characters; 24 octets (AC-110) */

struct challenge {
	const char *id;
	struct span token_part1; /* only to store; never read back but by
				  * store_outbox_lease */
	const char *token_part2;
	const char *thumbprint; /* account key when the mail was queued
				 * (AC-82) */
	const char *from;       /* address of the mail, lower case */
	const char *reply_to;   /* its Reply-To, or NULL */
	const char *message_id; /* with <> */
	int64_t posted_at;      /* the client's response (AC-121) */
	int64_t proven_at;      /* a matching reply was recorded */
	int64_t failed_at;
	const char *error;  /* problem (JSON): final or latest soft */
	int64_t soft_count; /* noted replies, at most five (AC-124) */
	int64_t mail_sent_at;
	int64_t mail_due_at;
	int64_t mail_attempts;
	const char *relay_answer;
	const char *mail_error; /* last temporary failure's code */
};

struct authz {
	const char *id;
	const char *account_id;
	const char *order_id;   /* the order that it was made for */
	const char *mailbox;    /* canonical */
	const char *ident_type; /* as sent */
	const char *ident_value;
	int64_t created_at;  /* both token halves too: PK-5, PK-12 */
	int64_t expires_at;  /* while pending */
	int64_t valid_at;    /* proven and posted */
	int64_t valid_until; /* fixed when it became valid (AC-102) */
	int64_t failed_at;
	int64_t deactivated_at;
	int64_t revoked_at;
	/* 0, or it is not valid: pending until then, and invalid afterwards
	 * (store_authz_hold). */
	int64_t held_until;
	struct challenge challenge;
};

/* A matching or a wrong reply, or a bounce, has settled the challenge, or its
 * authorization has ended; the clock is not asked. */
bool challenge_is_decided(const struct authz *a);
/* Where its mail asks for replies, and bounces come to (ER-17, ER-25). */
const char *challenge_answer_to(const struct challenge *c);

int store_authz_by_id(
    struct job *j, const char *id, const char *account_id, struct authz *out);
int store_authz_by_challenge(struct job *j, const char *challenge_id,
    const char *account_id, struct authz *out);

/* SHA-256 of both halves of its token, which outlive them (ER-35): 1, 0, -1. */
int store_challenge_token_hashes(struct job *j, const char *challenge_id,
    struct span *part1, struct span *part2);

/* Which valid authorizations: proven from `from` to `to` (0: whenever), of a
 * domain or one below it (NULL: of any). */
struct authz_range {
	const char *domain;
	int64_t from, to;
};
/* Their ids behind `after` (or NULL), by id, at most `max`.  Reads the whole
 * table: for PK-15. */
int store_authz_live(struct job *j, const struct authz_range *range,
    const char *after, size_t max, const char ***out, size_t *count);

/* A valid authorization of this account for exactly this mailbox that lasts
 * at least until `until` (AC-103), and was asked for as an identifier of this
 * type (NULL: of any; L-7): 1 and *out, 0, -1. */
int store_authz_reusable(struct job *j, const char *account_id,
    const char *mailbox, const char *type, int64_t until, struct authz *out);

/* Has this account ever proven exactly this mailbox (AC-185)?  1 / 0 / -1. */
int store_authz_was_valid(
    struct job *j, const char *account_id, const char *mailbox);
/* Do more than `room` validations of the account wait for a reply (AC-183), of
 * one mailbox or (NULL) of all?  1, and when so many have run out that no more
 * than `room` are left; 0; -1. */
int store_authz_pending_over(struct job *j, const char *account_id,
    const char *mailbox, int64_t room, int64_t *until);

/*
 * Makes other transactions that decide about the authorization wait for this
 * one, then reads it (of any account): 1 / 0 / -1.  The two ends below are for
 * one that was locked so, after a look at its status.
 */
int store_authz_lock(struct job *j, const char *id, struct authz *out);
/* By its account (AC-105), by the operator (AC-107): part1 is wiped, a mail
 * that has not left is dropped, orders that stand on it end, unless they have
 * a CSR. */
int store_authz_deactivate(struct job *j, const struct authz *a);
int store_authz_revoke(struct job *j, const struct authz *a);
/*
 * PK-28: the domain's CAA records forbid it; or PK-46: other networks do not
 * confirm it.  An authorization that is valid, or will be when its client
 * POSTs, and that no finalized order waits for becomes invalid, and the orders
 * that stand on it end, all with this error; 1.  Else nothing changes, the
 * issuer refuses the order; 0.
 */
int store_authz_forbid(struct job *j, const char *id, const char *error);

/*
 * A proven authorization waits for what other networks see, at most until that
 * moment: it becomes valid when it is released before, and else invalid.  While
 * they are asked again its challenge shows this error (RFC 8555 8.2).
 */
int store_authz_hold(struct job *j, const char *id, int64_t until);
int store_authz_hold_on(struct job *j, const char *id, const char *error);
int store_authz_release(struct job *j, const char *id);

/*
 * The client's response POST (AC-122): notes posted_at once, makes the mail
 * due now, and, if a matching reply is there, makes the authorization valid
 * until `valid_until` and wipes part1, all in the caller's transaction.
 * *out is the authorization afterwards.  A second POST, and one after the
 * challenge has ended or its authorization has expired, changes nothing.
 */
int store_challenge_post(struct job *j, const char *challenge_id,
    int64_t valid_until, struct authz *out);

/*
 * Erases part1 and spooled mails of challenges that have ended or expired
 * by `now` (AC-113); *count says how many.  At most `max` per call.
 */
int store_challenge_wipe_expired(
    struct job *j, int64_t now, size_t max, size_t *count);

#endif
