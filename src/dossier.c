#include "config.h"

#include "src/dossier.h"

#include "acme/proof.h"
#include "acme/status.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "src/account_keys.h"
#include "src/evidence.h"
#include "src/relied.h"
#include "src/story.h"

#include <string.h>

/* --- loading -------------------------------------------------------------- */

static int
load_reply(struct job *j, struct dossier *d)
{
	int found = store_reply_proof(j, d->authz.challenge.id, &d->reply);

	d->has_reply = found > 0;
	if (found <= 0)
		return found;
	d->shows_raw = authz_status(&d->authz, j->now) != AUTHZ_PENDING;
	return json_parse_object(
	    j, span_str(d->reply.evidence), "evidence", &d->evidence);
}

int
dossier_load(struct job *j, const char *authz_id, struct dossier *d)
{
	int found;

	*d = (struct dossier){ .verdict = NULL };
	found = store_authz_by_id(j, authz_id, NULL, &d->authz);
	if (found <= 0)
		return found;
	if (store_challenge_token_hashes(j, d->authz.challenge.id,
		&d->part1_sha256, &d->part2_sha256) < 0 ||
	    load_reply(j, d) < 0 ||
	    dossier_checks_load(j, d->authz.id, &d->checks) < 0)
		return -1;
	return 1;
}

/* --- verifying ------------------------------------------------------------ */

/* Its words are the result; the job goes on. */
static int
failed(struct job *j, struct dossier *d)
{
	if (j->err.kind != ERR_UNAUTHORIZED && j->err.kind != ERR_MALFORMED)
		return -1;
	d->verdict = arena_strdup(j->arena, j->err.text);
	job_recover(j);
	return 0;
}

int
dossier_verify(struct job *j, struct dossier *d, const struct seal_key *seal,
    const char *why)
{
	struct signing_keys keys;
	int found;

	d->verified = false;
	d->seal_result = seal != NULL ? "checked" : why;
	d->verdict = "no reply proves this mailbox";
	if (!d->has_reply)
		return 0;
	found = account_keys_load(j, d->authz.account_id, &keys);
	if (found < 0)
		return -1;
	d->verdict = "the account is not there any more";
	if (found == 0)
		return 0;
	/* The key that was proven is this one, or handed over to it. */
	keys.signer = keys.thumbprint;
	if (evidence_verify(j, seal, &d->authz, &keys, &d->reply) < 0)
		return failed(j, d);
	if (dossier_checks_verify(j, seal, &d->authz, &d->reply, &d->checks) <
	    0)
		return failed(j, d);
	d->verified = true;
	d->verdict = "ok";
	return 0;
}

/* --- as text -------------------------------------------------------------- */

static void
print_time(struct buf *out, const char *what, int64_t at)
{
	char time[CLOCK_RFC3339_MAX] = "-";

	if (at > 0)
		clock_format_rfc3339(at, time);
	buf_addf(out, "  %s: %s\n", what, time);
}

/* Text from outside, made harmless for a terminal. */
static void
print_outside(struct buf *out, const char *what, struct span value)
{
	buf_addf(out, "  %s: ", what);
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c < ' ' || c >= 0x7f || c == '\\')
			buf_addf(out, "\\x%02x", c);
		else
			buf_add_char(out, (char)c);
	}
	buf_add_char(out, '\n');
}

static void
print_member(
    struct buf *out, const char *what, const struct json *o, const char *name)
{
	const struct json *v = json_get(o, name);

	if (json_type(v) == JSON_T_INTEGER)
		buf_addf(out, "  %s: %lld\n", what, (long long)json_integer(v));
	else if (json_type(v) == JSON_T_BOOL)
		buf_addf(out, "  %s: %s\n", what, json_bool(v) ? "yes" : "no");
	else if (json_type(v) == JSON_T_STRING)
		print_outside(out, what, json_string(v));
}

static void
print_hash(struct job *j, struct buf *out, const char *what, struct span hash)
{
	buf_addf(out, "  %s: %s\n", what, hex_dup(j->arena, hash));
}

static void
print_mail(struct job *j, const struct dossier *d, struct buf *out)
{
	const struct challenge *c = &d->authz.challenge;

	buf_add_str(out, "\nchallenge mail\n");
	buf_addf(out, "  From: %s\n", c->from);
	if (c->reply_to != NULL)
		buf_addf(out, "  Reply-To: %s\n", c->reply_to);
	buf_addf(out, "  Message-ID: %s\n", c->message_id);
	print_time(out, "sent", c->mail_sent_at);
	if (c->relay_answer != NULL)
		print_outside(out, "relay's answer", span_str(c->relay_answer));
	print_hash(j, out, "SHA-256 of token-part1", d->part1_sha256);
	print_hash(j, out, "SHA-256 of token-part2", d->part2_sha256);
}

