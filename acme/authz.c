#include "config.h"

#include "acme/authz.h"

#include "acme/acme.h"
#include "acme/challenge.h"
#include "acme/eab.h"
#include "acme/identifier.h"
#include "acme/limit.h"
#include "acme/response.h"
#include "acme/status.h"
#include "acme/validation.h"
#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"

/* AC-101 with AC-88: the identifier letter for letter as it was sent. */
static void
respond(const struct acme *a, struct job *j, const struct authz *z, int status,
    struct response *resp)
{
	enum authz_status s = authz_status(z, j->now);
	struct json_out o;

	response_object(resp, status, &o);
	json_key(&o, "identifier");
	json_object_begin(&o);
	json_member_str(&o, "type", z->ident_type);
	json_member_str(&o, "value", z->ident_value);
	json_object_end(&o);
	json_member_str(&o, "status", authz_status_name(s));
	/* PK-5, also of one that is proven and not yet said to be valid. */
	json_member_time(&o, "expires",
	    s == AUTHZ_PENDING ? z->expires_at : authz_expires(z));
	json_key(&o, "challenges");
	json_array_begin(&o);
	challenge_put(a, j, z, &o);
	json_array_end(&o);
	json_object_end(&o);
	response_retry_after(resp, j, challenge_retry_after(z, j->now));
}

static int
record(struct job *j, const struct request *req, const char *event,
    const struct authz *z, const char *detail)
{
	return store_audit_add(j,
	    arena_printf(j->arena, "account:%s", req->account->id), event,
	    arena_printf(j->arena, "authz:%s", z->id), "ok", detail);
}

/* --- deactivation --------------------------------------------------------- */

/* AC-105: the one request that there can be; lego sends an authorization with
 * empty members around it (L-4). */
static int
check_payload(struct job *j, const struct json *payload)
{
	struct span status = { NULL, 0 };

	if (json_get_string(j, payload, "status", &status) < 0)
		return -1;
	if (span_eq_str(status, "deactivated"))
		return 0;
	return job_fail(
	    j, ERR_MALFORMED, "only status deactivated can be requested");
}

/* 1: it can be deactivated, 0: it is already, -1. */
static int
check_status(struct job *j, const struct authz *z)
{
	enum authz_status s = authz_status(z, j->now);

	switch (s) {
	case AUTHZ_DEACTIVATED:
		return 0;
	case AUTHZ_PENDING:
	case AUTHZ_VALID:
		return 1;
	case AUTHZ_INVALID:
	case AUTHZ_EXPIRED:
	case AUTHZ_REVOKED:
		break;
	}
	return job_fail(
	    j, ERR_MALFORMED, "the authorization is %s", authz_status_name(s));
}

/* The status is read again under the lock: a reply may come at the same
 * time. */
static int
deactivate(struct job *j, const struct request *req, struct authz *z)
{
	int result = check_status(j, z);

	if (result <= 0)
		return result;
	if (store_authz_lock(j, req->id, z) <= 0)
		return -1;
	result = check_status(j, z);
	if (result <= 0)
		return result;
	if (store_authz_deactivate(j, z) < 0 ||
	    record(j, req, "authorization deactivated", z, NULL) < 0)
		return -1;
	return store_authz_by_id(j, req->id, req->account->id, z) < 0 ? -1 : 0;
}

int
authz_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct authz z;
	int found = store_authz_by_id(j, req->id, req->account->id, &z);

	if (found < 0)
		return -1;
	if (found == 0)
		return job_fail_status(
		    j, ERR_MALFORMED, 404, "no such authorization");
	if (req->payload != NULL &&
	    (check_payload(j, req->payload) < 0 || deactivate(j, req, &z) < 0))
		return -1;
	respond(a, j, &z, 200, resp);
	return 0;
}

/* --- newAuthz ------------------------------------------------------------- */

/* PK-19, AC-178: the one record that names the mailbox. */
static int
record_new(struct job *j, const struct request *req, const struct authz *z)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, RESPONSE_BODY_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "mailbox", z->mailbox);
	if (req->client_address != NULL)
		json_member_str(&o, "client", req->client_address);
	json_object_end(&o);
	return record(j, req, "authorization requested", z, b.p);
}

/* The row of its own in orders that mail, language and life come from. */
static int
make(struct job *j, const struct conf *conf, const struct request *req,
    const struct identifier *id, struct order *order)
{
	*order = (struct order){
		.id = validation_id(j),
		.account_id = req->account->id,
		.profile = conf->profile,
		.language = validation_language(j, req->accept_language),
		.is_preauth = true,
		.created_at = j->now,
		.life_until = j->now + conf->order_life,
		.identifiers =
		    arena_calloc(j->arena, 1, sizeof(*order->identifiers)),
		.identifier_count = 1,
	};
	return validation_make(
	    j, conf, req->account, order, id, &order->identifiers[0]);
}

static int
take_limits(struct job *j, const struct conf_limits *conf,
    const struct request *req, const struct authz *z, struct response *resp)
{
	struct limits l;

	limits_init(&l, j, conf);
	limits_add_mail(&l, req->account->id, req->client_address, z->mailbox);
	return limits_take(&l, resp);
}

int
authz_create(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	const struct conf *conf = a->conf;
	struct account_rights rights;
	struct order_identifier *made;
	struct identifier id;
	struct order order;

	if (eab_rights(j, req->account, &rights) < 0 ||
	    identifier_parse_one(
		j, conf, rights.allow, req->payload, resp, &id) < 0 ||
	    make(j, conf, req, &id, &order) < 0)
		return -1;
	made = &order.identifiers[0];
	/* AC-106: the answer delivers token-part2, so the mail's row is in the
	 * same transaction, as that of an order (AC-117). */
	if (made->is_new &&
	    (take_limits(j, limits_of_account(j, &conf->limits, rights.limits),
		 req, &made->authz, resp) < 0 ||
		store_order_create(
		    j, &order, j->now + conf->challenge_mail_delay) < 0 ||
		record_new(j, req, &made->authz) < 0))
		return -1;
	respond(a, j, &made->authz, made->is_new ? 201 : 200, resp);
	response_header(
	    resp, "Location", acme_url(a, j, PATH_AUTHZ, made->authz.id));
	return 0;
}
