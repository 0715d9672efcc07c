/*
 * How many messages a second are verified on one core, from their octets on:
 * message_parse() and dkim_verify(), as a reply meets them, with the DNS
 * answer at hand.
 *
 *	dkim_rate SECONDS FOLDER
 *
 * prints lines "rsa small ours 9000.0", where
 *
 *	ours     all of it, the RSA key in the keyring as it usually is
 *	fresh    the RSA key is read from its record each time
 *	crypto   the signature of a hash alone, by EVP, the key at hand
 *	hash     SHA-256 of so many octets as the message has
 *	eight    256 KiB with eight signatures, the last of which is good:
 *		 milliseconds; and how much memory, in messages (MA-94)
 *
 * and leaves the messages in FOLDER for others to verify (dkim_case.h).
 */
#include "config.h"

#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "mail/dkim_keyring.h"
#include "mail/dkim_verify.h"
#include "tests/unit/dkim_lab.h"

#define DOMAIN "user.test"
#define NOW 1772445600
#define LARGE (256 * 1024)
#define STRIDE 16
#define ROUNDS 5

static const struct message_limits limits = { 1 << 20 };
static const struct dkim_policy policy = { .coverage = CONF_COVERAGE_CORE };

/* What many systems cover. */
#define NAMES                                                                  \
	"from:to:cc:subject:date:message-id:in-reply-to:references:"           \
	"mime-version:content-type:content-transfer-encoding"

struct task {
	const char *alg, *key, *size;
	struct span message;
	const char *record;
	struct resolver *resolver;
	struct job *j; /* emptied for each message */
	bool is_fresh;
};

static void
require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "dkim_rate: %s failed\n", what);
	exit(EXIT_FAILURE);
}

