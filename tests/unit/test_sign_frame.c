/*
 * What the issuer and the process that has the keys in tokens say to each
 * other, as octets (PK-202, PK-203).
 */
#include "config.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "pki/remote_key.h"
#include "src/sign_frame.h"
#include "tests/unit/unit.h"

static struct sign_question
question(char tag, size_t total, size_t at, struct span part)
{
	return (struct sign_question){ .id = "0123456789abcde",
		.tag = tag,
		.label = SPAN("0a1b"),
		.total = total,
		.at = at,
		.part = part };
}

/* PK-202: what was written is read; what was cut or does not fit is not. */
static void
test_questions(void **state)
{
	const struct sign_question good[] = {
		question(SIGN_IS_READY, 0, 0, SPAN("")),
		question(REMOTE_LIST, 5, 0, SPAN("whole")),
		question(REMOTE_LIST, 9, 4, SPAN("whole")),
	};
	const struct sign_question bad[] = {
		question(SIGN_IS_READY, 5, 0, SPAN("whole")),
		question(SIGN_IS_READY, 0, 0, SPAN("whole")),
		question(SIGN_IS_READY, 0, 1, SPAN("")),
		question(REMOTE_LIST, 0, 0, SPAN("")),
		question(REMOTE_LIST, 5, 0, SPAN("")),
		question(REMOTE_LIST, 5, 1, SPAN("whole")),
		question(REMOTE_LIST, 5, 5, SPAN("whole")),
		question(REMOTE_LIST, 5, 0xffffffff, SPAN("whole")),
		question(REMOTE_LIST, 4, 0, SPAN("whole")),
	};
	struct job *j = unit_job();
	struct sign_question q;
	struct span m;
	(void)state;

	for (size_t i = 0; i < COUNT(good); i++) {
		unit_case("good %zu", i);
		assert_int_equal(sign_question_write(j, &good[i], &m), 0);
		assert_int_equal(sign_question_read(j, m, &q), 0);
		assert_memory_equal(q.id, good[i].id, SIGN_ID_LEN);
		assert_int_equal(q.tag, good[i].tag);
		assert_span_equal(q.label, "0a1b");
		assert_int_equal(q.total, good[i].total);
		assert_int_equal(q.at, good[i].at);
		assert_true(span_eq(q.part, good[i].part));
		for (size_t n = 0; n + good[i].part.n < m.n; n++) {
			assert_int_equal(
			    sign_question_read(j, span_cut(m, 0, n), &q), -1);
			job_recover(j);
		}
	}
	q = good[1];
	q.label = SPAN("0a\n");
	assert_int_equal(sign_question_write(j, &q, &m), 0);
	assert_int_equal(sign_question_read(j, m, &q), -1);
	job_recover(j);
	for (size_t i = 0; i < COUNT(bad); i++) {
		unit_case("bad %zu", i);
		assert_int_equal(sign_question_write(j, &bad[i], &m), 0);
		assert_int_equal(sign_question_read(j, m, &q), -1);
		assert_int_equal(j->err.kind, ERR_MALFORMED);
		job_recover(j);
	}
	q = question(REMOTE_LIST, SIGN_TBS_MAX + 1, 0, SPAN("whole"));
	assert_int_equal(sign_question_write(j, &q, &m), -1);
	job_recover(j);
}

static void
test_answers(void **state)
{
	static const struct {
		const char *octets;
		size_t n; /* after "CSSA" and the id */
		bool is_good;
	} rows[] = { { "0signature", 10, true }, { "0", 1, true },
		{ "Baway", 5, true }, { "Rwrong", 6, true },
		{ "Fwhy", 4, true }, { "G", 1, true }, { "", 0, false },
		{ "1signature", 10, false }, { "B\xff", 2, false },
		{ "F\n", 2, false }, { "F\0", 2, false } };
	struct job *j = unit_job();
	struct sign_answer a;
	struct span again;
	struct buf b;
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%zu: %s", i, rows[i].octets);
		buf_init(&b, j->arena, 100);
		buf_add(&b, SPAN("CSSA0123456789abcdef"));
		buf_add_mem(&b, rows[i].octets, rows[i].n);
		assert_int_equal(sign_answer_read(j, buf_span(&b), &a),
		    rows[i].is_good ? 0 : -1);
		job_recover(j);
		if (!rows[i].is_good)
			continue;
		assert_int_equal(sign_answer_write(j, &a, &again), 0);
		assert_true(span_eq(again, buf_span(&b)));
	}
	/* Longer than any signature and any text. */
	for (size_t n = 500; n < 1100; n += 12) {
		buf_init(&b, j->arena, 2000);
		buf_add(&b, SPAN("CSSA0123456789abcdef"));
		buf_add_char(&b, n % 24 == 8 ? '0' : 'B');
		for (size_t k = 0; k < n; k++)
			buf_add_char(&b, 'x');
		assert_int_equal(sign_answer_read(j, buf_span(&b), &a),
		    n < (n % 24 == 8 ? REMOTE_SIGNATURE_MAX + 1 : ERR_TEXT_MAX)
			? 0
			: -1);
		job_recover(j);
	}
}

/* PK-203: only the parts of one question, one after the other, are what was
 * asked. */
static void
test_parts(void **state)
{
	static const struct {
		const char *parts; /* each: id, octet with at, tag, octets */
		const char *whole; /* NULL: it never is */
	} rows[] = {
		{ "a0Lab a2Lcd", "abcd" },
		{ "a0Lab b0Lxy b2Lzz a2Lcd", "xyzz" },
		{ "a2Lcd", NULL },
		{ "a0Lab a3Ld", NULL },
		{ "a0Lab a0Lab", NULL },
		{ "a0Lab a1Lbc", NULL },
		{ "a0Lab a2Scd", NULL },
		{ "a0Lab b2Lcd", NULL },
		{ "a0Lab b2Lcd a2Lcd", NULL },
		{ "a0Lab a3Ld a2Lcd", NULL },
		{ "a0Lab a3Ld a0Lef a2Lgh", "efgh" },
	};
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sign_incoming in;
		struct span rest = span_str(rows[i].parts);
		const char *whole = NULL;

		sign_incoming_init(j, &in);
		unit_case("%s", rows[i].parts);
		while (rest.n > 0) {
			size_t end = span_find(rest, 0, ' ');
			struct sign_question q = question(rest.p[2], 4,
			    (size_t)(rest.p[1] - '0'), span_cut(rest, 3, end));

			q.id[0] = (uint8_t)rest.p[0];
			if (sign_incoming_add(&in, &q) == 1)
				whole = span_dup(j->arena, buf_span(&in.tbs));
			rest = span_from(rest, end + 1);
		}
		if (rows[i].whole == NULL)
			assert_null(whole);
		else
			assert_string_equal(whole, rows[i].whole);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_questions),
	cmocka_unit_test(test_answers),
	cmocka_unit_test(test_parts),
};

UNIT_MAIN(tests)
