/*
 * The tables of the practice statement: PK-26 (one list, three readers), PK-77
 * (which proofs of a compromise are accepted), PK-184 (where problems are
 * reported).
 */
#include "config.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/directory.h"
#include "acme/response.h"
#include "lib/count.h"
#include "lib/json.h"
#include "pki/caa.h"
#include "pki/version.h"
#include "src/caa_rules.h"
#include "src/cps_tables.h"
#include "src/outline.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define BASE "https://acme.ca.example"

static const char *issuers[] = { "ca.example", "Second.CA.example" };
static const char *offered[] = { "own", "mailbox-strict",
	"mailbox-encryption" };

static const struct profile own = {
	.name = "own",
	.description = "One of a section",
	.generation = GENERATION_MULTIPURPOSE,
	.classes = PROFILE_BIT(KEY_CLASS_SIGNING) | PROFILE_BIT(KEY_CLASS_DUAL),
	.keys = PROFILE_BIT(KEY_KIND_RSA_3072) |
		PROFILE_BIT(KEY_KIND_RSA_4096) | PROFILE_BIT(KEY_KIND_ED25519),
	.subject = SUBJECT_CN_EMAIL,
	.non_repudiation = true,
	.client_auth = true,
	.policy = { "\x2a\x03\x04", 3 },
	.days = 90,
};

/* One that is complete, over the CA of the laboratory. */
static struct conf
make_conf(struct job *j)
{
	lab_ca("p384");
	return (struct conf){
		.base_url = BASE,
		.ca_name = "Example CA",
		.authz_pending_life = INT64_C(86400),
		.authz_valid_life = INT64_C(3) * 86400,
		.order_life = INT64_C(90) * 60,
		.retention = INT64_C(918) * 86400,
		.retain_final = INT64_C(30) * 86400,
		.caa_identities = { issuers, 2 },
		.caa_enforce = true,
		.report_address = "problems@ca.example",
		.profile = "mailbox-strict",
		.profiles = { offered, 3 },
		.own_profiles = &own,
		.own_profile_count = 1,
		.issuer = {
			.ca_certificate = arena_printf(j->arena,
			    "%s/issuing.pem", lab_ca_folder("p384")),
			.ca_chain = arena_printf(j->arena, "%s/root.pem",
			    lab_ca_folder("p384")),
			.validity_days = 365,
			.crl_url = LAB_CRL_URL,
			.crl_shards = 2,
			.ocsp_url = "http://ocsp.example.com/",
			.caa_max_age = 3600,
		},
	};
}

static const char *
format(struct job *j, const struct conf *conf, bool is_json)
{
	struct buf b;

	j->conf = conf;
	buf_init(&b, j->arena, 65536);
	assert_int_equal(cps_tables_format(j, is_json, &b), 0);
	unit_case("%s", b.p);
	return b.p;
}

/* The JSON, read by a strict reader. */
static const struct json *
tables(struct job *j, const struct conf *conf)
{
	const char *text = format(j, conf, true);
	const struct json *doc;

	assert_int_equal(
	    json_parse_object(j, span_str(text), "tables", &doc), 0);
	return doc;
}

static const struct json *
at(const struct json *doc, const char *group, const char *name)
{
	const struct json *v = json_get(json_get(doc, group), name);

	assert_non_null(v);
	return v;
}

static void
expect_words(const struct json *list, const char *const *words, size_t n)
{
	assert_int_equal(json_count(list), n);
	for (size_t i = 0; i < n; i++)
		assert_span_equal(json_string(json_at(list, i)), words[i]);
}

static const struct json *
directory_identities(struct job *j, const struct conf *conf)
{
	struct acme a = { .conf = conf };
	struct request req = { .method = METHOD_GET };
	struct response resp;
	const struct json *doc;

	response_init(&resp, j);
	assert_int_equal(directory_read(&a, j, &req, &resp), 0);
	assert_int_equal(
	    json_parse_object(j, span_str(resp.body.p), "directory", &doc), 0);
	return json_get(json_get(doc, "meta"), "caaIdentities");
}

/* Does an issuemail record with this name permit? */
static bool
caa_permits(struct job *j, const struct conf *conf, const char *name)
{
	const struct caa_policy policy = caa_rules_policy(conf);
	struct caa_decision d = { 0 };
	struct span rdata;
	struct buf b;

	buf_init(&b, j->arena, 200);
	buf_add_char(&b, '\0'); /* flags */
	buf_add_str(&b, "\x09"
			"issuemail");
	buf_add_str(&b, name);
	rdata = span_mem(b.p, b.n);
	caa_decide(&rdata, 1, BASE "/acme/acct/x", &policy, &d);
	return d.result == CAA_PERMIT;
}

