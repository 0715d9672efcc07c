#include "config.h"

#include "src/audit_sample.h"

#include <stdlib.h>
#include <string.h>

#define LEAST 30
#define PERCENT 3

size_t
sample_size(size_t population)
{
	size_t n = (population / 100) * PERCENT +
		   ((population % 100) * PERCENT + 99) / 100;

	if (n < LEAST)
		n = LEAST;
	return n < population ? n : population;
}

void
sample_init(struct sample *s, const uint8_t seed[SAMPLE_SEED_LEN],
    struct sample_item *v, size_t max)
{
	*s = (struct sample){ .v = v, .max = max };
	memcpy(s->seed, seed, SAMPLE_SEED_LEN);
}

static int
compare(const void *a, const void *b)
{
	return memcmp(((const struct sample_item *)a)->score,
	    ((const struct sample_item *)b)->score, SHA256_LEN);
}

static void
swap(struct sample_item *a, struct sample_item *b)
{
	struct sample_item c = *a;

	*a = *b;
	*b = c;
}

static void
sift_up(struct sample *s, size_t i)
{
	while (i > 0 && compare(&s->v[i], &s->v[(i - 1) / 2]) > 0) {
		swap(&s->v[i], &s->v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static void
sift_down(struct sample *s, size_t i)
{
	for (;;) {
		size_t largest = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < s->n &&
			    compare(&s->v[child], &s->v[largest]) > 0)
				largest = child;
		if (largest == i)
			return;
		swap(&s->v[i], &s->v[largest]);
		i = largest;
	}
}

void
sample_add(struct sample *s, const char *id)
{
	uint8_t text[SAMPLE_SEED_LEN + RND_ID_LEN];
	struct sample_item item;

	memcpy(text, s->seed, SAMPLE_SEED_LEN);
	memcpy(text + SAMPLE_SEED_LEN, id, RND_ID_LEN);
	sha256(span_mem(text, sizeof(text)), item.score);
	memcpy(item.id, id, RND_ID_LEN);
	item.id[RND_ID_LEN] = '\0';
	if (s->n < s->max) {
		s->v[s->n] = item;
		sift_up(s, s->n++);
	} else if (s->max > 0 && compare(&item, &s->v[0]) < 0) {
		s->v[0] = item;
		sift_down(s, 0);
	}
}

void
sample_sort(struct sample *s)
{
	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v), compare);
}
