/*
 * What a profile decides in a certificate, field by field: PK-90, PK-91, PK-95
 * to PK-97, PK-99, PK-101 to PK-106, PK-108 to PK-114; and that the lints
 * refuse for one profile what is another's (L-13, L-20 to L-22, L-30 to L-34).
 */
#include "config.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "pki/ca.h"
#include "pki/certview.h"
#include "pki/issue.h"
#include "pki/keycheck.h"
#include "pki/lint.h"
#include "pki/oid.h"
#include "tests/unit/issue_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

static const char *const alice[] = { "Alice@example.com" };

/* 32473: RFC 5612, for documentation. */
#define OWN_POLICY                                                             \
	{                                                                      \
		"\x2b\x06\x01\x04\x01\x81\xfd\x59\x07", 9                      \
	}
/* aes-256-gcm, aes-128-cbc */
#define CAPABILITIES                                                           \
	{                                                                      \
		"\x30\x1a\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2e" \
		"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x02",        \
		    28                                                         \
	}

static void
request(struct job *j, const struct profile *p, EVP_PKEY *key, int usage,
    const char *const *mailboxes, struct csr *csr, struct issue_input *in)
{
	*in = issue_lab_input_for(j, p, key, usage, mailboxes, 1, csr);
	in->subject_number = issue_subject_number(j->arena, "account");
}

/* --- the fields that no profile changes ----------------------------------- */

/* PK-90, PK-91, PK-96, PK-97, PK-99: copied to the octet, or absent. */
static void
test_fixed(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	uint8_t digest[SHA256_LEN];
	struct issue_input in;
	struct certview v;
	struct csr csr;
	enum key_type type;
	struct span bits;
	struct span id;
	(void)state;

	for (size_t i = 0; i < profile_count; i++) {
		int usage = i == 3 ? 0x10 : 0x01;

		unit_case("%s", profiles[i].name);
		request(j, &profiles[i], lab_key(KEY_TYPE_P256, 0), usage,
		    alice, &csr, &in);
		assert_int_equal(
		    certview_parse(lab_issue(j, lab_ca("p256"), &in), &v), 0);
		assert_true(span_eq(v.inner_algorithm, v.outer_algorithm));
		assert_true(span_eq(v.inner_algorithm, ca->signer.alg->der));
		assert_true(span_eq(v.issuer, ca->signer.name));
		assert_true(
		    span_eq(v.spki, lab_spki(j, lab_key(KEY_TYPE_P256, 0))));
		assert_false(v.has_unique_id);
		assert_true(v.is_v3);
		assert_int_equal(spki_split(v.spki, &type, &bits), 0);
		sha256(bits, digest);
		assert_int_equal(certview_subject_key_id(&v, &id), 1);
		assert_true(span_eq(id, span_mem(digest, 20)));
	}
}

/* PK-104, PK-105: one URI each; no AIA without one. */
static void
test_urls(void **state)
{
	struct job *j = lab_job();
	struct issue_input in;
	struct certview v;
	struct csr csr;
	(void)state;

	request(j, LAB_PROFILE, lab_key(KEY_TYPE_P256, 0), 1, alice, &csr, &in);
	assert_int_equal(
	    certview_parse(lab_issue(j, lab_ca("p256"), &in), &v), 0);
	assert_non_null(strstr(lab_value_hex(j, &v, OID_CRL_POINTS),
	    hex_dup(j->arena, SPAN(LAB_CRL_URL))));
	assert_non_null(strstr(lab_value_hex(j, &v, OID_AUTHORITY_INFO),
	    hex_dup(j->arena, SPAN(LAB_CA_ISSUERS_URL))));
	in.ca_issuers_url = NULL;
	assert_int_equal(
	    certview_parse(lab_issue(j, lab_ca("p256"), &in), &v), 0);
	assert_null(certview_extension(&v, OID_AUTHORITY_INFO));
}

/* --- the subject ---------------------------------------------------------- */

#define CN_ALICE                                                               \
	"0603550403"                                                           \
	"0c11"                                                                 \
	"416c696365406578616d706c652e636f6d"
#define EMAIL_ALICE                                                            \
	"06092a864886f70d010901"                                               \
	"1611"                                                                 \
	"416c696365406578616d706c652e636f6d"

/* PK-95, PK-102, PK-108 to PK-110, PK-113, PK-114: four modes; letters as they
 * stand in the subjectAltName. */