static void
test_pk_26_one_list_three_readers(void **state)
{
	struct job *j = lab_job();
	struct conf conf = make_conf(j);
	(void)state;

	for (size_t n = 1; n <= 2; n++) {
		const struct json *printed, *shown;

		conf.caa_identities.n = n;
		printed = at(tables(j, &conf), "caa", "issuer_domains");
		shown = directory_identities(j, &conf);
		expect_words(printed, issuers, n);
		expect_words(shown, issuers, n);
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(
			    caa_permits(j, &conf, issuers[i]), i < n);
		assert_false(caa_permits(j, &conf, "other.example"));
	}
	/* What is said to be understood is. */
	assert_true(caa_permits(j, &conf,
	    "ca.example; accounturi=" BASE "/acme/acct/x; "
	    "validationmethods=email-reply-00"));
	assert_false(caa_permits(j, &conf, "ca.example; other=1"));
	assert_span_equal(
	    json_string(at(tables(j, &conf), "caa", "other_parameters")),
	    "refused");
	conf.caa_ignore_unknown = true;
	assert_true(caa_permits(j, &conf, "ca.example; other=1"));
	assert_span_equal(
	    json_string(at(tables(j, &conf), "caa", "other_parameters")),
	    "ignored");
}

struct usage {
	const char *use, *key_type, *bits[3];
};

static void
expect_usages(
    const struct json *profile, const struct usage *expected, size_t n)
{
	const struct json *list = json_get(profile, "key_usages");

	assert_int_equal(json_count(list), n);
	for (size_t i = 0; i < n; i++) {
		const struct json *row = json_at(list, i);
		size_t bits = 0;

		while (bits < 3 && expected[i].bits[bits] != NULL)
			bits++;
		assert_span_equal(
		    json_string(json_get(row, "for")), expected[i].use);
		assert_span_equal(json_string(json_get(row, "key_type")),
		    expected[i].key_type);
		expect_words(
		    json_get(row, "key_usage"), expected[i].bits, bits);
	}
}

/* Each that is offered, by the tables of pki.md section 9. */
static void
test_profiles(void **state)
{
	static const struct usage own_usages[] = {
		{ "signing", "RSA", { "digitalSignature", "nonRepudiation" } },
		{ "signing", "Ed25519",
		    { "digitalSignature", "nonRepudiation" } },
		{ "dual", "RSA",
		    { "digitalSignature", "nonRepudiation",
			"keyEncipherment" } },
	};
	static const struct usage encryption_usages[] = {
		{ "encryption", "RSA", { "keyEncipherment" } },
		{ "encryption", "P-256", { "keyAgreement" } },
		{ "encryption", "P-384", { "keyAgreement" } },
	};
	static const char *const keys[] = { "RSA 3072", "RSA 4096", "Ed25519" };
	static const char *const policies[] = { "2.23.140.1.5.1.2", "1.2.3.4" };
	static const char *const eku[] = { "emailProtection", "clientAuth" };
	static const char *const subject[] = { "commonName", "emailAddress" };
	struct job *j = lab_job();
	struct conf conf = make_conf(j);
	const struct json *list = json_get(tables(j, &conf), "profiles"), *p;
	(void)state;

	assert_int_equal(json_count(list), 3);
	for (size_t i = 0; i < 3; i++) {
		p = json_at(list, i);
		assert_span_equal(json_string(json_get(p, "name")), offered[i]);
		assert_int_equal(json_bool(json_get(p, "default")), i == 1);
	}
	p = json_at(list, 0);
	assert_int_equal(json_integer(json_get(p, "validity_days")), 90);
	expect_words(json_get(p, "keys"), keys, 3);
	expect_words(json_get(p, "certificate_policies"), policies, 2);
	expect_words(json_get(p, "extended_key_usage"), eku, 2);
	expect_words(json_get(p, "subject"), subject, 2);
	expect_usages(p, own_usages, 3);
	p = json_at(list, 2);
	assert_int_equal(json_integer(json_get(p, "validity_days")), 365);
	expect_words(json_get(p, "extended_key_usage"), eku, 1);
	expect_words(json_get(p, "subject"), subject, 1);
	expect_usages(p, encryption_usages, 3);
}

