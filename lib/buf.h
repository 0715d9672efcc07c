/*
 * Bytes to read and bytes to write.
 *
 * A span is a view: a pointer and a length that own nothing.  Mail and HTTP
 * contain NUL bytes, so everything that is read from outside is a span, and
 * parsers return spans into it.
 *
 * A buf is for everything that is written.  It has a maximum from birth, is
 * always NUL-terminated, and its failure sticks: add ten pieces, ask
 * buf_ok() once.  Memory comes from the arena given to buf_init(); a buf
 * made with buf_init_secret() is wiped when that arena ends.
 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct span {
	const char *p;
	size_t n;
};

/* A span of a string literal; of a C string; of raw bytes. */
#define SPAN(literal) ((struct span){ "" literal, sizeof(literal) - 1 })
/* The same as an initializer, for static tables. */
#define SPAN_INIT(literal)                                                     \
	{                                                                      \
		"" literal, sizeof(literal) - 1                                \
	}

/* The small ones are here so that they can become part of their callers: a
 * parser does little else. */

struct span span_str_any(const char *s);

static inline struct span
span_str(const char *s) /* s may be NULL: empty */
{
	/* The compiler knows the length of a literal. */
	if (s != NULL && __builtin_constant_p(strlen(s)))
		return (struct span){ s, strlen(s) };
	return span_str_any(s);
}

static inline struct span
span_mem(const void *p, size_t n)
{
	return (struct span){ p, n };
}

static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
span_eq_str(struct span a, const char *s)
{
	return span_eq(a, span_str(s));
}

/* ASCII only. */
static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool
ascii_is_alpha(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static inline bool
ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
ascii_is_alnum(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c);
}

/* ASCII letters compared without case, never the locale. */
bool span_caseeq_rest(struct span a, struct span b); /* of equal length */

static inline bool
span_caseeq(struct span a, struct span b)
{
	/* Most names differ in their first letter already. */
	return a.n == b.n && (a.n == 0 || (((a.p[0] ^ b.p[0]) & ~0x20) == 0 &&
					      span_caseeq_rest(a, b)));
}

static inline bool
span_caseeq_str(struct span a, const char *s)
{
	return span_caseeq(a, span_str(s));
}

/* s[from, to) (clamped); s from offset `from` (clamped) to its end. */
static inline struct span
span_cut(struct span s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	if (s.p == NULL)
		return s;
	return (struct span){ s.p + from, to - from };
}

static inline struct span
span_from(struct span s, size_t from)
{
	return span_cut(s, from, s.n);
}

bool span_starts(struct span s, struct span prefix);
bool span_casestarts(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
/* Offset of the first c at or after `from`, or s.n if there is none. */
size_t span_find(struct span s, size_t from, char c);
/* Offset of the first `needle` (not empty) at or after `from`, or s.n. */
size_t span_find_span(struct span s, size_t from, struct span needle);
/* Is it (not empty) anywhere? */
bool span_has(struct span s, struct span needle);
bool span_has_str(struct span s, const char *needle);
/* Without SP and HTAB (and, for _fws, CR and LF) at both ends. */
struct span span_trim(struct span s);
struct span span_trim_fws_any(struct span s);

static inline struct span
span_trim_fws(struct span s)
{
	/* Most have nothing there. */
	if (s.n > 0 && (unsigned char)s.p[0] > ' ' &&
	    (unsigned char)s.p[s.n - 1] > ' ')
		return s;
	return span_trim_fws_any(s);
}

/* Is there a byte below 0x20, or 0x7f?  Is every byte below 0x80? */
bool span_has_control(struct span s);
bool span_is_ascii(struct span s);
/*
 * The decimal number that is the whole of s, within [min, max]: 0, else -1.
 * No sign, no blanks; leading zeros are read.
 */
int span_to_int(struct span s, int64_t min, int64_t max, int64_t *out);
/* A NUL-terminated copy; the caller knows that s holds no NUL. */
char *span_dup(struct arena *a, struct span s);

struct buf {
	struct arena *arena;
	char *p;    /* always NUL-terminated, never NULL */
	size_t n;   /* bytes in use, without the NUL */
	size_t cap; /* bytes allocated */
	size_t max; /* n never gets larger */
	bool failed;
	bool secret;
};

/* An empty buf that grows to at most `max` bytes. */
void buf_init(struct buf *b, struct arena *a, size_t max);
/* The same, but memory it leaves behind is wiped. */
void buf_init_secret(struct buf *b, struct arena *a, size_t max);
/* Memory for `n` bytes more at once, where their number is known: a buf that
 * grows leaves what it grew out of in the arena. */
void buf_reserve(struct buf *b, size_t n);
/* False once anything did not fit: what is in the buf is then useless. */
bool buf_ok(const struct buf *b);
struct span buf_span(const struct buf *b);
void buf_clear(struct buf *b); /* empty, failure forgotten */
void buf_add(struct buf *b, struct span s);
void buf_add_str(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_add_mem(struct buf *b, const void *p, size_t n);
void buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

#endif
