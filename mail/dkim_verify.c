#include "config.h"

#include "mail/dkim_verify.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "mail/dkim_canon.h"
#include "mail/dkim_coverage.h"
#include "mail/dkim_key.h"
#include "mail/dkim_signature.h"

#include <string.h>

/* How far a signature came; the one that came furthest tells most about why
 * a message does not pass. */
enum stage {
	STAGE_OPEN,
	STAGE_RULES,
	STAGE_COVERAGE,
	STAGE_BODY,
	STAGE_KEY,
	STAGE_SIGNATURE,
};

struct candidate {
	struct dkim_signature_result result;
	bool is_open; /* its tags, d= and s= can be read */
	struct dkim_coverage covers;
	enum stage stage;
	uint8_t header_hash[32];
	struct dkim_signature signature; /* last, as it is large */
};

struct candidates {
	struct candidate *v[DKIM_EVALUATED_MAX];
	size_t count; /* in v */
	size_t evaluated;
	size_t ignored; /* beyond it */
};

struct verification {
	struct job *j;
	const struct message *m;
	const char *from_domain;
	int64_t arrival;
	const struct dkim_policy *policy;
	struct resolver *resolver;
	struct candidates aligned, others;
	struct sha256_ctx *digest;
	size_t present[DKIM_COVERAGE_FIELDS]; /* in the message */
	/* One body hash per canonicalization serves all signatures. */
	bool has_body_hash[2];
	uint8_t body_hash[2][32];
};

/* --- coverage (MA-41) ----------------------------------------------------- */

static int
check_coverage(struct verification *v, struct candidate *c)
{
	enum conf_coverage want = v->policy->coverage;
	struct dkim_signature_result *r = &c->result;

	c->stage = STAGE_COVERAGE;
	dkim_coverage_find(c->signature.names, c->signature.name_count,
	    v->present, &c->covers);
	r->reaches_core = dkim_coverage_reaches(&c->covers, CONF_COVERAGE_CORE);
	r->grade = dkim_coverage_grade(&c->covers);
	if (dkim_coverage_reaches(&c->covers, want))
		return 0;
	return finding_set(&r->finding, FINDING_SKIP, "dkim.coverage",
	    "the signature does not cover %s",
	    dkim_coverage_missing(v->j, &c->covers, want));
}

/* --- body, key, signature ------------------------------------------------- */

/* MA-27: before the key is asked for, since nothing can mend it. */
static int
check_body(struct verification *v, struct candidate *c)
{
	enum dkim_canon canon = c->signature.body_canon;

	c->stage = STAGE_BODY;
	if (!v->has_body_hash[canon]) {
		dkim_body_hash(
		    v->digest, canon, v->m->body, v->body_hash[canon]);
		v->has_body_hash[canon] = true;
	}
	if (memcmp(v->body_hash[canon], c->signature.body_hash.p, 32) == 0)
		return 0;
	return finding_set(&c->result.finding, FINDING_SKIP, "dkim.body-hash",
	    "the body is not the one that was signed: it was changed on the "
	    "way");
}

/* MA-30 to MA-33: 0, -1 with the finding. */
static int
judge_answer(
    const struct verification *v, const struct dns_answer *a, struct finding *f)
{
	if (a->disagrees)
		return finding_set(f, FINDING_DEFER, "dns.disagreement",
		    "two resolvers give different key records");
	if (a->too_large) /* and is so tomorrow */
		return finding_set(f, FINDING_SKIP, "key.too-large",
		    "more TXT records at the selector than a key can need");
	switch (a->status) {
	case DNS_OK:
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return finding_set(f, FINDING_SKIP, "key.none",
		    "there is no key record in the DNS (%s)",
		    dns_status_name(a->status));
	case DNS_TEMPORARY:
		return finding_set(f, FINDING_DEFER, "dns.temporary",
		    "the key record could not be asked for");
	case DNS_BOGUS:
		return finding_set(f, FINDING_DEFER, "dns.bogus",
		    "the key record fails DNSSEC validation");
	}
	if (!a->secure && v->policy->require_dnssec)
		return finding_set(f, FINDING_SKIP, "dns.insecure",
		    "the key record is not protected by DNSSEC");
	return 0;
}

/* MA-36 */
static int
check_flags(const struct verification *v, struct candidate *c,
    const struct dkim_key *key)
{
	const struct dkim_signature *s = &c->signature;

	if (key->is_testing && !v->policy->allow_testing)
		return finding_set(&c->result.finding, FINDING_SKIP,
		    "key.testing", "the key record says t=y: only a test");
	if (key->is_strict && strcmp(s->identity_domain, s->domain) != 0)
		return finding_set(&c->result.finding, FINDING_SKIP,
		    "key.strict-identity",
		    "the key record says t=s, and i= is below d=");
	return 0;
}

