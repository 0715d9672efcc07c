#include "config.h"

#include "acme/finalize.h"

#include "acme/acme.h"
#include "acme/eab.h"
#include "acme/keyowner.h"
#include "acme/limit.h"
#include "acme/offer.h"
#include "acme/order.h"
#include "acme/policy.h"
#include "acme/problem.h"
#include "acme/refusals.h"
#include "acme/replaces.h"
#include "acme/revoke.h"
#include "acme/status.h"
#include "acme/stop.h"
#include "db/store_audit.h"
#include "db/store_key.h"
#include "db/store_own_key.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/csr.h"
#include "pki/profile.h"

#define REFUSALS_MAX 20 /* AC-140 */
#define DETAIL_MAX 4096

/* AC-130, AC-141: the status is computed with the clock and with every
 * authorization, so nothing that has ended since can pass. */
static int
check_ready(struct job *j, const struct order *order)
{
	enum order_status s = order_status(order, j->now);

	if (s == ORDER_READY)
		return 0;
	return job_fail(
	    j, ERR_ORDER_NOT_READY, "the order is %s", order_status_name(s));
}

/* AC-131 */
int
finalize_csr(struct job *j, const struct json *payload, struct span *der)
{
	const struct json *csr = json_get(payload, "csr");

	if (json_type(csr) != JSON_T_STRING || json_string(csr).n == 0 ||
	    b64url_parse(j->arena, json_string(csr), der) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "csr is not base64url: it is the DER, without PEM lines, "
		    "padding or line ends");
	return 0;
}

/* AC-142; what a later version took is not offered by this one. */
static int
check_profile(struct job *j, const struct conf *conf, const struct order *order,
    const struct profile **out)
{
	*out = profile_find(conf, span_str(order->profile));
	if (*out != NULL && !profile_is_stopped(conf, order->profile))
		return 0;
	return job_fail(j, ERR_INVALID_PROFILE,
	    "profile %s is no longer offered", order->profile);
}

/* PK-133: asked until all of them were answered once.  1, 0, -1. */
static int
lacks_url(struct acme *a, struct job *j)
{
	const char *url;
	int missing;

	if (atomic_load(&a->urls_answered))
		return 0;
	missing = urls_missing(j, &a->chain.urls, &url);
	if (missing == 0)
		atomic_store(&a->urls_answered, true);
	return missing;
}

/* PK-45: the order stays ready, and what was stopped is the operator's to
 * tell. */
static int
check_stop(struct acme *a, struct job *j, const struct order *order,
    struct response *resp)
{
	struct problem_extra *extra;
	struct stop stop;
	int found = stop_find(j, order, a->chain.ca_label, &stop);

	if (found == 0)
		found = lacks_url(a, j);
	if (found <= 0)
		return found;
	extra = arena_calloc(j->arena, 1, sizeof(*extra));
	extra->retry_after = STOP_RETRY_AFTER;
	resp->problem = extra;
	return job_fail(j, ERR_ISSUANCE_STOPPED,
	    "no certificates are issued for this order at the moment");
}

/*
 * PK-72 to PK-74: everybody can have the private key, so that nobody's
 * possession need be shown, and what has the key must go as if it were
 * (PK-181).  The refusal stays what it is; count_refusal()
 * keeps the row, and ends the order before many can be written.
 */
static int
block_weak(struct job *j, const struct order *order, const struct csr *csr)
{
	struct err why = j->err;
	const struct key_hash key = { span_mem(csr->spki_sha256, SHA256_LEN),
		span_mem(csr->bare_sha256, SHA256_LEN) };
	const struct revocation r = { REASON_KEY_COMPROMISE,
		role_name(ROLE_WEB), { NULL, 0 } };
	struct revoked_sum sum;
	int known;

	job_recover(j);
	known = store_key_is_blocked(j, &key, NULL);
	if (known < 0)
		return -1;
	if (known == 0 &&
	    revoke_key(j, &key, &r,
		arena_printf(j->arena, "weak, in order %s", order->id),
		&sum) < 0)
		return -1;
	return job_fail(j, why.kind, "%s", why.text);
}

/* AC-135, PK-65: of any account, now or before, or of this installation. */
static int
check_not_ours(struct job *j, const struct csr *csr, const struct key_hash *key)
{
	const char *thumbprint = csr_jwk_thumbprint(j, csr);
	struct account account;
	int found;

	if (thumbprint[0] == '\0')
		return job_fail(j, ERR_INTERNAL,
		    "the key of an accepted CSR has no thumbprint");
	found = store_account_by_thumbprint(j, thumbprint, &account);
	if (found == 0)
		found = store_account_had_key(j, NULL, thumbprint);
	if (found > 0)
		return job_fail(j, ERR_BAD_CSR, "the CSR uses an account key");
	if (found == 0)
		found = store_own_key_is(j, key);
	if (found > 0)
		return job_fail(j, ERR_BAD_CSR,
		    "the CSR uses the key of a CA or of an OCSP responder");
	return found;
}

/* What the database knows of the key. */
static int
check_key_is_free(struct job *j, const struct conf *conf,
    const struct order *order, const struct csr *csr)
{
	const struct key_hash key = { span_mem(csr->spki_sha256, SHA256_LEN),
		span_mem(csr->bare_sha256, SHA256_LEN) };
	int blocked;

	if (check_not_ours(j, csr, &key) < 0)
		return -1;
	/* AC-44 */
	blocked = store_key_is_blocked(j, &key, order->account_id);
	if (blocked > 0)
		return job_fail(
		    j, ERR_BAD_CSR, "the key is known to be compromised");
	return blocked < 0 ? -1 : key_check_owner(j, conf, order, csr);
}

