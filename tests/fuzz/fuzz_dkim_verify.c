/*
 * dkim_verify() on a message and a key record (MA-92).
 *
 *	V RECORD NUL MESSAGE    as they are
 *	S TAGS NUL MESSAGE      signed here with TAGS, in which @BH@ and @B@
 *	                        are filled in: past the hashes, into the rules
 *
 * A pass must be one by all that can be seen from outside; and what is signed
 * here never fails at a hash.
 */
#include "config.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "mail/addr_list.h"
#include "mail/dkim_signature.h"
#include "mail/dkim_verify.h"
#include "tests/fuzz/passes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define DOMAIN "user.test"
#define NOW 1772445600
/* 64 octets in base64 */
#define NO_SIGNATURE                                                           \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAAAAAAAAAAAAAAAAA=="
#define NO_HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const struct message_limits limits = { .message_max = 256 << 10 };

static int
query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	const struct span *text = ctx;
	struct buf b;

	(void)type;
	memset(out, 0, sizeof(*out));
	out->name = out->canonical = arena_strdup(j->arena, name);
	out->status = DNS_OK;
	out->count = 1;
	out->rdata = arena_calloc(j->arena, 1, sizeof(struct span));
	buf_init(&b, j->arena, 2 * text->n + 2);
	for (size_t at = 0; at < text->n || at == 0; at += 255) {
		struct span part = span_cut(*text, at, at + 255);

		buf_add_char(&b, (char)(unsigned char)part.n);
		buf_add(&b, part);
	}
	out->rdata[0] = buf_span(&b);
	return 0;
}

static void
check_pass(const struct dkim_result *r)
{
	const struct dkim_signature_result *s = &r->signatures[r->passed];

	if (r->passed >= r->signature_count ||
	    s->finding.result != FINDING_PASS || s->domain == NULL ||
	    strcmp(s->domain, DOMAIN) != 0 || !s->reaches_core ||
	    s->key_bits == 0 || s->key.status != DNS_OK)
		abort();
}

static void
check_result(const struct dkim_result *r)
{
	if (r->pass != (r->finding.result == FINDING_PASS) ||
	    r->signature_count > DKIM_EVALUATED_MAX || r->finding.code == NULL)
		abort();
	for (size_t i = 0; i < r->signature_count; i++) {
		if (r->signatures[i].finding.code == NULL ||
		    strcmp(r->signatures[i].finding.code, "dkim.internal") == 0)
			abort();
	}
	if (r->pass)
		check_pass(r);
}

/* One From with one mailbox: a reply without is refused before its signatures
 * are looked at (MA-5, MA-45), and libopendkim finds none there. */
static bool
has_sender(struct job *j, const struct message *m)
{
	const struct field *from = message_field(m, "From");
	const char *mailbox;
	struct finding f;

	return message_count(m, "From") == 1 &&
	       addr_list_from(j, from->body, &mailbox, &f) == 0;
}

static void
verify(struct job *j, const struct message *m, struct span record,
    struct dkim_result *r)
{
	const struct dkim_policy policy = { .coverage = CONF_COVERAGE_CORE };
	struct resolver *resolver = resolver_new_custom(query, &record);

	j->now = NOW;
	if (dkim_verify(j, m, DOMAIN, NOW, &policy, resolver, r) != 0)
		abort();
	check_result(r);
	if (r->pass && has_sender(j, m))
		passes_keep(m->raw, DOMAIN, NOW,
		    r->signatures[r->passed].key.name, record);
	resolver_free(resolver);
}

/* --- signing -------------------------------------------------------------- */

static void
pkey_release(void *pkey)
{
	EVP_PKEY_free(pkey);
}

static EVP_PKEY *
test_key(struct job *j, struct span *record)
{
	static const unsigned char seed[32] = { 1, 2, 3 };
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	unsigned char raw[32];
	size_t n = sizeof(raw);
	struct buf b;

	if (EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1)
		abort();
	buf_init(&b, j->arena, 256);
	buf_add_str(&b, "v=DKIM1; k=ed25519; p=");
	b64_add(&b, span_mem(raw, n));
	*record = buf_span(&b);
	return arena_own(j->arena, pkey, pkey_release);
}

/* `text` with the first `what` in it replaced. */
static struct span
fill(struct job *j, struct span text, struct span what, struct span with)
{
	size_t at = span_find_span(text, 0, what);
	struct buf b;

	if (at == text.n)
		return text;
	buf_init(&b, j->arena, text.n + with.n);
	buf_add(&b, span_cut(text, 0, at));
	buf_add(&b, with);
	buf_add(&b, span_from(text, at + what.n));
	return buf_span(&b);
}

static struct span
base64(struct job *j, const uint8_t *p, size_t n)
{
	struct buf b;

	buf_init(&b, j->arena, 2 * n + 4);
	b64_add(&b, span_mem(p, n));
	return buf_span(&b);
}

