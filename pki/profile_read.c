#include "config.h"

#include "pki/profile_read.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/hex.h"
#include "pki/der.h"
#include "pki/keycheck.h"

#define TEXT_MAX 8192
#define CAPABILITIES_MAX 512

/* What stands behind the word in the line that begins with it; p NULL: no
 * line does. */
static struct span
line_of(struct span text, struct span word)
{
	while (text.n > 0) {
		size_t end = span_find(text, 0, '\n');
		struct span line = span_cut(text, 0, end);

		if (span_starts(line, word))
			return span_from(line, word.n);
		text = span_from(text, end < text.n ? end + 1 : end);
	}
	return (struct span){ NULL, 0 };
}

static int64_t
read_days(struct span line)
{
	int64_t days = 0;

	for (size_t i = 0; i < line.n && ascii_is_digit(line.p[i]) &&
			   days <= PROFILE_DAYS_MAX;
	     i++)
		days = days * 10 + (line.p[i] - '0');
	return days;
}

static enum profile_subject
read_subject(struct span line)
{
	bool cn = span_has_str(line, "commonName");

	if (!span_has_str(line, "emailAddress"))
		return cn ? SUBJECT_CN : SUBJECT_EMPTY;
	return cn ? SUBJECT_CN_EMAIL : SUBJECT_EMAIL;
}

/* The generation's own, and one of the operator's behind a comma. */
static void
read_policies(struct arena *a, struct span line, struct profile *out)
{
	size_t comma = span_find(line, 0, ',');
	struct span first = span_cut(line, 0, comma);
	ASN1_OBJECT *o;

	out->generation = GENERATION_STRICT;
	if (!span_eq_str(first, der_oid_text(a, profile_policy(out))))
		out->generation = GENERATION_MULTIPURPOSE;
	if (comma + 2 >= line.n)
		return;
	o = OBJ_txt2obj(span_dup(a, span_from(line, comma + 2)), 1);
	if (o != NULL)
		out->policy =
		    span_mem(arena_memdup(a, OBJ_get0_data(o), OBJ_length(o)),
			OBJ_length(o));
	ASN1_OBJECT_free(o);
	ERR_clear_error();
}

static void
read_keys(struct span line, struct profile *out)
{
	while (line.n > 0) {
		size_t comma = span_find(line, 0, ',');
		struct span name = span_cut(line, 0, comma);

		for (int k = 0; k < KEY_KIND_COUNT; k++)
			if (span_eq_str(name, key_kind_name((enum key_kind)k)))
				out->keys |= PROFILE_BIT((unsigned)k);
		line = span_from(line, comma + 2 < line.n ? comma + 2 : line.n);
	}
}

static void
read_capabilities(struct arena *a, struct span line, struct profile *out)
{
	char *octets;

	if (line.n == 0 || line.n % 2 != 0 || line.n / 2 > CAPABILITIES_MAX)
		return;
	octets = arena_alloc(a, line.n / 2);
	if (hex_parse_fixed(line, octets, line.n / 2) == 0)
		out->smime_capabilities = span_mem(octets, line.n / 2);
}

int
profile_read(struct arena *a, struct span text, struct profile *out)
{
	struct span use = line_of(text, SPAN("keyUsage "));

	*out = (struct profile){ .description = "" };
	if (text.n > TEXT_MAX || span_find(text, 0, '\0') < text.n)
		return -1;
	out->name = span_dup(a, line_of(text, SPAN("profile ")));
	out->days = read_days(line_of(text, SPAN("validity ")));
	out->subject = read_subject(line_of(text, SPAN("subject ")));
	if (span_has_str(use, "; signing: "))
		out->classes |= PROFILE_BIT(KEY_CLASS_SIGNING);
	if (span_has_str(use, "; encryption: "))
		out->classes |= PROFILE_BIT(KEY_CLASS_ENCRYPTION);
	if (span_has_str(use, "; dual: "))
		out->classes |= PROFILE_BIT(KEY_CLASS_DUAL);
	out->non_repudiation = span_has_str(use, "nonRepudiation always");
	out->client_auth =
	    span_has_str(line_of(text, SPAN("extKeyUsage ")), "clientAuth");
	read_policies(a, line_of(text, SPAN("certificatePolicies ")), out);
	read_capabilities(a, line_of(text, SPAN("smimeCapabilities ")), out);
	read_keys(line_of(text, SPAN("keys ")), out);
	out->proves_anew = line_of(text, SPAN("validation ")).n > 0;
	/* What was not understood shows here. */
	return span_eq_str(text, profile_text(a, out)) ? 0 : -1;
}
