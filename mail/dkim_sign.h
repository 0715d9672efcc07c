/*
 * DKIM signing of the challenge mail (MA-100): rsa-sha256 first,
 * ed25519-sha256 second where a key is configured, relaxed/relaxed, each
 * listed field over-signed.  One tag a folded line; h= unfolded, lower case,
 * without blanks; no trailing semicolon (clients parse it naively).
 */
#ifndef MAIL_DKIM_SIGN_H
#define MAIL_DKIM_SIGN_H

#include "lib/buf.h"

struct arena;
struct job;
struct dkim_signer;

/*
 * Loads a PEM private key (RSA of 2048 to 4096 bits, or Ed25519); lives as
 * long as the arena `keep`.  0, or -1 ERR_INTERNAL naming file and reason.
 */
int dkim_signer_load(struct job *j, struct arena *keep, const char *key_file,
    const char *selector, const struct dkim_signer **out);

/*
 * `message` with a DKIM-Signature of each signer at the top (the first
 * signer's topmost).  d= is `domain`; t= now, x= expires.
 */
int dkim_sign(struct job *j, struct span message, const char *domain,
    const struct dkim_signer *const *signers, size_t count, int64_t now,
    int64_t expires, struct span *out);

/* The same without the private key, for the two below; NULL if it has no
 * public one. */
const struct dkim_signer *dkim_signer_public(
    struct arena *keep, const struct dkim_signer *s);

/* The TXT record to publish: "v=DKIM1; k=rsa; p=…". */
const char *dkim_signer_record(struct job *j, const struct dkim_signer *s);
const char *dkim_signer_selector(const struct dkim_signer *s);

struct resolver;
struct finding;
/*
 * MA-101: does the published key match?  0 and PASS, or -1 with
 * sign.key-not-published, saying what the DNS holds and what would be right.
 */
int dkim_signer_check(struct job *j, const struct dkim_signer *s,
    const char *domain, struct resolver *resolver, struct finding *f);

/* Makes a key file (RSA 2048, or Ed25519), mode 0400; never overwrites. */
int dkim_key_create(struct job *j, const char *path, bool ed25519);

#endif
