#include "config.h"

#include "src/conf_file.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/utf8.h"
#include "src/conf_check.h"
#include "src/conf_linter.h"
#include "src/conf_perspective.h"
#include "src/conf_profile.h"
#include "src/conf_table.h"
#include "src/conf_value.h"

#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256 * 1024)
#define MISTAKES_MAX 50
#define SECTION_MAX 32

/* How an option came to its value, to notice a second time. */
struct setting {
	int line;      /* 0: not set */
	char *first;   /* a list's first value */
	unsigned size; /* of a list, so far */
	bool closed;   /* its closing brace was seen */
	int doubled;   /* the line where it was reported */
};

/* The options of one section, or all those of sections without a title. */
struct place {
	const char *section; /* "" for the latter */
	const char *title;
	struct setting *set; /* of each option of the table */
	struct place *next;
};

/* One reading of one file. */
struct reading {
	struct arena *arena;
	const char *path;
	const char *folder; /* of the file */
	const char *sha256; /* of its octets, once they are read */
	conf_report_fn *report;
	void *ctx;
	unsigned mistakes;
	bool is_perspective; /* a file of its kind */
	bool is_of_linters;  /* nothing else in it is looked at */
	struct place untitled;
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

/* "section.name" as people write it in messages, or "imap two: name". */
static const char *
full_name(struct reading *r, const struct place *p, const struct conf_option *o)
{
	if (p != NULL && p->title != NULL)
		return arena_printf(
		    r->arena, "%s %s: %s", p->section, p->title, o->name);
	if (o->section[0] == '\0')
		return o->name;
	return arena_printf(r->arena, "%s.%s", o->section, o->name);
}

static struct place *
place_new(struct arena *a, const char *section, const char *title)
{
	struct place *p = arena_alloc(a, sizeof(*p));

	p->section = arena_strdup(a, section);
	p->title = title == NULL ? NULL : arena_strdup(a, title);
	p->set = arena_calloc(a, conf_option_count, sizeof(*p->set));
	return p;
}

/* Made when it is first seen, in the order of the file. */
static struct place *
place_of(struct reading *r, const char *section, const char *title)
{
	struct place *p = &r->untitled;

	if (conf_section_find(section) == NULL || title == NULL)
		return p;
	for (; p->next != NULL; p = p->next)
		if (strcmp(p->next->section, section) == 0 &&
		    strcmp(p->next->title, title) == 0)
			return p->next;
	p->next = place_new(r->arena, section, title);
	return p->next;
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
	size_t half = strlen(word) / 2 + 1;
	size_t best_distance = half < 4 ? half : 4;

	for (size_t i = 0; i < conf_option_count; i++) {
		size_t d = distance(word, conf_options[i].name);

		if (d < best_distance) {
			best_distance = d;
			best = full_name(r, NULL, &conf_options[i]);
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
note_double(struct reading *r, const struct place *p, size_t i, int line)
{
	struct setting *s = &p->set[i];

	if (s->doubled == line)
		return;
	s->doubled = line;
	mistake(r, line, "%s: is set already in line %d; keep one of them",
	    full_name(r, p, &conf_options[i]), s->line);
}

static void
note_value(struct reading *r, const struct place *p, size_t i, int line,
    cfg_opt_t *opt)
{
	bool known = p->set[i].line != 0;
	bool again = known;

	if (conf_options[i].type == CONF_LIST)
		again = list_begins_again(r, &p->set[i], opt, known);
	if (again)
		note_double(r, p, i, line);
	if (!known)
		p->set[i].line = line;
}

static int
note_line(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *section = strcmp(cfg->name, "root") == 0 ? "" : cfg->name;
	const struct place *p = place_of(reading_now, section, cfg_title(cfg));

	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		if (strcmp(o->section, section) == 0 &&
		    strcmp(o->name, opt->name) == 0)
			note_value(reading_now, p, i, cfg->line, opt);
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

static bool
is_double_title(const struct reading *r)
{
	return strncmp(r->error_text, "found duplicate title", 21) == 0;
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
	} else if (is_double_title(r)) {
		mistake(r, r->error_line,
		    "%s: there is a section with this title already; keep one "
		    "of them",
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
 * What libconfuse takes without a word, or names elsewhere: a section or a
 * comment without its end is a whole one for it, and with ${NAME} in a value
 * the installation would hang on who starts it from where.  The first of
 * them and its line, or NULL.
 */
static const char *
find_fault(struct span text, int *at_line)
{
	int line = 1, depth = 0, opened = 0, quoted = 0;
	char quote = '\0';

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : 0;

		*at_line = line;
		if (c == '\n')
			line++;
		if (c == '$' && next == '{' && quote != '\'')
			return "${…} is not replaced by a variable; put a "
			       "value that holds it in single quotes";
		if (quote != '\0') {
			if (c == '\\')
				i++;
			else if (c == quote)
				quote = '\0';
		} else if (c == '"' || c == '\'') {
			quote = c;
			quoted = line;
		} else if (c == '/' && next == '*') {
			return "the /* of this line has no */; put a value "
			       "that holds it in quotes";
		} else if (c == '{') {
			depth++;
			opened = line;
		} else if (c == '}' && --depth < 0) {
			return "a } without its {";
		}
	}
	*at_line = quote != '\0' ? quoted : opened;
	if (quote != '\0')
		return "the quotation mark of this line is not closed";
	return depth > 0 ? "the { of this line has no }" : NULL;
}

static int
check_text(struct reading *r, struct span text)
{
	int line;
	const char *fault = find_fault(text, &line);

	if (fault == NULL)
		return 0;
	mistake(r, line, "%s", fault);
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
		top[n++] = (cfg_opt_t)CFG_SEC(sections[i],
		    section_options(r, sections[i], 0),
		    conf_section_find(sections[i]) == NULL
			? CFGF_NONE
			: CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
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

/* The last line with anything in it. */
static int
last_line(const char *text)
{
	int line = 1, last = 1;

	for (; *text != '\0'; text++)
		if (*text == '\n')
			line++;
		else if (*text != ' ' && *text != '\t' && *text != '\r')
			last = line;
	return last;
}

/* An equal sign is missed at the next word, perhaps lines below, and a value
 * at the end of the file. */
static void
find_cause(struct reading *r, char *text)
{
	struct span word = span_str(quoted_word(r, r->error_text));

	if (strncmp(r->error_text, "premature end of file", 21) == 0) {
		r->error_line = last_line(text);
		snprintf(r->error_text, sizeof(r->error_text),
		    "the option of this line has no value");
		return;
	}
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

static void
forget_lines(struct reading *r)
{
	for (struct place *p = &r->untitled; p != NULL; p = p->next)
		for (size_t i = 0; i < conf_option_count; i++)
			p->set[i].line = 0;
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
		int result, line;

		forget_lines(r);
		r->error_line = 0;
		result = cfg_parse_buf(cfg, text);
		if (result == CFG_SUCCESS)
			return cfg;
		cfg_free(cfg);
		find_cause(r, text);
		report_syntax(r);
		/* Without its first line a section cannot be read on. */
		if (is_double_title(r))
			return NULL;
		blank_line(text, r->error_line);
		/* Its brace is not a second mistake. */
		if (find_fault(span_str(text), &line) != NULL)
			return NULL;
	}
	return NULL;
}

static void
set_list(
    struct reading *r, void *base, const struct conf_option *o, cfg_opt_t *opt)
{
	struct conf_list *list =
	    (struct conf_list *)(void *)((char *)base + o->offset);

	list->n = cfg_opt_size(opt);
	list->v = arena_calloc(r->arena, list->n + 1, sizeof(*list->v));
	for (unsigned i = 0; i < list->n; i++)
		list->v[i] = arena_strdup(r->arena, cfg_opt_getnstr(opt, i));
}

/* A perspective has a file of its own, on a host of its own. */
static bool
belongs_here(const struct reading *r, const struct conf_option *o)
{
	static const char *const both[] = { "user", "isolation", "log_level" };

	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		if (o->section[0] == '\0' && strcmp(o->name, both[i]) == 0)
			return true;
	if (r->is_of_linters)
		return strcmp(o->section, "linter") == 0 ||
		       strcmp(o->section, "allow_lint") == 0;
	return (strcmp(o->section, "agent") == 0) == r->is_perspective;
}

/* What stands in the wrong file is a mistake, but in one that is read for its
 * linters, and what is not there is not missed. */
static bool
is_left_out(struct reading *r, const struct place *p,
    const struct conf_option *o, int line)
{
	if (belongs_here(r, o))
		return false;
	if (line != 0 && !r->is_of_linters)
		mistake(r, line, "%s: %s", full_name(r, p, o),
		    r->is_perspective
			? "has no place in the file of a perspective: user, "
			  "isolation, log_level and the section agent"
			: "belongs into a file of its own, for countersignd "
			  "--role perspective");
	return true;
}

/* The option's value in its section, or its default, into `base`. */
static void
take_option(struct reading *r, const struct place *p, void *base,
    cfg_t *section, size_t i)
{
	const struct conf_option *o = &conf_options[i];
	cfg_opt_t *opt = section != NULL ? cfg_getopt(section, o->name) : NULL;
	const char *value = o->initial, *why;
	int line = p->set[i].line;
	bool missing;

	if (opt != NULL && o->type == CONF_LIST) {
		set_list(r, base, o, opt);
		missing = cfg_opt_size(opt) == 0;
	} else {
		if (opt != NULL && line != 0 && cfg_opt_size(opt) > 0)
			value = cfg_opt_getnstr(opt, 0);
		missing = value == NULL;
		why = missing
			  ? NULL
			  : conf_value_set(r->arena, r->folder, o, base, value);
		if (why != NULL)
			mistake(r, line, "%s: %s", full_name(r, p, o), why);
	}
	if (is_left_out(r, p, o, line))
		return;
	if (missing && o->required)
		mistake(r, line, "%s: is missing. %s", full_name(r, p, o),
		    o->meaning);
}

static void
take_untitled(struct reading *r, struct conf *c, cfg_t *cfg)
{
	for (size_t i = 0; i < conf_option_count; i++) {
		const char *section = conf_options[i].section;

		if (conf_section_find(section) == NULL)
			take_option(r, &r->untitled, c,
			    section[0] == '\0' ? cfg : cfg_getsec(cfg, section),
			    i);
	}
}

/* All sections of one kind become an array. */
static void
take_titled(
    struct reading *r, struct conf *c, cfg_t *cfg, const struct conf_section *s)
{
	size_t count = cfg_size(cfg, s->name);
	char *array = arena_calloc(r->arena, count + 1, s->size);

	for (unsigned k = 0; k < count; k++) {
		cfg_t *section = cfg_getnsec(cfg, s->name, k);
		const struct place *p =
		    place_of(r, s->name, cfg_title(section));
		char *base = array + k * s->size;

		memcpy(base, &p->title, sizeof(p->title));
		if (s->inherit != NULL)
			s->inherit(c, base);
		for (size_t i = 0; i < conf_option_count; i++)
			if (strcmp(conf_options[i].section, s->name) == 0)
				take_option(r, p, base, section, i);
	}
	memcpy((char *)c + s->array_offset, &array, sizeof(array));
	memcpy((char *)c + s->count_offset, &count, sizeof(count));
}

/* "imap two" */
static const char *
place_name(struct reading *r, const struct place *p)
{
	return p->title == NULL
		   ? ""
		   : arena_printf(r->arena, "%s %s", p->section, p->title);
}

/* Of an option by its full name, or of a titled section's first option. */
static int
line_of(struct reading *r, const char *name)
{
	for (const struct place *p = &r->untitled; p != NULL; p = p->next) {
		bool whole = strcmp(place_name(r, p), name) == 0;

		for (size_t i = 0; i < conf_option_count; i++)
			if (p->set[i].line > 0 &&
			    (whole || strcmp(full_name(r, p, &conf_options[i]),
					  name) == 0))
				return p->set[i].line;
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

/* The line of the first octet that is not UTF-8, or 0. */
static int
strange_line(struct span text)
{
	uint32_t code_point;
	int line = 1, more;

	for (size_t at = 0; (more = utf8_next(text, &at, &code_point)) > 0;)
		if (code_point == '\n')
			line++;
	return more < 0 ? line : 0;
}

static const char *
hash_of(struct arena *a, struct span text)
{
	uint8_t hash[SHA256_LEN];

	sha256(text, hash);
	return hex_dup(a, span_mem(hash, sizeof(hash)));
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
	} else if (strange_line(text) > 0) {
		mistake(r, strange_line(text),
		    "is not UTF-8; save the file in that encoding");
	} else {
		r->sha256 = hash_of(r->arena, text);
		/* Some editors begin with a byte order mark. */
		if (span_starts(text, SPAN("\xef\xbb\xbf")))
			text = span_from(text, 3);
		copy = span_dup(r->arena, text);
	}
	job_done(&j);
	return copy;
}

static const char *
folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL
		   ? "."
		   : arena_printf(a, "%.*s", (int)(slash - path), path);
}

/* What stands in the file, option by option: NULL if it cannot be read. */
static struct conf *
load(struct reading *r)
{
	struct conf *c = arena_alloc(r->arena, sizeof(*c));
	cfg_t *cfg = NULL;
	char *text;

	r->untitled = *place_new(r->arena, "", NULL);
	r->folder = folder_of(r->arena, r->path);
	text = read_text(r);
	if (text == NULL)
		return NULL;
	blank_comments(text);
	if (check_text(r, span_str(text)) < 0)
		return NULL;
	reading_now = r;
	cfg = parse(r, text);
	reading_now = NULL;
	if (cfg == NULL)
		return NULL;
	c->file = arena_strdup(r->arena, r->path);
	c->sha256 = r->sha256;
	take_untitled(r, c, cfg);
	for (size_t i = 0; i < conf_section_count; i++)
		take_titled(r, c, cfg, &conf_sections[i]);
	cfg_free(cfg);
	return c;
}

int
conf_load(struct arena *keep, const char *path, conf_report_fn *report,
    void *ctx, const struct conf **out)
{
	struct reading r = {
		.arena = keep, .path = path, .report = report, .ctx = ctx
	};
	struct conf *c = load(&r);

	if (c == NULL)
		return -1;
	conf_profiles_make(keep, c, report_check, &r);
	conf_check(keep, c, report_check, &r);
	conf_allow_lints_check(keep, c, report_check, &r);
	conf_linters_check(keep, c, report_check, &r);
	if (r.mistakes > 0)
		return -1;
	*out = c;
	return 0;
}

int
conf_load_perspective(struct arena *keep, const char *path,
    conf_report_fn *report, void *ctx, const struct conf **out)
{
	struct reading r = { .arena = keep,
		.path = path,
		.report = report,
		.ctx = ctx,
		.is_perspective = true };
	struct conf *c = load(&r);

	if (c == NULL)
		return -1;
	conf_agent_check(keep, c, report_check, &r);
	if (r.mistakes > 0)
		return -1;
	*out = c;
	return 0;
}

int
conf_load_linters(struct arena *keep, const char *path, conf_report_fn *report,
    void *ctx, const struct conf **out)
{
	struct reading r = { .arena = keep,
		.path = path,
		.report = report,
		.ctx = ctx,
		.is_of_linters = true };
	struct conf *c = load(&r);

	if (c == NULL)
		return -1;
	conf_allow_lints_check(keep, c, report_check, &r);
	conf_linters_check(keep, c, report_check, &r);
	if (r.mistakes > 0)
		return -1;
	*out = c;
	return 0;
}
