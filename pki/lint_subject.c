#include "config.h"

#include "pki/lint_private.h"

#include <string.h>

#include "lib/addr.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "pki/effective.h"
#include "pki/issue.h"
#include "pki/oid.h"
#include "pki/profile.h"

#define DOMAIN_MAX 255
#define SUBJECT_NUMBER_MAX 64 /* PK-112 */

int
lint_next_attribute(struct span *rdns, struct span *oid, struct der *value)
{
	struct der set;
	struct der pair;
	struct der type;
	int r = der_next(rdns, &set);

	if (r <= 0)
		return r;
	if (set.tag != DER_SET || der_only(set.body, DER_SEQUENCE, &pair) < 0 ||
	    der_take(&pair.body, DER_OID, &type) < 0 ||
	    der_next(&pair.body, value) != 1 || pair.body.n != 0)
		return -1;
	*oid = type.body;
	return 1;
}

struct span
lint_subject_rdns(const struct lint_subject *s)
{
	struct der name = { 0 };

	if (der_only(s->v.subject, DER_SEQUENCE, &name) < 0)
		name.body.n = 0;
	return name.body;
}

/* PK-112 */
static const char *
check_number(const struct lint_subject *s, const struct der *value)
{
	const char *wanted = s->in->subject_number;

	if (value->tag != DER_PRINTABLE_STRING ||
	    value->body.n > SUBJECT_NUMBER_MAX)
		return "the serialNumber is not a PrintableString of at most "
		       "64 characters";
	return wanted != NULL && span_eq_str(value->body, wanted)
		   ? NULL
		   : "the serialNumber is not that of the account";
}

/* PK-108, PK-109, PK-112: what may stand in the subject of this mode.  A
 * mailbox that does not fit is left out; the number stands beside one. */
const char *
lint_subject_attributes(struct lint_subject *s)
{
	enum profile_subject mode = s->in->profile->subject;
	bool is_numbered = s->in->profile->subject_number;
	const struct {
		struct span oid;
		bool is_wanted;
	} allowed[] = {
		{ OID_COMMON_NAME,
		    mode == SUBJECT_CN || mode == SUBJECT_CN_EMAIL },
		{ OID_EMAIL_ADDRESS,
		    mode == SUBJECT_EMAIL || mode == SUBJECT_CN_EMAIL },
		{ OID_SERIAL_NUMBER, is_numbered },
	};
	enum { NUMBER = 2, COUNT };
	bool seen[COUNT] = { false };
	const char *problem;
	struct span rdns = lint_subject_rdns(s);
	struct span oid;
	struct der value;
	int r;

	while ((r = lint_next_attribute(&rdns, &oid, &value)) == 1) {
		size_t i = 0;
		while (i < COUNT && !span_eq(oid, allowed[i].oid))
			i++;
		if (i == COUNT)
			return "the subject has an attribute that is not "
			       "allowed";
		if (!allowed[i].is_wanted)
			return "the subject has an attribute that the profile "
			       "does not have";
		if (seen[i])
			return "the subject has an attribute twice";
		seen[i] = true;
		if (i == NUMBER && (problem = check_number(s, &value)) != NULL)
			return problem;
	}
	if (r < 0)
		return "the subject has an RDN of several attributes";
	return seen[NUMBER] != (is_numbered && (seen[0] || seen[1]))
		   ? "serialNumber and mailbox do not stand together"
		   : NULL;
}

const char *
lint_common_name(struct lint_subject *s)
{
	const struct addr_policy any = { .utf8_local = true,
		.reserved_domains = true };
	struct addr a;
	uint32_t code_point;
	size_t characters = 0;

	if (s->common_name.p == NULL)
		return lint_not_applicable;
	if (s->common_name_tag != DER_UTF8_STRING ||
	    !utf8_is_valid(s->common_name))
		return "the common name is not a UTF8String";
	for (size_t at = 0; utf8_next(s->common_name, &at, &code_point) == 1;)
		characters++;
	if (characters > PROFILE_CN_MAX)
		return "the common name has more than 64 characters";
	/* Reads as a mailbox, in NFC, and is its own
	 * canonical form. */
	if (addr_parse(s->j, s->common_name, &any, &a) < 0) {
		job_recover(s->j);
		return "the common name is not a mailbox";
	}
	return span_eq_str(s->common_name, a.canonical)
		   ? NULL
		   : "the common name is not in canonical form";
}

/* 1 if a SAN entry has these octets, 0, -1 for a name that
 * is no mailbox. */
static int
san_has(const struct lint_subject *s, struct span mailbox)
{
	struct span names = { 0 };
	struct span one;
	bool is_utf8;
	int r = certview_names(&s->v, &names);

	if (r <= 0)
		return r;
	while ((r = certview_next_mailbox(&names, &one, &is_utf8)) == 1)
		if (span_eq(one, mailbox))
			return 1;
	return r;
}

const char *
lint_subject_in_san(struct lint_subject *s)
{
	struct span rdns = lint_subject_rdns(s);
	struct span oid;
	struct der value;

	while (lint_next_attribute(&rdns, &oid, &value) == 1) {
		if (!span_eq(oid, OID_COMMON_NAME) &&
		    !span_eq(oid, OID_EMAIL_ADDRESS))
			continue;
		/* PK-111 */
		if (span_eq(oid, OID_EMAIL_ADDRESS) &&
		    (value.tag != DER_IA5_STRING ||
			value.body.n > PROFILE_EMAIL_MAX ||
			!span_is_ascii(value.body)))
			return "emailAddress is not an IA5String of at most "
			       "255 octets";
		if (san_has(s, value.body) != 1)
			return "a mailbox of the subject is not in the "
			       "subjectAltName, to the octet";
	}
	return NULL;
}

