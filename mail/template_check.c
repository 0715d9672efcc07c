#include "config.h"

#include "mail/template_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "mail/finding.h"
#include "mail/reply_block.h"
#include "mail/reply_html.h"
#include "mail/reply_quote.h"
#include "mail/template_html.h"

#define MISTAKES_MAX 20 /* of one file */
#define TITLE_MAX 200
#define NBSP 0xa0
#define NARROW_NBSP 0x202f /* before French colons */

#define THERE_ARE "there are {ca_name}, {mailbox}, {expires} and {help_url}"

struct check {
	struct job *j;
	const struct template_file *file;
	template_report_fn *report;
	void *ctx;
	unsigned mistakes;
};

/* Line 0: of the whole file. */
static void wrong(struct check *c, size_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
wrong(struct check *c, size_t line, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	if (c->mistakes++ >= MISTAKES_MAX)
		return;
	buf_init(&b, c->j->arena, 4000);
	buf_add_str(&b, c->file->name);
	if (line > 0)
		buf_addf(&b, ":%zu", line);
	buf_add_str(&b, ": ");
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	c->report(c->ctx, b.p);
}

static void
wrong_html(void *ctx, size_t line, const char *message)
{
	wrong(ctx, line, "%s", message);
}

static size_t
line_of(struct span text, size_t at)
{
	size_t line = 1;

	for (size_t i = 0; i < at && i < text.n; i++)
		line += text.p[i] == '\n';
	return line;
}

/* --- characters ---------------------------------------------------------- */

static bool
is_allowed(const struct check *c, struct span character, uint32_t code_point)
{
	return code_point == '\n' || code_point == NBSP ||
	       code_point == NARROW_NBSP ||
	       (code_point == '\t' && c->file->is_html) ||
	       utf8_is_plain(character);
}

static void
check_characters(struct check *c)
{
	struct span s = c->file->bytes;
	size_t at = 0, before = 0;
	uint32_t code_point = 0;
	int more;

	while ((more = utf8_next(s, &at, &code_point)) == 1) {
		if (!is_allowed(c, span_cut(s, before, at), code_point))
			wrong(c, line_of(s, before),
			    "the character U+%04" PRIX32
			    " has no place in a mail; remove it%s",
			    code_point,
			    code_point == '\t' ? ", and write blanks" : "");
		before = at;
	}
	if (more < 0)
		wrong(c, line_of(s, at),
		    "is not UTF-8; save the file in that encoding");
}

/* --- placeholders -------------------------------------------------------- */

static bool
is_placeholder(struct span name)
{
	for (size_t i = 0; i < TEMPLATE_VALUES; i++)
		if (span_eq_str(name, template_names[i]))
			return true;
	return false;
}

static void
check_braces(struct check *c, struct span line, size_t number)
{
	for (size_t at = 0; at < line.n;) {
		size_t open = span_find(line, at, '{');
		size_t close = span_find(line, at, '}');
		struct span name = span_cut(line, open, close + 1);

		if (open == line.n && close == line.n)
			return;
		if (close < open) {
			wrong(c, number, "a } without its {; " THERE_ARE);
			at = close + 1;
		} else if (close == line.n) {
			wrong(c, number,
			    "the { has no } in the same line; " THERE_ARE);
			return;
		} else {
			if (!is_placeholder(name))
				wrong(c, number,
				    "%s is no placeholder; " THERE_ARE,
				    span_dup(c->j->arena, name));
			at = close + 1;
		}
	}
}

static void
check_lines(struct check *c)
{
	struct span s = c->file->bytes;
	size_t number = 1;

	for (size_t at = 0; at < s.n; number++) {
		size_t end = span_find(s, at, '\n');
		struct span line = span_cut(s, at, end);

		check_braces(c, line, number);
		/* ER-18; programs make links of them in text too. */
		if (span_has(line, SPAN("://")))
			wrong(c, number,
			    "a challenge mail names no page but the help page; "
			    "write {help_url} and set sender.help_url");
		/* Others are filled. */
		if (!c->file->is_html && line.n > 0 && line.p[0] == ' ' &&
		    span_find(line, 0, '{') == line.n &&
		    template_width(line) > TEMPLATE_FILL_WIDTH)
			wrong(c, number,
			    "is longer than %d characters; lines that begin "
			    "with a blank are sent as they are: break it",
			    TEMPLATE_FILL_WIDTH);
		at = end + 1;
	}
}

/* The one saved under the name of the other. */
static void
check_kind(struct check *c)
{
	struct span s = c->file->bytes;

	if (c->file->is_html && span_find(s, 0, '<') == s.n)
		wrong(c, 0, "is no HTML; write <p> and </p> around paragraphs");
	if (!c->file->is_html && reply_html_is_likely(s))
		wrong(c, 0, "is HTML, and its tags would be seen; write text");
}

/* --- what a reader sees -------------------------------------------------- */

/* Paragraphs of a text as lines, as mail programs wrap them anew. */
static void
text_read(struct job *j, struct span s, struct visible *out)
{
	uint32_t *lines = arena_calloc(j->arena, s.n + 1, sizeof(*lines));
	uint32_t number = 1;
	struct buf b;

	buf_init(&b, j->arena, s.n + 1);
	for (size_t at = 0; at < s.n; number++) {
		size_t end = span_find(s, at, '\n');
		struct span line = span_cut(s, at, end);
		size_t from = b.n;

		if (b.n > 0)
			buf_add_char(&b, line.n > 0 && line.p[0] != ' ' &&
						 b.p[b.n - 1] != '\n'
					     ? ' '
					     : '\n');
		buf_add(&b, span_trim(line));
		for (size_t i = from; i < b.n; i++)
			lines[i] = number;
		at = end + 1;
	}
	*out = (struct visible){ buf_span(&b), lines };
}

static size_t
visible_line(const struct visible *v, size_t at)
{
	return at < v->text.n ? v->lines[at] : 0;
}

/* Where `words` stand, in any letter case and with any blanks between them,
 * or the length. */
static size_t
find_words(struct span text, struct span words)
{
	for (size_t i = 0; i < text.n; i++) {
		size_t at = i, k = 0;

		while (k < words.n && at < text.n) {
			if (words.p[k] == ' ') {
				while (at < text.n &&
				       strchr(" \n\t", text.p[at]) != NULL)
					at++;
				k++;
			} else if (ascii_lower(text.p[at]) ==
				   ascii_lower(words.p[k])) {
				at++;
				k++;
			} else {
				break;
			}
		}
		if (k == words.n)
			return i;
	}
	return text.n;
}

/* MA-63 */
static void
check_armour(struct check *c, const struct visible *v)
{
	static const struct span armour[] = { SPAN_INIT("BEGIN ACME"),
		SPAN_INIT("END ACME") };

	for (size_t i = 0; i < 2; i++) {
		size_t at = find_words(v->text, armour[i]);

		if (at < v->text.n)
			wrong(c, visible_line(v, at),
			    "\"%s\" begins or ends an answer, and a reply that "
			    "quotes it could be taken for one; describe the "
			    "lines instead of showing them",
			    armour[i].p);
	}
}

/*
 * AC-189: the word must be there, since it leads to the suppression list; but
 * alone in a line, or where a line can break before and after it, a quotation
 * would say it for whoever replies, also with the marks that a holder may
 * write beside it.
 */
static void
check_stop(struct check *c, const struct visible *v)
{
	static const struct span word = SPAN_INIT("STOP");
	struct span s = v->text;
	bool found = false;

	for (size_t at = span_find_span(s, 0, word); at < s.n;
	     at = span_find_span(s, at + 1, word)) {
		size_t end = at + word.n, n;

		if (!template_is_word(s, at, end))
			continue;
		found = true;
		while ((n = span_starts(span_from(s, end), SPAN(" "))
				? 1
				: reply_stop_mark(span_from(s, end))) > 0)
			end += n;
		if (end == s.n || s.p[end] == '\n')
			wrong(c, visible_line(v, at),
			    "STOP ends a paragraph and could stand alone in a "
			    "line of a quotation, which would be read as an "
			    "answer; let the sentence go on behind it, as in "
			    "\"STOP, and leave the subject as it is\"");
	}
	if (!found)
		wrong(c, 0,
		    "does not say what to do if nobody asked for the "
		    "certificate: reply with the single word STOP");
}

static void
check_needed(struct check *c, const struct visible *v)
{
	const struct {
		enum template_value value;
		const char *meaning;
	} needed[] = {
		{ TEMPLATE_CA_NAME,
		    c->file->is_renewal ? "who writes" : "who asks" },
		{ TEMPLATE_MAILBOX, "which mailbox the certificate is for" },
		{ TEMPLATE_EXPIRES, c->file->is_renewal
					? "until when the certificate is valid"
					: "until when an answer is awaited" },
	};

	for (size_t i = 0; i < COUNT(needed); i++)
		if (!span_has_str(v->text, template_names[needed[i].value]))
			wrong(c, 0, "does not say %s; write %s",
			    needed[i].meaning, template_names[needed[i].value]);
}

/* MA-61: below one, a reply's own lines would count as quoted. */
static void
check_separator(struct check *c, const struct visible *v)
{
	if (!reply_has_separator(v->text))
		return;
	for (size_t at = 0; at < v->text.n;) {
		size_t end = span_find(v->text, at, '\n');

		if (reply_has_separator(span_cut(v->text, 0, end))) {
			wrong(c, visible_line(v, at),
			    "looks like the line that mail programs put above "
			    "quoted text; write it otherwise");
			return;
		}
		at = end + 1;
	}
}

/* Text has no paragraphs there, but what a reader sees line by line. */
static void
source_read(struct check *c, struct visible *out)
{
	if (c->file->is_html)
		template_html_read(c->j, c->file->bytes, wrong_html, c, out);
	else
		text_read(c->j, c->file->bytes, out);
}

/* Without the help page, lines that name it are left out: what is left must
 * still be HTML. */
static void
check_without_help(struct check *c)
{
	static const struct template_values values = {
		.v = { "CA", "a@b.example", "-", NULL },
	};
	struct visible v;
	struct span html;

	if (c->mistakes > 0 || !c->file->is_html)
		return;
	if (template_html(c->j, c->file->bytes, &values, &html) < 0) {
		job_recover(c->j);
		return;
	}
	template_html_read(c->j, html, wrong_html, c, &v);
	if (c->mistakes > 0)
		wrong(c, 0,
		    "is not complete when sender.help_url is not set, and "
		    "lines with {help_url} are left out; begin and end the "
		    "paragraph in that line");
}

/* It is the Subject as well, where it stands for itself. */
static void
check_title(struct check *c)
{
	struct span title = template_title(c->file->bytes);

	if (!c->file->is_renewal || !c->file->is_html)
		return;
	if (title.n == 0 || title.n > TITLE_MAX || span_has_control(title) ||
	    span_find(title, 0, '&') < title.n ||
	    span_find(title, 0, '{') < title.n)
		wrong(c, 0,
		    "needs a <title> in one line, of at most %d octets and "
		    "without & and {: it is the Subject of the mail",
		    TITLE_MAX);
}

unsigned
template_check(struct job *j, const struct template_file *file,
    template_report_fn *report, void *ctx)
{
	struct check c = { .j = j, .file = file, .report = report, .ctx = ctx };
	struct visible v;

	check_characters(&c);
	/* What is no text has no lines to speak of. */
	if (c.mistakes > 0)
		return c.mistakes;
	check_kind(&c);
	check_lines(&c);
	source_read(&c, &v);
	check_armour(&c, &v);
	check_separator(&c, &v);
	if (!file->is_renewal)
		check_stop(&c, &v);
	check_title(&c);
	check_needed(&c, &v);
	check_without_help(&c);
	return c.mistakes;
}

/* --- with values --------------------------------------------------------- */

/* As a mail program quotes it that puts no marks: nothing in it may count. */
static void
check_quotation(struct check *c, struct span text)
{
	struct visible v = { text, NULL };
	struct reply_blocks b;

	if (!utf8_is_valid(text)) {
		wrong(c, 0,
		    "is not UTF-8 with ca_name and sender.help_url; "
		    "save the configuration in that encoding");
		return;
	}
	reply_blocks_scan(text, &b);
	if (b.stop || b.bad || b.quoted || b.counts.found || b.below.found ||
	    find_words(v.text, SPAN("BEGIN ACME")) < text.n ||
	    find_words(v.text, SPAN("END ACME")) < text.n ||
	    reply_has_separator(text))
		wrong(c, 0,
		    "with this ca_name, a quotation could be read as an "
		    "answer; change one of them");
}

static int
render(struct check *c, const struct template_values *values, struct span *out)
{
	struct visible v;

	if (!c->file->is_html)
		return template_text(c->j, c->file->bytes, values, out);
	if (template_html(c->j, c->file->bytes, values, out) < 0)
		return -1;
	template_html_read(c->j, *out, NULL, NULL, &v);
	*out = v.text;
	return 0;
}

/* ER-1: 254 octets; the apostrophes are the longest in HTML. */
static const char *
longest_mailbox(struct job *j)
{
	struct buf b;

	buf_init(&b, j->arena, 254);
	for (size_t i = 0; i < 64; i++)
		buf_add_char(&b, '\'');
	buf_add_char(&b, '@');
	while (b.n < 254)
		buf_add_str(&b, b.n % 50 == 49 ? "." : "a");
	return b.p;
}

unsigned
template_check_values(struct job *j, const struct template_file *file,
    const struct template_values *values, template_report_fn *report, void *ctx)
{
	struct check c = { .j = j, .file = file, .report = report, .ctx = ctx };
	const char *mailboxes[] = { "a@b.example", longest_mailbox(j) };

	for (size_t i = 0; i < 2 && c.mistakes == 0; i++) {
		struct template_values v = *values;
		struct span text = SPAN("");

		v.v[TEMPLATE_MAILBOX] = mailboxes[i];
		if (render(&c, &v, &text) < 0) {
			wrong(&c, 0,
			    "gets longer than %d octets with a long address; "
			    "make it shorter",
			    TEMPLATE_PART_MAX);
			job_recover(j);
			continue;
		}
		check_quotation(&c, text);
	}
	return c.mistakes;
}
