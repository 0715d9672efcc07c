#include "config.h"

#include "pki/signing_key.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/ossl.h"
#include "pki/signer.h"

static int
sign_in_memory(struct job *j, void *context, const struct sig_alg *alg,
    struct span message, unsigned char out[SIGNATURE_MAX], size_t *out_len)
{
	EVP_PKEY *pkey = context;
	EVP_MD_CTX *ctx = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());

	*out_len = SIGNATURE_MAX;
	if (ctx == NULL ||
	    EVP_DigestSignInit_ex(
		ctx, NULL, alg->digest, NULL, NULL, pkey, NULL) != 1 ||
	    EVP_DigestSign(ctx, out, out_len, ossl_bytes(message), message.n) !=
		1)
		return ossl_fail(j, "signing failed");
	return 0;
}

const struct signing_key *
signing_key_new(struct arena *keep, EVP_PKEY *pkey)
{
	struct signing_key *key;

	if (pkey == NULL)
		return NULL;
	key = arena_alloc(keep, sizeof *key);
	*key = (struct signing_key){ .sign = sign_in_memory, .context = pkey };
	return key;
}

struct still {
	unsigned char signature[SIGNATURE_MAX];
	size_t len;
};

static int
sign_still(struct job *j, void *context, const struct sig_alg *alg,
    struct span message, unsigned char out[SIGNATURE_MAX], size_t *out_len)
{
	const struct still *still = context;

	(void)j;
	(void)alg;
	(void)message;
	memcpy(out, still->signature, still->len);
	*out_len = still->len;
	return 0;
}

const struct signing_key *
signing_key_still(struct job *j, struct arena *keep, EVP_PKEY *pkey,
    const struct sig_alg *alg)
{
	struct still *still = arena_alloc(keep, sizeof *still);
	struct signing_key *key = arena_alloc(keep, sizeof *key);

	if (sign_in_memory(
		j, pkey, alg, SPAN("lint"), still->signature, &still->len) < 0)
		return NULL;
	*key = (struct signing_key){ .sign = sign_still, .context = still };
	return key;
}

int
signing_key_use(struct job *j, const struct signing_key *key,
    const struct sig_alg *alg, struct span message,
    unsigned char out[SIGNATURE_MAX], size_t *out_len)
{
	if (key->sign == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "the key is another process's, which does not sign this");
	return key->sign(j, key->context, alg, message, out, out_len);
}
