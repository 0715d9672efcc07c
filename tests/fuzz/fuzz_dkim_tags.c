/* dkim_tags_parse() on any text; a list that it accepts obeys the grammar and
 * says the same when it is written again. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/job.h"
#include "mail/dkim_tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_tag(struct span list, const struct dkim_tags *t, size_t i)
{
	const struct dkim_tag *tag = &t->tags[i];

	if (tag->from > tag->to || tag->to > list.n ||
	    list.p[tag->from - 1] != '=' ||
	    (tag->to < list.n && list.p[tag->to] != ';'))
		abort();
	if (tag->name.n == 0 || !ascii_is_alpha(tag->name.p[0]))
		abort();
	if (!span_eq(
		span_trim_fws(span_cut(list, tag->from, tag->to)), tag->value))
		abort();
	for (size_t k = 0; k < i; k++) {
		if (span_eq(t->tags[k].name, tag->name))
			abort();
	}
}

static void
check_again(struct job *j, size_t n, const struct dkim_tags *t)
{
	struct dkim_tags again;
	struct buf b;

	buf_init(&b, j->arena, n + 1);
	for (size_t i = 0; i < t->count; i++) {
		if (i > 0)
			buf_add_char(&b, ';');
		buf_add(&b, t->tags[i].name);
		buf_add_char(&b, '=');
		buf_add(&b, t->tags[i].value);
	}
	if (!buf_ok(&b) ||
	    dkim_tags_parse(buf_span(&b), &again) != DKIM_TAGS_OK ||
	    again.count != t->count)
		abort();
	for (size_t i = 0; i < t->count; i++) {
		if (!span_eq(again.tags[i].name, t->tags[i].name) ||
		    !span_eq(again.tags[i].value, t->tags[i].value))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span list = span_mem(data, n), rest = list, element;
	struct dkim_tags t;
	bool more = true;
	size_t elements = 0;
	struct job j;

	job_init(&j, NULL, NULL);
	if (dkim_tags_parse(list, &t) == DKIM_TAGS_OK) {
		if (t.count == 0 || t.count > DKIM_TAGS_MAX)
			abort();
		for (size_t i = 0; i < t.count; i++)
			check_tag(list, &t, i);
		check_again(&j, n, &t);
	}
	while (dkim_list_next(&rest, &more, &element))
		elements++;
	if (elements > n + 1)
		abort();
	job_done(&j);
	return 0;
}
