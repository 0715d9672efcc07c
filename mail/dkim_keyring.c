#include "config.h"

#include "mail/dkim_keyring.h"

#include "lib/arena.h"
#include "mail/dkim_key.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 64 /* some KiB each */
#define HASHED 64

/* Of the slot that it is in, and of the arenas that use it. */
struct known {
	size_t holders;
	struct dkim_key key;
	size_t n; /* octets of the record, which are followed by p= decoded */
	char octets[];
};

static struct known *slots[SLOTS];

/* FNV-1a of the end, where the modulus is, eight octets at a time.  Whoever
 * finds records for the slot of another one makes that be read again, no
 * more. */
static struct known **
slot_of(struct span record)
{
	uint64_t hash = UINT64_C(14695981039346656037), eight;
	struct span end =
	    span_from(record, record.n > HASHED ? record.n - HASHED : 0);

	for (; end.n >= sizeof(eight); end = span_from(end, sizeof(eight))) {
		memcpy(&eight, end.p, sizeof(eight));
		hash = (hash ^ eight) * UINT64_C(1099511628211);
	}
	return &slots[(hash >> 32) % SLOTS];
}

static void
release(void *x)
{
	struct known *k = x;

	if (--k->holders > 0)
		return;
	EVP_PKEY_CTX_free(k->key.verifier);
	free(k);
}

static void
empty(struct known **slot)
{
	if (*slot != NULL)
		release(*slot);
	*slot = NULL;
}

bool
dkim_keyring_get(struct arena *a, struct span record, struct dkim_key *out)
{
	struct known *k = *slot_of(record);

	if (k == NULL || !span_eq(span_mem(k->octets, k->n), record))
		return false;
	k->holders++;
	arena_own(a, k, release);
	*out = k->key;
	return true;
}

void
dkim_keyring_put(struct span record, const struct dkim_key *key)
{
	struct known **slot = slot_of(record), *k;
	struct span der = key->public_key;
	EVP_PKEY_CTX *verifier = EVP_PKEY_CTX_dup(key->verifier);

	if (verifier == NULL)
		return;
	empty(slot);
	k = xmalloc(sizeof(*k) + record.n + der.n);
	*k = (struct known){ .holders = 1, .key = *key, .n = record.n };
	memcpy(k->octets, record.p, record.n);
	memcpy(k->octets + record.n, der.p, der.n);
	k->key.public_key = span_mem(k->octets + record.n, der.n);
	k->key.verifier = verifier;
	k->key.pkey = EVP_PKEY_CTX_get0_pkey(verifier);
	*slot = k;
}

void
dkim_keyring_clear(void)
{
	for (size_t i = 0; i < SLOTS; i++)
		empty(&slots[i]);
}
