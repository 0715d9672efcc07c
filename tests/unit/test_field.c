/* MA-1 to MA-6, ER-22: the message as bytes and header fields. */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "lib/utf8.h"
#include "lib/verdict.h"
#include "mail/field.h"
#include "mail/finding.h"

#define KIB ((size_t)1024)
/* A span in a static table. */
#define S(literal)                                                             \
	{                                                                      \
		"" literal, sizeof(literal) - 1                                \
	}

static const struct message_limits limits = { 256 * KIB };

#define OK_FIELDS "From: a@b.test\r\nTo: c@d.test\r\nSubject: x\r\n"

/* The code, or "" if the message passes both functions. */
static const char *
code_of(struct span raw)
{
	struct message m;
	struct finding f;

	if (message_parse(unit_job(), raw, &limits, &m, &f) < 0 ||
	    message_check_fields(&m, &f) < 0) {
		assert_int_equal(f.result, FINDING_REFUSE);
		return f.code;
	}
	return "";
}

static void
test_codes(void **state)
{
	static const struct {
		struct span raw;
		const char *code;
	} cases[] = {
		{ S(OK_FIELDS "\r\nbody\r\n"), "" },
		{ S(OK_FIELDS "\r\n"), "" },
		{ S(OK_FIELDS "\r\nno end"), "" },
		{ S(OK_FIELDS "Empty:\r\n\r\n"), "" },
		{ S(OK_FIELDS "Folded:\r\n at once\r\n\r\n"), "" },
		{ S(OK_FIELDS "Folded: a\r\n\tb\r\n c\r\n\r\n"), "" },
		/* MA-2 */
		{ S("From: a@b.test\0x\r\n\r\n"), "msg.nul" },
		{ S(OK_FIELDS "\r\nbo\0dy\r\n"), "msg.nul" },
		{ S("\0"), "msg.nul" },
		/* MA-3 */
		{ S("\nFrom: a@b.test\r\n\r\n"), "msg.bare-lf" },
		{ S(OK_FIELDS "X: a\nb\r\n\r\n"), "msg.bare-lf" },
		{ S(OK_FIELDS "\r\nbo\ndy\r\n"), "msg.bare-lf" },
		{ S("From: a@b.test\n\nx\n"), "msg.bare-lf" },
		{ S(OK_FIELDS "\r\nbo\rdy\r\n"), "msg.bare-cr" },
		{ S(OK_FIELDS "\r\nbody\r\r\n"), "msg.bare-cr" },
		{ S(OK_FIELDS "\r\nbody\r"), "msg.bare-cr" },
		/* MA-4 */
		{ S(" x: y\r\n" OK_FIELDS "\r\n"), "msg.malformed-header" },
		{ S("\tx\r\n" OK_FIELDS "\r\n"), "msg.malformed-header" },
		{ S("From : x\r\n\r\n"), "msg.malformed-header" },
		{ S("From\t: x\r\n\r\n"), "msg.malformed-header" },
		{ S("From\r\n : x\r\n\r\n"), "msg.malformed-header" },
		{ S("no colon\r\n\r\n"), "msg.malformed-header" },
		{ S(": x\r\n\r\n"), "msg.malformed-header" },
		{ S("Fr\xc3\xb6m: x\r\n\r\n"), "msg.malformed-header" },
		{ S("Fr\x7fm: x\r\n\r\n"), "msg.malformed-header" },
		{ S("From a@b.test Mon Mar 2\r\n" OK_FIELDS "\r\n"),
		    "msg.malformed-header" },
		{ S(OK_FIELDS "X: a\r\n \r\n b\r\n\r\n"),
		    "msg.malformed-header" },
		{ S(OK_FIELDS " \r\n\r\n"), "msg.malformed-header" },
		{ S(""), "msg.no-body-separator" },
		{ S("From: x"), "msg.no-body-separator" },
		{ S(OK_FIELDS), "msg.no-body-separator" },
		/* MA-5 */
		{ S("\r\nbody"), "hdr.missing" },
		{ S("To: x\r\nSubject: x\r\n\r\n"), "hdr.missing" },
		{ S("From: x\r\nSubject: x\r\n\r\n"), "hdr.missing" },
		{ S("From: x\r\nTo: x\r\n\r\n"), "hdr.missing" },
		{ S(OK_FIELDS "fROM: x\r\n\r\n"), "hdr.duplicate" },
		/* MA-6 */
		{ S("From: \"\xd7\x90\" <a@b.test>\r\nTo: x\r\n"
		    "Subject: \xc3\xa4\r\n\r\n"),
		    "" },
		{ S("From: \xc0\xae <a@b.test>\r\nTo: x\r\n"
		    "Subject: x\r\n\r\n"),
		    "hdr.bad-utf8" },
		{ S("From: x\r\nTo: \xed\xa0\x80\r\nSubject: x\r\n\r\n"),
		    "hdr.bad-utf8" },
		{ S("From: x\r\nTo: x\r\nSubject: \xe4\r\n\r\n"),
		    "hdr.bad-utf8" },
		{ S(OK_FIELDS "DKIM-Signature: \xff\r\n\r\n"), "hdr.bad-utf8" },
		{ S(OK_FIELDS "Received: \xff\r\n\r\n"), "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		assert_string_equal(code_of(cases[i].raw), cases[i].code);
	}
}

/* MA-5: each name once, whatever its case, above or below. */
static void
test_duplicates(void **state)
{
	static const char *const names[] = { "From", "Sender", "Reply-To", "To",
		"Cc", "Subject", "Date", "Message-ID", "In-Reply-To",
		"References", "MIME-Version", "Content-Type",
		"Content-Transfer-Encoding", "Content-Disposition",
		"Auto-Submitted" };
	static const char ok[] = OK_FIELDS;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		bool there = strstr(ok, names[i]) != NULL;
		char *twice = arena_printf(unit_job()->arena,
		    "%s: x\r\n" OK_FIELDS "%s%s\r\n", names[i],
		    there ? "" : names[i], there ? "" : ": y\r\n");
		char *once =
		    arena_printf(unit_job()->arena, OK_FIELDS "%s%s\r\n",
			there ? "" : names[i], there ? "" : ": y\r\n");

		unit_case("%s", names[i]);
		assert_string_equal(code_of(span_str(once)), "");
		assert_string_equal(code_of(span_str(twice)), "hdr.duplicate");
		twice[0] = ascii_lower(twice[0]);
		assert_string_equal(code_of(span_str(twice)), "hdr.duplicate");
	}
}

