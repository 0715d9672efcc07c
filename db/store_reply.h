/*
 * Received messages: each read exactly once (ER-21), each with one verdict,
 * its reason and its evidence.
 */
#ifndef DB_STORE_REPLY_H
#define DB_STORE_REPLY_H

#include "db/store_authz.h"
#include "lib/verdict.h"

struct reply_record {
	const char *id;      /* set by store_reply_record if NULL */
	const char *source;  /* fetch_source(), with uidvalidity and uid: */
	int64_t uidvalidity; /* unique together */
	int64_t uid;
	const char *challenge_id; /* NULL: unknown */
	int64_t arrival;          /* INTERNALDATE */
	int64_t recorded_at;      /* set by the store */
	enum verdict verdict;
	const char *code;         /* "dkim.body-hash" */
	const char *detail;       /* for people */
	const char *evidence;     /* JSON */
	const char *br_version;   /* PK-1; of a match it stands in evidence too,
				   * under the seal */
	struct span raw;          /* empty for VERDICT_UNKNOWN: not kept */
	bool is_wrapped;          /* raw is CMS (PK-23) */
	struct span raw_sha256;   /* of the message, also then */
	struct span covered_hash; /* of the signed part; empty if none */
	struct span seal;  /* VERDICT_MATCH: architecture.md; else empty */
	const char *error; /* problem for the challenge: decisive or soft */
	int64_t retry_at;  /* VERDICT_DEFERRED */
	/* Set on recording where nothing is left to be moved away; not read
	 * back. */
	bool is_disposed;
};

/* Has this message been recorded with a verdict other than deferred? */
int store_reply_seen(
    struct job *j, const char *source, int64_t uidvalidity, int64_t uid);
/* The highest UID recorded for this source and validity; 0 if none. */
int store_reply_last_uid(
    struct job *j, const char *source, int64_t uidvalidity, int64_t *uid);
/* Recorded, but perhaps not yet moved away: UIDs, ascending. */
int store_reply_undisposed(struct job *j, const char *source,
    int64_t uidvalidity, size_t max, int64_t **uids, size_t *count);
/* These were, ascending. */
int store_reply_disposed(struct job *j, const char *source, int64_t uidvalidity,
    const int64_t *uids, size_t count);

/* Was a reply with this covered part judged for this challenge? */
int store_reply_covered(
    struct job *j, const char *challenge_id, struct span covered_hash);
/* Does store_reply_record() look for one itself, under the challenge's lock,
 * before this verdict counts? */
bool store_reply_is_compared(enum verdict v);

#define REPLY_CODE_REPEATED "reply.repeated"

/*
 * Records the message and applies its verdict (AC-124) in the caller's
 * transaction: MATCH notes proven_at and, when the client has POSTed, makes
 * the authorization valid until `valid_until` and wipes part1; MISMATCH and
 * DSN_FAILED end challenge, authorization and order with `error`; soft ones,
 * and DSN_DELAYED and DSN_NOTED where they have one, note `error` (at most
 * five, joined to one of type compound; the same report once), which is shown
 * from the client's POST on.  A verdict that comes when the challenge is
 * already decided is stored as VERDICT_LATE, if it could have changed
 * anything.  A reply whose covered part, or all of it, was judged before is
 * VERDICT_REPEATED, with REPLY_CODE_REPEATED, and changes nothing (MA-64),
 * whichever way it came.  A recorded deferred message is replaced.  *applied
 * is the verdict as stored.
 */
int store_reply_record(struct job *j, const struct reply_record *r,
    int64_t valid_until, enum verdict *applied);

/* How many late messages to this challenge, of those that are recorded, were
 * looked at because they say STOP; no more than `max` are counted.  0 or -1. */
int store_reply_stops(
    struct job *j, const char *challenge_id, int64_t max, int64_t *count);

/* A deferred message that is due again, from its stored bytes: 1/0/-1. */
int store_reply_lease_deferred(
    struct job *j, int64_t lease_until, struct reply_record *out);
/* When the role starts: what the one before it had begun, and what waits for
 * another try, is due at once (SQLite; with PostgreSQL others may be at work,
 * and leases run out).  In a transaction of its own. */
int store_reply_recover(struct job *j);
int store_reply_next_due(struct job *j, int64_t *at);

/* Those that wait to be judged again. */
struct reply_waiting {
	int64_t count;   /* REPLY_WAITING_MAX at most */
	int64_t since;   /* the first one's arrival; 0: there is none */
	const char *why; /* that one does, for people */
};

#define REPLY_WAITING_MAX 1000

/* 0, or -1. */
int store_reply_waiting(struct job *j, struct reply_waiting *out);
/* One to this challenge: 1 and why, 0, -1. */
int store_reply_waiting_of(
    struct job *j, const char *challenge_id, const char **why);

/*
 * What waits for this challenge is due at once, or min_pause seconds after it
 * was last looked at; never later than it was.  0, or -1.
 */
int store_reply_hasten(
    struct job *j, const char *challenge_id, int64_t min_pause);

/* The reply whose match proves the authorization, for issuer and evidence. */
int store_reply_proof(
    struct job *j, const char *challenge_id, struct reply_record *out);
/* All replies to a challenge, oldest first, without raw bytes. */
int store_reply_list(struct job *j, const char *challenge_id,
    struct reply_record **out, size_t *count);

#endif
