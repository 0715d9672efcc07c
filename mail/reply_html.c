#include "config.h"

#include "mail/reply_html.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "mail/finding.h"

/* How programs name the division that they quote in, where that is no
 * blockquote: Yahoo and AOL, Spark. */
static const struct span quoting[] = { { "yahoo_quoted", 12 },
	{ "messageReplySection", 19 } };

static const struct span words = { "-----BEGINACMERESPONSE-----", 27 };

/* One reading.  Elements are counted, not matched: programs write what a
 * browser has parsed. */
struct reading {
	struct span html;
	size_t at;
	size_t blockquotes, divs;
	size_t quoting_div; /* its depth; 0: not in one */
	struct buf shown;   /* outside of quotations, without blanks */
};

struct tag {
	bool is_end;
	struct span name, attributes;
};

/* Behind the first `c` from `at` on, or the end. */
static size_t
behind(struct span s, size_t at, char c)
{
	size_t hit = span_find(s, at, c);

	return hit == s.n ? hit : hit + 1;
}

/* Behind the ">" that ends the tag: one in a value does not. */
static size_t
tag_end(struct span s, size_t at)
{
	while (at < s.n && s.p[at] != '>')
		at = s.p[at] == '"' || s.p[at] == '\''
			 ? behind(s, at + 1, s.p[at])
			 : at + 1;
	return at == s.n ? at : at + 1;
}

static struct tag
read_tag(struct reading *r)
{
	size_t from = r->at + 1, name, end = tag_end(r->html, from);
	struct tag t = { .is_end = from < end && r->html.p[from] == '/' };

	from += t.is_end;
	for (name = from; name < end && ascii_is_alnum(r->html.p[name]); name++)
		;
	t.name = span_cut(r->html, from, name);
	t.attributes = span_cut(r->html, name, end);
	r->at = end;
	return t;
}

/* Behind what is no text: a comment, or the element's contents. */
static bool
skip(struct reading *r, const struct tag *t)
{
	static const char *const names[] = { "style", "script", "title",
		"textarea", "template" };
	struct span s = r->html;
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		if (span_caseeq_str(t->name, names[i]) && !t->is_end)
			break;
	if (i == COUNT(names))
		return false;
	while (r->at < s.n && !(span_starts(span_from(s, r->at), SPAN("</")) &&
				  span_casestarts(span_from(s, r->at + 2),
				      span_str(names[i]))))
		r->at++;
	return true;
}

static bool
begins_quoting(const struct tag *t)
{
	for (size_t i = 0; i < COUNT(quoting); i++)
		if (span_has(t->attributes, quoting[i]))
			return true;
	return false;
}

static void
count_blockquote(struct reading *r, const struct tag *t)
{
	if (!t->is_end)
		r->blockquotes++;
	else if (r->blockquotes > 0)
		r->blockquotes--;
}

static void
count_div(struct reading *r, const struct tag *t)
{
	if (!t->is_end) {
		r->divs++;
		if (r->quoting_div == 0 && begins_quoting(t))
			r->quoting_div = r->divs;
		return;
	}
	if (r->divs == r->quoting_div)
		r->quoting_div = 0;
	if (r->divs > 0)
		r->divs--;
}

static void
read_markup(struct reading *r)
{
	struct span comment_end = SPAN("-->");
	struct tag t;

	if (span_starts(span_from(r->html, r->at), SPAN("<!--"))) {
		r->at = span_find_span(r->html, r->at + 4, comment_end);
		return;
	}
	t = read_tag(r);
	if (skip(r, &t))
		return;
	if (span_caseeq_str(t.name, "blockquote"))
		count_blockquote(r, &t);
	else if (span_caseeq_str(t.name, "div"))
		count_div(r, &t);
}

/* The length of a blank at the start of s, or 0. */
static size_t
blank_at(struct span s)
{
	static const struct span blanks[] = { { " ", 1 }, { "\t", 1 },
		{ "\r", 1 }, { "\n", 1 }, { "\xc2\xa0", 2 }, { "&nbsp;", 6 },
		{ "&#160;", 6 }, { "&#xa0;", 6 } };

	for (size_t i = 0; i < COUNT(blanks); i++)
		if (span_casestarts(s, blanks[i]))
			return blanks[i].n;
	return 0;
}

