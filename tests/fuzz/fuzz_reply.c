/*
 * MA-92: replies that are well-formed but for what the input does to them,
 * signed by the domain and changed again on the way, from reply_open() to the
 * verdict.  A fuzzer that only changes octets never gets past a signature;
 * this one reads its input as a list of edits, signs in the middle, and judges
 * the result.
 *
 * The input is a row of steps, each a letter, operands and, where it takes
 * text, the rest of its line:
 *
 *	F text      a field of the draft replaced by its name, or added below
 *	A text      a field at the top
 *	D n         the field n is taken out
 *	B text      a line added to the body
 *	I n text    a line put before line n of the body
 *	X n c       octet n of all becomes c
 *	K n         the block: 0 right, 1 wrong, 2 quoted, 3 base64, 4 cut
 *	N n         what h= covers, one of a few lists
 *	C n         one of the four canonicalizations
 *	R text      the key record's tags before p=
 *	T text      tags added to the signature
 *	S           signed here; what follows is done on the way
 *
 * In text, "\r" is a line end and "\\x" followed by two digits an octet.
 *
 * What holds, whatever the input (MA-42, MA-59):
 *	- a verdict on the digest needs a signature that passed, and exactly one
 *	  From field, which names the mailbox;
 *	- the digest is one that the draft's author wrote: it stands in the body
 *	  as it was signed, in some encoding;
 *	- what is covered is as it was signed: the reply before the changes on
 *	  the way has the same covered_hash;
 *	- if that reply was itself judged by its digest, it was the same one.
 */
#include "config.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "mail/dkim_canon.h"
#include "mail/dkim_signature.h"
#include "mail/mime.h"
#include "mail/reply.h"
#include "tests/fuzz/passes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW 1772445600
#define OWNER "sel._domainkey.user.test"
#define MAX ((size_t)64 * 1024)
#define PART1 "toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q"
#define RIGHT "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs"
#define WRONG "reowUQfQdk2CJw17dkqZLcOLtnFsURLLHJRRCc3Z9wg"
#define BEGIN_LINE "-----BEGIN ACME RESPONSE-----"
#define END_LINE "-----END ACME RESPONSE-----"
#define BLOCK(quote, digest)                                                   \
	quote BEGIN_LINE "\r\n" quote digest "\r\n" quote END_LINE "\r\n"

#define BASE64_BLOCK                                                           \
	"LS0tLS1CRUdJTiBBQ01FIFJFU1BPTlNFLS0tLS0NClg4ZTNkTVpVaWRhcWhUaVlhRC1R" \
	"\r\n"                                                                 \
	"ZE9nT21KNG9sUXd2dkpNV1k2b2tkZnMNCi0tLS0tRU5EIEFDTUUgUkVTUE9OU0UtLS0t" \
	"\r\nLQ0K\r\n"

static const char *const blocks[] = { BLOCK("", RIGHT), BLOCK("", WRONG),
	BLOCK("> ", RIGHT), BASE64_BLOCK, BEGIN_LINE "\r\n" RIGHT "\r\n" };

#define MOST_NAMES                                                             \
	"from:to:subject:date:message-id:in-reply-to:mime-version:"            \
	"content-type:content-transfer-encoding"

static const char *const name_lists[] = { MOST_NAMES, "from:subject:date",
	"from:from:subject:subject:date:date:to:to",
	"from:subject:date:content-type",
	"from:subject:date:content-transfer-encoding", "from:date", "subject" };
static const char *const canons[] = { "relaxed/relaxed", "relaxed/simple",
	"simple/relaxed", "simple/simple" };

struct fuzz {
	struct job j;
	struct span raw;
	struct span as_signed; /* with its signature; .n 0: not signed yet */
	const char *names, *canon;
	struct span tags, record_tags;
	EVP_PKEY *key;
	struct span public_key; /* p= */
};

/* --- steps ---------------------------------------------------------------- */

static struct span
join(struct fuzz *z, struct span a, struct span b, struct span c)
{
	struct buf out;

	buf_init(&out, z->j.arena, 4 * MAX);
	buf_add(&out, a);
	buf_add(&out, b);
	buf_add(&out, c);
	return buf_ok(&out) ? buf_span(&out) : a;
}

