/*
 * A certificate request (PK-56 to PK-64).  What csr_parse() takes for well
 * formed, up to its signature, OpenSSL reads completely and writes the same.
 */
#include "config.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/job.h"
#include "pki/csr.h"
#include "pki/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const order[] = { "alice@example.com",
	"j\xc3\xb6rg@xn--mnchen-3ya.example" };

static const char unverified[] = "the CSR signature does not verify";

static void
compare(const uint8_t *data, size_t n)
{
	const unsigned char *p = data;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)n);
	unsigned char *der = NULL;

	if (req == NULL || p != data + n)
		abort();
	if (i2d_re_X509_REQ_tbs(req, &der) <= 0)
		abort();
	OPENSSL_free(der);
	der = NULL;
	if (i2d_X509_REQ(req, &der) != (int)n || memcmp(der, data, n) != 0)
		abort();
	OPENSSL_free(der);
	X509_REQ_free(req);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	for (unsigned i = 0; i < 4 * profile_count; i++) {
		const struct csr_policy policy = {
			.mailboxes = order,
			.mailbox_count = 1 + (i & 1),
			.ignore_dns_mailboxes = i >> 1 & 1,
			.addr = { .utf8_local = true,
			    .reserved_domains = true },
			.profile = &profiles[i / 4],
		};
		struct csr csr;
		struct job j;

		job_init(&j, NULL, NULL);
		int r = csr_parse(&j, span_mem(data, n), &policy, &csr);
		if (r < 0 && j.err.kind != ERR_BAD_CSR)
			abort();
		if (r == 0 && strlen(csr_jwk_thumbprint(&j, &csr)) != 43)
			abort();
		if (r == 0 || strcmp(j.err.text, unverified) == 0)
			compare(data, n);
		/* The text goes to the client and the log. */
		if (span_has_control(span_str(j.err.text)))
			abort();
		job_done(&j);
	}
	ERR_clear_error();
	return 0;
}
