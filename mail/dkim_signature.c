#include "config.h"

#include "mail/dkim_signature.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/utf8.h"

#include <string.h>

#define LABEL_MAX 63
#define NAME_MAX_OCTETS 253
#define FUTURE_SECS 600 /* MA-19 */
#define TIME_DIGITS_MAX 12

/* --- domains and selectors (MA-15, MA-38) --------------------------------- */

static bool
is_label_char(char c)
{
	return ascii_is_alnum(c) || c == '-' || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static bool
label_is_valid(struct span label, bool of_domain)
{
	if (label.n == 0 || label.n > LABEL_MAX)
		return false;
	if (of_domain && (label.p[0] == '-' || label.p[label.n - 1] == '-'))
		return false;
	for (size_t i = 0; i < label.n; i++) {
		if (!is_label_char(label.p[i]))
			return false;
	}
	return true;
}

/* Dot-separated labels; of a domain at least two. */
static bool
name_is_valid(struct span name, bool of_domain)
{
	size_t labels = 0;

	if (name.n > NAME_MAX_OCTETS)
		return false;
	for (size_t at = 0; at <= name.n;) {
		size_t dot = span_find(name, at, '.');

		if (!label_is_valid(span_cut(name, at, dot), of_domain))
			return false;
		labels++;
		at = dot + 1;
	}
	return labels >= (of_domain ? 2u : 1u);
}

static char *
lower_dup(struct job *j, struct span s)
{
	char *out = span_dup(j->arena, s);

	for (size_t i = 0; i < s.n; i++)
		out[i] = ascii_lower(out[i]);
	return out;
}

/* A valid name in lower-case A-labels: 0, or -1 if it has no such form. */
static int
name_convert(struct job *j, struct span name, const char **out)
{
	if (span_is_ascii(name)) {
		*out = lower_dup(j, name);
		return 0;
	}
	if (addr_domain(j, name, out) < 0) {
		job_recover(j);
		return -1;
	}
	return 0;
}

/* A selector can be a single label, which is no domain: it is converted
 * together with one. */
static int
selector_convert(struct job *j, struct span name, const char **out)
{
	const struct span tail = SPAN(".example.org");
	const char *whole;
	struct buf b;

	if (span_is_ascii(name))
		return name_convert(j, name, out);
	buf_init(&b, j->arena, name.n + tail.n);
	buf_add(&b, name);
	buf_add(&b, tail);
	if (name_convert(j, buf_span(&b), &whole) < 0)
		return -1;
	*out = span_dup(
	    j->arena, span_cut(span_str(whole), 0, strlen(whole) - tail.n));
	return 0;
}

static int
read_domain(struct job *j, struct dkim_signature *s, struct finding *why)
{
	struct span d = dkim_tags_get(&s->tags, "d")->value;
	struct span selector = dkim_tags_get(&s->tags, "s")->value;

	if (!name_is_valid(d, true))
		return finding_set(why, FINDING_SKIP, "dkim.domain-syntax",
		    "d= is no domain name");
	if (name_convert(j, d, &s->domain) < 0)
		return finding_set(why, FINDING_SKIP, "dkim.idna",
		    "d= has no form in A-labels");
	if (!name_is_valid(selector, false))
		return finding_set(why, FINDING_SKIP, "dkim.selector-syntax",
		    "s= is no selector");
	if (selector_convert(j, selector, &s->selector) < 0)
		return finding_set(why, FINDING_SKIP, "dkim.idna",
		    "s= has no form in A-labels");
	if (strlen(s->selector) + strlen("._domainkey.") + strlen(s->domain) >
	    NAME_MAX_OCTETS)
		return finding_set(why, FINDING_SKIP, "dkim.domain-syntax",
		    "s= and d= together are no domain name");
	return 0;
}

/* --- opening -------------------------------------------------------------- */

/* MA-6: the words between white space are free of invisible characters. */
static bool
value_is_plain(struct span value)
{
	size_t from = 0;

	for (size_t i = 0; i <= value.n; i++) {
		if (i < value.n && strchr(" \t\r\n", value.p[i]) == NULL)
			continue;
		if (!utf8_is_plain(span_cut(value, from, i)))
			return false;
		from = i + 1;
	}
	return true;
}

static int
read_tags(struct dkim_signature *s, struct finding *why)
{
	switch (dkim_tags_parse(s->field->body, &s->tags)) {
	case DKIM_TAGS_OK:
		break;
	case DKIM_TAGS_SYNTAX:
		return finding_set(why, FINDING_SKIP, "dkim.tag-syntax",
		    "the signature is no list of tags (RFC 6376 section 3.2)");
	case DKIM_TAGS_DUPLICATE:
		return finding_set(why, FINDING_SKIP, "dkim.duplicate-tag",
		    "the signature has a tag twice");
	}
	if (span_is_ascii(s->field->body))
		return 0;
	for (size_t i = 0; i < s->tags.count; i++) {
		if (!value_is_plain(s->tags.tags[i].value))
			return finding_set(why, FINDING_REFUSE, "hdr.bad-utf8",
			    "a DKIM-Signature field with invisible characters "
			    "or broken UTF-8");
	}
	return 0;
}

/* MA-13 */
static int
check_required(const struct dkim_signature *s, struct finding *why)
{
	static const char *const required[] = { "v", "a", "b", "bh", "d", "h",
		"s" };

	for (size_t i = 0; i < COUNT(required); i++) {
		if (dkim_tags_get(&s->tags, required[i]) == NULL)
			return finding_set(why, FINDING_SKIP,
			    "dkim.missing-tag",
			    "the signature has no %s=", required[i]);
	}
	if (!span_eq_str(dkim_tags_get(&s->tags, "v")->value, "1"))
		return finding_set(why, FINDING_SKIP, "dkim.version",
		    "v= of the signature is not 1");
	return 0;
}

int
dkim_signature_open(struct job *j, const struct field *f,
    struct dkim_signature *out, struct finding *why)
{
	memset(out, 0, offsetof(struct dkim_signature, tags));
	out->field = f;
	if (read_tags(out, why) < 0 || check_required(out, why) < 0)
		return -1;
	return read_domain(j, out, why);
}

/* --- the other rules ------------------------------------------------------ */

/* MA-14 */
static int
read_algorithm(struct dkim_signature *s, struct finding *why)
{
	struct span a = dkim_tags_get(&s->tags, "a")->value;

	if (span_eq_str(a, dkim_key_algorithm(DKIM_KEY_RSA)))
		s->type = DKIM_KEY_RSA;
	else if (span_eq_str(a, dkim_key_algorithm(DKIM_KEY_ED25519)))
		s->type = DKIM_KEY_ED25519;
	else if (span_eq_str(a, "rsa-sha1"))
		return finding_set(why, FINDING_SKIP, "dkim.sha1",
		    "RFC 8301 section 3.1: rsa-sha1 proves nothing");
	else
		return finding_set(why, FINDING_SKIP, "dkim.algorithm",
		    "a= is neither rsa-sha256 nor ed25519-sha256");
	return 0;
}

static int
canon_parse(struct span word, enum dkim_canon *out)
{
	if (span_eq_str(word, "simple"))
		*out = DKIM_SIMPLE;
	else if (span_eq_str(word, "relaxed"))
		*out = DKIM_RELAXED;
	else
		return -1;
	return 0;
}

/* MA-16 */
static int
read_canon(struct dkim_signature *s, struct finding *why)
{
	const struct dkim_tag *c = dkim_tags_get(&s->tags, "c");
	size_t slash;

	s->header_canon = s->body_canon = DKIM_SIMPLE;
	if (c == NULL)
		return 0;
	slash = span_find(c->value, 0, '/');
	if (canon_parse(span_cut(c->value, 0, slash), &s->header_canon) < 0 ||
	    (slash < c->value.n && canon_parse(span_from(c->value, slash + 1),
				       &s->body_canon) < 0))
		return finding_set(why, FINDING_SKIP, "dkim.canonicalization",
		    "c= is none of the four pairs");
	return 0;
}

/* MA-17: whatever it says, octets after it would be unsigned. */
static int
check_length(const struct dkim_signature *s, struct finding *why)
{
	if (dkim_tags_get(&s->tags, "l") == NULL)
		return 0;
	return finding_set(why, FINDING_SKIP, "dkim.body-length",
	    "l= leaves a part of the body unsigned");
}

/* The only "@" that is not in a quoted string; s.n if there is none or
 * another one. */
static size_t
find_at(struct span s)
{
	bool quoted = false;
	size_t found = s.n;

	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == '@' && !quoted) {
			if (found < s.n)
				return s.n;
			found = i;
		}
	}
	return quoted ? s.n : found;
}

