/*
 * issue_rate KEY [SECONDS] - certificates per second on one core: everything
 * from a parsed CSR to the checked certificate (fields, lint certificate,
 * lints, signature, PK-138), against signatures alone by the same key in the
 * same run, by turns and by processor time.  KEY: p256, p384, rsa2048,
 * rsa3072, rsa4096.  One JSON line.
 */
#include "config.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/ca.h"
#include "pki/issue.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

/* So short that what else the machine does meets all of them alike. */
#define SLICE_SECONDS 0.05

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct measured {
	struct ca ca;
	struct span csr;
	EVP_PKEY *key;
};

/* ca_load() refuses RSA keys below 3072 bits (PK-116): such a CA is another's
 * with a smaller key. */
static void
make_ca(struct measured *m, const char *type)
{
	bool is_2048 = strcmp(type, "rsa2048") == 0;

	m->ca = *lab_ca(is_2048 ? "rsa3072" : type);
	m->key = is_2048 ? EVP_RSA_gen(2048) : m->ca.signer.key->context;
	if (!is_2048)
		return;
	m->ca.signer.public_key = m->key;
	m->ca.signer.alg = sig_alg_for(m->key, CA_ROLE_ISSUING);
	m->ca.signer.key = signing_key_new(lab_job()->arena, m->key);
	m->ca.lint.alg = m->ca.signer.alg;
}

static void
issue_one(const struct measured *m, bool prepare_only)
{
	static const char *const mailboxes[] = { "alice@example.org" };
	struct csr_policy policy = { .mailboxes = mailboxes,
		.mailbox_count = 1,
		.profile = LAB_PROFILE };
	struct issue_input in = { .profile = LAB_PROFILE,
		.mailboxes = mailboxes,
		.mailbox_count = 1,
		.crl_url = LAB_CRL_URL,
		.ca_issuers_url = LAB_CA_ISSUERS_URL };
	static struct csr csr;
	static struct job parsed;
	struct issue_tbs tbs;
	struct span der;
	struct job j;

	if (parsed.arena == NULL) {
		job_init(&parsed, NULL, NULL);
		parsed.now = LAB_NOW;
		if (csr_parse(&parsed, m->csr, &policy, &csr) < 0)
			abort();
	}
	job_init(&j, NULL, NULL);
	j.now = LAB_NOW;
	in.csr = &csr;
	issue_validity(j.now, 300, 365, &in.not_before, &in.not_after);
	issue_serial(1, in.serial);
	if (issue_prepare(&j, &m->ca, &in, &tbs) < 0 ||
	    (!prepare_only && issue_sign(&j, &m->ca, &tbs, &der) < 0)) {
		fprintf(stderr, "%s\n", j.err.text);
		abort();
	}
	job_done(&j);
}

static const unsigned char message[400];

static void
sign_one(const struct measured *m, unsigned char out[SIGNATURE_MAX], size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	*n = SIGNATURE_MAX;
	if (EVP_DigestSignInit_ex(ctx, NULL, m->ca.signer.alg->digest, NULL,
		NULL, m->key, NULL) != 1 ||
	    EVP_DigestSign(ctx, out, n, message, sizeof message) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
}

static void
verify_one(const struct measured *m, const unsigned char *signature, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (EVP_DigestVerifyInit_ex(ctx, NULL, m->ca.signer.alg->digest, NULL,
		NULL, m->ca.signer.public_key, NULL) != 1 ||
	    EVP_DigestVerify(ctx, signature, n, message, sizeof message) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
}

enum what { SIGN, VERIFY, PREPARE, ISSUE, WHAT_COUNT };

struct tally {
	double seconds;
	size_t count;
};

static void
run(const struct measured *m, enum what what, struct tally *t)
{
	unsigned char signature[SIGNATURE_MAX];
	size_t n;
	double begin, now;

	sign_one(m, signature, &n);
	begin = cpu_seconds();
	do {
		if (what == SIGN)
			sign_one(m, signature, &n);
		else if (what == VERIFY)
			verify_one(m, signature, n);
		else
			issue_one(m, what == PREPARE);
		t->count++;
		now = cpu_seconds();
	} while (now - begin < SLICE_SECONDS);
	t->seconds += now - begin;
}

int
main(int argc, char **argv)
{
	double seconds = argc > 2 ? atof(argv[2]) : 6;
	struct tally tallies[WHAT_COUNT] = { { 0, 0 } };
	double rates[WHAT_COUNT];
	unsigned turns = 0;
	struct measured m;
	struct job *j = lab_job();

	if (argc < 2)
		return 2;
	make_ca(&m, argv[1]);
	struct lab_csr c =
	    lab_csr(j, lab_key(KEY_TYPE_P256, 0), "alice@example.org");
	c.key_usage = 0x11;
	m.csr = lab_csr_make(j, &c);
	for (; tallies[ISSUE].seconds < seconds; turns++)
		for (int k = 0; k < WHAT_COUNT; k++)
			run(&m, (enum what)k, &tallies[k]);
	for (int k = 0; k < WHAT_COUNT; k++)
		rates[k] = (double)tallies[k].count / tallies[k].seconds;
	/* Nothing but the signature and its verification (PK-138). */
	double bound = 1 / (1 / rates[SIGN] + 1 / rates[VERIFY]);
	printf("{\"key\": \"%s\", \"turns\": %u, \"signatures_per_s\": %.0f, "
	       "\"verifications_per_s\": %.0f, \"prepared_per_s\": %.0f, "
	       "\"issued_per_s\": %.0f, \"issued_to_signatures\": %.3f, "
	       "\"bound_to_signatures\": %.3f}\n",
	    argv[1], turns, rates[SIGN], rates[VERIFY], rates[PREPARE],
	    rates[ISSUE], rates[ISSUE] / rates[SIGN], bound / rates[SIGN]);
	return 0;
}
