#include "config.h"

#include "acme/keyowner.h"
#include "acme/stop.h"
#include "db/store_account.h"
#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_destroyed.h"
#include "db/store_key.h"
#include "db/store_order.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/seal.h"
#include "pki/csr.h"
#include "pki/issue.h"
#include "src/evidence.h"
#include "src/own_keys.h"
#include "src/relied.h"
#include "src/role_issuer.h"
#include "src/worker.h"

void
issuer_mailboxes(struct job *j, const struct order *o, const char *const **out)
{
	const char **list =
	    arena_calloc(j->arena, o->identifier_count, sizeof(*list));

	for (size_t i = 0; i < o->identifier_count; i++)
		list[i] = o->identifiers[i].authz.mailbox;
	*out = list;
}

/* The request again, from its raw bytes, against the order (PK-56) and its
 * profile (AC-138). */
int
issuer_check_csr(const struct issuer *i, struct job *j, const struct order *o,
    const struct profile *profile, struct csr *csr)
{
	struct csr_policy policy = {
		.mailbox_count = o->identifier_count,
		.ignore_dns_mailboxes = j->conf->compat_dns_mailbox,
		.addr = { .utf8_local = j->conf->utf8_mailboxes,
		    .is_public = j->conf->mode == CONF_MODE_PUBLIC,
		    .reserved_domains = j->conf->allow_reserved_domains },
		.profile = profile,
		.weak_keys = i->weak_keys,
	};

	issuer_mailboxes(j, o, &policy.mailboxes);
	return csr_parse(j, o->csr, &policy, csr);
}

#define EVIDENCE_MAX ((size_t)256 * 1024)

const char *
issuer_evidence(const struct issuer *i, struct job *j, const struct order *o,
    const struct cert *c, const struct relied_list *relied)
{
	uint8_t seal[SEAL_LEN], reservation[SEAL_LEN];
	struct json_out w;
	struct buf b;

	evidence_seal_tbs(i->seal, c, seal);
	evidence_seal_reservation(i->seal, c, reservation);
	buf_init(&b, j->arena, EVIDENCE_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_key(&w, "authorizations");
	json_array_begin(&w);
	for (size_t k = 0; k < o->identifier_count; k++)
		json_put_string(&w, span_str(o->identifiers[k].authz.id));
	json_array_end(&w);
	if (relied != NULL)
		relied_put(&w, j, i->seal, o->id, relied);
	json_member_str(
	    &w, "seal", hex_dup(j->arena, span_mem(seal, sizeof(seal))));
	json_member_str(&w, "reservation_seal",
	    hex_dup(j->arena, span_mem(reservation, sizeof(reservation))));
	json_object_end(&w);
	return b.p;
}

/* PK-45: asked before a serial is taken, and again before the signature. */
int
issuer_check_stop(const struct issuer *i, struct job *j, const struct order *o)
{
	struct stop s;
	int found = stop_find(j, o, ca_key_label(i->ca), &s);

	if (found > 0)
		return job_fail(j, ERR_ISSUANCE_STOPPED,
		    "issuance is stopped (%s %s)", s.scope, s.value);
	return found;
}

int
issuer_check_urls(struct issuer *i, struct job *j)
{
	const char *url;
	int missing = i->urls_answered ? 0 : urls_missing(j, &i->urls, &url);

	if (missing == 0)
		i->urls_answered = true;
	if (missing > 0)
		return job_fail(j, ERR_ISSUANCE_STOPPED,
		    "nobody has seen %s answered: countersign ca check-urls "
		    "(PK-133)",
		    url);
	return missing;
}

/* PK-65: an account key of now or before, or one of this installation's. */
static int
is_other_key(const struct issuer *i, struct job *j, const struct csr *csr,
    const struct key_hash *key)
{
	const char *thumbprint = csr_jwk_thumbprint(j, csr);
	struct account account;
	int found;

	if (ca_has_key(i->ca, csr->spki))
		return 1;
	found = own_keys_have(j, i->own_keys, key);
	if (found != 0)
		return found;
	found = store_account_by_thumbprint(j, thumbprint, &account);
	return found != 0 ? found : store_account_had_key(j, NULL, thumbprint);
}

/* AC-44, PK-65, PK-181: asked again where a serial is about to be taken, since
 * the key may have been revoked for compromise, or become an account's, after
 * the CSR came. */
int
issuer_check_key(const struct issuer *i, struct job *j, const struct order *o,
    const struct csr *csr)
{
	const struct key_hash key = { span_mem(csr->spki_sha256, SHA256_LEN),
		span_mem(csr->bare_sha256, SHA256_LEN) };
	int blocked = store_key_is_blocked(j, &key, o->account_id);
	int other = blocked == 0 ? is_other_key(i, j, csr, &key) : 0;

	if (other > 0)
		return job_fail(j, ERR_BAD_CSR,
		    "the key is that of an account, of a CA or of an OCSP "
		    "responder");
	if (other < 0)
		return -1;
	if (blocked > 0)
		return job_fail(
		    j, ERR_BAD_CSR, "the key is known to be compromised");
	return blocked < 0 ? -1 : key_check_owner(j, j->conf, o, csr);
}

/* PK-139: each use of an allowance. */
int
issuer_record_allowed(struct job *j, const struct order *o, const char *allowed)
{
	if (allowed == NULL)
		return 0;
	log_warning("lint allowed", "order=%s lints=\"%s\"", o->id, allowed);
	return store_audit_add(j, "issuer", "lint allowed",
	    arena_printf(j->arena, "order:%s", o->id), "ok",
	    worker_detail(j, "lints", allowed));
}

/* PK-207: destroyed, or about to be: the copy in this process signs nothing
 * either. */
int
issuer_check_key_is_there(const struct issuer *i, struct job *j)
{
	int gone =
	    i->key_sha256.n == 0 ? 0 : store_destroyed_is(j, i->key_sha256);

	if (gone == 1)
		return job_fail(j, ERR_REFUSED,
		    "the CA's key %s is on record as destroyed: end "
		    "countersignd, or give it another CA",
		    ca_key_label(i->ca));
	return gone;
}