static void
test_subjects(void **state)
{
	static const char *const utf8[] = { "\xc3\xa4@example.com" };
	static const struct {
		enum profile_subject mode;
		const char *const *mailboxes;
		const char *subject;
	} rows[] = {
		{ SUBJECT_CN, alice, "301c311a3018" CN_ALICE },
		{ SUBJECT_EMAIL, alice, "30223120301e" EMAIL_ALICE },
		{ SUBJECT_CN_EMAIL, alice,
		    "303e311a3018" CN_ALICE "3120301e" EMAIL_ALICE },
		{ SUBJECT_EMPTY, alice, "3000" },
		{ SUBJECT_CN, utf8,
		    "3019311730150603550403"
		    "0c0ec3a4406578616d706c652e636f6d" },
		/* No mailbox fits. */
		{ SUBJECT_EMAIL, utf8, "3000" },
		{ SUBJECT_CN_EMAIL, utf8,
		    "3019311730150603550403"
		    "0c0ec3a4406578616d706c652e636f6d" },
		{ SUBJECT_EMPTY, utf8, "3000" },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct profile p = lab_profile;
		struct job *j = lab_job();
		struct issue_input in;
		struct certview v;
		struct csr csr;

		unit_case("%zu", i);
		p.subject = rows[i].mode;
		request(j, &p, lab_key(KEY_TYPE_P256, 0), 1, rows[i].mailboxes,
		    &csr, &in);
		assert_int_equal(
		    certview_parse(lab_issue(j, lab_ca("p256"), &in), &v), 0);
		assert_string_equal(
		    hex_dup(j->arena, v.subject), rows[i].subject);
		assert_int_equal(
		    certview_extension(&v, OID_SUBJECT_ALT_NAME)->critical,
		    strcmp(rows[i].subject, "3000") == 0);
	}
}

/* PK-112, PK-113: beside a mailbox, one RDN of its own, the same for all of an
 * account and another for another account. */
static void
test_subject_number(void **state)
{
	static const char *const utf8[] = { "\xc3\xa4@example.com" };
	struct job *j = lab_job();
	struct profile p = lab_profile;
	struct issue_input in;
	struct issue_tbs tbs;
	struct certview v;
	struct csr csr;
	(void)state;

	p.subject_number = true;
	request(j, &p, lab_key(KEY_TYPE_P256, 0), 1, alice, &csr, &in);
	assert_int_equal(strlen(in.subject_number), 32);
	assert_null(strstr(in.subject_number, "account"));
	assert_string_equal(
	    in.subject_number, issue_subject_number(j->arena, "account"));
	assert_string_not_equal(
	    in.subject_number, issue_subject_number(j->arena, "account2"));
	assert_int_equal(
	    certview_parse(lab_issue(j, lab_ca("p256"), &in), &v), 0);
	assert_string_equal(hex_dup(j->arena, v.subject),
	    arena_printf(j->arena,
		"3047311a3018" CN_ALICE "312930270603550405"
		"1320%s",
		hex_dup(j->arena, span_str(in.subject_number))));
	assert_false(certview_extension(&v, OID_SUBJECT_ALT_NAME)->critical);
	/* No mailbox fits: nothing at all. */
	p.subject = SUBJECT_EMAIL;
	request(j, &p, lab_key(KEY_TYPE_P256, 0), 1, utf8, &csr, &in);
	assert_int_equal(
	    certview_parse(lab_issue(j, lab_ca("p256"), &in), &v), 0);
	assert_string_equal(hex_dup(j->arena, v.subject), "3000");
	in.subject_number = NULL;
	assert_int_equal(issue_prepare(j, lab_ca("p256"), &in, &tbs), -1);
	assert_non_null(strstr(j->err.text, "serialNumber"));
	job_recover(j);
}

/* PK-112, L-20: what is not the account's number is refused. */
static void
test_number_is_linted(void **state)
{
	/* one is longer than 64 */
	static const char *const made[] = { "another", "with_underscore",
		("0123456789012345678901234567890123456789012345678901234567890"
		 "1234") };
	const struct ca *ca = lab_ca("p256");
	struct profile p = lab_profile;
	(void)state;

	p.subject_number = true;
	for (size_t i = 0; i < COUNT(made); i++) {
		struct job *j = lab_job();
		struct issue_input in;
		struct lint_result got;
		struct issue_tbs tbs;
		struct span der;
		struct csr csr;

		unit_case("%s", made[i]);
		request(j, &p, lab_key(KEY_TYPE_P256, 0), 1, alice, &csr, &in);
		const char *right = in.subject_number;
		in.subject_number = made[i];
		(void)issue_prepare(j, ca, &in, &tbs);
		job_recover(j);
		assert_int_equal(
		    signer_sign(j, &ca->lint, SIGNED_SUBSCRIBER, tbs.tbs, &der),
		    0);
		in.subject_number = right;
		assert_int_equal(lint_certificate(j, ca, &in, der, &got), -1);
		assert_non_null(strstr(j->err.text, "lint L-20: the serial"));
		job_recover(j);
	}
}

