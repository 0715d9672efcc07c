#include "config.h"

#include "pki/effective.h"

#include "lib/conf.h"

/* date -u -d DAY +%s; a test compares the two. */
static const struct effective table[EFFECTIVE_COUNT] = {
	[EFFECTIVE_NO_LEGACY] = { 1752537600, "2025-07-15",
	    "no certificate of the legacy generation", "SBR 7.1.6.1" },
	[EFFECTIVE_LINTING] = { 1757894400, "2025-09-15",
	    "each certificate is linted before it is signed", "SBR 4.3.1.2" },
	[EFFECTIVE_CAA_DNSSEC] = { 1773532800, "2026-03-15",
	    "DNSSEC is validated on each CAA query", "SBR 4.2.2.1.1" },
	[EFFECTIVE_PERSPECTIVES_4] = { 1781481600, "2026-06-15",
	    "at least 4 remote perspectives", "TBR 3.2.2.9" },
	[EFFECTIVE_CA_EKU] = { 1785542400, "2026-08-01",
	    "a new subordinate CA has an extKeyUsage", "APL" },
	[EFFECTIVE_NO_SHA1] = { 1789430400, "2026-09-15",
	    "no signature with SHA-1 anywhere", "SBR 7.1.3.1.1" },
	[EFFECTIVE_CA_RSA_4096] = { 1789430400, "2026-09-15",
	    "RSA keys in new CA certificates have at least 4096 bits",
	    "SBR 6.1.5" },
	[EFFECTIVE_PERSPECTIVES_5] = { 1797292800, "2026-12-15",
	    "at least 5 remote perspectives", "TBR 3.2.2.9" },
	[EFFECTIVE_RFC822_NAME] = { 1801440000, "2027-02-01",
	    "each certificate has an rfc822Name, so none is only for "
	    "mailboxes beyond ASCII",
	    "APL 2.3" },
	[EFFECTIVE_ONLY_MAIL] = { 1814400000, "2027-07-01",
	    "no extKeyUsage but emailProtection and clientAuth",
	    "SBR 7.1.2.3" },
	[EFFECTIVE_CA_ONE_PURPOSE] = { 1814400000, "2027-07-01",
	    "a new subordinate CA has one purpose", "APL" },
	[EFFECTIVE_ISSUER_RSA_3072] = { 1820966400, "2027-09-15",
	    "no subscriber certificate from a CA with RSA below 3072 bits",
	    "SBR 6.1.5" },
};

const struct effective *
effective_find(enum effective_rule rule)
{
	return &table[rule];
}

bool
effective_at(enum effective_rule rule, int64_t when)
{
	return when >= table[rule].from;
}

bool
effective_for(enum effective_rule rule, int64_t not_before, int64_t now)
{
	return effective_at(rule, not_before) || effective_at(rule, now);
}

/* Would this configuration issue what the rule refuses?  What is not here is
 * never issued, whatever the configuration says. */
static bool
concerns(const struct conf *conf, enum effective_rule rule)
{
	switch (rule) {
	case EFFECTIVE_RFC822_NAME:
		return conf->mode == CONF_MODE_PUBLIC && conf->utf8_mailboxes;
	case EFFECTIVE_NO_LEGACY:
	case EFFECTIVE_LINTING:
	case EFFECTIVE_CAA_DNSSEC:
	case EFFECTIVE_PERSPECTIVES_4:
	case EFFECTIVE_CA_EKU:
	case EFFECTIVE_NO_SHA1:
	case EFFECTIVE_CA_RSA_4096:
	case EFFECTIVE_PERSPECTIVES_5:
	case EFFECTIVE_ONLY_MAIL:
	case EFFECTIVE_CA_ONE_PURPOSE:
	case EFFECTIVE_ISSUER_RSA_3072:
	case EFFECTIVE_COUNT:
		break;
	}
	return false;
}

size_t
effective_upcoming(const struct conf *conf, int64_t now,
    const struct effective *out[EFFECTIVE_COUNT])
{
	size_t n = 0;

	for (int r = 0; r < EFFECTIVE_COUNT; r++)
		if (concerns(conf, (enum effective_rule)r) &&
		    now < table[r].from &&
		    now >= table[r].from - EFFECTIVE_WARNING_SECS)
			out[n++] = &table[r];
	return n;
}
