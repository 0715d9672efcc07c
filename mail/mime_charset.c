#include "config.h"

#include "mail/mime_charset.h"

#include "lib/count.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "mail/finding.h"

/* A text this large must not be twice as large in UTF-8 (decision 0047). */
#define GROWTH_MIN ((size_t)64 * 1024)

/* With those of their other names (IANA's register) that programs write; utf8
 * is in no register. */
static const struct {
	const char *name;
	enum mime_charset charset;
} charsets[] = {
	{ "us-ascii", MIME_ASCII },
	{ "ansi_x3.4-1968", MIME_ASCII },
	{ "ascii", MIME_ASCII },
	{ "utf-8", MIME_UTF_8 },
	{ "utf8", MIME_UTF_8 },
	{ "iso-8859-1", MIME_LATIN_1 },
	{ "iso_8859-1", MIME_LATIN_1 },
	{ "latin1", MIME_LATIN_1 },
	{ "iso-8859-15", MIME_LATIN_9 },
	{ "latin-9", MIME_LATIN_9 },
	{ "windows-1252", MIME_WINDOWS_1252 },
	{ "cp1252", MIME_WINDOWS_1252 },
};

/* 0x80 to 0x9f of Windows-1252; 0: not in use. */
static const uint16_t windows[32] = { 0x20ac, 0, 0x201a, 0x192, 0x201e, 0x2026,
	0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0, 0x17d, 0, 0,
	0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122,
	0x161, 0x203a, 0x153, 0, 0x17e, 0x178 };

/* Where ISO 8859-15 is not 8859-1. */
static const struct {
	uint8_t octet;
	uint16_t code_point;
} latin_9[] = { { 0xa4, 0x20ac }, { 0xa6, 0x160 }, { 0xa8, 0x161 },
	{ 0xb4, 0x17d }, { 0xb8, 0x17e }, { 0xbc, 0x152 }, { 0xbd, 0x153 },
	{ 0xbe, 0x178 } };

int
mime_charset_find(struct span name, enum mime_charset *out)
{
	for (size_t i = 0; i < COUNT(charsets); i++) {
		if (span_caseeq_str(name, charsets[i].name)) {
			*out = charsets[i].charset;
			return 1;
		}
	}
	return 0;
}

/* The code point of one octet above ASCII; 0: none. */
static uint32_t
wide_octet(enum mime_charset charset, uint8_t octet)
{
	size_t i;

	switch (charset) {
	case MIME_ASCII:
	case MIME_UTF_8:
		return 0;
	case MIME_WINDOWS_1252:
		if (octet < 0xa0)
			return windows[octet - 0x80];
		break;
	case MIME_LATIN_9:
		for (i = 0; i < COUNT(latin_9); i++)
			if (latin_9[i].octet == octet)
				return latin_9[i].code_point;
		break;
	case MIME_LATIN_1:
		break;
	}
	return octet;
}

/* The character at *at above ASCII: 0, or -1. */
static int
wide_char(enum mime_charset charset, struct span s, size_t *at, struct buf *out)
{
	uint32_t c;

	if (charset == MIME_UTF_8) {
		if (utf8_next(s, at, &c) != 1)
			return -1;
	} else {
		c = wide_octet(charset, (uint8_t)s.p[(*at)++]);
		if (c == 0)
			return -1;
	}
	utf8_add(out, c);
	return 0;
}

/* How many octets of UTF-8 it becomes, at most: known beforehand, they need
 * not be moved (MA-94). */
static size_t
utf8_len(struct span s, enum mime_charset charset)
{
	size_t n = s.n;

	if (charset == MIME_ASCII || charset == MIME_UTF_8)
		return n;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			n += wide_octet(charset, (uint8_t)s.p[i]) < 0x800 ? 1
									  : 2;
	return n;
}

int
mime_charset_to_utf8(struct job *j, struct span s, enum mime_charset charset,
    struct buf *out, struct finding *f)
{
	size_t at = 0, from, n = utf8_len(s, charset);

	buf_init(out, j->arena, n + 1);
	if (n > GROWTH_MIN && n / 2 > s.n)
		return finding_set(f, FINDING_REFUSE, "mime.charset",
		    "a large text, of signs that are no letters: send the "
		    "block alone");
	buf_reserve(out, out->max);
	while (at < s.n) {
		for (from = at; at < s.n; at++)
			if ((unsigned char)s.p[at] >= 0x80 || s.p[at] == '\r' ||
			    s.p[at] == '\0')
				break;
		buf_add(out, span_cut(s, from, at));
		if (at == s.n)
			break;
		if ((unsigned char)s.p[at] >= 0x80) {
			if (wide_char(charset, s, &at, out) < 0)
				return finding_set(f, FINDING_REFUSE,
				    "mime.charset",
				    "text that is not in its charset: send "
				    "the reply in UTF-8");
		} else if (++at == s.n || s.p[at - 1] == '\0' ||
			   s.p[at] != '\n') {
			return finding_set(f, FINDING_REFUSE, "mime.encoding",
			    "NUL or CR without LF in the text");
		}
	}
	return 0;
}
