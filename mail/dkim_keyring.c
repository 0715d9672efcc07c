#include "config.h"

#include "mail/dkim_keyring.h"

#include "lib/arena.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 64 /* some KiB each */

static struct slot {
	char *der;
	size_t n;
	EVP_PKEY *pkey;
} slots[SLOTS];

/* FNV-1a.  Whoever finds keys for the slot of another one makes it be read
 * again, no more. */
static struct slot *
slot_of(struct span der)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < der.n; i++)
		hash = (hash ^ (unsigned char)der.p[i]) * 16777619U;
	return &slots[hash % SLOTS];
}

static void
empty(struct slot *s)
{
	free(s->der);
	EVP_PKEY_free(s->pkey);
	*s = (struct slot){ .der = NULL };
}

EVP_PKEY *
dkim_keyring_get(struct span der)
{
	const struct slot *s = slot_of(der);

	if (s->pkey == NULL || !span_eq(span_mem(s->der, s->n), der) ||
	    EVP_PKEY_up_ref(s->pkey) != 1)
		return NULL;
	return s->pkey;
}

void
dkim_keyring_put(struct span der, EVP_PKEY *pkey)
{
	struct slot *s = slot_of(der);

	if (s->pkey == pkey || der.n == 0 || EVP_PKEY_up_ref(pkey) != 1)
		return;
	empty(s);
	s->der = xmalloc(der.n);
	memcpy(s->der, der.p, der.n);
	s->n = der.n;
	s->pkey = pkey;
}

void
dkim_keyring_clear(void)
{
	for (size_t i = 0; i < SLOTS; i++)
		empty(&slots[i]);
}
