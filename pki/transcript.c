#include "config.h"

#include "pki/transcript.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"

#define TRANSCRIPT_MAX (1024 * 1024)
#define LINE_MAX_OCTETS 4096
#define MARK SPAN(" sha256=")
#define HEX_LEN (2 * (size_t)SHA256_LEN)

static void
hash_line(struct arena *a, const char *last, struct span line, char out[65])
{
	struct sha256_ctx *ctx = sha256_new(a);
	uint8_t digest[SHA256_LEN];

	sha256_add(ctx, span_str(last));
	sha256_add(ctx, line);
	sha256_finish(ctx, digest);
	hex_format(out, span_mem(digest, sizeof digest));
}

static bool
line_fits(struct arena *a, struct transcript *t, struct span line)
{
	char hash[65];

	if (line.n < MARK.n + HEX_LEN)
		return false;
	struct span text = span_cut(line, 0, line.n - MARK.n - HEX_LEN);
	hash_line(a, t->last, text, hash);
	if (!span_starts(span_from(line, text.n), MARK) ||
	    !span_eq_str(span_from(line, line.n - HEX_LEN), hash))
		return false;
	memcpy(t->last, hash, sizeof hash);
	return true;
}

int
transcript_open(struct job *j, const char *path, struct transcript *t)
{
	struct span text;

	*t = (struct transcript){ .path = path };
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (file_read(j, path, TRANSCRIPT_MAX, &text) < 0)
		return -1;
	return transcript_read(j, path, text, t);
}

int
transcript_read(
    struct job *j, const char *path, struct span text, struct transcript *t)
{
	size_t at = 0;

	*t = (struct transcript){ .path = path, .text = text };
	while (at < t->text.n) {
		size_t end = span_find(t->text, at, '\n');

		if (end == t->text.n ||
		    !line_fits(j->arena, t, span_cut(t->text, at, end)))
			return job_fail(j, ERR_INTERNAL,
			    "%s: line %zu was changed, or a line before it is "
			    "missing",
			    path, t->count + 1);
		t->count++;
		at = end + 1;
	}
	return 0;
}

bool
transcript_next(const struct transcript *t, size_t *at, struct span *line)
{
	size_t end;

	if (*at >= t->text.n)
		return false;
	end = span_find(t->text, *at, '\n');
	*line = span_cut(t->text, *at + TRANSCRIPT_TIME_LEN, end);
	*at = end + 1;
	return true;
}

bool
transcript_written(struct span line, struct span *name, struct span *hex)
{
	static const struct span begin = SPAN_INIT("written: ");
	static const struct span middle = SPAN_INIT(", SHA-256 ");
	size_t end;

	if (!span_starts(line, begin))
		return false;
	line = span_from(line, begin.n);
	end = span_find_span(line, 0, middle);
	if (end == line.n)
		return false;
	*name = span_cut(line, 0, end);
	*hex = span_cut(line, end + middle.n, end + middle.n + HEX_LEN);
	return true;
}

bool
transcript_says(const struct transcript *t, const char *begin)
{
	struct span line;

	for (size_t at = 0; transcript_next(t, &at, &line);)
		if (span_starts(line, span_str(begin)))
			return true;
	return false;
}

int
transcript_add(struct job *j, struct transcript *t, const char *fmt, ...)
{
	char time[CLOCK_RFC3339_MAX];
	struct buf line;
	struct buf text;
	va_list ap;

	clock_format_rfc3339(clock_now(), time);
	buf_init(&line, j->arena, LINE_MAX_OCTETS);
	buf_addf(&line, "%s ", time);
	va_start(ap, fmt);
	buf_vaddf(&line, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f)
			line.p[i] = '?';
	hash_line(j->arena, t->last, buf_span(&line), t->last);
	buf_init(&text, j->arena, TRANSCRIPT_MAX);
	buf_add(&text, t->text);
	buf_add(&text, buf_span(&line));
	buf_add(&text, MARK);
	buf_add_str(&text, t->last);
	buf_add_char(&text, '\n');
	if (!buf_ok(&line) || !buf_ok(&text))
		return job_fail(j, ERR_INTERNAL, "%s: too long", t->path);
	t->text = buf_span(&text);
	t->count++;
	return file_write(j, t->path, 0644, t->text);
}
