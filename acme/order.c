#include "config.h"

#include "acme/order.h"

#include "acme/acme.h"
#include "acme/identifier.h"
#include "acme/jwk.h"
#include "acme/problem.h"
#include "acme/response.h"
#include "acme/status.h"
#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rnd.h"
#include "mail/compose.h"

#define REUSE_MARGIN (15 * 60) /* AC-103 */
#define LANGUAGE_MAX 256
#define TOKEN_OCTETS 24

/* AC-110: joined as texts or as octets, the two halves give one token. */
_Static_assert(TOKEN_OCTETS % 3 == 0, "token halves are whole groups");
_Static_assert(B64URL_LEN(TOKEN_OCTETS) == TOKEN_PART_LEN, "32 characters");

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
		bool missed;
		const char *error = challenge_error(z, j->now, &missed);

		if (missed)
			return problem_format(j, DEADLINE_KIND, DEADLINE_TEXT);
		if (error != NULL &&
		    challenge_status(z, j->now) == CHALLENGE_INVALID)
			return error;
	}
	return NULL;
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
	json_member_str(&o, "profile", order->profile);
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
	response_retry_after(resp, j, order_retry_after(order, j->now));
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

/* AC-92: what cannot be fulfilled is refused. */
static int
check_dates(struct job *j, const struct json *payload)
{
	static const char *const names[] = { "notBefore", "notAfter" };

	for (size_t i = 0; i < 2; i++) {
		struct span value;
		int found = json_get_string(j, payload, names[i], &value);

		if (found < 0)
			return -1;
		if (found > 0)
			return job_fail(j, ERR_MALFORMED,
			    "this profile does not support "
			    "notBefore/notAfter");
	}
	return 0;
}

/* AC-162: none asked for is the default one. */
static int
check_profile(struct job *j, const char *offered, const struct json *payload)
{
	struct span profile;
	int found = json_get_string(j, payload, "profile", &profile);

	if (found <= 0)
		return found;
	if (span_eq_str(profile, offered))
		return 0;
	return job_fail(j, ERR_INVALID_PROFILE, "profile %s is not offered",
	    problem_quote(j, profile));
}

static const char *
new_id(struct job *j)
{
	char id[RND_ID_LEN + 1];

	rnd_id(id);
	return arena_strdup(j->arena, id);
}

/* AC-109: from the generator; the octets do not stay behind. */
static char *
new_token_part(struct job *j)
{
	uint8_t *octets = arena_alloc_secret(j->arena, TOKEN_OCTETS);
	char *text = arena_alloc_secret(j->arena, TOKEN_PART_LEN + 1);

	rnd_bytes(octets, TOKEN_OCTETS);
	b64url_format(text, span_mem(octets, TOKEN_OCTETS));
	return text;
}

/* AC-108: lower case; with a tag of its own unless configured otherwise. */
static const char *
new_from(struct job *j, const struct conf_sender *sender)
{
	char *from = arena_strdup(j->arena, sender->from);

	for (char *p = from; *p != '\0'; p++)
		*p = ascii_lower(*p);
	if (sender->tagged)
		return compose_tagged_from(j, from);
	return from;
}

static int
make_challenge(struct job *j, const struct conf *conf,
    const struct account *account, struct challenge *c)
{
	c->id = new_id(j);
	c->token_part1 = span_mem(new_token_part(j), TOKEN_PART_LEN);
	c->token_part2 = new_token_part(j);
	c->thumbprint = account->thumbprint; /* AC-82 */
	c->from = new_from(j, &conf->sender);
	if (c->from == NULL)
		return -1;
	c->message_id = compose_message_id(j, c->from);
	return c->message_id == NULL ? -1 : 0;
}

/* AC-98: a valid authorization to reuse (AC-103), or a new one. */
static int
make_authz(struct job *j, const struct conf *conf,
    const struct account *account, const struct order *order,
    const struct identifier *id, struct order_identifier *out)
{
	struct authz *z = &out->authz;
	int found = 0;

	out->type = span_dup(j->arena, id->type);
	out->value = span_dup(j->arena, id->value);
	if (conf->authz_valid_life > 0)
		found = store_authz_reusable(j, account->id, id->addr.canonical,
		    j->now + REUSE_MARGIN, z);
	if (found != 0)
		return found < 0 ? -1 : 0;
	*z = (struct authz){
		.id = new_id(j),
		.account_id = account->id,
		.order_id = order->id,
		.mailbox = id->addr.canonical,
		.ident_type = out->type,
		.ident_value = out->value,
		.created_at = j->now,
		.expires_at = j->now + conf->authz_pending_life,
	};
	out->is_new = true;
	return make_challenge(j, conf, account, &z->challenge);
}

/* AC-13: it selects the language of the mail, and nothing else. */
static const char *
language_of(struct job *j, struct span accept_language)
{
	if (accept_language.n == 0 || accept_language.n > LANGUAGE_MAX ||
	    !span_is_ascii(accept_language) ||
	    span_has_control(accept_language))
		return NULL;
	return span_dup(j->arena, accept_language);
}

static int
make_order(struct job *j, const struct conf *conf, const struct request *req,
    const struct identifier *ids, size_t count, struct order *order)
{
	*order = (struct order){
		.id = new_id(j),
		.account_id = req->account->id,
		.profile = conf->profile,
		.language = language_of(j, req->accept_language),
		.created_at = j->now,
		.life_until = j->now + conf->order_life,
		.identifiers =
		    arena_calloc(j->arena, count, sizeof(*order->identifiers)),
		.identifier_count = count,
	};
	for (size_t i = 0; i < count; i++) {
		if (make_authz(j, conf, req->account, order, &ids[i],
			&order->identifiers[i]) < 0)
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

int
order_create(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	const struct conf *conf = a->conf;
	struct identifier *ids;
	struct order order;
	size_t count;

	if (identifier_parse(j, conf, req->payload, resp, &ids, &count) < 0 ||
	    check_dates(j, req->payload) < 0 ||
	    check_profile(j, conf->profile, req->payload) < 0)
		return -1;
	/* AC-117: all of it is one transaction, the mail's row included. */
	if (make_order(j, conf, req, ids, count, &order) < 0 ||
	    store_order_create(j, &order, j->now + conf->challenge_mail_delay) <
		0 ||
	    record(j, req, &order) < 0)
		return -1;
	order_respond(a, j, &order, 201, resp);
	return 0;
}