/* As `openssl speed` counts: what others do on the machine is not ours. */
static double
cpu_seconds(void)
{
	struct timespec t;

	require(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0,
	    "reading the processor's time");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Runs once(ctx) for so long: how often a second. */
static double
rate(void (*once)(void *ctx), void *ctx, double seconds)
{
	double begun, spent;
	long count = 0;

	once(ctx);
	begun = cpu_seconds();
	do {
		for (int i = 0; i < STRIDE; i++)
			once(ctx);
		count += STRIDE;
		spent = cpu_seconds() - begun;
	} while (spent < seconds);
	return (double)count / spent;
}

static double
better(double best, void (*once)(void *ctx), void *ctx, double seconds)
{
	double got = rate(once, ctx, seconds / ROUNDS);

	return got > best ? got : best;
}

static void
say(const struct task *t, const char *who, double value)
{
	printf("%s %s %s %.2f\n", t->alg, t->size, who, value);
	fflush(stdout);
}

/* --- messages ------------------------------------------------------------- */

/* A reply with a body of `size` octets of words. */
static struct span
make_message(struct job *j, size_t size)
{
	static const char line[] =
	    "Somebody asks for a certificate, and this is what he wrote.\r\n";
	struct buf b;

	buf_init(&b, j->arena, size + 4096);
	buf_add_str(&b,
	    "From: Alice <alice@" DOMAIN ">\r\n"
	    "To: acme+abcdefghijklmnopqrstuvwxyz@ca.test\r\n"
	    "Subject: Re: ACME: toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q\r\n"
	    "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
	    "Message-ID: <1@" DOMAIN ">\r\n"
	    "In-Reply-To: <c1@ca.test>\r\n"
	    "References: <c1@ca.test>\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "\r\n"
	    "-----BEGIN ACME RESPONSE-----\r\n"
	    "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs\r\n"
	    "-----END ACME RESPONSE-----\r\n\r\n");
	do
		buf_add_str(&b, line);
	while (b.n + sizeof(line) < size);
	require(buf_ok(&b), "making a message");
	return buf_span(&b);
}

/* Signed as common mail systems do it. */
static struct span
sign(struct job *j, const struct task *t, struct span message, const char *time)
{
	const struct lab_signature how = { .key = t->key,
		.names = NAMES,
		.fold = 72,
		.tags = arena_printf(j->arena,
		    " v=1; a=%s-sha256; c=relaxed/relaxed;\r\n"
		    "        d=" DOMAIN "; s=sel; t=%s;\r\n"
		    "        h=" NAMES ";\r\n"
		    "        bh=@BH@;\r\n"
		    "        b=@B@",
		    t->alg, time) };

	return lab_sign(j, message, &how);
}

static void
write_case(const struct task *t, const char *folder)
{
	char path[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s-%s.case", folder, t->alg, t->size);
	f = fopen(path, "wb");
	require(f != NULL, "writing a message");
	fprintf(f, "case %s %d 1 %zu\nsel._domainkey.%s\t%s\n", DOMAIN, NOW,
	    t->message.n, DOMAIN, t->record);
	fwrite(t->message.p, 1, t->message.n, f);
	require(fclose(f) == 0, "writing a message");
}

/* --- ours ----------------------------------------------------------------- */

static int
query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct span text = span_str(ctx);
	struct buf b;

	(void)type;
	memset(out, 0, sizeof(*out));
	out->name = out->canonical = name;
	out->status = DNS_OK;
	out->count = 1;
	out->rdata = arena_calloc(j->arena, 1, sizeof(struct span));
	buf_init(&b, j->arena, 2 * text.n);
	for (size_t at = 0; at < text.n; at += 255) {
		struct span part = span_cut(text, at, at + 255);

		buf_add_char(&b, (char)(unsigned char)part.n);
		buf_add(&b, part);
	}
	out->rdata[0] = buf_span(&b);
	return 0;
}

static void
verify_once(void *ctx)
{
	const struct task *t = ctx;
	struct dkim_result r;
	struct message m;
	struct finding f;

	if (t->is_fresh)
		dkim_keyring_clear();
	arena_clear(t->j->arena);
	require(message_parse(t->j, t->message, &limits, &m, &f) == 0 &&
		    dkim_verify(
			t->j, &m, DOMAIN, NOW, &policy, t->resolver, &r) == 0 &&
		    r.pass,
	    "verifying");
}

/* --- what it is compared with --------------------------------------------- */

struct crypto {
	EVP_PKEY *key;
	bool is_rsa;
	unsigned char hash[32], value[512];
	size_t value_len;
	EVP_PKEY_CTX *ctx;
	EVP_MD_CTX *md;
};

static void
crypto_init(struct crypto *c, bool is_rsa)
{
	memset(c, 0, sizeof(*c));
	c->is_rsa = is_rsa;
	c->value_len = sizeof(c->value);
	c->key = is_rsa ? EVP_RSA_gen(2048)
			: EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	c->ctx = EVP_PKEY_CTX_new(c->key, NULL);
	c->md = EVP_MD_CTX_new();
	if (is_rsa) {
		require(
		    EVP_PKEY_sign_init(c->ctx) > 0 &&
			EVP_PKEY_CTX_set_signature_md(c->ctx, EVP_sha256()) >
			    0 &&
			EVP_PKEY_sign(
			    c->ctx, c->value, &c->value_len, c->hash, 32) > 0 &&
			EVP_PKEY_verify_init(c->ctx) > 0 &&
			EVP_PKEY_CTX_set_signature_md(c->ctx, EVP_sha256()) > 0,
		    "signing a hash");
		return;
	}
	require(
	    EVP_DigestSignInit(c->md, NULL, NULL, NULL, c->key) > 0 &&
		EVP_DigestSign(c->md, c->value, &c->value_len, c->hash, 32) > 0,
	    "signing a hash");
}

static void
crypto_once(void *ctx)
{
	struct crypto *c = ctx;

	if (c->is_rsa) {
		require(EVP_PKEY_verify(
			    c->ctx, c->value, c->value_len, c->hash, 32) == 1,
		    "EVP_PKEY_verify");
		return;
	}
	require(EVP_DigestVerifyInit(c->md, NULL, NULL, NULL, c->key) > 0 &&
		    EVP_DigestVerify(
			c->md, c->value, c->value_len, c->hash, 32) == 1,
	    "EVP_DigestVerify");
}

static void
crypto_done(struct crypto *c)
{
	EVP_PKEY_CTX_free(c->ctx);
	EVP_MD_CTX_free(c->md);
	EVP_PKEY_free(c->key);
}

static void
hash_once(void *ctx)
{
	const struct task *t = ctx;
	uint8_t out[SHA256_LEN];

	sha256(t->message, out);
}

/* --- eight signatures (MA-94) --------------------------------------------- */

/* Seven that fail at the very end stand above a good one. */
static struct span
with_eight(struct job *j, const struct task *t, struct span message)
{
	struct span raw = sign(j, t, message, "1772445600");

	for (int i = 0; i < 7; i++) {
		raw = sign(j, t, raw, "1772445600");
		/* an earlier moment than it was signed for */
		((char *)(uintptr_t)
			raw.p)[span_find_span(raw, 0, SPAN("1772445600"))] =
		    '0';
	}
	return raw;
}

static size_t
octets_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* How much the job holds when it is judged: arenas give nothing back before
 * their end, so that is the most that it ever had. */
static double
memory_of(const struct task *t)
{
	size_t before = octets_in_use(), after;
	struct dkim_result r;
	struct message m;
	struct finding f;
	struct job j;

	job_init(&j, NULL, NULL);
	j.now = NOW;
	require(message_parse(&j, t->message, &limits, &m, &f) == 0 &&
		    dkim_verify(
			&j, &m, DOMAIN, NOW, &policy, t->resolver, &r) == 0 &&
		    r.pass && r.passed == 7,
	    "verifying the last of eight signatures");
	after = octets_in_use();
	job_done(&j);
	/* The message itself is held by whoever fetched it. */
	return 1 + (double)(after - before) / (double)t->message.n;
}

/* --- all ------------------------------------------------------------------ */

/* In turns, so that all meet the same machine; the best of each, which others
 * disturbed least. */
static void
measure(struct task *t, double seconds)
{
	const bool is_rsa = strcmp(t->alg, "rsa") == 0;
	double best[4] = { 0 };
	struct crypto c;

	crypto_init(&c, is_rsa);
	for (int i = 0; i < ROUNDS; i++) {
		best[0] = better(best[0], verify_once, t, seconds);
		best[1] = better(best[1], crypto_once, &c, seconds);
		best[2] = better(best[2], hash_once, t, seconds);
		t->is_fresh = true;
		if (is_rsa)
			best[3] = better(best[3], verify_once, t, seconds);
		t->is_fresh = false;
	}
	say(t, "ours", best[0]);
	say(t, "crypto", best[1]);
	say(t, "hash", best[2]);
	if (is_rsa)
		say(t, "fresh", best[3]);
	crypto_done(&c);
}

int
main(int argc, char **argv)
{
	double seconds = argc == 3 ? atof(argv[1]) : 0;
	struct job j, own;

	require(seconds > 0, "reading SECONDS and FOLDER: it");
	job_init(&j, NULL, NULL);
	job_init(&own, NULL, NULL);
	own.now = NOW;
	for (int i = 0; i < 2; i++) {
		const size_t sizes[] = { 1024, LARGE - 2048 };
		struct task t = { .alg = i == 1 ? "ed25519" : "rsa",
			.key = i == 1 ? "ed25519" : "rsa2048",
			.j = &own };

		t.record = lab_record(&j, t.key);
		t.resolver =
		    resolver_new_custom(query, (void *)(uintptr_t)t.record);
		for (int k = 0; k < 2; k++) {
			t.size = k == 0 ? "small" : "large";
			t.message = sign(
			    &j, &t, make_message(&j, sizes[k]), "1772445600");
			write_case(&t, argv[2]);
			measure(&t, seconds);
		}
		t.size = "eight";
		t.message = with_eight(&j, &t, make_message(&j, LARGE - 8192));
		say(&t, "ms", 1000 / rate(verify_once, &t, seconds));
		say(&t, "memory", memory_of(&t));
		resolver_free(t.resolver);
	}
	job_done(&own);
	job_done(&j);
	return 0;
}
