#include "config.h"

#include "lib/addr.h"

#include <idn2.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/orgdomain.h"
#include "lib/utf8.h"

/* AC-87, PK-85: octets. */
#define ADDR_MAX 254
#define LOCAL_MAX 64
#define DOMAIN_MAX 253
#define LABEL_MAX 63

/* AC-90, PK-86: names that no mail from the Internet can reach. */
static const char *const reserved_ends[] = { "arpa", "internal", "invalid",
	"local", "localhost", "onion", "test" };

/* PK-86: and these in public mode. */
static const char *const unreal_ends[] = { "alt", "example" };

static int
bad_domain(struct job *j, const char *why)
{
	return job_fail(j, ERR_MALFORMED, "the domain of the mailbox %s", why);
}

static int
bad_mailbox(struct job *j, const char *why)
{
	return job_fail(j, ERR_MALFORMED, "the mailbox %s", why);
}

static int
not_offered(struct job *j, const char *what)
{
	return job_fail(j, ERR_REJECTED_IDENTIFIER,
	    "this server does not issue for mailboxes with %s", what);
}

/* --- domains ------------------------------------------------------------- */

/* Letters, digits and inner hyphens. */
static bool
is_ldh(struct span label)
{
	size_t i;

	for (i = 0; i < label.n; i++)
		if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-')
			return false;
	return label.n > 0 && label.p[0] != '-' && label.p[label.n - 1] != '-';
}

/*
 * U-label to A-label by IDNA2008's own rules: TR46's mapping is off, so an
 * input that it would change is an error (PK-79).  Not IDN2_NFC_INPUT, which
 * would repair.  0 or -1.
 */
static int
label_to_ascii(struct arena *a, const char *label, const char **out)
{
	uint8_t *ascii = NULL;
	struct span result;

	if (idn2_lookup_u8((const uint8_t *)label, &ascii, IDN2_NO_TR46) !=
	    IDN2_OK)
		return -1;
	*out = arena_strdup(a, (const char *)ascii);
	idn2_free(ascii);
	result = span_str(*out);
	/* A full stop of another script must not have become one of ours. */
	return is_ldh(result) && result.n <= LABEL_MAX ? 0 : -1;
}

/* An A-label must be what its own U-label becomes (AC-87). */
static bool
is_a_label(struct arena *a, const char *label)
{
	char *unicode = NULL;
	const char *back = NULL;
	bool same;

	if (idn2_to_unicode_8z8z(label, &unicode, 0) != IDN2_OK)
		return false;
	same = !span_is_ascii(span_str(unicode)) &&
	       label_to_ascii(a, unicode, &back) == 0 &&
	       strcmp(back, label) == 0;
	idn2_free(unicode);
	return same;
}

static int
add_label(struct job *j, struct span label, struct buf *out)
{
	char *lower;
	const char *ascii;
	size_t i;

	if (label.n == 0)
		return bad_domain(j, "has an empty label");
	if (label.n > 4 * LABEL_MAX) /* no U-label is longer */
		return bad_domain(j, "has a label over 63 octets");
	lower = span_dup(j->arena, label);
	if (!span_is_ascii(label)) {
		if (!utf8_is_valid(label) ||
		    label_to_ascii(j->arena, lower, &ascii) < 0)
			return bad_domain(j,
			    "has a label that IDNA2008 does not allow as it "
			    "is written");
		buf_add_str(out, ascii);
		return 0;
	}
	if (label.n > LABEL_MAX)
		return bad_domain(j, "has a label over 63 octets");
	if (!is_ldh(label))
		return bad_domain(j,
		    "has a label of other than letters, digits and inner "
		    "hyphens");
	for (i = 0; i < label.n; i++)
		lower[i] = ascii_lower(lower[i]);
	if (span_starts(span_str(lower), SPAN("xn--")) &&
	    !is_a_label(j->arena, lower))
		return bad_domain(j, "has a label with xn-- that is not valid");
	buf_add_str(out, lower);
	return 0;
}

int
addr_domain(struct job *j, struct span domain, const char **out)
{
	struct buf b;
	size_t at = 0, dot;

	/* The longest U-label form of an allowed name is below this. */
	if (domain.n > 4 * DOMAIN_MAX)
		return bad_domain(j, "is over 253 octets");
	if (domain.n > 0 && memchr(domain.p, '\0', domain.n) != NULL)
		return bad_domain(j, "has a control character");
	buf_init(&b, j->arena, DOMAIN_MAX);
	do {
		dot = span_find(domain, at, '.');
		if (at > 0)
			buf_add_char(&b, '.');
		if (add_label(j, span_cut(domain, at, dot), &b) < 0)
			return -1;
		at = dot + 1;
	} while (dot < domain.n);
	if (!buf_ok(&b))
		return bad_domain(j, "is over 253 octets");
	*out = b.p;
	return 0;
}

