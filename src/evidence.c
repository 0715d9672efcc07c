#include "config.h"

#include "src/evidence.h"

#include "acme/proof.h"
#include "db/store_authz.h"
#include "db/store_cert.h"
#include "dns/record.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "mail/reply.h"
#include "src/evidence_smime.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EVIDENCE_MAX (2 * 1024 * 1024)
/* What stands beside DNS answers and judgement. */
#define EVIDENCE_USUAL 1200
#define ITEMS_MAX 4000 /* of what a certificate relies on */

/* The rules that the reply was judged by, for read_policy(). */
static void
put_policy(struct json_out *o, const struct reply_policy *p)
{
	json_member_int(o, "coverage", (int)p->coverage);
	json_member_bool(o, "require_dnssec", p->require_dnssec);
	json_member_bool(o, "allow_testing_key", p->allow_testing);
	if (p->parent != NULL)
		json_member_str(o, "parent_domain", p->parent);
	if (p->own_server.authserv_id != NULL) {
		json_member_str(o, "authserv_id", p->own_server.authserv_id);
		json_member_int(o, "trusted_hops", (int64_t)p->own_server.hops);
	}
	json_member_bool(o, "spf_if_to_unsigned", p->spf_if_to_unsigned);
	json_member_bool(o, "message_id_rewritten", p->message_id_rewritten);
	json_member_int(o, "max_message", (int64_t)p->message_max);
	evidence_smime_put(o, &p->smime);
}

const char *
evidence_format(struct job *j, const struct evidence_input *in)
{
	const struct reply *r = in->reply;
	const struct authz *a = in->authz;
	struct span judgement =
	    span_str(r->evidence != NULL ? r->evidence : "{}");
	struct span dns = span_str(recorder_text(j, in->dns));
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, EVIDENCE_MAX);
	buf_reserve(&b, judgement.n + dns.n + EVIDENCE_USUAL);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "method", BR_METHOD);
	json_member_str(&o, "requirements", BR_VERSION);
	json_member_str(&o, "mailbox", a->mailbox);
	json_member_str(&o, "account", a->account_id);
	json_member_str(&o, "thumbprint", in->thumbprint);
	json_member_str(&o, "challenge_from", a->challenge.from);
	if (a->challenge.reply_to != NULL)
		json_member_str(
		    &o, "challenge_reply_to", a->challenge.reply_to);
	json_member_str(&o, "message_id", a->challenge.message_id);
	json_member_int(&o, "created_at", a->created_at);
	json_member_int(&o, "sent_at", a->challenge.mail_sent_at);
	json_member_int(&o, "expires_at", a->expires_at);
	json_member_int(&o, "arrival", r->arrival);
	json_member_int(&o, "judged_at", j->now);
	json_member_int(&o, "reply_rules", REPLY_RULES);
	put_policy(&o, in->policy);
	json_member_str(&o, "expected_digest",
	    b64url_dup(j->arena, span_mem(in->expected, SHA256_LEN)));
	json_key(&o, "dns");
	json_put_raw(&o, dns);
	json_key(&o, "resolvers");
	json_put_raw(&o, span_str(recorder_names(j, in->dns)));
	json_key(&o, "judgement");
	json_put_raw(&o, judgement);
	json_object_end(&o);
	if (!buf_ok(&b)) {
		job_fail(j, ERR_INTERNAL, "evidence larger than %d octets",
		    EVIDENCE_MAX);
		return NULL;
	}
	return b.p;
}

#define STATEMENT_FIELDS 12
#define STATEMENT_NUMBERS 3

/* What one seal covers.  Fields point into it: it is never copied. */
struct statement {
	struct span fields[STATEMENT_FIELDS];
	size_t count;
	char numbers[STATEMENT_NUMBERS][24];
	size_t number_count;
	uint8_t hash[SHA256_LEN];
};

static void
add(struct statement *s, struct span field)
{
	assert(s->count < STATEMENT_FIELDS);
	s->fields[s->count++] = field;
}

