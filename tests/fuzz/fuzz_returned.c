/*
 * PK-216: what another CA sends as a certificate.  Its own issuer and key are
 * taken for those that were asked for, so that the checks behind them are
 * reached; nothing is ever accepted, since nobody has signed it.
 */
#include "config.h"

#include <openssl/x509.h>
#include <stdlib.h>

#include "lib/job.h"
#include "pki/ca.h"
#include "pki/certview.h"
#include "pki/csr.h"
#include "pki/ossl.h"
#include "pki/profile.h"
#include "pki/returned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const mailboxes[] = { "alice@user.test", "bob@user.test" };

static const struct sig_alg alg = { "ecdsa-with-SHA256", "SHA256",
	{ "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12 } };

static void
try(struct job *j, struct span answer, const struct certview *v, size_t count)
{
	struct ca ca = { .signer = { .name = v->issuer, .alg = &alg },
		.store = ossl_own_store(j->arena, X509_STORE_new()),
		.not_before = 0,
		.not_after = INT64_C(4000000000) };
	struct csr csr = { .spki = v->spki, .class = KEY_CLASS_DUAL };
	const struct returned_want want = { .profile = &profiles[1],
		.csr = &csr,
		.mailboxes = mailboxes,
		.mailbox_count = count,
		.life_max = 400 * INT64_C(86400) };
	struct returned r;

	j->now = v->not_before;
	(void)certview_authority_key_id(v, &ca.signer.key_id);
	if (returned_check(j, &ca, &want, answer, &r) != 0 || r.why == NULL)
		abort();
	if (j->err.kind != ERR_NONE)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span answer = span_mem(data, n), der;
	struct certview v = { .is_v3 = false };
	int64_t not_after;
	struct job j;

	job_init(&j, NULL, NULL);
	if (returned_leaf(&j, answer, &der) == 0 && certview_parse(der, &v) < 0)
		v = (struct certview){ .is_v3 = false };
	if (der.n > 0 && returned_end(&j, der, &not_after) == 0 && v.is_v3 &&
	    not_after != v.not_after)
		abort();
	for (size_t i = 1; i < 4 && returned_at(&j, answer, i, &der) == 0; i++)
		if (returned_is_for_key(der, answer) &&
		    returned_is_of_ca(der, answer))
			abort();
	try(&j, answer, &v, 1);
	try(&j, answer, &v, 2);
	job_done(&j);
	return 0;
}
