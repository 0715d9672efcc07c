/*
 * Which rows a signature rests on (PK-18): named by the certificate's record,
 * shown and verified again, whatever was checked afterwards (PK-17, PK-22).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>
#include <unistd.h>

#include "db/store_caa.h"
#include "db/store_cert.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "src/dossier.h"
#include "src/evidence.h"
#include "src/judge_caa.h"
#include "src/relied.h"
#include "tests/unit/pki_lab.h"

#define MAILBOX "mailbox0@example.org"
#define TEXT_MAX ((size_t)4 << 20)

static void
run(struct role_lab *lab)
{
	int r;

	do
		r = issuer_step(&lab->issuer, lab->j);
	while (r > 0);
	fixture_expect(lab->j, r, 0, __FILE__, __LINE__);
}

static void
lab_init(struct role_lab *lab, struct job *j)
{
	struct conf_issuer *conf = &lab->conf.issuer;

	role_lab_init(lab, j);
	lab->issuer.ca = lab_ca("p256");
	conf->validity_days = 30;
	conf->serial_octet = 1;
	conf->crl_shards = 1;
	conf->crl_url = LAB_CRL_URL;
	conf->clock_allowance = 300;
	conf->crl_file = arena_printf(j->arena, "%s/issuing.crl", lab_folder());
	unlink(conf->crl_file); /* of the test before */
	fixture_sql(j, "UPDATE orders SET profile = 'mailbox-multipurpose'");
}

static void
prove(struct role_lab *lab)
{
	role_lab_send(lab);
	role_lab_post(lab);
	assert_int_equal(
	    role_lab_take(lab, role_lab_reply(lab, NULL)), VERDICT_MATCH);
	EXPECT(lab->j, judge_caa(&lab->validator, lab->j), 1);
}

static struct cert
issue(struct role_lab *lab)
{
	struct lab_csr csr =
	    lab_csr(lab->j, lab_key(KEY_TYPE_P256, 0), MAILBOX);
	struct cert c = { .id = NULL };

	role_lab_request_take(lab, lab_csr_make(lab->j, &csr));
	run(lab);
	EXPECT(lab->j, store_cert_by_order(lab->j, lab->order->id, &c), 1);
	assert_true(c.issued_at > 0);
	return c;
}

static struct dossier
verified(struct role_lab *lab)
{
	struct dossier d;

	assert_int_equal(dossier_load(lab->j, role_lab_authz(lab)->id, &d), 1);
	EXPECT(
	    lab->j, dossier_verify(lab->j, &d, lab->validator.seal, NULL), 0);
	return d;
}

static struct caa_row
newest_check(struct role_lab *lab)
{
	struct caa_row c;

	EXPECT(
	    lab->j, store_caa_latest(lab->j, role_lab_authz(lab)->id, &c), 1);
	return c;
}

/* Not the newest: the one that it was. */
static void
test_rows_are_named(struct job *j)
{
	struct relied_list all;
	const struct relied *r;
	struct role_lab lab;
	struct caa_row then;
	struct dossier d;
	struct cert c;
	struct buf b;

	lab_init(&lab, j);
	prove(&lab);
	then = newest_check(&lab);
	c = issue(&lab);
	EXPECT(j,
	    relied_parse(j, lab.issuer.seal, c.order_id, c.evidence, &all), 1);
	assert_int_equal(all.n, 1);
	r = relied_find(&all, role_lab_authz(&lab)->id);
	assert_non_null(r);
	assert_string_equal(r->reply.id, role_lab_proof(&lab).id);
	assert_string_equal(r->caa.id, then.id);
	assert_true(relied_is(j, &r->caa, then.id, then.seal));
	assert_null(r->key_seen.id);
	assert_null(relied_find(&all, "another"));

	/* Another check, which cannot be looked up in the end. */
	role_lab_at(&lab, j->now + 7200);
	COMMITTED(j, store_caa_request(j, then.authz_id, NULL, j->now));
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	assert_string_not_equal(newest_check(&lab).id, then.id);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE caa SET seal = NULL WHERE id <> '%s'", then.id));
	d = verified(&lab);
	assert_string_equal(d.verdict, "ok");
	assert_int_equal(d.checks.check_count, 2);
	assert_int_equal(d.checks.cert_count, 1);
	buf_init(&b, j->arena, TEXT_MAX);
	EXPECT(j, dossier_text(j, &d, &b), 0);
	assert_non_null(
	    strstr(b.p, arena_printf(j->arena, "%s of ", c.serial)));
	assert_non_null(
	    strstr(b.p, arena_printf(j->arena, "    reply %s, CAA check %s\n",
			    d.reply.id, then.id)));
}

