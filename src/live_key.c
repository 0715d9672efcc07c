#include "config.h"

#include "src/live_key.h"

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/answers.h"
#include "src/live_link.h"
#include "src/role_issuer.h"

#include <string.h>

struct live_keys {
	int fd;
	/* What was certified last: asked for again, it is said again. */
	uint8_t key[SHA256_LEN];
	char certificate[LIVE_CERTIFICATE_MAX];
	size_t n; /* 0: nothing */
};

struct live_keys *
live_keys_new(struct arena *keep, int fd)
{
	struct live_keys *k;

	if (fd < 0)
		return NULL;
	k = arena_alloc(keep, sizeof(*k));
	*k = (struct live_keys){ .fd = fd };
	return k;
}

/* The newest question: older ones are of processes that have ended. */
static bool
take_newest(struct job *j, int fd, struct span *spki)
{
	struct span one;
	bool found = false;

	while (live_take(j, fd, LIVE_KEY_MAX, &one) == 1) {
		*spki = one;
		found = true;
	}
	return found;
}

static int
certify(struct issuer *i, struct job *j, struct span spki,
    const uint8_t key[SHA256_LEN])
{
	struct live_keys *k = i->live;
	struct span der = { NULL, 0 };

	k->n = 0;
	if (answers_certify(i, j, spki, &der) < 0)
		return -1;
	if (der.n > sizeof(k->certificate))
		return job_fail(j, ERR_INTERNAL, "OCSP responder: too large");
	memcpy(k->certificate, der.p, der.n);
	memcpy(k->key, key, SHA256_LEN);
	k->n = der.n;
	return 0;
}

int
live_keys_step(struct issuer *i, struct job *j)
{
	struct live_keys *k = i->live;
	uint8_t key[SHA256_LEN];
	struct span spki = { NULL, 0 };

	if (k == NULL || i->answers == NULL || !take_newest(j, k->fd, &spki))
		return 0;
	sha256(spki, key);
	if ((k->n == 0 || memcmp(key, k->key, SHA256_LEN) != 0) &&
	    certify(i, j, spki, key) < 0)
		return -1;
	if (live_give(k->fd, span_mem(k->certificate, k->n)) < 0)
		log_warning(
		    "OCSP responder not told", "next=\"it asks again\"");
	return 1;
}
