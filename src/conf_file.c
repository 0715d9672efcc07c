#include "config.h"

#include "src/conf_file.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/rate.h"
#include "src/conf_check.h"
#include "src/conf_table.h"

#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256 * 1024)
#define MISTAKES_MAX 50
#define SECTION_MAX 8

/* How an option came to its value, to notice a second time. */
struct setting {
	char *first;   /* a list's first value */
	unsigned size; /* of a list, so far */
	bool closed;   /* its closing brace was seen */
	int doubled;   /* the line where it was reported */
};

/* One reading of one file. */
struct reading {
	struct arena *arena;
	const char *path;
	conf_report_fn *report;
	void *ctx;
	unsigned mistakes;
	int *lines;          /* of each option, 0: not set */
	struct setting *set; /* of each option */
	/* What libconfuse said of the latest attempt. */
	int error_line;
	char error_text[256];
};

/* libconfuse hands its callbacks no context of ours. */
static struct reading *reading_now;

static void mistake(struct reading *r, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
mistake(struct reading *r, int line, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	buf_init(&b, r->arena, 2000);
	if (line > 0)
		buf_addf(&b, "%s:%d: ", r->path, line);
	else
		buf_addf(&b, "%s: ", r->path);
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	r->report(r->ctx, b.p);
	r->mistakes++;
}

void
conf_report_log(void *ctx, const char *message)
{
	(void)ctx;
	log_error("configuration", "error=\"%s\"", message);
}

void
conf_report_stderr(void *ctx, const char *message)
{
	(void)ctx;
	fprintf(stderr, "%s\n", message);
}

/* "section.name" as people write it in messages. */
static const char *
full_name(struct reading *r, const struct conf_option *o)
{
	if (o->section[0] == '\0')
		return o->name;
	return arena_printf(r->arena, "%s.%s", o->section, o->name);
}

static size_t
smallest3(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Levenshtein's distance, for "did you mean". */
static size_t
distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	if (n >= 64)
		return 64;
	for (size_t i = 0; i <= n; i++)
		row[i] = i;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t k = 1; k <= n; k++) {
			size_t up = row[k];

			row[k] = smallest3(row[k] + 1, row[k - 1] + 1,
			    diagonal + (a[i] != b[k - 1]));
			diagonal = up;
		}
	}
	return row[n];
}

static const char *
nearest(struct reading *r, const char *word)
{
	const char *best = NULL;
	size_t best_distance = 4;

	for (size_t i = 0; i < conf_option_count; i++) {
		size_t d = distance(word, conf_options[i].name);

		if (d < best_distance) {
			best_distance = d;
			best = full_name(r, &conf_options[i]);
		}
	}
	return best;
}

static void note_error(cfg_t *cfg, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/*
 * libconfuse calls back for each value of a list, which counts up, and once
 * more for the brace at its end, if it has braces.
 */
static bool
list_begins_again(
    struct reading *r, struct setting *s, cfg_opt_t *opt, bool known)
{
	unsigned size = cfg_opt_size(opt);
	const char *first = cfg_opt_getnstr(opt, 0);
	bool again = known && size == 1 &&
		     (s->closed || s->size > 1 || strcmp(s->first, first) != 0);

	s->closed = known && !again && size == s->size;
	s->size = size;
	if (!known || again)
		s->first = arena_strdup(r->arena, first);
	return again;
}

/* libconfuse would silently take the later one.  The file may be read several
 * times: each is reported once. */
static void
note_double(struct reading *r, size_t i, int line)
{
	if (r->set[i].doubled == line)
		return;
	r->set[i].doubled = line;
	mistake(r, line, "%s: is set already in line %d; keep one of them",
	    full_name(r, &conf_options[i]), r->lines[i]);
}

static void
note_value(struct reading *r, size_t i, int line, cfg_opt_t *opt)
{
	bool known = r->lines[i] != 0;
	bool again = known;

	if (conf_options[i].type == CONF_LIST)
		again = list_begins_again(r, &r->set[i], opt, known);
	if (again)
		note_double(r, i, line);
	if (!known)
		r->lines[i] = line;
}

static int
note_line(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *section = strcmp(cfg->name, "root") == 0 ? "" : cfg->name;

	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		if (strcmp(o->section, section) == 0 &&
		    strcmp(o->name, opt->name) == 0)
			note_value(reading_now, i, cfg->line, opt);
	}
	return 0;
}

