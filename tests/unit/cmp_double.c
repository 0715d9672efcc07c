#include "config.h"

#include "tests/unit/cmp_double.h"

#include <openssl/x509v3.h>
#include <signal.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/ca.h"
#include "pki/signing_key.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define DAY ((long)86400)

struct cmp_server cmp_double;
struct cmp_way cmp_way;

static struct {
	struct cmp_speaker ours, theirs, others;
	struct cmp_client client;
	struct span before; /* the last answer */
	struct span first;  /* of the transaction before this one */
	struct span current_first;
} double_state;
#define D double_state

static X509 *
self_signed(EVP_PKEY *key, const char *name)
{
	X509 *x = X509_new();
	X509V3_CTX ctx;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_gmtime_adj(X509_getm_notBefore(x), -DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), DAY);
	X509_set_pubkey(x, key);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	cmp_server_set_extension(x, &ctx, NID_subject_key_identifier, "hash");
	cmp_server_set_extension(
	    x, &ctx, NID_key_usage, "critical,digitalSignature");
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

static void
speaker_init(struct cmp_speaker *who, const char *name)
{
	who->key = EVP_EC_gen("P-256");
	who->certificate = self_signed(who->key, name);
}

/* --- the way there -------------------------------------------------------- */

static struct span
serve(struct span request)
{
	int known = cmp_double.known_count;
	struct span answer;

	cmp_double.now = unit_job()->now;
	answer = cmp_server_answer(&cmp_double, request);
	if (cmp_double.known_count > known) {
		D.first = D.current_first;
		D.current_first = answer;
	}
	return answer;
}

static struct span
spoil(enum cmp_fault fault, struct span answer)
{
	char *copy = arena_alloc(unit_job()->arena, answer.n + 1);

	memcpy(copy, answer.p, answer.n);
	switch (fault) {
	case CMP_FAULT_GARBAGE:
		return SPAN("<html>not found</html>");
	case CMP_FAULT_TRAILER:
		return span_mem(copy, answer.n + 1);
	case CMP_FAULT_BEFORE:
		return D.before;
	case CMP_FAULT_ELSEWHERE:
		return D.first;
	case CMP_FAULT_CHANGED: /* in the header, behind sender and all */
		copy[span_find_span(answer, 0, SPAN("Test CMP CA"))] ^= 1;
		return span_mem(copy, answer.n);
	case CMP_FAULT_NONE:
	case CMP_FAULT_SILENCE:
	case CMP_FAULT_LOST:
	case CMP_FAULT_DEATH:
	case CMP_FAULT_OTHER_KEY:
	case CMP_FAULT_UNPROTECTED:
		break;
	}
	return answer;
}

static int
send_message(void *ctx, struct job *j, struct span request, struct span *answer)
{
	int at = cmp_way.messages++;
	enum cmp_fault fault =
	    at == cmp_way.fault_at ? cmp_way.fault : CMP_FAULT_NONE;

	(void)ctx;
	if (fault == CMP_FAULT_SILENCE)
		return job_fail(j, ERR_BUSY, "no answer");
	if (fault == CMP_FAULT_DEATH)
		raise(SIGKILL);
	if (fault == CMP_FAULT_OTHER_KEY)
		cmp_server_speak_as(&cmp_double, &D.others);
	if (fault == CMP_FAULT_UNPROTECTED) {
		cmp_double.refuses = OSSL_CMP_PKIFAILUREINFO_badPOP + 1;
		OSSL_CMP_SRV_CTX_set_send_unprotected_errors(
		    cmp_double.server, 1);
	}
	*answer = serve(request);
	cmp_server_speak_as(&cmp_double, &D.theirs);
	OSSL_CMP_SRV_CTX_set_send_unprotected_errors(cmp_double.server, 0);
	if (fault == CMP_FAULT_UNPROTECTED)
		cmp_double.refuses = 0;
	if (fault == CMP_FAULT_LOST)
		return job_fail(j, ERR_BUSY, "no answer");
	*answer = spoil(fault, *answer);
	D.before = *answer;
	return 0;
}

void
cmp_double_init(void)
{
	const struct ca *ca = lab_ca("p256");

	if (D.client.send == NULL) {
		speaker_init(&D.ours, "Test RA");
		speaker_init(&D.theirs, "Test CMP CA");
		speaker_init(&D.others, "Test CMP CA");
		D.client =
		    (struct cmp_client){ .certificate = D.ours.certificate,
			    .key = D.ours.key,
			    .server = D.theirs.certificate,
			    .send = send_message };
	}
	cmp_server_stop(&cmp_double);
	cmp_way = (struct cmp_way){ .fault = CMP_FAULT_NONE };
	cmp_double = (struct cmp_server){ .arena = unit_job()->arena,
		.issuer = { ca->certificate, ca->signer.key->context },
		.speaker = D.theirs,
		.client = D.ours.certificate,
		.crl_url = LAB_CRL_URL };
	D.before = D.first = D.current_first = (struct span){ NULL, 0 };
	cmp_server_start(&cmp_double);
}

const struct cmp_client *
cmp_double_client(void)
{
	return &D.client;
}
