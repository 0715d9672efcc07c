#include "config.h"

#include "src/conf_reading.h"

#include <stdarg.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
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

const char *
conf_nearest(struct conf_reading *r, const char *word)
{
	const char *best = NULL;
	size_t half = strlen(word) / 2 + 1;
	size_t best_distance = half < 4 ? half : 4;

	for (size_t i = 0; i < conf_option_count; i++) {
		size_t d = distance(word, conf_options[i].name);

		if (d < best_distance) {
			best_distance = d;
			best = conf_full_name(r, NULL, &conf_options[i]);
		}
	}
	return best;
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
