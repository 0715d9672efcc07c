#include "config.h"

#include "tests/unit/dkim_lab.h"

#include "tests/unit/unit.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "lib/b64.h"
#include "mail/finding.h"

const char lab_message[] = "From: Alice <alice@user.test>\r\n"
			   "To: acme@ca.test\r\n"
			   "Subject: Re: ACME: part1\r\n"
			   "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
			   "Message-ID: <1@user.test>\r\n"
			   "MIME-Version: 1.0\r\n"
			   "Content-Type: text/plain\r\n"
			   "\r\n"
			   "A body  with two blanks \r\n"
			   "and a second line.\r\n";

/* Many, for tests of limits. */
#define LAB_FIELDS_MAX 25000

/* --- keys
 * --------------------------------------------------------------------- */

struct span
lab_pem(struct job *j, const char *key)
{
	return unit_data(arena_printf(j->arena, "dkim/%s.pem", key));
}

static void
pkey_release(void *pkey)
{
	EVP_PKEY_free(pkey);
}

static EVP_PKEY *
load_key(struct job *j, const char *key)
{
	struct span pem = lab_pem(j, key);
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(pkey);
	return arena_own(j->arena, pkey, pkey_release);
}

static const char *
base64(struct job *j, const void *p, size_t n)
{
	char *out = arena_alloc(j->arena, 4 * n / 3 + 8);

	EVP_EncodeBlock((unsigned char *)out, p, (int)n);
	return out;
}

const char *
lab_public_key(struct job *j, const char *key, bool pkcs1)
{
	EVP_PKEY *pkey = load_key(j, key);
	unsigned char raw[32], *der = NULL;
	size_t n = sizeof(raw);
	const char *text;
	int len;

	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519) {
		assert_int_equal(EVP_PKEY_get_raw_public_key(pkey, raw, &n), 1);
		return base64(j, raw, n);
	}
	len = pkcs1 ? i2d_PublicKey(pkey, &der) : i2d_PUBKEY(pkey, &der);
	assert_true(len > 0);
	text = base64(j, der, (size_t)len);
	OPENSSL_free(der);
	return text;
}

const char *
lab_record(struct job *j, const char *key)
{
	return arena_printf(j->arena, "v=DKIM1; k=%s; p=%s",
	    strcmp(key, "ed25519") == 0 ? "ed25519" : "rsa",
	    lab_public_key(j, key, false));
}

/* --- canonical forms, the simplest way
 * ------------------------------------------ */

struct text {
	char *p;
	size_t n;
};

static struct text
text_new(struct job *j, size_t max)
{
	return (struct text){ arena_alloc(j->arena, max + 1), 0 };
}

static void
put(struct text *t, char c)
{
	t->p[t->n++] = c;
}

static void
puts_n(struct text *t, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(t, p[i]);
}

/* Blanks to one blank, and none before CRLF. */
static struct text
squeeze(struct job *j, const char *p, size_t n)
{
	struct text t = text_new(j, n);

	for (size_t i = 0; i < n; i++) {
		if (p[i] == ' ' || p[i] == '\t') {
			if (t.n == 0 || t.p[t.n - 1] != ' ')
				put(&t, ' ');
		} else {
			if (p[i] == '\r' && t.n > 0 && t.p[t.n - 1] == ' ')
				t.n--;
			put(&t, p[i]);
		}
	}
	if (t.n > 0 && t.p[t.n - 1] == ' ') /* a last line without CRLF */
		t.n--;
	return t;
}

static struct text
canon_body(struct job *j, char canon, struct span body)
{
	struct text t = text_new(j, body.n + 2);

	if (canon == 'r')
		t = squeeze(j, body.p, body.n);
	else
		puts_n(&t, body.p, body.n);
	while (t.n >= 2 && memcmp(t.p + t.n - 2, "\r\n", 2) == 0)
		t.n -= 2;
	if (canon == 's' || t.n > 0) {
		struct text end = text_new(j, t.n + 2);

		puts_n(&end, t.p, t.n);
		puts_n(&end, "\r\n", 2);
		return end;
	}
	return t;
}

