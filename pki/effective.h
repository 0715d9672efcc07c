/*
 * Rules with a start date (pki.md 1.3, PK-2): the one table of dates.  No
 * other file tests one.  Each counts from 00:00:00 UTC of its day.
 */
#ifndef PKI_EFFECTIVE_H
#define PKI_EFFECTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;

enum effective_rule {
	EFFECTIVE_NO_LEGACY,
	EFFECTIVE_LINTING,
	EFFECTIVE_CAA_DNSSEC,
	EFFECTIVE_PERSPECTIVES_3,
	EFFECTIVE_PERSPECTIVES_4,
	EFFECTIVE_CA_EKU,
	EFFECTIVE_NO_SHA1,
	EFFECTIVE_CA_RSA_4096,
	EFFECTIVE_PERSPECTIVES_5,
	EFFECTIVE_RFC822_NAME,
	EFFECTIVE_ONLY_MAIL,
	EFFECTIVE_CA_ONE_PURPOSE,
	EFFECTIVE_ISSUER_RSA_3072,
	EFFECTIVE_COUNT
};

struct effective {
	int64_t from; /* first second */
	const char *day;
	const char *rule; /* a sentence for people */
	const char *source;
	/* What to do before; NULL where no configuration can violate it. */
	const char *advice;
};

/* Its row; never NULL. */
const struct effective *effective_find(enum effective_rule rule);

/* Does it hold at that moment? */
bool effective_at(enum effective_rule rule, int64_t when);

/* PK-142: of a certificate that begins at `not_before`, looked at now. */
bool effective_for(enum effective_rule rule, int64_t not_before, int64_t now);

/* PK-46: how many network perspectives must be asked at that moment. */
size_t effective_perspectives(int64_t when);

/* PK-3: so long before. */
#define EFFECTIVE_WARNING_SECS ((int64_t)90 * 86400)

/*
 * The rules that begin in the next ninety days and will refuse what this
 * configuration would issue: writes them to `out`, returns how many.
 */
size_t effective_upcoming(const struct conf *conf, int64_t now,
    const struct effective *out[EFFECTIVE_COUNT]);

#endif
