#include "config.h"

#include "mail/mime_part.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "mail/finding.h"

#define BOUNDARY_MAX 70

/* One run through a message. */
struct walk {
	struct job *j;
	struct finding *f;
	struct span open[MIME_DEPTH_MAX]; /* boundaries around this place */
	size_t depth;
	size_t outer; /* layers around all of it */
	size_t part_count;
};

static int split(struct walk *w, struct mime_part *p);

static int
refuse_boundary(struct finding *f, const char *why)
{
	return finding_set(f, FINDING_REFUSE, "mime.boundary", "%s", why);
}

/* --- what the fields of a part say --------------------------------------- */

static const struct {
	const char *name;
	enum mime_encoding encoding;
} encodings[] = {
	{ "7bit", MIME_7BIT },
	{ "8bit", MIME_8BIT },
	{ "binary", MIME_BINARY },
	{ "quoted-printable", MIME_QUOTED_PRINTABLE },
	{ "base64", MIME_BASE64 },
};

static int
read_encoding(const struct field *x, enum mime_encoding *out, struct finding *f)
{
	struct span value;
	size_t i;

	*out = MIME_UNSTATED;
	if (x == NULL)
		return 0;
	value = span_trim_fws(x->body);
	for (i = 0; i < COUNT(encodings); i++) {
		if (span_caseeq_str(value, encodings[i].name)) {
			*out = encodings[i].encoding;
			return 0;
		}
	}
	return finding_set(f, FINDING_REFUSE, "mime.encoding",
	    "a Content-Transfer-Encoding that is none of 7bit, 8bit, binary, "
	    "quoted-printable and base64");
}

/* What is not inline is an attachment (RFC 2183 section 2.8). */
static bool
read_disposition(const struct field *x)
{
	struct span value;

	if (x == NULL)
		return false;
	value = span_cut(x->body, 0, span_find(x->body, 0, ';'));
	return !span_caseeq_str(span_trim_fws(value), "inline");
}

static int
read_fields(struct job *j, struct mime_part *p, struct finding *f)
{
	static const char *const once[] = { "Content-Type",
		"Content-Transfer-Encoding", "Content-Disposition" };
	const struct field *found[3];
	size_t i;

	for (i = 0; i < 3; i++) {
		if (field_count(p->fields, p->field_count, span_str(once[i])) >
		    1)
			return finding_set(f, FINDING_REFUSE, "mime.parameter",
			    "a part has more than one %s", once[i]);
		found[i] = field_find(p->fields, p->field_count, once[i]);
	}
	/* A field without a value says something else than no field. */
	if (mime_type_parse(j,
		found[0] == NULL ? SPAN("text/plain") : found[0]->body,
		&p->type, f) < 0)
		return -1;
	p->attachment = read_disposition(found[2]);
	return read_encoding(found[1], &p->encoding, f);
}

/* --- boundaries ---------------------------------------------------------- */

