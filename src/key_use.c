#include "config.h"

#include "src/key_use.h"

#include "lib/arena.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/key.h"
#include "src/former.h"
#include "src/role_issuer.h"
#include "src/worker.h"

static int
tell_of_key(
    struct job *j, const struct ca *ca, struct span sha256, const char *event)
{
	return worker_record(j, "issuer", event,
	    arena_printf(j->arena, "ca:%s", ca_key_label(ca)), "ok",
	    worker_detail(j, "spki_sha256", hex_dup(j->arena, sha256)));
}

static int
tell_of_keys(const struct issuer *i, struct job *j, const char *event)
{
	const struct ca *ca;
	struct span sha256;

	if (!issuer_is_external(j) &&
	    tell_of_key(j, i->ca, i->key_sha256, event) < 0)
		return -1;
	for (size_t k = 0; former_key(i, k, &ca, &sha256); k++)
		if (tell_of_key(j, ca, sha256, event) < 0)
			return -1;
	return 0;
}

int
key_use_begins(struct issuer *i, struct job *j)
{
	if (!i->tells_of_keys)
		return 0;
	if (!issuer_is_external(j) && ca_ready(j, i->ca) < 0) {
		job_recover(j);
		return 0;
	}
	if (tell_of_keys(i, j, "CA key activated") < 0)
		return -1;
	i->tells_of_keys = false;
	return 0;
}

int
key_use_ends(const struct issuer *i, struct job *j)
{
	return i->tells_of_keys ? 0 : tell_of_keys(i, j, "CA key deactivated");
}
