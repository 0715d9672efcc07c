#include "config.h"

#include "pki/profile.h"

#include <inttypes.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include "pki/oid.h"

#define TEXT_MAX 4096

#define ANY_CLASS                                                              \
	(PROFILE_BIT(KEY_CLASS_SIGNING) | PROFILE_BIT(KEY_CLASS_ENCRYPTION) |  \
	    PROFILE_BIT(KEY_CLASS_DUAL))

/* PK-68: what mail programs can use.  P-521, Ed25519 and Ed448 are for those
 * who ask for them. */
#define USUAL_KEYS                                                             \
	(PROFILE_BIT(KEY_KIND_RSA_2048) | PROFILE_BIT(KEY_KIND_RSA_3072) |     \
	    PROFILE_BIT(KEY_KIND_RSA_4096) | PROFILE_BIT(KEY_KIND_P256) |      \
	    PROFILE_BIT(KEY_KIND_P384))

const struct profile profiles[] = {
	{
	    .name = "mailbox-strict",
	    .description =
		"S/MIME certificate by the strict rules, for signing, "
		"encryption or both, as the request's key usage asks",
	    .generation = GENERATION_STRICT,
	    .classes = ANY_CLASS,
	    .keys = USUAL_KEYS,
	},
	{
	    .name = "mailbox-multipurpose",
	    .description =
		"S/MIME certificate for mailboxes: signing, encryption or "
		"both, as the request's key usage asks",
	    .generation = GENERATION_MULTIPURPOSE,
	    .classes = ANY_CLASS,
	    .keys = USUAL_KEYS,
	},
	{
	    .name = "mailbox-signing",
	    .description = "S/MIME certificate that signs mail and nothing "
			   "else; the request's key usage must say so",
	    .generation = GENERATION_STRICT,
	    .classes = PROFILE_BIT(KEY_CLASS_SIGNING),
	    .keys = USUAL_KEYS,
	},
	{
	    .name = "mailbox-encryption",
	    .description = "S/MIME certificate to encrypt mail to and nothing "
			   "else; the request's key usage must say so",
	    .generation = GENERATION_STRICT,
	    .classes = PROFILE_BIT(KEY_CLASS_ENCRYPTION),
	    .keys = USUAL_KEYS,
	},
};

const size_t profile_count = COUNT(profiles);

/* Names of a section's profile go before those that ship. */
static const struct profile *
own_profile(const struct conf *conf, struct span name)
{
	if (conf == NULL)
		return NULL;
	for (size_t i = 0; i < conf->own_profile_count; i++)
		if (span_eq_str(name, conf->own_profiles[i].name))
			return &conf->own_profiles[i];
	return NULL;
}

static const struct profile *
shipped_profile(struct span name)
{
	for (size_t i = 0; i < profile_count; i++)
		if (span_eq_str(name, profiles[i].name))
			return &profiles[i];
	return NULL;
}

const struct profile *
profile_find(const struct conf *conf, struct span name)
{
	const struct profile *own = own_profile(conf, name);

	return own != NULL ? own : shipped_profile(name);
}

const char *
profile_name(const struct conf *conf, size_t i)
{
	if (i < profile_count)
		return profiles[i].name;
	i -= profile_count;
	for (size_t k = 0; conf != NULL && k < conf->own_profile_count; k++) {
		const char *name = conf->own_profiles[k].name;

		/* One that ships and is changed was counted. */
		if (shipped_profile(span_str(name)) == NULL && i-- == 0)
			return name;
	}
	return NULL;
}

int64_t
profile_days(const struct conf *conf, const struct profile *p)
{
	int64_t days = p->days > 0 ? p->days : conf->issuer.validity_days;

	return days < PROFILE_DAYS_MAX ? days : PROFILE_DAYS_MAX;
}

struct span
profile_policy(const struct profile *p)
{
	return p->generation == GENERATION_STRICT ? OID_MAILBOX_STRICT
						  : OID_MAILBOX_MULTIPURPOSE;
}

bool
profile_takes_key(const struct profile *p, enum key_kind kind)
{
	return (p->keys & PROFILE_BIT(kind)) != 0;
}

enum keycheck_use
profile_key_rule(const struct profile *p)
{
	return p->any_rsa_exponent ? KEYCHECK_ANY_EXPONENT : KEYCHECK_SUBJECT;
}

static void
add_keys(struct buf *b, const struct profile *p)
{
	const char *comma = "";

	for (int k = 0; k < KEY_KIND_COUNT; k++) {
		if (!profile_takes_key(p, (enum key_kind)k))
			continue;
		buf_addf(b, "%s%s", comma, key_kind_name((enum key_kind)k));
		comma = ", ";
	}
}

const char *
profile_keys(struct arena *a, const struct profile *p)
{
	struct buf b;

	buf_init(&b, a, TEXT_MAX);
	buf_add_str(&b, "");
	add_keys(&b, p);
	return b.p;
}

/* --- the text (PK-18) ----------------------------------------------------- */

static void
add_classes(struct buf *b, const struct profile *p)
{
	buf_add_str(b, "keyUsage critical");
	if (profile_allows(p, KEY_CLASS_SIGNING))
		buf_add_str(b, "; signing: digitalSignature");
	if (profile_allows(p, KEY_CLASS_ENCRYPTION))
		buf_add_str(b,
		    "; encryption: keyEncipherment (RSA), keyAgreement (EC)");
	if (profile_allows(p, KEY_CLASS_DUAL))
		buf_add_str(b,
		    "; dual: digitalSignature with keyEncipherment (RSA), "
		    "with keyAgreement (EC)");
	buf_addf(b, "; nonRepudiation %s, not for encryption\n",
	    p->non_repudiation ? "always" : "on request");
}

