#include "config.h"

#include "pki/effective.h"

#include <string.h>

#include "lib/conf.h"
#include "pki/profile.h"

#define MORE_PERSPECTIVES                                                      \
	"add sections perspective, or countersignd does not start from then "  \
	"on"

/* date -u -d DAY +%s; a test compares the two. */
static const struct effective table[EFFECTIVE_COUNT] = {
	[EFFECTIVE_NO_LEGACY] = { 1752537600, "2025-07-15",
	    "no certificate of the legacy generation", "SBR 7.1.6.1", NULL },
	[EFFECTIVE_LINTING] = { 1757894400, "2025-09-15",
	    "each certificate is linted before it is signed", "SBR 4.3.1.2",
	    NULL },
	[EFFECTIVE_CAA_DNSSEC] = { 1773532800, "2026-03-15",
	    "DNSSEC is validated on each CAA query", "SBR 4.2.2.1.1", NULL },
	[EFFECTIVE_PERSPECTIVES_3] = { 1773532800, "2026-03-15",
	    "at least 3 remote perspectives", "TBR 3.2.2.9",
	    MORE_PERSPECTIVES },
	[EFFECTIVE_PERSPECTIVES_4] = { 1781481600, "2026-06-15",
	    "at least 4 remote perspectives", "TBR 3.2.2.9",
	    MORE_PERSPECTIVES },
	[EFFECTIVE_CA_EKU] = { 1785542400, "2026-08-01",
	    "a new subordinate CA has an extKeyUsage", "APL", NULL },
	[EFFECTIVE_NO_SHA1] = { 1789430400, "2026-09-15",
	    "no signature with SHA-1 anywhere", "SBR 7.1.3.1.1", NULL },
	[EFFECTIVE_CA_RSA_4096] = { 1789430400, "2026-09-15",
	    "RSA keys in new CA certificates have at least 4096 bits",
	    "SBR 6.1.5", NULL },
	[EFFECTIVE_PERSPECTIVES_5] = { 1797292800, "2026-12-15",
	    "at least 5 remote perspectives", "TBR 3.2.2.9",
	    MORE_PERSPECTIVES },
	[EFFECTIVE_RFC822_NAME] = { 1801440000, "2027-02-01",
	    "each certificate has an rfc822Name, so none is only for "
	    "mailboxes beyond ASCII",
	    "APL 2.3",
	    "set policy.utf8_mailboxes = no, or tell those who "
	    "order to add a mailbox in ASCII" },
	[EFFECTIVE_ONLY_MAIL] = { 1814400000, "2027-07-01",
	    "no extKeyUsage but emailProtection and clientAuth", "SBR 7.1.2.3",
	    NULL },
	[EFFECTIVE_CA_ONE_PURPOSE] = { 1814400000, "2027-07-01",
	    "a new subordinate CA has one purpose", "APL",
	    "the issuing CA that follows this one cannot have clientAuth: "
	    "end the profiles with client_auth before it" },
	[EFFECTIVE_ISSUER_RSA_3072] = { 1820966400, "2027-09-15",
	    "no subscriber certificate from a CA with RSA below 3072 bits",
	    "SBR 6.1.5", NULL },
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

size_t
effective_perspectives(int64_t when)
{
	if (effective_at(EFFECTIVE_PERSPECTIVES_5, when))
		return 5;
	if (effective_at(EFFECTIVE_PERSPECTIVES_4, when))
		return 4;
	return effective_at(EFFECTIVE_PERSPECTIVES_3, when) ? 3 : 2;
}

/* --- what a configuration violates --------------------------------------- */

/* How many are asked through this service. */
static size_t
asked_through(const struct conf_mpic *m, const char *service)
{
	size_t n = 0;

	for (size_t i = 0; i < m->perspective_count; i++) {
		const char *own = m->perspectives[i].service;

		n += own == NULL || strcmp(own, service) == 0;
	}
	return n;
}

/* PK-46: must they agree, and are they fewer than that? */
static bool
has_too_few_perspectives(const struct conf *conf, int64_t from)
{
	const struct conf_mpic *m = &conf->mpic;
	size_t minimum = effective_perspectives(from);

	if (m->policy != CONF_MPIC_ENFORCE &&
	    (conf->mode != CONF_MODE_PUBLIC || m->perspective_count == 0))
		return false;
	if (m->service_count == 0)
		return m->perspective_count < minimum;
	for (size_t i = 0; i < m->service_count; i++)
		if (asked_through(m, m->services[i].name) < minimum)
			return true;
	return false;
}

static bool
has_client_auth(const struct conf *conf)
{
	for (size_t i = 0; i < conf->own_profile_count; i++)
		if (conf->own_profiles[i].client_auth)
			return true;
	return false;
}

/* Would this configuration do what the rule refuses? */
static bool
concerns(const struct conf *conf, enum effective_rule rule)
{
	switch (rule) {
	case EFFECTIVE_PERSPECTIVES_3:
	case EFFECTIVE_PERSPECTIVES_4:
	case EFFECTIVE_PERSPECTIVES_5:
		return has_too_few_perspectives(conf, table[rule].from);
	case EFFECTIVE_RFC822_NAME:
		return conf->mode == CONF_MODE_PUBLIC && conf->utf8_mailboxes;
	case EFFECTIVE_CA_ONE_PURPOSE:
		return conf->mode == CONF_MODE_PUBLIC && has_client_auth(conf);
	/* Kept at any date, whatever the configuration says: */
	case EFFECTIVE_NO_LEGACY:       /* no profile has it */
	case EFFECTIVE_LINTING:         /* PK-136 */
	case EFFECTIVE_CAA_DNSSEC:      /* PK-29 */
	case EFFECTIVE_CA_EKU:          /* ca_usage_problem() */
	case EFFECTIVE_NO_SHA1:         /* PK-132 */
	case EFFECTIVE_CA_RSA_4096:     /* L-50 */
	case EFFECTIVE_ONLY_MAIL:       /* no profile has another */
	case EFFECTIVE_ISSUER_RSA_3072: /* ca_load() */
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
