#include "config.h"

#include "mail/template_html.h"

#include <stdarg.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/utf8.h"

#define DEPTH_MAX 32
#define NAME_MAX_OCTETS 20
#define REFERENCE_MAX 10

/* --- what there may be --------------------------------------------------- */

enum {
	ELEMENT_VOID = 1,   /* has no end */
	ELEMENT_BLOCK = 2,  /* stands on lines of its own */
	ELEMENT_HIDDEN = 4, /* its text is not shown in the mail */
};

struct element {
	const char *name;
	unsigned flags;
};

static const struct element elements[] = {
	{ "html", ELEMENT_BLOCK },
	{ "head", ELEMENT_BLOCK },
	{ "meta", ELEMENT_VOID },
	{ "title", ELEMENT_HIDDEN },
	{ "body", ELEMENT_BLOCK },
	{ "h1", ELEMENT_BLOCK },
	{ "h2", ELEMENT_BLOCK },
	{ "h3", ELEMENT_BLOCK },
	{ "h4", ELEMENT_BLOCK },
	{ "p", ELEMENT_BLOCK },
	{ "div", ELEMENT_BLOCK },
	{ "blockquote", ELEMENT_BLOCK },
	{ "ol", ELEMENT_BLOCK },
	{ "ul", ELEMENT_BLOCK },
	{ "li", ELEMENT_BLOCK },
	{ "dl", ELEMENT_BLOCK },
	{ "dt", ELEMENT_BLOCK },
	{ "dd", ELEMENT_BLOCK },
	{ "table", ELEMENT_BLOCK },
	{ "thead", ELEMENT_BLOCK },
	{ "tbody", ELEMENT_BLOCK },
	{ "tr", ELEMENT_BLOCK },
	{ "th", ELEMENT_BLOCK },
	{ "td", ELEMENT_BLOCK },
	{ "br", ELEMENT_VOID | ELEMENT_BLOCK },
	{ "hr", ELEMENT_VOID | ELEMENT_BLOCK },
	{ "a", 0 },
	{ "b", 0 },
	{ "strong", 0 },
	{ "i", 0 },
	{ "em", 0 },
	{ "u", 0 },
	{ "small", 0 },
	{ "code", 0 },
	{ "span", 0 },
	{ "sub", 0 },
	{ "sup", 0 },
};

static const char *const attributes[] = { "lang", "dir", "style", "align",
	"valign", "width", "border", "cellpadding", "cellspacing", "role",
	"charset", "name", "content", "href" };

/* Of styles: what loads something, and what could hide that. */
static const char *const bad_styles[] = { "url", "image", "expression",
	"import", "@", "\\", "/*", "&", "behavior", "binding", "src" };

/* --- reading -------------------------------------------------------------- */

struct open_element {
	const struct element *element;
	size_t line;
};

struct reader {
	struct job *j;
	struct span html;
	size_t at, line; /* where we are */
	template_mistake_fn *mistake;
	void *ctx;
	struct buf text;
	uint32_t *lines;
	bool blank; /* one is due before the next character */
	struct open_element open[DEPTH_MAX];
	size_t depth;
};

