#include "config.h"

#include "src/cps_profiles.h"

#include <string.h>

#include "acme/offer.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include "pki/profile.h"
#include "src/outline.h"

/* RFC 5280, 4.2.1.3, from the first bit on. */
static const char *const usage_bits[] = { "digitalSignature", "nonRepudiation",
	"keyEncipherment", "dataEncipherment", "keyAgreement" };

/* The last octet of the BIT STRING has the bits, the first one on the left. */
static void
put_usage(struct outline *o, struct span bits)
{
	uint8_t octet = (uint8_t)bits.p[bits.n - 1];

	outline_words(o, "key_usage");
	for (size_t i = 0; i < COUNT(usage_bits); i++)
		if ((octet & (0x80U >> i)) != 0)
			outline_word(o, usage_bits[i]);
	outline_words_end(o);
}

/* The table of pki.md 9.2, as far as the profile goes. */
static void
put_usages(struct outline *o, const struct profile *p)
{
	outline_rows(o, "key_usages");
	for (int c = KEY_CLASS_SIGNING; c <= KEY_CLASS_DUAL; c++) {
		unsigned seen = 0;

		for (int k = 0; k < KEY_KIND_COUNT; k++) {
			enum key_type type = key_kind_type((enum key_kind)k);
			struct span bits = profile_key_usage(
			    (enum key_class)c, type, p->non_repudiation);

			if (!profile_allows(p, (enum key_class)c) ||
			    !profile_takes_key(p, (enum key_kind)k) ||
			    (seen & PROFILE_BIT(type)) != 0 || bits.n == 0)
				continue;
			seen |= PROFILE_BIT(type);
			outline_item(o);
			outline_text(
			    o, "for", key_class_name((enum key_class)c));
			outline_text(o, "key_type", key_type_name(type));
			put_usage(o, bits);
			outline_end(o);
		}
	}
	outline_rows_end(o);
}

static void
put_keys(struct outline *o, const struct profile *p)
{
	outline_words(o, "keys");
	for (int k = 0; k < KEY_KIND_COUNT; k++)
		if (profile_takes_key(p, (enum key_kind)k))
			outline_word(o, key_kind_name((enum key_kind)k));
	outline_words_end(o);
}

static void
put_names(struct outline *o, struct arena *a, const struct profile *p)
{
	outline_words(o, "subject");
	if (p->subject == SUBJECT_CN || p->subject == SUBJECT_CN_EMAIL)
		outline_word(o, "commonName");
	if (p->subject == SUBJECT_EMAIL || p->subject == SUBJECT_CN_EMAIL)
		outline_word(o, "emailAddress");
	if (p->subject_number)
		outline_word(o, "serialNumber");
	outline_words_end(o);
	outline_words(o, "certificate_policies");
	outline_word(o, der_oid_text(a, profile_policy(p)));
	if (p->policy.n > 0)
		outline_word(o, der_oid_text(a, p->policy));
	outline_words_end(o);
	outline_words(o, "extended_key_usage");
	outline_word(o, "emailProtection");
	if (p->client_auth)
		outline_word(o, "clientAuth");
	outline_words_end(o);
}

static void
put_profile(struct outline *o, struct arena *a, const struct conf *conf,
    const struct profile *p)
{
	outline_item(o);
	outline_text(o, "name", p->name);
	outline_bool(o, "default", strcmp(p->name, conf->profile) == 0);
	outline_text(o, "description", p->description);
	outline_text(o, "generation",
	    p->generation == GENERATION_STRICT ? "strict" : "multipurpose");
	outline_number(o, "validity_days", profile_days(conf, p));
	outline_bool(o, "dates_on_request", profile_takes_dates(conf, p->name));
	put_names(o, a, p);
	put_keys(o, p);
	outline_text(o, "rsa_exponent",
	    p->any_rsa_exponent ? "odd, 65537 to 2^256 - 1" : "65537");
	put_usages(o, p);
	outline_text(o, "non_repudiation",
	    p->non_repudiation ? "in each certificate that signs"
			       : "on request, in certificates that sign");
	outline_text(o, "smime_capabilities",
	    p->smime_capabilities.n > 0 ? hex_dup(a, p->smime_capabilities)
					: NULL);
	outline_bool(o, "validation_reuse",
	    conf->authz_valid_life > 0 && !p->proves_anew);
	outline_end(o);
}

void
cps_profiles_put(struct outline *o, struct arena *a, const struct conf *conf)
{
	const char *name;

	outline_rows(o, "profiles");
	for (size_t i = 0; (name = profile_offered(conf, i)) != NULL; i++)
		put_profile(o, a, conf, profile_find(conf, span_str(name)));
	outline_rows_end(o);
}