/* A whole field with or without its CRLF. */
static void
canon_field(
    struct job *j, char canon, const char *p, size_t n, struct text *out)
{
	const char *colon = memchr(p, ':', n);
	size_t name_len = colon == NULL ? n : (size_t)(colon - p);
	struct text flat = text_new(j, n);
	struct text t;
	size_t i = 0;

	if (canon == 's') {
		puts_n(out, p, n);
		return;
	}
	/* RFC 6376 3.4.2: no white space before the colon either. */
	while (name_len > 0 && strchr(" \t\r\n", p[name_len - 1]) != NULL)
		name_len--;
	for (size_t k = 0; k < name_len; k++)
		put(out, ascii_lower(p[k]));
	put(out, ':');
	for (const char *c = colon == NULL ? p + n : colon + 1; c < p + n;
	     c++) {
		if (*c != '\r' && *c != '\n')
			put(&flat, *c);
	}
	t = squeeze(j, flat.p, flat.n);
	while (t.n > 0 && t.p[t.n - 1] == ' ')
		t.n--;
	while (i < t.n && t.p[i] == ' ')
		i++;
	puts_n(out, t.p + i, t.n - i);
	if (n >= 2 && p[n - 1] == '\n')
		puts_n(out, "\r\n", 2);
}

/* --- signing
 * ----------------------------------------------------------------------- */

/* Fields end where a CRLF is not followed by a blank, the header section at
 * the first empty line; nothing is refused, so that what is malformed can be
 * signed too. */
static size_t
field_end(struct span raw, size_t at)
{
	for (;;) {
		at = span_find_span(raw, at, SPAN("\r\n"));
		if (at == raw.n)
			return at;
		at += 2;
		if (at == raw.n || (raw.p[at] != ' ' && raw.p[at] != '\t'))
			return at;
	}
}

static size_t
split(struct span raw, struct span fields[LAB_FIELDS_MAX], struct span *body)
{
	size_t n = 0, at = 0;

	while (at < raw.n && !span_starts(span_from(raw, at), SPAN("\r\n"))) {
		size_t end = field_end(raw, at);

		assert_true(n < LAB_FIELDS_MAX);
		fields[n++] = span_cut(raw, at, end);
		at = end;
	}
	*body = span_from(raw, at + 2);
	return n;
}

static bool
has_name(struct span field, struct span name)
{
	return span_caseeq(
	    span_trim_fws(span_cut(field, 0, span_find(field, 0, ':'))), name);
}

static void
add_selected(struct job *j, const struct span *fields, size_t count, char canon,
    const char *names, struct text *out)
{
	bool used[LAB_FIELDS_MAX] = { false };

	for (const char *at = names; *at != '\0';) {
		size_t n = strcspn(at, ":");
		struct span name = span_trim_fws(span_mem(at, n));

		for (size_t i = count; i-- > 0;) {
			if (used[i] || !has_name(fields[i], name))
				continue;
			used[i] = true;
			canon_field(j, canon, fields[i].p, fields[i].n, out);
			break;
		}
		at += n + (at[n] == ':');
	}
}

struct span
lab_covered(
    struct job *j, struct span message, const char *canon, const char *names)
{
	struct span fields[LAB_FIELDS_MAX], body;
	size_t count = split(message, fields, &body);
	struct text out = text_new(j, 2 * message.n + 16), tail;

	add_selected(j, fields, count, canon[0], names, &out);
	tail = canon_body(j, canon[1], body);
	puts_n(&out, "\r\n", 2);
	puts_n(&out, tail.p, tail.n);
	return span_mem(out.p, out.n);
}

