#include "config.h"

#include "mail/smime_protect.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "mail/addr_list.h"
#include "mail/finding.h"
#include "mail/smime_layer.h"

#define ADDRESSES_MAX 100
#define FIELDS_MAX 100

static int
mismatch(struct finding *f, const char *name, const char *why)
{
	return finding_set(
	    f, FINDING_REFUSE, "smime.header-mismatch", "%s: %s", name, why);
}

/* --- is it the same? ----------------------------------------------------- */

static bool
same_from(struct job *j, struct span a, struct span b)
{
	const char *x = NULL, *y = NULL;
	struct finding ignored;

	return addr_list_from(j, a, &x, &ignored) == 0 &&
	       addr_list_from(j, b, &y, &ignored) == 0 && strcmp(x, y) == 0;
}

static bool
has_all(const struct addr_list *of, const struct addr_list *in)
{
	for (size_t i = 0; i < of->count; i++)
		if (!addr_list_has(in, of->v[i]))
			return false;
	return true;
}

static bool
same_to(struct job *j, struct span a, struct span b)
{
	struct addr_list x, y;

	addr_list_init(j, &x, ADDRESSES_MAX);
	addr_list_init(j, &y, ADDRESSES_MAX);
	return addr_list_add(j, &x, a) == 0 && addr_list_add(j, &y, b) == 0 &&
	       x.count > 0 && has_all(&x, &y) && has_all(&y, &x);
}

/* Words decoded, each run of blanks one blank. */
static int
plain_text(struct job *j, struct span body, struct span *out)
{
	struct span text;
	struct buf b;
	bool blank = false;

	if (mime_decode_words(j, body, &text) < 0)
		return -1;
	text = span_trim_fws(text);
	buf_init(&b, j->arena, text.n + 1);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			blank = true;
			continue;
		}
		if (blank)
			buf_add_char(&b, ' ');
		blank = false;
		buf_add_char(&b, c);
	}
	*out = buf_span(&b);
	return 0;
}

static bool
same_subject(struct job *j, struct span a, struct span b)
{
	struct span x, y;

	return plain_text(j, a, &x) == 0 && plain_text(j, b, &y) == 0 &&
	       span_eq(x, y);
}

static const struct {
	const char *name;
	bool (*same)(struct job *j, struct span a, struct span b);
	size_t flag;
} fields[] = {
	{ "From", same_from, offsetof(struct smime_protected, from) },
	{ "To", same_to, offsetof(struct smime_protected, to) },
	{ "Subject", same_subject, offsetof(struct smime_protected, subject) },
};

#define FIELD_KINDS COUNT(fields)

static int
compare(struct job *j, const struct message *outer, size_t kind,
    struct span inner, struct smime_protected *out, struct finding *f)
{
	const char *name = fields[kind].name;
	const struct field *x = message_field(outer, name);

	if (x == NULL)
		return mismatch(f, name, "signed, but not in the message");
	if (!fields[kind].same(j, x->body, inner))
		return mismatch(
		    f, name, "not the same as under the S/MIME signature");
	*(bool *)(void *)((char *)out + fields[kind].flag) = true;
	return 0;
}

/* --- RFC 9788, RFC 8551 -------------------------------------------------- */

/* A whole header under the signature: what it does not hold was added. */
static int
compare_header(struct job *j, const struct message *outer,
    const struct field *inner, size_t count, struct smime_protected *out,
    struct finding *f)
{
	const struct field *x;

	for (size_t i = 0; i < FIELD_KINDS; i++) {
		const char *name = fields[i].name;

		if (field_count(inner, count, span_str(name)) > 1)
			return mismatch(f, name, "signed more than once");
		x = field_find(inner, count, name);
		if (x == NULL && message_field(outer, name) != NULL)
			return mismatch(
			    f, name, "not in the header that is signed");
		if (x != NULL && compare(j, outer, i, x->body, out, f) < 0)
			return -1;
	}
	return 0;
}

int
smime_protect_payload(struct job *j, const struct message *outer,
    const struct smime_layer *layer, struct smime_protected *out,
    struct finding *f)
{
	const struct mime_part *p = layer->payload;
	struct span value;

	if (layer->wrapped != NULL)
		return compare_header(j, outer, layer->wrapped->fields,
		    layer->wrapped->field_count, out, f);
	if (mime_param_get(&p->type, "hp", &value))
		return compare_header(
		    j, outer, p->fields, p->field_count, out, f);
	return 0;
}

/* --- RFC 7508 ------------------------------------------------------------ */

