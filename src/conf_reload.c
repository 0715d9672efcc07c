/* What a running process takes over from a changed file. */
#include "config.h"

#include "src/conf_file.h"

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "src/conf_table.h"
#include "src/conf_value.h"

#include <string.h>

int
conf_load_once(struct arena *keep, const char *path, conf_report_fn *report,
    void *ctx, struct span *text, const struct conf **out)
{
	struct job j;
	int result;

	job_init(&j, NULL, NULL);
	result = file_read(&j, path, CONF_TEXT_MAX, text);
	if (result < 0)
		report(ctx, j.err.text);
	else
		*text = span_mem(arena_memdup(keep, text->p, text->n), text->n);
	job_done(&j);
	return result < 0 ? -1
			  : conf_load_text(keep, path, *text, report, ctx, out);
}

/* The i-th section of that kind. */
static const char *
section_at(const struct conf *c, const struct conf_section *s, size_t i)
{
	const char *array;

	memcpy(&array, (const char *)c + s->array_offset, sizeof(array));
	return array + i * s->size;
}

static size_t
section_count(const struct conf *c, const struct conf_section *s)
{
	size_t count;

	memcpy(&count, (const char *)c + s->count_offset, sizeof(count));
	return count;
}

static bool
same_section(const struct conf_section *s, const char *a, const char *b)
{
	const char *name, *other;

	memcpy(&name, a, sizeof(name));
	memcpy(&other, b, sizeof(other));
	if (strcmp(name, other) != 0)
		return false;
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		if (strcmp(o->section, s->name) == 0 &&
		    !conf_value_same(o, a + o->offset, b + o->offset))
			return false;
	}
	return true;
}

static bool
same_sections(
    const struct conf *a, const struct conf *b, const struct conf_section *s)
{
	size_t count = section_count(a, s);

	if (count != section_count(b, s))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!same_section(s, section_at(a, s, i), section_at(b, s, i)))
			return false;
	return true;
}

bool
conf_sections_same(const struct conf *a, const struct conf *b, const char *kind)
{
	return same_sections(a, b, conf_section_find(kind));
}

/* Of what a restart is needed for, the old values stay in use. */
struct keeping {
	struct conf *fresh;
	const struct conf *old;
	conf_report_fn *report;
	void *ctx;
	struct arena *arena;
};

static void
keep_old(struct keeping *k, size_t offset, size_t size, const char *name)
{
	memcpy((char *)k->fresh + offset, (const char *)k->old + offset, size);
	if (k->report != NULL)
		k->report(k->ctx, name);
}

static void
keep_options(struct keeping *k)
{
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		if (o->reloads || conf_section_find(o->section) != NULL ||
		    conf_value_same(o, (const char *)k->old + o->offset,
			(const char *)k->fresh + o->offset))
			continue;
		keep_old(k, o->offset, conf_value_size(o),
		    o->section[0] == '\0'
			? o->name
			: arena_printf(k->arena, "%s.%s", o->section, o->name));
	}
}

static void
keep_sections(struct keeping *k)
{
	for (size_t i = 0; i < conf_section_count; i++) {
		const struct conf_section *s = &conf_sections[i];

		if (s->reloads || same_sections(k->old, k->fresh, s))
			continue;
		memcpy((char *)k->fresh + s->count_offset,
		    (const char *)k->old + s->count_offset, sizeof(size_t));
		keep_old(k, s->array_offset, sizeof(void *),
		    arena_printf(k->arena, "the sections %s", s->name));
	}
}

const struct conf *
conf_keep(struct arena *keep, const struct conf *old, const struct conf *fresh,
    conf_report_fn *report, void *ctx)
{
	struct keeping k = { .fresh = arena_memdup(keep, fresh, sizeof(*fresh)),
		.old = old,
		.report = report,
		.ctx = ctx,
		.arena = keep };

	keep_options(&k);
	keep_sections(&k);
	return k.fresh;
}
