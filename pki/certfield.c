#include "config.h"

#include "pki/certfield.h"

#include <string.h>

#include "lib/digest.h"
#include "pki/der.h"
#include "pki/oid.h"

#define URL_MAX 128 /* PK-133 */
#define LABEL_MAX 63
#define GENERAL_NAME_URI DER_CONTEXT_PRIMITIVE(6)

void
field_attribute(
    struct buf *b, struct span oid, uint8_t string_tag, struct span value)
{
	size_t set = der_open(b, DER_SET);
	size_t pair = der_open(b, DER_SEQUENCE);
	der_add(b, DER_OID, oid);
	der_add(b, string_tag, value);
	der_close(b, pair);
	der_close(b, set);
}

void
field_validity(struct buf *b, int64_t not_before, int64_t not_after)
{
	size_t mark = der_open(b, DER_SEQUENCE);
	der_add_time(b, not_before);
	der_add_time(b, not_after);
	der_close(b, mark);
}

void
field_head(struct buf *b, struct span serial, struct span algorithm,
    struct span issuer)
{
	size_t version = der_open(b, DER_CONTEXT(0));
	der_add_uint(b, 2); /* v3, PK-88 */
	der_close(b, version);
	der_add(b, DER_INTEGER, serial);
	buf_add(b, algorithm);
	buf_add(b, issuer);
}

struct extension_mark
extension_open(struct buf *b, struct span oid, bool critical)
{
	struct extension_mark m;

	m.outer = der_open(b, DER_SEQUENCE);
	der_add(b, DER_OID, oid);
	if (critical)
		der_add_true(b);
	m.value = der_open(b, DER_OCTET_STRING);
	return m;
}

void
extension_close(struct buf *b, struct extension_mark m)
{
	der_close(b, m.value);
	der_close(b, m.outer);
}

void
extension_authority_key_id(struct buf *b, struct span key_id)
{
	struct extension_mark m =
	    extension_open(b, OID_AUTHORITY_KEY_ID, false);
	size_t mark = der_open(b, DER_SEQUENCE);
	der_add(b, DER_CONTEXT_PRIMITIVE(0), key_id);
	der_close(b, mark);
	extension_close(b, m);
}

void
extension_subject_key_id(struct buf *b, struct span key_id)
{
	struct extension_mark m = extension_open(b, OID_SUBJECT_KEY_ID, false);
	der_add(b, DER_OCTET_STRING, key_id);
	extension_close(b, m);
}

void
extension_key_usage(struct buf *b, struct span value)
{
	struct extension_mark m = extension_open(b, OID_KEY_USAGE, true);
	buf_add(b, value);
	extension_close(b, m);
}

void
extension_policies(struct buf *b, const struct span *oids, size_t count)
{
	struct extension_mark m = extension_open(b, OID_POLICIES, false);
	size_t list = der_open(b, DER_SEQUENCE);
	for (size_t i = 0; i < count; i++) {
		size_t one = der_open(b, DER_SEQUENCE);
		der_add(b, DER_OID, oids[i]);
		der_close(b, one);
	}
	der_close(b, list);
	extension_close(b, m);
}

void
extension_ext_key_usage(struct buf *b, const struct span *oids, size_t count)
{
	struct extension_mark m = extension_open(b, OID_EXT_KEY_USAGE, false);
	size_t list = der_open(b, DER_SEQUENCE);
	for (size_t i = 0; i < count; i++)
		der_add(b, DER_OID, oids[i]);
	der_close(b, list);
	extension_close(b, m);
}

void
extension_email_protection(struct buf *b)
{
	const struct span oid = OID_EMAIL_PROTECTION;

	extension_ext_key_usage(b, &oid, 1);
}

void
extension_smime_capabilities(struct buf *b, struct span value)
{
	struct extension_mark m =
	    extension_open(b, OID_SMIME_CAPABILITIES, false);
	buf_add(b, value);
	extension_close(b, m);
}

