#include "config.h"

#include "pki/certview.h"

#include <string.h>

#include "pki/oid.h"

static int
parse_extension(struct span body, struct cert_extension *out)
{
	struct der oid;
	struct der critical;
	struct der value;

	if (der_take(&body, DER_OID, &oid) < 0)
		return -1;
	int r = der_take_optional(&body, DER_BOOLEAN, &critical);
	if (r < 0 || (r == 1 && der_boolean_true(critical.body) < 0))
		return -1;
	if (der_only(body, DER_OCTET_STRING, &value) < 0)
		return -1;
	out->oid = oid.body;
	out->critical = r == 1;
	out->value = value.body;
	return 0;
}

static int
parse_extensions(struct span explicit_body, struct certview *out)
{
	struct der list;
	struct der one;
	int r;

	if (der_only(explicit_body, DER_SEQUENCE, &list) < 0 ||
	    list.body.n == 0)
		return -1;
	while ((r = der_next(&list.body, &one)) == 1) {
		if (one.tag != DER_SEQUENCE ||
		    out->extension_count == CERT_EXTENSION_MAX)
			return -1;
		struct cert_extension *e =
		    &out->extensions[out->extension_count++];
		if (parse_extension(one.body, e) < 0)
			return -1;
		e->whole = one.whole;
	}
	return r;
}

static int
parse_version(struct span *in, bool *is_v3)
{
	struct der d;
	struct der number;
	int r = der_take_optional(in, DER_CONTEXT(0), &d);

	*is_v3 = false;
	if (r <= 0)
		return r;
	if (der_only(d.body, DER_INTEGER, &number) < 0)
		return -1;
	/* v1 is the default, which is not written. */
	if (span_eq(number.body, span_mem("\0", 1)))
		return -1;
	*is_v3 = span_eq(number.body, SPAN("\x02"));
	return 0;
}

static int
parse_validity(struct span *in, struct certview *out)
{
	struct der validity;
	struct der t;

	if (der_take(in, DER_SEQUENCE, &validity) < 0 ||
	    der_next(&validity.body, &t) != 1 ||
	    der_time(&t, &out->not_before) < 0 ||
	    der_next(&validity.body, &t) != 1 ||
	    der_time(&t, &out->not_after) < 0)
		return -1;
	return validity.body.n == 0 ? 0 : -1;
}

static int
parse_tail(struct span in, struct certview *out)
{
	struct der d;

	for (uint8_t n = 1; n <= 2; n++) {
		int r = der_take_optional(&in, DER_CONTEXT_PRIMITIVE(n), &d);
		if (r < 0)
			return -1;
		out->has_unique_id |= r == 1;
	}
	int r = der_take_optional(&in, DER_CONTEXT(3), &d);
	if (r < 0 || in.n != 0)
		return -1;
	return r == 0 ? 0 : parse_extensions(d.body, out);
}

static int
parse_tbs(struct der tbs, struct certview *out)
{
	struct der d;
	struct span in = tbs.body;

	out->tbs = tbs.whole;
	if (parse_version(&in, &out->is_v3) < 0)
		return -1;
	if (der_take(&in, DER_INTEGER, &d) < 0)
		return -1;
	out->serial = d.body;
	if (der_take(&in, DER_SEQUENCE, &d) < 0)
		return -1;
	out->inner_algorithm = d.whole;
	if (der_take(&in, DER_SEQUENCE, &d) < 0)
		return -1;
	out->issuer = d.whole;
	if (parse_validity(&in, out) < 0)
		return -1;
	if (der_take(&in, DER_SEQUENCE, &d) < 0)
		return -1;
	out->subject = d.whole;
	if (der_take(&in, DER_SEQUENCE, &d) < 0)
		return -1;
	out->spki = d.whole;
	return parse_tail(in, out);
}

int
certview_parse_tbs(struct span bytes, struct certview *out)
{
	struct der tbs;

	memset(out, 0, sizeof *out);
	if (!der_is_strict(bytes) || der_only(bytes, DER_SEQUENCE, &tbs) < 0)
		return -1;
	return parse_tbs(tbs, out);
}

