#include "config.h"

#include "src/reserved.h"

#include "db/store_cert.h"
#include "db/store_order.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/certview.h"
#include "pki/csr.h"
#include "pki/effective.h"
#include "pki/key.h"
#include "src/evidence.h"
#include "src/role_issuer.h"
#include "src/status_proof.h"

#include <string.h>

/* notBefore is the moment of the reservation: after two days it would be a
 * date of the past that nobody asked for. */
#define AGE_MAX_SECS ((int64_t)48 * 3600)

static int
not_ours(struct job *j, const struct cert *c, const char *why)
{
	log_error("certificate row not ours",
	    "order=%s cert=%s error=\"%s\" next=\"find out who wrote the row; "
	    "nothing was signed\"",
	    c->order_id, c->id, why);
	return job_fail(j, ERR_UNAUTHORIZED, "%s", why);
}

/* The seal covers the contents; the columns beside them have to say the same,
 * since revocation and status go by them. */
static const char *
contradiction(const struct issuer *i, struct job *j, const struct order *o,
    const struct csr *csr, const struct cert *c)
{
	struct certview view;
	uint8_t spki[SHA256_LEN];

	if (certview_parse_tbs(c->tbs, &view) < 0)
		return "the contents cannot be read";
	sha256(view.spki, spki);
	if (!span_eq(c->spki_sha256, span_mem(spki, sizeof(spki))) ||
	    !span_eq(c->spki_sha256,
		span_mem(csr->spki_sha256, sizeof(csr->spki_sha256))))
		return "the row is about another key";
	if (c->not_before != view.not_before || c->not_after != view.not_after)
		return "the row has another validity than the contents";
	if (strcmp(c->account_id, o->account_id) != 0)
		return "the row belongs to another account";
	if (strcmp(c->profile, o->profile) != 0)
		return "the row is of another profile";
	if (strcmp(c->ca_label, ca_key_label(i->ca)) != 0)
		return "the row is of another CA";
	if (!status_names_shard(j, &j->conf->issuer, &view, c->shard))
		return "the contents name another revocation list";
	return NULL;
}

/* A rule that began since then: nothing of it was looked at. */
static bool
rules_have_changed(const struct job *j, const struct cert *c)
{
	for (int r = 0; r < EFFECTIVE_COUNT; r++) {
		if (effective_at((enum effective_rule)r, c->reserved_at) !=
		    effective_at((enum effective_rule)r, j->now))
			return true;
	}
	return strcmp(c->br_version, BR_VERSION) != 0;
}

static int
too_old(struct job *j, const struct cert *c, const char *why)
{
	log_warning("certificate reserved too long ago",
	    "order=%s serial=%s reason=\"%s\"", c->order_id, c->serial, why);
	return job_fail(j, ERR_UNAUTHORIZED,
	    "the number was reserved too long ago: %s", why);
}

/* Its age and its rules may be anybody's: it is given up, as one that is too
 * old.  Rows of an earlier version are met once, after an upgrade. */
static int
check_reservation(const struct issuer *i, struct job *j, const struct cert *c)
{
	if (evidence_reservation_is_sealed(i->seal, j, c))
		return 0;
	log_error("reservation not sealed",
	    "order=%s cert=%s next=\"if the number was reserved by an earlier "
	    "version, nothing: the client orders again; else find out who "
	    "wrote the row; nothing was signed\"",
	    c->order_id, c->id);
	return job_fail(j, ERR_UNAUTHORIZED,
	    "when the number was reserved, and by which rules, does not carry "
	    "the issuer's seal");
}

int
reserved_check(const struct issuer *i, struct job *j, const struct order *o,
    const struct csr *csr, const struct cert *c)
{
	const char *why = NULL;

	if (c->issued_at != 0)
		why = "the certificate of the order is there already";
	else if (c->revoked_at != 0)
		why = "the number was given up";
	else if (!evidence_row_is_sealed(i->seal, j, c))
		why = "the contents do not carry the issuer's seal";
	else
		why = contradiction(i, j, o, csr, c);
	if (why != NULL)
		return not_ours(j, c, why);
	if (check_reservation(i, j, c) < 0)
		return -1;
	if (c->reserved_at < j->now - AGE_MAX_SECS)
		return too_old(j, c, "two days have passed");
	if (c->not_after <= j->now)
		return too_old(j, c, "it would have expired");
	if (rules_have_changed(j, c))
		return too_old(j, c, "other rules hold today");
	return 0;
}