static void
replace(struct fuzz *z, size_t from, size_t to, struct span by)
{
	if (z->raw.n + by.n < MAX)
		z->raw = join(
		    z, span_cut(z->raw, 0, from), by, span_from(z->raw, to));
}

static int
hex(char c)
{
	c = ascii_lower(c);
	return ascii_is_digit(c)        ? c - '0'
	       : (c >= 'a' && c <= 'f') ? c - 'a' + 10
					: -1;
}

static struct span
unescaped(struct fuzz *z, struct span text)
{
	struct buf b;

	buf_init(&b, z->j.arena, 2 * text.n + 8);
	for (size_t i = 0; i < text.n; i++) {
		struct span rest = span_from(text, i);

		if (span_starts(rest, SPAN("\\r"))) {
			buf_add_str(&b, "\r\n");
			i++;
		} else if (span_starts(rest, SPAN("\\x")) && rest.n > 3 &&
			   hex(rest.p[2]) >= 0 && hex(rest.p[3]) >= 0) {
			buf_add_char(
			    &b, (char)(hex(rest.p[2]) << 4 | hex(rest.p[3])));
			i += 3;
		} else {
			buf_add_char(&b, text.p[i]);
		}
	}
	return buf_span(&b);
}

static size_t
body_at(struct span raw)
{
	size_t at = span_find_span(raw, 0, SPAN("\r\n\r\n"));

	return at == raw.n ? at : at + 4;
}

/* Offset of the beginning of field or line number n at or after `at`. */
static size_t
nth_line(struct span raw, size_t at, size_t n)
{
	while (n-- > 0 && at < raw.n)
		at = span_find(raw, at, '\n') + 1;
	return at < raw.n ? at : raw.n;
}

static size_t
field_end(struct span raw, size_t at)
{
	do
		at = span_find(raw, at, '\n') + 1;
	while (at < raw.n && (raw.p[at] == ' ' || raw.p[at] == '\t'));
	return at < raw.n ? at : raw.n;
}

static void
set_field(struct fuzz *z, struct span text)
{
	size_t colon = span_find(text, 0, ':');
	struct span name = span_cut(text, 0, colon);
	size_t end = body_at(z->raw), at = 0;
	struct span field = join(z, text, SPAN("\r\n"), SPAN(""));

	if (end < 2 || colon == text.n)
		return;
	for (; at < end - 2; at = field_end(z->raw, at)) {
		struct span line = span_from(z->raw, at);

		if (span_casestarts(line, name) && line.n > name.n &&
		    line.p[name.n] == ':') {
			replace(z, at, field_end(z->raw, at), field);
			return;
		}
	}
	replace(z, end - 2, end - 2, field);
}

static void
poke(struct fuzz *z, size_t at, char c)
{
	char *copy;

	if (z->raw.n == 0)
		return;
	copy = span_dup(z->j.arena, z->raw);
	copy[at % z->raw.n] = c;
	z->raw = span_mem(copy, z->raw.n);
}

/* --- signing -------------------------------------------------------------- */

static struct span
field_with(struct fuzz *z, const uint8_t body_hash[32], const uint8_t value[64])
{
	struct buf b;

	buf_init(&b, z->j.arena, MAX);
	buf_addf(&b,
	    "DKIM-Signature: v=1; a=ed25519-sha256; c=%s; d=user.test;\r\n"
	    " s=sel; h=%s; ",
	    z->canon, z->names);
	buf_add(&b, z->tags);
	buf_add_str(&b, "bh=");
	b64_add(&b, span_mem(body_hash, 32));
	buf_add_str(&b, ";\r\n b=");
	b64_add(&b, span_mem(value, 64));
	buf_add_str(&b, "\r\n");
	return buf_ok(&b) ? buf_span(&b) : SPAN("");
}

static void
sign_hash(struct fuzz *z, const uint8_t hash[32], uint8_t value[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 64;

	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, z->key) != 1 ||
	    EVP_DigestSign(ctx, value, &n, hash, 32) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
}

