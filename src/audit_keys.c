#include "config.h"

#include "src/audit_keys.h"

#include "db/audit_mark.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "pki/head_key.h"
#include "pki/key.h"

int
audit_keys_verifier(
    struct job *j, struct arena *keep, const struct audit_verifier **out)
{
	const char *path = j->conf->issuer.audit_public_keys;
	struct audit_verifier *v;
	const struct head_keys *keys;

	*out = NULL;
	if (path == NULL)
		return 0;
	if (head_keys_load(j, keep, path, &keys) < 0)
		return job_context(j, "issuer.audit_public_keys");
	v = arena_alloc(keep, sizeof(*v));
	*v = (struct audit_verifier){ head_keys_verify, keys };
	*out = v;
	return 0;
}

int
audit_keys_signer(struct job *j, struct arena *keep, const struct ca *ca,
    const struct audit_signer **out)
{
	const struct conf_issuer *conf = &j->conf->issuer;
	const struct audit_verifier *verifier;
	const struct head_key *key;
	struct audit_signer *s;

	*out = NULL;
	if (conf->audit_key == NULL)
		return 0;
	if (head_key_load(j, keep, conf->audit_key, &key) < 0)
		return job_context(j, "issuer.audit_key");
	if (audit_keys_verifier(j, keep, &verifier) < 0)
		return -1;
	if (verifier == NULL ||
	    !head_keys_has(verifier->ctx, head_key_sha256(key)))
		return job_fail(j, ERR_INTERNAL,
		    "issuer.audit_public_keys does not hold the public key of "
		    "issuer.audit_key: openssl pkey -in %s -pubout, appended "
		    "to it, would be right",
		    conf->audit_key);
	if (ca != NULL && ca_has_key(ca, head_key_spki(key)))
		return job_fail(j, ERR_INTERNAL,
		    "issuer.audit_key is the CA's key: one of its own would "
		    "be right");
	s = arena_alloc(keep, sizeof(*s));
	*s = (struct audit_signer){ .sign = head_key_sign,
		.ctx = key,
		.spki_sha256 = head_key_sha256(key),
		.verifier = verifier };
	*out = s;
	return 0;
}
