/* Transfer encodings and encoded words: the decoders of mime.h, strict. */
#include "config.h"

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "mail/mime.h"

static int
hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "=41" at `at`: the octet, or -1. */
static int
hex_octet(struct span s, size_t at)
{
	int high, low;

	if (s.n - at < 3)
		return -1;
	high = hex_value(s.p[at + 1]);
	low = hex_value(s.p[at + 2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* RFC 2045 section 6.7: printable ASCII other than "=", SP, HTAB. */
static bool
is_qp_literal(char c)
{
	return (c >= 32 && c <= 126) || c == '\t';
}

/* One line, without CRLF and blanks at its end, which transport may have
 * added (rule 3).  *soft: a "=" at the end joins the next line to it. */
static int
decode_qp_line(struct span line, bool *soft, struct buf *out)
{
	size_t i;
	int octet;

	*soft = line.n > 0 && line.p[line.n - 1] == '=';
	if (*soft)
		line.n--;
	for (i = 0; i < line.n; i++) {
		if (line.p[i] != '=') {
			if (!is_qp_literal(line.p[i]))
				return -1;
			buf_add_char(out, line.p[i]);
			continue;
		}
		octet = hex_octet(line, i);
		if (octet < 0)
			return -1;
		buf_add_char(out, (char)octet);
		i += 2;
	}
	return 0;
}

int
mime_decode_qp(struct job *j, struct span in, struct span *out)
{
	struct span line;
	struct buf b;
	size_t at = 0, lf;
	bool soft;

	buf_init(&b, j->arena, in.n + 1);
	buf_reserve(&b, in.n);
	while (at < in.n) {
		lf = span_find(in, at, '\n');
		line = span_cut(in, at, lf);
		if (lf < in.n && line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		while (line.n > 0 && (line.p[line.n - 1] == ' ' ||
					 line.p[line.n - 1] == '\t'))
			line.n--;
		if (decode_qp_line(line, &soft, &b) < 0)
			return -1;
		if (soft && lf == in.n) /* joins nothing */
			return -1;
		if (!soft && lf < in.n)
			buf_add(&b, SPAN("\r\n"));
		at = lf + 1;
	}
	*out = buf_span(&b);
	return 0;
}

int
mime_decode_base64(struct job *j, struct span in, struct span *out)
{
	return b64_parse_fws(j->arena, in, out);
}

/* --- RFC 2047 ------------------------------------------------------------ */

/* Has `word`, which holds no blank, the shape =?charset?e?text?= ? */
static bool
word_parse(struct span word, struct mime_word *out)
{
	size_t end = 0;

	return word.n >= 8 && mime_word_at(word, &end, out) && end == word.n &&
	       span_find(out->text, 0, '?') == out->text.n;
}

struct span
mime_words_of(struct span s)
{
	while (s.n > 0 && !span_ends(s, SPAN("?=")))
		s.n--;
	return s;
}

bool
mime_word_at(struct span s, size_t *at, struct mime_word *out)
{
	size_t from = *at + 2, first, end;

	if (!span_starts(span_from(s, *at), SPAN("=?")))
		return false;
	first = span_find(s, from, '?');
	if (span_find(s, first + 1, '?') != first + 2)
		return false;
	end = span_find_span(s, first + 3, SPAN("?="));
	if (end == s.n)
		return false;
	out->charset = span_cut(s, from, first);
	/* RFC 2231 section 5: a language may follow. */
	out->charset =
	    span_cut(out->charset, 0, span_find(out->charset, 0, '*'));
	out->encoding = ascii_lower(s.p[first + 1]);
	out->text = span_cut(s, first + 3, end);
	if (out->encoding != 'b' && out->encoding != 'q')
		return false;
	*at = end + 2;
	return true;
}

/* How many "=" were no escape, and stay. */
static size_t
decode_q(struct span text, struct buf *out)
{
	size_t i, bad = 0;
	int octet;

	for (i = 0; i < text.n; i++) {
		octet = text.p[i] == '=' ? hex_octet(text, i) : -1;
		if (octet >= 0) {
			buf_add_char(out, (char)octet);
			i += 2;
			continue;
		}
		bad += text.p[i] == '=';
		buf_add_char(out, text.p[i] == '_' ? ' ' : text.p[i]);
	}
	return bad;
}

/* Its text's octets, and in *bad what decode_q() says: 0 or -1. */
static int
word_undo(
    struct job *j, const struct mime_word *w, struct span *out, size_t *bad)
{
	struct buf b;

	*bad = 0;
	if (w->encoding == 'b')
		return b64_parse_fws(j->arena, w->text, out);
	buf_init(&b, j->arena, w->text.n);
	*bad = decode_q(w->text, &b);
	*out = buf_span(&b);
	return 0;
}

int
mime_word_undo(struct job *j, const struct mime_word *w, struct span *out)
{
	size_t bad;

	return word_undo(j, w, out, &bad);
}

/* 1 decoded, 0 not one of ours (it stays as it is), -1 not decodable. */
static int
decode_word(struct job *j, struct span word, struct span *out)
{
	struct mime_word w;
	size_t bad;
	bool ascii;

	if (!word_parse(word, &w))
		return 0;
	ascii = span_caseeq_str(w.charset, "us-ascii");
	if (!ascii && !span_caseeq_str(w.charset, "utf-8"))
		return 0;
	if (word_undo(j, &w, out, &bad) < 0 || bad > 0)
		return -1;
	return ascii && !span_is_ascii(*out) ? -1 : 1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The run of blanks, or of what is none, at *at; *at moves behind it. */
static struct span
next_run(struct span s, size_t *at, bool blank)
{
	size_t from = *at;

	while (*at < s.n && is_blank(s.p[*at]) == blank)
		++*at;
	return span_cut(s, from, *at);
}

/* Blanks as they are, without the folds. */
static void
add_blanks(struct span blanks, struct buf *out)
{
	size_t i;

	for (i = 0; i < blanks.n; i++)
		if (blanks.p[i] == ' ' || blanks.p[i] == '\t')
			buf_add_char(out, blanks.p[i]);
}

/* Controls other than HTAB, which folding leaves behind. */
static bool
has_control(struct span s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if ((s.p[i] >= 0 && s.p[i] < 32 && s.p[i] != '\t') ||
		    s.p[i] == 127)
			return true;
	return false;
}

int
mime_decode_words(struct job *j, struct span body, struct span *out)
{
	struct span blanks, word, decoded = { NULL, 0 };
	bool after_word = false; /* was the last one encoded? */
	size_t at = 0;
	struct buf b;
	int is_word;

	body = span_trim_fws(body);
	buf_init(&b, j->arena, 2 * body.n + 1);
	while (at < body.n) {
		blanks = next_run(body, &at, true);
		word = next_run(body, &at, false);
		is_word = decode_word(j, word, &decoded);
		if (is_word < 0)
			return -1;
		/* Blanks between two encoded words are not text. */
		if (is_word == 0 || !after_word)
			add_blanks(blanks, &b);
		buf_add(&b, is_word == 1 ? decoded : word);
		after_word = is_word == 1;
	}
	*out = buf_span(&b);
	return utf8_is_valid(*out) && !has_control(*out) ? 0 : -1;
}

/* Such a word at *at: its octets, and *at is behind it; or false. */
static bool
undo_word(struct job *j, struct span s, size_t *at, struct span *out)
{
	struct mime_word w;
	size_t end = *at;

	if (!mime_word_at(s, &end, &w) || mime_word_undo(j, &w, out) < 0)
		return false;
	*at = end;
	return true;
}

struct span
mime_undo_words(struct job *j, struct span body)
{
	struct span octets, words = mime_words_of(body);
	size_t at = 0, next, blanks;
	struct buf b;

	buf_init(&b, j->arena, body.n + 1);
	while (at < body.n) {
		if (!undo_word(j, words, &at, &octets)) {
			if (body.p[at] != '\r' && body.p[at] != '\n')
				buf_add_char(&b, body.p[at]);
			at++;
			continue;
		}
		buf_add(&b, octets);
		/* Blanks between two encoded words are not text. */
		blanks = at;
		(void)next_run(body, &blanks, true);
		next = blanks;
		if (undo_word(j, words, &next, &octets))
			at = blanks;
	}
	return buf_span(&b);
}
