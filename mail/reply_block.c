#include "config.h"

#include "mail/reply_block.h"

#include <string.h>

#include "lib/b64.h"
#include "mail/finding.h"

#define DIGEST_CHARS 43
#define RULE_MIN 5
#define RULE_LOOK_AHEAD 4
#define HEADER_NAME_MAX 40
#define BARE_HEADER_LINES 3

static const struct span begin_line = { "-----BEGIN ACME RESPONSE-----", 29 };
static const struct span end_line = { "-----END ACME RESPONSE-----", 27 };

/* --- separators of unprefixed quoting (MA-61) ---------------------------- */

/* The shortest and the longest of the table, in octets; most lines are
 * neither, and there may be many. */
#define WORDS_MIN 12
#define WORDS_MAX 35
#define W(words)                                                               \
	{                                                                      \
		words, sizeof(words) - 1                                       \
	}

/* What mail programs write between dashes, or alone, above a quoted or
 * forwarded message; ASCII letters are compared without case. */
static const struct span separator_words[] = {
	W("Original Message"),
	W("Original-Nachricht"),
	W("Originalnachricht"),
	W("Ursprüngliche Nachricht"),
	W("Urspruengliche Nachricht"),
	W("Weitergeleitete Nachricht"),
	W("Message d'origine"),
	W("Message original"),
	W("Message initial"),
	W("Message transféré"),
	W("Mensaje original"),
	W("Mensaje reenviado"),
	W("Mensagem original"),
	W("Mensagem encaminhada"),
	W("Missatge original"),
	W("Messaggio originale"),
	W("Messaggio inoltrato"),
	W("Oorspronkelijk bericht"),
	W("Doorgestuurd bericht"),
	W("Ursprungligt meddelande"),
	W("Vidarebefordrat meddelande"),
	W("Oprindelig meddelelse"),
	W("Videresendt meddelelse"),
	W("Opprinnelig melding"),
	W("Videresendt melding"),
	W("Alkuperäinen viesti"),
	W("Välitetty viesti"),
	W("Oryginalna wiadomość"),
	W("Wiadomość oryginalna"),
	W("Pierwotna wiadomość"),
	W("Původní zpráva"),
	W("Pôvodná správa"),
	W("Eredeti üzenet"),
	W("Mesaj original"),
	W("Izvorna poruka"),
	W("Izvirno sporočilo"),
	W("Originalna poruka"),
	W("Orijinal Mesaj"),
	W("Özgün İleti"),
	W("Αρχικό μήνυμα"),
	W("Исходное сообщение"),
	W("元のメッセージ"),
	W("原始邮件"),
	W("原始郵件"),
	W("원본 메시지"),
	W("Forwarded message"),
	W("Begin forwarded message"),
	W("Reply message"),
};

/* How W("From") is called in headers that programs copy into the text. */
static const struct span from_words[] = { W("From"), W("Von"), W("De"), W("Da"),
	W("Van"), W("Fra"), W("Från"), W("Od"), W("Feladó"), W("Lähettäjä"),
	W("Kimden"), W("Gönderen"), W("От"), W("Από"), W("差出人"), W("发件人"),
	W("寄件者"), W("보낸 사람") };

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The line at `at` without line end and blanks before it; *next is where the
 * one after it begins. */
static struct span
line_at(struct span text, size_t at, size_t *next)
{
	size_t lf = span_find(text, at, '\n');

	*next = lf == text.n ? lf : lf + 1;
	while (lf > at && (text.p[lf - 1] == ' ' || text.p[lf - 1] == '\t' ||
			      text.p[lf - 1] == '\r'))
		lf--;
	return span_cut(text, at, lf);
}

static size_t
run_of(struct span s, char c)
{
	size_t n = 0;

	while (n < s.n && s.p[n] == c)
		n++;
	return n;
}

static size_t
end_run_of(struct span s, char c)
{
	size_t n = 0;

	while (n < s.n && s.p[s.n - 1 - n] == c)
		n++;
	return n;
}

