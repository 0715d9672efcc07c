#include "config.h"

#include "mail/compose.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "mail/template.h"
#include "mail/texts.h"

#include <string.h>

#define LINE_MAX_OCTETS 76                  /* MA-104 */
#define MESSAGE_MAX (8 * TEMPLATE_PART_MAX) /* two, in quoted-printable */
#define PART1_LEN 32                        /* ER-5 */
#define SUBJECT_LEN (6 + PART1_LEN)
#define LOCAL_MAX 64

/* --- transfer encodings -------------------------------------------------- */

/* Can it go as it is: ASCII, and no line too long? */
static bool
is_7bit(struct span text)
{
	for (size_t at = 0; at < text.n;) {
		size_t end = span_find(text, at, '\n');

		if (end - at > LINE_MAX_OCTETS)
			return false;
		at = end + 1;
	}
	return span_is_ascii(text);
}

/* Can the octet stand for itself?  A blank at the end of a line cannot. */
static bool
qp_is_literal(struct span line, size_t i)
{
	unsigned char c = (unsigned char)line.p[i];

	if (c == ' ')
		return i + 1 < line.n;
	return c > 0x20 && c < 0x7f && c != '=';
}

/* RFC 2045 6.7: a line of at most 76 octets, the "=" of a soft break
 * included. */
static void
qp_add_line(struct buf *b, struct span line)
{
	size_t column = 0;

	for (size_t i = 0; i < line.n; i++) {
		bool literal = qp_is_literal(line, i);
		size_t width = literal ? 1 : 3;

		if (column + width > LINE_MAX_OCTETS - 1) {
			buf_add_str(b, "=\r\n");
			column = 0;
		}
		if (literal)
			buf_add_char(b, line.p[i]);
		else
			buf_addf(b, "=%02X", (unsigned char)line.p[i]);
		column += width;
	}
	buf_add_str(b, "\r\n");
}

/* One part; text with LF line ends.  `file`: its name, or NULL. */
static void
part_add(struct buf *b, const char *boundary, const char *type,
    const char *file, struct span text)
{
	bool plain = is_7bit(text);

	buf_addf(b, "--%s\r\nContent-Type: %s; charset=%s\r\n", boundary, type,
	    span_is_ascii(text) ? "us-ascii" : "utf-8");
	if (file != NULL)
		buf_addf(b, "Content-Disposition: attachment; filename=%s\r\n",
		    file);
	buf_addf(b, "Content-Transfer-Encoding: %s\r\n\r\n",
	    plain ? "7bit" : "quoted-printable");
	for (size_t at = 0; at < text.n;) {
		size_t end = span_find(text, at, '\n');
		struct span line = span_cut(text, at, end);

		at = end + 1;
		if (plain) {
			buf_add(b, line);
			buf_add_str(b, "\r\n");
		} else
			qp_add_line(b, line);
	}
}

/* --- the message --------------------------------------------------------- */

/* With what stands around it at most 75 octets (RFC 2047 section 2). */
#define WORD_OCTETS 42

struct span
compose_subject(struct job *j, struct span text)
{
	struct buf b;

	if (span_is_ascii(text))
		return text;
	buf_init(&b, j->arena, 4 * text.n + 128);
	for (size_t at = 0; at < text.n;) {
		size_t end =
		    at + WORD_OCTETS < text.n ? at + WORD_OCTETS : text.n;

		/* Each word holds whole characters (section 5). */
		while (end < text.n && end > at + 1 &&
		       ((unsigned char)text.p[end] & 0xc0) == 0x80)
			end--;
		buf_add_str(&b, at == 0 ? "=?utf-8?B?" : "\r\n =?utf-8?B?");
		b64_add(&b, span_cut(text, at, end));
		buf_add_str(&b, "?=");
		at = end;
	}
	return buf_span(&b);
}

/* A line of a header may go on in the next one, and nothing else ends it. */
static bool
is_subject(struct span s)
{
	for (size_t at = 0; at < s.n;) {
		size_t end = span_find_span(s, at, SPAN("\r\n "));
		struct span line = span_cut(s, at, end);

		if (line.n == 0 || span_has_control(line) ||
		    !span_is_ascii(line))
			return false;
		at = end + (end < s.n ? 3 : 0);
	}
	return true;
}

