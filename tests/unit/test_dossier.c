/*
 * The evidence of an authorization, shown and verified again by somebody who
 * has nothing but the store: ER-35, MA-86, ER-6.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "lib/b64.h"
#include "lib/count.h"
#include "lib/json.h"
#include "src/dossier.h"
#include "src/judge_caa.h"

#define YEAR ((int64_t)365 * 86400)
#define MAX ((size_t)4 << 20)

static void
proven(struct role_lab *lab, struct job *j)
{
	role_lab_init(lab, j);
	role_lab_send(lab);
	role_lab_post(lab);
	assert_int_equal(
	    role_lab_take(lab, role_lab_reply(lab, NULL)), VERDICT_MATCH);
}

static struct dossier
load(struct role_lab *lab)
{
	struct dossier d;

	assert_int_equal(dossier_load(lab->j, role_lab_authz(lab)->id, &d), 1);
	return d;
}

static const struct json *
as_json(struct role_lab *lab, const struct dossier *d)
{
	const struct json *v;
	struct buf b;

	buf_init(&b, lab->j->arena, MAX);
	assert_int_equal(dossier_json(lab->j, d, &b), 0);
	assert_int_equal(
	    json_parse_object(lab->j, buf_span(&b), "dossier", &v), 0);
	return v;
}

static const char *
as_text(struct role_lab *lab, const struct dossier *d)
{
	struct buf b;

	buf_init(&b, lab->j->arena, MAX);
	assert_int_equal(dossier_text(lab->j, d, &b), 0);
	return b.p;
}

/* Ten years later, with no DNS that could be asked. */
static void
test_years_later(struct job *j)
{
	struct role_lab lab;
	struct dossier d;
	size_t queries;

	proven(&lab, j);
	queries = lab.queries;
	role_lab_at(&lab, FIXTURE_NOW + 10 * YEAR);
	d = load(&lab);
	assert_int_equal(dossier_verify(j, &d, lab.validator.seal, NULL), 0);
	assert_string_equal(d.verdict, "ok");
	assert_true(d.verified);
	assert_string_equal(d.seal_result, "checked");
	assert_int_equal(lab.queries, queries);
	assert_non_null(strstr(
	    as_text(&lab, &d), "verified again from what is stored: ok"));
	/* By somebody without the seal's key. */
	assert_int_equal(
	    dossier_verify(j, &d, NULL, "not checked (no key)"), 0);
	assert_true(d.verified);
	assert_string_equal(d.seal_result, "not checked (no key)");
}

/* Whatever was changed afterwards is found. */
static void
test_changed(struct job *j)
{
	static const char *const changes[] = {
		"UPDATE reply SET arrival = arrival + 1",
		"UPDATE reply SET evidence = REPLACE(evidence, 'core', 'c0re')",
		"UPDATE reply SET raw_sha256 = seal",
		"UPDATE reply SET seal = raw_sha256",
		"UPDATE caa SET checked_at = checked_at + 1",
		"UPDATE caa SET trace = '{\"corroboration\":{}}'",
		"UPDATE caa SET seal = NULL",
	};

	for (size_t i = 0; i < COUNT(changes); i++) {
		struct role_lab lab;
		struct dossier d;

		unit_case("%s", changes[i]);
		proven(&lab, j);
		EXPECT(j, judge_caa(&lab.validator, j), 1);
		fixture_sql(j, changes[i]);
		d = load(&lab);
		assert_int_equal(
		    dossier_verify(j, &d, lab.validator.seal, NULL), 0);
		assert_false(d.verified);
		assert_non_null(strstr(as_text(&lab, &d), "stored: NO"));
		assert_false(json_bool(json_get(
		    json_get(as_json(&lab, &d), "verification"), "verified")));
	}
}

static void
test_contents(struct job *j)
{
	const struct json *v, *reply;
	struct role_lab lab;
	struct dossier d;
	const char *text;
	struct span raw;

	proven(&lab, j);
	d = load(&lab);
	text = as_text(&lab, &d);
	assert_non_null(strstr(text, "mailbox: mailbox0@example.org"));
	assert_non_null(strstr(text, "SHA-256 of token-part1: "));
	assert_non_null(strstr(text, "key record at: "));
	assert_non_null(strstr(text, "  pass  match: the digest is right"));
	assert_non_null(strstr(text, "resolver: given answers"));
	assert_null(strstr(text, "verified again"));
	/* The reply itself, whole. */
	v = as_json(&lab, &d);
	reply = json_get(v, "reply");
	assert_int_equal(
	    b64_parse_fws(j->arena, json_string(json_get(reply, "raw")), &raw),
	    0);
	assert_true(span_eq(raw, d.reply.raw));
	assert_int_equal(json_type(json_get(v, "verification")), JSON_T_ABSENT);
	assert_span_equal(json_string(json_get(reply, "verdict")), "match");
}

/* ER-6: the reply holds token-part1, which is still worth something. */
static void
test_open(struct job *j)
{
	const struct json *reply;
	struct role_lab lab;
	struct dossier d;
	char part1[TOKEN_PART_LEN + 1];
	struct buf b;

	role_lab_init(&lab, j);
	role_lab_send(&lab);
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_MATCH);
	memcpy(part1, lab.order->identifiers[0].authz.challenge.token_part1.p,
	    TOKEN_PART_LEN);
	part1[TOKEN_PART_LEN] = '\0';
	d = load(&lab);
	assert_false(d.shows_raw);
	reply = json_get(as_json(&lab, &d), "reply");
	assert_int_equal(json_type(json_get(reply, "raw")), JSON_T_ABSENT);
	buf_init(&b, j->arena, MAX);
	assert_int_equal(dossier_json(j, &d, &b), 0);
	assert_null(strstr(b.p, part1));
	assert_null(strstr(as_text(&lab, &d), part1));
	role_lab_post(&lab);
	assert_true(load(&lab).shows_raw);
}

static void
test_none(struct job *j)
{
	static const struct role_lab_reply wrong = { .is_wrong = true };
	struct role_lab lab;
	struct dossier d;

	assert_int_equal(dossier_load(j, "nobody", &d), 0);
	role_lab_init(&lab, j);
	role_lab_send(&lab);
	role_lab_post(&lab);
	role_lab_take(&lab, role_lab_reply(&lab, &wrong));
	d = load(&lab);
	assert_false(d.has_reply);
	assert_int_equal(dossier_verify(j, &d, lab.validator.seal, NULL), 0);
	assert_false(d.verified);
	assert_non_null(
	    strstr(as_text(&lab, &d), "no reply proves this mailbox"));
	assert_int_equal(
	    json_type(json_get(as_json(&lab, &d), "reply")), JSON_T_ABSENT);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_years_later),
	STORE_TEST(test_changed),
	STORE_TEST(test_contents),
	STORE_TEST(test_open),
	STORE_TEST(test_none),
};

UNIT_MAIN(tests)
