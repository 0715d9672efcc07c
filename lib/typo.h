/*
 * "Did you mean": which of the words that there are somebody may have wanted
 * to write.
 *
 *	struct typo t = typo_of(word);
 *	for each name: if (typo_is_nearer(&t, name)) best = name;
 */
#ifndef LIB_TYPO_H
#define LIB_TYPO_H

#include <stdbool.h>
#include <stddef.h>

struct typo {
	const char *word; /* borrowed */
	size_t distance;  /* below this one name is nearer than all before */
};

/* At first only what has half of the word's letters, and three mistakes at
 * most, is near. */
struct typo typo_of(const char *word);
bool typo_is_nearer(struct typo *t, const char *name);

#endif
