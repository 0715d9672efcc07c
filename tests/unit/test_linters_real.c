/*
 * zlint and pkilint themselves, where tests/interop/test_linters.py has got
 * them, as the issuer asks them: each kind of what a CA signs and publishes.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "pki/crl.h"
#include "pki/issue.h"
#include "pki/ossl.h"
#include "pki/responder.h"
#include "pki/returned.h"
#include "src/linters.h"
#include "src/role_linter.h"
#include "tests/unit/issue_lab.h"
#include "tests/unit/pki_lab.h"

#define SECTIONS_MAX LINTERS_MAX

static struct conf_linter linters[SECTIONS_MAX];
static struct conf conf = { .isolation = CONF_ISOLATION_USE,
	.linters = linters };

/* --- the sections -------------------------------------------------------- */

static struct conf_list
list_of(struct job *j, const char *text)
{
	const char **list = arena_calloc(j->arena, 16, sizeof(*list));
	struct span s = span_str(text);
	size_t n = 0;

	for (size_t from = 0; from < s.n && n < 16; n++) {
		size_t end = span_find(s, from, ' ');

		list[n] = span_dup(j->arena, span_cut(s, from, end));
		from = end + 1;
	}
	return (struct conf_list){ list, n };
}

static struct conf_linter *
add(struct job *j, const char *name, const char *lints, const char *exec)
{
	struct conf_linter *l = &linters[conf.linter_count++];

	assert_true(conf.linter_count <= SECTIONS_MAX);
	*l = (struct conf_linter){ .name = name,
		.exec = list_of(j, exec),
		.lints = list_of(j, lints),
		.timeout = 60,
		.memory = INT64_C(2) << 30 };
	return l;
}

static void
add_zlint(struct job *j, const char *zlint)
{
	const struct {
		const char *name, *lints, *arguments;
	} sections[] = {
		{ "zlint", "certificate responder crl", "-" },
		/* It takes an issuing CA for a subscriber. */
		{ "zlint-ca", "ca",
		    "-excludeNames "
		    "e_mailbox_validated_allowed_subjectdn_attributes -" },
	};

	for (size_t i = 0; i < COUNT(sections); i++)
		add(j, sections[i].name, sections[i].lints,
		    arena_printf(
			j->arena, "%s %s", zlint, sections[i].arguments))
		    ->version =
		    list_of(j, arena_printf(j->arena, "%s -version", zlint));
}

static void
add_pkilint(struct job *j, const char *venv)
{
	const struct {
		const char *name, *lints, *command;
	} sections[] = {
		{ "pkilint", "certificate", "lint_cabf_smime_cert lint -t %t" },
		{ "pkix", "responder ca", "lint_pkix_cert lint" },
		{ "lists", "crl root-crl", "lint_crl lint -t %t -p BR" },
		{ "ocsp", "ocsp", "lint_ocsp_response lint" },
	};

	for (size_t i = 0; i < COUNT(sections); i++) {
		struct conf_linter *l =
		    add(j, sections[i].name, sections[i].lints,
			arena_printf(j->arena, "%s/bin/%s -s WARNING -f JSON -",
			    venv, sections[i].command));

		l->output = CONF_LINTER_PKILINT;
		l->version = list_of(
		    j, arena_printf(j->arena, "%s/bin/python --version", venv));
		l->read = list_of(j, venv);
	}
}

/* --- what they judge ----------------------------------------------------- */

/* A lint certificate as the issuer makes it. */
static struct span
subscriber(struct job *j, const struct profile *profile, EVP_PKEY *key)
{
	static const char *const mailboxes[] = { "alice@example.com" };
	struct csr csr;
	struct issue_input in =
	    issue_lab_input_for(j, profile, key, 1, mailboxes, 1, &csr);
	struct issue_tbs tbs;

	in.subject_number = issue_subject_number(j->arena, "account");
	assert_int_equal(issue_prepare(j, lab_ca("p256"), &in, &tbs), 0);
	return tbs.lint_certificate;
}

static struct span
of_file(struct job *j, const char *name, bool is_pem)
{
	struct span text, der;

	assert_int_equal(
	    file_read(j,
		arena_printf(j->arena, "%s/%s", lab_ca_folder("p256"), name),
		65536, &text),
	    0);
	if (!is_pem)
		return text;
	assert_int_equal(returned_leaf(j, text, &der), 0);
	return der;
}

#define SERIAL                                                                 \
	"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11"

static struct span
list(struct job *j)
{
	const struct crl_entry entry = {
		.serial = SPAN(SERIAL), .revoked_at = LAB_NOW - 60, .reason = 4
	};
	const struct crl_input in = { .number = 7,
		.this_update = LAB_NOW,
		.next_update = crl_next_update(LAB_NOW),
		.entries = &entry,
		.count = 1 };
	struct span der;

	if (crl_lint_sign(j, lab_ca("p256"), &in, &der) < 0)
		fail_msg("%s", j->err.text);
	return der;
}

