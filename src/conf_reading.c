#include "config.h"

#include "src/conf_reading.h"

#include <stdarg.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/typo.h"
#include "src/conf_table.h"

void
conf_mistake(struct conf_reading *r, int line, const char *fmt, ...)
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

const char *
conf_full_name(struct conf_reading *r, const struct conf_place *p,
    const struct conf_option *o)
{
	if (p != NULL && p->title != NULL)
		return arena_printf(
		    r->arena, "%s %s: %s", p->section, p->title, o->name);
	if (o->section[0] == '\0')
		return o->name;
	return arena_printf(r->arena, "%s.%s", o->section, o->name);
}

struct conf_place *
conf_place_new(struct arena *a, const char *section, const char *title)
{
	struct conf_place *p = arena_alloc(a, sizeof(*p));

	p->section = arena_strdup(a, section);
	p->title = title == NULL ? NULL : arena_strdup(a, title);
	p->set = arena_calloc(a, conf_option_count, sizeof(*p->set));
	return p;
}

struct conf_place *
conf_place_of(struct conf_reading *r, const char *section, const char *title)
{
	struct conf_place *p = &r->untitled;

	if (conf_section_find(section) == NULL || title == NULL)
		return p;
	for (; p->next != NULL; p = p->next)
		if (strcmp(p->next->section, section) == 0 &&
		    strcmp(p->next->title, title) == 0)
			return p->next;
	p->next = conf_place_new(r->arena, section, title);
	return p->next;
}

const char *
conf_nearest(struct conf_reading *r, const char *word)
{
	struct typo t = typo_of(word);
	const char *best = NULL;

	for (size_t i = 0; i < conf_option_count; i++)
		if (typo_is_nearer(&t, conf_options[i].name))
			best = conf_full_name(r, NULL, &conf_options[i]);
	return best;
}

bool
conf_report_full_name(struct conf_reading *r, const char *word)
{
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		if (*o->section == '\0' ||
		    strcmp(conf_full_name(r, NULL, o), word) != 0)
			continue;
		conf_mistake(r, r->error_line,
		    "%s: an option of a section is written %s%s { %s = … }",
		    word, o->section,
		    conf_section_find(o->section) == NULL ? "" : " NAME",
		    o->name);
		return true;
	}
	return false;
}

/* "imap two" */
static const char *
place_name(struct conf_reading *r, const struct conf_place *p)
{
	return p->title == NULL
		   ? ""
		   : arena_printf(r->arena, "%s %s", p->section, p->title);
}

/* Of an option by its full name, or of a titled section's first option. */
static int
line_of(struct conf_reading *r, const char *name)
{
	for (const struct conf_place *p = &r->untitled; p != NULL;
	     p = p->next) {
		bool whole = strcmp(place_name(r, p), name) == 0;

		for (size_t i = 0; i < conf_option_count; i++)
			if (p->set[i].line > 0 &&
			    (whole ||
				strcmp(conf_full_name(r, p, &conf_options[i]),
				    name) == 0))
				return p->set[i].line;
	}
	return 0;
}

void
conf_report_check(void *ctx, const char *option, const char *message)
{
	struct conf_reading *r = ctx;

	conf_mistake(r, line_of(r, option), "%s: %s", option, message);
}
