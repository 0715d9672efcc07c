/*
 * newOrder's `replaces` (RFC 9773 section 5, AC-170, AC-171): the certificate
 * that the order renews, by its certificate identifier.
 */
#ifndef ACME_REPLACES_H
#define ACME_REPLACES_H

#include "db/store_cert.h"

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
 * has revoked it: 1, 0, -1.  An order that replaces it
 * then is exempt from the limits of orders and certificates, never from those
 * of mails, but for the first ones of an incident.
 */
int replaces_is_due(struct job *j, const struct cert *cert, int64_t at);
/*
 * PK-194: may one more mail to the mailbox leave for an order that replaces the
 * certificate, without counting for the mailbox?  An incident holds the
 * certificate, or has revoked it, and fewer than three were asked for: 1, 0,
 * -1.
 */
#define REPLACES_FREE_MAILS 3
int replaces_mail_is_free(
    struct job *j, const struct cert *cert, const char *mailbox);
/* The same of a mail that was asked for: is it among the first three? */
int replaces_mail_was_free(
    struct job *j, const char *order_id, const char *mailbox);
/* The order is from now on the one that replaces it: 0, or -1 when another
 * was faster (409). */
int replaces_mark(
    struct job *j, const struct replaces *r, const char *order_id);

#endif
