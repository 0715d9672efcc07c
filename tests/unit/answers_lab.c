#include "config.h"

#include "tests/unit/answers_lab.h"

#include "tests/unit/store_fixture.h"

#include <openssl/evp.h>
#include <openssl/ocsp.h>

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_private.h"
#include "lib/b64.h"
#include "lib/conf.h"
#include "pki/der.h"
#include "src/answers.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define DAY ((int64_t)86400)

void
answers_lab_init(struct answers_lab *lab, struct job *j)
{
	*lab = (struct answers_lab){ .j = j };
	lab->conf.issuer = status_lab_conf(j, "p256");
	lab->issuer.ca = lab_ca("p256");
	lab->issuer.seal = status_lab_seal_key(j);
	lab->issuer.answers = answers_new(j->arena);
	j->conf = &lab->conf;
	status_lab_at(lab->j, FIXTURE_NOW);
	lab->account = fixture_account(j);
	EXPECT(
	    j, status_service_new(j, j->arena, &lab->conf, &lab->service), 0);
}

void
answers_lab_end(struct answers_lab *lab)
{
	answers_free(lab->issuer.answers);
	lab->issuer.answers = NULL;
}

struct cert
answers_lab_cert(struct answers_lab *lab, int64_t not_after)
{
	struct job *j = lab->j;
	unsigned n = ++lab->certs;

	return status_lab_reserve(
	    j, &(struct status_lab_cert){ .ca = lab->issuer.ca,
		   .seal = lab->issuer.seal,
		   .account = lab->account,
		   .id = arena_printf(j->arena, "cert%u", n),
		   .serial = arena_printf(j->arena, "01%04x77", n),
		   .not_before = FIXTURE_NOW,
		   .not_after = not_after });
}

void
answers_lab_record(struct answers_lab *lab, const struct cert *c)
{
	COMMITTED(lab->j,
	    store_cert_record(lab->j, c->id, SPAN("der"), span_str(c->id)));
}

struct cert
answers_lab_issue(struct answers_lab *lab, int64_t not_after)
{
	struct cert c = answers_lab_cert(lab, not_after);

	assert_int_equal(status_is_ready(&lab->issuer, lab->j, &c), 1);
	answers_lab_record(lab, &c);
	return c;
}

void
answers_lab_run(struct answers_lab *lab)
{
	int result;

	do {
		result = issuer_list_step(&lab->issuer, lab->j);
		if (result == 0)
			result = answers_step(&lab->issuer, lab->j);
	} while (result == 1);
	EXPECT(lab->j, result, 0);
}

struct status_result
answers_lab_post(struct answers_lab *lab, struct span body)
{
	struct status_query q = {
		.method = "POST", .target = SPAN("/ocsp"), .body = body
	};
	struct status_result r;

	status_answer(lab->j, lab->service, &q, &r);
	return r;
}

struct status_result
answers_lab_get(
    struct answers_lab *lab, struct span der, const char *if_none_match)
{
	struct status_query q = { .method = "GET",
		.if_none_match = if_none_match };
	struct status_result r;
	struct buf b;

	buf_init(&b, lab->j->arena, 4096);
	buf_add_str(&b, "/ocsp/");
	b64_add(&b, der);
	q.target = buf_span(&b);
	status_answer(lab->j, lab->service, &q, &r);
	return r;
}

const char *
answers_lab_verdict(
    struct answers_lab *lab, struct span request_der, struct span response)
{
	struct job *j = lab->j;
	const unsigned char *p = (const unsigned char *)response.p;
	const unsigned char *rp = (const unsigned char *)request_der.p;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &p, (long)response.n);
	OCSP_REQUEST *q = d2i_OCSP_REQUEST(NULL, &rp, (long)request_der.n);
	int status, reason = -1;

	assert_non_null(r);
	status = OCSP_response_status(r);
	if (status != 0) {
		/* PK-171: an error has nothing else */
		assert_int_equal(response.n, 5);
		OCSP_RESPONSE_free(r);
		OCSP_REQUEST_free(q);
		return arena_printf(j->arena, "error %d", status);
	}
	OCSP_BASICRESP *b = OCSP_response_get1_basic(r);
	assert_non_null(b);
	X509_STORE *store = lab->issuer.ca->store;
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), j->now);
	assert_int_equal(OCSP_basic_verify(b, NULL, store, 0), 1);
	assert_int_equal(OCSP_resp_count(b), 1);
	ASN1_GENERALIZEDTIME *rev, *this_update, *next_update;
	assert_int_equal(
	    OCSP_resp_find_status(b,
		OCSP_onereq_get0_id(OCSP_request_onereq_get0(q, 0)), &status,
		&reason, &rev, &this_update, &next_update),
	    1);
	/* PK-168 */
	assert_int_equal(
	    ASN1_TIME_diff(&status, &reason, this_update, next_update), 1);
	assert_int_equal(status * DAY + reason, 4 * DAY - 1);
	reason = -1;
	assert_int_equal(
	    OCSP_resp_find_status(b,
		OCSP_onereq_get0_id(OCSP_request_onereq_get0(q, 0)), &status,
		&reason, &rev, &this_update, &next_update),
	    1);
	OCSP_BASICRESP_free(b);
	OCSP_RESPONSE_free(r);
	OCSP_REQUEST_free(q);
	return status == V_OCSP_CERTSTATUS_GOOD
		   ? "good"
		   : arena_printf(j->arena, "revoked %d", reason);
}

const char *
answers_lab_ask(struct answers_lab *lab, const char *serial)
{
	const char *said = NULL;

	for (int i = 0; i < 4; i++) {
		struct span der = status_lab_request(lab->j, lab->issuer.ca,
		    i < 2 ? EVP_sha1() : EVP_sha256(), serial, 1);
		struct status_result r = i % 2 ? answers_lab_get(lab, der, NULL)
					       : answers_lab_post(lab, der);
		const char *now = answers_lab_verdict(lab, der, r.body);

		assert_int_equal(r.status, 200);
		assert_string_equal(status_lab_header(&r, "Content-Type"),
		    "application/ocsp-response");
		if (said != NULL)
			assert_string_equal(now, said);
		said = now;
	}
	return said;
}