static void wrong(struct reader *r, size_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
wrong(struct reader *r, size_t line, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	if (r->mistake == NULL)
		return;
	buf_init(&b, r->j->arena, 1000);
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	r->mistake(r->ctx, line, b.p);
}

/* '\0' at the end; the template holds none. */
static char
peek(const struct reader *r)
{
	return r->at < r->html.n ? r->html.p[r->at] : '\0';
}

static void
skip(struct reader *r, size_t n)
{
	for (; n > 0 && r->at < r->html.n; n--)
		if (r->html.p[r->at++] == '\n')
			r->line++;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t';
}

static void
skip_blanks(struct reader *r)
{
	while (is_blank(peek(r)))
		skip(r, 1);
}

static bool
is_hidden(const struct reader *r)
{
	for (size_t i = 0; i < r->depth; i++)
		if (r->open[i].element->flags & ELEMENT_HIDDEN)
			return true;
	return false;
}

/* --- what is visible ------------------------------------------------------ */

static void
show(struct reader *r, struct span s)
{
	size_t from = r->text.n;

	if (is_hidden(r))
		return;
	if (r->blank && from > 0 && r->text.p[from - 1] != '\n')
		buf_add_char(&r->text, ' ');
	r->blank = false;
	buf_add(&r->text, s);
	for (size_t i = from; i < r->text.n; i++)
		r->lines[i] = (uint32_t)r->line;
}

static void
show_break(struct reader *r)
{
	r->blank = false;
	if (r->text.n == 0 || r->text.p[r->text.n - 1] == '\n')
		return;
	r->lines[r->text.n] = (uint32_t)r->line;
	buf_add_char(&r->text, '\n');
}

/* "#228" or "#xe4": the character, or 0. */
static uint32_t
numeric_reference(struct span name)
{
	static const char digits[] = "0123456789abcdef";
	bool is_hex = name.n > 1 && ascii_lower(name.p[1]) == 'x';
	struct span s = span_from(name, is_hex ? 2 : 1);
	uint32_t value = 0, base = is_hex ? 16 : 10;

	if (s.n == 0 || s.n > 6)
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		const char *digit = strchr(digits, ascii_lower(s.p[i]));

		if (digit == NULL || (uint32_t)(digit - digits) >= base)
			return 0;
		value = value * base + (uint32_t)(digit - digits);
	}
	if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	return value;
}

static uint32_t
reference_value(struct span name)
{
	static const struct {
		const char *name;
		uint32_t value;
	} names[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' },
		{ "quot", '"' }, { "apos", '\'' }, { "nbsp", 0xa0 } };

	if (name.n > 0 && name.p[0] == '#')
		return numeric_reference(name);
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_eq_str(name, names[i].name))
			return names[i].value;
	return 0;
}

/* "&auml;" is not known: the whole list has two thousand. */
static void
read_reference(struct reader *r)
{
	size_t end = span_find(r->html, r->at, ';');
	struct span name = SPAN("");
	uint32_t value = 0;
	struct buf b;

	if (end < r->html.n && end - r->at <= REFERENCE_MAX) {
		name = span_cut(r->html, r->at + 1, end);
		value = reference_value(name);
	}
	buf_init(&b, r->j->arena, 8);
	if (value != 0)
		utf8_add(&b, value);
	if (value == 0 || (value != 0xa0 && !utf8_is_plain(buf_span(&b)))) {
		wrong(r, r->line,
		    "an & that is none of &amp; &lt; &gt; &quot; &apos; &nbsp; "
		    "or a visible character's number; write &amp;, or the "
		    "character itself");
		show(r, SPAN("&"));
		skip(r, 1);
		return;
	}
	/* An NBSP is a blank in text. */
	if (value == 0xa0 || value == ' ')
		r->blank = true;
	else
		show(r, buf_span(&b));
	skip(r, name.n + 2);
}

/* --- tags ---------------------------------------------------------------- */

static const struct element *
element_find(struct span name)
{
	for (size_t i = 0; i < COUNT(elements); i++)
		if (span_eq_str(name, elements[i].name))
			return &elements[i];
	return NULL;
}

static struct span
read_name(struct reader *r)
{
	size_t begin = r->at;

	while (ascii_is_alnum(peek(r)) || peek(r) == '-')
		skip(r, 1);
	return span_cut(r->html, begin, r->at);
}

static const char *
printable(struct reader *r, struct span name)
{
	if (name.n > NAME_MAX_OCTETS)
		name.n = NAME_MAX_OCTETS;
	return span_dup(r->j->arena, name);
}

static bool
attribute_is_known(struct span name)
{
	for (size_t i = 0; i < COUNT(attributes); i++)
		if (span_eq_str(name, attributes[i]))
			return true;
	return false;
}

