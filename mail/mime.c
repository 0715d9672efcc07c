#include "config.h"

#include "mail/mime.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "mail/finding.h"
#include "mail/mime_part.h"

#define PARAM_COUNT_MAX 32
/* A text this large must not be twice as large in UTF-8 (decision 0047). */
#define GROWTH_MIN ((size_t)64 * 1024)

/* --- Content-Type -------------------------------------------------------- */

struct lex {
	struct span s;
	size_t at;
};

static int
refuse_parameter(struct finding *f, const char *why)
{
	return finding_set(f, FINDING_REFUSE, "mime.parameter", "%s", why);
}

static bool
is_fws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_fws(struct lex *x)
{
	while (x->at < x->s.n && is_fws(x->s.p[x->at]))
		x->at++;
}

static bool
take(struct lex *x, char c)
{
	if (x->at == x->s.n || x->s.p[x->at] != c)
		return false;
	x->at++;
	return true;
}

/* RFC 2045 section 5.1. */
static bool
is_token_char(char c)
{
	return c > 32 && c < 127 && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct span
take_token(struct lex *x)
{
	size_t from = x->at;

	while (x->at < x->s.n && is_token_char(x->s.p[x->at]))
		x->at++;
	return span_cut(x->s, from, x->at);
}

/* A token in lower case, or an empty span. */
static struct span
take_lower(struct job *j, struct lex *x)
{
	struct span token = take_token(x);
	char *lower = span_dup(j->arena, token);
	size_t i;

	for (i = 0; i < token.n; i++)
		lower[i] = ascii_lower(lower[i]);
	return span_mem(lower, token.n);
}

/* The value of a quoted string, whose first quote is taken: 0, or -1. */
static int
take_quoted(struct job *j, struct lex *x, struct span *out)
{
	struct buf b;
	char c;

	buf_init(&b, j->arena, x->s.n);
	while (x->at < x->s.n) {
		c = x->s.p[x->at++];
		if (c == '"') {
			*out = buf_span(&b);
			return 0;
		}
		if (c == '\\') {
			if (x->at == x->s.n)
				return -1;
			c = x->s.p[x->at++];
		} else if (c == '\r' || c == '\n') {
			continue; /* a fold: its white space stays */
		}
		if ((c >= 0 && c < 32 && c != '\t') || c == 127)
			return -1;
		buf_add_char(&b, c);
	}
	return -1;
}

/* RFC 2231 in the two parameters that decide what is read (MA-56). */
static bool
is_continuation(struct span name)
{
	return span_starts(name, SPAN("boundary*")) ||
	       span_starts(name, SPAN("charset*"));
}

static int
take_param(struct job *j, struct lex *x, struct mime_type *t, struct finding *f)
{
	struct mime_param *p = &t->params[t->param_count];
	struct span same;

	p->name = take_lower(j, x);
	if (p->name.n == 0 || !take(x, '='))
		return refuse_parameter(
		    f, "a parameter that is not name=value");
	if (is_continuation(p->name))
		return refuse_parameter(
		    f, "boundary or charset in the form of RFC 2231");
	if (mime_param_get(t, p->name.p, &same))
		return refuse_parameter(f, "a parameter twice");
	if (take(x, '"')) {
		if (take_quoted(j, x, &p->value) < 0)
			return refuse_parameter(
			    f, "a quoted string that is not proper");
	} else {
		p->value = take_token(x);
		if (p->value.n == 0)
			return refuse_parameter(f, "a parameter without value");
	}
	t->param_count++;
	return 0;
}

int
mime_params_parse(
    struct job *j, struct span text, struct mime_type *out, struct finding *f)
{
	struct lex x = { text, 0 };

	out->params =
	    arena_calloc(j->arena, PARAM_COUNT_MAX, sizeof(*out->params));
	out->param_count = 0;
	for (;;) {
		skip_fws(&x);
		if (x.at == text.n)
			return 0;
		if (!take(&x, ';'))
			return refuse_parameter(f, "text after a value");
		skip_fws(&x);
		if (x.at == text.n) /* a last ";" hides nothing */
			return 0;
		if (out->param_count == PARAM_COUNT_MAX)
			return refuse_parameter(f, "too many parameters");
		if (take_param(j, &x, out, f) < 0)
			return -1;
	}
}

int
mime_type_parse(
    struct job *j, struct span body, struct mime_type *out, struct finding *f)
{
	struct lex x = { body, 0 };

	memset(out, 0, sizeof(*out));
	skip_fws(&x);
	out->type = take_lower(j, &x);
	if (out->type.n == 0 || !take(&x, '/'))
		return refuse_parameter(f, "a media type that is not a/b");
	out->subtype = take_lower(j, &x);
	if (out->subtype.n == 0)
		return refuse_parameter(f, "a media type that is not a/b");
	return mime_params_parse(j, span_from(body, x.at), out, f);
}

int
mime_param_get(const struct mime_type *t, const char *name, struct span *out)
{
	size_t i;

	for (i = 0; i < t->param_count; i++) {
		if (span_eq_str(t->params[i].name, name)) {
			*out = t->params[i].value;
			return 1;
		}
	}
	return 0;
}

/* --- which part is read -------------------------------------------------- */

static int
refuse_type(struct finding *f, const char *why)
{
	return finding_set(f, FINDING_REFUSE, "mime.type", "%s", why);
}

/* "1.0", perhaps with a comment after it (Apple's programs write one). */
static bool
is_version_1(struct span body)
{
	struct span v = span_trim_fws(body), rest;

	if (!span_starts(v, SPAN("1.0")))
		return false;
	rest = span_trim_fws(span_from(v, 3));
	return rest.n == 0 || (rest.p[0] == '(' && rest.p[rest.n - 1] == ')');
}

/* MA-55 */
static int
check_version(
    const struct message *m, const struct mime_part *root, struct finding *f)
{
	const struct field *x = message_field(m, "MIME-Version");

	if (x != NULL && !is_version_1(x->body))
		return refuse_type(f, "a MIME-Version that is not 1.0");
	if (x == NULL && !mime_part_is(root, "text", "plain"))
		return refuse_type(
		    f, "no MIME-Version, which only text/plain may do without");
	return 0;
}

static bool
is_enveloped(const struct mime_part *p)
{
	struct span kind;

	if (!mime_part_is(p, "application", "pkcs7-mime") &&
	    !mime_part_is(p, "application", "x-pkcs7-mime"))
		return false;
	return !mime_param_get(&p->type, "smime-type", &kind) ||
	       !span_caseeq_str(kind, "signed-data");
}

/* A layer of S/MIME that was opened holds one part (mail/smime_layer.h). */
static bool
is_opened(const struct mime_part *p)
{
	return p->part_count == 1 && !mime_part_is(p, "multipart", NULL);
}

/*
 * What may be nowhere in the message (MA-55).  Programs answer invitations at a
 * click, or by themselves, to the organizer and under the title that the
 * invitation names, and copy its description into the text (decision 0063).
 */
static int
check_types(const struct mime_part *p, struct finding *f)
{
	size_t i;

	if (mime_part_is(p, "multipart", "encrypted") || is_enveloped(p))
		return finding_set(f, FINDING_REFUSE, "mime.encrypted",
		    "an encrypted part: send the reply unencrypted");
	if (mime_part_is(p, "message", NULL) && !is_opened(p))
		return refuse_type(f, "a message inside the message: reply, do "
				      "not forward (a spam filter on the way "
				      "may wrap a reply so, too)");
	if (mime_part_is(p, "text", "calendar"))
		return refuse_type(f, "an answer to an invitation: reply to "
				      "the challenge mail itself");
	for (i = 0; i < p->part_count; i++)
		if (check_types(&p->parts[i], f) < 0)
			return -1;
	return 0;
}

static bool
is_text(const struct mime_part *p)
{
	return mime_part_is(p, "text", "plain") && !p->attachment;
}

static size_t
count_texts(const struct mime_part *p)
{
	size_t i, n = is_text(p);

	for (i = 0; i < p->part_count; i++)
		n += count_texts(&p->parts[i]);
	return n;
}

/* MA-57 */
static int
find_in_alternative(
    const struct mime_part *p, const struct mime_part **leaf, struct finding *f)
{
	size_t i;

	if (count_texts(p) > 1)
		return finding_set(f, FINDING_REFUSE, "mime.two-texts",
		    "more than one text/plain in the alternative");
	for (i = 0; i < p->part_count; i++) {
		if (is_text(&p->parts[i])) {
			*leaf = &p->parts[i];
			return 0;
		}
	}
	return refuse_type(f, "no text/plain in the alternative: send "
			      "the reply as plain text");
}

/*
 * Outlook and Apple's programs put multipart/related around the alternative
 * when the HTML has a picture in it: a logo in the signature is enough.  Its
 * first part is the root unless a parameter names another (RFC 2387).  As with
 * the other layers, all of it is signed, and there is one text/plain that is
 * read, or none.
 */
static int
unwrap_related(const struct mime_part **p, struct finding *f)
{
	const struct mime_part *outer = *p;
	struct span start;

	if (!mime_part_is(outer, "multipart", "related") ||
	    !mime_part_is(&outer->parts[0], "multipart", "alternative"))
		return 0;
	if (mime_param_get(&outer->type, "start", &start))
		return refuse_type(
		    f, "a multipart/related whose root is another part");
	*p = &outer->parts[0];
	return 0;
}

/* In *p, if it is a multipart/mixed, its first part: 1 or 0. */
static int
unwrap_mixed(const struct mime_part **p)
{
	if (!mime_part_is(*p, "multipart", "mixed"))
		return 0;
	*p = &(*p)->parts[0];
	return 1;
}

/*
 * The layer that may stand around the text (ER-27): a multipart/mixed or a
 * signature.  Inside of a signature there can be a message that its signer
 * wrapped (RFC 8551 3.1), and what programs put around the text to have more
 * signed with it: a card or their key, and with OpenPGP another multipart/mixed
 * for the header fields (draft-autocrypt-lamps-protected-headers).  1, 0, or
 * -1.
 */
static int
unwrap(const struct mime_part **p, struct finding *f)
{
	const struct mime_part *outer = *p;
	bool is_signed = mime_part_is(outer, "multipart", "signed");

	if (!is_signed && !is_opened(outer))
		return unwrap_mixed(p);
	if (is_signed && outer->part_count != 2)
		return refuse_type(f, "a multipart/signed not of two parts");
	*p = &outer->parts[0];
	if (is_opened(*p))
		*p = &(*p)->parts[0];
	if (unwrap_mixed(p) == 1)
		(void)unwrap_mixed(p);
	return 1;
}

int
mime_text_part(const struct message *m, const struct mime_part *root,
    const struct mime_part **leaf, bool *wrapped, struct finding *f)
{
	const struct mime_part *p = root;
	int layer;

	if (check_version(m, root, f) < 0 || check_types(root, f) < 0)
		return -1;
	layer = unwrap(&p, f);
	if (layer < 0 || unwrap_related(&p, f) < 0)
		return -1;
	*wrapped = layer == 1;
	if (mime_part_is(p, "multipart", "alternative"))
		return find_in_alternative(p, leaf, f);
	if (!is_text(p))
		return refuse_type(f,
		    "neither text/plain nor multipart/alternative: send "
		    "the reply as plain text");
	*leaf = p;
	return 0;
}

/* --- its text ------------------------------------------------------------ */

enum charset { ASCII, UTF_8, LATIN_1, LATIN_9, WINDOWS_1252 };

/* With those of their other names (IANA's register) that programs write; utf8
 * is in no register. */
static const struct {
	const char *name;
	enum charset charset;
} charsets[] = {
	{ "us-ascii", ASCII },
	{ "ansi_x3.4-1968", ASCII },
	{ "ascii", ASCII },
	{ "utf-8", UTF_8 },
	{ "utf8", UTF_8 },
	{ "iso-8859-1", LATIN_1 },
	{ "iso_8859-1", LATIN_1 },
	{ "latin1", LATIN_1 },
	{ "iso-8859-15", LATIN_9 },
	{ "latin-9", LATIN_9 },
	{ "windows-1252", WINDOWS_1252 },
	{ "cp1252", WINDOWS_1252 },
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

/* MA-58.  Without a charset: ASCII, and UTF-8 where a client forgot it. */
static int
find_charset(const struct mime_part *p, enum charset *out, struct finding *f)
{
	struct span name;
	size_t i;

	*out = UTF_8;
	if (!mime_param_get(&p->type, "charset", &name))
		return 0;
	for (i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
		if (span_caseeq_str(name, charsets[i].name)) {
			*out = charsets[i].charset;
			return 0;
		}
	}
	return finding_set(f, FINDING_REFUSE, "mime.charset",
	    "a charset that is not read here: send the reply in UTF-8");
}

/* The code point of one octet above ASCII; 0: none. */
static uint32_t
wide_octet(enum charset charset, uint8_t octet)
{
	size_t i;

	switch (charset) {
	case ASCII:
	case UTF_8:
		return 0;
	case WINDOWS_1252:
		if (octet < 0xa0)
			return windows[octet - 0x80];
		break;
	case LATIN_9:
		for (i = 0; i < sizeof(latin_9) / sizeof(latin_9[0]); i++)
			if (latin_9[i].octet == octet)
				return latin_9[i].code_point;
		break;
	case LATIN_1:
		break;
	}
	return octet;
}

/* The character at *at above ASCII: 0, or -1. */
static int
wide_char(enum charset charset, struct span s, size_t *at, struct buf *out)
{
	uint32_t c;

	if (charset == UTF_8) {
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
utf8_len(struct span s, enum charset charset)
{
	size_t n = s.n;

	if (charset == ASCII || charset == UTF_8)
		return n;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			n += wide_octet(charset, (uint8_t)s.p[i]) < 0x800 ? 1
									  : 2;
	return n;
}

/* To UTF-8, line ends to LF: 0, or -1 (mime.charset, mime.encoding). */
static int
to_utf8(struct job *j, struct span s, enum charset charset, struct buf *out,
    struct finding *f)
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

/* --- format=flowed (RFC 3676) -------------------------------------------- */

struct flow {
	char *p;
	size_t n;
	bool del_sp;
	bool apart;   /* no line goes on */
	bool open;    /* does the last line go on? */
	size_t depth; /* of quoting, of the last line */
};

static void
flow_add(struct flow *w, struct span s)
{
	memmove(w->p + w->n, s.p, s.n);
	w->n += s.n;
}

/*
 * One line.  An armour line is never joined and never loses a space before
 * it: undoing the format must not make a block of what was none in the
 * octets as they are (MA-59, MA-61).
 */
static void
flow_line(struct flow *w, struct span line)
{
	bool fixed = span_starts(span_trim(line), SPAN("-----"));
	struct span text;
	size_t depth = 0;

	while (depth < line.n && line.p[depth] == '>')
		depth++;
	text = span_from(line, depth);
	if (span_starts(text, SPAN(" ")) && !fixed)
		text = span_from(text, 1);
	if (span_eq_str(text, "-- ")) /* a signature's separator */
		fixed = true;
	if (w->open && (fixed || depth != w->depth)) {
		flow_add(w, SPAN("\n"));
		w->open = false;
	}
	if (!w->open)
		flow_add(w, span_cut(line, 0, depth));
	while (w->apart && !fixed && span_ends(text, SPAN(" ")))
		text.n--;
	w->open = !fixed && span_ends(text, SPAN(" "));
	w->depth = depth;
	if (w->open && w->del_sp)
		text.n--;
	flow_add(w, text);
	if (!w->open)
		flow_add(w, SPAN("\n"));
}

/* In its place, with room for one octet more: nothing is written that is not
 * there, but for a LF at the end, and later than there never. */
static struct span
unflow(char *p, size_t n, bool del_sp, bool apart)
{
	struct flow w = { .p = p, .del_sp = del_sp, .apart = apart };
	struct span text = span_mem(p, n);
	size_t at = 0, lf;

	while (at < text.n) {
		lf = span_find(text, at, '\n');
		flow_line(&w, span_cut(text, at, lf));
		at = lf + 1;
	}
	return span_mem(w.p, w.n);
}

static bool
param_is(const struct mime_part *p, const char *name, const char *value)
{
	struct span v;

	return mime_param_get(&p->type, name, &v) && span_caseeq_str(v, value);
}

/* What the transfer encoding becomes is of no use after it (MA-94). */
static int
decode_text(struct job *j, const struct mime_part *p, enum charset charset,
    struct buf *out, struct finding *f)
{
	struct job own = *j;
	struct span octets;
	int result;

	own.arena = arena_new();
	result = mime_part_decode(&own, p, &octets, f) < 0
		     ? -1
		     : to_utf8(j, octets, charset, out, f);
	arena_free(own.arena);
	return result;
}

bool
mime_part_is_flowed(const struct mime_part *p)
{
	return param_is(p, "format", "flowed");
}

static int
read_text(struct job *j, const struct mime_part *p, bool apart,
    struct span *out, struct finding *f)
{
	enum charset charset;
	struct buf text;

	if (find_charset(p, &charset, f) < 0 ||
	    decode_text(j, p, charset, &text, f) < 0)
		return -1;
	*out = mime_part_is_flowed(p)
		   ? unflow(text.p, text.n, param_is(p, "delsp", "yes"), apart)
		   : buf_span(&text);
	return 0;
}

int
mime_part_text(struct job *j, const struct mime_part *p, struct span *out,
    struct finding *f)
{
	return read_text(j, p, false, out, f);
}

int
mime_part_lines(struct job *j, const struct mime_part *p, struct span *out,
    struct finding *f)
{
	return read_text(j, p, true, out, f);
}

int
mime_find_text(struct job *j, const struct message *m, struct mime_text *out,
    struct finding *f)
{
	struct mime_part root;
	const struct mime_part *leaf = &root;

	if (mime_part_parse(j, m, &root, f) < 0 ||
	    mime_text_part(m, &root, &leaf, &out->wrapped, f) < 0)
		return -1;
	return mime_part_text(j, leaf, &out->text, f);
}