static struct span
answer(struct job *j, struct responder *r)
{
	struct ocsp_status s = { .serial_len = sizeof(SERIAL) - 1,
		.is_revoked = true,
		.reason = 4,
		.revoked_at = LAB_NOW - 60,
		.this_update = LAB_NOW,
		.not_after = LAB_NOW + 86400 };
	uint8_t signature[OCSP_SIGNATURE_LEN];
	struct buf tbs, response;
	struct ocsp_ca ca;

	memcpy(s.serial, SERIAL, s.serial_len);
	assert_int_equal(responder_sign(j, j->arena, lab_ca("p256"), r), 0);
	assert_int_equal(responder_ca(j, lab_ca("p256"), &ca), 0);
	assert_int_equal(
	    responder_answer(j, r, &ca, OCSP_SHA256, &s, signature), 0);
	buf_init(&tbs, j->arena, 8192);
	buf_init(&response, j->arena, 8192);
	ocsp_add_tbs(&tbs, &ca, OCSP_SHA256, &s, r->key_hash);
	ocsp_add_response(&response, buf_span(&tbs), signature, r->certificate);
	return buf_span(&response);
}

/* --- the tests ----------------------------------------------------------- */

static void
check(struct job *j, int fd, enum lint_object what, struct span der, int result)
{
	const struct linters_question q = { fd, what, der, true };
	const struct linters_verdict own = { .report = "{\"lints\":[]}" };
	struct linters_verdict all;

	if (linters_check(j, &q, &own, &all) != result)
		fail_msg(
		    "%s %d: %s", linter_kind(what), (int)what, j->err.text);
	if (result < 0)
		assert_true(all.refuses);
	job_recover(j);
}

static EVP_PKEY *
rsa_with_exponent(struct job *j, const char *decimal)
{
	EVP_PKEY_CTX *ctx = ossl_own_pkey_ctx(
	    j->arena, EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL));
	BIGNUM *e = NULL;
	EVP_PKEY *key = NULL;

	assert_true(BN_dec2bn(&e, decimal) > 0);
	(void)ossl_own_bn(j->arena, e);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	return ossl_own_pkey(j->arena, key);
}

/* PK-68, PK-70, PK-112: what a profile may be made to have. */
static void
check_options(struct job *j, int fd)
{
	struct profile p = lab_profile;

	p.any_rsa_exponent = p.subject_number = true;
	check(j, fd, LINT_MULTIPURPOSE,
	    subscriber(j, &p, rsa_with_exponent(j, "65539")), 0);
	check(j, fd, LINT_MULTIPURPOSE,
	    subscriber(j, &p, lab_key(KEY_TYPE_ED25519, 0)), 0);
	check(j, fd, LINT_MULTIPURPOSE,
	    subscriber(j, &p, lab_key(KEY_TYPE_ED448, 0)), 0);
	p.generation = GENERATION_STRICT;
	check(j, fd, LINT_STRICT, subscriber(j, &p, lab_key(KEY_TYPE_ED448, 0)),
	    0);
}

/* PK-136, PK-140, PK-141: what a CA makes passes them; what is not what it is
 * given for is refused. */
static void
test_real(void **state)
{
	const char *zlint = getenv("COUNTERSIGN_TEST_ZLINT");
	const char *pkilint = getenv("COUNTERSIGN_TEST_PKILINT");
	struct job *j = lab_job();
	struct responder r;
	pid_t pid;
	int fd;

	(void)state;
	conf.user = geteuid() == 0 ? "nobody" : NULL;
	if (zlint != NULL)
		add_zlint(j, zlint);
	if (pkilint != NULL)
		add_pkilint(j, pkilint);
	if (conf.linter_count == 0)
		UNIT_SKIP("neither zlint nor pkilint is at hand");
	j->conf = &conf;
	assert_int_equal(linter_start(j, &pid, &fd), 0);
	assert_int_equal(responder_prepare(j, j->arena, lab_ca("p256"), &r), 0);
	check(j, fd, LINT_MULTIPURPOSE,
	    subscriber(j, LAB_PROFILE, lab_key(KEY_TYPE_P256, 0)), 0);
	check_options(j, fd);
	check(j, fd, LINT_RESPONDER, r.lint_certificate, 0);
	check(j, fd, LINT_ROOT, of_file(j, "root.pem", true), 0);
	check(j, fd, LINT_ISSUING, of_file(j, "issuing.pem", true), 0);
	check(j, fd, LINT_CRL, list(j), 0);
	check(j, fd, LINT_ROOT_CRL, of_file(j, "root.crl", false), 0);
	check(j, fd, LINT_OCSP, answer(j, &r), 0);
	/* A CA's certificate is no subscriber's, and a root's list lives too
	 * long. */
	check(j, fd, LINT_STRICT, of_file(j, "issuing.pem", true), -1);
	check(j, fd, LINT_CRL, of_file(j, "root.crl", false), -1);
	linter_stop(pid, fd);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_real),
};

UNIT_MAIN(tests)
