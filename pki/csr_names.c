#include "config.h"

#include "pki/csr_names.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/utf8.h"
#include "pki/der.h"
#include "pki/oid.h"

#define NAMES_MAX 256
#define IDENTIFIER_MAX 320

#define RFC822_NAME DER_CONTEXT_PRIMITIVE(1)
#define DNS_NAME DER_CONTEXT_PRIMITIVE(2)
#define OTHER_NAME DER_CONTEXT(0)

static int
bad_csr(struct job *j, const char *what, struct span text)
{
	struct log_quoted q;

	return job_fail(j, ERR_BAD_CSR, "%s: %s", what, log_quote(&q, text));
}

/* Which of the order's mailboxes is it, after its domain was brought to the
 * canonical form (PK-82)?  mailbox_count: none. */
static size_t
find_mailbox(struct job *j, struct span text, const struct csr_policy *policy,
    struct addr *address)
{
	size_t i = 0;

	*address = (struct addr){ 0 };
	if (addr_parse(j, text, &policy->addr, address) < 0) {
		job_recover(j);
		return policy->mailbox_count;
	}
	while (i < policy->mailbox_count &&
	       strcmp(policy->mailboxes[i], address->canonical) != 0)
		i++;
	return i;
}

/* RFC 9598 3: the domain of a SmtpUTF8Mailbox has A-labels, no U-labels. */
static bool
domain_is_ascii(struct span mailbox)
{
	size_t at = mailbox.n;

	while (at > 0 && mailbox.p[at - 1] != '@')
		at--;
	return span_is_ascii(span_from(mailbox, at));
}

static int
check_mailbox(struct job *j, struct span mailbox, bool is_utf8,
    const struct csr_policy *policy, bool *found)
{
	struct addr address;

	/* PK-81: the form follows from the local part. */
	if (!is_utf8 && !span_is_ascii(mailbox))
		return bad_csr(j,
		    "an rfc822Name is ASCII; a mailbox with other characters "
		    "is a SmtpUTF8Mailbox with its domain in A-labels",
		    mailbox);
	if (is_utf8 && !domain_is_ascii(mailbox))
		return bad_csr(
		    j, "a SmtpUTF8Mailbox has its domain in A-labels", mailbox);
	size_t i = find_mailbox(j, mailbox, policy, &address);
	if (i == policy->mailbox_count)
		return bad_csr(j,
		    "the CSR addresses differ from the order: not in it is",
		    mailbox);
	if (is_utf8 && address.is_ascii)
		return bad_csr(j,
		    "an ASCII mailbox is an rfc822Name, not a SmtpUTF8Mailbox",
		    mailbox);
	found[i] = true;
	return 0;
}

static int
check_other_name(struct job *j, struct span body,
    const struct csr_policy *policy, bool *found)
{
	struct der oid;
	struct der value;
	struct der text;

	if (der_take(&body, DER_OID, &oid) < 0 ||
	    der_only(body, DER_CONTEXT(0), &value) < 0)
		return job_fail(
		    j, ERR_BAD_CSR, "the CSR cannot be parsed: otherName");
	if (!span_eq(oid.body, OID_SMTP_UTF8_MAILBOX))
		return job_fail(j, ERR_BAD_CSR,
		    "unsupported name in the CSR: otherName %s; only mailboxes "
		    "are supported",
		    der_oid_text(j->arena, oid.body));
	if (der_only(value.body, DER_UTF8_STRING, &text) < 0)
		return job_fail(
		    j, ERR_BAD_CSR, "a SmtpUTF8Mailbox is a UTF8String");
	return check_mailbox(j, text.body, true, policy, found);
}

static const char *
name_kind(uint8_t tag)
{
	switch (tag) {
	case DNS_NAME:
		return "dNSName";
	case DER_CONTEXT(3):
		return "x400Address";
	case DER_CONTEXT(4):
		return "directoryName";
	case DER_CONTEXT(5):
		return "ediPartyName";
	case DER_CONTEXT_PRIMITIVE(6):
		return "uniformResourceIdentifier";
	case DER_CONTEXT_PRIMITIVE(7):
		return "iPAddress";
	case DER_CONTEXT_PRIMITIVE(8):
		return "registeredID";
	default:
		return "of unknown type";
	}
}

