/*
 * From a signer's certificate to a root of the administrator's (MA-73).
 *
 * The chain is built for the moment of arrival, from the certificates in the
 * message and the roots, never from the network.  What the library's purpose
 * leaves open is asked here: an EKU must be there and name emailProtection.
 * Revocation is judged by the moment of judging: a list that came out
 * meanwhile counts.
 */
#ifndef MAIL_SMIME_CHAIN_H
#define MAIL_SMIME_CHAIN_H

#include <openssl/safestack.h>
#include <openssl/types.h>
#include <openssl/x509.h>

#include "lib/conf.h"

struct finding;
struct job;
struct smime_trust;

/* Certificates between a root and a signer's; the root is at depth 5 at most.
 */
#define SMIME_INTERMEDIATES_MAX 4

struct smime_chain_policy {
	const struct smime_trust *trust; /* NULL: nobody is trusted */
	enum conf_revocation revocation;
	int64_t at; /* arrival */
};

/* In the job's arena, the root last. */
struct smime_chain {
	STACK_OF(X509) * certs;
	bool revocation_unknown; /* under `soft`: goes on */
};

/* 0, or -1 with smime.usage, smime.chain, smime.algorithm, smime.revoked or
 * smime.revocation-unknown.  Of `others` it takes those with good keys. */
int smime_chain_check(struct job *j, X509 *signer, STACK_OF(X509) * others,
    const struct smime_chain_policy *policy, struct smime_chain *out,
    struct finding *f);

/* What of the trust was looked at: lists of the issuers in the chain. */
bool smime_chain_uses(const struct smime_chain *c, X509_CRL *crl);

#endif