static void
test_as_json(struct job *j)
{
	const struct json *v, *cert, *check;
	struct role_lab lab;
	struct dossier d;
	struct cert c;
	struct buf b;

	lab_init(&lab, j);
	prove(&lab);
	c = issue(&lab);
	d = verified(&lab);
	buf_init(&b, j->arena, TEXT_MAX);
	EXPECT(j, dossier_json(j, &d, &b), 0);
	EXPECT(j, json_parse_object(j, buf_span(&b), "dossier", &v), 0);
	cert = json_at(json_get(v, "certificates"), 0);
	check = json_at(json_get(v, "caa_checks"), 0);
	assert_span_equal(json_string(json_get(cert, "serial")), c.serial);
	assert_span_equal(json_string(json_get(cert, "reply")), d.reply.id);
	assert_true(span_eq(json_string(json_get(cert, "caa")),
	    json_string(json_get(check, "id"))));
	assert_span_equal(
	    json_string(json_get(check, "requirements")), BR_VERSION);
	assert_span_equal(
	    json_string(json_get(json_get(check, "trace"), "domain")),
	    "example.org");
	assert_int_equal(json_count(json_get(check, "attempts")), 0);
}

/* Whoever can write rows cannot make it rest on others. */
static void
test_changed(struct job *j)
{
	static const struct {
		const char *sql, *says;
	} cases[] = {
		{ "UPDATE cert SET evidence = "
		  "replace(evidence, '\"reply\":\"', '\"reply\":\"x')",
		    "does not carry the issuer's seal" },
		{ "UPDATE cert SET evidence = "
		  "replace(evidence, '\"caa\":\"', '\"caa\":\"x')",
		    "does not carry the issuer's seal" },
		{ "UPDATE cert SET evidence = "
		  "replace(evidence, 'relied_on_seal', 'x')",
		    "does not carry the issuer's seal" },
		{ "UPDATE cert SET evidence = replace(evidence, "
		  "'\"relied_on\":[', '\"relied_on\":[],\"x\":[')",
		    "does not carry the issuer's seal" },
		{ "UPDATE cert SET evidence = '['", "is not a JSON object" },
		{ "DELETE FROM caa", "the CAA check that it rests on is not "
				     "there" },
		{ "UPDATE caa SET id = id || 'x'", "is not there" },
		{ "UPDATE caa SET seal = NULL", "is not what it was" },
		{ "UPDATE caa SET br_version = 'SBR 1.0.15'",
		    "does not carry the validator's seal" },
		{ "UPDATE caa SET checked_at = checked_at - 1",
		    "does not carry the validator's seal" },
		{ "UPDATE reply SET id = id || 'x'", "rests on another reply" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct role_lab lab;
		struct dossier d;

		unit_case("%s", cases[i].sql);
		fixture_sql(j, "DELETE FROM cert");
		lab_init(&lab, j);
		prove(&lab);
		issue(&lab);
		assert_string_equal(verified(&lab).verdict, "ok");
		fixture_sql(j, cases[i].sql);
		d = verified(&lab);
		assert_false(d.verified);
		if (strstr(d.verdict, cases[i].says) == NULL)
			fail_msg("%s", d.verdict);
	}
}

/* Taken out it looks like an earlier version's, and the audit knows better. */
static void
test_stripped(struct job *j)
{
	static const char *const cases[] = {
		"UPDATE cert SET evidence = '{}'",
		("UPDATE cert SET evidence = replace(replace(evidence, "
		 "'\"relied_on\":', '\"x\":'), 'relied_on_seal', 'y')"),
		("UPDATE cert SET evidence = '{\"authorizations\":[\"' || "
		 "(SELECT id FROM authz) || '\"]}'"),
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct role_lab lab;
		struct dossier d;

		unit_case("%s", cases[i]);
		fixture_sql(j, "DELETE FROM cert");
		lab_init(&lab, j);
		prove(&lab);
		issue(&lab);
		assert_string_equal(verified(&lab).verdict, "ok");
		fixture_sql(j, cases[i]);
		d = verified(&lab);
		assert_false(d.verified);
		if (strstr(d.verdict, "was changed after it was issued") ==
		    NULL)
			fail_msg("%s", d.verdict);
	}
}

/* A certificate that an earlier version made names authorizations only, and its
 * record has no hash. */
static void
test_former_version(struct job *j)
{
	struct role_lab lab;
	struct dossier d;
	struct buf b;

	lab_init(&lab, j);
	prove(&lab);
	issue(&lab);
	d = verified(&lab);
	buf_init(&b, j->arena, TEXT_MAX);
	EXPECT(j, dossier_text(j, &d, &b), 0);
	assert_null(strstr(b.p, "no hash of it to compare with"));
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE cert SET evidence = '{\"authorizations\":[\"%s\"]}'",
		   role_lab_authz(&lab)->id));
	fixture_sql(j, "UPDATE audit SET detail = replace(detail, "
		       "'evidence_sha256', 'x')");
	d = verified(&lab);
	assert_string_equal(d.verdict, "ok");
	buf_init(&b, j->arena, TEXT_MAX);
	EXPECT(j, dossier_text(j, &d, &b), 0);
	assert_non_null(strstr(b.p, "it does not say on what it rests"));
	assert_non_null(strstr(b.p, "no hash of it to compare with"));
	buf_init(&b, j->arena, TEXT_MAX);
	EXPECT(j, dossier_json(j, &d, &b), 0);
	assert_non_null(
	    strstr(b.p, "\"unrecorded\":\"the audit has no hash of it"));
	/* The newest check counts then. */
	fixture_sql(j, "UPDATE caa SET seal = NULL");
	assert_false(verified(&lab).verified);
}

