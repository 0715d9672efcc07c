/*
 * What somebody hands in as the proof that a key is compromised (PK-77).  What
 * is taken for a request verifies with the key that is told, and says so.
 */
#include "config.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/job.h"
#include "pki/key_proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
compare(const struct key_proof *p)
{
	const unsigned char *q = (const unsigned char *)p->evidence.p;
	X509_REQ *req = d2i_X509_REQ(NULL, &q, (long)p->evidence.n);
	unsigned char *spki = NULL;
	uint8_t hash[SHA256_LEN];
	int n;

	if (req == NULL || X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1)
		abort();
	n = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &spki);
	if (n <= 0)
		abort();
	sha256(span_mem(spki, (size_t)n), hash);
	if (memcmp(hash, p->spki_sha256, SHA256_LEN) != 0)
		abort();
	OPENSSL_free(spki);
	X509_REQ_free(req);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct span in = span_mem(data, n);
	struct key_proof p;
	struct job j;

	job_init(&j, NULL, NULL);
	if (key_proof_request(&j, in, &p) == 0)
		compare(&p);
	else if (j.err.kind != ERR_MALFORMED && j.err.kind != ERR_BAD_CSR)
		abort();
	/* The text goes to a terminal. */
	if (span_has_control(span_str(j.err.text)))
		abort();
	job_recover(&j);
	if (key_proof_signature(&j, in, "https://ca.example", in, &p) == 0)
		abort();
	job_done(&j);
	ERR_clear_error();
	return 0;
}
