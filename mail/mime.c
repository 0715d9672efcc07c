#include "config.h"

#include "mail/mime.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "mail/finding.h"
#include "mail/mime_charset.h"
#include "mail/mime_part.h"

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

/* --- its text ------------------------------------------------------------ */

static bool
param_is(const struct mime_part *p, const char *name, const char *value)
{
	struct span v;

	return mime_param_get(&p->type, name, &v) && span_caseeq_str(v, value);
}

/* What the transfer encoding becomes is of no use after it (MA-94). */
static int
decode_text(struct job *j, const struct mime_part *p, enum mime_charset charset,
    struct buf *out, struct finding *f)
{
	struct job own = *j;
	struct span octets;
	int result;

	own.arena = arena_new();
	result = mime_part_decode(&own, p, &octets, f) < 0
		     ? -1
		     : mime_charset_to_utf8(j, octets, charset, out, f);
	arena_free(own.arena);
	return result;
}

bool
mime_part_is_flowed(const struct mime_part *p)
{
	return param_is(p, "format", "flowed");
}

/* MA-58.  Without a charset: ASCII, and UTF-8 where a client forgot it. */
static int
find_charset(
    const struct mime_part *p, enum mime_charset *out, struct finding *f)
{
	struct span name;

	*out = MIME_UTF_8;
	if (!mime_param_get(&p->type, "charset", &name) ||
	    mime_charset_find(name, out))
		return 0;
	return finding_set(f, FINDING_REFUSE, "mime.charset",
	    "a charset that is not read here: send the reply in UTF-8");
}

static int
read_text(struct job *j, const struct mime_part *p, bool apart,
    struct span *out, struct finding *f)
{
	enum mime_charset charset;
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
