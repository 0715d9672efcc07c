/* Who signs challenge mails: the certificate and key of MA-102. */
#include "config.h"

#include "tests/unit/signer_lab.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/count.h"

#define FROM "acme@ca.test"
#define DAY 86400

static int
load(const struct signer_lab *lab, const char *from,
    const struct smime_signer **s)
{
	struct job *j = unit_job();

	return smime_signer_load(j, j->arena, &lab->files, from, s);
}

static const struct {
	struct signer_lab_leaf how;
	const char *why; /* NULL: good */
} leaves[] = {
	{ { .key = NULL }, NULL },
	{ { .key = "P-384" }, NULL },
	{ { .key = "P-521" }, NULL },
	{ { .key = "RSA2048" }, NULL },
	{ { .names = "DNS:ca.test,email:acme@CA.test" }, NULL },
	{ { .names = "email:acme@ca.test,email:other@ca.test" }, NULL },
	{ { .usage = "digitalSignature,nonRepudiation" }, NULL },
	{ { .extended = "clientAuth,emailProtection" }, NULL },
	{ { .self_signed = true }, NULL },
	{ { .to = 20 * DAY }, NULL },
	{ { .key = "RSA1024" }, "2048 to 8192" },
	{ { .key = "ED25519" }, "Ed25519" },
	{ { .key = "secp256k1" }, "P-256" },
	{ { .key = "P-224" }, "P-256" },
	{ { .usage = "nonRepudiation" }, "digitalSignature" },
	{ { .usage = "keyEncipherment" }, "digitalSignature" },
	{ { .usage = "" }, "digitalSignature" },
	{ { .extended = "serverAuth" }, "emailProtection" },
	{ { .extended = "anyExtendedKeyUsage" }, "emailProtection" },
	{ { .extended = "" }, "emailProtection" },
	{ { .basic = "critical,CA:TRUE",
	      .usage = "digitalSignature,keyCertSign" },
	    "CA's" },
	{ { .names = "" }, "must have the rfc822Name acme@ca.test" },
	{ { .names = "DNS:ca.test" }, "must have the rfc822Name" },
	{ { .names = "email:other@ca.test" }, "is other@ca.test, but" },
	{ { .names = "email:Acme@ca.test" }, "is Acme@ca.test, but" },
	{ { .names = "email:acme@ca.test.org" }, "the same" },
	{ { .names = "email:other@ca.test,email:acme@ca.test" },
	    "(first) rfc822Name is other@ca.test" },
	{ { .from = -10 * DAY, .to = -1 }, "ended at" },
	{ { .from = 60 }, "valid from" },
};

/* MA-102: each rule, and words that say what would be right. */
static void
test_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(leaves); i++) {
		const struct smime_signer *s = NULL;
		struct job *j = unit_job();
		struct signer_lab lab;

		unit_case("%zu: %s", i, leaves[i].why);
		signer_lab_make(j, &leaves[i].how, &lab);
		if (leaves[i].why == NULL) {
			assert_int_equal(load(&lab, FROM, &s), 0);
			assert_int_equal(
			    s->chain_count, !leaves[i].how.self_signed);
			assert_int_equal(smime_signer_ends_soon(s, j->now),
			    leaves[i].how.to != 0);
		} else {
			assert_int_equal(load(&lab, FROM, &s), -1);
			assert_int_equal(j->err.kind, ERR_INTERNAL);
			assert_non_null(strstr(j->err.text, leaves[i].why));
			assert_non_null(
			    strstr(j->err.text, lab.files.certificate));
			job_recover(j);
		}
	}
}

/* The root stays at home; each is followed by its issuer. */
static void
test_order(void **state)
{
	const struct smime_signer *s = NULL;
	struct job *j = unit_job();
	struct signer_lab lab, other;

	(void)state;
	signer_lab_make(j, NULL, &other);
	signer_lab_make(j, NULL, &lab);
	signer_lab_write(j, &lab, (X509 *const[]){ lab.leaf, NULL });
	assert_int_equal(load(&lab, FROM, &s), 0);
	assert_int_equal(s->chain_count, 0);
	signer_lab_write(
	    j, &lab, (X509 *const[]){ lab.leaf, lab.intermediate, NULL });
	assert_int_equal(load(&lab, FROM, &s), 0);
	assert_int_equal(s->chain_count, 1);
	assert_int_equal(X509_cmp(s->chain[0], lab.intermediate), 0);
	signer_lab_write(j, &lab,
	    (X509 *const[]){ lab.leaf, lab.root, lab.intermediate, NULL });
	assert_int_equal(load(&lab, FROM, &s), -1);
	assert_non_null(strstr(j->err.text, "did not issue"));
	job_recover(j);
	signer_lab_write(
	    j, &lab, (X509 *const[]){ lab.leaf, other.intermediate, NULL });
	assert_int_equal(load(&lab, FROM, &s), -1);
	job_recover(j);
	signer_lab_write(
	    j, &lab, (X509 *const[]){ lab.intermediate, lab.leaf, NULL });
	assert_int_equal(load(&lab, FROM, &s), -1);
	job_recover(j);
	signer_lab_write(j, &lab, (X509 *const[]){ NULL });
	assert_int_equal(load(&lab, FROM, &s), -1);
	assert_non_null(strstr(j->err.text, "not a file of certificates"));
	job_recover(j);
}

static void
test_key(void **state)
{
	const struct smime_signer *s = NULL;
	struct job *j = unit_job();
	struct signer_lab lab, other;

	(void)state;
	signer_lab_make(j, NULL, &other);
	/* The other one's key is overwritten; its certificate is kept. */
	signer_lab_make(j, NULL, &lab);
	signer_lab_write(
	    j, &lab, (X509 *const[]){ other.leaf, other.intermediate, NULL });
	assert_int_equal(load(&lab, FROM, &s), -1);
	assert_non_null(strstr(j->err.text, "not the key of"));
	job_recover(j);
	/* Without a key only the certificate is looked at. */
	other.files.key = NULL;
	assert_int_equal(load(&other, FROM, &s), 0);
	assert_null(s->key);
	assert_int_equal(chmod(lab.files.key, 0644), 0);
	assert_int_equal(load(&lab, FROM, &s), -1);
	assert_non_null(strstr(j->err.text, lab.files.key));
	job_recover(j);
	assert_int_equal(unlink(lab.files.certificate), 0);
	assert_int_equal(load(&lab, FROM, &s), -1);
	assert_non_null(strstr(j->err.text, lab.files.certificate));
	job_recover(j);
}

/* Only for its own address, and in its own time. */
static void
test_fits(void **state)
{
	const struct smime_signer *s;
	struct job *j = unit_job();
	struct signer_lab lab;

	(void)state;
	signer_lab_make(j, NULL, &lab);
	s = signer_lab_load(j, &lab);
	assert_true(smime_signer_fits(s, FROM, j->now));
	assert_true(smime_signer_fits(s, FROM, s->not_after));
	assert_false(smime_signer_fits(s, FROM, s->not_after + 1));
	assert_false(smime_signer_fits(s, FROM, s->not_before - 1));
	assert_false(smime_signer_fits(s, "acme+tag@ca.test", j->now));
	assert_false(smime_signer_fits(NULL, FROM, j->now));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_leaves),
	cmocka_unit_test(test_order),
	cmocka_unit_test(test_key),
	cmocka_unit_test(test_fits),
};
UNIT_MAIN(tests)
