#include "config.h"

#include "pki/profile.h"

#include "pki/keycheck.h"
#include "pki/oid.h"

/* Each line of it is in the record's hash: what changes gets another number
 * behind the name. */
#define TEXT(name, usage, policy, keys)                                        \
	"profile " name " 1\n"                                                 \
	"version 3\n"                                                          \
	"serial 17 octets: one configured, 16 random\n"                        \
	"validity at most 818 days, within the issuing CA's\n"                 \
	"subject commonName: first mailbox, UTF8String, at most 64 "           \
	"characters, else empty\n"                                             \
	"authorityKeyIdentifier keyIdentifier\n"                               \
	"subjectKeyIdentifier RFC 7093 method 1\n"                             \
	"keyUsage critical; " usage "\n"                                       \
	"certificatePolicies " policy "\n"                                     \
	"subjectAltName rfc822Name, SmtpUTF8Mailbox; critical with an "        \
	"empty subject\n"                                                      \
	"extKeyUsage emailProtection\n"                                        \
	"cRLDistributionPoints one http URI\n"                                 \
	"authorityInfoAccess caIssuers and ocsp, one http URI each, if "       \
	"configured\n"                                                         \
	"keys RSA 2048, 3072, 4096; P-256, P-384, P-521" keys "\n"

#define SIGNS "signing: digitalSignature"
#define ENCRYPTS "encryption: keyEncipherment (RSA), keyAgreement (EC)"
#define ANY_USAGE                                                              \
	SIGNS "; " ENCRYPTS                                                    \
	      "; dual: both; nonRepudiation on request, not for encryption"

#define BIT(class) (1u << (class))
#define ANY_CLASS                                                              \
	(BIT(KEY_CLASS_SIGNING) | BIT(KEY_CLASS_ENCRYPTION) |                  \
	    BIT(KEY_CLASS_DUAL))

/* 2.23.140.1.5.1.3 and .2 */
#define STRICT                                                                 \
	{                                                                      \
		"\x67\x81\x0c\x01\x05\x01\x03", 7                              \
	}
#define MULTIPURPOSE                                                           \
	{                                                                      \
		"\x67\x81\x0c\x01\x05\x01\x02", 7                              \
	}

const struct profile profiles[] = {
	{
	    .name = "mailbox-strict",
	    .description =
		"S/MIME certificate by the strict rules, for signing, "
		"encryption or both, as the request's key usage asks",
	    .text = TEXT("mailbox-strict", ANY_USAGE, "2.23.140.1.5.1.3",
		"; Ed25519 (signing only)"),
	    .policy = STRICT,
	    .classes = ANY_CLASS,
	},
	{
	    .name = "mailbox-multipurpose",
	    .description =
		"S/MIME certificate for mailboxes: signing, encryption or "
		"both, as the request's key usage asks",
	    .text = TEXT("mailbox-multipurpose", ANY_USAGE, "2.23.140.1.5.1.2",
		"; Ed25519 (signing only)"),
	    .policy = MULTIPURPOSE,
	    .classes = ANY_CLASS,
	},
	{
	    .name = "mailbox-signing",
	    .description = "S/MIME certificate that signs mail and nothing "
			   "else; the request's key usage must say so",
	    .text = TEXT("mailbox-signing", SIGNS "; nonRepudiation on request",
		"2.23.140.1.5.1.3", "; Ed25519"),
	    .policy = STRICT,
	    .classes = BIT(KEY_CLASS_SIGNING),
	},
	{
	    .name = "mailbox-encryption",
	    .description = "S/MIME certificate to encrypt mail to and nothing "
			   "else; the request's key usage must say so",
	    .text =
		TEXT("mailbox-encryption", ENCRYPTS, "2.23.140.1.5.1.3", ""),
	    .policy = STRICT,
	    .classes = BIT(KEY_CLASS_ENCRYPTION),
	},
};

const size_t profile_count = sizeof profiles / sizeof profiles[0];

const struct profile *
profile_find(struct span name)
{
	for (size_t i = 0; i < profile_count; i++)
		if (span_eq_str(name, profiles[i].name))
			return &profiles[i];
	return NULL;
}

bool
profile_allows(const struct profile *p, enum key_class class)
{
	return (p->classes & BIT(class)) != 0;
}

const char *
profile_excluded(const struct profile *p, enum key_class class)
{
	if (profile_allows(p, class))
		return NULL;
	if (class == KEY_CLASS_SIGNING)
		return "signing";
	if (class == KEY_CLASS_ENCRYPTION)
		return "encryption";
	/* Of the two that are asked for, the one that is too much. */
	return profile_allows(p, KEY_CLASS_SIGNING) ? "encryption" : "signing";
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
