/*
 * A certificate request (PK-56 to PK-64).  What csr_parse() takes for well
 * formed, up to its signature, OpenSSL reads completely and writes the same:
 * all of it, or all but a subject with values that its names do not know (a
 * date of birth), which PK-60 ignores.
 */
#include "config.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/job.h"
#include "pki/csr.h"
#include "pki/der.h"
#include "pki/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const order[] = { "alice@example.com",
	"j\xc3\xb6rg@xn--mnchen-3ya.example" };

static const char unverified[] = "the CSR signature does not verify";

static void
compare(struct span in)
{
	const unsigned char *p = (const unsigned char *)in.p;
	const unsigned char *end = p + in.n;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)in.n);
	unsigned char *der = NULL;

	if (req == NULL || p != end)
		abort();
	if (i2d_re_X509_REQ_tbs(req, &der) <= 0)
		abort();
	OPENSSL_free(der);
	der = NULL;
	if (i2d_X509_REQ(req, &der) != (int)in.n ||
	    memcmp(der, in.p, in.n) != 0)
		abort();
	OPENSSL_free(der);
	X509_REQ_free(req);
}

static bool
is_name(struct span der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.n);

	X509_NAME_free(name);
	return name != NULL;
}

/* The request with an empty subject in the place of one that OpenSSL's names
 * cannot hold. */
static struct span
readable(struct arena *a, struct span in)
{
	struct buf out;
	struct der request;
	struct der info;
	struct der version;
	struct der subject;

	if (der_only(in, DER_SEQUENCE, &request) < 0 ||
	    der_take(&request.body, DER_SEQUENCE, &info) < 0 ||
	    der_take(&info.body, DER_INTEGER, &version) < 0 ||
	    der_take(&info.body, DER_SEQUENCE, &subject) < 0)
		abort();
	if (is_name(subject.whole))
		return in;
	buf_init(&out, a, in.n);
	size_t outer = der_open(&out, DER_SEQUENCE);
	size_t inner = der_open(&out, DER_SEQUENCE);
	buf_add(&out, version.whole);
	der_add(&out, DER_SEQUENCE, SPAN(""));
	buf_add(&out, info.body);
	der_close(&out, inner);
	buf_add(&out, request.body);
	der_close(&out, outer);
	if (out.failed)
		abort();
	return buf_span(&out);
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
			compare(readable(j.arena, span_mem(data, n)));
		/* The text goes to the client and the log. */
		if (span_has_control(span_str(j.err.text)))
			abort();
		job_done(&j);
	}
	ERR_clear_error();
	return 0;
}
