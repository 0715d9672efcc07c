#include "config.h"

#include "tests/scenario/client.h"

#include "db/store.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/job.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct account_key {
	EVP_PKEY *pkey;
	char jwk[256];
	char thumbprint[44];
};

struct client {
	const struct conf *conf;
	struct account_key key, next;
	EVP_PKEY *subject_key;
	char former[44];
};

static void
coordinate(EVP_PKEY *key, const char *name, char out[44])
{
	unsigned char octets[32];
	BIGNUM *n = NULL;

	assert(EVP_PKEY_get_bn_param(key, name, &n) == 1);
	assert(BN_bn2binpad(n, octets, 32) == 32);
	BN_free(n);
	b64url_format(out, span_mem(octets, sizeof(octets)));
}

static void
make_key(struct account_key *k)
{
	uint8_t hash[SHA256_LEN];
	char x[44], y[44];

	k->pkey = EVP_EC_gen("P-256");
	assert(k->pkey != NULL);
	coordinate(k->pkey, OSSL_PKEY_PARAM_EC_PUB_X, x);
	coordinate(k->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y);
	snprintf(k->jwk, sizeof(k->jwk),
	    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x,
	    y);
	sha256(span_str(k->jwk), hash);
	b64url_format(k->thumbprint, span_mem(hash, sizeof(hash)));
}

struct client *
client_new(const struct conf *conf)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->conf = conf;
	make_key(&c->key);
	c->subject_key = EVP_EC_gen("P-256");
	assert(c->subject_key != NULL);
	return c;
}

void
client_free(struct client *c)
{
	if (c == NULL)
		return;
	EVP_PKEY_free(c->key.pkey);
	EVP_PKEY_free(c->next.pkey);
	EVP_PKEY_free(c->subject_key);
	free(c);
}

const char *
client_thumbprint(const struct client *c)
{
	return c->key.thumbprint;
}

const char *
client_former_thumbprint(const struct client *c)
{
	return c->former;
}

/* ECDSA as JWS wants it: both halves, fixed length. */
static void
sign(const struct account_key *k, struct span data, unsigned char out[64])
{
	unsigned char der[128];
	const unsigned char *p = der;
	size_t n = sizeof(der);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *sig;

	assert(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->pkey) == 1);
	assert(EVP_DigestSign(
		   ctx, der, &n, (const unsigned char *)data.p, data.n) == 1);
	EVP_MD_CTX_free(ctx);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	assert(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32);
	assert(BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32);
	ECDSA_SIG_free(sig);
}

static void
add_member(struct buf *b, const char *name, struct span octets)
{
	buf_addf(b, "\"%s\":\"", name);
	b64url_add(b, octets);
	buf_add_char(b, '"');
}

static struct span
make_jws(const struct account_key *k, struct arena *a, const char *nonce,
    const char *kid, const char *url, const char *payload)
{
	struct span body = span_str(payload);
	unsigned char signature[64];
	struct buf header, input, jws;

	buf_init(&header, a, 4096);
	buf_init(&input, a, 65536);
	buf_init(&jws, a, 65536);
	buf_addf(&header, "{\"alg\":\"ES256\",\"url\":\"%s\",", url);
	if (nonce != NULL)
		buf_addf(&header, "\"nonce\":\"%s\",", nonce);
	if (kid != NULL)
		buf_addf(&header, "\"kid\":\"%s\"}", kid);
	else
		buf_addf(&header, "\"jwk\":%s}", k->jwk);
	b64url_add(&input, buf_span(&header));
	buf_add_char(&input, '.');
	b64url_add(&input, body);
	sign(k, buf_span(&input), signature);
	buf_add_char(&jws, '{');
	add_member(&jws, "protected", buf_span(&header));
	buf_add_char(&jws, ',');
	add_member(&jws, "payload", body);
	buf_add_char(&jws, ',');
	add_member(&jws, "signature", span_mem(signature, sizeof(signature)));
	buf_add_char(&jws, '}');
	assert(buf_ok(&jws));
	return buf_span(&jws);
}

/* As src/http.c: prepare, handle in a savepoint, commit, finish. */
static void
serve(struct acme *acme, struct job *j, struct request *req,
    struct response *resp)
{
	int result = acme_prepare(acme, j, req, resp);

