#include "config.h"

#include "lib/typo.h"

#include <string.h>

#define NAME_MAX_LEN 64
#define FAR 4

static size_t
smallest3(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Levenshtein's, where two neighbours that have changed places are one
 * mistake. */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][NAME_MAX_LEN], n = strlen(b);
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	if (n >= NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t *free_row = before;

		before = last;
		last = row;
		row = free_row;
		row[0] = i + 1;
		for (size_t k = 1; k <= n; k++) {
			row[k] = smallest3(last[k] + 1, row[k - 1] + 1,
			    last[k - 1] + (a[i] != b[k - 1]));
			if (i > 0 && k > 1 && a[i] == b[k - 2] &&
			    a[i - 1] == b[k - 1] && before[k - 2] + 1 < row[k])
				row[k] = before[k - 2] + 1;
		}
	}
	return row[n];
}

struct typo
typo_of(const char *word)
{
	size_t half = strlen(word) / 2 + 1;

	return (
	    struct typo){ .word = word, .distance = half < FAR ? half : FAR };
}

bool
typo_is_nearer(struct typo *t, const char *name)
{
	size_t d = distance(t->word, name);

	if (d >= t->distance)
		return false;
	t->distance = d;
	return true;
}