static void
add_subject_mode(struct buf *b, const struct profile *p)
{
	static const char cn[] = "commonName: first mailbox, UTF8String, at "
				 "most 64 characters, else none";
	static const char email[] = "emailAddress: first mailbox, IA5String, "
				    "ASCII, at most 255 octets, else none";

	buf_add_str(b, "subject ");
	switch (p->subject) {
	case SUBJECT_CN:
		buf_add_str(b, cn);
		break;
	case SUBJECT_EMAIL:
		buf_add_str(b, email);
		break;
	case SUBJECT_CN_EMAIL:
		buf_addf(b, "%s; %s", cn, email);
		break;
	case SUBJECT_EMPTY:
		buf_add_str(b, "empty");
		break;
	}
	if (p->subject_number)
		buf_add_str(b, "; serialNumber: the account's id, "
			       "PrintableString, beside a mailbox");
	buf_add_char(b, '\n');
}

static void
add_policies(struct buf *b, struct arena *a, const struct profile *p)
{
	buf_addf(
	    b, "certificatePolicies %s", der_oid_text(a, profile_policy(p)));
	if (p->policy.n > 0)
		buf_addf(b, ", %s", der_oid_text(a, p->policy));
	buf_add_char(b, '\n');
}

const char *
profile_text(struct arena *a, const struct profile *p)
{
	struct buf b;

	buf_init(&b, a, TEXT_MAX);
	buf_addf(&b, "profile %s\nversion 3\n", p->name);
	buf_add_str(&b, "serial 17 octets: one configured, 16 random\n");
	if (p->days > 0)
		buf_addf(&b, "validity %" PRId64 " days", p->days);
	else
		buf_add_str(&b, "validity as issuer.validity_days");
	buf_add_str(&b, ", at most 818 days, within the issuing CA's\n");
	add_subject_mode(&b, p);
	buf_add_str(&b, "authorityKeyIdentifier keyIdentifier\n"
			"subjectKeyIdentifier RFC 7093 method 1\n");
	add_classes(&b, p);
	add_policies(&b, a, p);
	buf_addf(&b,
	    "subjectAltName rfc822Name, SmtpUTF8Mailbox; critical with an "
	    "empty subject\n"
	    "extKeyUsage emailProtection%s\n"
	    "cRLDistributionPoints one http URI\n"
	    "authorityInfoAccess caIssuers, one http URI, if configured\n",
	    p->client_auth ? ", clientAuth" : "");
	if (p->smime_capabilities.n > 0)
		buf_addf(&b, "smimeCapabilities %s\n",
		    hex_dup(a, p->smime_capabilities));
	buf_add_str(&b, "keys ");
	add_keys(&b, p);
	if (p->any_rsa_exponent)
		buf_add_str(&b, "; RSA exponent odd, 65537 to 2^256 - 1");
	buf_add_char(&b, '\n');
	if (p->proves_anew)
		buf_add_str(&b, "validation anew for each order\n");
	return b.p;
}

/* --- key usage ------------------------------------------------------------ */

bool
profile_allows(const struct profile *p, enum key_class class)
{
	return (p->classes & PROFILE_BIT(class)) != 0;
}

const char *
profile_excluded(const struct profile *p, enum key_class class)
{
	bool signs = profile_allows(p, KEY_CLASS_SIGNING);
	bool encrypts = profile_allows(p, KEY_CLASS_ENCRYPTION);
	bool both = profile_allows(p, KEY_CLASS_DUAL);

	if (profile_allows(p, class))
		return NULL;
	if (class == KEY_CLASS_SIGNING)
		return both ? "signing alone" : "signing";
	if (class == KEY_CLASS_ENCRYPTION)
		return both ? "encryption alone" : "encryption";
	/* Of the two that are asked for, the one that is too much. */
	if (signs && encrypts)
		return "signing and encryption with one key";
	return signs ? "encryption" : "signing";
}

const char *
profile_advice(struct arena *a, const struct profile *p)
{
	static const char both[] = "digitalSignature with keyEncipherment "
				   "(RSA) or keyAgreement (EC)";
	static const char *const asks[] = {
		[KEY_CLASS_SIGNING] = "digitalSignature",
		[KEY_CLASS_ENCRYPTION] =
		    "keyEncipherment (RSA) or keyAgreement (EC)",
		[KEY_CLASS_DUAL] = both,
	};
	const char *comma = "";
	struct buf b;

	buf_init(&b, a, TEXT_MAX);
	buf_addf(&b, "with %s ask for ", p->name);
	for (int c = KEY_CLASS_SIGNING; c <= KEY_CLASS_DUAL; c++) {
		if (!profile_allows(p, (enum key_class)c))
			continue;
		buf_addf(&b, "%s%s", comma, asks[c]);
		comma = ", or for ";
	}
	buf_add_str(&b, " and nothing else as key usage");
	return b.p;
}

struct span
profile_key_usage(
    enum key_class class, enum key_type type, bool non_repudiation)
{
	bool is_rsa = type == KEY_TYPE_RSA;

	if (class == KEY_CLASS_SIGNING)
		return non_repudiation ? SPAN("\x03\x02\x06\xc0")
				       : SPAN("\x03\x02\x07\x80");
	if (!is_rsa && !key_type_is_ec(type))
		return (struct span){ 0 };
	if (class == KEY_CLASS_ENCRYPTION)
		return is_rsa ? SPAN("\x03\x02\x05\x20")
			      : SPAN("\x03\x02\x03\x08");
	if (is_rsa)
		return non_repudiation ? SPAN("\x03\x02\x05\xe0")
				       : SPAN("\x03\x02\x05\xa0");
	return non_repudiation ? SPAN("\x03\x02\x03\xc8")
			       : SPAN("\x03\x02\x03\x88");
}