/* Nothing that ends a header line or an address early gets in, wherever the
 * value comes from. */
static bool
is_bare(const char *s)
{
	struct span v = span_str(s);

	return v.n > 0 && !span_has_control(v) && strpbrk(s, " <>,;") == NULL;
}

static int
head_check(struct job *j, const struct compose_head *head)
{
	struct span id = span_str(head->message_id);

	if (!is_bare(head->to) || !is_bare(head->from) ||
	    (head->reply_to != NULL && !is_bare(head->reply_to)))
		return job_fail(j, ERR_INTERNAL,
		    "mail: To, From or Reply-To is no bare address");
	if (id.n < 3 || id.p[0] != '<' || id.p[id.n - 1] != '>' ||
	    !is_bare(span_dup(j->arena, span_cut(id, 1, id.n - 1))))
		return job_fail(j, ERR_INTERNAL, "mail: no Message-ID");
	if (!is_subject(head->subject))
		return job_fail(j, ERR_INTERNAL, "mail: no Subject");
	return 0;
}

/* ER-18, MA-63: whatever the CA is called, nothing that is quoted may look
 * like an answer. */
static bool
has_armour(struct span text)
{
	return span_has(text, SPAN("-----BEGIN ACME")) ||
	       span_has(text, SPAN("-----END ACME"));
}

/* Addresses and the Message-ID stand whole behind their names, however long:
 * clients compare them as texts (AC-120). */
static void
add_header(struct buf *b, const struct compose_head *head, const char *kind,
    const char *boundary)
{
	char date[CLOCK_RFC5322_MAX];

	clock_format_rfc5322(head->date, date);
	buf_addf(b, "From: %s\r\nTo: %s\r\n", head->from, head->to);
	if (head->reply_to != NULL)
		buf_addf(b, "Reply-To: %s\r\n", head->reply_to);
	buf_add_str(b, "Subject: ");
	buf_add(b, head->subject);
	buf_addf(
	    b, "\r\nDate: %s\r\nMessage-ID: %s\r\n", date, head->message_id);
	buf_addf(b,
	    "Auto-Submitted: %s\r\n"
	    "X-Auto-Response-Suppress: All\r\n"
	    "MIME-Version: 1.0\r\n",
	    head->auto_submitted);
	buf_addf(b,
	    "Content-Type: multipart/%s;\r\n"
	    " boundary=\"%s\"\r\n\r\n",
	    kind, boundary);
}

/* The same for each attempt to deliver the same mail; "=_" occurs neither in
 * the templates nor in quoted-printable. */
static const char *
boundary_of(struct job *j, const char *message_id)
{
	uint8_t hash[SHA256_LEN];

	sha256(span_str(message_id), hash);
	return arena_printf(
	    j->arena, "=_%s", hex_dup(j->arena, span_mem(hash, 16)));
}

static int
finish(struct job *j, struct buf *b, const char *boundary, struct span *out)
{
	buf_addf(b, "--%s--\r\n", boundary);
	if (!buf_ok(b))
		return job_fail(j, ERR_INTERNAL, "mail: longer than %d octets",
		    MESSAGE_MAX);
	*out = buf_span(b);
	return 0;
}

int
compose_message(struct job *j, const struct compose_head *head,
    const struct compose_parts *parts, struct span *out)
{
	const char *boundary;
	struct buf b;

	if (head_check(j, head) < 0)
		return -1;
	boundary = boundary_of(j, head->message_id);
	buf_init(&b, j->arena, MESSAGE_MAX);
	add_header(&b, head, "alternative", boundary);
	part_add(&b, boundary, "text/plain", NULL, parts->text);
	part_add(&b, boundary, "text/html", NULL, parts->html);
	return finish(j, &b, boundary, out);
}

int
compose_attached(struct job *j, const struct compose_head *head,
    struct span text, const struct compose_attachment *file, struct span *out)
{
	const char *boundary;
	struct buf b;