/* PK-58, RFC 8555 6.7.1: one subproblem for each; what is missing is named as
 * the order names it. */
static int
refuse_names(struct job *j, const struct order *order,
    const struct csr_faults *faults, struct response *resp)
{
	const char *all = arena_strdup(j->arena, j->err.text);
	struct refusals r;

	job_recover(j);
	refusals_init(&r, j);
	for (size_t i = 0; i < faults->count && i < CSR_FAULTS_MAX; i++) {
		const struct csr_fault *f = &faults->list[i];
		struct span type = span_str(f->type == NULL ? "" : f->type);
		struct span value = f->value;

		if (f->missing != CSR_FAULT_STRAY) {
			const struct order_identifier *o =
			    &order->identifiers[f->missing];

			type = span_str(o->type);
			value = span_str(o->value);
		}
		job_fail(j, ERR_BAD_CSR, "%s", f->text);
		refusals_add(&r, j, type.n > 0 ? &type : NULL, &value);
	}
	return refusals_end(&r, j, resp, all);
}

/* AC-132 to AC-139 */
static int
check_csr(struct acme *a, struct job *j, const struct order *order,
    const struct profile *profile, struct span der, struct response *resp)
{
	const struct conf *conf = a->conf;
	const char **mailboxes =
	    arena_calloc(j->arena, order->identifier_count, sizeof(*mailboxes));
	struct csr_policy policy = {
		.mailboxes = mailboxes,
		.mailbox_count = order->identifier_count,
		.ignore_dns_mailboxes = conf->compat_dns_mailbox,
		.addr = policy_addr(conf),
		.profile = profile,
		.weak_keys = a->weak_keys,
	};
	struct csr csr;

	for (size_t i = 0; i < order->identifier_count; i++)
		mailboxes[i] = order->identifiers[i].authz.mailbox;
	if (csr_parse(j, der, &policy, &csr) < 0) {
		if (csr.faults.count > 0)
			return refuse_names(j, order, &csr.faults, resp);
		return csr.key_is_compromised ? block_weak(j, order, &csr) : -1;
	}
	return check_key_is_free(j, conf, order, &csr);
}

static int
end_order(struct job *j, const struct order *order, const struct err *why)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "reason", why->text);
	json_object_end(&o);
	if (store_order_fail(
		j, order->id, problem_format(j, why->kind, why->text)) < 0)
		return -1;
	return store_audit_add(j, role_name(ROLE_WEB), "order rejected",
	    arena_printf(j->arena, "order:%s", order->id),
	    err_kind_name(why->kind), buf_ok(&b) ? b.p : NULL);
}

/* AC-140: a refused request is counted although the answer is a refusal. */
static int
count_refusal(struct job *j, const struct order *order)
{
	struct err why = j->err;
	int64_t count;

	job_recover(j);
	if (store_order_csr_refused(j, order->id, &count) < 0)
		return -1;
	if (count >= REFUSALS_MAX && end_order(j, order, &why) < 0)
		return -1;
	j->keep = true;
	return job_fail(j, why.kind, "%s", why.text);
}

/* AC-172: it was when the order came that the time had come. */
static int
is_renewal(struct job *j, const struct order *order)
{
	struct cert cert;
	int found;

	if (order->replaces_cert_id == NULL)
		return 0;
	found = store_cert_by_id(j, order->replaces_cert_id, NULL, &cert);
	if (found > 0)
		found = replaces_is_due(j, &cert, order->created_at);
	return found;
}

/* AC-188: the order stays ready until there is room. */
static int
take_limits(struct job *j, const struct conf_limits *server,
    const struct account *account, const struct order *order,
    struct response *resp)
{
	struct account_rights rights;
	struct limits l;
	int renewal = is_renewal(j, order);

	if (renewal != 0)
		return renewal < 0 ? -1 : 0;
	if (eab_rights(j, account, &rights) < 0)
		return -1;
	limits_init(&l, j, limits_of_account(j, server, rights.limits));
	for (size_t i = 0; i < order->identifier_count; i++)
		limits_add_certificate(&l, order->identifiers[i].authz.mailbox);
	return limits_take(&l, resp);
}

/* The request is kept with its CSR: it proves to the issuer whose CSR it is.
 * Another finalize may have been faster (AC-143). */
static int
accept_csr(
    struct job *j, const struct order *order, struct span der, struct span body)
{
	if (store_order_finalize(j, order->id, der, body) == 0)
		return 0;
	if (j->err.kind != ERR_CONFLICT)
		return -1;
	job_recover(j);
	return job_fail(j, ERR_ORDER_NOT_READY, "the order is processing");
}

int
order_finalize(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	const struct profile *profile;
	struct order order;
	struct span der = { NULL, 0 };

	if (order_find(j, req, &order) < 0 || check_ready(j, &order) < 0 ||
	    check_stop(a, j, &order, resp) < 0 ||
	    finalize_csr(j, req->payload, &der) < 0 ||
	    check_profile(j, a->conf, &order, &profile) < 0)
		return -1;
	if (check_csr(a, j, &order, profile, der, resp) < 0)
		return j->err.kind == ERR_BAD_CSR ? count_refusal(j, &order)
						  : -1;
	if (take_limits(j, &a->conf->limits, req->account, &order, resp) < 0 ||
	    accept_csr(j, &order, der, req->body) < 0 ||
	    order_find(j, req, &order) < 0)
		return -1;
	order_respond(a, j, &order, 200, resp);
	return 0;
}
