#include "config.h"

#include "mail/dkim_sign.h"

#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/passphrase.h"
#include "mail/dkim_canon.h"
#include "mail/dkim_key.h"
#include "mail/field.h"
#include "mail/finding.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define RSA_BITS_MIN 2048 /* MA-100 */
#define RSA_BITS_MAX 4096
#define KEY_FILE_MAX 65536
#define SIGNATURE_MAX (RSA_BITS_MAX / 8)
#define FIELD_MAX 8192
#define B64_LINE 72 /* with the blank before it less than 76 */

struct dkim_signer {
	EVP_PKEY *pkey;
	enum dkim_key_type type;
	const char *selector;
};

/* --- loading -------------------------------------------------------------- */

static void
pkey_release(void *pkey)
{
	EVP_PKEY_free(pkey);
}

static void
bio_release(void *bio)
{
	BIO_free(bio);
}

static EVP_PKEY *
read_pem(struct job *j, struct arena *keep, struct span pem)
{
	BIO *bio = arena_own(
	    j->arena, BIO_new_mem_buf(pem.p, (int)pem.n), bio_release);
	EVP_PKEY *pkey = NULL;

	if (bio != NULL)
		pkey =
		    PEM_read_bio_PrivateKey(bio, NULL, passphrase_none, NULL);
	ERR_clear_error();
	if (pkey != NULL)
		arena_own(keep, pkey, pkey_release);
	return pkey;
}

static int
check_type(struct job *j, struct dkim_signer *s, const char *key_file)
{
	int bits = EVP_PKEY_get_bits(s->pkey);

	switch (EVP_PKEY_get_base_id(s->pkey)) {
	case EVP_PKEY_ED25519:
		s->type = DKIM_KEY_ED25519;
		return 0;
	case EVP_PKEY_RSA:
		s->type = DKIM_KEY_RSA;
		if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX)
			return 0;
		return job_fail(j, ERR_INTERNAL,
		    "%s: an RSA key of %d bits; for DKIM it must have %d to %d",
		    key_file, bits, RSA_BITS_MIN, RSA_BITS_MAX);
	default:
		return job_fail(j, ERR_INTERNAL,
		    "%s: neither an RSA nor an Ed25519 key", key_file);
	}
}

int
dkim_signer_load(struct job *j, struct arena *keep, const char *key_file,
    const char *selector, const struct dkim_signer **out)
{
	struct dkim_signer *s = arena_alloc(keep, sizeof(*s));
	struct span pem;

	if (file_read_private(j, key_file, KEY_FILE_MAX, &pem) < 0)
		return -1;
	s->selector = arena_strdup(keep, selector);
	s->pkey = read_pem(j, keep, pem);
	if (s->pkey == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "%s: no private key in PEM without a passphrase", key_file);
	if (check_type(j, s, key_file) < 0)
		return -1;
	*out = s;
	return 0;
}

const char *
dkim_signer_selector(const struct dkim_signer *s)
{
	return s->selector;
}

/* By way of its encoding, which holds nothing else. */
const struct dkim_signer *
dkim_signer_public(struct arena *keep, const struct dkim_signer *s)
{
	struct dkim_signer *public = arena_alloc(keep, sizeof(*public));
	unsigned char *der = NULL;
	const unsigned char *p;
	int n = i2d_PUBKEY(s->pkey, &der);

	if (n <= 0)
		return NULL;
	p = der;
	public->pkey = arena_own(keep, d2i_PUBKEY(NULL, &p, n), pkey_release);
	OPENSSL_free(der);
	public->type = s->type;
	public->selector = arena_strdup(keep, s->selector);
	return public->pkey == NULL ? NULL : public;
}

/* --- the record ----------------------------------------------------------- */

/* What p= holds: SubjectPublicKeyInfo, or the 32 octets of Ed25519. */
static int
public_key(struct job *j, const struct dkim_signer *s, struct span *out)
{
	unsigned char raw[32];
	size_t n = sizeof(raw);
	unsigned char *der = NULL;
	int len;

	if (s->type == DKIM_KEY_ED25519) {
		if (EVP_PKEY_get_raw_public_key(s->pkey, raw, &n) <= 0)
			return job_fail(j, ERR_INTERNAL,
			    "selector %s: no public key", s->selector);
		*out = span_mem(arena_memdup(j->arena, raw, n), n);
		return 0;
	}
	len = i2d_PUBKEY(s->pkey, &der);
	if (len <= 0)
		return job_fail(
		    j, ERR_INTERNAL, "selector %s: no public key", s->selector);
	*out = span_mem(arena_memdup(j->arena, der, (size_t)len), (size_t)len);
	OPENSSL_free(der);
	return 0;
}

const char *
dkim_signer_record(struct job *j, const struct dkim_signer *s)
{
	struct span key = SPAN("");
	struct buf b;

	if (public_key(j, s, &key) < 0)
		return NULL;
	buf_init(&b, j->arena, 2048);
	buf_addf(&b, "v=DKIM1; k=%s; p=", dkim_key_type_name(s->type));
	b64_add(&b, key);
	return buf_ok(&b) ? b.p : NULL;
}