static void
add_number(struct statement *s, int64_t value)
{
	char *text;

	assert(s->number_count < STATEMENT_NUMBERS);
	text = s->numbers[s->number_count++];
	snprintf(text, sizeof(s->numbers[0]), "%" PRId64, value);
	add(s, span_str(text));
}

/* What may be long goes in as its hash: one of them in a statement. */
static void
add_hash_of(struct statement *s, struct span octets)
{
	sha256(octets, s->hash);
	add(s, span_mem(s->hash, SHA256_LEN));
}

static void
make_seal(
    const struct seal_key *k, const struct statement *s, uint8_t out[SEAL_LEN])
{
	seal_make(k, s->fields, s->count, out);
}

static bool
is_sealed(const struct seal_key *k, const struct statement *s, struct span seal)
{
	return seal_verify(k, s->fields, s->count, seal);
}

static void
reply_statement(
    const struct authz *a, const struct reply_record *r, struct statement *s)
{
	*s = (struct statement){ 0 };
	add(s, SPAN("countersign verdict 1"));
	add(s, span_str(a->id));
	add(s, span_str(a->challenge.id));
	add(s, span_str(a->account_id));
	add(s, span_str(a->mailbox));
	add(s, span_str(verdict_name(r->verdict)));
	add_number(s, r->arrival);
	add_number(s, a->created_at);
	add(s, r->raw_sha256);
	add_hash_of(s, span_str(r->evidence));
}

void
evidence_seal_reply(const struct seal_key *k, const struct authz *a,
    const struct reply_record *r, uint8_t out[SEAL_LEN])
{
	struct statement s;

	reply_statement(a, r, &s);
	make_seal(k, &s, out);
}

static bool
reply_is_sealed(const struct seal_key *k, const struct authz *a,
    const struct reply_record *r)
{
	struct statement s;

	reply_statement(a, r, &s);
	return is_sealed(k, &s, r->seal);
}

static void
caa_fields(const struct caa_row *c, struct statement *s)
{
	add(s, span_str(c->id));
	add(s, span_str(c->authz_id));
	add(s, span_str(c->account_id));
	add(s, span_str(c->mailbox));
	add(s, span_str(c->domain));
	add(s, span_str(c->result));
	add_number(s, c->checked_at);
	add_number(s, c->ttl);
	add_hash_of(s, span_str(c->trace));
}

static void
caa_statement(const struct caa_row *c, struct statement *s)
{
	*s = (struct statement){ 0 };
	add(s, SPAN("countersign caa 2"));
	caa_fields(c, s);
	add(s, span_str(c->br_version));
}

/* Of a row that an earlier version made: without br_version. */
static void
former_caa_statement(const struct caa_row *c, struct statement *s)
{
	*s = (struct statement){ 0 };
	add(s, SPAN("countersign caa 1"));
	caa_fields(c, s);
}

void
evidence_seal_caa(
    const struct seal_key *k, const struct caa_row *c, uint8_t out[SEAL_LEN])
{
	struct statement s;

	caa_statement(c, &s);
	make_seal(k, &s, out);
}

bool
evidence_caa_is_sealed(const struct seal_key *k, const struct caa_row *c)
{
	struct statement s;

	caa_statement(c, &s);
	if (is_sealed(k, &s, c->seal))
		return true;
	former_caa_statement(c, &s);
	return is_sealed(k, &s, c->seal);
}

static void
round_statement(const struct caa_row *c, struct statement *s)
{
	*s = (struct statement){ 0 };
	add(s, SPAN("countersign caa round 1"));
	add_number(s, c->attempts);
	caa_fields(c, s);
	add(s, span_str(c->br_version));
}

void
evidence_seal_caa_round(
    const struct seal_key *k, const struct caa_row *c, uint8_t out[SEAL_LEN])
{
	struct statement s;

	round_statement(c, &s);
	make_seal(k, &s, out);
}

