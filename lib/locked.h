/*
 * Memory for a secret that has to last as long as the process: pages of their
 * own that are not swapped out, not in a core, and not in a child.  What lives
 * for one item of work only is in arena_alloc_secret().
 */
#ifndef LIB_LOCKED_H
#define LIB_LOCKED_H

#include <stddef.h>

struct arena;

/* Zeroed; wiped and given back with the arena.  Where the system does not let
 * pages be locked (RLIMIT_MEMLOCK) the log says so. */
void *locked_alloc(struct arena *a, size_t n);

#endif
