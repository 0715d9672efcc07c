#include "config.h"

#include "lib/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/digest.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define CS_ADDRESS_SANITIZER 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define CS_ADDRESS_SANITIZER 1
#endif

/* Under the address sanitizer every allocation is a block of its own, so that
 * one byte too far is seen. */
#ifdef CS_ADDRESS_SANITIZER
#define CHUNK_SIZE 0
#else
#define CHUNK_SIZE 16384
#endif
/* The first one: many arenas hold a digest's context and end. */
#define FIRST_CHUNK_SIZE 960

struct chunk {
	struct chunk *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) unsigned char data[];
};

struct secret {
	struct secret *next;
	size_t size;
	_Alignas(max_align_t) unsigned char data[];
};

struct owner {
	struct owner *next;
	void *x;
	void (*release)(void *);
};

struct arena {
	struct chunk *chunks; /* the newest first; small ones come from it */
	struct secret *secrets;
	struct owner *owners; /* the newest first */
};

_Noreturn static void
out_of_memory(void)
{
	static const char message[] = "out of memory: the process ends; give "
				      "it more, or fewer connections\n";

	/* Nothing here may allocate. */
	if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
		_exit(71);
	_exit(71);
}

static size_t
size_sum(size_t a, size_t b)
{
	size_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		out_of_memory();
	return sum;
}

static size_t
size_product(size_t a, size_t b)
{
	size_t product;

	if (__builtin_mul_overflow(a, b, &product))
		out_of_memory();
	return product;
}

void *
xmalloc(size_t n)
{
	void *p = malloc(n == 0 ? 1 : n);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	size_t n = size_product(count, size);

	return memset(xmalloc(n), 0, n);
}

void *
xrealloc(void *p, size_t n)
{
	void *q = realloc(p, n == 0 ? 1 : n);

	if (q == NULL)
		out_of_memory();
	return q;
}

char *
xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(xmalloc(n), s, n);
}

struct arena *
arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

/* Who clears an arena fills it again: one chunk stays. */
static void
chunks_clear(struct arena *a)
{
	struct chunk *c, *kept = NULL;

	while ((c = a->chunks) != NULL) {
		a->chunks = c->next;
		if (kept == NULL && c->size == CHUNK_SIZE)
			kept = c;
		else
			free(c);
	}
	if (kept != NULL) {
		kept->next = NULL;
		kept->used = 0;
	}
	a->chunks = kept;
}

void
arena_clear(struct arena *a)
{
	/* Owners first, in reverse: they live in the chunks, and what they
	 * release may still look into this memory. */
	while (a->owners != NULL) {
		struct owner *o = a->owners;

		a->owners = o->next;
		o->release(o->x);
	}
	while (a->secrets != NULL) {
		struct secret *s = a->secrets;

		a->secrets = s->next;
		wipe(s->data, s->size);
		free(s);
	}
	chunks_clear(a);
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	arena_clear(a);
	free(a->chunks);
	free(a);
}

static struct chunk *
chunk_new(size_t size)
{
	struct chunk *c = xmalloc(size_sum(sizeof(*c), size));

	c->next = NULL;
	c->used = 0;
	c->size = size;
	return c;
}

/* A chunk for one large allocation goes behind the newest, whose rest stays
 * in use. */
static void *
alloc_large(struct arena *a, size_t n)
{
	struct chunk *c = chunk_new(n);

	c->used = n;
	if (a->chunks == NULL) {
		a->chunks = c;
	} else {
		c->next = a->chunks->next;
		a->chunks->next = c;
	}
	return c->data;
}

/* Not cleared. */
static void *
take(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	size_t rounded = size_sum(n, align - 1) & ~(align - 1);
	struct chunk *c = a->chunks;
	void *p;

	if (rounded > CHUNK_SIZE / 4)
		return alloc_large(a, n);
	if (c == NULL || c->size - c->used < rounded) {
		c = chunk_new(c == NULL && rounded <= FIRST_CHUNK_SIZE
				  ? FIRST_CHUNK_SIZE
				  : CHUNK_SIZE);
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->data + c->used;
	c->used += rounded;
	return p;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	return memset(take(a, n), 0, n);
}

void *
arena_calloc(struct arena *a, size_t count, size_t size)
{
	return arena_alloc(a, size_product(count, size));
}

/* Its room is the next power of two. */
void *
arena_grow(struct arena *a, void *list, size_t count, size_t size)
{
	void *larger;

	if (count > 0 && (count & (count - 1)) != 0)
		return list;
	larger = arena_calloc(a, count > 0 ? size_product(2, count) : 1, size);
	if (count > 0)
		memcpy(larger, list, count * size);
	return larger;
}

void *
arena_alloc_secret(struct arena *a, size_t n)
{
	struct secret *s = xmalloc(size_sum(sizeof(*s), n));

	s->next = a->secrets;
	s->size = n;
	a->secrets = s;
	return memset(s->data, 0, n);
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_memdup(a, s, strlen(s) + 1);
}

void *
arena_memdup(struct arena *a, const void *p, size_t n)
{
	void *copy = take(a, n);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *s;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();

	s = take(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void *
arena_own(struct arena *a, void *x, void (*release)(void *))
{
	struct owner *o;

	if (x == NULL)
		return NULL;
	o = arena_alloc(a, sizeof(*o));
	o->x = x;
	o->release = release;
	o->next = a->owners;
	a->owners = o;
	return x;
}
