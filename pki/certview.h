/*
 * A certificate as its parts: views of the DER, by our own reader.  Lints,
 * facts and the checks of CA certificates read this, not what OpenSSL makes
 * of the same octets.
 */
#ifndef PKI_CERTVIEW_H
#define PKI_CERTVIEW_H

#include "pki/der.h"

struct arena;

#define CERT_EXTENSION_MAX 24

struct cert_extension {
	struct span oid;
	struct span value; /* inside the OCTET STRING */
	struct span whole;
	bool critical;
};

struct certview {
	struct span der;
	struct span tbs; /* with its header */
	struct span inner_algorithm;
	struct span outer_algorithm;
	struct span signature; /* octets of the BIT STRING */
	bool is_v3;
	bool has_unique_id;
	struct span serial; /* content octets */
	struct span issuer; /* DER, as written */
	struct span subject;
	struct span spki;
	int64_t not_before;
	int64_t not_after;
	struct cert_extension extensions[CERT_EXTENSION_MAX];
	size_t extension_count;
};

/* The SubjectPublicKeyInfo of what may be a Certificate; empty if none is
 * found. */
struct span certview_find_spki(struct span der);
/* 0, or -1 if it is not a Certificate in strict DER. */
int certview_parse(struct span der, struct certview *out);
/* The parts of a TBSCertificate alone: der, outer_algorithm and signature
 * stay empty. */
int certview_parse_tbs(struct span tbs, struct certview *out);
/* The first extension with this OID, or NULL. */
const struct cert_extension *certview_extension(
    const struct certview *c, struct span oid);

/* subjectKeyIdentifier's octets; keyIdentifier of an AKI that holds nothing
 * else.  1, 0 when there is no such extension, -1 for another form. */
int certview_subject_key_id(const struct certview *c, struct span *out);
int certview_authority_key_id(const struct certview *c, struct span *out);

/* The general names of a subjectAltName: takes the next mailbox of `names`
 * as its octets.  1, 0 at the end, -1 for another kind of name.
 * `is_utf8` tells SmtpUTF8Mailbox from rfc822Name. */
int certview_next_mailbox(
    struct span *names, struct span *mailbox, bool *is_utf8);
/* The names to walk with it: 1, 0 without extension, -1 not DER. */
int certview_names(const struct certview *c, struct span *names);

#endif
