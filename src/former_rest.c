#include "config.h"

#include "src/former_rest.h"

#include "db/store_crl.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"

#include <inttypes.h>

int
former_rest(struct job *j, const char *ca_label, const struct conf_issuer *c,
    struct former_rest *out)
{
	*out = (struct former_rest){ .list_end = INT64_MAX };
	for (int64_t s = 0; s < c->crl_shards; s++) {
		struct crl last;
		int found = store_crl_head(j, ca_label, s, &last);

		if (found < 0)
			return -1;
		if (found == 0)
			out->list_end = 0;
		else if (last.next_update < out->list_end)
			out->list_end = last.next_update;
	}
	if (store_crl_unlisted(j, ca_label, &out->unlisted) < 0)
		return -1;
	return store_cert_last_end(j, ca_label, &out->cert_end);
}

const char *
former_rest_problem(struct job *j, const struct former_rest *r)
{
	char list[CLOCK_RFC3339_MAX], cert[CLOCK_RFC3339_MAX];

	if (r->cert_end < j->now ||
	    (r->cert_end <= r->list_end && r->unlisted == 0))
		return NULL;
	clock_format_rfc3339(r->list_end, list);
	clock_format_rfc3339(r->cert_end, cert);
	return arena_printf(j->arena,
	    "its key was destroyed and its last list %s at %s, while "
	    "certificates of it are valid until %s%s: have them replaced, and "
	    "its own certificate revoked by the CA above (countersign ca "
	    "root-crl --revoke)",
	    r->list_end > j->now ? "ends" : "ended", list, cert,
	    r->unlisted == 0
		? ""
		: arena_printf(j->arena,
		      " and %" PRId64 " revoked since that list %s on none",
		      r->unlisted, r->unlisted == 1 ? "is" : "are"));
}
