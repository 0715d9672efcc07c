/*
 * Memory that dies together.
 *
 * One arena per item of work (a request, a row, a mail): everything the item
 * needs is allocated here, nothing is freed by hand, all of it goes at the
 * end.  Objects of libraries join with arena_own(): their release functions
 * run in reverse order when the arena ends.
 *
 * Running out of memory ends the process: the supervisor starts it again and
 * every fact is in the database.  Sizes that come from outside are therefore
 * bounded before they are allocated.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL-safe */
/* Releases all that the arena holds; the arena itself can be used again. */
void arena_clear(struct arena *a);

/* Zeroed memory, aligned for any type. */
void *arena_alloc(struct arena *a, size_t n);
/* count * size with a check against overflow. */
void *arena_calloc(struct arena *a, size_t count, size_t size);
/*
 * The list with room for one item more, which is zero: of `count` items of
 * `size` octets that grew by this alone, from NULL on.  The one before it stays
 * with the arena.
 */
void *arena_grow(struct arena *a, void *list, size_t count, size_t size);
/* Memory that is wiped before it is released. */
void *arena_alloc_secret(struct arena *a, size_t n);
char *arena_strdup(struct arena *a, const char *s);
void *arena_memdup(struct arena *a, const void *p, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Calls release(x) when the arena ends.  Returns x, so that a call can be
 * wrapped; x may be NULL, which owns nothing.
 */
void *arena_own(struct arena *a, void *x, void (*release)(void *));

/* For what outlives an item of work. */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

#endif