static int
check_name(struct job *j, const struct der *name,
    const struct csr_policy *policy, bool *found)
{
	struct addr address;

	if (name->tag == RFC822_NAME)
		return check_mailbox(j, name->body, false, policy, found);
	if (name->tag == OTHER_NAME)
		return check_other_name(j, name->body, policy, found);
	/* L-7: a client whose library knows host names only repeats the
	 * address there; it is ignored, and counts for nothing. */
	if (name->tag == DNS_NAME && policy->ignore_dns_mailboxes &&
	    find_mailbox(j, name->body, policy, &address) <
		policy->mailbox_count)
		return 0;
	return job_fail(j, ERR_BAD_CSR,
	    "unsupported name in the CSR: %s; only mailboxes are supported",
	    name_kind(name->tag));
}

/* --- faults (PK-58) ------------------------------------------------------- */

/* The job's error becomes a fault, and is forgotten. */
static void
add_fault(struct job *j, struct csr_faults *faults, struct csr_fault f)
{
	f.text = arena_strdup(j->arena, j->err.text);
	if (f.value.n == 0 || f.value.n > IDENTIFIER_MAX ||
	    !utf8_is_valid(f.value) || span_has_control(f.value)) {
		f.type = NULL;
		f.value = (struct span){ NULL, 0 };
	}
	if (faults->count < CSR_FAULTS_MAX)
		faults->list[faults->count] = f;
	faults->count++;
	job_recover(j);
}

/* What check_name() has refused, as an identifier if it can be one. */
static void
add_stray(struct job *j, struct csr_faults *faults, const struct der *name)
{
	struct csr_fault f = { .missing = CSR_FAULT_STRAY };
	struct span body = name->body;
	struct der oid, value, text;

	if (name->tag == RFC822_NAME || name->tag == DNS_NAME) {
		f.type = name->tag == DNS_NAME ? "dns" : "email";
		f.value = body;
	} else if (name->tag == OTHER_NAME &&
		   der_take(&body, DER_OID, &oid) == 0 &&
		   span_eq(oid.body, OID_SMTP_UTF8_MAILBOX) &&
		   der_only(body, DER_CONTEXT(0), &value) == 0 &&
		   der_only(value.body, DER_UTF8_STRING, &text) == 0) {
		f.type = "email";
		f.value = text.body;
	}
	add_fault(j, faults, f);
}

static void
add_missing(struct job *j, struct csr_faults *faults,
    const struct csr_policy *policy, size_t i)
{
	struct span mailbox = span_str(policy->mailboxes[i]);

	bad_csr(j,
	    "the CSR addresses differ from the order: missing in the "
	    "subjectAltName is",
	    mailbox);
	add_fault(j, faults,
	    (struct csr_fault){
		.type = "email", .value = mailbox, .missing = i });
}

/* One text for all: the first, and how many more. */
static int
fail_with(struct job *j, const struct csr_faults *faults)
{
	if (faults->count == 1)
		return job_fail(j, ERR_BAD_CSR, "%s", faults->list[0].text);
	return job_fail(j, ERR_BAD_CSR, "%s; and %zu more",
	    faults->list[0].text, faults->count - 1);
}

/* --- subjectAltName ------------------------------------------------------- */

int
csr_names_check(struct job *j, struct span value,
    const struct csr_policy *policy, struct csr_faults *faults)
{
	bool *found =
	    arena_calloc(j->arena, policy->mailbox_count + 1, sizeof *found);
	struct der list;
	struct der name;
	size_t count = 0;
	int r;

	if (!der_is_strict(value) || der_only(value, DER_SEQUENCE, &list) < 0)
		return job_fail(
		    j, ERR_BAD_CSR, "the CSR cannot be parsed: subjectAltName");
	while ((r = der_next(&list.body, &name)) == 1) {
		if (++count > NAMES_MAX)
			return job_fail(j, ERR_BAD_CSR,
			    "more than %d names in the CSR", NAMES_MAX);
		if (check_name(j, &name, policy, found) < 0)
			add_stray(j, faults, &name);
	}
	for (size_t i = 0; i < policy->mailbox_count; i++)
		if (!found[i])
			add_missing(j, faults, policy, i);
	return faults->count > 0 ? fail_with(j, faults) : r;
}

