#include "config.h"

#include "acme/revoke.h"

#include <inttypes.h>
#include <string.h>

#include "acme/acme.h"
#include "acme/jwk.h"
#include "acme/report.h"
#include "db/store_account.h"
#include "db/store_audit.h"
#include "db/store_authz.h"
#include "db/store_cert.h"
#include "db/store_handoff.h"
#include "db/store_incident.h"
#include "db/store_key.h"
#include "db/store_key_sweep.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "pki/issue.h"

#define DETAIL_MAX 1024

/* --- what the request says ------------------------------------------------ */

struct asked {
	struct span der;
	int64_t reason; /* of any value, or 0 */
};

/* AC-152 */
static int
parse(struct job *j, const struct json *payload, struct asked *out)
{
	struct span text = { NULL, 0 };

	*out = (struct asked){ .reason = 0 };
	if (json_get_string(j, payload, "certificate", &text) < 0)
		return -1;
	if (text.n == 0 || b64url_parse(j->arena, text, &out->der) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "certificate is not base64url: it is the DER, without PEM "
		    "lines, padding or line ends");
	return json_get_integer(j, payload, "reason", &out->reason) < 0 ? -1
									: 0;
}

/* AC-153: one that only looks like ours revokes nothing. */
static int
find(struct job *j, struct span der, struct cert *out)
{
	uint8_t sum[SHA256_LEN];
	int found;

	sha256(der, sum);
	found = store_cert_by_sha256(j, span_mem(sum, sizeof(sum)), out);
	if (found < 0)
		return -1;
	if (found == 0 || !span_eq(out->der, der))
		return job_fail_status(
		    j, ERR_MALFORMED, 404, "no such certificate");
	return 0;
}

/* --- who may (AC-154, PK-178) --------------------------------------------- */

/* 1 if the account holds a valid authorization for every address. */
static int
holds_all_mailboxes(
    struct job *j, const struct account *account, const struct cert *c)
{
	struct cert_facts facts;
	struct authz z;

	if (cert_facts(j, c->der, &facts) < 0)
		return -1;
	for (size_t i = 0; i < facts.mailbox_count; i++) {
		int found = store_authz_reusable(
		    j, account->id, facts.mailboxes[i], NULL, j->now + 1, &z);

		if (found <= 0)
			return found;
	}
	return facts.mailbox_count > 0;
}

static int
has_authority(struct job *j, const struct request *req, const struct cert *c)
{
	if (req->account == NULL)
		return jwk_is_of_certificate(j, req->jwk, c->der);
	if (strcmp(c->account_id, req->account->id) == 0)
		return 1;
	return holds_all_mailboxes(j, req->account, c);
}

/* Before anything about the certificate is told. */
static int
check_authority(struct job *j, const struct request *req, const struct cert *c)
{
	int result = has_authority(j, req, c);

	if (result == 0)
		return job_fail_status(j, ERR_UNAUTHORIZED, 403,
		    "not authorized to revoke this certificate");
	return result < 0 ? -1 : 0;
}

/* AC-156, PK-179 */
static int
check_reason(struct job *j, int64_t reason)
{
	static const int64_t allowed[] = { 0, 1, 3, 4, 5 };

	for (size_t i = 0; i < COUNT(allowed); i++) {
		if (reason == allowed[i])
			return 0;
	}
	return job_fail(j, ERR_BAD_REVOCATION_REASON,
	    "allowed reason codes: 0, 1, 3, 4, 5");
}

/* --- what is done --------------------------------------------------------- */

/* The request itself is in the certificate's row; here is its hash, since a
 * second request can replace it (AC-157). */
static int
record(struct job *j, const char *order_id, const char *serial,
    const struct revocation *r)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "serial", serial);
	json_member_int(&o, "reason", r->reason);
	if (r->request.n > 0)
		json_member_sha256(&o, "request_sha256", r->request);
	json_object_end(&o);
	return store_audit_add(j, r->by, "certificate revoked",
	    arena_printf(j->arena, "order:%s", order_id), "ok", b.p);
}

int
revoke_certificate(struct job *j, const struct cert *c,
    const struct revocation *r, bool may_change_reason)
{
	int changed = store_revoke_cert(j, c->id, r);

	if (changed == 0 && may_change_reason)
		changed = store_revoke_for_compromise(j, c->id, r);
	if (changed > 0 && record(j, c->order_id, c->serial, r) < 0)
		return -1;
	return changed;
}

