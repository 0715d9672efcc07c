/*
 * What may stand in the resolver's files in public mode (PK-29): DNSSEC is
 * validated from the root down, and nothing excepts a zone from it.
 *
 * The configuration is read by lines against a list of what is allowed, as
 * unbound has many options that weaken validation and gets more of them: one
 * `option: value` a line, which is less than unbound.conf's grammar has, so
 * that both read the same in it.
 */
#ifndef DNS_RESOLVER_PUBLIC_H
#define DNS_RESOLVER_PUBLIC_H

struct job;

/* NULL: there is none.  0, or -1 ERR_INTERNAL with file and line. */
int resolver_public_check(
    struct job *j, const char *config_file, const char *trust_anchor);

#endif