static void
print_reply(struct job *j, const struct dossier *d, struct buf *out)
{
	const struct reply_record *r = &d->reply;

	buf_add_str(out, "\nreply\n");
	print_time(out, "arrived", r->arrival);
	print_time(
	    out, "judged", json_integer(json_get(d->evidence, "judged_at")));
	if (r->is_wrapped)
		buf_add_str(out, "  encrypted\n");
	else
		buf_addf(out, "  octets: %zu\n", r->raw.n);
	buf_addf(out, "  id: %s\n", r->id);
	print_hash(j, out, "SHA-256", r->raw_sha256);
	print_member(out, "method", d->evidence, "method");
	print_member(out, "requirements", d->evidence, "requirements");
	print_member(out, "key of the account", d->evidence, "thumbprint");
	print_member(out, "expected digest", d->evidence, "expected_digest");
	for (size_t i = 0; i < json_count(json_get(d->evidence, "resolvers"));
	     i++)
		print_outside(out, "resolver",
		    json_string(
			json_at(json_get(d->evidence, "resolvers"), i)));
}

/* By which names the record was found. */
static void
print_aliases(const struct dossier *d, struct span name, struct buf *out)
{
	const struct json *answers = json_get(d->evidence, "dns"), *list;

	for (size_t i = 0; i < json_count(answers); i++) {
		const struct json *a = json_at(answers, i);

		list = json_get(a, "aliases");
		if (!span_eq(json_string(json_get(a, "name")), name))
			continue;
		for (size_t k = 0; k < json_count(list); k++)
			print_outside(
			    out, "  alias of", json_string(json_at(list, k)));
		return;
	}
}

static void
print_key(struct job *j, const struct dossier *d, const struct json *s,
    struct buf *out)
{
	const struct json *dns = json_get(s, "dns");
	struct span record = json_string(json_get(s, "key_record")), octets;

	if (dns == NULL)
		return;
	print_member(out, "key record at", dns, "name");
	print_aliases(d, json_string(json_get(dns, "name")), out);
	print_member(out, "  status", dns, "status");
	print_member(out, "  secured by DNSSEC", dns, "secure");
	print_member(out, "  seconds to live", dns, "ttl");
	if (record.n > 0 && b64_parse_fws(j->arena, record, &octets) == 0)
		print_outside(out, "  TXT", octets);
}

static void
print_signature(struct job *j, const struct dossier *d, const struct json *s,
    struct buf *out)
{
	buf_add_str(out, "\nDKIM signature\n");
	print_member(out, "result", s, "code");
	print_member(out, "detail", s, "detail");
	print_member(out, "note", s, "note");
	print_member(out, "d", s, "d");
	print_member(out, "s", s, "s");
	print_member(out, "a", s, "a");
	print_member(out, "bits of the key", s, "bits");
	print_member(out, "h", s, "h");
	print_member(out, "coverage grade", s, "grade");
	print_key(j, d, s, out);
}

/* MA-86: who signed, and what the chain was judged by. */
static void
print_smime(const struct json *s, struct buf *out)
{
	const struct json *signers = json_get(s, "signers");
	const struct json *lists = json_get(s, "lists");

	if (s == NULL)
		return;
	buf_add_str(out, "\nS/MIME signature\n");
	print_member(out, "result", s, "code");
	print_member(out, "detail", s, "detail");
	print_member(out, "in place of DKIM", s, "instead_of_dkim");
	for (size_t i = 0; i < json_count(signers); i++) {
		const struct json *signer = json_at(signers, i);

		print_member(
		    out, "SHA-256 of a certificate", signer, "certificate");
		print_member(out, "  number", signer, "serial");
		print_member(out, "  key", signer, "key");
		print_member(out, "  bits of the key", signer, "bits");
		print_member(out, "  digest", signer, "digest");
		print_member(out, "  for the From address", signer, "from");
	}
	for (size_t i = 0; i < json_count(lists); i++)
		print_member(out, "SHA-256 of a revocation list",
		    json_at(lists, i), "sha256");
}

static void
print_checks(const struct json *checks, struct buf *out)
{
	buf_add_str(out, "\nchecks, in their order\n");
	for (size_t i = 0; i < json_count(checks); i++) {
		const struct json *c = json_at(checks, i);
		struct span detail = json_string(json_get(c, "detail"));
		struct span result = json_string(json_get(c, "result"));
		struct span code = json_string(json_get(c, "code"));

		buf_addf(out, "  %.*s  %.*s%s%.*s\n", (int)result.n, result.p,
		    (int)code.n, code.p, detail.n > 0 ? ": " : "",
		    (int)detail.n, detail.p);
	}
}