static const char *
key_name(struct job *j, const struct dkim_signature *s)
{
	const struct span label = SPAN("._domainkey.");
	struct span selector = span_str(s->selector);
	struct span domain = span_str(s->domain);
	struct buf b;

	buf_init(&b, j->arena, selector.n + label.n + domain.n);
	buf_reserve(&b, b.max);
	buf_add(&b, selector);
	buf_add(&b, label);
	buf_add(&b, domain);
	return b.p;
}

/* 1 with the key, 0 with the finding, -1 for a fault of ours. */
static int
find_key(struct verification *v, struct candidate *c, struct dkim_key *key)
{
	const struct dkim_signature *s = &c->signature;
	struct dkim_signature_result *r = &c->result;
	const char *name = key_name(v->j, s);

	c->stage = STAGE_KEY;
	if (resolver_query(v->resolver, v->j, name, DNS_TYPE_TXT, &r->key) < 0)
		return -1;
	if (judge_answer(v, &r->key, &r->finding) < 0 ||
	    dkim_key_find(v->j, &r->key, &r->key_record, &r->finding) < 0 ||
	    dkim_key_parse(v->j, r->key_record, s->type, key, &r->finding) < 0)
		return 0;
	r->key_bits = key->bits;
	if (key->type == DKIM_KEY_RSA && key->bits < 2048)
		(void)finding_set(&r->note, FINDING_NOTE, "key.weak",
		    "an RSA key of %u bits", key->bits);
	return check_flags(v, c, key) == 0;
}

/* MA-26 */
static void
hash_header(struct verification *v, struct candidate *c)
{
	const struct dkim_signature *s = &c->signature;
	const struct dkim_tag *b = dkim_tags_get(&s->tags, "b");
	const struct dkim_header header = {
		.canon = s->header_canon,
		.selected =
		    dkim_select(v->j, v->m, s->names, s->name_count, s->field),
		.count = s->name_count,
		.signature = s->field,
		.from = b->from,
		.to = b->to,
	};

	dkim_header_hash(v->digest, &header, c->header_hash);
}

/* MA-27 */
static int
check_signature(
    struct verification *v, struct candidate *c, const struct dkim_key *key)
{
	const struct dkim_signature *s = &c->signature;
	struct finding *f = &c->result.finding;

	c->stage = STAGE_SIGNATURE;
	if (s->value.n != key->signature_len)
		return finding_set(f, FINDING_SKIP, "dkim.base64",
		    "b= has %zu octets; with this key it must have %zu",
		    s->value.n, key->signature_len);
	hash_header(v, c);
	switch (dkim_key_verify(key, c->header_hash, s->value)) {
	case DKIM_KEY_GOOD:
		return finding_set_text(
		    f, FINDING_PASS, "dkim.pass", key->words);
	case DKIM_KEY_BAD:
		break;
	case DKIM_KEY_FAILED:
		return finding_set(f, FINDING_DEFER, "dkim.internal",
		    "the crypto library could not verify the signature");
	}
	return finding_set(f, FINDING_SKIP, "dkim.signature",
	    "the signature does not fit the header and the key: a signed field "
	    "was changed on the way, as a filter does that marks Subjects, or "
	    "the key in the DNS is another one");
}

/* What the signature says of itself, for the evidence (MA-86). */
static void
describe(struct verification *v, struct candidate *c)
{
	struct dkim_signature_result *r = &c->result;
	const struct dkim_signature *s = &c->signature;
	struct field h = { .body = s->header_list };

	r->domain = s->domain;
	r->selector = s->selector;
	if (s->name_count == 0)
		return;
	r->algorithm = dkim_key_algorithm(s->type);
	r->header_list = span_dup(v->j->arena, field_unfold(v->j, &h));
}

/*
 * From the cheap checks to the dear ones: its own rules, coverage, body, key,
 * signature.  0 with the candidate's finding, -1 for a fault of ours.
 */
static int
evaluate(struct verification *v, struct candidate *c, bool counts)
{
	struct dkim_key key;
	int rc;

	if (!c->is_open)
		return 0;
	c->stage = STAGE_RULES;
	rc = dkim_signature_check(
	    v->j, &c->signature, v->arrival, &c->result.finding);
	describe(v, c);
	if (rc < 0 || (counts && check_coverage(v, c) < 0) ||
	    check_body(v, c) < 0)
		return 0;
	rc = find_key(v, c, &key);
	if (rc > 0)
		(void)check_signature(v, c, &key);
	return rc < 0 ? -1 : 0;
}

/* --- sorting by alignment (MA-10, MA-11, MA-40) --------------------------- */

/* Takes *c if there is room. */
static void
keep(struct candidates *list, struct candidate **c)
{
	if (list->count == DKIM_EVALUATED_MAX) {
		list->ignored++;
		return;
	}
	list->v[list->count++] = *c;
	*c = NULL;
}