/* A message with a field of `field_n` octets, `count` short ones, and a body
 * that makes it `total` octets. */
static struct span
sized(size_t field_n, size_t count, size_t total)
{
	struct buf b;

	buf_init(&b, unit_job()->arena, 2 << 20);
	buf_add(&b, SPAN(OK_FIELDS));
	if (field_n > 0) {
		buf_add(&b, SPAN("Y: "));
		for (size_t i = 5; i < field_n; i++)
			buf_add_char(&b, 'y');
		buf_add(&b, SPAN("\r\n"));
	}
	for (size_t i = 0; i < count; i++)
		buf_add(&b, SPAN("X: x\r\n"));
	buf_add(&b, SPAN("\r\n"));
	while (b.n < total)
		buf_add_char(&b, 'b');
	return buf_span(&b);
}

/* Header fields of together `n` octets, none of them too long. */
static struct span
header_of(size_t n)
{
	struct buf b;

	buf_init(&b, unit_job()->arena, 2 << 20);
	buf_add(&b, SPAN(OK_FIELDS));
	while (b.n < n) {
		size_t left = n - b.n > 20000 ? 16000 : n - b.n;

		buf_add(&b, SPAN("Z: "));
		for (size_t i = 5; i < left; i++)
			buf_add_char(&b, 'z');
		buf_add(&b, SPAN("\r\n"));
	}
	buf_add(&b, SPAN("\r\n"));
	return buf_span(&b);
}

