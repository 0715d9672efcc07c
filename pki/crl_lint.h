/*
 * Lints on a finished revocation list (pki.md 11.3, PK-141, PK-163), and the
 * reader that they and crl_read() share.  Inside pki/ only.
 */
#ifndef PKI_CRL_LINT_H
#define PKI_CRL_LINT_H

#include "pki/ca.h"

struct crl_input;

/*
 * Reads the DER itself: L-60 form, L-61 extensions, L-62 distribution point,
 * L-63 reasons, L-64 times, and that the list says what `in` says and nothing
 * else.  NULL, or what is wrong.
 */
const char *crl_lint(struct job *j, const struct signer *signer,
    enum ca_role role, const struct crl_input *in, struct span der);

/* The same without `in`: what the list says.  Entries are views of `der`. */
const char *crl_parse(struct job *j, const struct signer *signer,
    enum ca_role role, struct span der, struct crl_input *out);

/* Positive and minimal, so that octets order as numbers do. */
bool crl_serial_is_proper(struct span s);
int crl_serial_compare(struct span a, struct span b);
/* PK-158: what may stand on the list of subscriber certificates, and on a
 * root's list of CA certificates, where a reason is mandatory. */
bool crl_reason_is_allowed(int reason, enum ca_role role);

#endif