static void
test_ca(void **state)
{
	static const char *const urls[] = { LAB_CRL_URL,
		"http://crl.example.com/issuing-1.crl" };
	struct job *j = lab_job();
	struct conf conf = make_conf(j);
	const struct json *doc = tables(j, &conf);
	(void)state;

	assert_span_equal(
	    json_string(at(doc, "issuing_ca", "signature_algorithm")),
	    "ecdsa-with-SHA384");
	expect_words(at(doc, "issuing_ca", "crl_urls"), urls, 2);
	assert_int_equal(
	    json_integer(at(doc, "issuing_ca", "crl_every_secs")), 86400);
	assert_int_equal(
	    json_integer(at(doc, "issuing_ca", "crl_life_secs")), 7 * 86400);
	assert_int_equal(
	    json_integer(at(doc, "issuing_ca", "ocsp_life_secs")), 96 * 3600);
	assert_span_equal(
	    json_string(at(doc, "requirements", "smime_baseline_requirements")),
	    PKI_SBR_VERSION);
	/* Lists and answers of another CA are that one's to promise. */
	conf.external.kind = CONF_EXTERNAL_CMP;
	doc = json_get(tables(j, &conf), "issuing_ca");
	assert_span_equal(
	    json_string(json_get(doc, "issued_by")), "another CA, through CMP");
	assert_null(json_get(doc, "crl_every_secs"));
	/* Without its certificate nothing is printed that could be wrong. */
	conf.issuer.ca_certificate = "/nonexistent/issuing.pem";
	j->conf = &conf;
	struct buf b;

	buf_init(&b, j->arena, 65536);
	assert_int_equal(cps_tables_format(j, false, &b), -1);
	assert_non_null(strstr(j->err.text, "/nonexistent/issuing.pem"));
}

static void
test_pk_77_pk_184_proofs_and_reports(void **state)
{
	struct job *j = lab_job();
	struct conf conf = make_conf(j);
	const struct json *doc = tables(j, &conf), *proofs;
	(void)state;

	assert_span_equal(json_string(at(doc, "problem_reports", "address")),
	    "problems@ca.example");
	assert_span_equal(
	    json_string(at(doc, "problem_reports", "page")), BASE "/acme/help");
	proofs = at(doc, "problem_reports", "proofs_of_key_compromise");
	assert_int_equal(json_count(proofs), 5);
	assert_non_null(
	    strstr(format(j, &conf, false), "signed by the certificate's key"));
	conf.report_address = NULL;
	doc = tables(j, &conf);
	assert_int_equal(
	    json_type(at(doc, "problem_reports", "page")), JSON_T_NULL);
}

/* Rules that are off, periods, and the text for people. */
static void
test_text(void **state)
{
	static const char *const lines[] = {
		"ca: Example CA\nmode: private\n\nrequirements:\n",
		"\nrules switched off:\n  - rule: PK-25\n"
		"    option: policy.caa_enforce\n    value: no\n",
		"\nlints allowed: none\n",
		"  challenge life: 1 day\n  reuse period: 3 days\n"
		"  order life: 90 minutes\n",
		"  issuer domains: ca.example; Second.CA.example\n",
		"  enforced: no\n",
		"\nprofiles:\n  - name: own\n    default: no\n",
		"    key usages:\n      - for: signing\n        key type: "
		"RSA\n",
		"  ca issuers url: none\n",
		"\nformer cas: none\n",
		"  retention: 918 days\n",
	};
	struct job *j = lab_job();
	struct conf conf = make_conf(j);
	const char *text;
	(void)state;

	assert_int_equal(
	    json_count(json_get(tables(j, &conf), "rules_switched_off")), 0);
	conf.caa_enforce = false;
	text = format(j, &conf, false);
	for (size_t i = 0; i < COUNT(lines); i++) {
		unit_case("%s in %s", lines[i], text);
		assert_non_null(strstr(text, lines[i]));
	}
	assert_int_equal(
	    json_integer(at(tables(j, &conf), "records", "retention_secs")),
	    918 * 86400);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_pk_26_one_list_three_readers),
	cmocka_unit_test(test_profiles),
	cmocka_unit_test(test_ca),
	cmocka_unit_test(test_pk_77_pk_184_proofs_and_reports),
	cmocka_unit_test(test_text),
};

UNIT_MAIN(tests)
