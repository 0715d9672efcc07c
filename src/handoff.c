#include "config.h"

#include "src/handoff.h"

#include "db/store_cert.h"
#include "db/store_key.h"
#include "db/store_order.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "pki/csr.h"
#include "pki/ossl.h"
#include "pki/profile.h"
#include "pki/returned.h"
#include "src/relied.h"

#include <string.h>

#define REQUEST_MAX ((size_t)160 * 1024)
#define MAILBOXES_MAX 128
#define ITEMS_MAX 4000
#define REASON_SUPERSEDED 4 /* PK-216 */
/* Of an answer, those that are looked at. */
#define CHAIN_MAX 10

/* --- seals ---------------------------------------------------------------- */

const struct seal_key *
handoff_key(struct arena *keep, const struct seal_key *verdicts)
{
	const struct span label = SPAN("countersign hand-off key 1");
	uint8_t octets[SEAL_LEN];
	const struct seal_key *k;

	seal_make(verdicts, &label, 1, octets);
	k = seal_key_new(keep, octets);
	wipe(octets, sizeof(octets));
	return k;
}

#define REQUEST_FIELDS 4

static void
request_fields(const struct handoff *h, uint8_t hash[SHA256_LEN],
    struct span out[REQUEST_FIELDS])
{
	sha256(span_str(h->request), hash);
	out[0] = SPAN("countersign hand-off 1");
	out[1] = span_str(h->id);
	out[2] = span_str(h->order_id);
	out[3] = span_mem(hash, SHA256_LEN);
}

void
handoff_seal(
    const struct seal_key *k, const struct handoff *h, uint8_t out[SEAL_LEN])
{
	struct span fields[REQUEST_FIELDS];
	uint8_t hash[SHA256_LEN];

	request_fields(h, hash, fields);
	seal_make(k, fields, REQUEST_FIELDS, out);
}

bool
handoff_is_sealed(const struct seal_key *k, const struct handoff *h)
{
	struct span fields[REQUEST_FIELDS];
	uint8_t hash[SHA256_LEN];

	request_fields(h, hash, fields);
	return seal_verify(k, fields, REQUEST_FIELDS, h->seal);
}

#define TOKEN_FIELDS 3

static void
token_fields(const struct handoff *h, struct span out[TOKEN_FIELDS])
{
	out[0] = SPAN("countersign hand-off token 1");
	out[1] = span_str(h->id);
	out[2] = span_str(h->token);
}

void
handoff_seal_token(
    const struct seal_key *k, const struct handoff *h, uint8_t out[SEAL_LEN])
{
	struct span fields[TOKEN_FIELDS];

	token_fields(h, fields);
	seal_make(k, fields, TOKEN_FIELDS, out);
}

bool
handoff_token_is_sealed(const struct seal_key *k, const struct handoff *h)
{
	struct span fields[TOKEN_FIELDS];

	token_fields(h, fields);
	return seal_verify(k, fields, TOKEN_FIELDS, h->token_seal);
}

/* --- the request ---------------------------------------------------------- */

static void
put_lists(struct json_out *o, const struct order *order)
{
	json_key(o, "mailboxes");
	json_array_begin(o);
	for (size_t i = 0; i < order->identifier_count; i++)
		json_put_string(
		    o, span_str(order->identifiers[i].authz.mailbox));
	json_array_end(o);
	json_key(o, "evidence");
	json_array_begin(o);
	for (size_t i = 0; i < order->identifier_count; i++)
		json_put_string(o, span_str(order->identifiers[i].authz.id));
	json_array_end(o);
}

