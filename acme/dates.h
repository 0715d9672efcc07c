/*
 * The dates that an order may ask for (AC-92, PK-67), and the validity that
 * its certificate gets from them (PK-92, PK-93).  newOrder reads and checks
 * them; the issuer, who believes no row, checks them again.
 */
#ifndef ACME_DATES_H
#define ACME_DATES_H

#include <stdint.h>

struct conf;
struct job;
struct json;
struct profile;

struct dates {
	int64_t not_before, not_after; /* 0: not asked for */
};

/* The payload's members, checked: 0, or -1 ERR_MALFORMED with the reason. */
int dates_parse(struct job *j, const struct conf *conf, const struct profile *p,
    const struct json *payload, struct dates *out);

/*
 * May a certificate of this profile that is made now have these dates?
 * `earliest`: how old a notBefore may have become.  0, or -1 ERR_MALFORMED.
 */
int dates_check(struct job *j, const struct conf *conf, const struct profile *p,
    const struct dates *d, int64_t earliest);

/* Would it end before the CA does?  0, or -1: ERR_MALFORMED for a notAfter
 * that was asked for, ERR_INVALID_PROFILE if nothing was (AC-162). */
int dates_fit(struct job *j, const struct conf *conf, const struct profile *p,
    const struct dates *d, int64_t ca_not_after);

/* The validity of a certificate that is made at `now`: what was asked for,
 * and the rest by the configuration. */
void dates_validity(const struct conf *conf, const struct profile *p,
    const struct dates *d, int64_t now, int64_t *not_before,
    int64_t *not_after);

#endif