/* Without the marks that decorate a line. */
static struct span
undecorated(struct span s)
{
	static const char marks[] = "-_=*#~+: ";

	while (s.n > 0 && s.p[0] != '\0' && strchr(marks, s.p[0]) != NULL)
		s = span_from(s, 1);
	while (s.n > 0 && s.p[s.n - 1] != '\0' &&
	       strchr(marks, s.p[s.n - 1]) != NULL)
		s.n--;
	return s;
}

/* "-----Original Message-----" in the languages above, or any words with
 * four dashes on both sides, but for armour of other kinds. */
static bool
is_worded_separator(struct span line)
{
	struct span words = undecorated(line);
	size_t i;
	bool known = words.n >= WORDS_MIN && words.n <= WORDS_MAX;

	for (i = 0; known && i < COUNT(separator_words); i++)
		if (span_caseeq(words, separator_words[i]))
			return true;
	return words.n > 0 && run_of(line, '-') >= 4 &&
	       end_run_of(line, '-') >= 4 &&
	       !span_starts(words, SPAN("BEGIN ")) &&
	       !span_starts(words, SPAN("END "));
}

static bool
is_rule(struct span line)
{
	return line.n >= RULE_MIN &&
	       (run_of(line, '_') == line.n || run_of(line, '-') == line.n);
}

/* Is c part of a field's name in some language, or of its emphasis? */
static bool
is_name_char(char c)
{
	return ascii_is_alpha(c) || (unsigned char)c >= 0x80 || c == ' ' ||
	       c == '-' || c == '*';
}

/* "Sent: Monday", "*Von:* x", "Envoyé : x", with an ASCII or wide colon: the
 * name. */
static bool
is_header_like(struct span line, struct span *name)
{
	static const struct span wide = { "\xef\xbc\x9a", 3 };
	size_t i;

	for (i = 0; i < line.n && i < HEADER_NAME_MAX; i++) {
		*name = span_cut(line, 0, i);
		if (span_starts(span_from(line, i), wide))
			return i > 0;
		if (line.p[i] == ':')
			return i > 0 &&
			       (i + 1 == line.n ||
				   strchr(" \t*\xc2", line.p[i + 1]) != NULL);
		if (!is_name_char(line.p[i]))
			return false;
	}
	return false;
}

/* How many of the `lines` lines at `at` are header-like; with `run`, only up
 * to the first that is not. */
static size_t
count_header_like(struct span text, size_t at, size_t lines, bool run)
{
	struct span name;
	size_t n = 0;

	for (; lines > 0 && at < text.n; lines--) {
		if (is_header_like(line_at(text, at, &at), &name))
			n++;
		else if (run)
			break;
	}
	return n;
}

static bool
begins_with_from(struct span line)
{
	static const struct span nbsp = { "\xc2\xa0", 2 };
	struct span name;
	size_t i;

	if (!is_header_like(line, &name))
		return false;
	name = undecorated(name);
	if (span_ends(name, nbsp))
		name.n -= nbsp.n;
	for (i = 0; i < COUNT(from_words); i++)
		if (span_caseeq(name, from_words[i]))
			return true;
	return false;
}

/* Is `line`, which begins at `at`, one below which all is quoted? */
static bool
is_separator(struct span text, size_t at, struct span line, size_t next)
{
	if (line.n == 0)
		return false;
	if (is_rule(line))
		return count_header_like(text, next, RULE_LOOK_AHEAD, false) >=
		       2;
	/* The same header without a rule, as programs on telephones write
	 * it. */
	if (begins_with_from(line) &&
	    count_header_like(text, at, BARE_HEADER_LINES, true) ==
		BARE_HEADER_LINES)
		return true;
	return is_worded_separator(line);
}

bool
reply_has_separator(struct span text)
{
	struct span line;
	size_t at, next;

	for (at = 0; at < text.n; at = next) {
		line = line_at(text, at, &next);
		if (is_separator(text, at, line, next))
			return true;
	}
	return false;
}

/* --- blocks -------------------------------------------------------------- */

struct scan {
	struct reply_blocks *out;
	bool inside;
	bool below; /* a separator came before */
	char text[DIGEST_CHARS + 1];
	size_t n;
	bool padded;
};