static void
note_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct reading *r = reading_now;

	/* The first one of an attempt is the cause of the others. */
	if (r->error_line != 0)
		return;
	r->error_line = cfg != NULL ? cfg->line : 1;
	vsnprintf(r->error_text, sizeof(r->error_text), fmt, ap);
}

/* The word in quotes of libconfuse's "no such option 'x'". */
static const char *
quoted_word(struct reading *r, const char *text)
{
	const char *from = strchr(text, '\''), *to;

	if (from == NULL || (to = strchr(from + 1, '\'')) == NULL)
		return "";
	return span_dup(r->arena, span_mem(from + 1, (size_t)(to - from - 1)));
}

static void
report_syntax(struct reading *r)
{
	const char *word = quoted_word(r, r->error_text);

	if (strncmp(r->error_text, "no such option", 14) == 0) {
		const char *near = nearest(r, word);

		if (near != NULL)
			mistake(r, r->error_line,
			    "%s: there is no such option; did you mean %s?",
			    word, near);
		else
			mistake(r, r->error_line,
			    "%s: there is no such option here; "
			    "countersign.conf(5) lists them all",
			    word);
	} else {
		mistake(r, r->error_line, "%s", r->error_text);
	}
}

/* Where the comment at text[i] ends, or i if none begins there.  A word
 * without quotes ends at #, but goes on over // (an URL). */
static size_t
comment_end(const char *text, size_t i)
{
	static const char breaks[] = " \t\r\n\"'{}()+=,";
	const char *end;

	if (text[i] == '#' ||
	    (text[i] == '/' && text[i + 1] == '/' &&
		(i == 0 || strchr(breaks, text[i - 1]) != NULL)))
		return i + strcspn(text + i, "\n");
	if (text[i] != '/' || text[i + 1] != '*' ||
	    (end = strstr(text + i + 2, "*/")) == NULL)
		return i;
	return (size_t)(end + 2 - text);
}

/* libconfuse counts the lines of comments wrongly, so it sees none. */
static void
blank_comments(char *text)
{
	char quote = '\0';

	for (size_t i = 0; text[i] != '\0'; i++) {
		size_t end = quote == '\0' ? comment_end(text, i) : i;

		for (; i < end; i++)
			if (text[i] != '\n')
				text[i] = ' ';
		if (text[i] == '\0')
			break;
		if (quote == '\0' && (text[i] == '"' || text[i] == '\''))
			quote = text[i];
		else if (quote != '\0' && text[i] == quote)
			quote = '\0';
		else if (quote != '\0' && text[i] == '\\' &&
			 text[i + 1] != '\0')
			i++;
	}
}

/*
 * libconfuse takes a section without its closing brace at the end of the
 * file for a whole one, so the braces are counted here first.
 */
static int
check_braces(struct reading *r, struct span text)
{
	int line = 1, depth = 0, opened = 0, quoted = 0;
	char quote = '\0';

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '\n')
			line++;
		if (quote != '\0') {
			if (c == '\\')
				i++;
			else if (c == quote)
				quote = '\0';
		} else if (c == '"' || c == '\'') {
			quote = c;
			quoted = line;
		} else if (c == '{') {
			depth++;
			opened = line;
		} else if (c == '}' && --depth < 0) {
			mistake(r, line, "a } without its {");
			return -1;
		}
	}
	if (quote != '\0')
		mistake(
		    r, quoted, "the quotation mark of this line is not closed");
	else if (depth > 0)
		mistake(r, opened, "the { of this line has no }");
	else
		return 0;
	return -1;
}

