/*
 * Which certificates an auditor's sample holds (PK-24): those whose id, hashed
 * with the seed, comes to the smallest numbers.  So the same seed draws the
 * same ones again, in whatever order they are seen, and memory holds the
 * sample and nothing else.
 */
#ifndef SRC_AUDIT_SAMPLE_H
#define SRC_AUDIT_SAMPLE_H

#include "lib/digest.h"
#include "lib/rnd.h"

#define SAMPLE_SEED_LEN 16

struct sample_item {
	uint8_t score[SHA256_LEN];
	char id[RND_ID_LEN + 1];
};

struct sample {
	uint8_t seed[SAMPLE_SEED_LEN];
	struct sample_item *v; /* a heap, the largest score first */
	size_t n, max;
};

/* max(30, 3 %), and no more than there are. */
size_t sample_size(size_t population);

/* `v` has room for `max` items. */
void sample_init(struct sample *s, const uint8_t seed[SAMPLE_SEED_LEN],
    struct sample_item *v, size_t max);
/* An id of RND_ID_LEN characters; each once. */
void sample_add(struct sample *s, const char *id);
/* Smallest score first; nothing is added afterwards. */
void sample_sort(struct sample *s);

#endif
