#include "config.h"

#include "src/status_proof.h"

#include "db/store_cert.h"
#include "lib/conf.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/ca.h"
#include "pki/crl_lint.h"
#include "pki/issue.h"
#include "pki/oid.h"
#include "src/evidence.h"
#include "src/role_issuer.h"
#include "src/status_place.h"

#include <inttypes.h>
#include <string.h>

int
status_prove(const struct issuer *i, struct job *j, const struct cert *c,
    struct certview *out)
{
	bool proven = false;

	if (evidence_row_is_sealed(i->seal, j, c))
		proven = certview_parse_tbs(c->tbs, out) == 0;
	else if (c->der.n > 0)
		proven = certview_parse(c->der, out) == 0 &&
			 issue_is_ours(i->ca, c->der);
	if (proven && strcmp(hex_dup(j->arena, out->serial), c->serial) == 0)
		return 0;
	return job_fail(j, ERR_UNAUTHORIZED,
	    "the row of certificate %s carries neither the issuer's seal nor "
	    "its signature",
	    c->serial);
}

/* Under the number that these contents have, the only one that they prove. */
static bool
prove_as(const struct issuer *i, struct job *j, const struct cert *c,
    struct span serial, struct certview *out)
{
	struct cert as = *c;

	if (!crl_serial_is_proper(serial))
		return false;
	as.serial = hex_dup(j->arena, serial);
	if (status_prove(i, j, &as, out) == 0)
		return true;
	job_recover(j);
	return false;
}

int
status_prove_contents(const struct issuer *i, struct job *j,
    const struct cert *c, struct certview *out)
{
	struct certview view;

	if (certview_parse_tbs(c->tbs, &view) == 0 &&
	    prove_as(i, j, c, view.serial, out))
		return 1;
	return certview_parse(c->der, &view) == 0 &&
	       prove_as(i, j, c, view.serial, out);
}

bool
status_names_shard(struct job *j, const struct conf_issuer *ca,
    const struct certview *view, int64_t shard)
{
	const struct cert_extension *e =
	    certview_extension(view, OID_CRL_POINTS);
	struct span url;

	if (shard < 0 || shard >= CRL_SHARDS_MAX || e == NULL)
		return false;
	url = span_str(status_shard_url(j->arena, ca, shard));
	return e->value.n >= url.n &&
	       span_eq(span_mem(e->value.p + e->value.n - url.n, url.n), url);
}

int
status_reason(const char *serial, int64_t reason)
{
	if (reason >= 0 && reason < 256 &&
	    crl_reason_is_allowed((int)reason, CA_ROLE_ISSUING))
		return (int)reason;
	log_error("revocation without a proper reason",
	    "serial=%s reason=%" PRId64
	    " next=\"find out who wrote the row; it is published without a "
	    "reason\"",
	    serial, reason);
	return 0;
}