static bool
is_bchar(char c)
{
	return ascii_is_alnum(c) ||
	       (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

/* RFC 2046 section 5.1.1; and neither prefix nor extension of an open one,
 * so that no delimiter line can be read as another's (MA-56). */
static int
read_boundary(struct walk *w, const struct mime_part *p, struct span *out)
{
	struct span b = { NULL, 0 };
	size_t i;

	if (!mime_param_get(&p->type, "boundary", &b))
		return refuse_boundary(w->f, "a multipart without boundary");
	for (i = 0; i < b.n; i++)
		if (!is_bchar(b.p[i]))
			break;
	if (b.n == 0 || b.n > BOUNDARY_MAX || i < b.n || b.p[b.n - 1] == ' ')
		return refuse_boundary(
		    w->f, "a boundary is not 1 to 70 of its characters");
	for (i = 0; i < w->depth; i++)
		if (span_starts(b, w->open[i]) || span_starts(w->open[i], b))
			return refuse_boundary(
			    w->f, "one boundary begins like another");
	*out = b;
	return 0;
}

enum line { LINE_OTHER, LINE_DELIMITER, LINE_CLOSE, LINE_LOOKALIKE };

/* Which `line`, without CRLF, is. */
static enum line
classify(struct span line, struct span boundary)
{
	struct span rest;

	if (!span_starts(line, SPAN("--")) ||
	    !span_starts(span_from(line, 2), boundary))
		return LINE_OTHER;
	rest = span_from(line, 2 + boundary.n);
	if (span_trim(rest).n == 0)
		return LINE_DELIMITER;
	if (span_starts(rest, SPAN("--")) &&
	    span_trim(span_from(rest, 2)).n == 0)
		return LINE_CLOSE;
	return LINE_LOOKALIKE;
}

/* The line at `at` without its CRLF; *next is where the next one begins. */
static struct span
cut_line(struct span text, size_t at, size_t *next)
{
	size_t lf = span_find(text, at, '\n');

	*next = lf == text.n ? lf : lf + 1;
	return span_cut(text, at, lf == text.n ? lf : lf - 1);
}

/* The CRLF before a delimiter is the delimiter's. */
static struct span
without_crlf(struct span s)
{
	return span_ends(s, SPAN("\r\n")) ? span_cut(s, 0, s.n - 2) : s;
}

/* --- parts --------------------------------------------------------------- */

/*
 * Header and body of the lines between two delimiters.  The empty line after
 * the fields may be the one whose CRLF the delimiter owns; a part of no
 * octets is an empty text.
 */
static int
read_part(
    struct job *j, struct span lines, struct mime_part *p, struct finding *f)
{
	struct finding inner;

	p->octets = without_crlf(lines);
	if (lines.n == 0) {
		p->body = lines;
		return read_fields(j, p, f);
	}
	if (field_section_parse(
		j, lines, &p->fields, &p->field_count, &p->body, &inner) < 0)
		return refuse_boundary(f, "a part without a proper header");
	p->body = without_crlf(p->body);
	return read_fields(j, p, f);
}

static int
add_part(struct walk *w, struct mime_part *p, struct span lines)
{
	if (w->part_count++ == MIME_PARTS_MAX)
		return finding_set(w->f, FINDING_REFUSE, "mime.too-deep",
		    "more than %d parts", MIME_PARTS_MAX);
	if (p->parts == NULL)
		p->parts = arena_calloc(
		    w->j->arena, MIME_PARTS_MAX, sizeof(*p->parts));
	if (read_part(w->j, lines, &p->parts[p->part_count], w->f) < 0)
		return -1;
	return split(w, &p->parts[p->part_count++]);
}

/* The lines of a multipart's body: preamble, parts, epilogue. */
static int
cut_parts(struct walk *w, struct mime_part *p, struct span boundary)
{
	struct span text = p->body;
	size_t at, next, part_at = 0;
	bool in_part = false, closed = false;
	enum line kind;

	for (at = 0; at < text.n; at = next) {
		kind = classify(cut_line(text, at, &next), boundary);
		if (kind == LINE_OTHER)
			continue;
		if (kind == LINE_LOOKALIKE)
			return refuse_boundary(
			    w->f, "a line begins like a delimiter and is none");
		if (closed)
			return refuse_boundary(
			    w->f, "a delimiter after the closing one");
		if (kind == LINE_CLOSE && !in_part)
			return refuse_boundary(w->f, "a multipart of no part");
		if (!in_part)
			p->preamble = span_cut(text, 0, at);
		else if (add_part(w, p, span_cut(text, part_at, at)) < 0)
			return -1;
		in_part = true;
		closed = kind == LINE_CLOSE;
		part_at = next;
	}
	return closed ? 0 : refuse_boundary(w->f, "a multipart is not closed");
}

static int
split(struct walk *w, struct mime_part *p)
{
	struct span boundary = { NULL, 0 };
	int result;

	if (!mime_part_is(p, "multipart", NULL))
		return 0;
	if (w->depth + w->outer >= MIME_DEPTH_MAX)
		return finding_set(w->f, FINDING_REFUSE, "mime.too-deep",
		    "more than %d multiparts inside one another",
		    MIME_DEPTH_MAX);
	if (p->encoding == MIME_QUOTED_PRINTABLE || p->encoding == MIME_BASE64)
		return finding_set(w->f, FINDING_REFUSE, "mime.encoding",
		    "an encoded multipart");
	if (read_boundary(w, p, &boundary) < 0)
		return -1;
	w->open[w->depth++] = boundary;
	result = cut_parts(w, p, boundary);
	w->depth--;
	return result;
}

int
mime_part_parse(struct job *j, const struct message *m, struct mime_part *root,
    struct finding *f)
{
	return mime_part_parse_inner(j, m, 0, root, f);
}

int
mime_part_parse_inner(struct job *j, const struct message *m, size_t depth,
    struct mime_part *root, struct finding *f)
{
	struct walk w = { .j = j, .f = f, .outer = depth };

	memset(root, 0, sizeof(*root));
	root->fields = m->fields;
	root->field_count = m->field_count;
	root->octets = m->raw;
	root->body = m->body;
	if (read_fields(j, root, f) < 0)
		return -1;
	return split(&w, root);
}

int
mime_part_decode(struct job *j, const struct mime_part *p, struct span *out,
    struct finding *f)
{
	int result = 0;

	*out = p->body;
	switch (p->encoding) {
	case MIME_7BIT:
		result = span_is_ascii(p->body) ? 0 : -1;
		break;
	case MIME_UNSTATED: /* the charset decides */
	case MIME_8BIT:
	case MIME_BINARY:
		break;
	case MIME_QUOTED_PRINTABLE:
		result = mime_decode_qp(j, p->body, out);
		break;
	case MIME_BASE64:
		result = mime_decode_base64(j, p->body, out);
		break;
	}
	if (result < 0)
		return finding_set(f, FINDING_REFUSE, "mime.encoding",
		    "a part is not what its transfer encoding says");
	return 0;
}

bool
mime_part_is(const struct mime_part *p, const char *type, const char *subtype)
{
	return span_eq_str(p->type.type, type) &&
	       (subtype == NULL || span_eq_str(p->type.subtype, subtype));
}