/* --- signing
 * ------------------------------------------------------------------ */

/* MA-100; the same order for every message. */
static const char *const signed_names[] = { "from", "sender", "reply-to", "to",
	"cc", "subject", "date", "in-reply-to", "references", "message-id",
	"auto-submitted", "mime-version", "content-type",
	"content-transfer-encoding", "resent-date", "resent-from", "resent-to",
	"resent-cc", "list-id", "list-help", "list-unsubscribe",
	"list-subscribe", "list-post", "list-owner", "list-archive",
	"list-unsubscribe-post" };

#define SIGNED_NAMES COUNT(signed_names)

/* Each name as often as the message has it and once more, so that no field
 * of that name can be added. */
static struct span *
list_names(struct job *j, const struct message *m, size_t *count)
{
	struct span *names = arena_calloc(
	    j->arena, SIGNED_NAMES + m->field_count, sizeof(*names));

	*count = 0;
	for (size_t i = 0; i < SIGNED_NAMES; i++) {
		size_t n = message_count(m, signed_names[i]) + 1;

		while (n-- > 0)
			names[(*count)++] = span_str(signed_names[i]);
	}
	return names;
}

struct signing {
	const struct message *m;
	const char *domain;
	int64_t now, expires;
	struct span *names;
	size_t name_count;
	const struct field **selected;
	uint8_t body_hash[32];
};

/* The field's body up to and with "b=".  Clients split it at ";" and "=" and
 * look into h= without unfolding: one tag a line, h= in one piece, no ";" at
 * the end. */
static void
add_tags(struct buf *b, const struct signing *g, const struct dkim_signer *s)
{
	buf_addf(b, " v=1;\r\n a=%s;\r\n c=relaxed/relaxed;\r\n",
	    dkim_key_algorithm(s->type));
	buf_addf(b, " d=%s;\r\n s=%s;\r\n", g->domain, s->selector);
	buf_addf(b, " t=%lld;\r\n x=%lld;\r\n", (long long)g->now,
	    (long long)g->expires);
	buf_add_str(b, " h=");
	for (size_t i = 0; i < g->name_count; i++) {
		if (i > 0)
			buf_add_char(b, ':');
		buf_add(b, g->names[i]);
	}
	buf_add_str(b, ";\r\n bh=");
	b64_add(b, span_mem(g->body_hash, sizeof(g->body_hash)));
	buf_add_str(b, ";\r\n b=");
}

static bool
sign_rsa(EVP_PKEY *pkey, const uint8_t hash[32], uint8_t *out, size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	bool done = ctx != NULL && EVP_PKEY_sign_init(ctx) > 0 &&
		    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
		    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0 &&
		    EVP_PKEY_sign(ctx, out, n, hash, 32) > 0;

	EVP_PKEY_CTX_free(ctx);
	return done;
}

static bool
sign_ed25519(EVP_PKEY *pkey, const uint8_t hash[32], uint8_t *out, size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done = ctx != NULL &&
		    EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) > 0 &&
		    EVP_DigestSign(ctx, out, n, hash, 32) > 0;

	EVP_MD_CTX_free(ctx);
	return done;
}

static int
add_signature(struct job *j, struct buf *b, const struct dkim_signer *s,
    const uint8_t hash[32])
{
	uint8_t value[SIGNATURE_MAX];
	size_t n = sizeof(value);
	struct buf text;

	if (!(s->type == DKIM_KEY_RSA
		    ? sign_rsa(s->pkey, hash, value, &n)
		    : sign_ed25519(s->pkey, hash, value, &n))) {
		ERR_clear_error();
		return job_fail(j, ERR_INTERNAL,
		    "selector %s: the key does not sign", s->selector);
	}
	buf_init(&text, j->arena, 2 * SIGNATURE_MAX);
	b64_add(&text, span_mem(value, n));
	for (size_t at = 0; at < text.n; at += B64_LINE) {
		if (at > 0)
			buf_add_str(b, "\r\n ");
		buf_add(b, span_cut(buf_span(&text), at, at + B64_LINE));
	}
	return 0;
}

/* Adds the whole field to `out`. */
static int
sign_once(struct job *j, const struct signing *g, const struct dkim_signer *s,
    struct buf *out)
{
	uint8_t hash[32];
	struct field f = { .name = SPAN("DKIM-Signature") };
	struct dkim_header header = { .canon = DKIM_RELAXED,
		.selected = g->selected,
		.count = g->name_count,
		.signature = &f };
	struct buf b;

	buf_init(&b, j->arena, FIELD_MAX);
	add_tags(&b, g, s);
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL,
		    "the DKIM-Signature field would be too long");
	f.body = buf_span(&b);
	header.from = header.to = f.body.n;
	dkim_header_hash(sha256_new(j->arena), &header, hash);
	if (add_signature(j, &b, s, hash) < 0)
		return -1;
	buf_add(out, f.name);
	buf_add_char(out, ':');
	buf_add(out, buf_span(&b));
	buf_add_str(out, "\r\n");
	return 0;
}