int
certview_parse(struct span der, struct certview *out)
{
	struct der whole;
	struct der tbs;
	struct der algorithm;
	struct der signature;

	memset(out, 0, sizeof *out);
	if (!der_is_strict(der) || der_only(der, DER_SEQUENCE, &whole) < 0 ||
	    der_take(&whole.body, DER_SEQUENCE, &tbs) < 0 ||
	    der_take(&whole.body, DER_SEQUENCE, &algorithm) < 0 ||
	    der_only(whole.body, DER_BIT_STRING, &signature) < 0 ||
	    signature.body.p[0] != 0)
		return -1;
	out->der = der;
	out->outer_algorithm = algorithm.whole;
	out->signature = span_from(signature.body, 1);
	return parse_tbs(tbs, out);
}

struct span
certview_find_spki(struct span der)
{
	static const uint8_t before[] = { DER_INTEGER, DER_SEQUENCE,
		DER_SEQUENCE, DER_SEQUENCE, DER_SEQUENCE };
	const struct span none = { NULL, 0 };
	struct der whole;
	struct der tbs;
	struct der d;

	if (der_only(der, DER_SEQUENCE, &whole) < 0 ||
	    der_take(&whole.body, DER_SEQUENCE, &tbs) < 0 ||
	    der_take_optional(&tbs.body, DER_CONTEXT(0), &d) < 0)
		return none;
	for (size_t i = 0; i < sizeof before; i++)
		if (der_take(&tbs.body, before[i], &d) < 0)
			return none;
	return der_take(&tbs.body, DER_SEQUENCE, &d) < 0 ? none : d.whole;
}

const struct cert_extension *
certview_extension(const struct certview *c, struct span oid)
{
	for (size_t i = 0; i < c->extension_count; i++)
		if (span_eq(c->extensions[i].oid, oid))
			return &c->extensions[i];
	return NULL;
}

int
certview_subject_key_id(const struct certview *c, struct span *out)
{
	const struct cert_extension *e =
	    certview_extension(c, OID_SUBJECT_KEY_ID);
	struct der id;

	if (e == NULL)
		return 0;
	if (der_only(e->value, DER_OCTET_STRING, &id) < 0)
		return -1;
	*out = id.body;
	return 1;
}

int
certview_authority_key_id(const struct certview *c, struct span *out)
{
	const struct cert_extension *e =
	    certview_extension(c, OID_AUTHORITY_KEY_ID);
	struct der outer;
	struct der id;

	if (e == NULL)
		return 0;
	if (der_only(e->value, DER_SEQUENCE, &outer) < 0 ||
	    der_only(outer.body, DER_CONTEXT_PRIMITIVE(0), &id) < 0)
		return -1;
	*out = id.body;
	return 1;
}

int
certview_names(const struct certview *c, struct span *names)
{
	const struct cert_extension *e =
	    certview_extension(c, OID_SUBJECT_ALT_NAME);
	struct der list;

	if (e == NULL)
		return 0;
	if (!der_is_strict(e->value) ||
	    der_only(e->value, DER_SEQUENCE, &list) < 0)
		return -1;
	*names = list.body;
	return 1;
}

int
certview_next_mailbox(struct span *names, struct span *mailbox, bool *is_utf8)
{
	struct der name;
	struct der oid;
	struct der wrapped;
	struct der text;
	int r = der_next(names, &name);

	if (r <= 0)
		return r;
	*is_utf8 = false;
	*mailbox = name.body;
	if (name.tag == DER_CONTEXT_PRIMITIVE(1)) /* rfc822Name */
		return 1;
	/* RFC 9598 3: otherName with a UTF8String. */
	if (name.tag != DER_CONTEXT(0) ||
	    der_take(&name.body, DER_OID, &oid) < 0 ||
	    !span_eq(oid.body, OID_SMTP_UTF8_MAILBOX) ||
	    der_only(name.body, DER_CONTEXT(0), &wrapped) < 0 ||
	    der_only(wrapped.body, DER_UTF8_STRING, &text) < 0)
		return -1;
	*is_utf8 = true;
	*mailbox = text.body;
	return 1;
}
