#include "config.h"

#include "pki/responder_key.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/ca_build.h"
#include "pki/cryptoki_generate.h"
#include "pki/remote_key.h"
#include "pki/responder_request.h"
#include "pki/signer.h"
#include "pki/token_key.h"

#define TYPE "p256" /* PK-165 */

/* --- who has it ----------------------------------------------------------- */

struct responder_key {
	struct arena *keep;
	const struct signing_key *key;
	const struct signer *signer; /* NULL: it was never there yet */
};

int
responder_key_prepare(struct job *j, struct arena *keep,
    const struct token_place *place, struct responder_key **out)
{
	struct responder_key *k = arena_alloc(keep, sizeof(*k));

	*k = (struct responder_key){ .keep = keep };
	*out = k;
	return token_key_prepare(j, keep, place, NULL, &k->key);
}

/* PK-210: before it is used. */
static int
get_to_know(struct job *j, struct responder_key *k)
{
	const struct signer *s = NULL;
	struct span der = { NULL, 0 };

	if (responder_signer(j, k->keep, token_key_public(k->key), k->key, &s) <
	    0) {
		job_recover(j);
		return job_fail(j, ERR_REFUSED,
		    "the responder's key in the token is not of P-256 "
		    "(PK-165): make one with countersign key make");
	}
	if (ca_request_make(j, s, &der) < 0)
		return -1;
	k->signer = s;
	return 0;
}

int
responder_key_ready(struct job *j, struct responder_key *k)
{
	if (k->key->ready(j, k->key->context) < 0)
		return -1;
	return k->signer == NULL ? get_to_know(j, k) : 0;
}

int
responder_key_signature(struct job *j, struct responder_key *k, char tag,
    struct span tbs, struct span *out)
{
	unsigned char octets[SIGNATURE_MAX];
	size_t n = 0;

	if (responder_key_ready(j, k) < 0)
		return -1;
	if (tag == REMOTE_REQUEST)
		return ca_request_make(j, k->signer, out);
	if (tag != REMOTE_ANSWER)
		return job_fail(j, ERR_INTERNAL,
		    "refused to sign: a responder's key signs OCSP answers");
	if (signer_signature(j, k->signer, SIGNED_OCSP, tbs, octets, &n) < 0)
		return -1;
	*out = span_mem(arena_memdup(j->arena, octets, n), n);
	return 0;
}

/* --- who makes it --------------------------------------------------------- */

int
responder_key_make(struct job *j, const struct token_place *place,
    struct responder_key_made *out)
{
	struct token_made made;
	uint8_t hash[SHA256_LEN];

	if (token_make_free(j, place, TYPE) < 0 ||
	    token_make(j, place, TYPE, &made) < 0)
		return -1;
	sha256(ca_spki(j, made.public_key), hash);
	*out = (struct responder_key_made){ .spki_sha256 = hex_dup(j->arena,
						span_mem(hash, sizeof(hash))),
		.attributes = made.attributes,
		.device = made.device };
	return 0;
}

/* --- who answers ---------------------------------------------------------- */

int
responder_key_ask(struct job *j, struct arena *keep,
    const struct remote_key *remote, const char *label, struct responder *out)
{
	struct span der = { NULL, 0 }, spki = { NULL, 0 },
		    nothing = { NULL, 0 };

	*out = (struct responder){ .key = NULL };
	if (remote->sign(
		j, remote->context, label, REMOTE_REQUEST, nothing, &der) < 0 ||
	    responder_request_read(j, keep, der, &spki, &out->key) < 0 ||
	    responder_signer(j, keep, out->key,
		remote_key_new(keep, remote, label), &out->elsewhere) < 0)
		return -1;
	memcpy(out->key_hash, out->elsewhere->key_hash.p, OCSP_KEY_HASH_LEN);
	out->request = span_mem(arena_memdup(keep, der.p, der.n), der.n);
	return 0;
}
