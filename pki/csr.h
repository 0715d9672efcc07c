/*
 * The certificate request (pki.md section 7, AC-131 to AC-139).
 *
 * Checked by web at finalize and again, from the raw bytes, by the issuer,
 * with the same function.
 */
#ifndef PKI_CSR_H
#define PKI_CSR_H

#include "lib/addr.h"
#include "lib/buf.h"

struct job;
struct profile;
struct weakkeys;

enum key_class { KEY_CLASS_SIGNING, KEY_CLASS_ENCRYPTION, KEY_CLASS_DUAL };
const char *key_class_name(enum key_class c);

enum key_type {
	KEY_TYPE_RSA,
	KEY_TYPE_P256,
	KEY_TYPE_P384,
	KEY_TYPE_P521,
	KEY_TYPE_ED25519,
	KEY_TYPE_ED448
};

/* With the size of an RSA key (PK-68). */
enum key_kind {
	KEY_KIND_RSA_2048,
	KEY_KIND_RSA_3072,
	KEY_KIND_RSA_4096,
	KEY_KIND_P256,
	KEY_KIND_P384,
	KEY_KIND_P521,
	KEY_KIND_ED25519,
	KEY_KIND_ED448,
	KEY_KIND_COUNT
};

/* A name that is stray or missing (PK-58). */
struct csr_fault {
	const char *text;
	/* The name as an ACME identifier: "email", "dns"; NULL: it is none. */
	const char *type;
	struct span value; /* as it stands in the request; clean UTF-8 */
	/* Missing: which of the policy's mailboxes; CSR_FAULT_STRAY: none. */
	size_t missing;
};
#define CSR_FAULT_STRAY SIZE_MAX
#define CSR_FAULTS_MAX 20

struct csr_faults {
	struct csr_fault list[CSR_FAULTS_MAX];
	size_t count; /* may be more than the list has */
};

struct csr {
	struct span der;
	struct span spki; /* SubjectPublicKeyInfo, DER */
	uint8_t spki_sha256[32];
	uint8_t bare_sha256[32]; /* pki/keycheck.h; zeros with a refusal of
				  * what is no key */
	enum key_type key_type;
	enum key_kind key_kind;
	enum key_class class;
	bool non_repudiation; /* asked for */
	/* With a refusal: the key can be computed, or is known (PK-72 to PK-74,
	 * PK-76); spki and its hashes are there. */
	bool key_is_compromised;
	/* With a refusal for names: each of them, the error's text is that of
	 * the first. */
	struct csr_faults faults;
};

struct csr_policy {
	const char *const *mailboxes; /* canonical, those of the order */
	size_t mailbox_count;
	bool ignore_dns_mailboxes; /* L-7 */
	struct addr_policy addr;
	/* The order's: which intents (AC-138) and keys (PK-68). */
	const struct profile *profile;
	const struct weakkeys *weak_keys; /* PK-74, PK-76; NULL: none */
};

/*
 * 0, or -1 with ERR_BAD_CSR naming what is wrong and what would be right.
 * Blocked keys and account keys are the caller's (acme/) to look up, by
 * spki_sha256 and by csr_jwk_thumbprint().
 */
int csr_parse(struct job *j, struct span der, const struct csr_policy *policy,
    struct csr *out);

/*
 * Any request, whatever it asks for, as long as its key is of a type and
 * quality that subjects may have, and its signature verifies: DER, key and
 * hashes of *out, and the RDNs of its subject.  0, or -1 ERR_BAD_CSR.
 */
int csr_open(
    struct job *j, struct span der, struct csr *out, struct span *subject);

/* RFC 7638 thumbprint (43 characters) of the CSR's key, to compare with
 * account keys (AC-135, PK-65). */
const char *csr_jwk_thumbprint(struct job *j, const struct csr *csr);

#endif
