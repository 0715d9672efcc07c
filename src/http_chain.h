/*
 * What follows certificates in their chains (AC-146, AC-148, AC-150), read from
 * the files that the configuration names: the issuing CA's, its alternates, and
 * those of the sections former_ca.
 */
#ifndef SRC_HTTP_CHAIN_H
#define SRC_HTTP_CHAIN_H

struct acme_chain;
struct arena;
struct ca;
struct job;

/*
 * The issuing CA without its key, and the chains; both live as long as `keep`.
 * A former CA that cannot be read is logged and left out: it must not keep the
 * present one from issuing.  0, or -1 ERR_INTERNAL naming file and reason.
 */
int http_chain_load(struct job *j, struct arena *keep, const struct ca **ca,
    struct acme_chain *out);

#endif
