/*
 * Building and signing the subscriber certificate (pki.md sections 9, 11,
 * 12).
 *
 * Two steps with a commit between them (PK-144):
 *	issue_prepare()  fields, lint certificate, lints → TBS bytes
 *	issue_sign()     the CA key signs exactly those bytes; parsed again,
 *	                 verified, chain built (PK-138)
 */
#ifndef PKI_ISSUE_H
#define PKI_ISSUE_H

#include <openssl/types.h>

#include "pki/csr.h"
#include "pki/key.h"

struct profile;

#define SERIAL_LEN 17 /* PK-89 */

struct issue_input {
	const struct profile *profile;
	const char *const *mailboxes; /* canonical, in the order's sequence */
	size_t mailbox_count;
	const struct csr *csr;
	uint8_t serial[SERIAL_LEN];
	int64_t not_before;
	int64_t not_after; /* inclusive (PK-92) */
	const char *crl_url;
	const char *ca_issuers_url; /* NULL: not in AIA */
	const char *ocsp_url;       /* NULL: not in AIA; neither: no AIA */
	/* issue_subject_number(), where the profile has it; else not read. */
	const char *subject_number;
};

/* PK-112: the same for all certificates of an account, and tells nobody which
 * one it is.  PrintableString, 32 characters. */
const char *issue_subject_number(struct arena *a, const char *account_id);

/* A serial: the configured octet and 16 random ones. */
void issue_serial(uint8_t octet, uint8_t out[SERIAL_LEN]);
/* notBefore = now - allowance; notAfter = notBefore + days * 86400 - 1. */
void issue_validity(int64_t now, int64_t allowance, int64_t days,
    int64_t *not_before, int64_t *not_after);

struct issue_tbs {
	struct span tbs;           /* DER of TBSCertificate */
	struct span signature_alg; /* DER of AlgorithmIdentifier */
	/* The lint certificate with this TBS, as OpenSSL read it for the
	 * lints, in the job's arena.  NULL for a TBS that a row has kept. */
	X509 *linted;
	struct span lint_certificate; /* its DER (PK-137); empty as above */
	const char *lint_report;      /* JSON: each lint, its result, version */
	const char *lints_allowed;    /* for the audit (PK-139); NULL: none */
	const char *profile_text;     /* full text of the profile in use */
	uint8_t profile_sha256[32];   /* PK-18 */
};

/* 0, or -1: ERR_INTERNAL when a lint refuses (the text names it). */
int issue_prepare(struct job *j, const struct ca *ca,
    const struct issue_input *in, struct issue_tbs *out);
/* The certificate, DER, after PK-138's checks.  Takes tbs, signature_alg and
 * linted from `what`. */
int issue_sign(struct job *j, const struct ca *ca, const struct issue_tbs *what,
    struct span *der);

/* Does the certificate carry this CA's signature? */
bool issue_is_ours(const struct ca *ca, struct span der);

/* The chain as clients get it (AC-146): leaf, then ca_chain_pem(). */
int issue_chain_pem(
    struct job *j, const struct ca *ca, struct span der, struct span *pem);
/* Facts of a certificate for people and rows. */
struct cert_facts {
	const char *serial_hex;
	int64_t not_before, not_after;
	const char *const *mailboxes;
	size_t mailbox_count;
	const char *subject;
	uint8_t sha256[32];
	uint8_t spki_sha256[32];
};
int cert_facts(struct job *j, struct span der, struct cert_facts *out);

#endif