static int
record_all(struct job *j, const struct revoked_cert *list, size_t count,
    const struct revocation *r)
{
	for (size_t i = 0; i < count; i++) {
		if (record(j, list[i].order_id, list[i].serial, r) < 0)
			return -1;
	}
	return 0;
}

/* A bite: every other role waits while it is written. */
static int
bite(struct job *j, const struct key_hash *key, const struct revocation *r,
    size_t *count)
{
	struct revoked_cert *list;

	return store_revoke_by_key(j, key, r, REVOKE_BITE, &list, count) < 0
		   ? -1
		   : record_all(j, list, *count, r);
}

/* The first ones here; the issuer, which is at it already, gets no help: two
 * would wait for each other's rows. */
static int
begin_key(struct job *j, const struct key_hash *key, const struct revocation *r,
    struct revoked_sum *sum)
{
	int under_way = store_key_sweep_has(j, key), left;

	*sum = (struct revoked_sum){ .goes_on = under_way > 0 };
	if (under_way != 0)
		return under_way < 0 ? -1 : 0;
	if (bite(j, key, r, &sum->count) < 0)
		return -1;
	left = store_key_is_certified(j, key);
	sum->goes_on = left > 0;
	return left > 0 ? store_key_sweep_add(j, key, r) : left;
}

const char *
revoked_sum_text(struct job *j, const struct revoked_sum *s)
{
	return arena_printf(j->arena, "%zu%s", s->count,
	    s->goes_on ? ", and the issuer goes on with the others" : "");
}

int
revoke_key(struct job *j, const struct key_hash *key,
    const struct revocation *r, const char *source, struct revoked_sum *sum)
{
	/* First the key: what is signed from now on sees it. */
	if (store_key_block(j, key, NULL, source) < 0 ||
	    begin_key(j, key, r, sum) < 0)
		return -1;
	return store_audit_add(j, r->by, "key blocked",
	    arena_printf(
		j->arena, "key:%s", hex_dup(j->arena, key->spki_sha256)),
	    "ok", NULL);
}

int
revoke_key_sweep(struct job *j)
{
	struct key_sweep s;
	struct revocation r = { .reason = REASON_KEY_COMPROMISE };
	size_t count;
	int found = store_key_sweep_take(j, &s), left;

	if (found <= 0)
		return found;
	r.by = s.by;
	r.request = s.request;
	if (bite(j, &s.key, &r, &count) < 0)
		return -1;
	/* Not by the count: others may have had some of them, or have them. */
	left = store_key_is_certified(j, &s.key);
	if (left < 0 || (left == 0 && store_key_sweep_end(j, s.id) < 0))
		return -1;
	return count > 0 || left == 0;
}

int
revoke_blocked(struct job *j, int64_t blocked_from, size_t max, size_t *count)
{
	const struct revocation r = { REASON_KEY_COMPROMISE, "issuer",
		{ NULL, 0 } };
	struct revoked_cert *list;

	return store_revoke_blocked(j, &r, blocked_from, max, &list, count) < 0
		   ? -1
		   : record_all(j, list, *count, &r);
}

int
revoke_incident(struct job *j, const struct incident *i, size_t max)
{
	const char *name = arena_printf(j->arena, "incident:%s", i->id);
	const struct revocation r = { i->reason, name, { NULL, 0 } };
	struct revoked_cert *list;
	int64_t taken;
	size_t count;
	int left =
	    store_incident_revoke(j, i->id, &r, max, &taken, &list, &count);

	if (left < 0 || record_all(j, list, count, &r) < 0)
		return -1;
	return left == 1 && taken == 0 ? REVOKE_HELD : left;
}

/* PK-181: possession was not shown, so the key is barred for this account
 * alone, and a person must look at the others: a problem report. */
static int
bar_key(struct job *j, const struct request *req, const struct cert *c)
{
	const struct key_hash key = { c->spki_sha256, c->bare_sha256 };

	if (store_key_block(j, &key, req->account->id,
		arena_printf(j->arena, "reported with certificate %s", c->id)) <
	    0)
		return -1;
	return report_open_for_key(j, c, req->account->id);
}

/* Possession of the key was shown, by somebody who calls it compromised. */
static int
block_proven(struct job *j, const struct cert *c, const struct revocation *r)
{
	const struct key_hash key = { c->spki_sha256, c->bare_sha256 };
	struct revoked_sum sum;

	return revoke_key(j, &key, r,
	    arena_printf(j->arena, "revoked certificate %s", c->id), &sum);
}