static struct text
replace(struct job *j, struct text in, const char *what, const char *with)
{
	const char *at = in.n == 0 ? NULL : strstr(in.p, what);
	struct text out = text_new(j, in.n + strlen(with) + 1);

	if (at == NULL)
		return in;
	puts_n(&out, in.p, (size_t)(at - in.p));
	puts_n(&out, with, strlen(with));
	puts_n(&out, at + strlen(what), strlen(at + strlen(what)));
	return out;
}

/* RFC 6376 3.7: without the value of b= and the white space around it. */
static struct text
without_value(struct job *j, struct text in)
{
	const char *at = strstr(in.p, "@B@"), *from = at;
	struct text out = text_new(j, in.n);

	if (at == NULL)
		return in;
	while (from > in.p && strchr(" \t\r\n", from[-1]) != NULL)
		from--;
	at += 3;
	at += strspn(at, " \t\r\n");
	puts_n(&out, in.p, (size_t)(from - in.p));
	puts_n(&out, at, strlen(at));
	return out;
}

static struct text
digest(struct job *j, struct text data, bool is_sha1)
{
	struct text out = text_new(j, EVP_MAX_MD_SIZE);
	unsigned n = 0;

	assert_int_equal(EVP_Digest(data.p, data.n, (unsigned char *)out.p, &n,
			     is_sha1 ? EVP_sha1() : EVP_sha256(), NULL),
	    1);
	out.n = n;
	return out;
}

/* RSA signs the data, Ed25519 its hash (RFC 8463). */
static const char *
sign_data(struct job *j, const struct lab_signature *s, struct text data)
{
	EVP_PKEY *pkey = load_key(j, s->key);
	bool is_rsa = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char value[1024];
	size_t n = sizeof(value);
	const EVP_MD *md = s->is_sha1 ? EVP_sha1() : EVP_sha256();
	struct text hash = digest(j, data, false);

	if (!is_rsa)
		data = hash;
	assert_int_equal(
	    EVP_DigestSignInit(ctx, NULL, is_rsa ? md : NULL, NULL, pkey), 1);
	assert_int_equal(EVP_DigestSign(ctx, value, &n,
			     (const unsigned char *)data.p, data.n),
	    1);
	EVP_MD_CTX_free(ctx);
	return base64(j, value, n);
}

const char *
lab_sign_data(struct job *j, const char *key, struct span data)
{
	const struct lab_signature s = { .key = key };
	struct text t = text_new(j, data.n);

	puts_n(&t, data.p, data.n);
	return sign_data(j, &s, t);
}

static const char *
fold(struct job *j, const char *text, size_t width)
{
	struct text out = text_new(j, 4 * strlen(text) + 4);

	for (size_t i = 0; text[i] != '\0'; i++) {
		if (width > 0 && i > 0 && i % width == 0)
			puts_n(&out, "\r\n\t", 3);
		put(&out, text[i]);
	}
	return out.p;
}

struct span
lab_sign(struct job *j, struct span message, const struct lab_signature *s)
{
	struct span fields[LAB_FIELDS_MAX], body;
	size_t count = split(message, fields, &body);
	const char *canon = s->canon == NULL ? "rr" : s->canon;
	struct text hash = digest(j, canon_body(j, canon[1], body), s->is_sha1);
	struct text field = text_new(j, strlen(s->tags) + 32);
	struct text hashed, data, out;

	puts_n(&field, "DKIM-Signature:", 15);
	puts_n(&field, s->tags, strlen(s->tags));
	field = replace(j, field, "@BH@", base64(j, hash.p, hash.n));
	hashed = without_value(j, field);
	data = text_new(j, message.n + field.n + 16);
	add_selected(j, fields, count, canon[0],
	    s->names == NULL ? LAB_NAMES : s->names, &data);
	canon_field(j, canon[0], hashed.p, hashed.n, &data);
	field =
	    replace(j, field, "@B@", fold(j, sign_data(j, s, data), s->fold));
	out = text_new(j, field.n + message.n + 2);
	puts_n(&out, field.p, field.n);
	puts_n(&out, "\r\n", 2);
	puts_n(&out, message.p, message.n);
	return span_mem(out.p, out.n);
}