/* Turns the options of one section into libconfuse's. */
static cfg_opt_t *
section_options(struct reading *r, const char *section, size_t extra)
{
	cfg_opt_t *opts = arena_calloc(
	    r->arena, conf_option_count + extra + 1, sizeof(*opts));
	size_t n = 0;

	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		if (strcmp(o->section, section) != 0)
			continue;
		if (o->type == CONF_LIST)
			opts[n++] =
			    (cfg_opt_t)CFG_STR_LIST(o->name, NULL, CFGF_NONE);
		else
			opts[n++] =
			    (cfg_opt_t)CFG_STR(o->name, NULL, CFGF_NODEFAULT);
	}
	opts[n] = (cfg_opt_t)CFG_END();
	return opts;
}

static cfg_t *
make_parser(struct reading *r)
{
	const char *sections[SECTION_MAX];
	size_t count = 0, n = 0;
	cfg_opt_t *top;
	cfg_t *cfg;

	for (size_t i = 0; i < conf_option_count; i++) {
		const char *s = conf_options[i].section;

		if (s[0] != '\0' &&
		    (count == 0 || strcmp(sections[count - 1], s) != 0))
			sections[count++] = s;
	}
	top = section_options(r, "", count);
	while (top[n].name != NULL)
		n++;
	for (size_t i = 0; i < count; i++)
		top[n++] = (cfg_opt_t)CFG_SEC(
		    sections[i], section_options(r, sections[i], 0), CFGF_NONE);
	top[n] = (cfg_opt_t)CFG_END();

	cfg = cfg_init(top, CFGF_NONE);
	if (cfg == NULL)
		abort();
	cfg_set_error_function(cfg, note_error);
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		cfg_set_validate_func(cfg,
		    o->section[0] == '\0'
			? o->name
			: arena_printf(r->arena, "%s|%s", o->section, o->name),
		    note_line);
	}
	return cfg;
}

static char *
line_begin(char *text, int line)
{
	char *p = text;

	for (int i = 1; i < line && p != NULL; i++) {
		p = strchr(p, '\n');
		if (p != NULL)
			p++;
	}
	return p;
}

/* Blanks line `line` of text, so that the next attempt finds what follows. */
static void
blank_line(char *text, int line)
{
	char *p = line_begin(text, line);

	for (; p != NULL && *p != '\0' && *p != '\n'; p++)
		*p = ' ';
}

static bool
has_option_alone(struct span line, struct span option)
{
	size_t at = span_find_span(line, 0, option);
	struct span rest = span_trim(span_from(line, at + option.n));

	return at < line.n && !span_starts(rest, SPAN("=")) &&
	       !span_starts(rest, SPAN("+"));
}

/* An equal sign is missed at the next word, perhaps lines below. */
static void
find_cause(struct reading *r, char *text)
{
	struct span word = span_str(quoted_word(r, r->error_text));

	if (strncmp(r->error_text, "missing equal sign", 18) != 0)
		return;
	for (int line = r->error_line; line > 0; line--) {
		struct span s = span_str(line_begin(text, line));

		s = span_cut(s, 0, span_find(s, 0, '\n'));
		if (has_option_alone(s, word)) {
			r->error_line = line;
			return;
		}
	}
}

/*
 * libconfuse stops at its first error.  To report all of them, the line is
 * blanked and the text read again, unless that would unbalance the braces.
 */
static cfg_t *
parse(struct reading *r, char *text)
{
	for (int attempt = 0; attempt < MISTAKES_MAX; attempt++) {
		cfg_t *cfg = make_parser(r);
		int result;

		memset(r->lines, 0, conf_option_count * sizeof(*r->lines));
		r->error_line = 0;
		result = cfg_parse_buf(cfg, text);
		if (result == CFG_SUCCESS)
			return cfg;
		cfg_free(cfg);
		find_cause(r, text);
		report_syntax(r);
		blank_line(text, r->error_line);
		if (check_braces(r, span_str(text)) < 0)
			return NULL;
	}
	return NULL;
}

