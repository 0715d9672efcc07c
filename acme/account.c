#include "config.h"

#include "acme/account.h"

#include <inttypes.h>
#include <string.h>

#include "acme/acme.h"
#include "acme/contact.h"
#include "acme/eab.h"
#include "acme/jwk.h"
#include "acme/limit.h"
#include "acme/problem.h"
#include "acme/response.h"
#include "acme/status.h"
#include "db/store_audit.h"
#include "db/store_key.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rnd.h"
#include "pki/weakkeys.h"

#define DETAIL_MAX 4096

int
account_check_status(
    struct job *j, const struct account *account, const char *what)
{
	enum account_status s = account_status(account);

	if (s == ACCOUNT_VALID)
		return 0;
	return job_fail_status(
	    j, ERR_UNAUTHORIZED, 401, "%s is %s", what, account_status_name(s));
}

/* AC-64: neither key nor addresses nor times. */
void
account_respond(const struct acme *a, struct job *j,
    const struct account *account, int status, struct response *resp)
{
	const char *url = acme_url(a, j, PATH_ACCOUNT, account->id);
	struct json_out o;

	response_object(resp, status, &o);
	json_member_str(
	    &o, "status", account_status_name(account_status(account)));
	json_key(&o, "contact");
	json_put_raw(&o, span_str(account->contact));
	if (account->tos_agreed_at != 0)
		json_member_bool(&o, "termsOfServiceAgreed", true);
	json_member_str(
	    &o, "orders", arena_printf(j->arena, "%s" PATH_ORDERS, url));
	if (account->eab != NULL) {
		json_key(&o, "externalAccountBinding");
		json_put_raw(&o, span_str(account->eab));
	}
	json_object_end(&o);
	response_header(resp, "Location", url);
}

/* AC-65: whoever has the key gets the account that it names. */
static int
respond_existing(const struct acme *a, struct job *j,
    const struct account *account, struct response *resp)
{
	if (account_check_status(
		j, account, "an account with this key exists and") < 0)
		return -1;
	account_respond(a, j, account, 200, resp);
	return 0;
}

void
account_explain_terms(const struct acme *a, struct job *j, const char *instance,
    struct response *resp)
{
	struct problem_extra *extra = arena_alloc(j->arena, sizeof(*extra));

	extra->instance = instance;
	extra->link = a->conf->tos_url;
	extra->link_rel = "terms-of-service";
	resp->problem = extra;
}

bool
account_has_agreed(const struct acme *a, const struct account *account)
{
	const struct conf *conf = a->conf;

	if (!conf->tos_binding || conf->tos_url == NULL)
		return true;
	return account->tos_url != NULL &&
	       strcmp(account->tos_url, conf->tos_url) == 0 &&
	       (conf->tos_sha256 == NULL ||
		   (account->tos_sha256 != NULL &&
		       strcmp(account->tos_sha256, conf->tos_sha256) == 0));
}

/* AC-68 */
static int
check_terms(const struct acme *a, struct job *j, const struct json *payload,
    struct response *resp)
{
	const char *tos_url = a->conf->tos_url;
	bool agreed = false;

	if (tos_url == NULL)
		return 0;
	if (json_get_bool(j, payload, "termsOfServiceAgreed", &agreed) < 0)
		return -1;
	if (agreed)
		return 0;
	account_explain_terms(a, j, tos_url, resp);
	return job_fail(j, ERR_USER_ACTION_REQUIRED,
	    "the terms of service must be agreed to");
}

/* AC-67: another request with this key may have been faster. */
static int
respond_faster(const struct acme *a, struct job *j, const char *thumbprint,
    struct response *resp)
{
	struct account other;
	int found;

	job_recover(j);
	found = store_account_by_thumbprint(j, thumbprint, &other);
	if (found < 0)
		return -1;
	if (found == 0)
		return job_fail(
		    j, ERR_CONFLICT, "the key is taken, but no account has it");
	return respond_existing(a, j, &other, resp);
}

/* AC-78: whoever comes second finds the key used, and has no account. */
static int
bind(struct job *j, const char *kid)
{
	if (kid == NULL || store_eab_bind(j, kid) == 0)
		return 0;
	if (j->err.kind != ERR_CONFLICT)
		return -1;
	job_recover(j);
	return eab_refuse(j);
}

static int
record(struct job *j, const struct account *account, const char *event,
    const char *name, const char *value)
{
	const char *object = arena_printf(j->arena, "account:%s", account->id);
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	if (value != NULL)
		json_member_str(&o, name, value);
	if (account->client_address != NULL)
		json_member_str(&o, "client", account->client_address);
	json_object_end(&o);
	return store_audit_add(j, object, event, object, "ok", b.p);
}

static int
insert(const struct acme *a, struct job *j, const struct account *account,
    struct response *resp)
{
	if (store_account_create(j, account) < 0)
		return j->err.kind == ERR_CONFLICT
			   ? respond_faster(a, j, account->thumbprint, resp)
			   : -1;
	if (bind(j, account->eab_kid) < 0 ||
	    record(j, account, "account created", "eab", account->eab_kid) < 0)
		return -1;
	account_respond(a, j, account, 201, resp);
	return 0;
}

