#include "config.h"

#include "lib/buf.h"

#include <stdio.h>
#include <string.h>

#include "lib/arena.h"

#define FIRST_CAP 64

struct span
span_str_any(const char *s)
{
	return (struct span){ s, s == NULL ? 0 : strlen(s) };
}

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* Eight octets, of which ASCII letters become lower-case ones: what is not
 * below "A" and not above "Z" gets the bit that tells them apart. */
static uint64_t
lower_eight(const char *p)
{
	uint64_t eight, low, from_a, past_z;

	memcpy(&eight, p, sizeof(eight));
	low = eight & EACH(0x7f);
	from_a = low + EACH(0x80 - 'A');
	past_z = low + EACH(0x7f - 'Z');
	return eight | ((from_a ^ past_z) & ~eight & EACH(0x80)) >> 2;
}

bool
span_caseeq_rest(struct span a, struct span b)
{
	while (a.n >= 8) {
		if (lower_eight(a.p) != lower_eight(b.p))
			return false;
		a = span_from(a, 8);
		b = span_from(b, 8);
	}
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] != b.p[i] &&
		    ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	}
	return true;
}

bool
span_starts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_eq(span_cut(s, 0, prefix.n), prefix);
}

bool
span_casestarts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_caseeq(span_cut(s, 0, prefix.n), prefix);
}

bool
span_ends(struct span s, struct span suffix)
{
	return s.n >= suffix.n && span_eq(span_from(s, s.n - suffix.n), suffix);
}

size_t
span_find(struct span s, size_t from, char c)
{
	const char *hit;

	if (from >= s.n)
		return s.n;
	hit = memchr(s.p + from, (unsigned char)c, s.n - from);
	return hit == NULL ? s.n : (size_t)(hit - s.p);
}

size_t
span_find_span(struct span s, size_t from, struct span needle)
{
	const char *hit;

	if (from >= s.n || needle.n == 0)
		return s.n;
	hit = memmem(s.p + from, s.n - from, needle.p, needle.n);
	return hit == NULL ? s.n : (size_t)(hit - s.p);
}

bool
span_has(struct span s, struct span needle)
{
	return span_find_span(s, 0, needle) < s.n;
}

bool
span_has_str(struct span s, const char *needle)
{
	return span_has(s, span_str(needle));
}

static bool
is_space(char c, bool line_ends)
{
	return c == ' ' || c == '\t' || (line_ends && (c == '\r' || c == '\n'));
}

static struct span
trim(struct span s, bool line_ends)
{
	while (s.n > 0 && is_space(s.p[0], line_ends)) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_space(s.p[s.n - 1], line_ends))
		s.n--;
	return s;
}

struct span
span_trim(struct span s)
{
	return trim(s, false);
}

struct span
span_trim_fws_any(struct span s)
{
	return trim(s, true);
}

bool
span_has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f)
			return true;
	}
	return false;
}

bool
span_is_ascii(struct span s)
{
	uint64_t eight, all = 0;
	size_t i;

	for (i = 0; i + sizeof(eight) <= s.n; i += sizeof(eight)) {
		memcpy(&eight, s.p + i, sizeof(eight));
		all |= eight;
	}
	for (; i < s.n; i++)
		all |= (unsigned char)s.p[i];
	return (all & UINT64_C(0x8080808080808080)) == 0;
}

int
span_to_int(struct span s, int64_t min, int64_t max, int64_t *out)
{
	int64_t value = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_digit(s.p[i]) ||
		    __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, s.p[i] - '0', &value))
			return -1;
	}
	if (value < min || value > max)
		return -1;
	*out = value;
	return 0;
}

char *
span_dup(struct arena *a, struct span s)
{
	char *copy = arena_alloc(a, s.n + 1);

	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return copy;
}

/* What an empty buf points to; never written. */
static char nothing[1];

void
buf_init(struct buf *b, struct arena *a, size_t max)
{
	*b = (struct buf){ .arena = a, .p = nothing, .max = max };
}

void
buf_init_secret(struct buf *b, struct arena *a, size_t max)
{
	buf_init(b, a, max);
	b->secret = true;
}

bool
buf_ok(const struct buf *b)
{
	return !b->failed;
}

struct span
buf_span(const struct buf *b)
{
	return (struct span){ b->p, b->n };
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
	if (b->cap > 0)
		b->p[0] = '\0';
}

/* Room for `more` bytes and the NUL, or failure.  What the buf grows out of
 * stays in the arena, so a span of the buf can be added to it. */
static bool
reserve(struct buf *b, size_t more)
{
	size_t need, cap;
	char *p;

	if (b->failed || more > b->max - b->n) {
		b->failed = true;
		return false;
	}
	need = b->n + more + 1;
	if (need <= b->cap)
		return true;
	cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap * 2;
	if (cap < need)
		cap = need;
	if (cap - 1 > b->max)
		cap = b->max + 1;
	p = b->secret ? arena_alloc_secret(b->arena, cap)
		      : arena_alloc(b->arena, cap);
	memcpy(p, b->p, b->n);
	b->p = p;
	b->cap = cap;
	return true;
}

void
buf_reserve(struct buf *b, size_t n)
{
	if (n <= b->max - b->n)
		(void)reserve(b, n);
}

void
buf_add_mem(struct buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void
buf_add(struct buf *b, struct span s)
{
	buf_add_mem(b, s.p, s.n);
}

void
buf_add_str(struct buf *b, const char *s)
{
	buf_add_mem(b, s, strlen(s));
}

void
buf_add_char(struct buf *b, char c)
{
	if (!reserve(b, 1))
		return;
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void
buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	size_t room = b->failed || b->cap == 0 ? 0 : b->cap - b->n;
	va_list again;
	int n;

	/* Mostly there is room. */
	va_copy(again, ap);
	n = vsnprintf(room > 0 ? b->p + b->n : NULL, room, fmt, again);
	va_end(again);
	if (n < 0)
		b->failed = true;
	if (n < 0 || (size_t)n >= room) {
		if (room > 0)
			b->p[b->n] = '\0';
		if (n < 0 || !reserve(b, (size_t)n))
			return;
		vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	}
	b->n += (size_t)n;
}
