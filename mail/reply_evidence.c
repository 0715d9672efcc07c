#include "config.h"

#include "mail/reply_evidence.h"

#include <assert.h>

#include "lib/b64.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/utf8.h"

#define EVIDENCE_MAX (2 * 1024 * 1024)
/* With one signature by a key of 2048 bits. */
#define EVIDENCE_USUAL 2200
/* Key records of signatures that did not count are kept up to this. */
#define SPARE_RECORDS_MAX (16 * 1024)

int
reply_trail_add(struct reply_trail *t, const struct finding *f)
{
	assert(t->count < REPLY_CHECKS_MAX);
	t->checks[t->count++] = *f;
	return f->result == FINDING_PASS || f->result == FINDING_NOTE ? 0 : -1;
}

static void
put_finding(struct json_out *o, const struct finding *f)
{
	json_member_str(o, "code", f->code);
	json_member_str(o, "result", finding_class_name(f->result));
	if (f->detail[0] != '\0')
		json_member_str(o, "detail", f->detail);
}

/* A name from the message, if it is one. */
static void
put_name(struct json_out *o, const char *member, const char *name)
{
	if (name != NULL && utf8_is_plain(span_str(name)))
		json_member_str(o, member, name);
}

static void
put_base64(struct job *j, struct json_out *o, struct span octets)
{
	struct buf b;

	buf_init(&b, j->arena, octets.n * 2 + 4);
	b64_add(&b, octets);
	json_put_string(o, buf_span(&b));
}

static const char *
grade_name(const struct dkim_signature_result *s)
{
	if (!s->reaches_core)
		return "none";
	switch (s->grade) {
	case CONF_COVERAGE_CORE:
		return "core";
	case CONF_COVERAGE_PRESENT:
		return "present";
	case CONF_COVERAGE_RFC:
		return "rfc";
	}
	return "none";
}

/* How the DNS answered.  All records of the answer are beside the judgement
 * (dns/record.h), from which the signature is verified again (ER-35). */
static void
put_answer(struct json_out *o, const struct dns_answer *a)
{
	json_key(o, "dns");
	json_object_begin(o);
	put_name(o, "name", a->name);
	put_name(o, "canonical", a->canonical);
	json_member_str(o, "status", dns_status_name(a->status));
	json_member_bool(o, "secure", a->secure);
	json_member_int(o, "ttl", a->ttl);
	json_object_end(o);
}

static void
put_signature(struct job *j, struct json_out *o,
    const struct dkim_signature_result *s, bool whole)
{
	json_object_begin(o);
	put_finding(o, &s->finding);
	if (s->note.result == FINDING_NOTE)
		json_member_str(o, "note", s->note.code);
	put_name(o, "d", s->domain);
	put_name(o, "s", s->selector);
	put_name(o, "a", s->algorithm);
	json_member_int(o, "bits", s->key_bits);
	put_name(o, "h", s->header_list);
	json_member_str(o, "grade", grade_name(s));
	if (s->key.name != NULL)
		put_answer(o, &s->key);
	if (whole && s->key_record.n > 0) {
		json_key(o, "key_record");
		put_base64(j, o, s->key_record);
	}
	json_object_end(o);
}

static void
put_signatures(struct job *j, struct json_out *o, const struct dkim_result *d)
{
	size_t i, spare = 0, size;
	bool whole;

	json_key(o, "signatures");
	json_array_begin(o);
	for (i = 0; i < d->signature_count; i++) {
		size = d->signatures[i].key_record.n;
		whole = d->pass && i == d->passed;
		if (!whole && spare + size <= SPARE_RECORDS_MAX) {
			spare += size;
			whole = true;
		}
		put_signature(j, o, &d->signatures[i], whole);
	}
	json_array_end(o);
}

static void
put_signer(struct json_out *o, const struct smime_signature *s)
{
	char hash[2 * SHA256_LEN + 1];

	json_object_begin(o);
	hex_format(hash, span_mem(s->certificate, SHA256_LEN));
	json_member_str(o, "certificate", hash);
	put_name(o, "serial", s->serial);
	put_name(o, "digest", s->digest);
	put_name(o, "key", s->key);
	json_member_int(o, "bits", s->bits);
	json_member_bool(o, "from", s->is_from);
	json_object_end(o);
}

static void
put_list(
    struct job *j, struct json_out *o, const struct smime_list *l, bool is_kept)
{
	char hash[2 * SHA256_LEN + 1];

	json_object_begin(o);
	hex_format(hash, span_mem(l->sha256, SHA256_LEN));
	json_member_str(o, "sha256", hash);
	if (is_kept) {
		json_key(o, "der");
		put_base64(j, o, l->der);
	}
	json_object_end(o);
}

/* Whom the chains led to, and by which lists nobody was revoked; the other
 * certificates are in the message. */
static void
put_smime(struct job *j, struct json_out *o, const struct smime_result *s)
{
	size_t i;

	json_key(o, "smime");
	json_object_begin(o);
	put_finding(o, &s->finding);
	json_member_bool(o, "accepted", s->accepted);
	json_member_bool(o, "instead_of_dkim", s->replaces_dkim);
	json_key(o, "signers");
	json_array_begin(o);
	for (i = 0; i < s->signer_count; i++)
		put_signer(o, &s->signers[i]);
	json_array_end(o);
	json_key(o, "roots");
	json_array_begin(o);
	for (i = 0; i < s->root_count; i++)
		put_base64(j, o, s->roots[i]);
	json_array_end(o);
	json_member_bool(o, "lists_kept", s->lists_kept);
	json_key(o, "lists");
	json_array_begin(o);
	for (i = 0; i < s->list_count; i++)
		put_list(j, o, &s->lists[i], s->lists_kept);
	json_array_end(o);
	json_object_end(o);
}

const char *
reply_evidence(struct job *j, const struct reply *r)
{
	struct json_out o;
	struct buf b;
	size_t i;

	buf_init(&b, j->arena, EVIDENCE_MAX);
	buf_reserve(&b, EVIDENCE_USUAL);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_int(&o, "version", 1);
	json_member_time(&o, "arrival", r->arrival);
	json_member_time(&o, "judged", j->now);
	json_key(&o, "checks");
	json_array_begin(&o);
	for (i = 0; i < r->trail->count; i++) {
		json_object_begin(&o);
		put_finding(&o, &r->trail->checks[i]);
		json_object_end(&o);
	}
	json_array_end(&o);
	put_signatures(j, &o, &r->dkim);
	if (r->smime != NULL && r->smime->present)
		put_smime(j, &o, r->smime);
	if (r->decided) {
		json_member_str(&o, "verdict", verdict_name(r->verdict));
		json_member_str(&o, "code", r->finding.code);
	}
	json_object_end(&o);
	return b.p;
}