/* PK-110, PK-111: 64 and 65 characters; 128, 129 and 254 octets, where
 * OpenSSL's own table would stop. */
static void
test_lengths(void **state)
{
	static const struct {
		size_t octets;
		bool has_cn;
	} rows[] = { { 64, true }, { 65, false }, { 128, false },
		{ 129, false }, { 254, false } };
	struct profile p = lab_profile;
	(void)state;

	p.subject = SUBJECT_CN_EMAIL;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct job *j = lab_job();
		char *mailbox = arena_alloc(j->arena, rows[i].octets + 1);
		const char *const one[] = { mailbox };
		struct issue_input in;
		struct certview v;
		struct csr csr;

		unit_case("%zu", rows[i].octets);
		memset(mailbox, 'a', rows[i].octets);
		mailbox[1] = '@';
		for (size_t k = 41; k < rows[i].octets - 8; k += 40)
			mailbox[k] = '.';
		memcpy(mailbox + rows[i].octets - 3, ".bc", 3);
		request(j, &p, lab_key(KEY_TYPE_P256, 0), 1, one, &csr, &in);
		assert_int_equal(
		    certview_parse(lab_issue(j, lab_ca("p256"), &in), &v), 0);
		const char *hex = hex_dup(j->arena, v.subject);
		assert_int_equal(
		    strstr(hex, "0603550403") != NULL, rows[i].has_cn);
		assert_non_null(strstr(hex, "06092a864886f70d01090116"));
		assert_non_null(
		    strstr(hex, hex_dup(j->arena, span_str(mailbox))));
	}
}

/* --- extensions ----------------------------------------------------------- */

/* PK-101, PK-103, PK-106 and the bit of PK-100 that may be asked for. */
static void
test_extensions(void **state)
{
	struct job *j = lab_job();
	struct profile p = lab_profile;
	struct issue_input in;
	struct certview v;
	struct csr csr;
	(void)state;

	p.policy = (struct span)OWN_POLICY;
	p.smime_capabilities = (struct span)CAPABILITIES;
	p.client_auth = p.non_repudiation = true;
	request(j, &p, lab_key(KEY_TYPE_P256, 0), 0x01, alice, &csr, &in);
	assert_int_equal(
	    certview_parse(lab_issue(j, lab_ca("p256"), &in), &v), 0);
	assert_int_equal(v.extension_count, 9);
	assert_true(span_eq(v.extensions[8].oid, OID_SMIME_CAPABILITIES));
	assert_false(v.extensions[8].critical);
	assert_true(span_eq(v.extensions[8].value, p.smime_capabilities));
	assert_string_equal(lab_value_hex(j, &v, OID_POLICIES),
	    "30183009060767810c01050102300b06092b0601040181fd5907");
	assert_string_equal(lab_value_hex(j, &v, OID_EXT_KEY_USAGE),
	    "301406082b0601050507030406082b06010505070302");
	assert_string_equal(lab_value_hex(j, &v, OID_KEY_USAGE), "030206c0");
	/* Not for encryption. */
	request(j, &p, lab_key(KEY_TYPE_P256, 0), 0x10, alice, &csr, &in);
	assert_int_equal(
	    certview_parse(lab_issue(j, lab_ca("p256"), &in), &v), 0);
	assert_string_equal(lab_value_hex(j, &v, OID_KEY_USAGE), "03020308");
}

/* --- one profile's certificate as another's ------------------------------- */

static void
no_change(struct profile *p)
{
	(void)p;
}

static void
strict(struct profile *p)
{
	p->generation = GENERATION_STRICT;
}

static void
by_email(struct profile *p)
{
	p->subject = SUBJECT_EMAIL;
}

static void
empty_subject(struct profile *p)
{
	p->subject = SUBJECT_EMPTY;
}

static void
own_policy(struct profile *p)
{
	p->policy = (struct span)OWN_POLICY;
}

static void
client_auth(struct profile *p)
{
	p->client_auth = true;
}

