#include "config.h"

#include "tests/unit/case_text.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/job.h"
#include "tests/unit/dkim_lab.h"

struct writer {
	struct job *j;
	struct buf out;
	const char *fault;
};

static void add_text(struct writer *w, struct span s);

struct span
case_word(struct span *rest)
{
	size_t blank = span_find(*rest, 0, ' ');
	struct span word = span_cut(*rest, 0, blank);

	*rest = span_trim(span_from(*rest, blank));
	return word;
}

/* --- escapes -------------------------------------------------------------- */

static int
hex(char c)
{
	c = ascii_lower(c);
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The escape behind the backslash: how many octets it takes. */
static size_t
add_escape(struct writer *w, struct span s)
{
	static const struct {
		char name, octet;
	} escapes[] = { { 'r', '\r' }, { 'n', '\n' }, { 't', '\t' },
		{ 's', ' ' }, { '\\', '\\' }, { '{', '{' }, { '0', '\0' } };

	if (s.n > 2 && s.p[0] == 'x' && hex(s.p[1]) >= 0 && hex(s.p[2]) >= 0) {
		buf_add_char(&w->out, (char)(hex(s.p[1]) << 4 | hex(s.p[2])));
		return 3;
	}
	for (size_t i = 0; s.n > 0 && i < COUNT(escapes); i++) {
		if (s.p[0] == escapes[i].name) {
			buf_add_char(&w->out, escapes[i].octet);
			return 1;
		}
	}
	w->fault = "an escape that is none";
	return 1;
}

/* --- macros --------------------------------------------------------------- */

#define BLOCK(digest)                                                          \
	CASE_BLOCK_BEGIN "\r\n" digest "\r\n" CASE_BLOCK_END "\r\n"

static const struct {
	const char *name, *text;
} words[] = { { "part1", CASE_PART1 }, { "right", CASE_RIGHT },
	{ "wrong", CASE_WRONG }, { "former", CASE_FORMER },
	{ "begin", CASE_BLOCK_BEGIN }, { "end", CASE_BLOCK_END },
	{ "block", BLOCK(CASE_RIGHT) }, { "block wrong", BLOCK(CASE_WRONG) },
	{ "block former", BLOCK(CASE_FORMER) }, { "names", CASE_NAMES },
	{ "v a c", " v=1; a=rsa-sha256; c=relaxed/relaxed; " },
	{ "d s", "d=user.test; s=sel; " },
	{ "h b", "h=" CASE_NAMES ";\r\n bh=@BH@;\r\n b=@B@" } };

static bool
add_word(struct writer *w, struct span macro)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		if (span_eq_str(macro, words[i].name)) {
			buf_add_str(&w->out, words[i].text);
			return true;
		}
	}
	return false;
}

/* "300*text" */
static bool
add_repeated(struct writer *w, struct span macro)
{
	size_t star = span_find(macro, 0, '*');
	int64_t times;

	if (star == macro.n ||
	    span_to_int(span_cut(macro, 0, star), 0, CASE_TEXT_MAX, &times) < 0)
		return false;
	while (times-- > 0)
		add_text(w, span_from(macro, star + 1));
	return true;
}

static bool
add_key(struct writer *w, struct span macro)
{
	struct span what = case_word(&macro);
	const char *key = span_dup(w->j->arena, macro);

	if (span_eq_str(what, "record"))
		buf_add_str(&w->out, lab_record(w->j, key));
	else if (span_eq_str(what, "p"))
		buf_add_str(&w->out, lab_public_key(w->j, key, false));
	else if (span_eq_str(what, "pkcs1"))
		buf_add_str(&w->out, lab_public_key(w->j, key, true));
	else
		return false;
	return true;
}

static void
add_macro(struct writer *w, struct span macro)
{
	if (span_eq_str(macro, "block base64"))
		b64_add(&w->out, SPAN(BLOCK(CASE_RIGHT)));
	else if (!add_word(w, macro) && !add_repeated(w, macro) &&
		 !add_key(w, macro))
		w->fault = "a macro that is none";
}

/* Where the macro that begins at `at` ends: at its own brace. */
static size_t
macro_end(struct span s, size_t at)
{
	size_t depth = 1;

	for (; at < s.n; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '{')
			depth++;
		else if (s.p[at] == '}' && --depth == 0)
			return at;
	}
	return s.n;
}

static void
add_text(struct writer *w, struct span s)
{
	for (size_t at = 0; at < s.n && w->fault == NULL;) {
		if (s.p[at] == '\\') {
			at += 1 + add_escape(w, span_from(s, at + 1));
		} else if (s.p[at] == '{') {
			size_t end = macro_end(s, at + 1);

			add_macro(w, span_cut(s, at + 1, end));
			at = end + 1;
		} else {
			buf_add_char(&w->out, s.p[at++]);
		}
	}
}

const char *
case_text(struct job *j, struct span text, struct span *out)
{
	struct writer w = { .j = j };

	buf_init(&w.out, j->arena, CASE_TEXT_MAX);
	add_text(&w, text);
	*out = buf_span(&w.out);
	return buf_ok(&w.out) ? w.fault : "too long";
}
