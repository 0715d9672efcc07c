#include "config.h"

#include "src/ca_life.h"

#include <inttypes.h>

#include "acme/offer.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "pki/profile.h"

#define DAY INT64_C(86400)

/* Of the profiles that are offered. */
static int64_t
longest_days(const struct conf *conf)
{
	int64_t longest = 0;
	const char *name;

	for (size_t i = 0; (name = profile_offered(conf, i)) != NULL; i++) {
		int64_t days =
		    profile_days(conf, profile_find(conf, span_str(name)));

		if (days > longest)
			longest = days;
	}
	return longest;
}

const char *
ca_life_advice(struct job *j, int64_t not_after, bool *is_over)
{
	const char *file = j->conf->issuer.ca_certificate;
	int64_t days = longest_days(j->conf);
	int64_t last = not_after - days * DAY; /* when one can be issued */

	*is_over = last <= j->now;
	if (*is_over)
		return arena_printf(j->arena,
		    "%s ends at %s, before a certificate of %" PRId64
		    " days would, and orders for one are refused: renew the "
		    "issuing CA (countersign ca) or lower validity_days",
		    file, clock_rfc3339(j->arena, not_after), days);
	if (last - j->now > CA_LIFE_WARN_SECS)
		return NULL;
	return arena_printf(j->arena,
	    "%s ends at %s: from %s on no certificate of %" PRId64
	    " days is issued; renew the issuing CA before (countersign ca)",
	    file, clock_rfc3339(j->arena, not_after),
	    clock_rfc3339(j->arena, last), days);
}