/* --- the subject ---------------------------------------------------------- */

/* UCS-2 and UCS-4, big-endian. */
static uint32_t
wide_character(struct span in, size_t at, size_t width)
{
	uint32_t c = 0;

	for (size_t k = 0; k < width; k++)
		c = c << 8 | (uint8_t)in.p[at + k];
	return c;
}

static bool
wide_is_valid(struct span in, size_t width)
{
	if (in.n % width != 0)
		return false;
	for (size_t i = 0; i < in.n; i += width) {
		uint32_t c = wide_character(in, i, width);
		if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return false;
	}
	return true;
}

/* The whole of it: a mailbox may stand anywhere (PK-60). */
static struct span
wide_to_utf8(struct arena *a, struct span in, size_t width)
{
	struct buf b;

	buf_init(&b, a, 2 * in.n + 1);
	for (size_t i = 0; i < in.n; i += width)
		utf8_add(&b, wide_character(in, i, width));
	return buf_span(&b);
}

static struct span
attribute_text(struct arena *a, const struct der *value)
{
	switch (value->tag) {
	case DER_BMP_STRING:
		return wide_to_utf8(a, value->body, 2);
	case DER_UNIVERSAL_STRING:
		return wide_to_utf8(a, value->body, 4);
	default:
		return value->body;
	}
}

/* Text that is not what its type says? */
static bool
is_broken(const struct der *value)
{
	switch (value->tag) {
	case DER_UTF8_STRING:
		return !utf8_is_valid(value->body);
	case DER_BMP_STRING:
		return !wide_is_valid(value->body, 2);
	case DER_UNIVERSAL_STRING:
		return !wide_is_valid(value->body, 4);
	default:
		return false;
	}
}

/* What addresses and common names are made of. */
static bool
is_string(const struct der *value)
{
	switch (value->tag) {
	case DER_UTF8_STRING:
	case DER_NUMERIC_STRING:
	case DER_PRINTABLE_STRING:
	case DER_T61_STRING:
	case DER_IA5_STRING:
	case DER_BMP_STRING:
	case DER_UNIVERSAL_STRING:
		return true;
	default:
		return false;
	}
}

static int
cannot_parse(struct job *j)
{
	return job_fail(j, ERR_BAD_CSR, "the CSR cannot be parsed: subject");
}

/* 0 also with a stray address, which is a fault then. */
static int
check_attribute(struct job *j, struct span body,
    const struct csr_policy *policy, struct csr_faults *faults)
{
	struct der oid;
	struct der value;
	struct addr address;

	if (der_take(&body, DER_OID, &oid) < 0 ||
	    der_next(&body, &value) != 1 || body.n != 0 || is_broken(&value))
		return cannot_parse(j);
	bool is_email = span_eq(oid.body, OID_EMAIL_ADDRESS);
	/* A date of birth, a postal address, …: whatever it is (PK-60). */
	if (!is_email && !span_eq(oid.body, OID_COMMON_NAME))
		return 0;
	if (!is_string(&value))
		return cannot_parse(j);
	struct span text = attribute_text(j->arena, &value);
	if (!is_email && span_find(text, 0, '@') == text.n)
		return 0;
	if (find_mailbox(j, text, policy, &address) < policy->mailbox_count)
		return 0;
	bad_csr(j, "the subject names another address", text);
	add_fault(j, faults,
	    (struct csr_fault){
		.type = "email", .value = text, .missing = CSR_FAULT_STRAY });
	return 0;
}

int
csr_subject_check(struct job *j, struct span rdns,
    const struct csr_policy *policy, struct csr_faults *faults)
{
	struct der set;
	struct der pair;
	int r;

	while ((r = der_next(&rdns, &set)) == 1) {
		if (set.tag != DER_SET || set.body.n == 0)
			r = -1;
		while (r == 1 && (r = der_next(&set.body, &pair)) == 1) {
			if (pair.tag != DER_SEQUENCE)
				r = -1;
			else if (check_attribute(j, pair.body, policy, faults) <
				 0)
				return -1;
		}
		if (r < 0)
			break;
	}
	if (r < 0)
		return cannot_parse(j);
	return faults->count > 0 ? fail_with(j, faults) : 0;
}