/* MA-18 */
static int
read_identity(struct job *j, struct dkim_signature *s, struct finding *why)
{
	const struct dkim_tag *i = dkim_tags_get(&s->tags, "i");
	struct span domain;
	size_t at;

	s->identity_domain = s->domain;
	if (i == NULL)
		return 0;
	at = find_at(i->value);
	domain = span_from(i->value, at + 1);
	if (at == i->value.n || !name_is_valid(domain, true))
		return finding_set(why, FINDING_SKIP, "dkim.identity",
		    "i= is no [local]@domain");
	if (name_convert(j, domain, &s->identity_domain) < 0)
		return finding_set(why, FINDING_SKIP, "dkim.idna",
		    "the domain of i= has no form in A-labels");
	if (!addr_domain_within(s->identity_domain, s->domain))
		return finding_set(why, FINDING_SKIP, "dkim.identity",
		    "the domain of i= is neither d= nor below it");
	return 0;
}

/* 1 and the moment, 0 if there is no such tag, -1 if it is no number. */
static int
read_time(const struct dkim_signature *s, const char *name, int64_t *out)
{
	const struct dkim_tag *tag = dkim_tags_get(&s->tags, name);

	if (tag == NULL)
		return 0;
	if (tag->value.n < 1 || tag->value.n > TIME_DIGITS_MAX)
		return -1;
	return span_to_int(tag->value, 0, INT64_MAX, out) < 0 ? -1 : 1;
}