bool
evidence_caa_round_is_sealed(const struct seal_key *k, const struct caa_row *c)
{
	struct statement s;

	round_statement(c, &s);
	return is_sealed(k, &s, c->seal);
}

static void
tbs_statement(const struct cert *c, struct statement *s)
{
	*s = (struct statement){ 0 };
	add(s, SPAN("countersign tbs 1"));
	add(s, span_str(c->id));
	add(s, span_str(c->order_id));
	add(s, span_str(c->serial));
	add(s, c->signature_alg);
	add_hash_of(s, c->tbs);
}

void
evidence_seal_tbs(
    const struct seal_key *k, const struct cert *c, uint8_t out[SEAL_LEN])
{
	struct statement s;

	tbs_statement(c, &s);
	make_seal(k, &s, out);
}

/* The seal of this name in the row's evidence. */
static bool
read_seal(struct job *j, const struct cert *c, const char *name,
    uint8_t seal[SEAL_LEN])
{
	const struct json *v;
	bool ok = c->evidence != NULL &&
		  json_parse_many(j, span_str(c->evidence), "evidence",
		      ITEMS_MAX, &v) == 0 &&
		  hex_parse_fixed(
		      json_string(json_get(v, name)), seal, SEAL_LEN) == 0;

	job_recover(j);
	return ok;
}

bool
evidence_row_is_sealed(
    const struct seal_key *k, struct job *j, const struct cert *c)
{
	uint8_t seal[SEAL_LEN];
	struct statement s;

	if (c->tbs.n == 0 || !read_seal(j, c, "seal", seal))
		return false;
	tbs_statement(c, &s);
	return is_sealed(k, &s, span_mem(seal, sizeof(seal)));
}

static void
reservation_statement(const struct cert *c, struct statement *s)
{
	*s = (struct statement){ 0 };
	add(s, SPAN("countersign reservation 1"));
	add(s, span_str(c->id));
	add(s, span_str(c->order_id));
	add(s, span_str(c->serial));
	add(s, span_str(c->br_version));
	add_number(s, c->reserved_at);
}

void
evidence_seal_reservation(
    const struct seal_key *k, const struct cert *c, uint8_t out[SEAL_LEN])
{
	struct statement s;

	reservation_statement(c, &s);
	make_seal(k, &s, out);
}

bool
evidence_reservation_is_sealed(
    const struct seal_key *k, struct job *j, const struct cert *c)
{
	uint8_t seal[SEAL_LEN];
	struct statement s;

	if (!read_seal(j, c, "reservation_seal", seal))
		return false;
	reservation_statement(c, &s);
	return is_sealed(k, &s, span_mem(seal, sizeof(seal)));
}

static int
unproven(struct job *j, const char *why)
{
	return job_fail(j, ERR_UNAUTHORIZED, "%s", why);
}

/* NULL if there is none. */
static const char *
text_of(struct job *j, const struct json *e, const char *name)
{
	const struct json *v = json_get(e, name);

	return v == NULL ? NULL : span_dup(j->arena, json_string(v));
}

static struct reply_policy
read_policy(struct job *j, const struct json *e)
{
	return (struct reply_policy){
		.message_max = (size_t)json_integer(json_get(e, "max_message")),
		.coverage =
		    (enum conf_coverage)json_integer(json_get(e, "coverage")),
		.require_dnssec = json_bool(json_get(e, "require_dnssec")),
		.allow_testing = json_bool(json_get(e, "allow_testing_key")),
		.parent = text_of(j, e, "parent_domain"),
		.own_server = {
			.authserv_id = text_of(j, e, "authserv_id"),
			.hops = (size_t)json_integer(json_get(e, "trusted_hops")),
		},
		.spf_if_to_unsigned =
		    json_bool(json_get(e, "spf_if_to_unsigned")),
		.message_id_rewritten =
		    json_bool(json_get(e, "message_id_rewritten")),
	};
}

