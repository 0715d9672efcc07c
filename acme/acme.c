#include "config.h"

#include "acme/acme.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "acme/jwk_cache.h"
#include "acme/nonce.h"
#include "acme/refused.h"
#include "acme/throttle.h"
#include "db/store_secret.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"

struct acme *
acme_new(const struct conf *conf)
{
	struct acme *a = xcalloc(1, sizeof(*a));

	a->conf = conf;
	a->nonces = nonces_new(conf->web.nonce_ttl, NONCE_BOUND);
	a->keys = jwk_cache_new();
	a->throttle = throttle_new();
	a->refused = refused_new();
	return a;
}

int
acme_share(struct acme *a, struct job *j)
{
	struct span key;

	if (!store_is_shared(j))
		return 0;
	if (store_secret(j, SECRET_NONCE, &key) < 0)
		return -1;
	nonces_share(a->nonces, key);
	return 0;
}

void
acme_free(struct acme *a)
{
	if (a == NULL)
		return;
	nonces_free(a->nonces);
	jwk_cache_free(a->keys);
	throttle_free(a->throttle);
	refused_free(a->refused);
	free(a);
}

void
acme_set_conf(struct acme *a, const struct conf *conf)
{
	atomic_store(&a->conf, conf);
}

void
acme_set_chain(struct acme *a, const struct acme_chain *chain)
{
	a->chain = *chain;
}

void
acme_set_eab_key(struct acme *a, const struct aead_key *key)
{
	a->eab_key = key;
}

void
acme_set_weak_keys(struct acme *a, const struct weakkeys *keys)
{
	a->weak_keys = keys;
}

const char *
acme_url(const struct acme *a, struct job *j, const char *path, const char *id)
{
	return arena_printf(j->arena, "%s%s%s", a->conf->base_url, path, id);
}