/*
 * AC-157.  The proof that the key is compromised counts also where this
 * certificate has been revoked for that before, on the word of an account:
 * then the key is blocked although the answer is a refusal.
 */
static int
refuse_again(struct job *j, const struct cert *c, const struct revocation *r,
    bool is_proof)
{
	const struct key_hash key = { c->spki_sha256, c->bare_sha256 };
	int blocked = is_proof ? store_key_is_blocked(j, &key, NULL) : 1;

	if (blocked < 0 || (blocked == 0 && block_proven(j, c, r) < 0))
		return -1;
	j->keep = blocked == 0;
	return job_fail(
	    j, ERR_ALREADY_REVOKED, "the certificate is already revoked");
}

/*
 * PK-220: revoked is what the CA that issued it calls revoked.  The request
 * stays in its row and is carried there by the upstream role; whoever asks
 * again gets the answer.
 */
static int
not_yet(struct job *j, const struct cert *c)
{
	j->keep = true;
	j->wake |= 1u << ROLE_UPSTREAM;
	return job_fail(j, ERR_BUSY,
	    "the issuing CA has not confirmed the revocation of %s yet",
	    c->serial);
}

/* The same one asks again: 1 he has his answer now, 0 he has had it, or it was
 * somebody else; -1 (not yet). */
static int
answer_again(struct job *j, const struct cert *c, const struct revocation *r)
{
	bool confirmed, is_same = c->revoked_by != NULL &&
				  strcmp(c->revoked_by, r->by) == 0;
	int told = 0;

	if (store_withdrawal_confirmed(j, c->id, &confirmed) < 0)
		return -1;
	/* It has expired, and nobody asks that CA any more. */
	if (!confirmed && j->now > c->not_after)
		return 0;
	if (!confirmed)
		return not_yet(j, c);
	if (is_same)
		told = store_withdrawal_tell(j, c->id);
	return told;
}

static bool
is_of_another_ca(const struct acme *a, const struct cert *c)
{
	return a->conf->external.kind != CONF_EXTERNAL_NONE &&
	       a->chain.ca_label != NULL &&
	       strcmp(a->chain.ca_label, c->ca_label) == 0;
}

static int
revoke(const struct acme *a, struct job *j, const struct request *req,
    const struct cert *c, int64_t reason)
{
	struct revocation r = {
		.reason = reason,
		.by = req->account == NULL
			  ? "key"
			  : arena_printf(
				j->arena, "account:%s", req->account->id),
		.request = req->body,
	};
	bool compromised = reason == REASON_KEY_COMPROMISE;
	bool is_proof = compromised && req->account == NULL;
	bool is_foreign = is_of_another_ca(a, c);
	int changed = revoke_certificate(j, c, &r, is_proof);
	int result = 0;

	if (changed == 0 && is_foreign) {
		result = answer_again(j, c, &r);
		if (result != 0)
			return result < 0 ? -1 : 0;
	}
	if (changed < 0)
		return -1;
	if (changed == 0)
		return refuse_again(j, c, &r, is_proof);
	if (is_proof)
		result = block_proven(j, c, &r);
	else if (compromised)
		result = bar_key(j, req, c);
	if (result < 0)
		return -1;
	return is_foreign ? not_yet(j, c) : 0;
}

int
revoke_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct asked asked;
	struct cert cert;

	if (parse(j, req->payload, &asked) < 0 ||
	    find(j, asked.der, &cert) < 0 ||
	    check_authority(j, req, &cert) < 0 ||
	    check_reason(j, asked.reason) < 0)
		return -1;
	if (j->now > cert.not_after) /* AC-155 */
		return job_fail_status(
		    j, ERR_UNAUTHORIZED, 403, "the certificate has expired");
	if (revoke(a, j, req, &cert, asked.reason) < 0)
		return -1;
	resp->status = 200;
	return 0;
}

/* --- reasons, in words ---------------------------------------------------- */

/* PK-158, PK-179 */
static const struct {
	int64_t code;
	const char *name;
} reasons[] = {
	{ 0, "unspecified" },
	{ REASON_KEY_COMPROMISE, "keyCompromise" },
	{ 3, "affiliationChanged" },
	{ 4, "superseded" },
	{ 5, "cessationOfOperation" },
	{ 9, "privilegeWithdrawn" },
};

const char *
revoke_reason_name(int64_t reason)
{
	for (size_t i = 0; i < COUNT(reasons); i++) {
		if (reasons[i].code == reason)
			return reasons[i].name;
	}
	return NULL;
}
