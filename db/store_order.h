/*
 * Orders, with the authorizations and challenges that they stand on, as one
 * picture: order_status() (acme/status.h) computes every status from it.
 */
#ifndef DB_STORE_ORDER_H
#define DB_STORE_ORDER_H

#include "db/store_authz.h"

struct order_identifier {
	const char *type;  /* as the client sent it: "email", "dns" (L-7) */
	const char *value; /* letter for letter (AC-88) */
	struct authz authz;
	bool is_new; /* store_order_create: the authorization is made too */
};

struct order {
	const char *id;
	const char *account_id;
	const char *profile;
	const char *language; /* Accept-Language as received (AC-13), or NULL */
	bool is_preauth;      /* of newAuthz: no client ever sees it (AC-106) */
	int64_t created_at;
	int64_t life_until; /* created_at + order_life, or not_after */
	/* Asked for, and binding for the certificate (AC-92); 0: not. */
	int64_t not_before, not_after;
	const char *replaces; /* certificate identifier as sent, or NULL */
	const char *replaces_cert_id;
	struct order_identifier *identifiers;
	size_t identifier_count;
	/* finalize */
	int64_t csr_at;
	struct span csr;
	struct span csr_jws;       /* the signed request that brought it */
	int64_t csr_refused_count; /* AC-140 */
	/* Since when the issuer fails by faults of its own; 0: it does not */
	int64_t issue_fault_at;
	/* the end */
	int64_t failed_at;
	const char *error;   /* problem document (JSON) without status */
	const char *cert_id; /* certificate issued, or NULL */
	int64_t cert_not_after;
};

/*
 * Inserts the order, its identifiers, each new authorization with its
 * challenge, and its outbox row (AC-117): the first mail due at `mail_due_at`,
 * the following ones when store_outbox_* releases them (AC-116).
 */
int store_order_create(
    struct job *j, const struct order *o, int64_t mail_due_at);

/* No configuration allows as many in one order. */
#define ORDER_IDENTIFIERS_MAX 100

/* ERR_SPOILED: its rows contradict each other, another try gives the same.
 * account_id NULL: of any account, pre-authorizations too (admin, issuer). */
int store_order_by_id(
    struct job *j, const char *id, const char *account_id, struct order *out);

/*
 * One page of an account's orders that have not failed, newest first: at most
 * `max`, older than the order of (before_at, before_id), which is the last
 * one of the page before; INT64_MAX and "" begin.  What the clock or an
 * authorization has ended is among them.
 */
int store_order_page(struct job *j, const char *account_id, int64_t before_at,
    const char *before_id, size_t max, struct order **out, size_t *count);

/* The CSR of a ready order (the caller checked) and the whole request that it
 * came in, as received: ERR_CONFLICT if there is one already or the order has
 * failed.  The order is then due for the issuer. */
int store_order_finalize(
    struct job *j, const char *id, struct span csr, struct span jws);
/* One more refused CSR; *count is the new number (AC-140). */
int store_order_csr_refused(struct job *j, const char *id, int64_t *count);
/* Ends the order: error is a problem document, or NULL if there is nothing to
 * tell (AC-96).  Unused pending authorizations of it are deactivated, mails
 * dropped, part1 wiped. */
int store_order_fail(struct job *j, const char *id, const char *error);

/* The certificate that the order is to replace: 1 and *cert_id, 0, -1. */
int store_order_replaces(
    struct job *j, const char *order_id, const char **cert_id);
/*
 * PK-194: while an open incident holds the certificate and it has not ended:
 * each mailbox of its own order, at most `max`, and how many validations of
 * it, each with a mail, were made for orders that were to replace it, whatever
 * became of them.  Otherwise none.
 */
struct replacing_mails {
	const char *mailbox;
	int64_t mails;
};
int store_order_replacing_mails(struct job *j, const char *cert_id, size_t max,
    struct replacing_mails **out, size_t *count);

/*
 * Takes the next order that waits for the issuer (due, not leased): 1 and *id,
 * 0, or -1.  *attempts counts.  The order itself is read after the commit:
 * rows that cannot be read then hold up no other order.
 */
int store_order_lease(
    struct job *j, int64_t lease_until, const char **id, int64_t *attempts);
/* Gives it back, due again at due_at. */
int store_order_release(
    struct job *j, const char *id, int64_t due_at, int64_t fault_at);
/* The issuer does not look at it again: for rows that it can only alarm of. */
int store_order_set_aside(struct job *j, const char *id);
/* When the role starts: what the one before it had begun, and what waits for
 * another try, is due at once (SQLite; with PostgreSQL others may be at work,
 * and leases run out).  In a transaction of its own. */
int store_order_recover(struct job *j);
/* Has it its certificate, or failed?  One row of one table is read: 1/0/-1. */
int store_order_is_decided(struct job *j, const char *id);
/* When the next order is due: 1 and *at, or 0. */
int store_order_next_due(struct job *j, int64_t *at);

#endif