static bool
ends_in(struct span domain, const char *const *ends, size_t count)
{
	struct span end;
	size_t dot = domain.n;

	while (dot > 0 && domain.p[dot - 1] != '.')
		dot--;
	end = span_from(domain, dot);
	for (size_t i = 0; i < count; i++)
		if (span_eq_str(end, ends[i]))
			return true;
	return false;
}

static bool
is_refused_domain(const struct addr_policy *policy, struct span domain)
{
	return (!policy->reserved_domains &&
		   ends_in(domain, reserved_ends, COUNT(reserved_ends))) ||
	       (policy->is_public &&
		   ends_in(domain, unreal_ends, COUNT(unreal_ends)));
}

/* 192.0.2.1 without brackets: no domain ends in a number (RFC 1123 section
 * 2.1, RFC 3696 section 2), and programs take it for an address. */
static bool
ends_in_number(const char *domain)
{
	const char *last = strrchr(domain, '.') + 1;

	return last[strspn(last, "0123456789")] == '\0';
}

/* [192.0.2.1], [IPv6:…], [tag:…] (RFC 5321 section 4.1.3). */
static bool
is_literal(struct span domain)
{
	size_t i;

	if (domain.n < 3 || domain.p[0] != '[' || domain.p[domain.n - 1] != ']')
		return false;
	for (i = 1; i < domain.n - 1; i++)
		if (!ascii_is_alnum(domain.p[i]) &&
		    strchr(".:-", domain.p[i]) == NULL)
			return false;
	return true;
}

/* --- local parts --------------------------------------------------------- */

