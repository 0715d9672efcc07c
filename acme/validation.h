/*
 * What newOrder and newAuthz make alike: an authorization with its challenge
 * and its mail (AC-98 to AC-117).
 */
#ifndef ACME_VALIDATION_H
#define ACME_VALIDATION_H

#include "lib/buf.h"

struct account;
struct conf;
struct identifier;
struct job;
struct order;
struct order_identifier;

/* AC-174: a fresh id, in the arena. */
const char *validation_id(struct job *j);

/*
 * AC-98: a valid authorization to reuse (AC-103), or a new one that belongs
 * to `order` (out->is_new), with both token halves drawn.
 */
int validation_make(struct job *j, const struct conf *conf,
    const struct account *account, const struct order *order,
    const struct identifier *id, struct order_identifier *out);

/* AC-13: what of Accept-Language is kept, or NULL: it selects the language of
 * the mail, and nothing else. */
const char *validation_language(struct job *j, struct span accept_language);

#endif
