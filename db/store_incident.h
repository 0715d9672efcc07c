/*
 * Incidents (PK-185): a frozen set of certificates, and the deadline at which
 * what is left of it is revoked and published.  An incident is open until it
 * was cancelled or all of its certificates are done.
 */
#ifndef DB_STORE_INCIDENT_H
#define DB_STORE_INCIDENT_H

#include "db/store_cert.h"

struct revocation;
struct revoked_cert;

struct incident {
	const char *id;
	const char *cause;
	const char *selector; /* JSON */
	int64_t reason;
	int64_t known_at;
	int64_t deadline;
	const char *opened_by;
	int64_t opened_at;
	int64_t cert_count;
	const char *cancel_asked_by; /* NULL: nobody has */
	const char *cancelled_by;
	int64_t cancelled_at;
	int64_t finished_at; /* the last revocation was published */
	int64_t due_at;      /* 0: it has ended, or is a draft */
	int64_t late_at;     /* the deadline was missed (PK-157); 0: no */
	int64_t opening_at;  /* its set was filled last; 0: it is opened */
};

/* Which certificates: all that is given must hold. */
struct incident_selector {
	const char *profile;
	const char *domain; /* of any mailbox, or above it */
	const char *account_id;
	struct span spki_sha256;
	const char *br_version; /* rules that they were issued by */
	int64_t from, to;       /* issued then, both inclusive; 0: any */
	/* This one alone, without regard to the others; NULL: as above. */
	const char *cert_id;
	/* These, in the same way. */
	const char *const *cert_ids;
	size_t cert_id_count;
	/* Signed numbers that were set aside then (PK-147); 0: as above. */
	int64_t aside_at;
	/* What the daily look has found for this cause, and no incident has
	 * yet; without regard to the others. */
	const char *found_cause;
};

/* Opened by the issuer, and without effect until an operator confirms it. */
bool incident_is_draft(const struct incident *i);

/*
 * All at once.  Inserts the incident and its set: what the selector finds among
 * unexpired, unrevoked certificates, and numbers that are reserved for such:
 * those may be signed later, but not once they are revoked.  `due_at`: when the
 * issuer looks at it first; 0: a draft. *count: how many there are; the caller
 * decides what none means.
 */
int store_incident_open(struct job *j, const struct incident *i,
    const struct incident_selector *s, int64_t due_at, int64_t *count);

/*
 * The same in bites, each in a transaction, for what may be very many
 * (decision 60):
 *
 *	store_incident_begin()    the incident, without any effect yet
 *	store_incident_fill()     until f.is_done: a part of its set
 *	store_incident_go_on()    while something else is done before
 *	store_incident_filled()   the rest, and it is open
 *
 * i->opened_at is the moment at which a certificate must not have expired, the
 * same each time.  ERR_CONFLICT once store_incident_undo() has begun.  Of the
 * selector: anything but cert_id, aside_at and found_cause.
 */
struct incident_fill {
	struct cert_place after; /* {0}: at the beginning */
	size_t listed;           /* of cert_ids */
	int64_t newest_at; /* what was reserved last when it began; 0: none */
	int64_t count;     /* of the set by now */
	bool is_done;
	/* What store_incident_filled() has added, in its job's memory. */
	const char **late;
	size_t late_count;
};
int store_incident_begin(struct job *j, const struct incident *i);
int store_incident_fill(struct job *j, const struct incident *i,
    const struct incident_selector *s, size_t max, struct incident_fill *f);
int store_incident_go_on(struct job *j, const char *id);
int store_incident_filled(struct job *j, const struct incident *i,
    const struct incident_selector *s, int64_t due_at, struct incident_fill *f);
/* How many that would be by now, also a part at a time; changes nothing.  Not
 * of cert_ids. */
int store_incident_count(struct job *j, const struct incident_selector *s,
    int64_t now, size_t max, struct incident_fill *f);
/* When was the set of any filled last that is not open yet: the earliest.
 * 1, 0, -1. */
int store_incident_opening(struct job *j, int64_t *at);
/* One that nobody has filled since `until`: 1 and id, opened_by, opened_at. */
int store_incident_stuck(struct job *j, int64_t until, struct incident *out);
/* The same, of those that nobody is at: it is this transaction's. */
int store_incident_take_stuck(
    struct job *j, int64_t until, struct incident *out);
/* Takes back `max` of its set, and in the end itself, unless somebody has
 * filled it since `until`: 1 there may be more, 0 it is gone or open, -1. */
