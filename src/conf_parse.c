#include "config.h"

#include "src/conf_parse.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "src/conf_reading.h"
#include "src/conf_table.h"
#include "src/conf_text.h"
#include "src/conf_value.h"

#define MISTAKES_MAX 50
#define SECTION_MAX 32

/* libconfuse hands its callbacks no context of ours. */
static struct conf_reading *reading_now;

static void note_error(cfg_t *cfg, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/*
 * libconfuse calls back for each value of a list, which counts up, and once
 * more for the brace at its end, if it has braces.
 */
static bool
list_begins_again(
    struct conf_reading *r, struct conf_setting *s, cfg_opt_t *opt, bool known)
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
note_double(
    struct conf_reading *r, const struct conf_place *p, size_t i, int line)
{
	struct conf_setting *s = &p->set[i];

	if (s->doubled == line)
		return;
	s->doubled = line;
	conf_mistake(r, line, "%s: is set already in line %d; keep one of them",
	    conf_full_name(r, p, &conf_options[i]), s->line);
}

static void
note_value(struct conf_reading *r, const struct conf_place *p, size_t i,
    int line, cfg_opt_t *opt)
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
	const struct conf_place *p =
	    conf_place_of(reading_now, section, cfg_title(cfg));

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
	struct conf_reading *r = reading_now;

	/* The first one of an attempt is the cause of the others. */
	if (r->error_line != 0)
		return;
	r->error_line = cfg != NULL ? cfg->line : 1;
	vsnprintf(r->error_text, sizeof(r->error_text), fmt, ap);
}

/* The word in quotes of libconfuse's "no such option 'x'". */
static const char *
quoted_word(struct conf_reading *r, const char *text)
{
	const char *from = strchr(text, '\''), *to;

	if (from == NULL || (to = strchr(from + 1, '\'')) == NULL)
		return "";
	return span_dup(r->arena, span_mem(from + 1, (size_t)(to - from - 1)));
}

static bool
is_double_title(const struct conf_reading *r)
{
	return strncmp(r->error_text, "found duplicate title", 21) == 0;
}

/* Where the file of a key or a password is taken for the configuration, its
 * content is not repeated. */
static bool
may_be_repeated(const struct conf_reading *r, const char *word)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	bool is_any_set = strchr(word, '_') != NULL;

	for (size_t i = 0; i < conf_option_count; i++)
		is_any_set = is_any_set || r->untitled.set[i].line != 0;
	return is_any_set && word[strspn(word, letters)] == '\0';
}

static void
report_unknown(struct conf_reading *r, const char *word)
{
	const char *near = conf_nearest(r, word);
	const char *what = "what stands here is no option";

	if (conf_report_full_name(r, word))
		return;
	if (may_be_repeated(r, word))
		what = arena_printf(r->arena, "%s: there is no such option%s",
		    word, near == NULL ? " here" : "");
	if (near != NULL)
		conf_mistake(
		    r, r->error_line, "%s; did you mean %s?", what, near);
	else
		conf_mistake(r, r->error_line,
		    "%s; countersign.conf(5) lists them all", what);
}

static void
report_syntax(struct conf_reading *r)
{
	const char *word = quoted_word(r, r->error_text);

	if (strncmp(r->error_text, "no such option", 14) == 0) {
		report_unknown(r, word);
	} else if (is_double_title(r)) {
		conf_mistake(r, r->error_line,
		    "%s: there is a section with this title already; keep one "
		    "of them",
		    word);
	} else {
		conf_mistake(r, r->error_line, "%s", r->error_text);
	}
}

/* Turns the options of one section into libconfuse's. */
static cfg_opt_t *
section_options(struct arena *scratch, const char *section, size_t extra)
{
	cfg_opt_t *opts =
	    arena_calloc(scratch, conf_option_count + extra + 1, sizeof(*opts));
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

/* It copies what it is made from (cfg_free() releases that): a configuration
 * is kept for as long as the process, and this is a hundred times its size. */
static cfg_t *
make_parser(void)
{
	struct arena *scratch = arena_new();
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
	top = section_options(scratch, "", count);
	while (top[n].name != NULL)
		n++;
	for (size_t i = 0; i < count; i++)
		top[n++] = (cfg_opt_t)CFG_SEC(sections[i],
		    section_options(scratch, sections[i], 0),
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
			: arena_printf(scratch, "%s|%s", o->section, o->name),
		    note_line);
	}
	arena_free(scratch);
	return cfg;
}

static bool
has_option_alone(struct span line, struct span option)
{
	size_t at = span_find_span(line, 0, option);
	struct span rest = span_trim(span_from(line, at + option.n));

	return at < line.n && !span_starts(rest, SPAN("=")) &&
	       !span_starts(rest, SPAN("+"));
}

static struct span
line_at(char *text, int line)
{
	struct span s = span_str(conf_text_line(text, line));

	return span_cut(s, 0, span_find(s, 0, '\n'));
}

/* Behind the equal sign of an option that stands before it. */
static bool
is_behind_value(struct span line, struct span word)
{
	size_t equal = span_find(line, 0, '=');

	return word.n > 0 && span_trim(span_cut(line, 0, equal)).n > 0 &&
	       span_find_span(line, 0, word) > equal &&
	       span_find_span(line, 0, word) < line.n;
}