const char *
handoff_format(struct job *j, const struct handoff_input *in)
{
	struct json_out o;
	struct buf b, pem;

	buf_init(&pem, j->arena, REQUEST_MAX);
	pem_add(&pem, "CERTIFICATE REQUEST", in->csr->der);
	buf_init(&b, j->arena, REQUEST_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_int(&o, "version", 1);
	json_member_str(&o, "order", in->order->id);
	json_member_str(&o, "account", in->order->account_id);
	json_member_str(&o, "profile", in->profile->name);
	put_lists(&o, in->order);
	relied_put(&o, j, in->seal, in->order->id, in->relied);
	json_member_str(&o, "key_usage", key_class_name(in->csr->class));
	json_member_time(&o, "not_before", in->not_before);
	json_member_time(&o, "not_after", in->not_after);
	json_member_str(&o, "template", b64url_dup(j->arena, in->tbs));
	json_member_str(&o, "csr_der", b64url_dup(j->arena, in->csr->der));
	json_member_string(&o, "csr", buf_span(&pem));
	json_member_int(&o, "ordered_not_before", in->order->not_before);
	json_member_int(&o, "ordered_not_after", in->order->not_after);
	json_member_int(&o, "send_before", in->send_before);
	json_object_end(&o);
	return buf_ok(&b) && buf_ok(&pem) ? b.p : NULL;
}

int
handoff_parse(struct job *j, const char *text, struct handoff_request *out)
{
	const struct json *v, *list;
	const char **mailboxes;

	*out = (struct handoff_request){ .mailbox_count = 0 };
	if (json_parse_many(j, span_str(text), "hand-off", ITEMS_MAX, &v) < 0)
		return -1;
	out->profile = span_dup(j->arena, json_string(json_get(v, "profile")));
	list = json_get(v, "mailboxes");
	out->mailbox_count = json_count(list);
	out->send_before = json_integer(json_get(v, "send_before"));
	out->ordered_not_before =
	    json_integer(json_get(v, "ordered_not_before"));
	out->ordered_not_after = json_integer(json_get(v, "ordered_not_after"));
	if (b64url_parse(
		j->arena, json_string(json_get(v, "csr_der")), &out->csr) < 0 ||
	    b64url_parse(j->arena, json_string(json_get(v, "template")),
		&out->template) < 0 ||
	    out->csr.n == 0 || out->mailbox_count == 0 ||
	    out->mailbox_count > MAILBOXES_MAX)
		return job_fail(j, ERR_INTERNAL, "a hand-off without contents");
	mailboxes =
	    arena_calloc(j->arena, out->mailbox_count, sizeof(*mailboxes));
	for (size_t i = 0; i < out->mailbox_count; i++)
		mailboxes[i] =
		    span_dup(j->arena, json_string(json_at(list, i)));
	out->mailboxes = mailboxes;
	return 0;
}

/* --- refusals (PK-219) ---------------------------------------------------- */

static const struct {
	enum err_kind theirs, ours;
} refusals[] = {
	{ ERR_BAD_CSR, ERR_BAD_CSR },
	{ ERR_BAD_PUBLIC_KEY, ERR_BAD_CSR },
	{ ERR_REJECTED_IDENTIFIER, ERR_REJECTED_IDENTIFIER },
	{ ERR_UNSUPPORTED_IDENTIFIER, ERR_REJECTED_IDENTIFIER },
	{ ERR_RATE_LIMITED, ERR_RATE_LIMITED },
};

enum err_kind
handoff_refusal(enum err_kind theirs)
{
	for (size_t i = 0; i < COUNT(refusals); i++)
		if (refusals[i].theirs == theirs)
			return refusals[i].ours;
	return ERR_INTERNAL;
}

const char *
handoff_refusal_text(enum err_kind ours)
{
	if (ours == ERR_BAD_CSR)
		return "the issuing CA does not take this key or request";
	if (ours == ERR_REJECTED_IDENTIFIER)
		return "the issuing CA does not issue for these names";
	if (ours == ERR_RATE_LIMITED)
		return "the issuing CA issues no more for now";
	return "internal error";
}

enum err_kind
handoff_kind(const char *name)
{
	for (int k = ERR_NONE + 1; name != NULL && k < ERR_INTERNAL; k++)
		if (strcmp(name, err_kind_name((enum err_kind)k)) == 0)
			return (enum err_kind)k;
	return ERR_INTERNAL;
}

/* It may be delivered to one order while another one sends it back: whoever
 * comes second knows of it. */
static int
lock_certificate(struct job *j, struct span der, uint8_t hash[SHA256_LEN])
{
	sha256(der, hash);
	return store_key_lock(j, span_mem(hash, SHA256_LEN));
}

int
handoff_is_withdrawn(struct job *j, struct span der, int64_t not_after)
{
	uint8_t hash[SHA256_LEN];

	return lock_certificate(j, der, hash) < 0
		   ? -1
		   : store_withdrawal_has(j, der, not_after);
}

/* Whoever has it did nothing wrong: 1, 0, -1. */
static int
is_delivered(struct job *j, struct span der)
{
	uint8_t hash[SHA256_LEN];
	struct cert c;
	int found;

	if (lock_certificate(j, der, hash) < 0)
		return -1;
	found = store_cert_by_sha256(j, span_mem(hash, SHA256_LEN), &c);
	if (found == 1)
		log_error("certificate of another order",
		    "serial=%s order=%s next=\"it is not revoked; find out why "
		    "that CA has answered with it\"",
		    c.serial, c.order_id);
	return found;
}

/* That one issues for others, too: what becomes of it is for a person. */
static bool
is_of_ca(const struct handoff *h, struct span der, struct span template)
{
	if (template.n == 0 || !returned_is_of_ca(der, template))
		return false;
	log_error("certificate of a CA",
	    "order=%s id=%s next=\"it is not revoked; find out why that CA has "
	    "answered with it: the certificate that was asked for comes "
	    "first\"",
	    h->order_id, h->id);
	return true;
}

/* 1 it is to be revoked, 0, -1 */
static int
withdraw(struct job *j, const struct handoff *h, struct span der,
    struct span template)
{
	int64_t not_after;
	int delivered = is_delivered(j, der);

	if (delivered != 0)
		return delivered < 0 ? -1 : 0;
	if (returned_end(j, der, &not_after) < 0) {
		log_error("answer without certificate",
		    "order=%s id=%s next=\"there is nothing that could be "
		    "revoked; find out what that CA has made\"",
		    h->order_id, h->id);
		return 0;
	}
	if (is_of_ca(h, der, template))
		return 0;
	return store_withdrawal_add(j, der, not_after, REASON_SUPERSEDED) < 0
		   ? -1
		   : 1;
}

int
handoff_withdraw(
    struct job *j, const struct handoff *h, struct span answer, size_t *count)
{
	struct handoff_request r = { .template = { NULL, 0 } };
	struct span der;

	*count = 0;
	/* Without the request nothing is known to be a CA's. */
	if (handoff_parse(j, h->request, &r) < 0)
		job_recover(j);
	for (size_t i = 0;
	     i < CHAIN_MAX && returned_at(j, answer, i, &der) == 0; i++) {
		int found;

		/* Where the chain is the wrong way round, say. */
		if (i > 0 && !returned_is_for_key(der, r.template))
			continue;
		found = withdraw(j, h, der, r.template);
		if (found < 0)
			return -1;
		*count += found > 0;
	}
	return 0;
}