/* MA-19 */
static int
check_times(
    const struct dkim_signature *s, int64_t arrival, struct finding *why)
{
	int64_t t = 0, x = 0;
	int has_t = read_time(s, "t", &t), has_x = read_time(s, "x", &x);

	if (has_t < 0 || has_x < 0)
		return finding_set(why, FINDING_SKIP, "dkim.timestamp",
		    "t= or x= is no number of 1 to %d digits", TIME_DIGITS_MAX);
	/* RFC 6376 3.5: x= is greater. */
	if (has_t > 0 && has_x > 0 && x <= t)
		return finding_set(why, FINDING_SKIP, "dkim.timestamp",
		    "x= does not lie after t=");
	if (has_t > 0 && t > arrival + FUTURE_SECS)
		return finding_set(why, FINDING_SKIP, "dkim.future",
		    "signed %lld s after the message arrived",
		    (long long)(t - arrival));
	if (has_x > 0 && arrival > x)
		return finding_set(why, FINDING_SKIP, "dkim.expired",
		    "expired %lld s before the message arrived",
		    (long long)(arrival - x));
	return 0;
}

/* MA-20 */
static int
check_query(const struct dkim_signature *s, struct finding *why)
{
	const struct dkim_tag *q = dkim_tags_get(&s->tags, "q");

	if (q == NULL || dkim_list_has(q->value, "dns/txt"))
		return 0;
	return finding_set(
	    why, FINDING_SKIP, "dkim.query", "q= does not offer dns/txt");
}

static bool
is_field_name(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c < 33 || c > 126 || c == ':')
			return false;
	}
	return name.n > 0;
}

static bool
names_from(const struct dkim_signature *s)
{
	for (size_t i = 0; i < s->name_count; i++) {
		if (span_caseeq(s->names[i], SPAN("From")))
			return true;
	}
	return false;
}

/* MA-21 */
static int
read_names(struct job *j, struct dkim_signature *s, struct finding *why)
{
	struct span rest = dkim_tags_get(&s->tags, "h")->value, name;
	/* None is empty, and a colon stands between two. */
	size_t most = rest.n / 2 + 1;
	size_t room = most < DKIM_NAMES_MAX ? most : DKIM_NAMES_MAX;
	bool more = true;

	s->header_list = rest;
	s->names = arena_calloc(j->arena, room, sizeof(*s->names));
	while (dkim_list_next(&rest, &more, &name)) {
		if (!is_field_name(name) || s->name_count == room)
			return finding_set(why, FINDING_SKIP,
			    "dkim.header-list",
			    "h= is no list of 1 to %d field names",
			    DKIM_NAMES_MAX);
		s->names[s->name_count++] = name;
	}
	if (!names_from(s))
		return finding_set(why, FINDING_SKIP, "dkim.from-unsigned",
		    "the signature does not cover From");
	return 0;
}

/* MA-22 */
static int
read_hashes(struct job *j, struct dkim_signature *s, struct finding *why)
{
	struct span b = dkim_tags_get(&s->tags, "b")->value;
	struct span bh = dkim_tags_get(&s->tags, "bh")->value;

	if (b64_parse_fws(j->arena, b, &s->value) < 0 || s->value.n == 0 ||
	    b64_parse_fws(j->arena, bh, &s->body_hash) < 0)
		return finding_set(why, FINDING_SKIP, "dkim.base64",
		    "b= or bh= is not base64");
	if (s->body_hash.n != 32)
		return finding_set(why, FINDING_SKIP, "dkim.base64",
		    "bh= is no SHA-256 hash: %zu octets", s->body_hash.n);
	if (s->type == DKIM_KEY_ED25519 && s->value.n != 64)
		return finding_set(why, FINDING_SKIP, "dkim.base64",
		    "b= is no Ed25519 signature: %zu octets", s->value.n);
	return 0;
}

int
dkim_signature_check(struct job *j, struct dkim_signature *s, int64_t arrival,
    struct finding *why)
{
	if (read_algorithm(s, why) < 0 || read_canon(s, why) < 0 ||
	    check_length(s, why) < 0 || read_identity(j, s, why) < 0 ||
	    check_times(s, arrival, why) < 0 || check_query(s, why) < 0 ||
	    read_names(j, s, why) < 0)
		return -1;
	return read_hashes(j, s, why);
}
