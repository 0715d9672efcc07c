#include "config.h"

#include "pki/token_key.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/cryptoki.h"
#include "pki/der.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "pki/signer.h"

#define PAUSE_MAX_SECS 60 /* PK-200 */
#define REMIND_SECS 600   /* of what only a person can mend */
#define DIGEST_INFO_MAX 128

struct token {
	struct arena *keep;
	struct cryptoki *cryptoki;
	EVP_PKEY *public_key; /* NULL: what the token will say */
	int64_t pause;        /* seconds; 0: not lost */
	int64_t retry_at;     /* not looked for earlier */
	bool is_given_up;     /* another try would do harm */
	int64_t remind_at;
	char why[ERR_TEXT_MAX];
};

/* --- formats (PK-197) ---------------------------------------------------- */

static const struct {
	const char *name;
	struct span oid;
	enum cryptoki_mechanism rsa;
} digests[] = {
	{ "SHA256", { "\x60\x86\x48\x01\x65\x03\x04\x02\x01", 9 },
	    CRYPTOKI_SHA256_RSA_PKCS },
	{ "SHA384", { "\x60\x86\x48\x01\x65\x03\x04\x02\x02", 9 },
	    CRYPTOKI_SHA384_RSA_PKCS },
	{ "SHA512", { "\x60\x86\x48\x01\x65\x03\x04\x02\x03", 9 },
	    CRYPTOKI_SHA512_RSA_PKCS },
};
#define DIGEST_COUNT COUNT(digests)

static size_t
digest_index(const char *name)
{
	size_t i = 0;

	while (i < DIGEST_COUNT && strcmp(digests[i].name, name) != 0)
		i++;
	return i;
}

int
token_key_digest_info(const char *digest, struct span hash, struct buf *out)
{
	size_t i = digest_index(digest);

	if (i == DIGEST_COUNT)
		return -1;
	size_t mark = der_open(out, DER_SEQUENCE);
	size_t algorithm = der_open(out, DER_SEQUENCE);
	der_add(out, DER_OID, digests[i].oid);
	der_add(out, DER_NULL, SPAN(""));
	der_close(out, algorithm);
	der_add(out, DER_OCTET_STRING, hash);
	der_close(out, mark);
	return buf_ok(out) ? 0 : -1;
}

/* Leading zeros away; one before a set high bit, which would be a sign. */
static int
add_half(struct buf *out, struct span half)
{
	while (half.n > 0 && half.p[0] == 0)
		half = span_from(half, 1);
	if (half.n == 0)
		return -1;
	size_t mark = der_open(out, DER_INTEGER);
	if (half.p[0] & 0x80)
		buf_add(out, span_mem("", 1));
	buf_add(out, half);
	der_close(out, mark);
	return 0;
}

int
token_key_ecdsa_der(struct span halves, struct buf *out)
{
	size_t mark = der_open(out, DER_SEQUENCE);

	if (halves.n == 0 || halves.n % 2 != 0 ||
	    add_half(out, span_cut(halves, 0, halves.n / 2)) < 0 ||
	    add_half(out, span_from(halves, halves.n / 2)) < 0)
		return -1;
	der_close(out, mark);
	return buf_ok(out) ? 0 : -1;
}

/* --- signing ------------------------------------------------------------- */

static int
digest_of(struct job *j, const struct sig_alg *alg, struct span message,
    struct span *out)
{
	unsigned char *hash = arena_alloc(j->arena, EVP_MAX_MD_SIZE);
	size_t n;

	if (EVP_Q_digest(NULL, alg->digest, NULL, ossl_bytes(message),
		message.n, hash, &n) != 1)
		return ossl_fail(j, "hashing what is to be signed");
	*out = span_mem(hash, n);
	return 0;
}

static int
sign_rsa(struct job *j, struct token *t, const struct sig_alg *alg,
    struct span message, unsigned char *out, size_t *out_len)
{
	enum cryptoki_mechanism whole = digests[digest_index(alg->digest)].rsa;
	struct span hash = { NULL, 0 };
	struct buf info;

	*out_len = SIGNATURE_MAX;
	/* Tokens that do not allow the raw mechanism hash by themselves. */
	if (!cryptoki_can(t->cryptoki, CRYPTOKI_RSA_PKCS))
		return cryptoki_sign(
		    j, t->cryptoki, whole, message, out, out_len);
	buf_init(&info, j->arena, DIGEST_INFO_MAX);
	if (digest_of(j, alg, message, &hash) < 0)
		return -1;
	if (token_key_digest_info(alg->digest, hash, &info) < 0)
		return job_fail(j, ERR_INTERNAL, "no DigestInfo");
	return cryptoki_sign(
	    j, t->cryptoki, CRYPTOKI_RSA_PKCS, buf_span(&info), out, out_len);
}

static int
sign_ec(struct job *j, struct token *t, const struct sig_alg *alg,
    struct span message, unsigned char *out, size_t *out_len)
{
	unsigned char halves[SIGNATURE_MAX];
	size_t n = sizeof halves;
	struct span hash = { NULL, 0 };
	struct buf der;

	if (digest_of(j, alg, message, &hash) < 0 ||
	    cryptoki_sign(j, t->cryptoki, CRYPTOKI_ECDSA, hash, halves, &n) < 0)
		return -1;
	buf_init(&der, j->arena, SIGNATURE_MAX);
	if (token_key_ecdsa_der(span_mem(halves, n), &der) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "the token gave %zu octets, which are no r and s", n);
	*out_len = buf_span(&der).n;
	memcpy(out, buf_span(&der).p, *out_len);
	return 0;
}

