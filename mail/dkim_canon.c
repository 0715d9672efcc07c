#include "config.h"

#include "mail/dkim_canon.h"

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/job.h"

#include <string.h>

void
dkim_out_init(struct dkim_out *o, dkim_sink_fn *sink, void *ctx)
{
	o->sink = sink;
	o->ctx = ctx;
	o->n = 0;
}

void
dkim_out_flush(struct dkim_out *o)
{
	if (o->n > 0)
		o->sink(o->ctx, span_mem(o->room, o->n));
	o->n = 0;
}

static void
out_char(struct dkim_out *o, char c)
{
	if (o->n == sizeof(o->room))
		dkim_out_flush(o);
	o->room[o->n++] = c;
}

static void
out_span(struct dkim_out *o, struct span s)
{
	if (s.n == 0)
		return;
	if (s.n > sizeof(o->room) - o->n)
		dkim_out_flush(o);
	if (s.n > sizeof(o->room)) {
		o->sink(o->ctx, s);
		return;
	}
	memcpy(o->room + o->n, s.p, s.n);
	o->n += s.n;
}

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* --- bodies ------------------------------------------------------------- */

/* RFC 6376 3.4.3: empty lines at the end become one line end; a body of no
 * lines is one line end. */
static void
body_simple(struct dkim_out *o, struct span body)
{
	while (span_ends(body, SPAN("\r\n")))
		body.n -= 2;
	out_span(o, body);
	out_span(o, SPAN("\r\n"));
}

static bool
is_blank(struct span line)
{
	size_t i = 0;

	while (i < line.n && is_wsp(line.p[i]))
		i++;
	return i == line.n;
}

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* The high bit of each octet that is below `limit`, which is at most 0x80.  A
 * borrow may set one too many, never one too few. */
static uint64_t
octets_below(uint64_t eight, unsigned char limit)
{
	return (eight - EACH(limit)) & ~eight & EACH(0x80);
}

static uint64_t
eight_at(const char *p)
{
	uint64_t eight;

	memcpy(&eight, p, sizeof(eight));
	return eight;
}

/* Are eight octets canonical, nine being there to look at?  Nothing in them is
 * below SP, and what follows a SP is above it.  (It may say no too often.) */
static bool
are_canonical(const char *p)
{
	uint64_t eight = eight_at(p);

	return ((octets_below(eight, 0x21) &
		    octets_below(eight_at(p + 1), 0x21)) |
		   octets_below(eight, 0x20)) == 0;
}

/*
 * How far `s` is in canonical form from `at` on: up to white space that is
 * not one SP between two other characters, or to the end.
 */
static size_t
skip_canonical(struct span s, size_t at)
{
	while (s.n - at > 8 && are_canonical(s.p + at))
		at += 8;
	for (; at < s.n; at++) {
		char c = s.p[at];

		if ((unsigned char)c > ' ') /* most octets */
			continue;
		if (c == '\t' || c == '\r' ||
		    (c == ' ' &&
			(at + 1 == s.n || s.p[at + 1] == ' ' ||
			    s.p[at + 1] == '\t' || s.p[at + 1] == '\r')))
			break;
	}
	return at;
}

/* Runs of white space become one SP, those at the end of the line none. */
static void
line_relaxed(struct dkim_out *o, struct span line)
{
	size_t at = 0, from;

	while (line.n > 0 && is_wsp(line.p[line.n - 1]))
		line.n--;
	while (at < line.n) {
		if (is_wsp(line.p[at])) {
			while (is_wsp(line.p[at])) /* none is at the end */
				at++;
			out_char(o, ' ');
		}
		from = at;
		at = skip_canonical(line, at);
		if (at == from) /* a CR, which stays as it is */
			at++;
		out_span(o, span_cut(line, from, at));
	}
	out_span(o, SPAN("\r\n"));
}

/* The offset of the first CRLF at or after `at`, or of the end. */
static size_t
find_crlf(struct span body, size_t at)
{
	for (;;) {
		size_t lf = span_find(body, at, '\n');

		if (lf == body.n)
			return lf;
		if (lf > at && body.p[lf - 1] == '\r')
			return lf - 1;
		at = lf + 1;
	}
}

#define BLOCK ((size_t)64) /* looked at at once */

/* Is there no HTAB in a block, no SP before SP or CR, and no empty line after
 * another line?  Without a branch: compilers look at 16 octets at once. */
static inline bool
is_plain(const char *p)
{
	unsigned char odd = 0;

	for (size_t i = 0; i < BLOCK; i++)
		odd |=
		    (p[i] == '\t') |
		    ((p[i] == ' ') & ((p[i + 1] == ' ') | (p[i + 1] == '\r'))) |
		    ((p[i] == '\n') & (p[i + 1] == '\r'));
	return odd == 0;
}

/* Lines from `at` on that are canonical as they are, the last of them not
 * empty.  (Not all that are: a part of a block says nothing.) */
