#include "config.h"

#include "acme/order.h"

#include "acme/acme.h"
#include "acme/dates.h"
#include "acme/eab.h"
#include "acme/identifier.h"
#include "acme/limit.h"
#include "acme/offer.h"
#include "acme/problem.h"
#include "acme/replaces.h"
#include "acme/response.h"
#include "acme/status.h"
#include "acme/validation.h"
#include "db/store_audit.h"
#include "db/store_handoff.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/effective.h"
#include "pki/profile.h"

/* --- the object ----------------------------------------------------------- */

static void
add_identifiers(struct json_out *o, const struct order *order)
{
	json_key(o, "identifiers");
	json_array_begin(o);
	for (size_t i = 0; i < order->identifier_count; i++) {
		json_object_begin(o);
		json_member_str(o, "type", order->identifiers[i].type);
		json_member_str(o, "value", order->identifiers[i].value);
		json_object_end(o);
	}
	json_array_end(o);
}

static void
add_authorizations(struct json_out *o, const struct acme *a, struct job *j,
    const struct order *order)
{
	json_key(o, "authorizations");
	json_array_begin(o);
	for (size_t i = 0; i < order->identifier_count; i++) {
		const char *id = order->identifiers[i].authz.id;

		json_put_string(o, span_str(acme_url(a, j, PATH_AUTHZ, id)));
	}
	json_array_end(o);
}

/* AC-96: what ended the order: its own error, or that of a challenge. */
static const char *
order_error(struct job *j, const struct order *order)
{
	if (order->error != NULL)
		return order->error;
	for (size_t i = 0; i < order->identifier_count; i++) {
		const struct authz *z = &order->identifiers[i].authz;
		const struct deadline *missed;
		const char *error = challenge_error(z, j->now, &missed);

		if (missed != NULL)
			return problem_format(j, missed->kind, missed->text);
		if (error != NULL &&
		    challenge_status(z, j->now) == CHALLENGE_INVALID)
			return error;
	}
	return NULL;
}

/* PK-218: what another CA asks us to wait is what the client waits. */
static int64_t
retry_after(const struct acme *a, struct job *j, const struct order *order)
{
	int64_t usual = order_retry_after(order, j->now), secs;

	if (a->conf->external.kind == CONF_EXTERNAL_NONE ||
	    order_status(order, j->now) != ORDER_PROCESSING ||
	    store_handoff_retry_secs(j, order->id, &secs) <= 0) {
		job_recover(j);
		return usual;
	}
	return secs;
}

void
order_respond(const struct acme *a, struct job *j, const struct order *order,
    int status, struct response *resp)
{
	enum order_status s = order_status(order, j->now);
	const char *url = acme_url(a, j, PATH_ORDER, order->id);
	const char *error = s == ORDER_INVALID ? order_error(j, order) : NULL;
	struct json_out o;

	response_object(resp, status, &o);
	json_member_str(&o, "status", order_status_name(s));
	json_member_time(&o, "expires", order_expires(order, j->now));
	add_identifiers(&o, order);
	if (order->not_before != 0)
		json_member_time(&o, "notBefore", order->not_before);
	if (order->not_after != 0)
		json_member_time(&o, "notAfter", order->not_after);
	json_member_str(&o, "profile", order->profile);
	if (order->replaces != NULL)
		json_member_str(&o, "replaces", order->replaces);
	add_authorizations(&o, a, j, order);
	json_member_str(
	    &o, "finalize", arena_printf(j->arena, "%s" PATH_FINALIZE, url));
	if (s == ORDER_VALID)
		json_member_str(&o, "certificate",
		    acme_url(a, j, PATH_CERTIFICATE, order->cert_id));
	if (error != NULL) {
		json_key(&o, "error");
		json_put_raw(&o, span_str(error));
	}
	json_object_end(&o);
	response_header(resp, "Location", url);
	response_retry_after(resp, j, retry_after(a, j, order));
}

/* --- reading -------------------------------------------------------------- */

int
order_find(struct job *j, const struct request *req, struct order *out)
{
	int found = store_order_by_id(j, req->id, req->account->id, out);

	if (found == 0)
		return job_fail_status(j, ERR_MALFORMED, 404, "no such order");
	return found < 0 ? -1 : 0;
}

int
order_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct order order;

	if (order_find(j, req, &order) < 0)
		return -1;
	order_respond(a, j, &order, 200, resp);
	return 0;
}

/* --- newOrder ------------------------------------------------------------- */

/* What the client asks for, checked. */
struct wanted {
	struct identifier *ids;
	size_t count;
	const struct profile *profile;
	struct dates dates;
	struct replaces replaces;
};

/* AC-162: none asked for is the default one.  `allowed` is what the account's
 * binding allows. */
static int
choose_profile(struct job *j, const struct conf *conf, const char *allowed,
    const struct json *payload, const struct profile **out)
{
	struct span name = span_str(conf->profile);

	if (json_get_string(j, payload, "profile", &name) < 0)
		return -1;
	*out = profile_find(conf, name);
	if (*out != NULL && profile_is_permitted(conf, allowed, (*out)->name))
		return 0;
	return job_fail(j, ERR_INVALID_PROFILE, "profile %s is not offered",
	    problem_quote(j, name));
}

/* AC-92; the CA's end is 0 while its chain is not there. */
static int
check_dates(struct job *j, const struct conf *conf, int64_t ca_not_after,
    const struct json *payload, struct wanted *w)
{
	if (dates_parse(j, conf, w->profile, payload, &w->dates) < 0)
		return -1;
	return ca_not_after == 0
		   ? 0
		   : dates_fit(j, conf, w->profile, &w->dates, ca_not_after);
}