static void
check_style(struct reader *r, struct span value)
{
	struct buf b;

	buf_init(&b, r->j->arena, value.n + 1);
	for (size_t i = 0; i < value.n; i++)
		buf_add_char(&b, ascii_lower(value.p[i]));
	for (size_t i = 0; i < COUNT(bad_styles); i++)
		if (span_find_span(buf_span(&b), 0, span_str(bad_styles[i])) <
		    b.n)
			wrong(r, r->line,
			    "style: \"%s\" is not allowed; nothing of a mail "
			    "may come from elsewhere. Give colours, sizes and "
			    "margins only",
			    bad_styles[i]);
}

static void
check_attribute(struct reader *r, const struct element *e, struct span name,
    struct span value)
{
	if (!attribute_is_known(name)) {
		wrong(r, r->line,
		    "the attribute %s is not allowed; there are lang, dir, "
		    "style, align, valign, width, border, cellpadding, "
		    "cellspacing, role, charset, name, content, and href of a",
		    printable(r, name));
		return;
	}
	if (span_eq_str(name, "href")) {
		if (strcmp(e->name, "a") != 0 || value.n == 0 ||
		    !span_eq_str(value, "{help_url}"))
			wrong(r, r->line,
			    "a challenge mail has no link but that to the help "
			    "page; write <a href=\"{help_url}\"> and set "
			    "sender.help_url");
		return;
	}
	/* HTML allows it; what reads HTML less well takes it for an element. */
	if (span_find(value, 0, '<') < value.n ||
	    span_find(value, 0, '>') < value.n)
		wrong(r, r->line,
		    "%s: < and > are not allowed in the value of an attribute",
		    printable(r, name));
	if (span_find(value, 0, '{') < value.n)
		wrong(r, r->line,
		    "%s: a placeholder is allowed in href and in text only",
		    printable(r, name));
	if (span_eq_str(name, "style"))
		check_style(r, value);
}

/* One attribute: 0, or -1 after saying what is wrong. */
static int
read_attribute(struct reader *r, const struct element *e)
{
	struct span name = read_name(r), value;
	size_t begin, end;
	char quote;

	if (name.n == 0 || peek(r) != '=') {
		wrong(r, r->line, "<%s>: attributes are written name=\"value\"",
		    e->name);
		return -1;
	}
	skip(r, 1);
	quote = peek(r);
	begin = r->at + 1;
	end = quote == '"' || quote == '\'' ? span_find(r->html, begin, quote)
					    : r->html.n;
	if (end == r->html.n) {
		wrong(r, r->line, "<%s>: attributes are written name=\"value\"",
		    e->name);
		return -1;
	}
	value = span_cut(r->html, begin, end);
	check_attribute(r, e, name, value);
	skip(r, end + 1 - r->at);
	return 0;
}

static void
push(struct reader *r, const struct element *e, size_t line)
{
	if (e->flags & ELEMENT_VOID)
		return;
	if (r->depth == DEPTH_MAX) {
		wrong(
		    r, line, "more than %d elements in each other", DEPTH_MAX);
		return;
	}
	r->open[r->depth++] = (struct open_element){ e, line };
}

/* What stands inside it and is still open has forgotten its end. */
static void
pop(struct reader *r, const struct element *e)
{
	size_t i = r->depth;

	while (i > 0 && r->open[i - 1].element != e)
		i--;
	if (i == 0) {
		wrong(r, r->line, "</%s> has no <%s> before it", e->name,
		    e->name);
		return;
	}
	for (; r->depth >= i; r->depth--)
		if (r->depth > i)
			wrong(r, r->open[r->depth - 1].line,
			    "<%s> has no </%s>",
			    r->open[r->depth - 1].element->name,
			    r->open[r->depth - 1].element->name);
}

static void
skip_tag(struct reader *r)
{
	size_t end = span_find(r->html, r->at, '>');

	skip(r, end + 1 - r->at);
}

