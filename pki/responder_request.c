#include "config.h"

#include "pki/responder_request.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/ca_build.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include "pki/responder.h"
#include "pki/signer.h"

#define NO_NAME SPAN("\x30\x00") /* DER of an empty Name */

int
responder_signer(struct job *j, struct arena *keep, EVP_PKEY *public_key,
    const struct signing_key *key, const struct signer **out)
{
	struct signer *s = arena_alloc(keep, sizeof(*s));
	uint8_t *hash = arena_calloc(keep, 1, SHA_DIGEST_LENGTH);
	enum key_type type = KEY_TYPE_RSA;
	struct span bits;

	if (spki_split(ca_spki(j, public_key), &type, &bits) < 0 ||
	    type != KEY_TYPE_P256 ||
	    EVP_Digest(bits.p, bits.n, hash, NULL, EVP_sha1(), NULL) != 1)
		return job_fail(
		    j, ERR_INTERNAL, "OCSP responder: not a P-256 key");
	*s = (struct signer){ .role = CA_ROLE_RESPONDER,
		.name = NO_NAME,
		.alg = sig_alg_for(public_key, CA_ROLE_RESPONDER),
		.public_key = public_key,
		.key = key,
		.key_hash = span_mem(hash, SHA_DIGEST_LENGTH) };
	*out = s;
	return 0;
}

int
responder_request(struct job *j, struct arena *keep, struct responder *r)
{
	const struct signer *s = NULL;
	struct span der = { NULL, 0 };

	if (responder_signer(
		j, keep, r->key, signing_key_new(keep, r->key), &s) < 0 ||
	    ca_request_make(j, s, &der) < 0)
		return -1;
	r->request = span_mem(arena_memdup(keep, der.p, der.n), der.n);
	return 0;
}

struct request {
	struct span info, spki, algorithm, signature;
};

static int
take_apart(struct span der, struct request *out)
{
	struct der outer, info, d, name, key, attributes, algorithm, bits;

	if (der.n > RESPONDER_REQUEST_MAX || !der_is_strict(der) ||
	    der_only(der, DER_SEQUENCE, &outer) < 0 ||
	    der_take(&outer.body, DER_SEQUENCE, &info) < 0 ||
	    der_take(&outer.body, DER_SEQUENCE, &algorithm) < 0 ||
	    der_only(outer.body, DER_BIT_STRING, &bits) < 0 ||
	    bits.body.n < 2 || bits.body.p[0] != 0)
		return -1;
	*out = (struct request){ .info = info.whole,
		.algorithm = algorithm.whole,
		.signature = span_from(bits.body, 1) };
	if (der_take(&info.body, DER_INTEGER, &d) < 0 ||
	    der_take(&info.body, DER_SEQUENCE, &name) < 0 ||
	    der_take(&info.body, DER_SEQUENCE, &key) < 0 ||
	    der_only(info.body, DER_CONTEXT(0), &attributes) < 0)
		return -1;
	out->spki = key.whole;
	return span_eq(d.body, span_mem("", 1)) && name.body.n == 0 &&
		       attributes.body.n == 0
		   ? 0
		   : -1;
}

int
responder_request_read(struct job *j, struct arena *keep, struct span der,
    struct span *spki, EVP_PKEY **key)
{
	enum key_type type = KEY_TYPE_RSA;
	const struct sig_alg *alg;
	const char *problem;
	struct request r;

	*key = NULL;
	if (take_apart(der, &r) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "OCSP responder: not the request for its certificate");
	problem = keycheck_spki(keep, r.spki, KEYCHECK_SUBJECT, &type, key);
	if (problem != NULL || type != KEY_TYPE_P256)
		return job_fail(j, ERR_MALFORMED, "OCSP responder: %s",
		    problem != NULL ? problem : "not a P-256 key");
	alg = sig_alg_for(*key, CA_ROLE_RESPONDER);
	if (!span_eq(r.algorithm, alg->der) ||
	    !signature_is_good(*key, alg, r.info, r.signature))
		return job_fail(j, ERR_MALFORMED,
		    "OCSP responder: its key has not signed its request");
	*spki = r.spki;
	return 0;
}
