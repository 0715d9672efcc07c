#include "config.h"

#include "mail/from_words.h"

#include <string.h>

#include "lib/count.h"
#include "lib/job.h"
#include "mail/cfws.h"
#include "mail/iso_2022_jp.h"
#include "mail/mime.h"

/* Words that hold words again: some programs encode twice. */
#define DEPTH_MAX 3
#define NAME_MAX_CHARS 40

/* --- charsets ------------------------------------------------------------ */

/*
 * How those begin in which "@", ".", letters, and digits are what they are in
 * ASCII, but for ISO 2022's escapes; without signs and in lower case.  Others
 * have no other octets for them (UTF-7, UTF-16, EBCDIC), or are no charsets
 * (Python's unicode_escape), or nobody knows them.
 */
static const char *const transparent[] = { "usascii", "ascii", "ansix34",
	"iso646us", "utf8", "iso8859", "8859", "isolatin", "latin",
	"windows125", "windows874", "windows31j", "windows932", "windows936",
	"windows949", "windows950", "win125", "cp125", "xcp125", "cp437",
	"cp720", "cp737", "cp775", "cp85", "cp86", "cp874", "cp932", "cp936",
	"cp949", "cp950", "ms932", "ms936", "ms949", "ms950", "ibm437",
	"ibm775", "ibm85", "ibm86", "koi8", "tis620", "viscii", "tcvn", "xviet",
	"vps", "armscii", "georgian", "geostd8", "macintosh", "mac", "xmac",
	"gb", "xgb", "euc", "xeuc", "big5", "xbig5", "cnbig5", "cngb", "hz",
	"xhz", "shiftjis", "xshiftjis", "sjis", "xsjis", "mskanji", "ksc",
	"ksx", "johab", "uhc", "iso2022", "csiso2022", "xiso2022",
	"unknown8bit", "xunknown", "unknown", "xuserdefined", "default" };

static bool
is_transparent(struct span charset)
{
	char name[NAME_MAX_CHARS];
	size_t n = 0;

	for (size_t i = 0; i < charset.n && n < sizeof(name); i++)
		if (ascii_is_alnum(charset.p[i]))
			name[n++] = ascii_lower(charset.p[i]);
	for (size_t i = 0; i < COUNT(transparent); i++)
		if (span_starts(span_mem(name, n), span_str(transparent[i])))
			return true;
	return false;
}

/* For some readers a line's end ends a comment, or a quoted string. */
static bool
has_line_end(struct span octets)
{
	return span_find(octets, 0, '\r') < octets.n ||
	       span_find(octets, 0, '\n') < octets.n;
}

/* Does it hold encoded words?  In *good: can all of them be read? */
static bool
find_words(struct job *j, struct span name, bool *good)
{
	struct mime_word w;
	struct span octets;
	bool found = false;
	size_t at = 0;

	*good = true;
	name = mime_words_of(name);
	while (at < name.n) {
		if (!mime_word_at(name, &at, &w)) {
			at++;
			continue;
		}
		found = true;
		*good &= is_transparent(w.charset) &&
			 mime_word_undo(j, &w, &octets) == 0 &&
			 !has_line_end(octets);
	}
	return found;
}

/* --- addresses ----------------------------------------------------------- */