static struct span
plain_lines(struct span body, size_t at)
{
	size_t end = at;

	while (body.n - end > BLOCK && is_plain(body.p + end))
		end += BLOCK;
	while (end - at > 2 &&
	       (body.p[end - 1] != '\n' || body.p[end - 2] != '\r'))
		end--;
	return end - at > 2 ? span_cut(body, at, end) : SPAN("");
}

/* RFC 6376 3.4.4.  Empty lines are counted and only written when another line
 * follows; a last line without line end gets one. */
static void
body_relaxed(struct dkim_out *o, struct span body)
{
	size_t at = 0, empty = 0;

	while (at < body.n) {
		struct span plain = plain_lines(body, at);
		size_t end = plain.n > 0 ? at : find_crlf(body, at);
		struct span line = span_cut(body, at, end);

		at = plain.n > 0 ? at + plain.n : end == body.n ? end : end + 2;
		if (plain.n == 0 && is_blank(line)) {
			empty++;
			continue;
		}
		for (; empty > 0; empty--)
			out_span(o, SPAN("\r\n"));
		if (plain.n > 0)
			out_span(o, plain);
		else
			line_relaxed(o, line);
	}
}

void
dkim_canon_body(struct dkim_out *o, enum dkim_canon c, struct span body)
{
	if (c == DKIM_SIMPLE)
		body_simple(o, body);
	else
		body_relaxed(o, body);
}

/* --- fields ------------------------------------------------------------- */

/* White space is held back until something follows it, across pieces. */
struct value_state {
	bool begun, space;
};

static void
value_relaxed(struct dkim_out *o, struct value_state *s, struct span piece)
{
	size_t at = 0, from;

	while (at < piece.n) {
		if (piece.p[at] == '\r' && at + 1 < piece.n &&
		    piece.p[at + 1] == '\n') {
			at += 2; /* unfolded: white space follows */
			continue;
		}
		if (is_wsp(piece.p[at])) {
			s->space = true;
			at++;
			continue;
		}
		if (s->space && s->begun)
			out_char(o, ' ');
		s->begun = true;
		s->space = false;
		from = at;
		at = skip_canonical(piece, at);
		if (at == from) /* a CR that begins no fold */
			at++;
		out_span(o, span_cut(piece, from, at));
	}
}

static void
name_relaxed(struct dkim_out *o, struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		out_char(o, ascii_lower(name.p[i]));
	out_char(o, ':');
}

/* RFC 6376 3.4.1, 3.4.2, without the CRLF at the end. */
static void
field_parts(struct dkim_out *o, enum dkim_canon c, const struct field *f,
    size_t from, size_t to)
{
	struct value_state state = { false, false };
	struct span before = span_cut(f->body, 0, from);
	struct span after = span_from(f->body, to);

	if (c == DKIM_SIMPLE) {
		out_span(o, f->name);
		out_char(o, ':');
		out_span(o, before);
		out_span(o, after);
		return;
	}
	name_relaxed(o, f->name);
	value_relaxed(o, &state, before);
	value_relaxed(o, &state, after);
}

void
dkim_canon_field(struct dkim_out *o, enum dkim_canon c, const struct field *f)
{
	field_parts(o, c, f, f->body.n, f->body.n);
	out_span(o, SPAN("\r\n"));
}

void
dkim_canon_signature(struct dkim_out *o, enum dkim_canon c,
    const struct field *f, size_t from, size_t to)
{
	field_parts(o, c, f, from, to);
}

/* --- selection ---------------------------------------------------------- */

const struct field **
dkim_select(struct job *j, const struct message *m, const struct span *names,
    size_t count, const struct field *self)
{
	const struct field **out =
	    arena_calloc(j->arena, count + 1, sizeof(const struct field *));
	bool *used = arena_calloc(j->arena, m->field_count + 1, sizeof(bool));

	for (size_t i = 0; i < count; i++) {
		for (size_t k = m->field_count; k-- > 0 && out[i] == NULL;) {
			if (used[k] || &m->fields[k] == self ||
			    m->fields[k].name.n != names[i].n ||
			    !span_caseeq(m->fields[k].name, names[i]))
				continue;
			used[k] = true;
			out[i] = &m->fields[k];
		}
	}
	return out;
}

/* --- hashes ------------------------------------------------------------- */

static void
hash_sink(void *ctx, struct span piece)
{
	sha256_add(ctx, piece);
}

void
dkim_body_hash(struct sha256_ctx *ctx, enum dkim_canon c, struct span body,
    uint8_t out[32])
{
	struct dkim_out o;

	dkim_out_init(&o, hash_sink, ctx);
	dkim_canon_body(&o, c, body);
	dkim_out_flush(&o);
	sha256_finish(ctx, out);
}

void
dkim_header_hash(
    struct sha256_ctx *ctx, const struct dkim_header *h, uint8_t out[32])
{
	struct dkim_out o;

	dkim_out_init(&o, hash_sink, ctx);
	for (size_t i = 0; i < h->count; i++) {
		if (h->selected[i] != NULL)
			dkim_canon_field(&o, h->canon, h->selected[i]);
	}
	dkim_canon_signature(&o, h->canon, h->signature, h->from, h->to);
	dkim_out_flush(&o);
	sha256_finish(ctx, out);
}