/* A number with an optional unit letter: 0 or -1. */
static int
read_number(
    struct span s, const char *units, const int64_t *factors, int64_t *out)
{
	int64_t factor = 1, n;

	for (size_t i = 0; s.n > 0 && units[i] != '\0'; i++)
		if (ascii_lower(s.p[s.n - 1]) == units[i]) {
			factor = factors[i];
			s.n--;
			break;
		}
	if (span_to_int(s, 0, INT64_MAX / 86400, &n) < 0)
		return -1;
	*out = n * factor;
	return 0;
}

static int
read_integer(const struct conf_option *o, struct span s, int64_t *out)
{
	static const int64_t seconds[] = { 1, 60, 3600, 86400 };
	static const int64_t octets[] = { 1024, 1048576 };

	if (o->type == CONF_SECONDS)
		return read_number(s, "smhd", seconds, out);
	if (o->type == CONF_OCTETS)
		return read_number(s, "km", octets, out);
	return read_number(s, "", NULL, out);
}

static const char *
unit_hint(const struct conf_option *o)
{
	if (o->type == CONF_SECONDS)
		return " (seconds, or with s, m, h, d)";
	if (o->type == CONF_OCTETS)
		return " (octets, or with K, M)";
	return "";
}

/* The index of `value` in "a|b|c", or -1. */
static int
choice_index(const char *choices, struct span value)
{
	struct span all = span_str(choices);
	int index = 0;

	for (size_t from = 0; from <= all.n; index++) {
		size_t bar = span_find(all, from, '|');

		if (span_eq(span_cut(all, from, bar), value))
			return index;
		from = bar + 1;
	}
	return -1;
}

static int
read_bool(struct span s, bool *out)
{
	static const char *const yes[] = { "yes", "true", "on" };
	static const char *const no[] = { "no", "false", "off" };

	for (size_t i = 0; i < 3; i++) {
		if (span_caseeq_str(s, yes[i]) || span_caseeq_str(s, no[i])) {
			*out = span_caseeq_str(s, yes[i]);
			return 0;
		}
	}
	return -1;
}

/* Relative names are meant from the folder of the configuration file. */
static const char *
absolute_path(struct reading *r, const char *value)
{
	const char *slash = strrchr(r->path, '/');

	if (value[0] == '/' || slash == NULL)
		return arena_strdup(r->arena, value);
	return arena_printf(
	    r->arena, "%.*s/%s", (int)(slash - r->path), r->path, value);
}

static void
set_text(struct reading *r, struct conf *c, const struct conf_option *o,
    int line, const char *value)
{
	const char **slot = (const char **)(void *)((char *)c + o->offset);
	size_t n = strlen(value);

	if (o->choices != NULL &&
	    choice_index(o->choices, span_str(value)) < 0) {
		mistake(r, line, "%s: must be one of %s", full_name(r, o),
		    o->choices);
		return;
	}
	if (o->max > 0 && (n < (size_t)o->min || n > (size_t)o->max)) {
		mistake(r, line, "%s: needs %lld to %lld characters",
		    full_name(r, o), (long long)o->min, (long long)o->max);
		return;
	}
	if (span_has_control(span_str(value))) {
		mistake(r, line,
		    "%s: holds a control character; use "
		    "printable text only",
		    full_name(r, o));
		return;
	}
	*slot = o->type == CONF_PATH ? absolute_path(r, value)
				     : arena_strdup(r->arena, value);
}