struct message
lab_parse(struct job *j, struct span raw)
{
	const struct message_limits limits = { .message_max = 16 << 20 };
	struct message m;
	struct finding f = { FINDING_PASS, "", "" };

	if (message_parse(j, raw, &limits, &m, &f) < 0)
		fail_msg("%s: %s", f.code, f.detail);
	return m;
}

/* --- DNS
 * ----------------------------------------------------------------------------
 */

struct span
lab_rdata(struct job *j, struct span text)
{
	struct text out = text_new(j, text.n + text.n / 255 + 2);

	for (size_t at = 0; at < text.n || at == 0; at += 255) {
		struct span part = span_cut(text, at, at + 255);

		put(&out, (char)(unsigned char)part.n);
		puts_n(&out, part.p, part.n);
	}
	return span_mem(out.p, out.n);
}

static int
lab_query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct lab_dns *dns = ctx;

	dns->queries++;
	snprintf(dns->asked, sizeof(dns->asked), "%s", name);
	memset(out, 0, sizeof(*out));
	out->name = out->canonical = arena_strdup(j->arena, name);
	out->status = DNS_NXDOMAIN;
	if (type != DNS_TYPE_TXT ||
	    (dns->name != NULL && strcmp(dns->name, name) != 0))
		return 0;
	out->status = dns->status;
	out->secure = dns->secure;
	out->too_large = dns->too_large;
	if (dns->status != DNS_OK)
		return 0;
	out->ttl = 300;
	out->count = dns->count;
	out->rdata =
	    arena_calloc(j->arena, dns->count + 1, sizeof(struct span));
	for (size_t i = 0; i < dns->count; i++)
		out->rdata[i] = lab_rdata(j, dns->texts[i]);
	return 0;
}

static void
resolver_release(void *resolver)
{
	resolver_free(resolver);
}

struct resolver *
lab_resolver(struct job *j, struct lab_dns *dns)
{
	return arena_own(
	    j->arena, resolver_new_custom(lab_query, dns), resolver_release);
}

struct lab_dns
lab_one_record(const char *text)
{
	struct lab_dns dns = { .status = DNS_OK, .count = 1 };

	dns.texts[0] = span_str(text);
	return dns;
}

const struct dkim_policy lab_policy = { .coverage = CONF_COVERAGE_CORE,
	.sent_at = LAB_SENT };

struct dkim_result
lab_verify(struct span raw, const char *from_domain, struct lab_dns *dns,
    const struct dkim_policy *policy, int64_t arrival)
{
	struct job *j = unit_job();
	struct message m = lab_parse(j, raw);
	struct dkim_result r;

	j->now = LAB_NOW + 100;
	assert_int_equal(dkim_verify(j, &m, from_domain, arrival, policy,
			     lab_resolver(j, dns), &r),
	    0);
	assert_int_equal(r.pass, r.finding.result == FINDING_PASS);
	assert_true(r.signature_count <= DKIM_EVALUATED_MAX);
	return r;
}

struct span
lab_with_field(struct span raw, const char *field, bool on_top)
{
	struct job *j = unit_job();
	size_t end = span_find_span(raw, 0, SPAN("\r\n\r\n")) + 2;
	struct buf b;

	buf_init(&b, j->arena, raw.n + 1024);
	if (on_top)
		buf_add_str(&b, field);
	buf_add(&b, span_cut(raw, 0, end));
	if (!on_top)
		buf_add_str(&b, field);
	buf_add(&b, span_from(raw, end));
	return buf_span(&b);
}

const char *
lab_key_parse(const char *record, enum dkim_key_type want, struct dkim_key *key)
{
	struct finding f = { FINDING_PASS, "good", "" };

	if (dkim_key_parse(unit_job(), span_str(record), want, key, &f) < 0) {
		assert_int_equal(f.result, FINDING_SKIP);
		return f.code;
	}
	assert_non_null(key->pkey);
	return "good";
}