static bool
is_atext(char c)
{
	return ascii_is_alnum(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Lower-case LDH labels, at least two. */
static bool
domain_is_canonical(struct span domain)
{
	size_t labels = 0;

	if (domain.n > DOMAIN_MAX)
		return false;
	for (size_t at = 0; at <= domain.n; labels++) {
		size_t end = span_find(domain, at, '.');
		struct span label = span_cut(domain, at, end);
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' ||
		    label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!(label.p[i] >= 'a' && label.p[i] <= 'z') &&
			    !ascii_is_digit(label.p[i]) && label.p[i] != '-')
				return false;
		at = end + 1;
	}
	return labels >= 2;
}

static bool
local_is_dot_atom(struct span local)
{
	if (local.n == 0 || local.n > 64 || local.p[0] == '.' ||
	    local.p[local.n - 1] == '.')
		return false;
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '.' && local.p[i - 1] == '.')
			return false;
		if (local.p[i] != '.' && !((uint8_t)local.p[i] & 0x80) &&
		    !is_atext(local.p[i]))
			return false;
	}
	return true;
}

static const char *
mailbox_problem(struct span mailbox, bool is_utf8)
{
	size_t at = mailbox.n;

	while (at > 0 && mailbox.p[at - 1] != '@')
		at--;
	if (at == 0)
		return "a mailbox without @";
	struct span local = span_cut(mailbox, 0, at - 1);
	if (!domain_is_canonical(span_from(mailbox, at)))
		return "a mailbox's domain is not in lower-case A-labels";
	if (!local_is_dot_atom(local))
		return "a mailbox's local part is not a dot-atom";
	if (is_utf8 && span_is_ascii(local))
		return "an ASCII mailbox as SmtpUTF8Mailbox";
	if (is_utf8 && !utf8_is_plain(mailbox))
		return "a SmtpUTF8Mailbox with characters that do not belong "
		       "there";
	if (!is_utf8 && !span_is_ascii(local))
		return "an rfc822Name that is not ASCII";
	return NULL;
}

/* PK-84 with PK-142 */
static bool
needs_rfc822(const struct lint_subject *s)
{
	const struct conf *conf = s->j->conf;

	return conf != NULL && conf->mode == CONF_MODE_PUBLIC &&
	       effective_for(EFFECTIVE_RFC822_NAME, s->v.not_before, s->j->now);
}

const char *
lint_san_forms(struct lint_subject *s)
{
	struct span names = { 0 };
	struct span mailbox;
	bool has_rfc822 = false;
	bool is_utf8;
	int r = certview_names(&s->v, &names);

	if (r < 0)
		return "the subjectAltName is not DER";
	if (r == 0 || names.n == 0)
		return "no name in the subjectAltName";
	while ((r = certview_next_mailbox(&names, &mailbox, &is_utf8)) == 1) {
		const char *problem = mailbox_problem(mailbox, is_utf8);
		if (problem != NULL)
			return problem;
		has_rfc822 = has_rfc822 || !is_utf8;
	}
	if (r == 0 && !has_rfc822 && needs_rfc822(s))
		return "no rfc822Name (PK-84)";
	return r < 0 ? "a name that is neither rfc822Name nor SmtpUTF8Mailbox"
		     : NULL;
}

/* PK-83: each mailbox of the order once, in its sequence; so
 * the sets are equal. */
const char *
lint_san_set(struct lint_subject *s)
{
	struct span names = { 0 };
	struct span mailbox;
	bool is_utf8;
	size_t i = 0;
	int r = certview_names(&s->v, &names);

	while (r == 1 &&
	       (r = certview_next_mailbox(&names, &mailbox, &is_utf8)) == 1) {
		if (i == s->in->mailbox_count ||
		    !span_eq_str(mailbox, s->in->mailboxes[i]))
			return "the mailboxes are not those of the order";
		i++;
	}
	for (size_t a = 0; a < i; a++)
		for (size_t b = 0; b < a; b++)
			if (strcmp(s->in->mailboxes[a], s->in->mailboxes[b]) ==
			    0)
				return "a mailbox stands twice";
	return r == 0 && i == s->in->mailbox_count
		   ? NULL
		   : "the mailboxes are not those of the order";
}

/* PK-115 */
const char *
lint_attribute_text(struct lint_subject *s)
{
	struct span rdns = lint_subject_rdns(s);
	struct span oid;
	struct der value;

	while (lint_next_attribute(&rdns, &oid, &value) == 1) {
		struct span text = value.body;
		bool has_letter = false;
		size_t entity = span_find(text, 0, '&');

		for (size_t i = 0; i < text.n; i++)
			has_letter |= ascii_is_alnum(text.p[i]) ||
				      ((uint8_t)text.p[i] & 0x80);
		if (!has_letter)
			return "an attribute has no letter and no digit";
		if (span_has_control(text))
			return "an attribute has a control character";
		if (span_trim(text).n != text.n)
			return "an attribute begins or ends with a blank";
		if (entity != text.n && span_find(text, entity, ';') != text.n)
			return "an attribute has an HTML entity";
	}
	return NULL;
}