/* MA-1: the limit, and one more. */
static void
test_limits(void **state)
{
	(void)state;
	assert_string_equal(code_of(sized(0, 0, 256 * KIB)), "");
	assert_string_equal(
	    code_of(sized(0, 0, 256 * KIB + 1)), "msg.too-large");
	assert_string_equal(code_of(sized(32 * KIB, 0, 0)), "");
	assert_string_equal(
	    code_of(sized(32 * KIB + 1, 0, 0)), "msg.header-too-large");
	assert_string_equal(code_of(header_of(128 * KIB)), "");
	assert_string_equal(
	    code_of(header_of(128 * KIB + 1)), "msg.header-too-large");
	assert_string_equal(code_of(sized(0, 497, 0)), "");
	assert_string_equal(code_of(sized(0, 498, 0)), "msg.too-many-fields");
	assert_string_equal(code_of(sized(0, 20000, 0)), "msg.too-many-fields");
	assert_string_equal(code_of(sized(1000 * KIB, 0, 0)), "msg.too-large");
}

/* MA-1, MA-4: work grows with the size, not with its square. */
static void
test_time_is_bounded(void **state)
{
	const struct message_limits big = { 8 << 20 };
	struct message m;
	struct finding f;
	struct span raw = sized(0, 20000, 2 << 20);
	int64_t before = unit_cpu_ms();

	(void)state;
	for (int i = 0; i < 20; i++) {
		raw = sized(1000 * KIB, 20000, 2 << 20);
		assert_int_equal(
		    message_parse(unit_job(), raw, &big, &m, &f), -1);
	}
	assert_true(unit_cpu_ms() - before < 30000);
}

static void
test_split(void **state)
{
	struct span raw = SPAN("From: a@b.test\r\nX:\r\n\tone\r\n  two \r\n"
			       "x: three\r\n\r\nbo\r\n\r\ndy\r\n");
	struct message m;
	struct finding f;

	(void)state;
	assert_int_equal(message_parse(unit_job(), raw, &limits, &m, &f), 0);
	assert_int_equal(m.field_count, 3);
	assert_span_equal(m.fields[0].name, "From");
	assert_span_equal(m.fields[0].body, " a@b.test");
	assert_span_equal(m.fields[0].raw, "From: a@b.test\r\n");
	assert_span_equal(m.fields[1].body, "\r\n\tone\r\n  two ");
	assert_span_equal(m.body, "bo\r\n\r\ndy\r\n");
	/* Nothing is copied. */
	assert_ptr_equal(m.fields[0].raw.p, raw.p);
	assert_ptr_equal(m.body.p + m.body.n, raw.p + raw.n);
	assert_int_equal(message_count(&m, "X"), 2);
	assert_int_equal(message_count(&m, "Y"), 0);
	assert_ptr_equal(message_field(&m, "x"), &m.fields[1]);
	assert_null(message_field(&m, "Y"));
	assert_span_equal(field_unfold(unit_job(), &m.fields[1]), "one  two");
}

/* MA-3: a file with LF only. */
static void
test_from_lf(void **state)
{
	struct job *j = unit_job();

	(void)state;
	assert_span_equal(
	    message_from_lf(j, SPAN("a\nb\n\n\nc")), "a\r\nb\r\n\r\n\r\nc");
	assert_span_equal(message_from_lf(j, SPAN("")), "");
	assert_span_equal(message_from_lf(j, SPAN("\n")), "\r\n");
	/* A CR stays what it is: refused. */
	assert_string_equal(
	    code_of(message_from_lf(j, SPAN("a: \rb\n\n"))), "msg.bare-cr");
	assert_string_equal(
	    code_of(message_from_lf(j, SPAN("a: b\r\n\n"))), "msg.bare-cr");
}

