/*
 * Lints for certificates of CAs and OCSP responders (pki.md section 10, L-50
 * to L-58): one table says what each kind looks like, one function compares.
 */
#ifndef PKI_LINT_CA_H
#define PKI_LINT_CA_H

#include <openssl/types.h>

#include "pki/certview.h"

enum ca_kind { CA_KIND_ROOT, CA_KIND_ISSUING, CA_KIND_RESPONDER };

#define CA_KEY_P256 1u
#define CA_KEY_P384 2u
#define CA_KEY_RSA_2048 4u
#define CA_KEY_RSA_3072 8u
#define CA_KEY_RSA_4096 16u

/* A column of section 10's table. */
struct ca_profile {
	const char *name;
	unsigned keys;                 /* CA_KEY_… (PK-116) */
	int64_t days;                  /* default (PK-118) */
	int64_t days_max;              /* PK-118 */
	struct span basic_constraints; /* value in DER; empty: absent */
	struct span key_usage;
	struct span ext_key_usage; /* the purpose that must be there; empty:
				    * the extension is absent */
	bool has_status_urls;      /* policies, CRL point, AIA */
	bool has_no_check;         /* id-pkix-ocsp-nocheck */
};
const struct ca_profile *ca_profile_for(enum ca_kind kind);

/* Who signs; for a root, the certificate itself is the signer. */
struct lint_ca_issuer {
	struct span name; /* DER */
	struct span key_id;
	const EVP_PKEY *key; /* NULL: of a type that OpenSSL does not know */
	int64_t not_before;
	int64_t not_after;
};

struct lint_ca_input {
	enum ca_kind kind;
	const struct lint_ca_issuer *issuer; /* NULL for a root */
	/* The key types of demonstrations in private mode are allowed as
	 * well: P-256 and RSA with 3072 bits. */
	bool is_demonstration;
};

/*
 * `c` is a certificate, or a TBSCertificate that is going to be signed (then
 * its outer algorithm is empty).  NULL, or the number of the first lint that
 * refuses and why, in the arena.  Signatures are not verified here.
 */
const char *lint_ca(
    struct arena *a, const struct lint_ca_input *in, const struct certview *c);

#endif
