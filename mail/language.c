#include "config.h"

#include "mail/language.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/job.h"

#define ACCEPT_RANGES_MAX 32
#define SUBTAG_MAX 8
#define PRIMARY_MAX 3 /* longer ones are no language (RFC 5646 2.2.1) */

static const struct {
	const char *tag;
	struct date_form date;
} forms[] = {
	{ "en", { " ", " UTC",
		    { "January", "February", "March", "April", "May", "June",
			"July", "August", "September", "October", "November",
			"December" } } },
	{ "de", { ". ", " Uhr (UTC)",
		    { "Januar", "Februar", "M\xc3\xa4rz", "April", "Mai",
			"Juni", "Juli", "August", "September", "Oktober",
			"November", "Dezember" } } },
};

const struct date_form *
language_date_form(const char *tag)
{
	for (size_t i = 0; i < COUNT(forms); i++)
		if (strcmp(forms[i].tag, tag) == 0)
			return &forms[i].date;
	return NULL;
}

static bool
is_subtag(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'z'))
			return false;
	return s.n > 0 && s.n <= SUBTAG_MAX;
}

bool
language_is_tag(struct span tag)
{
	size_t first = span_find(tag, 0, '-');

	if (tag.n > LANGUAGE_TAG_MAX || first < 2 || first > PRIMARY_MAX)
		return false;
	for (size_t at = 0; at <= tag.n;) {
		size_t end = span_find(tag, at, '-');

		if (!is_subtag(span_cut(tag, at, end)))
			return false;
		at = end + 1;
	}
	return true;
}

const struct language *
language_find(const struct language *v, size_t count, struct span tag)
{
	for (;;) {
		for (size_t i = 0; i < count; i++)
			if (span_caseeq_str(tag, v[i].tag))
				return &v[i];
		while (tag.n > 0 && tag.p[tag.n - 1] != '-')
			tag.n--;
		if (tag.n == 0)
			return NULL;
		tag.n--;
	}
}

/* A qvalue in thousandths, or -1: "1", "0.8", "0.125" (RFC 9110 12.4.2). */
static int
quality_parse(struct span s)
{
	static const int weights[] = { 1000, 0, 100, 10, 1 };
	int q = 0;

	if (s.n == 0 || s.n > 5 || (s.n > 1 && s.p[1] != '.'))
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (i == 1)
			continue;
		if (!ascii_is_digit(s.p[i]))
			return -1;
		q += (s.p[i] - '0') * weights[i];
	}
	return q <= 1000 ? q : -1;
}

/* One element of Accept-Language: the tag and its quality, -1 if malformed. */
static int
range_parse(struct span range, struct span *tag)
{
	size_t semicolon = span_find(range, 0, ';');
	struct span parameter = span_trim(span_from(range, semicolon + 1));

	*tag = span_trim(span_cut(range, 0, semicolon));
	if (semicolon == range.n)
		return 1000;
	if (!span_casestarts(parameter, SPAN("q=")))
		return -1;
	return quality_parse(span_from(parameter, 2));
}

const struct language *
language_choose(const struct language *v, size_t count, const char *accept,
    const struct language *fallback)
{
	struct span rest = span_str(accept), tag;
	const struct language *best = NULL;
	int best_quality = 0;

	for (size_t i = 0; i < ACCEPT_RANGES_MAX && rest.n > 0; i++) {
		size_t comma = span_find(rest, 0, ',');
		int quality = range_parse(span_cut(rest, 0, comma), &tag);
		const struct language *found =
		    span_eq_str(tag, "*") ? fallback
					  : language_find(v, count, tag);

		rest = span_from(rest, comma + 1);
		if (found != NULL && quality > best_quality) {
			best = found;
			best_quality = quality;
		}
	}
	return best == NULL ? fallback : best;
}

const char *
language_date(struct job *j, const struct language *l, int64_t secs)
{
	struct clock_date d;

	clock_date(secs, &d);
	if (l->date == NULL)
		return arena_printf(j->arena, "%04d-%02d-%02d, %02d:%02d UTC",
		    d.year, d.month, d.day, d.hour, d.minute);
	return arena_printf(j->arena, "%d%s%s %d, %02d:%02d%s", d.day,
	    l->date->after_day, l->date->months[d.month - 1], d.year, d.hour,
	    d.minute, l->date->zone);
}