static bool
is_aligned(const struct verification *v, const char *domain)
{
	const char *parent = v->policy->parent;

	return domain != NULL &&
	       (strcmp(domain, v->from_domain) == 0 ||
		   (parent != NULL && strcmp(domain, parent) == 0));
}

/* 0, or -1 if a field makes the whole message unfit (MA-6). */
static int
sort_out(struct verification *v, struct finding *f)
{
	struct candidate *c = NULL;

	for (size_t i = 0; i < v->m->field_count; i++) {
		if (!span_caseeq_str(v->m->fields[i].name, "DKIM-Signature"))
			continue;
		if (c == NULL)
			c = arena_alloc(v->j->arena, sizeof(*c));
		/* Until something else is found, so that nothing passes by
		 * being forgotten. */
		(void)finding_set(&c->result.finding, FINDING_DEFER,
		    "dkim.internal", "not evaluated");
		(void)finding_set(&c->result.note, FINDING_PASS, "dkim.pass",
		    "nothing to note");
		c->is_open = dkim_signature_open(v->j, &v->m->fields[i],
				 &c->signature, &c->result.finding) == 0;
		if (c->result.finding.result == FINDING_REFUSE) {
			*f = c->result.finding;
			return -1;
		}
		c->result.domain = c->signature.domain;
		c->result.selector = c->signature.selector;
		keep(is_aligned(v, c->signature.domain) ? &v->aligned
							: &v->others,
		    &c);
	}
	return 0;
}

/* --- no aligned signature (MA-40) ----------------------------------------- */

static bool
is_provider_domain(const char *domain)
{
	static const char *const providers[] = { "onmicrosoft.com",
		"gappssmtp.com", "amazonses.com", "mailgun.org" };

	for (size_t i = 0; i < COUNT(providers); i++)
		if (addr_domain_within(domain, providers[i]))
			return true;
	return false;
}

/* The code that a good signature of this domain gets, or NULL: a stranger's
 * is not worth a look-up (MA-11). */
static const char *
code_of_signer(const struct verification *v, const char *domain)
{
	if (is_provider_domain(domain))
		return "dkim.provider-domain";
	return addr_domain_within(domain, v->from_domain) ||
		       addr_domain_within(v->from_domain, domain)
		   ? "dkim.not-aligned"
		   : NULL;
}

/*
 * A signature of a provider's own domain, or of a parent or child of the From
 * domain, is verified, one at most, only to tell the mailbox's owner what to
 * ask for; it can never count.
 */
static int
name_signer(struct verification *v, struct finding *f)
{
	for (size_t i = 0; i < v->others.count; i++) {
		struct candidate *c = v->others.v[i];
		const char *code = NULL;

		if (c->is_open)
			code = code_of_signer(v, c->signature.domain);
		if (code == NULL)
			continue;
		if (evaluate(v, c, false) < 0)
			return -1;
		if (c->result.finding.result != FINDING_PASS)
			return 0;
		(void)finding_set(&c->result.finding, FINDING_SKIP, code,
		    "a good signature, of another domain than From");
		(void)finding_set(f, FINDING_REFUSE, code,
		    "signed by %.60s only: the administrator must enable DKIM "
		    "for %.60s",
		    c->signature.domain, v->from_domain);
		return 0;
	}
	return 0;
}

/* What is still unjudged is not aligned. */
static void
mark_unaligned(struct verification *v)
{
	for (size_t i = 0; i < v->others.count; i++) {
		struct candidate *c = v->others.v[i];

		if (c->signature.domain != NULL &&
		    strcmp(c->result.finding.code, "dkim.provider-domain") != 0)
			(void)finding_set(&c->result.finding, FINDING_SKIP,
			    "dkim.not-aligned",
			    "d= is not the domain of the From address");
	}
}

static void
judge_unaligned(struct verification *v, struct finding *f)
{
	const struct finding *first = &v->others.v[0]->result.finding;

	for (size_t i = 0; i < v->others.count; i++) {
		if (v->others.v[i]->signature.domain == NULL)
			continue;
		(void)finding_set(f, FINDING_REFUSE, "dkim.not-aligned",
		    "signed by another domain only; needed is a DKIM "
		    "signature of %.80s",
		    v->from_domain);
		return;
	}
	(void)finding_set(f, FINDING_REFUSE, first->code, "%s", first->detail);
}

/* --- the verdict over all ------------------------------------------------- */

static void
judge_aligned(struct verification *v, struct finding *f)
{
	const struct candidate *worst = v->aligned.v[0];

	for (size_t i = 0; i < v->aligned.evaluated; i++) {
		const struct candidate *c = v->aligned.v[i];

		if (c->result.finding.result == FINDING_DEFER) {
			*f = c->result.finding; /* it may still pass */
			return;
		}
		if (c->stage > worst->stage)
			worst = c;
	}
	(void)finding_set(f, FINDING_REFUSE, worst->result.finding.code, "%s",
	    worst->result.finding.detail);
}