/* Signs as it stands; what cannot be parsed stays unsigned. */
static void
sign(struct fuzz *z)
{
	static const struct message_limits limits = { 4 * MAX };
	uint8_t body_hash[32] = { 0 }, hash[32], value[64] = { 0 };
	const struct dkim_tag *b;
	struct dkim_signature s;
	struct message m;
	struct finding f;
	struct span with;

	z->as_signed = z->raw;
	with = join(z, field_with(z, body_hash, value), z->raw, SPAN(""));
	if (message_parse(&z->j, with, &limits, &m, &f) < 0 ||
	    dkim_signature_open(&z->j, &m.fields[0], &s, &f) < 0 ||
	    dkim_signature_check(&z->j, &s, NOW, &f) < 0)
		return;
	dkim_body_hash(sha256_new(z->j.arena), s.body_canon, m.body, body_hash);
	with = join(z, field_with(z, body_hash, value), z->raw, SPAN(""));
	if (message_parse(&z->j, with, &limits, &m, &f) < 0 ||
	    dkim_signature_open(&z->j, &m.fields[0], &s, &f) < 0 ||
	    dkim_signature_check(&z->j, &s, NOW, &f) < 0)
		return;
	b = dkim_tags_get(&s.tags, "b");
	dkim_header_hash(sha256_new(z->j.arena),
	    &(struct dkim_header){ .canon = s.header_canon,
		.selected =
		    dkim_select(&z->j, &m, s.names, s.name_count, s.field),
		.count = s.name_count,
		.signature = s.field,
		.from = b->from,
		.to = b->to },
	    hash);
	sign_hash(z, hash, value);
	z->raw = z->as_signed =
	    join(z, field_with(z, body_hash, value), z->raw, SPAN(""));
}

/* --- one step ------------------------------------------------------------- */

/* A number below 100000 at the beginning of *rest. */
static size_t
number(struct span *rest)
{
	size_t n = 0, i = 0;

	while (i < rest->n && i < 5 && ascii_is_digit(rest->p[i]))
		n = 10 * n + (size_t)(rest->p[i++] - '0');
	*rest = span_from(*rest, i < rest->n && rest->p[i] == ' ' ? i + 1 : i);
	return n;
}

static void
step_text(struct fuzz *z, char what, struct span rest)
{
	size_t body = body_at(z->raw), n;
	struct span text;

	switch (what) {
	case 'F':
		set_field(z, unescaped(z, rest));
		break;
	case 'A':
		replace(z, 0, 0,
		    join(z, unescaped(z, rest), SPAN("\r\n"), SPAN("")));
		break;
	case 'B':
		replace(z, z->raw.n, z->raw.n,
		    join(z, unescaped(z, rest), SPAN("\r\n"), SPAN("")));
		break;
	case 'I':
		n = nth_line(z->raw, body, number(&rest));
		text = join(z, unescaped(z, rest), SPAN("\r\n"), SPAN(""));
		replace(z, n, n, text);
		break;
	case 'R':
		z->record_tags = unescaped(z, rest);
		break;
	default:
		z->tags = unescaped(z, rest);
		break;
	}
}

static void
step(struct fuzz *z, char what, struct span rest)
{
	size_t n;

	switch (what) {
	case 'D':
		n = nth_line(z->raw, 0, number(&rest));
		replace(z, n, field_end(z->raw, n), SPAN(""));
		break;
	case 'X':
		n = number(&rest);
		poke(z, n, rest.n > 0 ? unescaped(z, rest).p[0] : '\0');
		break;
	case 'K':
		n = body_at(z->raw);
		replace(
		    z, n, n, span_str(blocks[number(&rest) % COUNT(blocks)]));
		break;
	case 'N':
		z->names = name_lists[number(&rest) % COUNT(name_lists)];
		break;
	case 'C':
		z->canon = canons[number(&rest) % COUNT(canons)];
		break;
	case 'S':
		if (z->as_signed.n == 0)
			sign(z);
		break;
	default:
		step_text(z, what, rest);
		break;
	}
}

static void
run(struct fuzz *z, struct span input)
{
	int steps = 0;

	for (size_t at = 0; at < input.n && steps++ < 40;) {
		size_t lf = span_find(input, at, '\n');
		struct span line = span_cut(input, at, lf);

		if (line.n > 0)
			step(z, line.p[0],
			    span_from(
				line, line.n > 1 && line.p[1] == ' ' ? 2 : 1));
		at = lf + 1;
	}
	if (z->as_signed.n == 0)
		sign(z);
}