int
dkim_sign(/* NOLINT(readability-function-size): the header's contract */
    struct job *j, struct span message, const char *domain,
    const struct dkim_signer *const *signers, size_t count, int64_t now,
    int64_t expires, struct span *out)
{
	const struct message_limits limits = { .message_max = message.n };
	struct message m;
	struct finding f;
	struct signing g = {
		.m = &m, .domain = domain, .now = now, .expires = expires
	};
	struct buf b;

	if (expires < now)
		return job_fail(j, ERR_INTERNAL,
		    "a message that has expired is not signed");
	if (message_parse(j, message, &limits, &m, &f) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "the message cannot be signed: %s: %s", f.code, f.detail);
	g.names = list_names(j, &m, &g.name_count);
	g.selected = dkim_select(j, &m, g.names, g.name_count, NULL);
	dkim_body_hash(sha256_new(j->arena), DKIM_RELAXED, m.body, g.body_hash);
	buf_init(&b, j->arena, message.n + count * FIELD_MAX);
	for (size_t i = 0; i < count; i++) {
		if (sign_once(j, &g, signers[i], &b) < 0)
			return -1;
	}
	buf_add(&b, message);
	if (!buf_ok(&b))
		return job_fail(
		    j, ERR_INTERNAL, "the signed message would be too long");
	*out = buf_span(&b);
	return 0;
}

/* --- is it published? (MA-101)
 * -------------------------------------------------- */

static int
not_published(struct finding *f, enum finding_class result, const char *why,
    const struct dkim_signer *s, const char *domain)
{
	return finding_set(f, result, "sign.key-not-published",
	    "%.50s._domainkey.%.80s: %s", s->selector, domain, why);
}

static int
compare_key(struct job *j, const struct dkim_signer *s, const char *domain,
    const struct dns_answer *a, struct finding *f)
{
	struct span record, ours = SPAN("");
	struct dkim_key key;
	char detail[sizeof(f->detail)];

	if (dkim_key_find(j, a, &record, f) < 0 ||
	    dkim_key_parse(j, record, s->type, &key, f) < 0) {
		memcpy(detail, f->detail, sizeof(detail));
		return finding_set(f, FINDING_REFUSE, "sign.key-not-published",
		    "%.40s._domainkey.%.60s: %.70s", s->selector, domain,
		    detail);
	}
	if (public_key(j, s, &ours) < 0)
		return not_published(
		    f, FINDING_DEFER, "no public key", s, domain);
	if (!span_eq(key.public_key, ours))
		return not_published(f, FINDING_REFUSE,
		    "another key than ours is published", s, domain);
	if (key.is_testing)
		return not_published(
		    f, FINDING_REFUSE, "take t=y out of the record", s, domain);
	return finding_set(f, FINDING_PASS, "sign.key-published",
	    "%.50s._domainkey.%.80s", s->selector, domain);
}

int
dkim_signer_check(struct job *j, const struct dkim_signer *s,
    const char *domain, struct resolver *resolver, struct finding *f)
{
	const char *name =
	    arena_printf(j->arena, "%s._domainkey.%s", s->selector, domain);
	struct dns_answer a;

	if (resolver_query(resolver, j, name, DNS_TYPE_TXT, &a) < 0)
		return not_published(f, FINDING_DEFER, "no answer", s, domain);
	if (a.disagrees)
		return not_published(f, FINDING_DEFER,
		    "two resolvers say different things", s, domain);
	switch (a.status) {
	case DNS_OK:
		return compare_key(j, s, domain, &a, f);
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return not_published(f, FINDING_REFUSE,
		    "no TXT record; publish ours", s, domain);
	case DNS_TEMPORARY:
		return not_published(
		    f, FINDING_DEFER, "the DNS does not answer now", s, domain);
	case DNS_BOGUS:
		break;
	}
	return not_published(
	    f, FINDING_DEFER, "DNSSEC validation fails", s, domain);
}

/* --- making keys
 * ------------------------------------------------------------------ */

int
dkim_key_create(struct job *j, const char *path, bool ed25519)
{
	EVP_PKEY *pkey = ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
				 : EVP_RSA_gen(RSA_BITS_MIN);
	BIO *bio = BIO_new(BIO_s_secmem());
	char *pem;
	long n;
	int rc = -1;

	if (pkey == NULL || bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(
		bio, pkey, NULL, NULL, 0, NULL, NULL) <= 0)
		(void)job_fail(
		    j, ERR_INTERNAL, "%s: no key could be made", path);
	else {
		n = BIO_get_mem_data(bio, &pem);
		rc = file_create(j, path, 0400, span_mem(pem, (size_t)n));
		wipe(pem, (size_t)n);
	}
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return rc;
}