/* What is not issued before its end is not issued. */
static int64_t
life_until(struct job *j, const struct conf *conf, const struct dates *d)
{
	int64_t until = j->now + conf->order_life;

	return d->not_after != 0 && d->not_after < until ? d->not_after : until;
}

static int
make_order(struct job *j, const struct conf *conf, const struct request *req,
    const struct wanted *wanted, struct order *order)
{
	*order = (struct order){
		.id = validation_id(j),
		.account_id = req->account->id,
		.profile = wanted->profile->name,
		.language = validation_language(j, req->accept_language),
		.created_at = j->now,
		.life_until = life_until(j, conf, &wanted->dates),
		.not_before = wanted->dates.not_before,
		.not_after = wanted->dates.not_after,
		.identifiers = arena_calloc(
		    j->arena, wanted->count, sizeof(*order->identifiers)),
		.identifier_count = wanted->count,
		.replaces = wanted->replaces.text,
		.replaces_cert_id = wanted->replaces.text == NULL
					? NULL
					: wanted->replaces.cert.id,
	};
	for (size_t i = 0; i < wanted->count; i++) {
		if (validation_make(j, conf, req->account, order,
			&wanted->ids[i], &order->identifiers[i]) < 0)
			return -1;
	}
	return 0;
}

/* PK-19, AC-178: the one record that names the mailboxes. */
static int
record(struct job *j, const struct request *req, const struct order *order)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, RESPONSE_BODY_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_key(&o, "mailboxes");
	json_array_begin(&o);
	for (size_t i = 0; i < order->identifier_count; i++)
		json_put_string(
		    &o, span_str(order->identifiers[i].authz.mailbox));
	json_array_end(&o);
	json_member_str(&o, "profile", order->profile);
	if (req->client_address != NULL)
		json_member_str(&o, "client", req->client_address);
	json_object_end(&o);
	return store_audit_add(j,
	    arena_printf(j->arena, "account:%s", req->account->id),
	    "order received", arena_printf(j->arena, "order:%s", order->id),
	    "ok", b.p);
}

static void
add_mail(struct limits *l, const struct request *req,
    struct replaces_mails *free_mails, const struct order *order, size_t i)
{
	const char *mailbox = order->identifiers[i].authz.mailbox;

	if (replaces_mail_take(l->job, free_mails, mailbox))
		limits_add_mail_of_incident(
		    l, order->account_id, req->client_address, mailbox);
	else
		limits_add_mail(
		    l, order->account_id, req->client_address, mailbox);
}

/* AC-94: the order, and each mail that it causes, as a whole or not at all;
 * a validation that is used again costs nothing. */
static int
take_limits(struct job *j, const struct conf_limits *conf,
    const struct request *req, const struct replaces *replaces,
    const struct order *order, struct response *resp)
{
	int is_renewal = replaces->text == NULL
			     ? 0
			     : replaces_is_due(j, &replaces->cert, j->now);
	struct replaces_mails free_mails = { .count = 0 };
	struct limits l;

	if (is_renewal < 0 ||
	    (replaces->text != NULL &&
		replaces_mails_load(j, replaces->cert.id, &free_mails) < 0))
		return -1;
	limits_init(&l, j, conf);
	if (!is_renewal)
		limits_add(&l, LIMIT_NEW_ORDERS, order->account_id, 1);
	for (size_t i = 0; i < order->identifier_count; i++) {
		const struct order_identifier *id = &order->identifiers[i];

		if (!is_renewal)
			limits_ask_certificate(
			    &l, order->account_id, id->authz.mailbox);
		if (id->is_new)
			add_mail(&l, req, &free_mails, order, i);
	}
	return limits_take(&l, resp);
}

/* PK-84 */
static int
check_names(struct job *j, const struct conf *conf, const struct wanted *wanted)
{
	if (conf->mode != CONF_MODE_PUBLIC ||
	    !effective_at(EFFECTIVE_RFC822_NAME, j->now))
		return 0;
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->ids[i].addr.is_ascii)
			return 0;
	return job_fail(j, ERR_REJECTED_IDENTIFIER,
	    "since %s a certificate needs a mailbox whose local part is ASCII, "
	    "and may hold others beside it",
	    effective_find(EFFECTIVE_RFC822_NAME)->day);
}

static int
store(struct job *j, const struct conf *conf, const struct request *req,
    const struct order *order, const struct replaces *replaces)
{
	int64_t mail_due_at = j->now + conf->challenge_mail_delay;

	if (store_order_create(j, order, mail_due_at) < 0)
		return -1;
	if (replaces->text != NULL && replaces_mark(j, replaces, order->id) < 0)
		return -1;
	return record(j, req, order);
}

int
order_create(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	const struct conf *conf = a->conf;
	struct account_rights rights;
	struct wanted w;
	struct order order;

	if (eab_rights(j, req->account, &rights) < 0 ||
	    identifier_parse(j, conf, rights.allow, req->payload, resp, &w.ids,
		&w.count) < 0 ||
	    check_names(j, conf, &w) < 0 ||
	    choose_profile(j, conf, rights.profiles, req->payload, &w.profile) <
		0 ||
	    check_dates(j, conf, a->chain.not_after, req->payload, &w) < 0 ||
	    replaces_check(j, req->payload, req->account->id, w.ids, w.count,
		&w.replaces) < 0)
		return -1;
	/* AC-117: all of it is one transaction, the mail's row included. */
	if (make_order(j, conf, req, &w, &order) < 0)
		return -1;
	if (take_limits(j, limits_of_account(j, &conf->limits, rights.limits),
		req, &w.replaces, &order, resp) < 0 ||
	    store(j, conf, req, &order, &w.replaces) < 0)
		return -1;
	order_respond(a, j, &order, 201, resp);
	return 0;
}
