#include "config.h"

#include "src/conf_value.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/count.h"
#include "lib/rate.h"

#include <string.h>

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

/*
 * "2y6m": numbers, each with its unit, the greatest unit first.  Retention
 * that is counted in years must not end a day before the calendar does, so a
 * year is the longest one, and so is a month.
 */
static int
read_period(struct span s, int64_t *out)
{
	static const char units[] = "ymwd";
	static const int64_t days[] = { 366, 31, 7, 1 };
	size_t unit = 0, from = 0;

	*out = 0;
	while (from < s.n) {
		size_t end = from;
		int64_t n;

		while (end < s.n && s.p[end] >= '0' && s.p[end] <= '9')
			end++;
		if (end == s.n ||
		    span_to_int(span_cut(s, from, end), 0, 100000, &n) < 0)
			return -1;
		while (
		    units[unit] != '\0' && units[unit] != ascii_lower(s.p[end]))
			unit++;
		if (units[unit] == '\0')
			return -1;
		*out += n * days[unit++] * 86400;
		from = end + 1;
	}
	return s.n > 0 ? 0 : -1;
}

static int
read_integer(const struct conf_option *o, struct span s, int64_t *out)
{
	static const int64_t seconds[] = { 1, 60, 3600, 86400 };
	static const int64_t octets[] = { 1024, 1048576 };

	if (o->type == CONF_SECONDS)
		return read_number(s, "smhd", seconds, out);
	if (o->type == CONF_PERIOD)
		return read_period(s, out);
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
absolute_path(struct arena *a, const char *folder, const char *value)
{
	if (value[0] == '/')
		return arena_strdup(a, value);
	return arena_printf(a, "%s/%s", folder, value);
}

static const char *
set_text(struct arena *a, const char *folder, const struct conf_option *o,
    const char **slot, const char *value)
{
	size_t n = strlen(value);

	if (o->choices != NULL && choice_index(o->choices, span_str(value)) < 0)
		return arena_printf(a, "must be one of %s", o->choices);
	if (o->max > 0 && (n < (size_t)o->min || n > (size_t)o->max))
		return arena_printf(a, "needs %lld to %lld characters",
		    (long long)o->min, (long long)o->max);
	if (span_has_control(span_str(value)))
		return "holds a control character; use printable text only";
	*slot = o->type == CONF_PATH ? absolute_path(a, folder, value)
				     : arena_strdup(a, value);
	return NULL;
}

/* "30d", as the manual has it. */
static const char *
time_text(struct arena *a, int64_t secs)
{
	static const struct {
		int64_t secs;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' } };

	for (size_t i = 0; i < COUNT(units); i++)
		if (secs != 0 && secs % units[i].secs == 0)
			return arena_printf(a, "%lld%c",
			    (long long)(secs / units[i].secs), units[i].letter);
	return arena_printf(a, "%llds", (long long)secs);
}

/* A period's are whole years. */
static const char *
bounds_of(struct arena *a, const struct conf_option *o)
{
	if (o->type == CONF_PERIOD)
		return arena_printf(a,
		    "%lldy to %lldy, in years, months, weeks and days as in "
		    "2y6m",
		    (long long)(o->min / CONF_YEAR),
		    (long long)(o->max / CONF_YEAR));
	if (o->type == CONF_SECONDS)
		return arena_printf(
		    a, "%s to %s", time_text(a, o->min), time_text(a, o->max));
	return arena_printf(
	    a, "%lld to %lld", (long long)o->min, (long long)o->max);
}

static const char *
set_integer(struct arena *a, const struct conf_option *o, int64_t *slot,
    const char *value)
{
	int64_t n;

	if (read_integer(o, span_str(value), &n) < 0)
		return arena_printf(a, "%s is not a %s%s; give %s", value,
		    o->type == CONF_PERIOD ? "period" : "number", unit_hint(o),
		    bounds_of(a, o));
	if (n < o->min || n > o->max)
		return arena_printf(a, "%s is out of range; give %s%s", value,
		    bounds_of(a, o), unit_hint(o));
	*slot = n;
	return NULL;
}

static const char *
set_choice(
    struct arena *a, const struct conf_option *o, int *slot, const char *value)
{
	int index = choice_index(o->choices, span_str(value));

	if (index < 0)
		return arena_printf(a, "must be one of %s", o->choices);
	*slot = index;
	return NULL;
}

static const char *
set_rates(struct arena *a, struct conf_rates *slot, const char *value)
{
	struct conf_rates rates;

	if (rates_parse(span_str(value), &rates) < 0)
		return arena_printf(a,
		    "\"%s\" is not a limit; give numbers and times, at "
		    "most %d, as in \"3/1h 6/24h\", or none",
		    value, CONF_RATES_MAX);
	*slot = rates;
	return NULL;
}

const char *
conf_value_set(struct arena *a, const char *folder, const struct conf_option *o,
    void *base, const char *value)
{
	void *slot = (char *)base + o->offset;

	switch (o->type) {
	case CONF_STRING:
	case CONF_PATH:
		return set_text(a, folder, o, slot, value);
	case CONF_INTEGER:
	case CONF_SECONDS:
	case CONF_PERIOD:
	case CONF_OCTETS:
		return set_integer(a, o, slot, value);
	case CONF_BOOL:
		return read_bool(span_str(value), slot) < 0
			   ? "must be yes or no"
			   : NULL;
	case CONF_CHOICE:
		return set_choice(a, o, slot, value);
	case CONF_RATES:
		return set_rates(a, slot, value);
	case CONF_LIST:
		break;
	}
	return NULL;
}

size_t
conf_value_size(const struct conf_option *o)
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
	case CONF_PERIOD:
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

bool
conf_value_same(const struct conf_option *o, const void *a, const void *b)
{
	const struct conf_list *x = a, *y = b;

	if (o->type == CONF_STRING || o->type == CONF_PATH)
		return same_text(
		    *(const char *const *)a, *(const char *const *)b);
	if (o->type != CONF_LIST)
		return memcmp(a, b, conf_value_size(o)) == 0;
	for (size_t i = 0; x->n == y->n && i < x->n; i++)
		if (strcmp(x->v[i], y->v[i]) != 0)
			return false;
	return x->n == y->n;
}