/* The second word of a value, which is no option of its own. */
static bool
find_loose_word(struct conf_reading *r, char *text, struct span word)
{
	if (strncmp(r->error_text, "no such option", 14) != 0 &&
	    strncmp(r->error_text, "unexpected token", 16) != 0)
		return false;
	if (!is_behind_value(line_at(text, r->error_line), word))
		return false;
	if (span_eq(word, SPAN("{"))) {
		snprintf(r->error_text, sizeof(r->error_text),
		    "the option of this line takes one value, without braces");
		return true;
	}
	snprintf(r->error_text, sizeof(r->error_text),
	    "%.*s: is not expected behind the value before it; a value with "
	    "blanks needs quotation marks, a list braces and commas: { a, b }",
	    (int)(word.n < 64 ? word.n : 64), word.p);
	return true;
}

/* An equal sign is missed at the next word, perhaps lines below, and a value
 * at the end of the file. */
static void
find_cause(struct conf_reading *r, char *text)
{
	struct span word = span_str(quoted_word(r, r->error_text));

	if (find_loose_word(r, text, word))
		return;
	if (strncmp(r->error_text, "premature end of file", 21) == 0) {
		r->error_line = conf_text_last_line(text);
		snprintf(r->error_text, sizeof(r->error_text),
		    "the option of this line has no value");
		return;
	}
	if (strncmp(r->error_text, "missing equal sign", 18) != 0)
		return;
	for (int line = r->error_line; line > 0; line--) {
		if (has_option_alone(line_at(text, line), word)) {
			r->error_line = line;
			return;
		}
	}
}

static void
forget_lines(struct conf_reading *r)
{
	for (struct conf_place *p = &r->untitled; p != NULL; p = p->next)
		for (size_t i = 0; i < conf_option_count; i++)
			p->set[i].line = 0;
}

/*
 * libconfuse stops at its first error.  To report all of them, the line is
 * blanked and the text read again, unless that would unbalance the braces.
 */
static cfg_t *
parse(struct conf_reading *r, char *text)
{
	for (int attempt = 0; attempt < MISTAKES_MAX; attempt++) {
		cfg_t *cfg = make_parser();
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
		conf_text_blank_line(text, r->error_line);
		/* Its brace is not a second mistake. */
		if (conf_text_fault(span_str(text), &line) != NULL)
			return NULL;
	}
	return NULL;
}

static void
set_list(struct conf_reading *r, void *base, const struct conf_option *o,
    cfg_opt_t *opt)
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
belongs_here(const struct conf_reading *r, const struct conf_option *o)
{
	static const char *const both[] = { "user", "isolation", "log_level" };

	for (size_t i = 0; i < COUNT(both); i++)
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
is_left_out(struct conf_reading *r, const struct conf_place *p,
    const struct conf_option *o, int line)
{
	if (belongs_here(r, o))
		return false;
	if (line != 0 && !r->is_of_linters)
		conf_mistake(r, line, "%s: %s", conf_full_name(r, p, o),
		    r->is_perspective
			? "has no place in the file of a perspective: user, "
			  "isolation, log_level and the section agent"
			: "belongs into a file of its own, for countersignd "
			  "--role perspective");
	return true;
}

/* The option's value in its section, or its default, into `base`. */
static void
take_option(struct conf_reading *r, const struct conf_place *p, void *base,
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
		/* libconfuse calls back for no value. */
		if (missing && line != 0)
			conf_mistake(r, line,
			    "%s: is set here, and again as an empty list, "
			    "which would take its place; keep one of them",
			    conf_full_name(r, p, o));
	} else {
		if (opt != NULL && line != 0 && cfg_opt_size(opt) > 0)
			value = cfg_opt_getnstr(opt, 0);
		missing = value == NULL;
		why = missing
			  ? NULL
			  : conf_value_set(r->arena, r->folder, o, base, value);
		if (why != NULL)
			conf_mistake(
			    r, line, "%s: %s", conf_full_name(r, p, o), why);
	}
	if (is_left_out(r, p, o, line))
		return;
	if (missing && o->required)
		conf_mistake(r, line, "%s: is missing. %s",
		    conf_full_name(r, p, o), o->meaning);
}

static void
take_untitled(struct conf_reading *r, struct conf *c, cfg_t *cfg)
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
take_titled(struct conf_reading *r, struct conf *c, cfg_t *cfg,
    const struct conf_section *s)
{
	size_t count = cfg_size(cfg, s->name);
	char *array = arena_calloc(r->arena, count + 1, s->size);

	for (unsigned k = 0; k < count; k++) {
		cfg_t *section = cfg_getnsec(cfg, s->name, k);
		const struct conf_place *p =
		    conf_place_of(r, s->name, cfg_title(section));
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

struct conf *
conf_parse(struct conf_reading *r, char *text)
{
	struct conf *c = arena_alloc(r->arena, sizeof(*c));
	cfg_t *cfg;

	reading_now = r;
	cfg = parse(r, text);
	reading_now = NULL;
	if (cfg == NULL)
		return NULL;
	take_untitled(r, c, cfg);
	for (size_t i = 0; i < conf_section_count; i++)
		take_titled(r, c, cfg, &conf_sections[i]);
	cfg_free(cfg);
	return c;
}