	if (head_check(j, head) < 0)
		return -1;
	boundary = boundary_of(j, head->message_id);
	buf_init(&b, j->arena, MESSAGE_MAX);
	add_header(&b, head, "mixed", boundary);
	part_add(&b, boundary, "text/plain", NULL, text);
	part_add(&b, boundary, file->type, file->name, file->text);
	return finish(j, &b, boundary, out);
}

int
compose_render(
    struct job *j, const struct compose_input *in, struct compose_parts *out)
{
	struct texts builtin;
	const struct texts *texts = in->texts;
	const struct language *fallback, *l;
	struct template_values values = {
		.v = { in->ca_name, in->mailbox, NULL, in->help_url },
	};

	if (texts == NULL) {
		texts_builtin(&builtin, TEXTS_CHALLENGE);
		texts = &builtin;
	}
	fallback = language_find(
	    texts->v, texts->count, span_str(in->default_language));
	if (fallback == NULL)
		fallback = language_find(
		    texts->v, texts->count, span_str(texts->default_language));
	l = language_choose(texts->v, texts->count, in->language, fallback);
	values.v[TEMPLATE_EXPIRES] = language_date(j, l, in->expires_at);
	out->language = l->tag;
	if (template_text(j, l->text, &values, &out->text) < 0 ||
	    template_html(j, l->html, &values, &out->html) < 0)
		return -1;
	if (has_armour(out->text) || has_armour(out->html))
		return job_fail(j, ERR_INTERNAL,
		    "challenge mail: its text looks like an answer");
	return 0;
}

int
compose_challenge(
    struct job *j, const struct compose_input *in, struct span *out)
{
	struct compose_head head = { .from = in->from,
		.reply_to = in->reply_to,
		.to = in->mailbox,
		.message_id = in->message_id,
		.auto_submitted = "auto-generated; type=acme",
		.date = in->date };
	struct compose_parts parts;
	struct buf subject;

	if (in->token_part1.n != PART1_LEN ||
	    !b64url_is_alphabet(in->token_part1))
		return job_fail(j, ERR_INTERNAL,
		    "challenge mail: token-part1 is not 32 characters");
	if (compose_render(j, in, &parts) < 0)
		return -1;
	buf_init_secret(&subject, j->arena, SUBJECT_LEN);
	buf_add_str(&subject, "ACME: ");
	buf_add(&subject, in->token_part1);
	head.subject = buf_span(&subject);
	return compose_message(j, &head, &parts, out);
}

/* --- addresses and ids --------------------------------------------------- */

#define TAG_OCTETS 16
#define TAG_LEN 26

const char *
compose_tagged(struct job *j, const char *address)
{
	struct span whole = span_str(address);
	const char *domain = addr_domain_of(address);
	size_t local = whole.n - strlen(domain) - 1;
	uint8_t tag[TAG_OCTETS];
	struct buf b;

	rnd_bytes(tag, sizeof(tag));
	buf_init(&b, j->arena, whole.n + 32);
	buf_add(&b, span_cut(whole, 0, local));
	buf_add_char(&b, '+');
	b32_add(&b, span_mem(tag, sizeof(tag)));
	if (b.n > LOCAL_MAX) {
		(void)job_fail(j, ERR_INTERNAL,
		    "%s: too long to carry a tag of 26 characters", address);
		return NULL;
	}
	buf_add(&b, span_from(whole, local));
	return b.p;
}

bool
compose_is_tagged(const char *address)
{
	size_t local = strlen(address) - strlen(addr_domain_of(address)) - 1;

	return local > TAG_LEN && address[local - TAG_LEN - 1] == '+' &&
	       b32_is_alphabet(
		   span_cut(span_str(address), local - TAG_LEN, local));
}

const char *
compose_message_id(struct job *j, const char *from)
{
	uint8_t id[16];

	rnd_bytes(id, sizeof(id));
	return arena_printf(j->arena, "<%s@%s>",
	    hex_dup(j->arena, span_mem(id, sizeof(id))), addr_domain_of(from));
}
