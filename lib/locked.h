/*
 * Memory for a secret that has to last as long as the process: pages of their
 * own that are not swapped out, not in a core, and not in a child.  What lives
 * for one item of work only is in arena_alloc_secret().
 */
#ifndef LIB_LOCKED_H
#define LIB_LOCKED_H

#include <stddef.h>

struct arena;
struct job;

/*
 * *out, zeroed; wiped and given back with the arena.  0, or -1 ERR_INTERNAL
 * where children would have it.  What else the system does not do, such as
 * lock pages (RLIMIT_MEMLOCK), the log says.
 */
int locked_alloc(struct job *j, struct arena *a, size_t n, void **out);

#endif