static void
capabilities(struct profile *p)
{
	p->smime_capabilities = (struct span)CAPABILITIES;
}

static void
non_repudiation(struct profile *p)
{
	p->non_repudiation = true;
}

static void
numbered(struct profile *p)
{
	p->subject_number = true;
}

static void
without_p256(struct profile *p)
{
	p->keys &= ~PROFILE_BIT(KEY_KIND_P256);
}

static void
encryption_only(struct profile *p)
{
	p->classes = PROFILE_BIT(KEY_CLASS_ENCRYPTION);
}

static void
reserved_policy(struct profile *p)
{
	p->policy = OID_MAILBOX_STRICT;
}

static void
any_policy(struct profile *p)
{
	p->policy = OID_ANY_POLICY;
}

static void
client_auth_strict(struct profile *p)
{
	p->generation = GENERATION_STRICT;
	p->client_auth = true;
}

/* The lint certificate for what `in` asks, judged as `judge` wants it. */
static void
judge_as(struct job *j, struct issue_input *in, const struct profile *made,
    const struct profile *judge, const char *lint)
{
	const struct ca *ca = lab_ca("p256");
	struct lint_result got;
	struct issue_tbs tbs;
	struct span der;

	in->profile = made;
	/* What the maker's own lints refuse is still a TBS. */
	(void)issue_prepare(j, ca, in, &tbs);
	job_recover(j);
	assert_int_equal(
	    signer_sign(j, &ca->lint, SIGNED_SUBSCRIBER, tbs.tbs, &der), 0);
	in->profile = judge;
	int r = lint_certificate(j, ca, in, der, &got);
	if (lint == NULL && r < 0)
		fail_msg("%s", j->err.text);
	if (lint != NULL) {
		assert_int_equal(r, -1);
		if (strstr(got.report,
			arena_printf(j->arena,
			    "\"lint\":\"%s\",\"result\":\"error\"", lint)) ==
		    NULL)
			fail_msg("not %s: %s", lint, j->err.text);
	}
	job_recover(j);
}

static void
test_judged_as_another(void **state)
{
	static const struct {
		void (*made)(struct profile *p);
		void (*judge)(struct profile *p);
		const char *lint;
	} rows[] = {
		{ no_change, no_change, NULL },
		{ strict, strict, NULL },
		{ by_email, by_email, NULL },
		{ own_policy, own_policy, NULL },
		{ client_auth, client_auth, NULL },
		{ capabilities, capabilities, NULL },
		{ non_repudiation, non_repudiation, NULL },
		{ numbered, numbered, NULL },
		{ no_change, without_p256, "L-13" },
		{ no_change, numbered, "L-20" },
		{ numbered, no_change, "L-20" },
		{ by_email, no_change, "L-20" },
		{ no_change, by_email, "L-20" },
		{ no_change, empty_subject, "L-20" },
		{ by_email, empty_subject, "L-20" },
		{ no_change, capabilities, "L-30" },
		{ capabilities, no_change, "L-30" },
		{ no_change, non_repudiation, "L-31" },
		{ non_repudiation, no_change, "L-31" },
		{ no_change, encryption_only, "L-31" },
		{ no_change, strict, "L-32" },
		{ strict, no_change, "L-32" },
		{ no_change, own_policy, "L-32" },
		{ own_policy, no_change, "L-32" },
		{ reserved_policy, reserved_policy, "L-32" },
		{ any_policy, any_policy, "L-32" },
		{ no_change, client_auth, "L-33" },
		{ client_auth, no_change, "L-33" },
		{ client_auth_strict, client_auth_strict, "L-33" },
		{ no_change, capabilities, "L-34" },
		{ capabilities, no_change, "L-34" },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct profile made = lab_profile;
		struct profile judge = lab_profile;
		struct job *j = lab_job();
		struct issue_input in;
		struct csr csr;

		unit_case("row %zu", i);
		request(j, &made, lab_key(KEY_TYPE_P256, 0), 0x01, alice, &csr,
		    &in);
		rows[i].made(&made);
		rows[i].judge(&judge);
		judge_as(j, &in, &made, &judge, rows[i].lint);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_fixed),
	cmocka_unit_test(test_urls),
	cmocka_unit_test(test_subjects),
	cmocka_unit_test(test_subject_number),
	cmocka_unit_test(test_number_is_linted),
	cmocka_unit_test(test_lengths),
	cmocka_unit_test(test_extensions),
	cmocka_unit_test(test_judged_as_another),
};

UNIT_MAIN(tests)