static void
read_end(struct reader *r)
{
	const struct element *e;
	struct span name;

	skip(r, 2);
	name = read_name(r);
	e = element_find(name);
	skip_blanks(r);
	if (e == NULL || (e->flags & ELEMENT_VOID) || peek(r) != '>')
		wrong(r, r->line,
		    "</%s> is no end of an element that is allowed",
		    printable(r, name));
	else
		pop(r, e);
	if (e != NULL && (e->flags & ELEMENT_BLOCK))
		show_break(r);
	skip_tag(r);
}

static void
wrong_element(struct reader *r, struct span name)
{
	struct buf b;

	buf_init(&b, r->j->arena, 500);
	for (size_t i = 0; i < COUNT(elements); i++)
		buf_addf(&b, " %s", elements[i].name);
	wrong(r, r->line, "<%s> is not allowed; there are%s",
	    printable(r, name), b.p);
}

static void
read_begin(struct reader *r)
{
	size_t line = r->line;
	const struct element *e;
	struct span name;

	skip(r, 1);
	name = read_name(r);
	e = element_find(name);
	if (e == NULL) {
		wrong_element(r, name);
		skip_tag(r);
		return;
	}
	if (e->flags & ELEMENT_BLOCK)
		show_break(r);
	for (skip_blanks(r); peek(r) != '>'; skip_blanks(r)) {
		/* <br/> */
		if (peek(r) == '/' && (e->flags & ELEMENT_VOID)) {
			skip(r, 1);
			break;
		}
		if (read_attribute(r, e) < 0)
			break;
	}
	push(r, e, line);
	skip_tag(r);
}

/* <!DOCTYPE html> first, and no comment anywhere: it would be sent too. */
static void
read_declaration(struct reader *r)
{
	static const struct span doctype = SPAN_INIT("<!doctype html>");

	if (r->at != 0 || !span_casestarts(r->html, doctype))
		wrong(r, r->line,
		    "<! is for <!DOCTYPE html> at the very beginning; comments "
		    "would be sent too: leave them out");
	skip_tag(r);
}

static void
read_text(struct reader *r)
{
	size_t begin = r->at;

	while (r->at < r->html.n && !is_blank(peek(r)) && peek(r) != '<' &&
	       peek(r) != '&')
		r->at++;
	show(r, span_cut(r->html, begin, r->at));
}

static void
read_markup(struct reader *r)
{
	char next = r->at + 1 < r->html.n ? r->html.p[r->at + 1] : '\0';

	if (next == '!') {
		read_declaration(r);
	} else if (next == '/') {
		read_end(r);
	} else if (ascii_is_alpha(next)) {
		read_begin(r);
	} else {
		wrong(r, r->line, "a < that begins no element; write &lt;");
		show(r, SPAN("<"));
		skip(r, 1);
	}
}

void
template_html_read(struct job *j, struct span html,
    template_mistake_fn *mistake, void *ctx, struct visible *out)
{
	struct reader r = {
		.j = j, .html = html, .line = 1, .mistake = mistake, .ctx = ctx
	};

	/* No part of the source shows more octets than it has. */
	buf_init(&r.text, j->arena, html.n + 1);
	r.lines = arena_calloc(j->arena, html.n + 1, sizeof(*r.lines));
	while (r.at < html.n) {
		if (peek(&r) == '<') {
			read_markup(&r);
		} else if (peek(&r) == '&') {
			read_reference(&r);
		} else if (is_blank(peek(&r))) {
			r.blank = true;
			skip(&r, 1);
		} else {
			read_text(&r);
		}
	}
	for (; r.depth > 0; r.depth--)
		wrong(&r, r.open[r.depth - 1].line, "<%s> has no </%s>",
		    r.open[r.depth - 1].element->name,
		    r.open[r.depth - 1].element->name);
	*out = (struct visible){ buf_span(&r.text), r.lines };
}