/* The policy and the picture that the verdict was made with. */
static int
read_evidence(struct job *j, const struct json *e, struct reply_expect *expect,
    struct reply_policy *policy)
{
	struct span digest = json_string(json_get(e, "expected_digest"));

	if (b64url_parse_fixed(digest, expect->digest_now, SHA256_LEN) < 0)
		return unproven(j, "the evidence holds no expected digest");
	memcpy(expect->digest_then, expect->digest_now, SHA256_LEN);
	expect->sent_at = json_integer(json_get(e, "sent_at"));
	expect->expires_at = json_integer(json_get(e, "expires_at"));
	*policy = read_policy(j, e);
	return evidence_smime_policy(j, e, &policy->smime);
}

/* Every rule again: same bytes, same DNS answers, clock at the judgement. */
static int
judge_again(struct job *j, const struct authz *a, const struct json *e,
    const struct reply_record *r)
{
	struct reply_expect expect = { .mailbox = a->mailbox,
		.answer_to = challenge_answer_to(&a->challenge),
		.message_id = a->challenge.message_id };
	struct reply_policy policy;
	struct resolver *replay;
	struct reply reply;
	int64_t now = j->now;
	int result;

	if (read_evidence(j, e, &expect, &policy) < 0 ||
	    replay_new(j, json_get(e, "dns"), &replay) < 0)
		return -1;
	j->now = json_integer(json_get(e, "judged_at"));
	result = reply_open(j, r->raw, r->arrival, &policy, &reply);
	if (result == 0 && !reply.decided)
		result = reply_judge(j, &reply, &expect, &policy, replay);
	j->now = now;
	if (result < 0)
		return -1;
	if (reply.verdict == VERDICT_MATCH)
		return 0;
	return job_fail(j, ERR_UNAUTHORIZED,
	    "the stored reply does not verify again%s: %s (%s)",
	    json_integer(json_get(e, "reply_rules")) < REPLY_RULES
		? " (it was judged by earlier rules than today's; the mailbox "
		  "has to be proven anew)"
		: "",
	    reply.finding.code, reply.finding.detail);
}

static bool
member_is(const struct json *e, const char *name, const char *value)
{
	return span_eq_str(json_string(json_get(e, name)), value);
}

static bool
is_answered_to(const struct json *e, const char *reply_to)
{
	if (reply_to == NULL)
		return json_get(e, "challenge_reply_to") == NULL;
	return member_is(e, "challenge_reply_to", reply_to);
}

int
evidence_verify(struct job *j, const struct seal_key *seal,
    const struct authz *a, const struct signing_keys *keys,
    const struct reply_record *r)
{
	const struct json *e;
	const char *proven;
	uint8_t hash[SHA256_LEN];

	if (r->verdict != VERDICT_MATCH)
		return unproven(j, "the recorded verdict is not a match");
	/* PK-23: it can back no certificate any more, and only the holder of
	 * the key can judge it again. */
	if (r->is_wrapped)
		return unproven(j, "the stored reply is encrypted");
	sha256(r->raw, hash);
	if (!ct_equal(span_mem(hash, sizeof(hash)), r->raw_sha256))
		return unproven(j, "the stored reply is not what was judged");
	if (seal != NULL && !reply_is_sealed(seal, a, r))
		return unproven(j, "the verdict does not carry the "
				   "validator's seal");
	if (json_parse_object(j, span_str(r->evidence), "evidence", &e) < 0)
		return -1;
	if (!member_is(e, "mailbox", a->mailbox) ||
	    !member_is(e, "account", a->account_id) ||
	    !member_is(e, "requirements", r->br_version) ||
	    !member_is(e, "challenge_from", a->challenge.from) ||
	    !is_answered_to(e, a->challenge.reply_to))
		return unproven(j, "the evidence is about something else");
	proven = span_dup(j->arena, json_string(json_get(e, "thumbprint")));
	if (key_proof_verify(j, keys, proven) < 0)
		return -1;
	return judge_again(j, a, e, r);
}
