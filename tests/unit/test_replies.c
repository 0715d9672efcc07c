/*
 * MA-91: the replies of tests/data/replies, each the whole way to its code:
 * MA-1 to MA-6, MA-10 to MA-22, MA-25 to MA-27, MA-30 to MA-38, MA-40 to
 * MA-42, MA-45 to MA-49, MA-55 to MA-62, both annexes.  Of those that are
 * accepted, each octet is changed (MA-93), and of all that carry a good
 * signature, what it does not cover (MA-59).
 *
 *	test_replies [FILE...]
 *
 * COUNTERSIGN_TEST_LONG: more values for each octet.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "lib/json.h"
#include "tests/unit/case_text.h"
#include "tests/unit/dkim_lab.h"
#include "tests/unit/reply_case.h"
#include "tests/unit/reply_case_judge.h"

/* All of them, made once. */
static struct arena *kept;
static struct reply_case *cases;
static size_t case_count;

static int
load_all(void **state)
{
	struct job j;
	const char **files;
	size_t file_count;

	(void)state;
	job_init(&j, NULL, NULL);
	kept = j.arena;
	reply_cases_files(&j, &files, &file_count);
	cases = arena_calloc(kept, 2000, sizeof(*cases));
	for (size_t i = 0; i < file_count; i++) {
		struct reply_case *some;
		size_t n;

		reply_cases_load(&j, files[i], &some, &n);
		assert_true(case_count + n <= 2000);
		memcpy(cases + case_count, some, n * sizeof(*some));
		case_count += n;
	}
	return 0;
}

static void
name_case(const struct reply_case *c)
{
	const char *slash = strrchr(c->file, '/');

	unit_case(
	    "%s:%u: %s", slash == NULL ? c->file : slash + 1, c->line, c->name);
}

/* --- each to its code ----------------------------------------------------- */

/* AC-129, MA-85: nothing of what was sent. */
static void
check_evidence(struct job *j, const struct reply *r)
{
	const struct json *top;

	assert_non_null(r->evidence);
	assert_int_equal(
	    json_parse_object(j, span_str(r->evidence), "evidence", &top), 0);
	assert_span_equal(json_string(json_get(top, "code")), r->finding.code);
	assert_null(strstr(r->evidence, CASE_PART1));
	assert_null(strstr(r->finding.detail, CASE_PART1));
	assert_null(strstr(r->finding.detail, "evil"));
}

static bool
ends_right(struct reply_case *c, enum conf_coverage g)
{
	struct reply r;
	struct job j;
	bool right;

	name_case(c);
	job_init(&j, NULL, NULL);
	reply_case_judge(&j, c, c->raw, g, &r);
	right = strcmp(r.finding.code, c->codes[g]) == 0;
	if (!right)
		print_message("# %s:%u: %s: %s (%s) instead of %s\n", c->file,
		    c->line, c->name, r.finding.code, r.finding.detail,
		    c->codes[g]);
	if (right && c->dkim_domain == NULL) {
		check_evidence(&j, &r);
		if (g == CONF_COVERAGE_CORE && c->verdict != NULL)
			assert_string_equal(
			    verdict_name(r.verdict), c->verdict);
		assert_int_equal(r.verdict == VERDICT_MATCH,
		    strcmp(c->codes[g], "match") == 0);
	}
	assert_true(c->queries <= DKIM_EVALUATED_MAX);
	job_done(&j);
	return right;
}

static void
test_codes(void **state)
{
	static const enum conf_coverage grades[] = { CONF_COVERAGE_RFC,
		CONF_COVERAGE_PRESENT, CONF_COVERAGE_CORE };
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < case_count; i++)
		for (size_t k = 0; k < COUNT(grades); k++)
			wrong += cases[i].codes[grades[k]] != NULL &&
				 !ends_right(&cases[i], grades[k]);
	unit_case("%s", "");
	print_message("# %zu cases\n", case_count);
	assert_int_equal(wrong, 0);
}

/* --- one octet changed (MA-93) -------------------------------------------- */

