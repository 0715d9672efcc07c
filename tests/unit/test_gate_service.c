/*
 * What the issuer's gate makes of rounds that an Open MPIC service was asked in
 * (PK-46, PK-53, MP-10), also where mpic.dkim_via_dcv and mpic.open_mpic_flat
 * were switched meanwhile.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "db/store_caa.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "src/corroborate.h"
#include "src/evidence.h"
#include "src/judge_caa.h"
#include "tests/unit/mpic_lab.h"

#define PERSPECTIVES 5

/* A round, with the options of its time. */
struct told {
	bool via_dcv, takes_flat;
	bool is_flat;     /* so were the answers */
	bool leaves_key;  /* it was seen before */
	bool key_agreed;  /* as the row says of itself */
	size_t strangers; /* see another key */
};

static const char *const codes[PERSPECTIVES] = { "a", "b", "c", "d", "e" };
static const struct mpic_view no_record = { "true", "true",
	"{\"caa_record_present\":false}" };

static struct span
key_element(
    struct job *j, const char *code, const struct question *q, bool is_strange)
{
	struct mpic_view v = { .completed = "true", .passed = "true" };

	v.details =
	    arena_printf(j->arena, "{\"records_seen\":[\"k=%s; p=%s%.*s\"]}",
		q->key.n == 32 ? "ed25519" : "rsa", is_strange ? "AAAA" : "",
		(int)q->key_text.n, q->key_text.p);
	return span_str(mpic_element(code, &v));
}

static struct conf_mpic
options(bool via_dcv, bool takes_flat)
{
	static struct conf_perspective perspectives[PERSPECTIVES];
	static struct conf_open_mpic service = { .name = "one" };

	return (struct conf_mpic){ .policy = CONF_MPIC_ENFORCE,
		.perspectives = perspectives,
		.perspective_count = PERSPECTIVES,
		.services = &service,
		.service_count = 1,
		.dkim_via_dcv = via_dcv,
		.open_mpic_flat = takes_flat };
}

static struct round
round_of(struct job *j, const struct question *q, const struct told *told)
{
	struct round r = { .v = arena_calloc(
			       j->arena, PERSPECTIVES, sizeof(*r.v)),
		.n = PERSPECTIVES,
		.at = j->now,
		.service = "one" };

	for (size_t i = 0; i < r.n; i++) {
		struct testimony *t = &r.v[i];

		t->code = codes[i];
		t->rir = i % 2 == 0 ? RIR_RIPE : RIR_ARIN;
		t->body = span_str(told->is_flat
				       ? mpic_element_flat(codes[i], &no_record)
				       : mpic_element(codes[i], &no_record));
		if (question_has_key(q))
			t->key_body =
			    key_element(j, codes[i], q, i < told->strangers);
		testimony_judge(j, q, t);
		assert_int_equal(t->answer,
		    i < told->strangers ? ANSWER_DENIES : ANSWER_AGREES);
	}
	return r;
}

/* The newest check's row as the validator would have written it. */
static void
tell(struct role_lab *lab, const struct told *told)
{
	struct job *j = lab->j;
	char hex[2 * SEAL_LEN + 1];
	uint8_t seal[SEAL_LEN];
	struct question q;
	struct round r;
	struct caa_row c;

	lab->conf.mpic = options(told->via_dcv, told->takes_flat);
	EXPECT(j, store_caa_latest(j, role_lab_authz(lab)->id, &c), 1);
	EXPECT(j, question_of(j, &c, &q), 0);
	assert_int_equal(question_has_key(&q), told->via_dcv);
	if (told->leaves_key)
		question_leave_key(&q);
	r = round_of(j, &q, told);
	c.trace = corroboration_add(j, c.trace, &q, &r);
	assert_non_null(c.trace);
	/* As it was before calls were written down. */
	c.trace = mpic_edit(c.trace, "\"calls\":[],", "");
	evidence_seal_caa(lab->issuer.seal, &c, seal);
	hex_format(hex, span_mem(seal, sizeof(seal)));
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE caa SET trace = '%s', seal = x'%s', "
			   "key_agreed = %d WHERE id = '%s'",
			   c.trace, hex, told->key_agreed, c.id));
}

