#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "lib/log.h"

static void
test_line(void **state)
{
	(void)state;
	clock_set(1772445600);
	unit_log_begin();
	log_open("web", LOG_LEVEL_DEBUG);
	log_info("mail sent", "order=%s relay=%d", "x", 25);
	log_warning("slow", "");
	log_error("e", "a=%s", "b");
	log_open(NULL, LOG_LEVEL_DEBUG);
	log_debug("no role", "k=v");
	assert_string_equal(unit_log_end(),
	    "2026-03-02T10:00:00.000Z info role=web event=\"mail sent\" "
	    "order=x relay=25\n"
	    "2026-03-02T10:00:00.000Z warning role=web event=slow\n"
	    "2026-03-02T10:00:00.000Z error role=web event=e a=b\n"
	    "2026-03-02T10:00:00.000Z debug event=\"no role\" k=v\n");
}

static void
test_levels(void **state)
{
	static const char *const expected[] = { "e", "ew", "ewi", "ewid" };

	(void)state;
	for (int max = LOG_LEVEL_ERROR; max <= LOG_LEVEL_DEBUG; max++) {
		char got[8] = "";
		const char *text;
		size_t n = 0;

		unit_log_begin();
		log_open("web", (enum log_level)max);
		log_error("ev-e", "");
		log_warning("ev-w", "");
		log_info("ev-i", "");
		log_debug("ev-d", "");
		text = unit_log_end();
		while ((text = strstr(text, "=ev-")) != NULL) {
			got[n++] = text[4];
			text++;
		}
		unit_case("level %d", max);
		assert_string_equal(got, expected[max]);
	}
}

/* JOURNAL_STREAM names the stream: then the prefix of journald, no time. */
static void
test_journal(void **state)
{
	char stream[64];
	struct stat st;
	const char *text;

	(void)state;
	unit_log_begin();
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("issuer", LOG_LEVEL_DEBUG);
	log_error("e", "");
	log_warning("w", "");
	log_info("i", "k=v");
	log_debug("d", "");
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_open("issuer", LOG_LEVEL_DEBUG);
	log_info("elsewhere", "");
	unsetenv("JOURNAL_STREAM");
	log_open(NULL, LOG_LEVEL_INFO);
	text = unit_log_end();
	assert_true(span_starts(span_str(text),
	    SPAN("<3>role=issuer event=e\n<4>role=issuer event=w\n"
		 "<6>role=issuer event=i k=v\n<7>role=issuer event=d\n20")));
}

/* One event is one line of bounded length, whatever is in it. */
static void
test_one_line(void **state)
{
	struct job *j = unit_job();
	const char *text;

	(void)state;
	unit_log_begin();
	log_open(NULL, LOG_LEVEL_INFO);
	log_info("e", "k=a\nb\r\x1b[1m\x7f");
	text = unit_log_end();
	assert_true(span_ends(span_str(text), SPAN(" event=e k=a?b??[1m?\n")));

	for (int n = 3900; n < 4200; n++) {
		const char *filler = arena_printf(j->arena, "%0*d", n, 7);

		unit_log_begin();
		log_info("e", "k=%s", filler);
		text = unit_log_end();
		unit_case("%d characters", n);
		assert_true(strlen(text) <= 4096);
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
		if (strlen(text) < 4096)
			assert_int_equal(text[strlen(text) - 2], '7');
	}
}

/* AC-22: 128 characters, printable ASCII. */
static void
test_quote(void **state)
{
	static const struct {
		struct span in;
		const char *out;
	} cases[] = {
		{ SPAN_INIT(""), "\"\"" },
		{ { NULL, 0 }, "\"\"" },
		{ SPAN_INIT("a b"), "\"a b\"" },
		{ SPAN_INIT("\"\\"), "\"\\x22\\x5c\"" },
		{ SPAN_INIT("\0\n\x1b\x7f\x80\xff"),
		    "\"\\x00\\x0a\\x1b\\x7f\\x80\\xff\"" },
	};
	char text[300];
	struct log_quoted q;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		assert_string_equal(log_quote(&q, cases[i].in), cases[i].out);
	}
	memset(text, 'a', sizeof(text));
	for (size_t n = 0; n <= sizeof(text); n++) {
		log_quote(&q, span_mem(text, n));
		assert_int_equal(
		    strlen(q.text), n <= 128 ? n + 2 : 128 + 2 + 3);
		assert_int_equal(
		    span_ends(span_str(q.text), SPAN("\"...")), n > 128);
	}
	memset(text, '\n', sizeof(text));
	log_quote(&q, span_mem(text, sizeof(text)));
	assert_int_equal(strlen(q.text), sizeof(q.text) - 1);
}

/* What is to be done stands at the end of a text. */
static void
test_text(void **state)
{
	char text[LOG_TEXT_MAX + 2];
	struct log_text q;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[LOG_TEXT_MAX] = '\0';
	text[LOG_TEXT_MAX - 1] = '"';
	log_text(&q, text);
	assert_int_equal(strlen(q.text), LOG_TEXT_MAX + 5);
	assert_string_equal(&q.text[LOG_TEXT_MAX - 1], "a\\x22\"");
	text[LOG_TEXT_MAX] = 'b';
	text[LOG_TEXT_MAX + 1] = '\0';
	log_text(&q, text);
	assert_true(span_ends(span_str(q.text), SPAN("\\x22\"...")));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_line),
	cmocka_unit_test(test_levels),
	cmocka_unit_test(test_journal),
	cmocka_unit_test(test_one_line),
	cmocka_unit_test(test_quote),
	cmocka_unit_test(test_text),
};

UNIT_MAIN(tests)