int
account_check_key(
    const struct acme *a, struct job *j, const struct jwk *key, const char *id)
{
	uint8_t hash[SHA256_LEN] = { 0 }, bare[SHA256_LEN] = { 0 };
	struct span spki = span_mem(hash, sizeof(hash));
	const struct key_hash both = { spki, span_mem(bare, sizeof(bare)) };
	int found;

	if (jwk_spki_sha256(j, key, hash, bare) < 0)
		return -1;
	/* PK-74: everybody can sign for the account. */
	found = weakkeys_has_bare(a->weak_keys, bare)
		    ? 1
		    : store_key_is_blocked(j, &both, id);
	if (found > 0)
		return job_fail(j, ERR_BAD_PUBLIC_KEY,
		    "the key is known to be compromised");
	if (found == 0)
		found = store_key_in_certificate(j, &both);
	if (found > 0)
		return job_fail(
		    j, ERR_BAD_PUBLIC_KEY, "the key is in a certificate");
	return found;
}

/* AC-182 */
static int
take_limits(const struct acme *a, struct job *j, const struct request *req,
    struct response *resp)
{
	struct limits l;

	limits_init(&l, j, &a->conf->limits);
	limits_add_account(&l, req->client_address);
	return limits_take(&l, resp);
}

static int
check_binding(struct acme *a, struct job *j, const struct request *req,
    struct account *account)
{
	struct eab_key key;
	int found = eab_verify(a, j, req->payload, req->jwk, &key);

	if (found <= 0)
		return found;
	account->eab_kid = key.kid;
	account->eab =
	    json_dup(j, json_get(req->payload, "externalAccountBinding"));
	return 0;
}

int
account_create(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	const char *thumbprint = jwk_thumbprint(req->jwk);
	char id[RND_ID_LEN + 1];
	struct account account;
	bool only_existing = false;
	int found;

	/* AC-65, AC-66: before anything else of the payload is looked at. */
	found = store_account_by_thumbprint(j, thumbprint, &account);
	if (found < 0)
		return -1;
	if (found > 0)
		return respond_existing(a, j, &account, resp);
	if (json_get_bool(
		j, req->payload, "onlyReturnExisting", &only_existing) < 0)
		return -1;
	if (only_existing)
		return job_fail(
		    j, ERR_ACCOUNT_DOES_NOT_EXIST, "no account with this key");

	account = (struct account){
		.thumbprint = thumbprint,
		.jwk = jwk_canonical(req->jwk),
		.contact = "[]",
		.client_address = req->client_address,
		.created_at = j->now,
	};
	if (account_check_key(a, j, req->jwk, NULL) < 0 ||
	    check_terms(a, j, req->payload, resp) < 0 ||
	    contact_parse(j, req->payload, resp, &account.contact) < 0 ||
	    check_binding(a, j, req, &account) < 0)
		return -1;
	if (take_limits(a, j, req, resp) < 0)
		return -1;
	if (a->conf->tos_url != NULL) {
		account.tos_agreed_at = j->now;
		account.tos_url = a->conf->tos_url;
		account.tos_sha256 = a->conf->tos_sha256;
	}
	rnd_id(id);
	account.id = id;
	return insert(a, j, &account, resp);
}

/* --- AC-71, AC-73 --------------------------------------------------------- */

int
account_check_own(struct job *j, const struct request *req)
{
	if (strcmp(req->id, req->account->id) == 0)
		return 0;
	return job_fail_status(j, ERR_UNAUTHORIZED, 403,
	    "this account URL belongs to another account");
}

static int
read_status(struct job *j, const struct json *payload, bool *deactivate)
{
	struct span status;
	int found = json_get_string(j, payload, "status", &status);

	if (found <= 0)
		return found;
	*deactivate = span_eq_str(status, "deactivated");
	if (*deactivate || span_eq_str(status, "valid")) /* L-10 */
		return 0;
	return job_fail(
	    j, ERR_MALFORMED, "status can only be set to deactivated");
}

static int
end_account(struct job *j, struct account *account)
{
	int64_t ended;

	if (store_account_deactivate(j, account->id, &ended) < 0)
		return -1;
	account->deactivated_at = j->now;
	return record(j, account, "account deactivated", "authorizations",
	    arena_printf(j->arena, "%" PRId64, ended));
}

static int
update(struct job *j, const struct json *payload, struct account *account,
    struct response *resp)
{
	bool deactivate = false;
	int found;

	if (read_status(j, payload, &deactivate) < 0)
		return -1;
	if (deactivate)
		return end_account(j, account);
	found = contact_parse(j, payload, resp, &account->contact);
	if (found <= 0)
		return found;
	return store_account_set_contact(j, account->id, account->contact);
}

int
account_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct account account = *req->account;

	if (account_check_own(j, req) < 0)
		return -1;
	if (req->payload != NULL && update(j, req->payload, &account, resp) < 0)
		return -1;
	account_respond(a, j, &account, 200, resp);
	return 0;
}