/* RFC 5322 atext; RFC 6531 adds everything outside ASCII. */
static bool
is_atext(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* PK-80: what is not NFC would have to be repaired. */
static bool
is_nfc(struct span s)
{
	uint8_t *normal;
	size_t n = 0;
	bool same;

	normal = u8_normalize(UNINORM_NFC, (const uint8_t *)s.p, s.n, NULL, &n);
	if (normal == NULL)
		return false;
	same = span_eq(s, span_mem(normal, n));
	free(normal);
	return same;
}

static int
check_dot_atom(struct job *j, struct span local)
{
	bool dot = true; /* none may come first, last or beside another */
	size_t i;

	for (i = 0; i < local.n; i++) {
		if (local.p[i] == '.' ? dot : !is_atext(local.p[i]))
			return bad_mailbox(
			    j, "has a local part that is not a dot-atom");
		dot = local.p[i] == '.';
	}
	if (dot)
		return bad_mailbox(
		    j, "has a local part that is not a dot-atom");
	if (span_is_ascii(local))
		return 0;
	if (!utf8_is_plain(local))
		return bad_mailbox(
		    j, "has a character that is not allowed in local parts");
	if (!is_nfc(local))
		return bad_mailbox(j, "has a local part that is not NFC");
	return 0;
}

/* The octets of a well-formed quoted string at the start of s, or 0. */
static size_t
quoted_extent(struct span s)
{
	size_t i;

	for (i = 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\' && ++i == s.n)
			break;
	}
	return 0;
}

/* Where the @ is that ends the local part, or value.n: PK-79. */
static size_t
find_at(struct span value)
{
	size_t at;

	if (value.n > 0 && value.p[0] == '"') {
		at = quoted_extent(value);
		return at > 0 && at < value.n && value.p[at] == '@' ? at
								    : value.n;
	}
	at = value.n;
	while (at > 0 && value.p[at - 1] != '@')
		at--;
	return at == 0 ? value.n : at - 1;
}

/* --- the mailbox --------------------------------------------------------- */

/* What refuses the value before it is taken apart (ER-1, AC-86). */
static int
check_whole(struct job *j, struct span value)
{
	size_t i;

	if (value.n == 0)
		return bad_mailbox(j, "is empty");
	if (value.n > ADDR_MAX)
		return bad_mailbox(j, "is over 254 octets");
	if (span_has_control(value))
		return bad_mailbox(j, "has a control character");
	if (!utf8_is_valid(value))
		return bad_mailbox(j, "is not UTF-8");
	for (i = 0; i < value.n; i++)
		if (value.p[i] == '*')
			return job_fail(j, ERR_MALFORMED,
			    "wildcards are not allowed in email identifiers");
	return 0;
}

static int
parse_domain(struct job *j, struct span domain,
    const struct addr_policy *policy, struct addr *out)
{
	if (is_literal(domain))
		return not_offered(j, "an address literal");
	if (addr_domain(j, domain, &out->domain) < 0)
		return -1;
	if (strchr(out->domain, '.') == NULL)
		return not_offered(j, "a domain of one label");
	if (ends_in_number(out->domain))
		return not_offered(j, "a domain that ends in a number");
	if (is_refused_domain(policy, span_str(out->domain)))
		return not_offered(j, "a reserved domain");
	if (policy->is_public && !policy->reserved_domains &&
	    !orgdomain_top_is_known(out->domain))
		return not_offered(j, "a top-level domain that does not exist");
	return 0;
}

static int
check_local(struct job *j, struct span local, const struct addr_policy *policy)
{
	if (local.n == 0)
		return bad_mailbox(j, "has no local part");
	if (local.n > LOCAL_MAX)
		return bad_mailbox(j, "has a local part over 64 octets");
	if (local.p[0] == '"')
		return not_offered(j, "a quoted local part");
	if (check_dot_atom(j, local) < 0)
		return -1;
	if (!policy->utf8_local && !span_is_ascii(local))
		return not_offered(j, "a local part outside ASCII");
	return 0;
}

int
addr_parse(struct job *j, struct span value, const struct addr_policy *policy,
    struct addr *out)
{
	struct span local;
	size_t at;

	if (check_whole(j, value) < 0)
		return -1;
	at = find_at(value);
	if (at == value.n)
		return bad_mailbox(j, "is not local-part@domain");
	local = span_cut(value, 0, at);
	/* Syntax of both halves first: what is malformed is never called
	 * well-formed but not offered. */
	if (local.n > 0 && local.p[0] != '"' && check_dot_atom(j, local) < 0)
		return -1;
	if (parse_domain(j, span_from(value, at + 1), policy, out) < 0 ||
	    check_local(j, local, policy) < 0)
		return -1;
	out->local = span_dup(j->arena, local);
	out->is_ascii = span_is_ascii(local);
	out->canonical =
	    arena_printf(j->arena, "%s@%s", out->local, out->domain);
	if (strlen(out->canonical) > ADDR_MAX)
		return bad_mailbox(j, "is over 254 octets");
	return 0;
}

const char *
addr_lower(struct job *j, const char *address)
{
	char *lower = arena_strdup(j->arena, address);

	for (char *p = lower; *p != '\0'; p++)
		*p = ascii_lower(*p);
	return lower;
}

const char *
addr_domain_of(const char *canonical)
{
	const char *at = strrchr(canonical, '@');

	return at == NULL ? "" : at + 1;
}

bool
addr_domain_within(const char *domain, const char *above)
{
	size_t n = strlen(domain), m = strlen(above);

	if (n < m || strcmp(domain + n - m, above) != 0)
		return false;
	return n == m || domain[n - m - 1] == '.';
}

bool
addr_is_sender(const char *from, const char *mailbox)
{
	const char *a = addr_domain_of(from), *b = addr_domain_of(mailbox);

	if (*a == '\0' || strcmp(a, b) != 0)
		return false;
	return span_caseeq(span_mem(from, (size_t)(a - from)),
	    span_mem(mailbox, (size_t)(b - mailbox)));
}

/* A plus at the very start is no suffix's. */
static struct span
without_suffix(struct span local)
{
	size_t plus = local.n > 0 ? span_find(local, 1, '+') : 0;

	return span_cut(local, 0, plus);
}

const char *
addr_counted(struct job *j, const char *canonical)
{
	const char *domain = addr_domain_of(canonical);
	struct span local;
	size_t n = 0;
	uint8_t *folded;
	const char *out;

	/* Whoever changes rows may make anything of them. */
	if (*domain == '\0')
		return canonical;
	local = without_suffix(
	    span_mem(canonical, (size_t)(domain - canonical) - 1));
	/* Language-independent; what cannot be folded is kept. */
	folded =
	    u8_casefold((const uint8_t *)local.p, local.n, "", NULL, NULL, &n);
	if (folded != NULL)
		local = span_mem(folded, n);
	out = arena_printf(j->arena, "%.*s@%s", (int)local.n, local.p, domain);
	free(folded);
	return out;
}
