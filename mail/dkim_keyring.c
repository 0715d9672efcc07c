#include "config.h"

#include "mail/dkim_keyring.h"

#include "lib/arena.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 64 /* some KiB each */
#define HASHED 32

static struct slot {
	char *der;
	size_t n;
	EVP_PKEY_CTX *verifier;
} slots[SLOTS];

/* FNV-1a of the end, where the modulus is.  Whoever finds keys for the slot of
 * another one makes it be read again, no more. */
static struct slot *
slot_of(struct span der)
{
	uint32_t hash = 2166136261U;

	for (size_t i = der.n > HASHED ? der.n - HASHED : 0; i < der.n; i++)
		hash = (hash ^ (unsigned char)der.p[i]) * 16777619U;
	return &slots[hash % SLOTS];
}

static void
empty(struct slot *s)
{
	free(s->der);
	EVP_PKEY_CTX_free(s->verifier);
	*s = (struct slot){ .der = NULL };
}

EVP_PKEY_CTX *
dkim_keyring_get(struct span der)
{
	const struct slot *s = slot_of(der);

	if (s->verifier == NULL || !span_eq(span_mem(s->der, s->n), der))
		return NULL;
	return EVP_PKEY_CTX_dup(s->verifier);
}

void
dkim_keyring_put(struct span der, EVP_PKEY_CTX *verifier)
{
	struct slot *s = slot_of(der);
	EVP_PKEY_CTX *copy = der.n == 0 ? NULL : EVP_PKEY_CTX_dup(verifier);

	if (copy == NULL)
		return;
	empty(s);
	s->der = xmalloc(der.n);
	memcpy(s->der, der.p, der.n);
	s->n = der.n;
	s->verifier = copy;
}

void
dkim_keyring_clear(void)
{
	for (size_t i = 0; i < SLOTS; i++)
		empty(&slots[i]);
}