static void
fill_pass(
    struct verification *v, const struct candidate *c, struct dkim_result *out)
{
	out->pass = true;
	out->finding = c->result.finding;
	out->passed = v->aligned.evaluated - 1;
	out->field = c->signature.field;
	memcpy(out->covered_hash, c->header_hash, sizeof(out->covered_hash));
	out->covers_content_type = c->covers.has[DKIM_COVERAGE_CONTENT_TYPE];
	out->covers_cte = c->covers.has[DKIM_COVERAGE_CTE];
	out->covers_to = c->covers.has[DKIM_COVERAGE_TO];
	out->covers_blanks = c->signature.body_canon == DKIM_SIMPLE;
}

static int
evaluate_aligned(struct verification *v, struct dkim_result *out)
{
	dkim_coverage_count(v->m, v->present);
	while (v->aligned.evaluated < v->aligned.count) {
		struct candidate *c = v->aligned.v[v->aligned.evaluated++];

		if (evaluate(v, c, true) < 0)
			return -1;
		if (c->result.finding.result == FINDING_PASS) {
			fill_pass(v, c, out);
			return 0;
		}
	}
	judge_aligned(v, &out->finding);
	return 0;
}

static int
judge(struct verification *v, struct dkim_result *out)
{
	if (v->aligned.count > 0)
		return evaluate_aligned(v, out);
	if (v->others.count == 0) {
		(void)finding_set(&out->finding, FINDING_REFUSE, "dkim.none",
		    "the message has no DKIM signature; needed is one of "
		    "%.80s",
		    v->from_domain);
		return 0;
	}
	judge_unaligned(v, &out->finding);
	return name_signer(v, &out->finding);
}

static void
list_results(struct verification *v, struct dkim_result *out)
{
	mark_unaligned(v);
	for (size_t i = 0; i < v->aligned.evaluated; i++)
		out->signatures[out->signature_count++] =
		    v->aligned.v[i]->result;
	for (size_t i = 0;
	     i < v->others.count && out->signature_count < DKIM_EVALUATED_MAX;
	     i++)
		out->signatures[out->signature_count++] =
		    v->others.v[i]->result;
	if (v->aligned.ignored > 0)
		(void)finding_set(&out->note, FINDING_NOTE, "dkim.too-many",
		    "%zu more signatures of the From domain were not looked at",
		    v->aligned.ignored);
}

/* MA-19: the mail store's word, if it can be true. */
static int64_t
choose_arrival(int64_t arrival, int64_t sent_at, int64_t now)
{
	return arrival >= sent_at && arrival <= now ? arrival : now;
}

static struct verification *
verification_new(struct job *j)
{
	struct verification *v = arena_alloc(j->arena, sizeof(*v));

	v->j = j;
	v->digest = sha256_new(j->arena);
	return v;
}

int
dkim_verify(struct job *j, const struct message *m, const char *from_domain,
    int64_t arrival, const struct dkim_policy *policy,
    struct resolver *resolver, struct dkim_result *out)
{
	struct verification *v = verification_new(j);

	memset(out, 0, offsetof(struct dkim_result, signatures));
	(void)finding_set(
	    &out->note, FINDING_PASS, "dkim.pass", "nothing to note");
	v->m = m;
	v->from_domain = from_domain;
	v->policy = policy;
	v->resolver = resolver;
	v->arrival = out->arrival =
	    choose_arrival(arrival, policy->sent_at, j->now);
	if (sort_out(v, &out->finding) < 0)
		return 0;
	if (judge(v, out) < 0)
		return -1;
	list_results(v, out);
	return 0;
}

void
dkim_covered(struct job *j, const struct message *m, const char *from_domain,
    int64_t arrival, uint8_t hashes[DKIM_EVALUATED_MAX][32], size_t *count)
{
	static const struct dkim_policy none = { .coverage =
						     CONF_COVERAGE_CORE };
	struct verification *v = verification_new(j);
	struct finding f;

	*count = 0;
	v->m = m;
	v->from_domain = from_domain;
	v->policy = &none;
	v->arrival = arrival;
	if (sort_out(v, &f) < 0)
		return;
	for (size_t i = 0; i < v->aligned.count; i++) {
		struct candidate *c = v->aligned.v[i];

		if (!c->is_open ||
		    dkim_signature_check(j, &c->signature, arrival, &f) < 0 ||
		    check_body(v, c) < 0)
			continue;
		hash_header(v, c);
		memcpy(hashes[(*count)++], c->header_hash, 32);
	}
}