/* Is the octet in the value of a b= tag, or white space around it? */
static bool
is_signature_value(struct span field, size_t at)
{
	size_t from = at, to = at;

	while (from > 0 && field.p[from - 1] != ';' && field.p[from - 1] != ':')
		from--;
	while (to < field.n && field.p[to] != ';')
		to++;
	while (from < to && strchr(" \t\r\n", field.p[from]) != NULL)
		from++;
	return to - from > 2 && memcmp(field.p + from, "b=", 2) == 0 &&
	       at >= from + 2;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * May `raw`, whose octet `at` is changed, be accepted?  Only if what a
 * signature covers is the same in canonical form: the covered fields and the
 * body by the lab's own reckoning, its own field by what it is made of.
 */
static bool
may_pass(const struct reply_case *c, struct job *j, const struct message *m,
    struct span raw, size_t at)
{
	for (size_t i = 0; i < m->field_count; i++) {
		struct span f = m->fields[i].raw;
		size_t in = at - (size_t)(f.p - c->raw.p);
		char was = c->raw.p[at], is = raw.p[at];

		if (c->raw.p + at < f.p || c->raw.p + at >= f.p + f.n ||
		    !span_caseeq_str(m->fields[i].name, "DKIM-Signature"))
			continue;
		if (message_count(m, "DKIM-Signature") > 1)
			break; /* another one may be whole */
		return is_signature_value(f, in)
			   ? is_blank(was) && is_blank(is)
			   : c->signatures[0].canon[0] == 'r' &&
				 ((is_blank(was) && is_blank(is)) ||
				     (in < strlen("DKIM-Signature") &&
					 ascii_lower(was) == ascii_lower(is)));
	}
	for (size_t i = 0; i < c->signature_count; i++) {
		const char *canon = c->signatures[i].canon,
			   *names = c->signatures[i].names;

		if (span_eq(lab_covered(j, c->raw, canon, names),
			lab_covered(j, raw, canon, names)))
			return true;
	}
	return false;
}

static void
mutate(struct reply_case *c, const struct message *m, size_t at, char by)
{
	struct reply r;
	struct job j;
	char *copy;

	job_init(&j, NULL, NULL);
	copy = span_dup(j.arena, c->raw);
	copy[at] = by;
	reply_case_judge(
	    &j, c, span_mem(copy, c->raw.n), CONF_COVERAGE_CORE, &r);
	/* A changed reply never ends the challenge. */
	assert_int_not_equal(r.verdict, VERDICT_MISMATCH);
	assert_int_not_equal(r.verdict, VERDICT_STALE_KEY);
	if (r.verdict == VERDICT_MATCH &&
	    !may_pass(c, &j, m, span_mem(copy, c->raw.n), at))
		fail_msg("octet %zu is %02x instead of %02x, and it passes", at,
		    (unsigned char)by, (unsigned char)c->raw.p[at]);
	job_done(&j);
}

/*
 * The values that an octet is changed to: another bit or the other case in
 * turn; in a long run both, and octets that mean something to some parser.
 */
static size_t
values_of(char was, size_t at, char out[16])
{
	static const char others[] = { ' ', '\t', '\r', '\n', '\0', ':', ';',
		'=', '-', '"', '\\', '<', (char)0x80 };
	size_t n = 0;

	out[n++] = (char)(was ^ (at % 2 == 0 ? 1 : 0x20));
	if (getenv("COUNTERSIGN_TEST_LONG") == NULL)
		return n;
	out[n++] = (char)(was ^ (at % 2 == 0 ? 0x20 : 1));
	for (size_t i = 0; i < sizeof(others); i++)
		if (others[i] != was)
			out[n++] = others[i];
	return n;
}

/* Large ones would take minutes: of these, every so many octets. */
#define WHOLE_LEN 4096

static void
test_mutations(void **state)
{
	size_t tried = 0;

	(void)state;
	for (size_t i = 0; i < case_count; i++) {
		struct reply_case *c = &cases[i];
		size_t step = 1 + c->raw.n / WHOLE_LEN * 64;
		struct message m;
		char values[16];

		if (strcmp(c->codes[CONF_COVERAGE_CORE], "match") != 0 ||
		    step > 2000)
			continue;
		name_case(c);
		m = lab_parse(unit_job(), c->raw);
		for (size_t at = 0; at < c->raw.n; at += step) {
			size_t n = values_of(c->raw.p[at], at + i, values);

			for (size_t k = 0; k < n; k++)
				mutate(c, &m, at, values[k]);
			tried += n;
		}
	}
	unit_case("%s", "");
	assert_true(tried > 50000);
}

/* --- what is not covered (MA-59) ------------------------------------------ */

static const char *const types[] = { "", "Content-Type: text/plain\r\n",
	"Content-Type: text/plain; charset=us-ascii\r\n",
	"Content-Type: text/plain; charset=utf-8\r\n",
	"Content-Type: text/plain; charset=windows-1252\r\n",
	"Content-Type: text/plain; format=flowed\r\n",
	"Content-Type: text/plain; format=flowed; delsp=yes\r\n",
	"Content-Type: text/html\r\n", "Content-Type: message/rfc822\r\n",
	"Content-Type: multipart/alternative; boundary=b\r\n",
	"Content-Type: multipart/alternative; boundary=e\r\n",
	"Content-Type: multipart/mixed; boundary=b\r\n",
	"Content-Type: multipart/mixed; boundary=e\r\n",
	"Content-Type: multipart/signed; boundary=b\r\n",
	"Content-Type: multipart/related; boundary=b\r\n",
	"Content-Type: multipart/alternative; "
	"boundary=\"000000000000c0ffee0123456789\"\r\n",
	"Content-Type: multipart/mixed; "
	"boundary=\"000000000000c0ffee0123456789\"\r\n",
	"Content-Type: multipart/alternative; "
	"boundary=\"----=_Part_1_100.1772445600000\"\r\n",
	"Content-Type: multipart/alternative; "
	"boundary=\"---BEGIN ACME RESPONSE-----\"\r\n" };
static const char *const encodings[] = { "",
	"Content-Transfer-Encoding: 7bit\r\n",
	"Content-Transfer-Encoding: 8bit\r\n",
	"Content-Transfer-Encoding: binary\r\n",
	"Content-Transfer-Encoding: quoted-printable\r\n",
	"Content-Transfer-Encoding: base64\r\n" };
static const char *const versions[] = { NULL, "", "MIME-Version: 1.0\r\n",
	"MIME-Version: 2.0\r\n" };
static const char *const dispositions[] = { NULL, "",
	"Content-Disposition: attachment\r\n" };

/* The message with these fields instead of its own; NULL leaves them. */
static struct span
with_fields(struct job *j, const struct message *m, const char *const *by)
{
	static const char *const names[] = { "Content-Type",
		"Content-Transfer-Encoding", "MIME-Version",
		"Content-Disposition" };
	struct buf b;

	buf_init(&b, j->arena, m->raw.n + 1024);
	for (size_t i = 0; i < m->field_count; i++) {
		bool leave_out = false;

		for (size_t k = 0; k < COUNT(names); k++)
			leave_out |=
			    by[k] != NULL &&
			    span_caseeq_str(m->fields[i].name, names[k]);
		if (!leave_out)
			buf_add(&b, m->fields[i].raw);
	}
	for (size_t k = 0; k < COUNT(names); k++)
		buf_add_str(&b, by[k] == NULL ? "" : by[k]);
	buf_add_str(&b, "\r\n");
	buf_add(&b, m->body);
	return buf_span(&b);
}

static void
reread(struct reply_case *c, const struct message *m, const struct reply *first,
    const char *const *by)
{
	struct reply r;
	struct job j;

	job_init(&j, NULL, NULL);
	reply_case_judge(&j, c, with_fields(&j, m, by), CONF_COVERAGE_CORE, &r);
	if (r.has_digest && first->has_digest)
		assert_memory_equal(r.digest, first->digest, SHA256_LEN);
	if (r.has_digest && !first->has_digest && !c->is_whole)
		fail_msg("an answer (%s) that was none (%s), with %s%s%s%s",
		    r.finding.code, first->finding.code, by[0], by[1],
		    by[2] == NULL ? "" : by[2], by[3] == NULL ? "" : by[3]);
	job_done(&j);
}

static void
reread_all(
    struct reply_case *c, const struct message *m, const struct reply *first)
{
	for (size_t t = 0; t < COUNT(types); t++)
		for (size_t e = 0; e < COUNT(encodings); e++)
			for (size_t v = 0; v < COUNT(versions); v++)
				for (size_t d = 0; d < COUNT(dispositions);
				     d++) {
					const char *by[] = { types[t],
						encodings[e], versions[v],
						dispositions[d] };

					reread(c, m, first, by);
				}
}

static void
test_readings(void **state)
{
	size_t tried = 0;

	(void)state;
	for (size_t i = 0; i < case_count; i++) {
		struct reply_case *c = &cases[i];
		struct message m;
		struct reply r;

		if (c->dkim_domain != NULL || c->raw.n > WHOLE_LEN)
			continue;
		name_case(c);
		reply_case_judge(unit_job(), c, c->raw, CONF_COVERAGE_CORE, &r);
		if (!r.dkim.pass ||
		    (r.dkim.covers_content_type && r.dkim.covers_cte))
			continue;
		m = lab_parse(unit_job(), c->raw);
		reread_all(c, &m, &r);
		tried++;
	}
	unit_case("%s", "");
	assert_true(tried > 10);
}

static int
release_all(void **state)
{
	(void)state;
	arena_free(kept);
	return 0;
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(test_codes, load_all),
	cmocka_unit_test(test_mutations),
	cmocka_unit_test_teardown(test_readings, release_all),
};

UNIT_MAIN(tests)
