/* A CA's own certificate request, signed where its key is. */
#include "config.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/ca_build.h"
#include "pki/der.h"
#include "pki/ossl.h"

#define REQUEST_MAX 4096

static int
check_made(struct job *j, const struct signer *s, struct span der)
{
	const unsigned char *p = ossl_bytes(der);
	X509_REQ *request = d2i_X509_REQ(NULL, &p, (long)der.n);
	int is_good =
	    request != NULL && X509_REQ_verify(request, s->public_key) == 1;

	X509_REQ_free(request);
	ERR_clear_error();
	return is_good ? 0
		       : job_fail(j, ERR_INTERNAL,
			     "the key does not verify what it signs (PK-210)");
}

int
ca_request_make(struct job *j, const struct signer *s, struct span *der)
{
	struct buf tbs;

	buf_init(&tbs, j->arena, REQUEST_MAX);
	size_t mark = der_open(&tbs, DER_SEQUENCE);
	der_add_uint(&tbs, 0);
	buf_add(&tbs, s->name);
	buf_add(&tbs, ca_spki(j, s->public_key));
	der_add(&tbs, DER_CONTEXT(0), SPAN(""));
	der_close(&tbs, mark);
	if (!buf_ok(&tbs))
		return job_fail(j, ERR_INTERNAL, "the request is too large");
	return signer_sign(j, s, SIGNED_REQUEST, buf_span(&tbs), der) < 0
		   ? -1
		   : check_made(j, s, *der);
}