void
extension_crl_point(struct buf *b, const char *url)
{
	struct extension_mark m = extension_open(b, OID_CRL_POINTS, false);
	size_t list = der_open(b, DER_SEQUENCE);
	size_t point = der_open(b, DER_SEQUENCE);
	size_t choice = der_open(b, DER_CONTEXT(0)); /* distributionPoint */
	size_t names = der_open(b, DER_CONTEXT(0));  /* fullName */
	der_add(b, GENERAL_NAME_URI, span_str(url));
	der_close(b, names);
	der_close(b, choice);
	der_close(b, point);
	der_close(b, list);
	extension_close(b, m);
}

static void
add_access(struct buf *b, struct span method, const char *url)
{
	size_t one;

	if (url == NULL)
		return;
	one = der_open(b, DER_SEQUENCE);
	der_add(b, DER_OID, method);
	der_add(b, GENERAL_NAME_URI, span_str(url));
	der_close(b, one);
}

void
extension_authority_info(
    struct buf *b, const char *ca_issuers_url, const char *ocsp_url)
{
	struct extension_mark m = extension_open(b, OID_AUTHORITY_INFO, false);
	size_t list = der_open(b, DER_SEQUENCE);

	add_access(b, OID_CA_ISSUERS, ca_issuers_url);
	add_access(b, OID_OCSP, ocsp_url);
	der_close(b, list);
	extension_close(b, m);
}

void
extension_permitted_hosts(struct buf *b, const char *const *hosts, size_t count)
{
	struct extension_mark m = extension_open(b, OID_NAME_CONSTRAINTS, true);
	size_t list = der_open(b, DER_SEQUENCE);
	size_t permitted = der_open(b, DER_CONTEXT(0));
	for (size_t i = 0; i < count; i++) {
		size_t subtree = der_open(b, DER_SEQUENCE);
		der_add(b, DER_CONTEXT_PRIMITIVE(1), span_str(hosts[i]));
		der_close(b, subtree);
	}
	der_close(b, permitted);
	der_close(b, list);
	extension_close(b, m);
}

void
key_id_compute(struct span key_bits, uint8_t out[KEY_ID_LEN])
{
	uint8_t digest[SHA256_LEN];

	sha256(key_bits, digest);
	memcpy(out, digest, KEY_ID_LEN);
}

static bool
label_is_ldh(struct span label)
{
	if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-' ||
	    label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-')
			return false;
	return true;
}

/* A host name with a dot whose last label is not a number (no address). */
static bool
host_is_public(struct span host)
{
	struct span label = { 0 };
	size_t labels = 0;

	for (size_t at = 0; at <= host.n; at += label.n + 1) {
		label = span_cut(host, at, span_find(host, at, '.'));
		if (!label_is_ldh(label))
			return false;
		labels++;
	}
	for (size_t i = 0; i < label.n; i++)
		if (!ascii_is_digit(label.p[i]))
			return labels >= 2;
	return false;
}

const char *
ca_permitted_problem(struct span host)
{
	if (host.n > 0 && host.p[0] == '.')
		host = span_from(host, 1);
	return host_is_public(host)
		   ? NULL
		   : "must be a host name, or a dot and a host name (PK-128)";
}

/* RFC 3986 section 2: what stands in a path as it is, or as %XX. */
static bool
is_url_char(char c)
{
	return ascii_is_alnum(c) ||
	       (c != '\0' && strchr("-._~:/?#[]@!$&'()*+,;=%", c) != NULL);
}

const char *
public_url_problem(struct span url)
{
	struct span scheme = SPAN("http://");

	if (url.n > URL_MAX)
		return "longer than 128 octets";
	if (!span_starts(url, scheme))
		return "not http";
	struct span rest = span_from(url, scheme.n);
	struct span authority = span_cut(rest, 0, span_find(rest, 0, '/'));
	struct span path = span_from(rest, authority.n);
	if (span_find(authority, 0, '@') != authority.n)
		return "it has a user part";
	if (span_ends(authority, SPAN(":80")))
		authority.n -= 3;
	if (span_find(authority, 0, ':') != authority.n)
		return "it has a port other than 80";
	if (!host_is_public(authority))
		return "its host is not a public name";
	for (size_t i = 0; i < path.n; i++)
		if (!is_url_char(path.p[i]))
			return "it has a character that URLs do not have";
	if (span_find(path, 0, '?') != path.n ||
	    span_find(path, 0, '#') != path.n)
		return "it has a query or a fragment";
	return NULL;
}