static void
print_verification(const struct dossier *d, struct buf *out)
{
	if (d->verdict == NULL)
		return;
	buf_addf(out, "\nverified again from what is stored: %s\n",
	    d->verified ? "ok" : "NO");
	if (!d->verified)
		buf_addf(out, "  %s\n", d->verdict);
	buf_addf(out, "  validator's seal: %s\n", d->seal_result);
	if (d->checks.unrecorded)
		buf_addf(out, "  evidence of a certificate: %s\n",
		    RELIED_NO_RECORD_TEXT);
}

int
dossier_text(struct job *j, const struct dossier *d, struct buf *out)
{
	const struct json *judged = json_get(d->evidence, "judgement");
	const struct json *signatures = json_get(judged, "signatures");

	if (story_authz_text(j, &d->authz, out) < 0)
		return -1;
	print_mail(j, d, out);
	if (d->has_reply) {
		print_reply(j, d, out);
		for (size_t i = 0; i < json_count(signatures); i++)
			print_signature(j, d, json_at(signatures, i), out);
		print_smime(json_get(judged, "smime"), out);
		print_checks(json_get(judged, "checks"), out);
	} else {
		buf_add_str(out, "\nno reply proves this mailbox\n");
	}
	dossier_checks_text(j, &d->authz, &d->checks, out);
	print_verification(d, out);
	return buf_ok(out) ? 0
			   : job_fail(j, ERR_INTERNAL, "evidence: too long");
}

/* --- as JSON -------------------------------------------------------------- */

static void
put_base64(
    struct json_out *w, struct job *j, const char *name, struct span octets)
{
	struct buf b;

	buf_init(&b, j->arena, octets.n / 3 * 4 + 8);
	b64_add(&b, octets);
	json_member_string(w, name, buf_span(&b));
}

static void
put_hash(struct json_out *w, struct job *j, const char *name, struct span hash)
{
	json_member_str(w, name, hex_dup(j->arena, hash));
}

static void
put_mail(struct json_out *w, struct job *j, const struct dossier *d)
{
	const struct challenge *c = &d->authz.challenge;

	json_key(w, "challenge_mail");
	json_object_begin(w);
	json_member_str(w, "from", c->from);
	if (c->reply_to != NULL)
		json_member_str(w, "reply_to", c->reply_to);
	json_member_str(w, "message_id", c->message_id);
	if (c->mail_sent_at > 0)
		json_member_time(w, "sent", c->mail_sent_at);
	if (c->relay_answer != NULL)
		json_member_str(w, "relay_answer", c->relay_answer);
	put_hash(w, j, "token_part1_sha256", d->part1_sha256);
	put_hash(w, j, "token_part2_sha256", d->part2_sha256);
	json_object_end(w);
}

static void
put_reply(struct json_out *w, struct job *j, const struct dossier *d)
{
	const struct reply_record *r = &d->reply;

	json_key(w, "reply");
	json_object_begin(w);
	json_member_str(w, "id", r->id);
	json_member_str(w, "requirements", r->br_version);
	json_member_time(w, "arrived", r->arrival);
	json_member_str(w, "verdict", verdict_name(r->verdict));
	put_hash(w, j, "sha256", r->raw_sha256);
	if (d->shows_raw)
		put_base64(w, j, r->is_wrapped ? "raw_cms" : "raw", r->raw);
	put_base64(w, j, "seal", r->seal);
	json_key(w, "evidence");
	json_put_raw(w, span_str(r->evidence));
	json_object_end(w);
}

static void
put_verification(struct json_out *w, const struct dossier *d)
{
	if (d->verdict == NULL)
		return;
	json_key(w, "verification");
	json_object_begin(w);
	json_member_bool(w, "verified", d->verified);
	json_member_str(w, "result", d->verdict);
	json_member_str(w, "seal", d->seal_result);
	if (d->checks.unrecorded)
		json_member_str(w, "unrecorded", RELIED_NO_RECORD_TEXT);
	json_object_end(w);
}

int
dossier_json(struct job *j, const struct dossier *d, struct buf *out)
{
	struct json_out w;
	struct buf story;

	buf_init(&story, j->arena, out->max);
	if (story_authz_json(j, &d->authz, &story) < 0)
		return -1;
	json_out_init(&w, out);
	json_object_begin(&w);
	json_key(&w, "authorization");
	json_put_raw(&w, span_trim_fws(buf_span(&story)));
	put_mail(&w, j, d);
	if (d->has_reply)
		put_reply(&w, j, d);
	dossier_checks_json(&w, j, &d->authz, &d->checks);
	put_verification(&w, d);
	json_object_end(&w);
	buf_add_char(out, '\n');
	return buf_ok(out) ? 0
			   : job_fail(j, ERR_INTERNAL, "evidence: too long");
}