/* The message below a field with these tags. */
static struct span
put_together(struct job *j, struct span tags, struct span message)
{
	struct buf b;

	buf_init(&b, j->arena, tags.n + message.n + 32);
	buf_add_str(&b, "DKIM-Signature:");
	buf_add(&b, tags);
	buf_add_str(&b, "\r\n");
	buf_add(&b, message);
	return buf_span(&b);
}

/* The topmost field as a signature, all rules but the hashes checked. */
static int
open_signature(
    struct job *j, struct span raw, struct message *m, struct dkim_signature *s)
{
	struct finding f;

	if (message_parse(j, raw, &limits, m, &f) < 0 ||
	    dkim_signature_open(j, &m->fields[0], s, &f) < 0)
		return -1;
	return dkim_signature_check(j, s, NOW, &f);
}

static struct span
sign(struct job *j, EVP_PKEY *pkey, struct span tags, struct span message)
{
	struct span body_filled,
	    first = fill(j, tags, SPAN("@BH@"), SPAN(NO_HASH));
	struct dkim_signature s;
	struct message m;
	const struct dkim_tag *b;
	uint8_t hash[32], value[64];
	size_t n = sizeof(value);
	EVP_MD_CTX *ctx;

	first = fill(j, first, SPAN("@B@"), SPAN(NO_SIGNATURE));
	first = put_together(j, first, message);
	if (open_signature(j, first, &m, &s) < 0)
		return first;
	dkim_body_hash(sha256_new(j->arena), s.body_canon, m.body, hash);
	tags = fill(j, tags, SPAN("@BH@"), base64(j, hash, 32));
	body_filled = put_together(
	    j, fill(j, tags, SPAN("@B@"), SPAN(NO_SIGNATURE)), message);
	if (open_signature(j, body_filled, &m, &s) < 0)
		return first;
	b = dkim_tags_get(&s.tags, "b");
	dkim_header_hash(sha256_new(j->arena),
	    &(struct dkim_header){ .canon = s.header_canon,
		.selected = dkim_select(j, &m, s.names, s.name_count, s.field),
		.count = s.name_count,
		.signature = s.field,
		.from = b->from,
		.to = b->to },
	    hash);
	ctx = EVP_MD_CTX_new();
	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) != 1 ||
	    EVP_DigestSign(ctx, value, &n, hash, 32) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	return put_together(
	    j, fill(j, tags, SPAN("@B@"), base64(j, value, 64)), message);
}

/* The tags have the two marks once, where they belong. */
static bool
is_marked(struct span tags)
{
	size_t bh = span_find_span(tags, 0, SPAN("bh=@BH@"));
	size_t b = span_find_span(tags, 0, SPAN(" b=@B@"));

	return bh < tags.n && b < tags.n &&
	       span_find(tags, 0, '@') == (bh < b ? bh + 3 : b + 3) &&
	       span_find_span(tags, bh + 7, SPAN("@BH@")) == tags.n &&
	       span_find_span(tags, b + 6, SPAN("@B@")) == tags.n;
}

/* Without what stands in further fields. */
static struct span
first_field(struct span tags)
{
	size_t at = 0, end;

	while ((end = span_find_span(tags, at, SPAN("\r\n"))) < tags.n) {
		at = end + 2;
		if (at == tags.n || (tags.p[at] != ' ' && tags.p[at] != '\t'))
			return span_cut(tags, 0, end);
	}
	return tags;
}

static void
sign_and_verify(struct job *j, struct span input, struct span message)
{
	struct span tags = first_field(input);
	struct span record, raw;
	EVP_PKEY *pkey = test_key(j, &record);
	struct dkim_result r;
	struct message m;
	struct finding f;

	raw = sign(j, pkey, input, message);
	if (message_parse(j, raw, &limits, &m, &f) < 0)
		return;
	verify(j, &m, record, &r);
	/* MA-17, MA-21: signed or not, these do not count. */
	if (r.pass &&
	    (span_find_span(tags, 0, SPAN("; l=")) < tags.n ||
		span_find_span(tags, 0, SPAN("; a=rsa-sha1")) < tags.n))
		abort();
	if (is_marked(tags) && m.field_count > 0 && r.signature_count == 1 &&
	    (strcmp(r.finding.code, "dkim.body-hash") == 0 ||
		strcmp(r.finding.code, "dkim.signature") == 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span all = span_mem(data, n);
	size_t nul = span_find(all, 0, '\0');
	struct span first = span_cut(all, 1, nul);
	struct span message = span_from(all, nul + 1);
	struct dkim_result r;
	struct message m;
	struct finding f;
	struct job j;

	if (n == 0)
		return 0;
	job_init(&j, NULL, NULL);
	if (data[0] == 'S')
		sign_and_verify(&j, first, message);
	else if (message_parse(&j, message, &limits, &m, &f) == 0)
		verify(&j, &m, first, &r);
	job_done(&j);
	return 0;
}