/* --- judging -------------------------------------------------------------- */

static struct span
record(struct fuzz *z)
{
	return join(z, z->record_tags, SPAN("k=ed25519; p="), z->public_key);
}

static int
query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct fuzz *z = ctx;
	struct span text = record(z);
	struct buf b;

	(void)type;
	memset(out, 0, sizeof(*out));
	out->name = out->canonical = arena_strdup(j->arena, name);
	out->status = DNS_NXDOMAIN;
	if (strcmp(name, OWNER) != 0)
		return 0;
	out->status = DNS_OK;
	out->count = 1;
	out->rdata = arena_calloc(j->arena, 1, sizeof(struct span));
	buf_init(&b, j->arena, 2 * MAX);
	for (size_t at = 0; at < text.n; at += 255) {
		struct span part = span_cut(text, at, at + 255);

		buf_add_char(&b, (char)(unsigned char)part.n);
		buf_add(&b, part);
	}
	out->rdata[0] = buf_span(&b);
	return 0;
}

static bool
is_about_digest(enum verdict v)
{
	return v == VERDICT_MATCH || v == VERDICT_MISMATCH ||
	       v == VERDICT_STALE_KEY;
}

static void
judge(struct fuzz *z, struct span raw, struct reply *r)
{
	static const struct reply_policy policy = { .message_max = 256 * 1024,
		.coverage = CONF_COVERAGE_CORE };
	struct reply_expect expect = { .mailbox = "alice@user.test",
		.answer_to = "acme+tag@ca.test",
		.message_id = "<c1@ca.test>",
		.sent_at = NOW - 600,
		.expires_at = NOW + 3600 };
	struct resolver *resolver = resolver_new_custom(query, z);

	if (b64url_parse_fixed(SPAN(RIGHT), expect.digest_now, SHA256_LEN) < 0)
		abort();
	memcpy(expect.digest_then, expect.digest_now, SHA256_LEN);
	z->j.now = NOW;
	if (reply_open(&z->j, raw, NOW, &policy, r) < 0 ||
	    reply_judge(&z->j, r, &expect, &policy, resolver) < 0 ||
	    !r->decided || r->finding.code == NULL || r->evidence == NULL)
		abort();
	if (r->dkim.pass)
		passes_keep(raw, "user.test", NOW, OWNER, record(z));
	resolver_free(resolver);
}

/* --- what must hold ------------------------------------------------------- */

/* Without white space, and without what is not ASCII, where it hides in one
 * of many charsets, so that it can be looked into for a digest. */
static struct span
squeezed(struct fuzz *z, struct span s)
{
	struct buf b;

	buf_init(&b, z->j.arena, s.n + 1);
	for (size_t i = 0; i < s.n; i++)
		if ((strchr(" \t\r\n", s.p[i]) == NULL || s.p[i] == '\0') &&
		    (unsigned char)s.p[i] < 0x80)
			buf_add_char(&b, s.p[i]);
	return buf_span(&b);
}

static bool
stands_in(struct fuzz *z, struct span text, struct span digest)
{
	struct span s = squeezed(z, text);

	return span_has(s, digest);
}

/* Quoted-printable undone wherever it could be some. */
static struct span
unquoted(struct fuzz *z, struct span s)
{
	struct buf b;

	buf_init(&b, z->j.arena, s.n + 1);
	for (size_t i = 0; i < s.n; i++) {
		struct span rest = span_from(s, i);

		if (span_starts(rest, SPAN("=\r\n"))) {
			i += 2;
		} else if (rest.n > 2 && rest.p[0] == '=' &&
			   hex(rest.p[1]) >= 0 && hex(rest.p[2]) >= 0) {
			buf_add_char(
			    &b, (char)(hex(rest.p[1]) << 4 | hex(rest.p[2])));
			i += 2;
		} else {
			buf_add_char(&b, s.p[i]);
		}
	}
	return buf_span(&b);
}

static bool
stands_in_base64(struct fuzz *z, struct span run, struct span digest)
{
	struct span decoded;

	return mime_decode_base64(&z->j, run, &decoded) == 0 &&
	       stands_in(z, decoded, digest);
}

