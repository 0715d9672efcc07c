/*
 * One signer of CMS signed data (MA-72): which certificate, which
 * algorithms, which signed attributes; and the signature over them.
 *
 * The library verifies the signature over the attributes.  All else is
 * decided here, for it accepts MD5, SHA-1 and no attributes at all.
 */
#ifndef MAIL_SMIME_SIGNATURE_H
#define MAIL_SMIME_SIGNATURE_H

#include <openssl/cms.h>
#include <openssl/x509.h>

#include "lib/buf.h"
#include "mail/smime_verify.h"

struct smime_signed {
	X509 *certificate;      /* among `certs` */
	struct span attributes; /* DER as it is signed */
	struct span protected;  /* RFC 7508; empty: none */
};

/* 0, or -1 with smime.structure, smime.algorithm, smime.signed-attributes,
 * smime.content or smime.signature; or, with `f` untouched and the job's
 * error set, for our own faults. */
int smime_signature_verify(struct job *j, CMS_SignerInfo *si,
    STACK_OF(X509) * certs, struct span content, struct smime_signature *out,
    struct smime_signed *what, struct finding *f);

#endif
