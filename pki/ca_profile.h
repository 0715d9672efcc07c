/*
 * Would what this CA signs by a profile be valid below it (PK-122, PK-123)?
 * Programs take a purpose and a policy of a leaf only as far as each CA above
 * has them (RFC 5280, 6.1; CA/Browser Forum, 7.1.5).
 */
#ifndef PKI_CA_PROFILE_H
#define PKI_CA_PROFILE_H

struct arena;
struct ca;
struct profile;

/* What the CA's certificate lacks and what to do, in the arena; NULL: nothing.
 * The CA is of ca_load(). */
const char *ca_profile_problem(
    struct arena *a, const struct ca *ca, const struct profile *p);

#endif