/* In the octets, as quoted-printable, or in a run of base64 lines. */
static bool
was_written(struct fuzz *z, struct span body, struct span digest)
{
	struct span decoded;
	struct buf run;

	if (stands_in(z, body, digest) ||
	    stands_in(z, unquoted(z, body), digest))
		return true;
	buf_init(&run, z->j.arena, body.n + 4);
	for (size_t at = 0, lf; at < body.n; at = lf + 1) {
		struct span line;

		lf = span_find(body, at, '\n');
		line = span_trim_fws(span_cut(body, at, lf));
		if (line.n > 0 &&
		    mime_decode_base64(&z->j, line, &decoded) == 0) {
			buf_add(&run, line);
			continue;
		}
		if (stands_in_base64(z, buf_span(&run), digest))
			return true;
		buf_clear(&run);
	}
	return stands_in_base64(z, buf_span(&run), digest) ||
	       stands_in_base64(z, body, digest);
}

static void
check(struct fuzz *z)
{
	struct reply after, before;
	const struct field *from;
	struct buf text;

	judge(z, z->raw, &after);
	if (after.verdict == VERDICT_MATCH &&
	    after.finding.result != FINDING_PASS)
		abort();
	if (!is_about_digest(after.verdict))
		return;
	from = message_field(&after.message, "From");
	if (!after.dkim.pass ||
	    !after.dkim.signatures[after.dkim.passed].reaches_core ||
	    !after.has_digest || !after.has_part1 ||
	    message_count(&after.message, "From") != 1 ||
	    message_count(&after.message, "Subject") != 1 || from == NULL)
		abort();
	buf_init(&text, z->j.arena, 2 * from->body.n);
	for (size_t i = 0; i < from->body.n; i++)
		buf_add_char(&text, ascii_lower(from->body.p[i]));
	if (span_find_span(buf_span(&text), 0, SPAN("alice@user.test")) ==
	    text.n)
		abort();
	buf_init(&text, z->j.arena, 64);
	b64url_add(&text, span_mem(after.digest, SHA256_LEN));
	if (!was_written(z, after.message.body, buf_span(&text)))
		abort();

	judge(z, z->as_signed, &before);
	/* A message that was refused before its signature was looked at has no
	 * hash to compare; only what is not signed can have been mended. */
	if (before.dkim.pass &&
	    memcmp(before.covered_hash, after.covered_hash, SHA256_LEN) != 0)
		abort();
	if (is_about_digest(before.verdict) &&
	    memcmp(before.digest, after.digest, SHA256_LEN) != 0)
		abort();
}

/* --- all ------------------------------------------------------------------ */

static void
make_key(struct fuzz *z)
{
	static const unsigned char seed[32] = { 1, 2, 3 };
	unsigned char octets[32];
	size_t n = sizeof(octets);
	struct buf b;

	z->key = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	if (EVP_PKEY_get_raw_public_key(z->key, octets, &n) != 1)
		abort();
	buf_init(&b, z->j.arena, 64);
	b64_add(&b, span_mem(octets, n));
	z->public_key = buf_span(&b);
}

/* The draft with the right block is accepted; otherwise all this would prove
 * nothing. */
static void
check_draft(struct fuzz *z)
{
	struct span draft = z->raw;
	struct reply r;

	run(z, SPAN("K 0"));
	judge(z, z->raw, &r);
	if (r.verdict != VERDICT_MATCH)
		abort();
	z->raw = draft;
	z->as_signed.n = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz z = { .raw = SPAN_INIT("From: Alice <alice@user.test>\r\n"
					   "To: acme+tag@ca.test\r\n"
					   "Subject: Re: ACME: " PART1 "\r\n"
					   "Date: Mon, 02 Mar 2026 10:00:00 "
					   "+0000\r\n"
					   "Message-ID: <1@user.test>\r\n"
					   "In-Reply-To: <c1@ca.test>\r\n"
					   "MIME-Version: 1.0\r\n"
					   "Content-Type: text/plain\r\n"
					   "\r\n"),
		.names = name_lists[0],
		.canon = canons[0] };

	if (n > MAX / 4)
		return 0;
	job_init(&z.j, NULL, NULL);
	make_key(&z);
	if (n == 0)
		check_draft(&z);
	run(&z, span_mem(data, n));
	check(&z);
	EVP_PKEY_free(z.key);
	job_done(&z.j);
	return 0;
}
