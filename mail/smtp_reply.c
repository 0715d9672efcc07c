#include "config.h"

#include "mail/smtp_reply.h"

#include <stdio.h>
#include <string.h>

#include "mail/smtp_text.h"

/* The code of a line, or -1. */
static int
line_code(struct span line)
{
	int64_t code;

	if (line.n < 3 ||
	    span_to_int(span_cut(line, 0, 3), 200, 599, &code) < 0)
		return -1;
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return -1;
	return (int)code;
}

static struct span
line_text(struct span line)
{
	return span_from(line, 4);
}

/* What helps often stands in the last line: "550-Rejected", "550 see http…". */
static void
add_text(struct smtp_reply *out, struct span text)
{
	char copy[SMTP_REPLY_LINE_MAX + 1];
	size_t n = strlen(out->text);

	/* A NUL would end it: then nothing behind it is shown. */
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (n > 0 && n + 2 < sizeof(out->text))
		out->text[n++] = ' ';
	smtp_text_clean(out->text + n, sizeof(out->text) - n, copy);
	if (n > 0 && out->text[n] == '\0')
		out->text[n - 1] = '\0';
}

/* The line at `at` without its end, or why not; *next is behind it, or 0. */
static const char *
take_line(struct span bytes, size_t at, struct span *line, size_t *next)
{
	size_t end = span_find(bytes, at, '\n');

	*next = 0;
	if (end - at > SMTP_REPLY_LINE_MAX)
		return "an answer with a line that is too long";
	if (end == bytes.n)
		return NULL;
	*next = end + 1;
	*line = span_cut(bytes, at, end);
	if (span_ends(*line, SPAN("\r")))
		line->n--;
	return NULL;
}

static void
give_lines(struct span answer, smtp_line_fn *each, void *ctx)
{
	struct span line = { NULL, 0 };

	for (size_t at = 0, next = 0; at < answer.n; at = next) {
		take_line(answer, at, &line, &next);
		each(ctx, at == 0, line_text(line));
	}
}

ssize_t
smtp_reply_read(struct span bytes, struct smtp_reply *out, const char **why,
    smtp_line_fn *each, void *ctx)
{
	struct span line = { NULL, 0 };
	size_t at = 0, next = 0;

	*out = (struct smtp_reply){ 0 };
	for (int i = 0; i < SMTP_REPLY_LINES_MAX; i++) {
		int code;

		*why = take_line(bytes, at, &line, &next);
		if (*why != NULL)
			return -1;
		if (next == 0)
			return 0;
		code = line_code(line);
		if (code < 0 || (i > 0 && code != out->code)) {
			*why = code < 0 ? "something that is no SMTP answer"
					: "an answer with two codes";
			return -1;
		}
		out->code = code;
		if (i == 0)
			out->raw = line_text(line);
		add_text(out, line_text(line));
		at = next;
		if (line.n > 3 && line.p[3] == '-')
			continue;
		if (each != NULL)
			give_lines(span_cut(bytes, 0, at), each, ctx);
		return (ssize_t)at;
	}
	*why = "an answer with too many lines";
	return -1;
}

static void
add_mechanism(struct smtp_offer *offer, struct span word)
{
	enum sasl_mechanism m = sasl_find(word);
	size_t n = strlen(offer->names);

	if (m != SASL_NONE)
		offer->mechanisms |= 1u << m;
	if (word.n > 20 || n + word.n + 3 > sizeof(offer->names))
		return;
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] <= ' ' || word.p[i] > '~')
			return;
	snprintf(offer->names + n, sizeof(offer->names) - n, "%s%.*s",
	    n == 0 ? "" : ", ", (int)word.n, word.p);
}

void
smtp_offer_line(void *ctx, bool is_first, struct span text)
{
	struct smtp_offer *offer = ctx;
	size_t end;

	/* The first is the relay's name. */
	if (is_first)
		return;
	text = span_trim(text);
	/* "AUTH=" is from before the standard, and still sent. */
	if (span_casestarts(text, SPAN("AUTH ")) ||
	    span_casestarts(text, SPAN("AUTH="))) {
		for (text = span_from(text, 5); text.n > 0;
		     text = span_from(text, end + 1)) {
			end = span_find(text, 0, ' ');
			if (end > 0)
				add_mechanism(offer, span_cut(text, 0, end));
		}
		return;
	}
	end = span_find(text, 0, ' ');
	offer->starttls |= span_caseeq_str(span_cut(text, 0, end), "STARTTLS");
	offer->smtputf8 |= span_caseeq_str(span_cut(text, 0, end), "SMTPUTF8");
}
