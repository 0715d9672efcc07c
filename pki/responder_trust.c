#include "config.h"

#include "pki/responder_trust.h"

#include <openssl/evp.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "pki/certview.h"
#include "pki/ossl.h"
#include "pki/responder.h"

/* A segment names no more of them. */
#define KNOWN_MAX 8
#define SIGNATURE_DER_MAX 100

struct known {
	uint8_t sha256[SHA256_LEN]; /* of the certificate */
	int64_t not_after;
	EVP_PKEY *key; /* NULL: none */
};

struct responder_trust {
	const struct ca *ca;
	struct known known[KNOWN_MAX];
	size_t next; /* whose place the next one takes */
};

struct responder_trust *
responder_trust_new(struct arena *keep, const struct ca *ca)
{
	struct responder_trust *t = arena_alloc(keep, sizeof(*t));

	*t = (struct responder_trust){ .ca = ca };
	return t;
}

void
responder_trust_free(struct responder_trust *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < KNOWN_MAX; i++) {
		EVP_PKEY_free(t->known[i].key);
		t->known[i].key = NULL;
	}
}

static const struct known *
find(const struct responder_trust *t, const uint8_t sha256[SHA256_LEN])
{
	for (size_t i = 0; i < KNOWN_MAX; i++)
		if (t->known[i].key != NULL &&
		    memcmp(t->known[i].sha256, sha256, SHA256_LEN) == 0)
			return &t->known[i];
	return NULL;
}

static int
add(struct job *j, struct responder_trust *t, struct span certificate,
    const uint8_t sha256[SHA256_LEN])
{
	X509 *x = ossl_x509(j->arena, certificate);
	struct known *k = &t->known[t->next];
	struct certview v;

	if (x == NULL || certview_parse(certificate, &v) < 0)
		return ossl_fail(j, "the OCSP responder's certificate");
	EVP_PKEY_free(k->key);
	*k = (struct known){ .not_after = v.not_after,
		.key = X509_get_pubkey(x) };
	memcpy(k->sha256, sha256, SHA256_LEN);
	t->next = (t->next + 1) % KNOWN_MAX;
	return 0;
}

static bool
verifies(struct job *j, EVP_PKEY *key, const struct ocsp_parts *p)
{
	uint8_t raw[OCSP_SIGNATURE_LEN];
	EVP_MD_CTX *ctx;
	struct buf b;
	bool ok;

	if (p->signature.n != sizeof(raw))
		return false;
	memcpy(raw, p->signature.p, sizeof(raw));
	buf_init(&b, j->arena, SIGNATURE_DER_MAX);
	ocsp_add_signature(&b, raw);
	ctx = EVP_MD_CTX_new();
	ok = buf_ok(&b) && ctx != NULL &&
	     EVP_DigestVerifyInit_ex(
		 ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
	     EVP_DigestVerify(ctx, ossl_bytes(buf_span(&b)), b.n,
		 ossl_bytes(p->tbs), p->tbs.n) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

int
responder_trust_check(struct job *j, struct responder_trust *t,
    enum ocsp_hash hash, const struct ocsp_status *s,
    const struct ocsp_parts *p)
{
	uint8_t sha[SHA256_LEN];
	const struct known *k;

	sha256(p->certificate, sha);
	k = find(t, sha);
	if (k == NULL)
		return responder_check(j, t->ca, hash, s, p->response) < 0
			   ? -1
			   : add(j, t, p->certificate, sha);
	if (ocsp_status_end(s) > k->not_after)
		return job_fail(j, ERR_INTERNAL,
		    "OCSP answer refused: L-71: it outlives the responder's "
		    "certificate");
	return verifies(j, k->key, p)
		   ? 0
		   : ossl_fail(j, "the signature of an OCSP answer");
}