static void
set_integer(struct reading *r, struct conf *c, const struct conf_option *o,
    int line, const char *value)
{
	int64_t n;

	if (read_integer(o, span_str(value), &n) < 0)
		mistake(r, line, "%s: %s is not a number%s; give %lld to %lld",
		    full_name(r, o), value, unit_hint(o), (long long)o->min,
		    (long long)o->max);
	else if (n < o->min || n > o->max)
		mistake(r, line, "%s: %s is out of range; give %lld to %lld%s",
		    full_name(r, o), value, (long long)o->min,
		    (long long)o->max, unit_hint(o));
	else
		*(int64_t *)(void *)((char *)c + o->offset) = n;
}

static void
set_rates(struct reading *r, struct conf *c, const struct conf_option *o,
    int line, const char *value)
{
	struct conf_rates rates;

	if (rates_parse(span_str(value), &rates) < 0)
		mistake(r, line,
		    "%s: \"%s\" is not a limit; give numbers and times, at "
		    "most %d, as in \"3/1h 6/24h\", or none",
		    full_name(r, o), value, CONF_RATES_MAX);
	else
		*(struct conf_rates *)(void *)((char *)c + o->offset) = rates;
}

static void
set_value(struct reading *r, struct conf *c, const struct conf_option *o,
    int line, const char *value)
{
	char *slot = (char *)c + o->offset;
	int index;
	bool b;

	switch (o->type) {
	case CONF_STRING:
	case CONF_PATH:
		set_text(r, c, o, line, value);
		break;
	case CONF_INTEGER:
	case CONF_SECONDS:
	case CONF_OCTETS:
		set_integer(r, c, o, line, value);
		break;
	case CONF_BOOL:
		if (read_bool(span_str(value), &b) < 0)
			mistake(
			    r, line, "%s: must be yes or no", full_name(r, o));
		else
			*(bool *)(void *)slot = b;
		break;
	case CONF_CHOICE:
		index = choice_index(o->choices, span_str(value));
		if (index < 0)
			mistake(r, line, "%s: must be one of %s",
			    full_name(r, o), o->choices);
		else
			*(int *)(void *)slot = index;
		break;
	case CONF_RATES:
		set_rates(r, c, o, line, value);
		break;
	case CONF_LIST:
		break;
	}
}

static void
set_list(struct reading *r, struct conf *c, const struct conf_option *o,
    cfg_opt_t *opt)
{
	struct conf_list *list =
	    (struct conf_list *)(void *)((char *)c + o->offset);

	list->n = cfg_opt_size(opt);
	list->v = arena_calloc(r->arena, list->n + 1, sizeof(*list->v));
	for (unsigned i = 0; i < list->n; i++)
		list->v[i] = arena_strdup(r->arena, cfg_opt_getnstr(opt, i));
}

static void
take_option(struct reading *r, struct conf *c, cfg_t *cfg, size_t i)
{
	const struct conf_option *o = &conf_options[i];
	cfg_t *section =
	    o->section[0] == '\0' ? cfg : cfg_getsec(cfg, o->section);
	cfg_opt_t *opt = section != NULL ? cfg_getopt(section, o->name) : NULL;
	const char *value = o->initial;

	if (opt != NULL && o->type == CONF_LIST) {
		set_list(r, c, o, opt);
		if (o->required && cfg_opt_size(opt) == 0)
			mistake(r, r->lines[i], "%s: is missing. %s",
			    full_name(r, o), o->meaning);
		return;
	}
	if (opt != NULL && r->lines[i] != 0 && cfg_opt_size(opt) > 0)
		value = cfg_opt_getnstr(opt, 0);
	if (value != NULL)
		set_value(r, c, o, r->lines[i], value);
	else if (o->required)
		mistake(
		    r, 0, "%s: is missing. %s", full_name(r, o), o->meaning);
}

static int
line_of(const struct reading *r, const char *name)
{
	struct span s = span_str(name);
	size_t dot = span_find(s, 0, '.');

	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		if (dot == s.n
			? o->section[0] == '\0' && strcmp(o->name, name) == 0
			: span_eq_str(span_cut(s, 0, dot), o->section) &&
			      strcmp(o->name, name + dot + 1) == 0)
			return r->lines[i];
	}
	return 0;
}

