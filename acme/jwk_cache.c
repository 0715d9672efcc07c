#include "config.h"

#include "acme/jwk_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_account.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/job.h"

#define SLOTS 2048 /* about 2 KiB each when all are taken */

struct jwk_cache {
	pthread_mutex_t lock;
	struct jwk *slots[SLOTS];
};

struct jwk_cache *
jwk_cache_new(void)
{
	struct jwk_cache *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void
jwk_cache_free(struct jwk_cache *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		jwk_free(c->slots[i]);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* A thumbprint is a hash: its first characters spread well. */
static size_t
slot_of(const char *thumbprint)
{
	unsigned char octets[3] = { 0 };

	(void)b64url_parse_fixed(
	    span_mem(thumbprint, 4), octets, sizeof(octets));
	return (octets[0] | (size_t)octets[1] << 8) % SLOTS;
}

static const struct jwk *
look_up(struct jwk_cache *c, struct job *j, const char *thumbprint)
{
	const struct jwk *found = NULL;
	const struct jwk *k;

	pthread_mutex_lock(&c->lock);
	k = c->slots[slot_of(thumbprint)];
	if (k != NULL && strcmp(jwk_thumbprint(k), thumbprint) == 0)
		found = jwk_share(j, k);
	pthread_mutex_unlock(&c->lock);
	return found;
}

static void
keep(struct jwk_cache *c, const struct jwk *k)
{
	struct jwk *new = jwk_dup(k);
	size_t slot = slot_of(jwk_thumbprint(k));
	struct jwk *old;

	pthread_mutex_lock(&c->lock);
	old = c->slots[slot];
	c->slots[slot] = new;
	pthread_mutex_unlock(&c->lock);
	jwk_free(old);
}

int
jwk_cache_get(struct jwk_cache *c, struct job *j, const struct account *account,
    const struct jwk **out)
{
	if (strlen(account->thumbprint) == THUMBPRINT_LEN)
		*out = look_up(c, j, account->thumbprint);
	else
		*out = NULL;
	if (*out != NULL)
		return 0;
	if (jwk_load(j, span_str(account->jwk), out) < 0)
		return job_context(j, "account %s", account->id);
	/* The row's key must be the one that it is known by. */
	if (strcmp(jwk_thumbprint(*out), account->thumbprint) != 0)
		return job_fail(j, ERR_INTERNAL,
		    "account %s: its key has another thumbprint", account->id);
	keep(c, *out);
	return 0;
}
