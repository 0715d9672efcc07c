/*
 * Whose a signer's certificate is (MA-74): the mailboxes in its
 * subjectAltName, and nothing else of it.  The library's own comparison
 * would look into the subject.
 */
#ifndef MAIL_SMIME_IDENTITY_H
#define MAIL_SMIME_IDENTITY_H

#include <openssl/types.h>

struct finding;
struct job;

/* `from` is canonical.  0, or -1 with smime.identity. */
int smime_identity_check(
    struct job *j, X509 *x, const char *from, struct finding *f);

#endif