/* Each field of each mailbox is under the seal, and its place. */
static void
test_seal(struct job *j)
{
	uint8_t octets[SEAL_LEN] = { 1, 2, 3 };
	const struct seal_key *k = seal_key_new(j->arena, octets);
	struct relied rows[] = {
		{ "a1", { "r1", "00" }, { "c1", "01" }, { NULL, NULL } },
		{ "a2", { "r2", "02" }, { "c2", "03" }, { "k2", "04" } },
	};
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "\"a1\"", "\"a3\"" },
		{ "\"r1\"", "\"r3\"" },
		{ "\"00\"", "\"09\"" },
		{ "\"c2\"", "\"c3\"" },
		{ "\"03\"", "\"09\"" },
		{ "\"k2\"", "\"k3\"" },
		{ "\"04\"", "\"09\"" },
		{ "\"key_seen\"", "\"key_not\"" },
	};
	const struct relied_list l = { rows, 2 };
	struct relied_list back;
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	relied_put(&o, j, k, "order", &l);
	json_object_end(&o);
	EXPECT(j, relied_parse(j, k, "order", b.p, &back), 1);
	assert_int_equal(back.n, 2);
	assert_string_equal(back.v[1].key_seen.id, "k2");
	assert_null(back.v[0].key_seen.id);
	EXPECT(j, relied_parse(j, k, "other", b.p, &back), -1);
	job_recover(j);
	for (size_t i = 0; i < COUNT(changes); i++) {
		const char *at = strstr(b.p, changes[i].from);

		unit_case("%s", changes[i].from);
		assert_non_null(at);
		EXPECT(j,
		    relied_parse(j, k, "order",
			arena_printf(j->arena, "%.*s%s%s", (int)(at - b.p), b.p,
			    changes[i].to, at + strlen(changes[i].from)),
			&back),
		    -1);
		assert_job_error(j, ERR_UNAUTHORIZED, NULL);
		job_recover(j);
	}
	EXPECT(j, relied_parse(j, k, "order", "{}", &back), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_rows_are_named),
	STORE_TEST_SQLITE(test_as_json),
	STORE_TEST_SQLITE(test_changed),
	STORE_TEST_SQLITE(test_stripped),
	STORE_TEST_SQLITE(test_former_version),
	STORE_TEST_SQLITE(test_seal),
};
UNIT_MAIN(tests)