/* --- there and away (PK-200) --------------------------------------------- */

static int
lost(struct job *j, struct token *t)
{
	cryptoki_lost(t->cryptoki);
	t->pause = t->pause == 0 ? 1 : t->pause * 2;
	if (t->pause > PAUSE_MAX_SECS)
		t->pause = PAUSE_MAX_SECS;
	t->retry_at = j->now + t->pause;
	snprintf(t->why, sizeof t->why, "%s", j->err.text);
	log_error("token away",
	    "error=\"%s\" next=\"look after the token; if its folder or module "
	    "is another one than at the start, start countersignd again, for "
	    "the signer is confined to what was there; it is tried again in "
	    "%lld s, and what waits for a signature goes on waiting\"",
	    t->why, (long long)t->pause);
	return -1;
}

static int
refused(struct job *j, struct token *t)
{
	if (j->now >= t->remind_at) {
		log_error("token refuses",
		    "error=\"%s\" next=\"it is not tried again, since that "
		    "would come to the same or lock it: mend it, then start "
		    "countersignd again; nothing is signed until then, and "
		    "what waits for a signature goes on waiting\"",
		    t->why);
		t->remind_at = j->now + REMIND_SECS;
	}
	job_recover(j);
	return job_fail(j, ERR_REFUSED, "%s", t->why);
}

static int
give_up(struct job *j, struct token *t)
{
	cryptoki_leave(t->cryptoki);
	t->is_given_up = true;
	snprintf(t->why, sizeof t->why, "%s", j->err.text);
	return refused(j, t);
}

static int
failed(struct job *j, struct token *t)
{
	/* Without a module nothing is known of the token. */
	if (j->err.kind == ERR_INTERNAL)
		return -1;
	return j->err.kind == ERR_BUSY ? lost(j, t) : give_up(j, t);
}

/* A clock that was set back in the meantime makes no pause longer. */
static bool
is_resting(const struct job *j, const struct token *t)
{
	return j->now < t->retry_at && t->retry_at - j->now <= t->pause;
}

static int
connect_again(struct job *j, struct token *t)
{
	if (cryptoki_is_connected(t->cryptoki))
		return 0;
	if (t->is_given_up)
		return refused(j, t);
	if (is_resting(j, t))
		return job_fail(j, ERR_BUSY, "%s", t->why);
	if (cryptoki_connect(j, t->cryptoki, t->public_key) < 0 ||
	    (t->public_key == NULL && cryptoki_public_key(j, t->keep,
					  t->cryptoki, &t->public_key) < 0))
		return failed(j, t);
	if (t->pause > 0)
		log_info("token back", "pause=%lld", (long long)t->pause);
	t->pause = 0;
	t->retry_at = 0;
	return 0;
}

static int
token_ready(struct job *j, void *context)
{
	return connect_again(j, context);
}

/* A module may take one session for another. */
static int
check(struct job *j, struct token *t, const struct sig_alg *alg,
    struct span message, struct span signature)
{
	if (signature_is_good(t->public_key, alg, message, signature))
		return 0;
	cryptoki_confused(t->cryptoki);
	return job_fail(j, ERR_BUSY,
	    "token: what it gave is no signature of this key; it is kept from "
	    "everybody, and all sessions are begun anew");
}

static int
token_sign(struct job *j, void *context, const struct sig_alg *alg,
    struct span message, unsigned char out[SIGNATURE_MAX], size_t *out_len)
{
	struct token *t = context;
	bool is_rsa;

	if (connect_again(j, t) < 0)
		return -1;
	is_rsa = EVP_PKEY_get_base_id(t->public_key) == EVP_PKEY_RSA;
	if ((is_rsa ? sign_rsa : sign_ec)(j, t, alg, message, out, out_len) ==
		0 &&
	    check(j, t, alg, message, span_mem(out, *out_len)) == 0)
		return 0;
	return j->err.kind == ERR_INTERNAL ? -1 : failed(j, t);
}

static int
prepare(struct job *j, struct arena *keep, const struct token_place *place,
    EVP_PKEY *public_key, struct token *t, const struct signing_key **out)
{
	struct signing_key *key = arena_alloc(keep, sizeof *key);

	*t = (struct token){ .keep = keep, .public_key = public_key };
	*key = (struct signing_key){
		.sign = token_sign, .ready = token_ready, .context = t
	};
	*out = key;
	return cryptoki_new(j, keep, place, &t->cryptoki);
}

int
token_key_prepare(struct job *j, struct arena *keep,
    const struct token_place *place, EVP_PKEY *public_key,
    const struct signing_key **out)
{
	return prepare(j, keep, place, public_key,
	    arena_alloc(keep, sizeof(struct token)), out);
}

EVP_PKEY *
token_key_public(const struct signing_key *key)
{
	return ((const struct token *)key->context)->public_key;
}

void
token_key_close(const struct signing_key *key)
{
	struct token *t = key->context;

	if (key->sign == token_sign)
		cryptoki_leave(t->cryptoki);
}

int
token_key_open(struct job *j, struct arena *keep,
    const struct token_place *place, EVP_PKEY *public_key,
    const struct signing_key **out)
{
	struct token *t = arena_alloc(keep, sizeof *t);

	if (prepare(j, keep, place, public_key, t, out) < 0)
		return -1;
	return cryptoki_connect(j, t->cryptoki, public_key);
}
