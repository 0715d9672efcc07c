/*
 * What lint.c (the table, the run, the report) and the lints themselves share:
 * lint_whole.c has those on the certificate as a whole, lint_subject.c those
 * on its names, lint_extension.c those on its extensions.
 */
#ifndef PKI_LINT_PRIVATE_H
#define PKI_LINT_PRIVATE_H

#include <openssl/types.h>

#include "lib/buf.h"
#include "pki/certview.h"
#include "pki/der.h"

struct ca;
struct issue_input;
struct job;

/* What the lints look at; all of it comes from the DER, but for what was
 * asked for (in) and the issuer (ca). */
struct lint_subject {
	struct job *j;
	const struct ca *ca;
	const struct issue_input *in;
	struct span der;
	bool is_read; /* v and certificate are there */
	struct certview v;
	X509 *certificate;
	struct span common_name; /* its content; p NULL: none */
	uint8_t common_name_tag;
};

/* A lint returns NULL, or what it refuses, or this. */
extern const char lint_not_applicable[];

/* Takes the next attribute of a Name: 1, 0, or -1 unless it stands alone in
 * its RDN. */
int lint_next_attribute(struct span *rdns, struct span *oid, struct der *value);
/* Those of the subject; none if it cannot be read. */
struct span lint_subject_rdns(const struct lint_subject *s);

/* L-01 to L-15, L-40 to L-42: encoding, numbers, time, key, size, chain. */
const char *lint_encoding(struct lint_subject *s);
const char *lint_form(struct lint_subject *s);
const char *lint_signature_algorithm(struct lint_subject *s);
const char *lint_serial(struct lint_subject *s);
const char *lint_validity(struct lint_subject *s);
const char *lint_key(struct lint_subject *s);
const char *lint_key_encoding(struct lint_subject *s);
const char *lint_issuer(struct lint_subject *s);
const char *lint_size(struct lint_subject *s);
const char *lint_verify_sign(struct lint_subject *s);
const char *lint_verify_encrypt(struct lint_subject *s);

/* L-20 to L-25: subject and subjectAltName. */
const char *lint_subject_attributes(struct lint_subject *s);
const char *lint_common_name(struct lint_subject *s);
const char *lint_subject_in_san(struct lint_subject *s);
const char *lint_san_forms(struct lint_subject *s);
const char *lint_san_set(struct lint_subject *s);
const char *lint_attribute_text(struct lint_subject *s);

/* L-30 to L-38: extensions. */
const char *lint_extension_set(struct lint_subject *s);
const char *lint_key_usage(struct lint_subject *s);
const char *lint_policies(struct lint_subject *s);
const char *lint_ext_key_usage(struct lint_subject *s);
const char *lint_smime_capabilities(struct lint_subject *s);
const char *lint_san_criticality(struct lint_subject *s);
const char *lint_crl_point(struct lint_subject *s);
const char *lint_authority_info(struct lint_subject *s);
const char *lint_key_identifiers(struct lint_subject *s);

#endif
