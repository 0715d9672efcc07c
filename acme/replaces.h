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
 * of mails.
 */
int replaces_is_due(struct job *j, const struct cert *cert, int64_t at);
/* The order is from now on the one that replaces it: 0, or -1 when another
 * was faster (409). */
int replaces_mark(
    struct job *j, const struct replaces *r, const char *order_id);

#endif
