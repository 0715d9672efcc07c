#include "config.h"

#include "lib/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"

#define LINE_MAX_LEN 4096

static const struct {
	const char *name;
	int syslog; /* journald's prefix, sd-daemon(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

/* Set by log_open(), at start and at each reload, while the web role's threads
 * write lines. */
static const char *_Atomic role;
static _Atomic(enum log_level) max_level = LOG_LEVEL_INFO;
static atomic_bool to_journal;

/* JOURNAL_STREAM names the device and inode of the stream that is the
 * journal; standard error may have been redirected since (systemd.exec(5)). */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(stream, ours) == 0;
}

void
log_open(const char *who, enum log_level max)
{
	role = who;
	max_level = max;
	to_journal = is_journal();
}

/* A line under construction; what does not fit is cut. */
struct line {
	char text[LINE_MAX_LEN];
	size_t n;
};

static void vadd(struct line *l, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
static void add(struct line *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
vadd(struct line *l, const char *fmt, va_list ap)
{
	size_t room = sizeof(l->text) - l->n;
	int n = vsnprintf(l->text + l->n, room, fmt, ap);

	if (n > 0)
		l->n += (size_t)n < room ? (size_t)n : room - 1;
}

static void
add(struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vadd(l, fmt, ap);
	va_end(ap);
}

static void
add_prefix(struct line *l, enum log_level level)
{
	char when[CLOCK_RFC3339_MAX];
	int64_t ms = clock_now_ms();

	if (to_journal) {
		add(l, "<%d>", levels[level].syslog);
		return;
	}
	clock_format_rfc3339(ms / 1000, when);
	when[strlen(when) - 1] = '\0';
	add(l, "%s.%03dZ %s ", when, (int)(ms % 1000), levels[level].name);
}

/* One event is one line, whatever a caller put into it. */
static void
keep_on_one_line(struct line *l)
{
	for (size_t i = 0; i < l->n; i++) {
		unsigned char c = (unsigned char)l->text[i];

		if (c < 0x20 || c == 0x7f)
			l->text[i] = '?';
	}
}

void
log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	const char *quote = strchr(event, ' ') == NULL ? "" : "\"";
	const char *who = role;
	struct line l;
	va_list ap;

	if (level > max_level)
		return;
	l.n = 0;
	add_prefix(&l, level);
	if (who != NULL)
		add(&l, "role=%s ", who);
	add(&l, "event=%s%s%s", quote, event, quote);
	if (fmt[0] != '\0') {
		add(&l, " ");
		va_start(ap, fmt);
		vadd(&l, fmt, ap);
		va_end(ap);
	}
	keep_on_one_line(&l);

	/* One write, so that lines of several processes do not mix; if
	 * standard error is gone there is nobody to tell. */
	l.text[l.n++] = '\n';
	if (write(STDERR_FILENO, l.text, l.n) < 0)
		return;
}

static const char *
quote(char *out, struct span s, size_t max)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = s.n < max ? s.n : max;
	const char *begin = out;

	*out++ = '"';
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
			*out++ = (char)c;
			continue;
		}
		*out++ = '\\';
		*out++ = 'x';
		*out++ = digits[c >> 4];
		*out++ = digits[c & 15];
	}
	*out++ = '"';
	if (n < s.n) {
		memcpy(out, "...", 3);
		out += 3;
	}
	*out = '\0';
	return begin;
}

const char *
log_quote(struct log_quoted *q, struct span s)
{
	return quote(q->text, s, LOG_QUOTE_MAX);
}

const char *
log_text(struct log_text *q, const char *text)
{
	return quote(q->text, span_str(text), LOG_TEXT_MAX);
}
