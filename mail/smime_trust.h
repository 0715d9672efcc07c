/*
 * Whom S/MIME signatures on replies are traced back to (MA-73): root
 * certificates that the administrator named, and revocation lists.
 *
 * Both are read when a role starts and when it is told to read its
 * configuration again; nothing that a certificate names is ever fetched.
 * x_load/x_free: a trust outlives the items of work that use it.
 */
#ifndef MAIL_SMIME_TRUST_H
#define MAIL_SMIME_TRUST_H

#include <openssl/safestack.h>
#include <openssl/types.h>
#include <openssl/x509.h>

#include "lib/conf.h"
#include "lib/digest.h"

struct job;
struct smime_trust;

/* 0, or -1 with ERR_INTERNAL that names the file and what is wrong.  `roots`
 * NULL: none. */
int smime_trust_load(struct job *j, const char *roots,
    const struct conf_list *crls, struct smime_trust **out);
/* The same from DER: what a judgement was made with (MA-86).  Spans of more
 * than one list.  0, or -1 with ERR_MALFORMED. */
int smime_trust_of(struct job *j, const struct span *roots, size_t root_count,
    const struct span *crls, size_t crl_count, struct smime_trust **out);
void smime_trust_free(struct smime_trust *t); /* NULL-safe */

/* Borrowed. */
X509_STORE *smime_trust_roots(const struct smime_trust *t);
STACK_OF(X509_CRL) * smime_trust_crls(const struct smime_trust *t);
size_t smime_trust_root_count(const struct smime_trust *t);
/* Is this one of the roots?  (SHA-256 of its DER.) */
bool smime_trust_has(
    const struct smime_trust *t, const uint8_t root[SHA256_LEN]);
/* The first moment at which a list is too old; INT64_MAX without lists. */
int64_t smime_trust_next_update(const struct smime_trust *t);

#endif