int store_incident_undo(
    struct job *j, const char *id, int64_t until, size_t max);

int store_incident_by_id(
    struct job *j, const char *id, struct incident *out); /* 1, 0, -1 */
/* Newest first, at most `max`. */
int store_incident_list(
    struct job *j, size_t max, struct incident **out, size_t *count);
/* Of its certificates: those that are revoked, by it or before, and those that
 * have a replacement order. */
int store_incident_progress(
    struct job *j, const char *id, int64_t *revoked, int64_t *replaced);

/* The first of two admins asks, the second, who must be another, ends it: both
 * ERR_CONFLICT if it has ended meanwhile. */
int store_incident_ask_cancel(struct job *j, const char *id, const char *by);
int store_incident_cancel(struct job *j, const char *id, const char *by);

/* A draft becomes an open incident: ERR_CONFLICT if it is none. */
int store_incident_confirm(
    struct job *j, const char *id, const char *by, int64_t due_at);
int store_incident_drafts(struct job *j, int64_t *count);

/* The earliest deadline of the open incidents that hold the certificate: 1 and
 * *deadline, 0, -1. */
int store_incident_deadline(
    struct job *j, const char *cert_id, int64_t *deadline);
/* Is any incident open?  1, 0, -1. */
int store_incident_any_open(struct job *j);

/* The open incident that is due first by j->now: 1, 0, -1. */
int store_incident_due(struct job *j, struct incident *out);
/* The same, of those that no other issuer is at: it is this transaction's until
 * its end. */
int store_incident_take(struct job *j, struct incident *out);
int store_incident_next_due(struct job *j, int64_t *at); /* 1, 0, -1 */
int store_incident_set_due(struct job *j, const char *id, int64_t due_at);
/* Is there one of the set that is neither revoked nor expired, by whatever way,
 * and not done?  1, 0, -1. */
int store_incident_has_left(struct job *j, const char *id);
/* Is an incident due later, whose set has nothing left?  1, 0, -1. */
int store_incident_any_spent(struct job *j);
/* Such incidents become due: 0 or -1. */
int store_incident_hasten_spent(struct job *j);
/*
 * Takes up to `max` certificates of the set that are not done, revokes those
 * that are neither expired nor revoked, and marks all of them, but for those
 * that another transaction is at: they stay for a later one.  *taken: how many
 * are marked.  *list: what was revoked.  1; 0: none was left; -1.
 */
int store_incident_revoke(struct job *j, const char *id,
    const struct revocation *r, size_t max, int64_t *taken,
    struct revoked_cert **list, size_t *count);
/*
 * Does any certificate of the set wait for a list that shows its revocation, or
 * for an answer of the CA `answers_of` (its label; empty: nobody's)?
 * `issued_only`: numbers that were never signed wait for nothing.  What is due
 * in time to come, since its row is to be put right (db/store_crl.h), does not
 * wait either, nor what is of a CA whose key was destroyed: its lists have
 * ended (PK-156).  1, 0, -1.
 */
int store_incident_waits(
    struct job *j, const char *id, const char *answers_of, bool issued_only);
/* Of the set: valid certificates whose revocation no list can show any more,
 * since the key of their CA was destroyed. */
int store_incident_unlisted(struct job *j, const char *id, int64_t *count);
int store_incident_set_late(struct job *j, const char *id);
int store_incident_finish(struct job *j, const char *id);

/* Certificates of a set from one to the other, in the order of their ids. */
struct id_range {
	const char *from, *to;
};
/* The next `max` behind `after` (""): 1 and *range, 0 there is none, -1. */
int store_incident_range(struct job *j, const char *id, const char *after,
    size_t max, struct id_range *range);
/*
 * Whose people are told, in bites: an incident that was opened in bites, or
 * confirmed, has told nobody.  1, id and deadline: one that has not told all
 * yet; 0; -1.
 */
int store_incident_telling(struct job *j, struct incident *out);
/* The next `max` of its set, which are counted as told: 1 and *range, 0 nobody
 * is left, -1. */
int store_incident_tell(
    struct job *j, const char *id, size_t max, struct id_range *range);
/* Valid authorizations for the accounts and mailboxes of these (PK-187), at
 * most `max`: their ids. */
int store_incident_authz(struct job *j, const char *id,
    const struct id_range *range, size_t max, const char ***out, size_t *count);

#endif
