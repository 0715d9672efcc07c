#include "config.h"

#include "mail/iso_2022_jp.h"

#include "lib/job.h"

#define ESCAPE_LEN 3

bool
iso_2022_jp_is_all(struct span text)
{
	size_t at = 0;
	struct span name;

	while ((at = span_find_span(text, at, SPAN("=?"))) < text.n) {
		at += 2;
		name = span_from(text, at);
		/* "=?=" is the end of base64. */
		if (!span_casestarts(name, SPAN("iso-2022-jp?")) &&
		    !span_starts(name, SPAN("=")))
			return false;
	}
	return true;
}

/* Of JIS X 0208: kana, kanji, and signs.  Some decoders leave a whole word as
 * it is where one letter is none. */
static bool
is_letter(unsigned char row, unsigned char cell)
{
	if (cell < 0x21 || cell > 0x7e)
		return false;
	switch (row) {
	case 0x21:
		return true;
	case 0x24:
		return cell <= 0x73;
	case 0x25:
		return cell <= 0x76;
	case 0x4f:
		return cell <= 0x53;
	default:
		return row >= 0x30 && row <= 0x73;
	}
}

/* The letters at `at`, with the escapes around them; 0: none. */
static size_t
letters_at(struct span s, size_t at)
{
	size_t end = at + ESCAPE_LEN;
	struct span rest = span_from(s, at);

	if (!span_starts(rest, SPAN("\033$B")) &&
	    !span_starts(rest, SPAN("\033$@")))
		return 0;
	while (end + 1 < s.n &&
	       is_letter((unsigned char)s.p[end], (unsigned char)s.p[end + 1]))
		end += 2;
	rest = span_from(s, end);
	return span_starts(rest, SPAN("\033(B")) ||
		       span_starts(rest, SPAN("\033(J"))
		   ? end + ESCAPE_LEN - at
		   : 0;
}

struct span
iso_2022_jp_strip(struct job *j, struct span octets)
{
	size_t at = 0, n;
	struct buf b;

	buf_init(&b, j->arena, octets.n + 1);
	while (at < octets.n) {
		n = letters_at(octets, at);
		buf_add_char(&b, n == 0 ? octets.p[at] : '\x80');
		at += n == 0 ? 1 : n;
	}
	return buf_span(&b);
}