/* Marks that programs put before quoted lines. */
static struct span
unquoted(struct span line)
{
	static const struct span wide[] = { { "\xc2\xbb", 2 }, /* » */
		{ "\xc2\xa0", 2 },                             /* NBSP */
		{ "\xe2\x80\xba", 3 },                         /* › */
		{ "\xe2\x94\x82", 3 },                         /* │ */
		{ "\xef\xbb\xbf", 3 } /* BOM */ };
	size_t i, before;

	do {
		before = line.n;
		while (line.n > 0 && line.p[0] != '\0' &&
		       strchr(">|: \t", line.p[0]) != NULL)
			line = span_from(line, 1);
		for (i = 0; i < COUNT(wide); i++)
			if (span_starts(line, wide[i]))
				line = span_from(line, wide[i].n);
	} while (line.n < before);
	return line;
}

static void
leave_bad(struct scan *s)
{
	s->inside = false;
	if (!s->below)
		s->out->bad = true;
}

static void
leave_good(struct scan *s, const uint8_t digest[SHA256_LEN])
{
	struct reply_block *b = s->below ? &s->out->below : &s->out->counts;

	s->inside = false;
	if (!b->found)
		memcpy(b->digest, digest, SHA256_LEN);
	else if (memcmp(b->digest, digest, SHA256_LEN) != 0)
		b->differ = true;
	b->found = true;
}

/* AC-125: 43 characters, one spelling for one digest. */
static void
end_block(struct scan *s)
{
	uint8_t digest[SHA256_LEN];

	if (s->n == DIGEST_CHARS && b64url_parse_fixed(span_mem(s->text, s->n),
					digest, sizeof(digest)) == 0)
		leave_good(s, digest);
	else
		leave_bad(s);
}

/* A line inside a block: 0, or -1 if it cannot be part of one. */
static int
add_content(struct scan *s, struct span line)
{
	size_t i;
	char c;

	for (i = 0; i < line.n; i++) {
		c = line.p[i];
		if (c == ' ' || c == '\t')
			continue;
		if (s->padded ||
		    (c != '=' && (s->n == DIGEST_CHARS ||
				     !b64url_is_alphabet(span_mem(&c, 1)))))
			return -1;
		if (c == '=')
			s->padded = true;
		else
			s->text[s->n++] = c;
	}
	return 0;
}

static void
scan_line(
    struct scan *s, struct span text, size_t at, struct span line, size_t next)
{
	if (span_eq(line, begin_line)) {
		if (s->inside)
			leave_bad(s);
		s->inside = true;
		s->padded = false;
		s->n = 0;
		return;
	}
	if (s->inside) {
		if (span_eq(line, end_line)) {
			end_block(s);
			return;
		}
		if (add_content(s, line) == 0)
			return;
		leave_bad(s);
	}
	if (span_ends(line, begin_line) && span_eq(unquoted(line), begin_line))
		s->out->quoted = true;
	else if (!s->below)
		s->below = is_separator(text, at, line, next);
	if (!s->below && span_caseeq_str(span_trim(line), "STOP"))
		s->out->stop = true;
}

void
reply_blocks_scan(struct span text, struct reply_blocks *out)
{
	struct scan s = { .out = out };
	struct span line;
	size_t at, next;

	memset(out, 0, sizeof(*out));
	for (at = 0; at < text.n; at = next) {
		line = line_at(text, at, &next);
		scan_line(&s, text, at, line, next);
	}
	if (s.inside)
		leave_bad(&s);
}

int
reply_blocks_judge(
    const struct reply_blocks *b, uint8_t digest[SHA256_LEN], struct finding *f)
{
	if (b->counts.found && (b->bad || b->counts.differ))
		return finding_set(f, FINDING_REFUSE, "body.ambiguous",
		    "two response blocks with different content");
	if (b->counts.found) {
		memcpy(digest, b->counts.digest, SHA256_LEN);
		return 0;
	}
	if (b->bad)
		return finding_set(f, FINDING_REFUSE, "body.bad-block",
		    "the response block is not a 43-character digest");
	if (b->below.found || b->quoted)
		return finding_set(f, FINDING_REFUSE, "body.block-in-quote",
		    "the only response block is in quoted text");
	return finding_set(
	    f, FINDING_REFUSE, "body.no-block", "no response block");
}
