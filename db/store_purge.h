/*
 * How long records are kept, and how they go (PK-22).
 *
 * No table has an age limit.  Each row's date is worked out from what stands
 * on it: a certificate and its order go `retention` after the certificate has
 * expired; what proved a mailbox goes `retention` after the later of its last
 * use and the expiry of the last certificate that relied on it, whichever
 * order that was for; a problem report goes `retention` after the latest of its
 * closing, the end of its incident and the expiry of what it is about; what
 * came to nothing goes `retain_final` after its end.
 * An open incident, a revocation that no list has carried past the expiry
 * (PK-160) or a request that another CA has not answered keep a row longer.
 *
 *	for each kind, in this order: certificates let go of validations
 *		do
 *			store_begin(), store_purge(…, &walk), store_commit()
 *		while (!walk.is_done);
 *
 * Rows to look at are found by an index on keep_from (schema 0003), some at a
 * time; one whose date has not come gets a new keep_from.
 */
#ifndef DB_STORE_PURGE_H
#define DB_STORE_PURGE_H

#include "db/store.h"

struct audit_signer;
struct seal_key;

enum purge_kind {
	PURGE_CERTIFICATES,   /* with their orders, CSRs and issuance records */
	PURGE_ORDERS,         /* that came to no certificate */
	PURGE_VALIDATIONS,    /* with challenge, mail, replies, CAA checks */
	PURGE_AUTHORIZATIONS, /* that were never valid */
	PURGE_STRAYS,         /* mail that answers no challenge */
	PURGE_TOKENS,         /* hashes of spent token halves (PK-6) */
	PURGE_INCIDENTS,      /* with their notices */
	PURGE_REPORTS,        /* of problems, with their notices */
	PURGE_CAA_REPORTS,    /* to the contacts of CAA records */
	PURGE_WITHDRAWALS,    /* of what another CA made and nobody got */
	PURGE_LISTS,          /* the octets of revocation lists */
	PURGE_LIST_NUMBERS,   /* their rows */
	PURGE_RESPONDERS,     /* OCSP responder certificates */
	PURGE_SEGMENTS,       /* OCSP answers that nobody can ask for */
	PURGE_AUDIT,          /* records; last, for rows above hold them */
	PURGE_KINDS
};
const char *purge_kind_name(enum purge_kind k);

struct purge_rules {
	int64_t retention;    /* seconds (PK-22) */
	int64_t retain_final; /* seconds */
	bool dry;             /* changes nothing */
	bool at_once; /* retain_final does not count: store_purge_account() */
	/* The issuer's, for what it leaves in the audit chain; NULL: audit
	 * records stay. */
	const struct seal_key *seal;
	/* And what signs that too; NULL: it is only sealed. */
	const struct audit_signer *signer;
};

struct purge_walk {
	int64_t at; /* the last row that was looked at */
	const char *id;
	int64_t seq; /* in place of id, of audit records */
	bool is_done;
	int64_t purged; /* or would be, if dry */
};
void purge_walk_init(struct purge_walk *w);

/* Looks at the next rows of the kind whose date may have come, at most `max`,
 * in the caller's transaction; the walk goes on from there.  0 or -1. */
int store_purge(struct job *j, enum purge_kind k,
    const struct purge_rules *rules, int64_t max, struct purge_walk *w);

/* From when on the oldest row of the kind is kept: 1, 0 (there is none, or
 * none was looked at yet), -1. */
int store_purge_oldest(struct job *j, enum purge_kind k, int64_t *at);

/* PK-22: the CA key was destroyed, and its last CA certificate has ended, at
 * the latest then: what it did is kept `retention` longer.  0, or -1:
 * ERR_MALFORMED if it has done nothing, ERR_CONFLICT while a certificate by it
 * has not expired, or where one had not then, or it signed a list later. */
int store_key_ended(struct job *j, const char *ca_label, int64_t at);

/* PK-23: of an account that has ended, orders without a certificate and
 * authorizations to which nothing came go now: 0 and how many, or -1. */
int store_purge_account(struct job *j, const char *account_id,
    const struct purge_rules *rules, int64_t *purged);

#endif
