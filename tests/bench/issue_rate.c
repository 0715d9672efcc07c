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

#define ROUNDS 3

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

/* ca_load() refuses RSA keys below 3072 bits (PK-116): such a CA is made from
 * another's certificate. */
static void
make_ca(struct measured *m, const char *type)
{
	bool is_2048 = strcmp(type, "rsa2048") == 0;

	m->ca = *lab_ca(is_2048 ? "rsa3072" : type);
	m->key = is_2048 ? EVP_RSA_gen(2048) : m->ca.signer.key->context;
	if (!is_2048)
		return;
	X509 *anchor = X509_dup(m->ca.certificate);
	m->ca.store = X509_STORE_new();
	m->ca.signer.public_key = m->key;
	m->ca.signer.alg = sig_alg_for(m->key, CA_ROLE_ISSUING);
	m->ca.signer.key = signing_key_new(lab_job()->arena, m->key);
	if (X509_set_pubkey(anchor, m->key) != 1 ||
	    X509_STORE_add_cert(m->ca.store, anchor) != 1 ||
	    X509_STORE_set_flags(m->ca.store, X509_V_FLAG_PARTIAL_CHAIN) != 1)
		abort();
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
	    (!prepare_only &&
		issue_sign(&j, &m->ca, tbs.tbs, tbs.signature_alg, &der) < 0)) {
		fprintf(stderr, "%s\n", j.err.text);
		abort();
	}
	job_done(&j);
}

static void
sign_one(const struct measured *m)
{
	unsigned char message[400] = { 0 };
	unsigned char out[SIGNATURE_MAX];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = sizeof out;

	if (EVP_DigestSignInit_ex(ctx, NULL, m->ca.signer.alg->digest, NULL,
		NULL, m->key, NULL) != 1 ||
	    EVP_DigestSign(ctx, out, &n, message, sizeof message) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
}

/* what: 's'ignatures, 'p'reparations, 'i'ssued certificates. */
static double
rate(const struct measured *m, char what, double seconds)
{
	double begin = cpu_seconds(), now;
	size_t count = 0;

	do {
		if (what == 's')
			sign_one(m);
		else
			issue_one(m, what == 'p');
		count++;
		now = cpu_seconds();
	} while (now - begin < seconds);
	return (double)count / (now - begin);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	static const char what[] = "spi";
	double seconds = argc > 2 ? atof(argv[2]) : 2;
	double rates[3][ROUNDS];
	struct measured m;
	struct job *j = lab_job();

	if (argc < 2)
		return 2;
	make_ca(&m, argv[1]);
	struct lab_csr c =
	    lab_csr(j, lab_key(KEY_TYPE_P256, 0), "alice@example.org");
	c.key_usage = 0x11;
	m.csr = lab_csr_make(j, &c);
	for (int r = 0; r < ROUNDS; r++)
		for (int k = 0; k < 3; k++)
			rates[k][r] = rate(&m, what[k], seconds);
	for (int k = 0; k < 3; k++)
		qsort(rates[k], ROUNDS, sizeof rates[k][0], compare);
	double raw = rates[0][ROUNDS / 2];
	double issued = rates[2][ROUNDS / 2];
	printf("{\"key\": \"%s\", \"signatures_per_s\": %.0f, "
	       "\"prepared_per_s\": %.0f, \"issued_per_s\": %.0f, "
	       "\"issued_to_signatures\": %.3f}\n",
	    argv[1], raw, rates[1][ROUNDS / 2], issued, issued / raw);
	return 0;
}