/* For conf_check.c: a mistake found by looking at the values. */
static void
report_check(void *ctx, const char *option, const char *message)
{
	struct reading *r = ctx;

	mistake(r, line_of(r, option), "%s: %s", option, message);
}

static char *
read_text(struct reading *r)
{
	struct job j;
	struct span text;
	char *copy = NULL;

	job_init(&j, NULL, NULL);
	if (file_read(&j, r->path, FILE_MAX, &text) < 0) {
		r->report(r->ctx, j.err.text);
		r->mistakes++;
	} else if (memchr(text.p, '\0', text.n) != NULL) {
		mistake(r, 0, "holds a NUL byte; it must be plain text");
	} else {
		copy = span_dup(r->arena, text);
	}
	job_done(&j);
	return copy;
}

int
conf_load(struct arena *keep, const char *path, conf_report_fn *report,
    void *ctx, const struct conf **out)
{
	struct reading r = {
		.arena = keep, .path = path, .report = report, .ctx = ctx
	};
	struct conf *c = arena_alloc(keep, sizeof(*c));
	cfg_t *cfg = NULL;
	char *text;

	r.lines = arena_calloc(keep, conf_option_count, sizeof(*r.lines));
	r.set = arena_calloc(keep, conf_option_count, sizeof(*r.set));
	text = read_text(&r);
	if (text == NULL)
		return -1;
	blank_comments(text);
	if (check_braces(&r, span_str(text)) < 0)
		return -1;
	reading_now = &r;
	cfg = parse(&r, text);
	reading_now = NULL;
	if (cfg == NULL)
		return -1;
	c->file = arena_strdup(keep, path);
	for (size_t i = 0; i < conf_option_count; i++)
		take_option(&r, c, cfg, i);
	cfg_free(cfg);
	conf_check(keep, c, report_check, &r);
	if (r.mistakes > 0)
		return -1;
	*out = c;
	return 0;
}

static size_t
value_size(const struct conf_option *o)
{
	switch (o->type) {
	case CONF_STRING:
	case CONF_PATH:
		return sizeof(char *);
	case CONF_BOOL:
		return sizeof(bool);
	case CONF_CHOICE:
		return sizeof(int);
	case CONF_LIST:
		return sizeof(struct conf_list);
	case CONF_RATES:
		return sizeof(struct conf_rates);
	case CONF_INTEGER:
	case CONF_SECONDS:
	case CONF_OCTETS:
		return sizeof(int64_t);
	}
	return 0;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
same_value(const struct conf_option *o, const void *a, const void *b)
{
	const struct conf_list *x = a, *y = b;

	if (o->type == CONF_STRING || o->type == CONF_PATH)
		return same_text(
		    *(const char *const *)a, *(const char *const *)b);
	if (o->type != CONF_LIST)
		return memcmp(a, b, value_size(o)) == 0;
	for (size_t i = 0; x->n == y->n && i < x->n; i++)
		if (strcmp(x->v[i], y->v[i]) != 0)
			return false;
	return x->n == y->n;
}

int
conf_reload(struct arena *keep, const struct conf *old, conf_report_fn *report,
    void *ctx, const struct conf **out)
{
	const struct conf *fresh;
	struct conf *c;

	if (conf_load(keep, old->file, report, ctx, &fresh) < 0)
		return -1;
	c = arena_memdup(keep, fresh, sizeof(*fresh));
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];
		const char *was = (const char *)old + o->offset;

		if (o->reloads ||
		    same_value(o, was, (const char *)fresh + o->offset))
			continue;
		memcpy((char *)c + o->offset, was, value_size(o));
		report(ctx,
		    arena_printf(keep,
			"%s: %s%s%s: changed, but only a restart can apply "
			"it; the old value stays in use",
			old->file, o->section, o->section[0] ? "." : "",
			o->name));
	}
	*out = c;
	return 0;
}