static void
keep(struct job *j)
{
	fixture_sql(j, "CREATE TABLE kept AS SELECT * FROM caa");
}

static void
put_back(struct job *j)
{
	job_recover(j);
	fixture_sql(j, "DELETE FROM caa");
	fixture_sql(j, "INSERT INTO caa SELECT * FROM kept");
	fixture_sql(j, "DROP TABLE kept");
}

/* What counts is what is wanted today; and what was asked is never forgotten.
 */
static void
test_switched(struct job *j)
{
	static const struct {
		struct told told;
		bool via_dcv, takes_flat; /* today */
		enum gate gate;
	} table[] = {
		{ { .via_dcv = false }, false, false, GATE_OPEN },
		{ { .via_dcv = true }, true, false, GATE_OPEN },
		{ { .via_dcv = true, .strangers = 1 }, true, false, GATE_OPEN },
		{ { .via_dcv = true, .strangers = 2 }, true, false, GATE_WAIT },
		/* nobody has been asked for the key */
		{ { .via_dcv = false }, true, false, GATE_WAIT },
		{ { .via_dcv = true, .leaves_key = true }, true, false,
		    GATE_WAIT },
		/* the option was switched off */
		{ { .via_dcv = true }, false, false, GATE_OPEN },
		{ { .via_dcv = true, .strangers = 2 }, false, false,
		    GATE_WAIT },
		{ { .via_dcv = true, .leaves_key = true }, false, false,
		    GATE_WAIT },
		{ { .takes_flat = true, .is_flat = true }, false, true,
		    GATE_OPEN },
		{ { .takes_flat = true, .is_flat = true }, false, false,
		    GATE_WAIT },
		{ { .takes_flat = false }, false, true, GATE_OPEN },
	};
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	lab.conf.caa_enforce = true;
	for (size_t i = 0; i < COUNT(table); i++) {
		unit_case("%zu", i);
		keep(j);
		tell(&lab, &table[i].told);
		lab.conf.mpic = options(table[i].via_dcv, table[i].takes_flat);
		assert_int_equal(role_lab_gate(&lab), table[i].gate);
		put_back(j);
	}
}

/* PK-47: the key was seen when the reply came; later ones are about CAA. */
static void
test_seen_before(struct job *j)
{
	static const struct {
		struct told first;
		enum gate gate;
	} table[] = {
		{ { .via_dcv = true, .key_agreed = true }, GATE_OPEN },
		{ { .via_dcv = true, .key_agreed = false }, GATE_WAIT },
		/* a row that says so of itself */
		{ { .via_dcv = true, .key_agreed = true, .strangers = 2 },
		    GATE_CLOSED },
		{ { .via_dcv = false, .key_agreed = true }, GATE_CLOSED },
	};
	static const struct told later = { .via_dcv = true,
		.leaves_key = true };
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_finalize(&lab);
	lab.conf.caa_enforce = true;
	for (size_t i = 0; i < COUNT(table); i++) {
		unit_case("%zu", i);
		role_lab_at(&lab, FIXTURE_NOW);
		keep(j);
		tell(&lab, &table[i].first);
		role_lab_at(&lab, FIXTURE_NOW + 4000);
		assert_int_equal(role_lab_gate(&lab), GATE_WAIT);
		EXPECT(j, judge_caa(&lab.validator, j), 1);
		tell(&lab, &later);
		assert_int_equal(role_lab_gate(&lab), table[i].gate);
		put_back(j);
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_switched),
	STORE_TEST_SQLITE(test_seen_before),
};
UNIT_MAIN(tests)
