/*
 * countersign.conf(5) says of every option what the option table says, and
 * of no other.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/fdio.h"
#include "src/conf_table.h"

#define PAGE CS_SRCDIR "/man/countersign.conf.5"

/* "a|b" as the page has it: "a | b". */
static void
add_choices(struct buf *b, const char *choices)
{
	for (; *choices != '\0'; choices++) {
		if (*choices == '|')
			buf_add_str(b, " | ");
		else
			buf_add_char(b, *choices);
	}
}

static void
add_argument(struct buf *b, const struct conf_option *o)
{
	static const char *const names[] = {
		[CONF_STRING] = "text",
		[CONF_PATH] = "file",
		[CONF_LIST] = "list",
		[CONF_BOOL] = "yes | no",
		[CONF_INTEGER] = "number",
		[CONF_SECONDS] = "time",
		[CONF_PERIOD] = "period",
		[CONF_OCTETS] = "octets",
		[CONF_RATES] = "rates",
		[CONF_CHOICE] = "",
	};

	if (o->choices != NULL)
		add_choices(b, o->choices);
	else
		buf_add_str(b, names[o->type]);
}

static void
add_number(struct buf *b, const struct conf_option *o, int64_t n)
{
	static const struct {
		int64_t secs;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' } };

	if (o->type == CONF_PERIOD) {
		buf_addf(b, "%" PRId64 "y", n / CONF_YEAR);
		return;
	}
	if (o->type != CONF_SECONDS) {
		buf_addf(b, "%" PRId64, n);
		return;
	}
	for (size_t i = 0; i < 3; i++)
		if (n != 0 && n % units[i].secs == 0) {
			buf_addf(b, "%" PRId64 "%c", n / units[i].secs,
			    units[i].letter);
			return;
		}
	buf_addf(b, "%" PRId64 "s", n);
}

static bool
is_number(const struct conf_option *o)
{
	return o->type == CONF_INTEGER || o->type == CONF_SECONDS ||
	       o->type == CONF_PERIOD || o->type == CONF_OCTETS;
}

/* What the page must say of the option, its line ends as blanks. */
static void
add_option(struct buf *b, const struct conf_option *o)
{
	buf_addf(b, ".It Ic %s No = Ar ", o->name);
	add_argument(b, o);
	buf_addf(b, " %s ", o->meaning);
	if (o->initial != NULL)
		buf_addf(b, "The default is .Dq %s . ", o->initial);
	if (is_number(o)) {
		buf_add_str(b, "From ");
		add_number(b, o, o->min);
		buf_add_str(b, " to ");
		add_number(b, o, o->max);
		buf_add_str(b, ". ");
	}
	if (o->required)
		buf_add_str(b, "Required. ");
	if (o->reloads)
		buf_add_str(b, "Can change on .Dv SIGHUP . ");
}

static struct span
expected(struct job *j)
{
	const char *section = NULL;
	struct buf b;

	buf_init(&b, j->arena, 1 << 20);
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		if (section == NULL || strcmp(section, o->section) != 0)
			buf_addf(&b, "[%s] ", o->section);
		section = o->section;
		add_option(&b, o);
	}
	return buf_span(&b);
}

static void
add_line(struct buf *b, struct span line)
{
	if (span_starts(line, SPAN(".Bl")) || span_starts(line, SPAN(".El")))
		return;
	if (span_starts(line, SPAN(".Ss Section "))) {
		line = span_from(line, 12);
		line = span_cut(line, 0, span_find(line, 0, ':'));
		buf_addf(b, "[%.*s] ", (int)line.n, line.p);
	} else if (span_starts(line, SPAN(".Ss"))) {
		buf_add_str(b, "[] ");
	} else {
		buf_addf(b, "%.*s ", (int)line.n, line.p);
	}
}

/* The page between OPTIONS and FILES. */
static struct span
described(struct job *j, struct span page)
{
	static const char begin[] = ".Sh OPTIONS\n";
	size_t from = span_find_span(page, 0, span_str(begin));
	size_t to = span_find_span(page, from + strlen(begin), SPAN(".Sh "));
	struct buf b;

	assert_true(from < to && to < page.n);
	buf_init(&b, j->arena, 1 << 20);
	for (size_t at = from + strlen(begin); at < to;) {
		size_t end = span_find(page, at, '\n');

		add_line(&b, span_cut(page, at, end));
		at = end + 1;
	}
	return buf_span(&b);
}

static void
test_page(void **state)
{
	struct job *j = unit_job();
	struct span page, want = expected(j), has;
	size_t same = 0;

	(void)state;
	assert_int_equal(file_read(j, PAGE, 1 << 20, &page), 0);
	has = described(j, page);
	while (same < want.n && same < has.n && want.p[same] == has.p[same])
		same++;
	if (same == want.n && same == has.n)
		return;
	same = same < 60 ? 0 : same - 60;
	fail_msg("the table: …%.120s\nthe page: …%.120s", want.p + same,
	    has.p + same);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_page),
};

UNIT_MAIN(tests)
