/*
 * Which of the profiles (pki/profile.h) are offered, to whom, and what the
 * operator allows with them (AC-62, AC-161, AC-162, AC-164).
 *
 * A profile that is taken out of policy.profiles gets no new orders; what was
 * ordered before may finish, unless it is in policy.profiles_stopped too.
 */
#ifndef ACME_OFFER_H
#define ACME_OFFER_H

#include <stdbool.h>
#include <stddef.h>

struct conf;

/* The names that are offered, the i-th or NULL after the last: the default
 * one alone, or those of policy.profiles. */
const char *profile_offered(const struct conf *conf, size_t i);

/*
 * Is it offered, and may the account use it?  `allowed` is what an external
 * account binding allows: a JSON array of names, or NULL for all; anything
 * else allows nothing.
 */
bool profile_is_permitted(
    const struct conf *conf, const char *allowed, const char *name);

/* AC-142: not even earlier orders may finish. */
bool profile_is_stopped(const struct conf *conf, const char *name);

/* AC-92: may its orders ask for dates? */
bool profile_takes_dates(const struct conf *conf, const char *name);

#endif
