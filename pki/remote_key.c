#include "config.h"

#include "pki/remote_key.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/ca.h"
#include "pki/signer.h"

_Static_assert(REMOTE_SIGNATURE_MAX == SIGNATURE_MAX, "the same signature");

static const struct {
	enum signed_type type;
	char tag;
} tags[] = {
	{ SIGNED_SUBSCRIBER, REMOTE_SUBSCRIBER },
	{ SIGNED_CA, REMOTE_CA },
	{ SIGNED_RESPONDER, REMOTE_RESPONDER },
	{ SIGNED_CRL, REMOTE_LIST },
	{ SIGNED_OCSP, REMOTE_ANSWER },
};
#define TAG_COUNT COUNT(tags)

/* --- who asks ------------------------------------------------------------ */

struct asked {
	const struct remote_key *remote;
	const char *label;
};

static int
sign_as(struct job *j, void *context, enum signed_type type, struct span tbs,
    unsigned char out[SIGNATURE_MAX], size_t *out_len)
{
	const struct asked *a = context;
	struct span signature = { NULL, 0 };
	size_t i = 0;

	while (i < TAG_COUNT && tags[i].type != type)
		i++;
	if (i == TAG_COUNT)
		return job_fail(j, ERR_INTERNAL, "nothing that is signed");
	if (a->remote->sign(j, a->remote->context, a->label, tags[i].tag, tbs,
		&signature) < 0)
		return -1;
	if (signature.n == 0 || signature.n > SIGNATURE_MAX)
		return job_fail(j, ERR_INTERNAL,
		    "the signer gave %zu octets, which are no signature",
		    signature.n);
	memcpy(out, signature.p, signature.n);
	*out_len = signature.n;
	return 0;
}

static int
ready(struct job *j, void *context)
{
	const struct asked *a = context;

	return a->remote->ready(j, a->remote->context, a->label);
}

const struct signing_key *
remote_key_new(
    struct arena *keep, const struct remote_key *remote, const char *label)
{
	struct signing_key *key = arena_alloc(keep, sizeof *key);
	struct asked *a = arena_alloc(keep, sizeof *a);

	*a = (struct asked){ remote, label };
	*key = (struct signing_key){
		.sign_as = sign_as, .ready = ready, .context = a
	};
	return key;
}

/* --- who has it ---------------------------------------------------------- */

int
ca_signature(struct job *j, const struct ca *ca, char tag, struct span tbs,
    struct span *signature)
{
	unsigned char octets[SIGNATURE_MAX];
	size_t i = 0, n = 0;

	while (i < TAG_COUNT && tags[i].tag != tag)
		i++;
	if (i == TAG_COUNT)
		return job_fail(j, ERR_INTERNAL,
		    "refused to sign: it is said to be nothing that is signed");
	if (signer_signature(j, &ca->signer, tags[i].type, tbs, octets, &n) < 0)
		return -1;
	*signature = span_mem(arena_memdup(j->arena, octets, n), n);
	return 0;
}