static void
test_cut(void **state)
{
	static const char raw[] = OK_FIELDS "X: a\r\n\tb\r\n\r\nbody\r\n";
	size_t separator = sizeof(raw) - 1 - strlen("body\r\n");

	(void)state;
	for (size_t n = 0; n < sizeof(raw) - 1; n++) {
		char *copy = xmalloc(n + 1);
		const char *code;

		memcpy(copy, raw, n);
		unit_case("%zu octets", n);
		code = code_of(span_mem(copy, n));
		if (n > 0 && copy[n - 1] == '\r')
			assert_string_equal(code, "msg.bare-cr");
		else
			assert_string_equal(
			    code, n < separator ? "msg.no-body-separator" : "");
		free(copy);
	}
}

static void
test_finding(void **state)
{
	struct finding f;
	char longer[400];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(finding_set(&f, FINDING_PASS, "a", "b"), 0);
	assert_int_equal(finding_set(&f, FINDING_NOTE, "a", "b"), 0);
	assert_int_equal(finding_set(&f, FINDING_SKIP, "a", "b"), -1);
	assert_int_equal(finding_set(&f, FINDING_DEFER, "a", "b"), -1);
	assert_int_equal(
	    finding_set(&f, FINDING_REFUSE, "a", "%s", longer), -1);
	assert_int_equal(strlen(f.detail), sizeof(f.detail) - 1);
	assert_string_equal(finding_class_name(FINDING_PASS), "pass");
	assert_string_equal(finding_class_name(FINDING_DEFER), "defer");
	assert_string_equal(finding_class_name(FINDING_REFUSE), "refuse");
}

/* AC-124: names go both ways. */
static void
test_verdict(void **state)
{
	static const char *const names[] = { "match", "mismatch", "stale-key",
		"no-response", "unauthenticated", "unknown", "deferred",
		"expired", "late", "repeated", "dsn-failed", "dsn-delayed",
		"dsn-noted" };
	enum verdict v;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(verdict_parse(span_str(names[i]), &v), 1);
		assert_int_equal(v, i);
		assert_string_equal(verdict_name(v), names[i]);
	}
	assert_int_equal(verdict_parse(SPAN("Match"), &v), 0);
	assert_int_equal(verdict_parse(SPAN(""), &v), 0);
}

/* MA-6 */
static void
test_utf8(void **state)
{
	static const struct {
		const char *text;
		bool valid, plain;
	} cases[] = {
		{ "", true, true },
		{ "a b", true, true },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e", true, true },
		{ "\xf4\x8f\xbf\xbd", true, false }, /* private */
		{ "\xf4\x90\x80\x80", false, false },
		{ "\xc0\x80", false, false },
		{ "\xe0\x9f\xbf", false, false },
		{ "\xf0\x8f\xbf\xbf", false, false },
		{ "\xed\xbf\xbf", false, false },
		{ "\x80", false, false },
		{ "\xc3", false, false },
		{ "\xe2\x82", false, false },
		{ "\xf8\x88\x80\x80\x80", false, false },
		{ "a\tb", true, false },
		{ "\xe2\x80\xae", true, false }, /* U+202E */
		{ "\xe2\x80\x8b", true, false }, /* U+200B */
		{ "\xef\xbb\xbf", true, false },
		{ "\xc2\xa0", true, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span s = span_str(cases[i].text);
		struct buf b;
		uint32_t c;

		unit_case("%zu", i);
		assert_int_equal(utf8_is_valid(s), cases[i].valid);
		assert_int_equal(utf8_is_plain(s), cases[i].plain);
		if (!cases[i].valid)
			continue;
		buf_init(&b, unit_job()->arena, 64);
		for (size_t at = 0; utf8_next(s, &at, &c) == 1;)
			utf8_add(&b, c);
		assert_span_equal(buf_span(&b), cases[i].text);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_codes),
	cmocka_unit_test(test_duplicates),
	cmocka_unit_test(test_limits),
	cmocka_unit_test(test_time_is_bounded),
	cmocka_unit_test(test_split),
	cmocka_unit_test(test_from_lf),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_finding),
	cmocka_unit_test(test_verdict),
	cmocka_unit_test(test_utf8),
};

UNIT_MAIN(tests)
