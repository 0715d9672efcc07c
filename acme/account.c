#include "config.h"

#include "acme/account.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/contact.h"
#include "acme/jwk.h"
#include "acme/problem.h"
#include "acme/response.h"
#include "acme/status.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rnd.h"

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
static void
respond(const struct acme *a, struct job *j, const struct account *account,
    int status, struct response *resp)
{
	struct json_out o;

	response_object(resp, status, &o);
	json_member_str(
	    &o, "status", account_status_name(account_status(account)));
	json_key(&o, "contact");
	json_put_raw(&o, span_str(account->contact));
	if (account->tos_agreed_at != 0)
		json_member_bool(&o, "termsOfServiceAgreed", true);
	json_object_end(&o);
	response_header(
	    resp, "Location", acme_url(a, j, PATH_ACCOUNT, account->id));
}

/* AC-65: whoever has the key gets the account that it names. */
static int
respond_existing(const struct acme *a, struct job *j,
    const struct account *account, struct response *resp)
{
	if (account_check_status(
		j, account, "an account with this key exists and") < 0)
		return -1;
	respond(a, j, account, 200, resp);
	return 0;
}

/* AC-68 */
static int
check_terms(struct job *j, const char *tos_url, const struct json *payload,
    struct response *resp)
{
	struct problem_extra *extra;
	bool agreed = false;

	if (tos_url == NULL)
		return 0;
	if (json_get_bool(j, payload, "termsOfServiceAgreed", &agreed) < 0)
		return -1;
	if (agreed)
		return 0;
	extra = arena_alloc(j->arena, sizeof(*extra));
	extra->instance = tos_url;
	extra->link = tos_url;
	extra->link_rel = "terms-of-service";
	resp->problem = extra;
	return job_fail(j, ERR_USER_ACTION_REQUIRED,
	    "the terms of service must be agreed to");
}

/* AC-67: another request with this key may have been faster. */
static int
insert(const struct acme *a, struct job *j, const struct account *account,
    struct response *resp)
{
	struct account other;
	int found;

	if (store_account_create(j, account) == 0) {
		respond(a, j, account, 201, resp);
		return 0;
	}
	if (j->err.kind != ERR_CONFLICT)
		return -1;
	job_recover(j);
	found = store_account_by_thumbprint(j, account->thumbprint, &other);
	if (found < 0)
		return -1;
	if (found == 0)
		return job_fail(
		    j, ERR_CONFLICT, "the key is taken, but no account has it");
	return respond_existing(a, j, &other, resp);
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
	if (check_terms(j, a->conf->tos_url, req->payload, resp) < 0 ||
	    contact_parse(j, req->payload, resp, &account.contact) < 0)
		return -1;
	if (a->conf->tos_url != NULL) {
		account.tos_agreed_at = j->now;
		account.tos_url = a->conf->tos_url;
	}
	rnd_id(id);
	account.id = id;
	return insert(a, j, &account, resp);
}

/* AC-71.  Deactivation is not offered, and is not passed over in silence. */
static int
check_requested_status(struct job *j, const struct json *payload)
{
	struct span status;
	int found = json_get_string(j, payload, "status", &status);

	if (found <= 0)
		return found;
	if (span_eq_str(status, "valid")) /* L-10 */
		return 0;
	if (span_eq_str(status, "deactivated"))
		return job_fail(j, ERR_MALFORMED,
		    "this server does not offer account deactivation");
	return job_fail(
	    j, ERR_MALFORMED, "status can only be set to deactivated");
}

int
account_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct account account = *req->account;
	int found;

	/* AC-176: without a look-up. */
	if (strcmp(req->id, account.id) != 0)
		return job_fail_status(j, ERR_UNAUTHORIZED, 403,
		    "this account URL belongs to another account");
	if (req->payload != NULL) {
		if (check_requested_status(j, req->payload) < 0)
			return -1;
		found = contact_parse(j, req->payload, resp, &account.contact);
		if (found < 0)
			return -1;
		if (found > 0 && store_account_set_contact(
				     j, account.id, account.contact) < 0)
			return -1;
	}
	respond(a, j, &account, 200, resp);
	return 0;
}