	if (result == 0 && !acme_writes(req)) {
		acme_handle(acme, j, req, resp);
	} else if (result == 0) {
		if (store_begin(j) < 0 || store_savepoint(j) < 0)
			abort();
		if (acme_handle(acme, j, req, resp) == 0 || j->keep)
			assert(store_savepoint_keep(j) == 0);
		else
			assert(store_savepoint_undo(j) == 0);
		assert(store_commit(j) == 0);
	}
	acme_finish(acme, j, req, resp);
}

static const char *
header_of(const struct response *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return "";
}

static const char *
take_nonce(struct acme *acme, struct job *j)
{
	struct request req = { .method = METHOD_HEAD,
		.method_name = "HEAD",
		.target = SPAN("/acme/new-nonce"),
		.client_address = "127.0.0.1" };
	struct response resp = { 0 };
	const char *nonce;

	buf_init(&resp.body, j->arena, 4096);
	serve(acme, j, &req, &resp);
	nonce = header_of(&resp, "Replay-Nonce");
	assert(nonce[0] != '\0');
	return nonce;
}

void
client_post(struct client *c, struct job *j, const char *kid, const char *url,
    const char *payload, struct answer *out)
{
	struct acme *acme = acme_new(c->conf);
	struct request req = { .method = METHOD_POST,
		.method_name = "POST",
		.content_type = SPAN("application/jose+json"),
		.client_address = "127.0.0.1" };
	struct response resp = { 0 };

	buf_init(&resp.body, j->arena, 1 << 20);
	req.target = span_str(url + strlen(c->conf->base_url));
	req.body = make_jws(&c->key, j->arena, take_nonce(acme, j), kid, url,
	    payload != NULL ? payload : "");
	serve(acme, j, &req, &resp);
	*out = (struct answer){ .status = resp.status };
	snprintf(out->location, sizeof(out->location), "%s",
	    header_of(&resp, "Location"));
	out->body = xmalloc(resp.body.n + 1);
	memcpy(out->body, resp.body.p, resp.body.n);
	out->body[resp.body.n] = '\0';
	acme_free(acme);
}

char *
client_key_change(struct client *c, const char *kid, const char *url)
{
	struct arena *a = arena_new();
	char *text;

	EVP_PKEY_free(c->next.pkey);
	make_key(&c->next);
	text = xstrdup(span_dup(
	    a, make_jws(&c->next, a, NULL, NULL, url,
		   arena_printf(a, "{\"account\":\"%s\",\"oldKey\":%s}", kid,
		       c->key.jwk))));
	arena_free(a);
	return text;
}

void
client_use_next_key(struct client *c)
{
	snprintf(c->former, sizeof(c->former), "%s", c->key.thumbprint);
	EVP_PKEY_free(c->key.pkey);
	c->key = c->next;
	c->next = (struct account_key){ .pkey = NULL };
}

static X509_EXTENSION *
names_extension(const char *const *mailboxes, size_t count)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	X509_EXTENSION *e;

	for (size_t i = 0; i < count; i++) {
		GENERAL_NAME *n = GENERAL_NAME_new();
		ASN1_IA5STRING *s = ASN1_IA5STRING_new();

		ASN1_STRING_set(s, mailboxes[i], -1);
		GENERAL_NAME_set0_value(n, GEN_EMAIL, s);
		sk_GENERAL_NAME_push(names, n);
	}
	e = X509V3_EXT_i2d(NID_subject_alt_name, 0, names);
	GENERAL_NAMES_free(names);
	return e;
}

char *
client_csr(struct client *c, const char *const *mailboxes, size_t count)
{
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	unsigned char *der = NULL;
	char *text;
	int n;

	sk_X509_EXTENSION_push(list, names_extension(mailboxes, count));
	assert(X509_REQ_set_version(req, 0) == 1);
	assert(X509_REQ_set_pubkey(req, c->subject_key) == 1);
	assert(X509_REQ_add_extensions(req, list) == 1);
	assert(X509_REQ_sign(req, c->subject_key, EVP_sha256()) > 0);
	n = i2d_X509_REQ(req, &der);
	assert(n > 0);
	text = xmalloc(B64URL_LEN((size_t)n) + 1);
	b64url_format(text, span_mem(der, (size_t)n));
	OPENSSL_free(der);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_REQ_free(req);
	return text;
}
