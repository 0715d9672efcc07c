/*
 * The fields of certificates and lists, written as DER from values that were
 * checked: names, validity, extensions (pki.md 9.2, section 10).
 */
#ifndef PKI_CERTFIELD_H
#define PKI_CERTFIELD_H

#include "lib/buf.h"

/* One relative distinguished name with one attribute. */
void field_attribute(
    struct buf *b, struct span oid, uint8_t string_tag, struct span value);
void field_validity(struct buf *b, int64_t not_before, int64_t not_after);
/* Version 3, serial, algorithm, issuer: how each TBSCertificate begins. */
void field_head(struct buf *b, struct span serial, struct span algorithm,
    struct span issuer);

/* Around an extension's value: the marks go back to extension_close(). */
struct extension_mark {
	size_t outer;
	size_t value;
};
struct extension_mark extension_open(
    struct buf *b, struct span oid, bool critical);
void extension_close(struct buf *b, struct extension_mark m);

void extension_authority_key_id(struct buf *b, struct span key_id);
void extension_subject_key_id(struct buf *b, struct span key_id);
/* `value` is the BIT STRING in DER. */
void extension_key_usage(struct buf *b, struct span value);
void extension_policies(struct buf *b, const struct span *oids, size_t count);
void extension_ext_key_usage(
    struct buf *b, const struct span *oids, size_t count);
void extension_email_protection(struct buf *b);
/* `value` is the SMIMECapabilities in DER. */
void extension_smime_capabilities(struct buf *b, struct span value);
void extension_crl_point(struct buf *b, const char *url);
/* caIssuers and ocsp, each with one URI; either may be NULL, not both. */
void extension_authority_info(
    struct buf *b, const char *ca_issuers_url, const char *ocsp_url);
/* nameConstraints, critical: rfc822Name subtrees (PK-128). */
void extension_permitted_hosts(
    struct buf *b, const char *const *hosts, size_t count);
/* NULL, or why it cannot stand there: "example.org" is the mailboxes at that
 * host, ".example.org" those at the hosts below. */
const char *ca_permitted_problem(struct span host);

/* PK-99: RFC 7093 method 1, leftmost 160 bits of SHA-256 over the key's
 * bits. */
#define KEY_ID_LEN 20
void key_id_compute(struct span key_bits, uint8_t out[KEY_ID_LEN]);

/* PK-133: NULL, or what is wrong with a URL for certificates. */
const char *public_url_problem(struct span url);
/* What would be right, for whoever wrote it into a file. */
#define PUBLIC_URL_ADVICE                                                      \
	"; certificates take URLs such as http://crl.example.org/ca.crl "      \
	"(PK-133)"

#endif
