#include "config.h"

#include "mail/template.h"

#include "lib/job.h"
#include "lib/markup.h"
#include "lib/utf8.h"

const char *const template_names[TEMPLATE_VALUES] = { "{ca_name}", "{mailbox}",
	"{expires}", "{help_url}" };

/* The value of "{name}", or NULL. */
static const char *
value_find(const struct template_values *values, struct span name)
{
	for (size_t i = 0; i < TEMPLATE_VALUES; i++) {
		if (span_eq_str(name, template_names[i]))
			return values->v[i];
	}
	return NULL;
}

/* Does the line need a value that is not set? */
static bool
line_is_left_out(struct span line, const struct template_values *values)
{
	for (size_t i = 0; i < TEMPLATE_VALUES; i++) {
		if (values->v[i] == NULL &&
		    span_has_str(line, template_names[i]))
			return true;
	}
	return false;
}

/* One line of the template with the values put in. */
static void
line_expand(struct buf *b, struct span line,
    const struct template_values *values, bool html)
{
	for (size_t at = 0; at < line.n;) {
		size_t open = span_find(line, at, '{');
		size_t close = span_find(line, open, '}');
		const char *value =
		    value_find(values, span_cut(line, open, close + 1));

		buf_add(b, span_cut(line, at, open));
		if (value != NULL && html)
			buf_add_markup(b, span_str(value));
		else if (value != NULL)
			buf_add_str(b, value);
		at = close + 1;
	}
}

static int
expand(struct job *j, struct span template,
    const struct template_values *values, bool html, struct span *out)
{
	struct buf b;

	buf_init(&b, j->arena, TEMPLATE_PART_MAX);
	for (size_t at = 0; at < template.n;) {
		size_t end = span_find(template, at, '\n');
		struct span line = span_cut(template, at, end);

		at = end + 1;
		if (line_is_left_out(line, values))
			continue;
		line_expand(&b, line, values, html);
		buf_add_char(&b, '\n');
	}
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL,
		    "challenge mail: a part is longer than %d octets",
		    TEMPLATE_PART_MAX);
	*out = buf_span(&b);
	return 0;
}

/* --- plain text: paragraphs filled --------------------------------------- */

struct filler {
	struct buf out;
	size_t column; /* 0: at the start of a line */
};

static void
fill_end(struct filler *f)
{
	if (f->column > 0)
		buf_add_char(&f->out, '\n');
	f->column = 0;
}

size_t
template_width(struct span word)
{
	size_t n = 0;

	for (size_t i = 0; i < word.n; i++)
		n += ((unsigned char)word.p[i] & 0xc0) != 0x80;
	return n;
}

static void
fill_word(struct filler *f, struct span word)
{
	size_t width = template_width(word);

	if (f->column > 0 && f->column + 1 + width > TEMPLATE_FILL_WIDTH)
		fill_end(f);
	if (f->column > 0) {
		buf_add_char(&f->out, ' ');
		f->column++;
	}
	buf_add(&f->out, word);
	f->column += width;
}

static void
fill_line(struct filler *f, struct span line)
{
	for (size_t at = 0; at < line.n;) {
		size_t end = span_find(line, at, ' ');

		if (end > at)
			fill_word(f, span_cut(line, at, end));
		at = end + 1;
	}
}

/* Indented lines stay as they are; of the others, those without an empty line
 * between them are one paragraph. */
static int
text_fill(struct job *j, struct span text, struct span *out)
{
	struct filler f = { .column = 0 };

	/* It gets no longer: line ends take the place of blanks. */
	buf_init(&f.out, j->arena, TEMPLATE_PART_MAX + 1);
	for (size_t at = 0; at < text.n;) {
		size_t end = span_find(text, at, '\n');
		struct span line = span_cut(text, at, end);

		at = end + 1;
		if (line.n > 0 && line.p[0] != ' ') {
			fill_line(&f, line);
			continue;
		}
		fill_end(&f);
		buf_add(&f.out, line);
		buf_add_char(&f.out, '\n');
	}
	fill_end(&f);
	while (span_ends(buf_span(&f.out), SPAN("\n\n")))
		f.out.p[--f.out.n] = '\0';
	*out = buf_span(&f.out);
	return 0;
}

int
template_text(struct job *j, struct span template,
    const struct template_values *values, struct span *out)
{
	struct span text = SPAN("");

	if (expand(j, template, values, false, &text) < 0)
		return -1;
	return text_fill(j, text, out);
}

int
template_html(struct job *j, struct span template,
    const struct template_values *values, struct span *out)
{
	return expand(j, template, values, true, out);
}

struct span
template_title(struct span html)
{
	static const struct span begin = SPAN_INIT("<title>"),
				 end = SPAN_INIT("</title>");
	size_t at = span_find_span(html, 0, begin);
	size_t to = span_find_span(html, at, end);

	return at == html.n || to == html.n
		   ? span_cut(html, 0, 0)
		   : span_trim(span_cut(html, at + begin.n, to));
}

/* Of a script with blanks between its words: quotes of all kinds may stand
 * beside a word, and in East Asia the next one. */
static bool
is_letter(uint32_t c)
{
	return c < 0x80 ? ascii_is_alnum((char)c) : c >= 0xc0 && c < 0x2000;
}

bool
template_is_word(struct span s, size_t at, size_t end)
{
	size_t before = at;
	uint32_t c;

	while (before > 0 && (s.p[--before] & 0xc0) == 0x80)
		;
	if (before < at && utf8_next(s, &before, &c) == 1 && is_letter(c))
		return false;
	return utf8_next(s, &end, &c) != 1 || !is_letter(c);
}