/* Of a domain or a local part, in any charset. */
static bool
is_part(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* A "." of a domain, also one that is mapped to it (UTS 46): its length. */
static size_t
dot_at(struct span s)
{
	static const char *const wide[] = { "\xe3\x80\x82", "\xef\xbc\x8e",
		"\xef\xbd\xa1" };

	if (span_starts(s, SPAN(".")))
		return 1;
	for (size_t i = 0; i < COUNT(wide); i++)
		if (span_starts(s, span_str(wide[i])))
			return 3;
	return 0;
}

/* One label, from *at on: is there any?  A sign that stands alone is none:
 * "Müller & Co. KG". */
static bool
take_label(struct span s, size_t *at)
{
	bool found = false;

	while (
	    *at < s.n && is_part(s.p[*at]) && dot_at(span_from(s, *at)) == 0) {
		found |= ascii_is_alnum(s.p[*at]) || (s.p[*at] & 0x80) != 0;
		++*at;
	}
	return found;
}

/* Of no meaning where they stand: some readers drop them. */
static bool
is_stray(char c)
{
	return c == '>' || c == ']' || c == ')' || c == '"' || c == '\\';
}

/* What a reader may leave out. */
static int
skip_joining(struct span s, size_t *at)
{
	for (;;) {
		if (cfws_skip(s, at) < 0)
			return -1;
		if (*at == s.n || !is_stray(s.p[*at]))
			return 0;
		++*at;
	}
}

/*
 * Two labels, and a dot between them, behind an "@"; or a literal.  RFC 822
 * lets blanks and comments stand around each, and Python's email.utils within
 * a label, too.  A comment that does not end here does so elsewhere.
 */
static bool
is_domain(struct span s, size_t at)
{
	bool after_label = false, after_dot = false;

	for (;;) {
		if (skip_joining(s, &at) < 0)
			return true;
		if (at < s.n && s.p[at] == '[')
			return true;
		if (dot_at(span_from(s, at)) > 0) {
			at += dot_at(span_from(s, at));
			after_dot = after_label;
			continue;
		}
		if (!take_label(s, &at))
			return false;
		if (after_dot)
			return true;
		after_label = true;
	}
}

/* Behind a dot, whatever stands between, a local part goes on. */
static bool
begins_local(struct span s, size_t from)
{
	bool after_comment = false;

	for (; from > 0; from--) {
		char c = s.p[from - 1];

		if (c != ' ' && c != '\t' && !is_stray(c))
			break;
		after_comment |= c == ')';
	}
	return !after_comment && (from == 0 || s.p[from - 1] != '.');
}

static bool
ends_domain(struct span s, size_t to)
{
	return skip_joining(s, &to) == 0 &&
	       (to == s.n ||
		   (!is_part(s.p[to]) && dot_at(span_from(s, to)) == 0));
}

/* Is what stands around the "@" at `at` `spec` itself, for every reader? */
static bool
is_spec(struct span s, size_t at, struct span spec)
{
	size_t from = at, to = at + 1;

	while (from > 0 && (is_part(s.p[from - 1]) || s.p[from - 1] == '.'))
		from--;
	while (to < s.n && (is_part(s.p[to]) || s.p[to] == '.'))
		to++;
	return span_caseeq(span_cut(s, from, to), spec) &&
	       begins_local(s, from) && ends_domain(s, to);
}

static bool
shows_other(struct span s, struct span spec)
{
	for (size_t at = 0; (at = span_find(s, at, '@')) < s.n; at++)
		if (is_domain(s, at + 1) && !is_spec(s, at, spec))
			return true;
	return false;
}

/* Behind the escape sequence of ISO 2022 that begins at `at`, if it is one. */
static size_t
behind_escape(struct span s, size_t at)
{
	size_t end = at + 1;

	while (end < s.n && s.p[end] >= 0x20 && s.p[end] <= 0x2f)
		end++;
	return end > at + 1 && end < s.n ? end + 1 : at;
}

/* Without controls, which some readers leave out; and, as those of ISO 2022
 * do, without escape sequences. */
static struct span
without_controls(struct job *j, struct span s, bool nor_escapes)
{
	struct buf b;
	size_t at = 0, end;

	buf_init(&b, j->arena, s.n + 1);
	while (at < s.n) {
		end = nor_escapes && s.p[at] == '\033' ? behind_escape(s, at)
						       : at;
		if (end > at) {
			at = end;
			continue;
		}
		if ((unsigned char)s.p[at] >= ' ' && s.p[at] != '\x7f')
			buf_add_char(&b, s.p[at]);
		else if (s.p[at] == '\t')
			buf_add_char(&b, ' ');
		at++;
	}
	return buf_span(&b);
}

/* --- what stands around the address -------------------------------------- */

/* Undoes the encoded words of *text once: 1, 0 if it holds none, -1. */
static int
undo(struct job *j, struct span *text, size_t depth)
{
	bool good, jp;

	if (!find_words(j, *text, &good))
		return 0;
	if (!good || depth == DEPTH_MAX)
		return -1;
	jp = iso_2022_jp_is_all(*text);
	*text = mime_undo_words(j, *text);
	if (jp)
		*text = iso_2022_jp_strip(j, *text);
	return 1;
}

/*
 * '=?utf-8?q?x_=3Cmallory.?= <alice@user.test>' is mallory.alice@user.test for
 * Perl's Mail::Address, which joins what it finds behind each "<".  Before the
 * last one only the address itself may stand so.
 */
static bool
begins_other(struct span s, struct span spec)
{
	size_t at = span_find(s, 0, '<'), next;
	struct span inside;

	for (; at < s.n; at = next) {
		next = span_find(s, at + 1, '<');
		inside = span_cut(s, at + 1, next);
		if (next < s.n &&
		    !span_caseeq(
			span_cut(inside, 0, span_find(inside, 0, '>')), spec))
			return true;
	}
	return false;
}

/*
 * '=?utf-8?q?mallory=40user.test_=28?= <alice@user.test>' is Mallory's for who
 * undoes encoded words before looking for the address, as Exim's $h_from: does
 * and many a script: the domain's server may be one that lets Mallory send it.
 */
static bool
hides_other(struct job *j, struct span name, struct span spec)
{
	int rc = 1;

	for (size_t depth = 0; (rc = undo(j, &name, depth)) > 0; depth++) {
		const struct span readings[] = {
			without_controls(j, name, false),
			without_controls(j, name, true),
		};

		for (size_t i = 0; i < COUNT(readings); i++)
			if (shows_other(readings[i], spec) ||
			    begins_other(readings[i], spec))
				return true;
	}
	return rc < 0;
}

static bool
is_cfws(struct span s)
{
	size_t at = 0;

	return cfws_skip(s, &at) == 0 && at == s.n;
}

/* '(=?utf-8?q?=29mallory.=28?=) alice@user.test' is mallory.alice@user.test:
 * what are comments right beside the address, do they stay? */
static bool
stays_comment(struct job *j, struct span near)
{
	int rc = 1;

	for (size_t depth = 0; (rc = undo(j, &near, depth)) > 0; depth++)
		if (!is_cfws(without_controls(j, near, true)))
			return false;
	return rc == 0;
}

/* White space and comments right before the address, as they are. */
static struct span
last_comments(struct span before)
{
	size_t at = 0;

	while (at < before.n && !is_cfws(span_from(before, at)))
		at = span_find(before, at, '<') + 1;
	return span_from(before, at);
}

static bool
stay_comments(struct job *j, struct span before, struct span after)
{
	size_t end = 0;

	/* Behind it they end with its ">", if it has one. */
	if (cfws_skip(after, &end) < 0 || end == after.n || after.p[end] != '>')
		end = after.n;
	return stays_comment(j, last_comments(before)) &&
	       stays_comment(j, span_cut(after, 0, end)) &&
	       stays_comment(j, span_from(after, end + 1));
}

/* 'alice@user.test (Alice\r\n .evil.test)': a comment that a fold ends, and
 * what is behind it goes on with the domain. */
static bool
goes_on(struct span after)
{
	bool folded = false;
	size_t depth = 0;

	for (size_t i = 0; i < after.n; i++) {
		char c = after.p[i];

		if (depth == 0 && c == '>')
			return false;
		depth += c == '(';
		depth -= depth > 0 && c == ')';
		i += c == '\\';
		folded |= depth > 0 && c == '\r';
		if (folded && c == '.')
			return true;
	}
	return false;
}

bool
from_words_are_plain(
    struct job *j, struct span before, struct span after, struct span spec)
{
	return !hides_other(j, before, spec) && !hides_other(j, after, spec) &&
	       stay_comments(j, before, after) && !goes_on(after);
}