/*
 *	SecureHeaderFields ::= SET {
 *	    canonAlgorithm  ENUMERATED,
 *	    secHeaderFields SEQUENCE OF SEQUENCE {
 *	        field-Name   VisibleString,
 *	        field-Value  UTF8String,
 *	        field-Status INTEGER DEFAULT duplicated (0) } }
 */

static void
free_types(void *types)
{
	sk_ASN1_TYPE_pop_free(types, ASN1_TYPE_free);
}

/* The elements of a SEQUENCE or SET that is the whole of `der`, or NULL. */
static ASN1_SEQUENCE_ANY *
elements(struct job *j, struct span der, int tag)
{
	const unsigned char *begin = (const unsigned char *)der.p, *p = begin;
	ASN1_SEQUENCE_ANY *list;

	if (der.n > INT32_MAX)
		return NULL;
	list = tag == V_ASN1_SET ? d2i_ASN1_SET_ANY(NULL, &p, (long)der.n)
				 : d2i_ASN1_SEQUENCE_ANY(NULL, &p, (long)der.n);
	ERR_clear_error();
	list = arena_own(j->arena, list, free_types);
	return list != NULL && p == begin + der.n ? list : NULL;
}

/* The element's octets, if it is of this type: a string's content, the whole
 * encoding of anything constructed. */
static bool
octets_of(const ASN1_SEQUENCE_ANY *list, int i, int type, struct span *out)
{
	const ASN1_TYPE *t =
	    i < sk_ASN1_TYPE_num(list) ? sk_ASN1_TYPE_value(list, i) : NULL;
	int n;

	if (t == NULL || t->type != type)
		return false;
	n = ASN1_STRING_length(t->value.asn1_string);
	*out = span_mem(
	    ASN1_STRING_get0_data(t->value.asn1_string), n > 0 ? (size_t)n : 0);
	return true;
}

/* The order of a SET's elements is that of their tags: ENUMERATED first. */
static ASN1_SEQUENCE_ANY *
header_fields(struct job *j, struct span der)
{
	ASN1_SEQUENCE_ANY *set = elements(j, der, V_ASN1_SET);
	struct span algorithm, list;

	if (set == NULL || sk_ASN1_TYPE_num(set) != 2 ||
	    !octets_of(set, 0, V_ASN1_ENUMERATED, &algorithm) ||
	    !octets_of(set, 1, V_ASN1_SEQUENCE, &list))
		return NULL;
	return elements(j, list, V_ASN1_SEQUENCE);
}

/* Only a field that is still there as it was signed is of use: status absent
 * or 0. */
static bool
is_duplicated(const ASN1_SEQUENCE_ANY *field)
{
	struct span status;

	if (sk_ASN1_TYPE_num(field) == 2)
		return true;
	return sk_ASN1_TYPE_num(field) == 3 &&
	       octets_of(field, 2, V_ASN1_INTEGER, &status) && status.n == 1 &&
	       status.p[0] == 0;
}

static int
compare_field(struct job *j, const struct message *outer,
    const ASN1_SEQUENCE_ANY *list, int at, struct smime_protected *out,
    struct finding *f)
{
	const ASN1_SEQUENCE_ANY *field;
	struct span der, name, value;

	field = octets_of(list, at, V_ASN1_SEQUENCE, &der)
		    ? elements(j, der, V_ASN1_SEQUENCE)
		    : NULL;
	if (field == NULL ||
	    !octets_of(field, 0, V_ASN1_VISIBLESTRING, &name) ||
	    !octets_of(field, 1, V_ASN1_UTF8STRING, &value))
		return mismatch(f, "secure-header-fields", "cannot be read");
	for (size_t i = 0; i < FIELD_KINDS; i++) {
		if (!span_caseeq_str(name, fields[i].name))
			continue;
		if (!is_duplicated(field))
			return mismatch(f, fields[i].name,
			    "the signer says that the message has another");
		return compare(j, outer, i, value, out, f);
	}
	return 0;
}

int
smime_protect_attribute(struct job *j, const struct message *outer,
    struct span der, struct smime_protected *out, struct finding *f)
{
	ASN1_SEQUENCE_ANY *list = header_fields(j, der);
	int count = list != NULL ? sk_ASN1_TYPE_num(list) : 0;

	if (count == 0 || count > FIELDS_MAX)
		return mismatch(f, "secure-header-fields", "cannot be read");
	for (int i = 0; i < count; i++)
		if (compare_field(j, outer, list, i, out, f) < 0)
			return -1;
	return 0;
}