bool
reply_html_has_block(struct job *j, struct span html)
{
	struct reading r = { .html = html };
	struct span shown;
	size_t n;

	buf_init(&r.shown, j->arena, html.n + 2);
	buf_reserve(&r.shown, html.n + 1);
	while (r.at < html.n) {
		n = blank_at(span_from(html, r.at));
		if (n > 0) {
			r.at += n;
		} else if (html.p[r.at] == '<') {
			read_markup(&r);
		} else {
			if (r.blockquotes == 0 && r.quoting_div == 0)
				buf_add_char(&r.shown, html.p[r.at]);
			r.at++;
		}
	}
	shown = buf_span(&r.shown);
	return span_has(shown, words);
}

/* --- is it HTML? --------------------------------------------------------- */

/* Without one of them no program quotes, or begins a line; the last ones are
 * those of text/enriched (RFC 1896). */
static const char *const elements[] = { "html", "head", "body", "div", "p",
	"br", "span", "blockquote", "pre", "font", "table", "tbody", "tr", "td",
	"hr", "a", "b", "i", "img", "ul", "ol", "li", "dl", "dd", "tt", "code",
	"center", "style", "meta", "em", "strong", "h1", "h2", "h3", "h4",
	"article", "section", "excerpt", "nofill", "paraindent", "bold",
	"italic", "underline", "fixed", "smaller", "bigger", "fontfamily" };

static size_t
blanks_at(struct span s, size_t at)
{
	while (
	    at < s.n && s.p[at] != '\0' && strchr(" \t\r\n", s.p[at]) != NULL)
		at++;
	return at;
}

/* "href=", as attributes begin. */
static bool
is_attribute(struct span s)
{
	size_t n = 0;

	while (n < s.n &&
	       (ascii_is_alnum(s.p[n]) || s.p[n] == '-' || s.p[n] == ':'))
		n++;
	return n > 0 && span_starts(span_from(s, blanks_at(s, n)), SPAN("="));
}

/* Behind the name of an element.  "x <b and y" is none: one letter says little
 * alone. */
static bool
ends_name(struct span s, bool is_letter)
{
	size_t at = blanks_at(s, 0);
	struct span rest = span_from(s, at);

	if (span_starts(rest, SPAN(">")) || span_starts(rest, SPAN("/>")))
		return true;
	if (is_letter)
		return at > 0 && is_attribute(rest);
	return at > 0 || span_starts(rest, SPAN("/"));
}

/* Behind a "<": "div>", "br/>", "a href=", "/pre>". */
static bool
is_element(struct span s)
{
	struct span name;
	size_t n = 0;

	if (span_starts(s, SPAN("/")))
		s = span_from(s, 1);
	while (n < s.n && ascii_is_alnum(s.p[n]))
		n++;
	if (!ends_name(span_from(s, n), n == 1))
		return false;
	name = span_cut(s, 0, n);
	for (size_t i = 0; i < COUNT(elements); i++)
		if (span_caseeq_str(name, elements[i]))
			return true;
	return false;
}

/* Does one begin in s between `at` and `end`?  It may go on behind that. */
static bool
has_element(struct span s, size_t at, size_t end)
{
	struct span line = span_cut(s, 0, end), rest;

	while ((at = span_find(line, at, '<') + 1) <= end) {
		rest = span_from(s, at);
		if (is_element(rest) || span_starts(rest, SPAN("!--")) ||
		    span_casestarts(rest, SPAN("!doctype")))
			return true;
	}
	return false;
}

bool
reply_html_is_likely(struct span text)
{
	size_t at, end;

	for (at = 0; at < text.n; at = end + 1) {
		end = span_find(text, at, '\n');
		if (text.p[at] != '>' && has_element(text, at, end))
			return true;
	}
	return false;
}

/* --- parts --------------------------------------------------------------- */

struct search {
	struct job *j;
	bool found, shown;
};

static void
look_at(struct search *s, const struct mime_part *p)
{
	struct finding ignored;
	struct span html;
	size_t i;

	for (i = 0; i < p->part_count; i++)
		look_at(s, &p->parts[i]);
	if (p->attachment || !mime_part_is(p, "text", "html"))
		return;
	s->found = true;
	if (mime_part_decode(s->j, p, &html, &ignored) == 0)
		s->shown |= reply_html_has_block(s->j, html);
}

int
reply_html_check(struct job *j, const struct mime_part *root, struct finding *f)
{
	struct job own = *j;
	struct search s = { .j = &own };

	own.arena = arena_new();
	look_at(&s, root);
	arena_free(own.arena);
	if (!s.found || s.shown)
		return 0;
	return finding_set(f, FINDING_REFUSE, "body.block-in-quote",
	    "the response block stands below quoted text, and the HTML of the "
	    "reply does not show it outside of that: put its lines at the very "
	    "top of the reply");
}
