#include "config.h"

#include "src/outline.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "lib/conf.h"

#define MINUTE 60
#define HOUR 3600
#define DAY 86400
#define INDENT 2

/* The first line of an item has a dash. */
static void
indent(struct outline *o)
{
	int width = (o->depth - (o->begins_item ? 1 : 0)) * INDENT;

	for (int i = 0; i < width; i++)
		buf_add_char(o->b, ' ');
	if (o->begins_item)
		buf_add_str(o->b, "- ");
	o->begins_item = false;
}

/* The name of what follows, without `ending` for people. */
static void
put_name(struct outline *o, const char *name, const char *ending)
{
	size_t n = strlen(name) - strlen(ending);

	if (o->is_json) {
		json_key(&o->json, name);
		return;
	}
	indent(o);
	for (size_t i = 0; i < n; i++)
		buf_add_char(o->b, (char)(name[i] == '_' ? ' ' : name[i]));
	buf_add_char(o->b, ':');
}

void
outline_init(struct outline *o, struct buf *b, bool is_json)
{
	*o = (struct outline){ .b = b, .is_json = is_json };
	json_out_init(&o->json, b);
	if (is_json)
		json_object_begin(&o->json);
}

void
outline_done(struct outline *o)
{
	assert(o->depth == 0);
	if (!o->is_json)
		return;
	json_object_end(&o->json);
	buf_add_char(o->b, '\n');
}

void
outline_begin(struct outline *o, const char *name)
{
	if (!o->is_json && o->depth == 0 && o->b->n > 0)
		buf_add_char(o->b, '\n');
	put_name(o, name, "");
	if (o->is_json)
		json_object_begin(&o->json);
	else
		buf_add_char(o->b, '\n');
	o->depth++;
}

void
outline_end(struct outline *o)
{
	if (o->is_json)
		json_object_end(&o->json);
	o->depth--;
}

void
outline_rows(struct outline *o, const char *name)
{
	if (!o->is_json && o->depth == 0 && o->b->n > 0)
		buf_add_char(o->b, '\n');
	put_name(o, name, "");
	if (o->is_json)
		json_array_begin(&o->json);
	o->is_empty = true;
	o->depth++;
}

void
outline_item(struct outline *o)
{
	if (o->is_json)
		json_object_begin(&o->json);
	else if (o->is_empty)
		buf_add_char(o->b, '\n');
	o->is_empty = false;
	o->begins_item = true;
	o->depth++;
}

void
outline_rows_end(struct outline *o)
{
	if (o->is_json)
		json_array_end(&o->json);
	else if (o->is_empty)
		buf_add_str(o->b, " none\n");
	o->is_empty = false;
	o->depth--;
}

void
outline_text(struct outline *o, const char *name, const char *value)
{
	put_name(o, name, "");
	if (!o->is_json)
		buf_addf(o->b, " %s\n", value != NULL ? value : "none");
	else if (value != NULL)
		json_put_string(&o->json, span_str(value));
	else
		json_put_null(&o->json);
}

void
outline_number(struct outline *o, const char *name, int64_t value)
{
	put_name(o, name, "");
	if (o->is_json)
		json_put_int(&o->json, value);
	else
		buf_addf(o->b, " %" PRId64 "\n", value);
}

void
outline_bool(struct outline *o, const char *name, bool value)
{
	put_name(o, name, "");
	if (o->is_json)
		json_put_bool(&o->json, value);
	else
		buf_addf(o->b, " %s\n", value ? "yes" : "no");
}

/* In the largest unit that has no remainder. */
void
outline_secs(struct outline *o, const char *name, int64_t secs)
{
	static const struct {
		int64_t secs;
		const char *name;
	} units[] = { { DAY, "day" }, { HOUR, "hour" }, { MINUTE, "minute" },
		{ 1, "second" } };
	size_t i = 0;

	put_name(o, name, "_secs");
	if (o->is_json) {
		json_put_int(&o->json, secs);
		return;
	}
	while (secs % units[i].secs != 0 || (secs == 0 && units[i].secs > 1))
		i++;
	secs /= units[i].secs;
	buf_addf(o->b, " %" PRId64 " %s%s\n", secs, units[i].name,
	    secs == 1 ? "" : "s");
}

void
outline_words(struct outline *o, const char *name)
{
	put_name(o, name, "");
	if (o->is_json)
		json_array_begin(&o->json);
	o->has_words = false;
}

void
outline_word(struct outline *o, const char *word)
{
	if (o->is_json)
		json_put_string(&o->json, span_str(word));
	else
		buf_addf(o->b, "%s %s", o->has_words ? ";" : "", word);
	o->has_words = true;
}

void
outline_words_end(struct outline *o)
{
	if (o->is_json)
		json_array_end(&o->json);
	else
		buf_add_str(o->b, o->has_words ? "\n" : " none\n");
}

void
outline_list(struct outline *o, const char *name, const struct conf_list *list)
{
	outline_words(o, name);
	for (size_t i = 0; i < list->n; i++)
		outline_word(o, list->v[i]);
	outline_words_end(o);
}
