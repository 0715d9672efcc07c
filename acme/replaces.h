/*
 * newOrder's `replaces` (RFC 9773 section 5, AC-170, AC-171): the certificate
 * that the order renews, by its certificate identifier.
 */
#ifndef ACME_REPLACES_H
#define ACME_REPLACES_H

#include "db/store_cert.h"
#include "db/store_order.h"

struct identifier;
struct job;
struct json;

struct replaces {
	const char *text; /* as sent; NULL: the order replaces nothing */
	struct cert cert;
	const char *before; /* an order that was to replace it and has ended */
};

/*
 * The payload's member against the certificate, the account and the order's
 * identifiers, in the order of AC-170's table: 0, or -1 with the row's
 * answer.
 */
int replaces_check(struct job *j, const struct json *payload,
    const char *account_id, const struct identifier *ids, size_t count,
    struct replaces *out);
/*
 * AC-172, PK-194: is it time to renew the certificate?  From the start of its
 * window on, while an incident holds it, or once the operator or an incident
 * has revoked it: 1, 0, -1.  An order that replaces it then is exempt from the
 * limits of orders and certificates, never from those of mails, but for the
 * first ones of an incident.
 */
int replaces_is_due(struct job *j, const struct cert *cert, int64_t at);
/*
 * PK-194: mails that do not count for their mailbox: the first three to each
 * that the certificate itself holds, spellings that are counted as one
 * (addr_counted()) together, while an open incident holds it and it has not
 * ended.  No other mailbox of the order: one shared name is all that `replaces`
 * asks for, and the others may be strangers'.
 */
#define REPLACES_FREE_MAILS 3
struct replaces_mails {
	struct replacing_mails *own;
	size_t count; /* 0: none is free */
};
int replaces_mails_load(
    struct job *j, const char *cert_id, struct replaces_mails *out);
/* May one more leave so?  If so it is counted there. */
bool replaces_mail_take(
    struct job *j, struct replaces_mails *m, const char *mailbox);
/* Of a mail that was asked for, may it leave so still: 1, 0, -1. */
int replaces_mail_was_free(
    struct job *j, const char *order_id, const char *mailbox);
/* The order is from now on the one that replaces it: 0, or -1 when another
 * was faster (409). */
int replaces_mark(
    struct job *j, const struct replaces *r, const char *order_id);

#endif
