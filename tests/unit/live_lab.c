#include "config.h"

#include "tests/unit/live_lab.h"

#include <sys/stat.h>

#include <openssl/ocsp.h>

#include "lib/fdio.h"
#include "pki/responder.h"
#include "pki/responder_request.h"
#include "src/answers_block.h"
#include "src/live_answer.h"
#include "src/role_issuer.h"
#include "src/status_place.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"
#include "tests/unit/store_fixture.h"

#define DAY ((int64_t)86400)

void
live_lab_write_segment(
    struct live_lab *lab, const struct ca *signed_by, uint8_t last)
{
	struct job *j = lab->j;
	struct block b = { .segment = last };
	struct responder r;
	struct ocsp_ca names;
	struct span octets;
	struct ocsp_status s = { .serial = { 1, 2, last },
		.serial_len = 3,
		.not_after = LAB_NOW + (last == ENDED       ? -2 * DAY
					   : last == ENDING ? -DAY / 2
							    : 30 * DAY),
		.is_revoked = last == REVOKED,
		.reason = last == REVOKED ? 4 : 0,
		.revoked_at = last == REVOKED ? LAB_NOW - 60 : 0,
		.this_update = LAB_NOW };

	if (last == NEVER)
		s.serial[0] = 9;
	EXPECT(j, responder_ca(j, lab->ca, &names), 0);
	EXPECT(j, responder_prepare(j, j->arena, signed_by, &r), 0);
	EXPECT(j, responder_sign(j, j->arena, signed_by, &r), 0);
	block_open(j, &b, &r, &names, (struct span){ NULL, 0 });
	EXPECT(j, block_put(j, &b, &s), 0);
	/* Of a foreign responder it is not checked, as nobody would make it. */
	if (signed_by == lab->ca) {
		EXPECT(j, block_finish(j, lab->ca, &b, &octets), 0);
	} else {
		struct buf raw;

		buf_init(&raw, j->arena, ocsp_segment_size(&b.head, b.count));
		ocsp_segment_write(&raw, &b.head, b.records, b.count);
		octets = buf_span(&raw);
	}
	EXPECT(j,
	    file_write(j,
		status_segment_file(j->arena, &lab->conf.issuer, last), 0644,
		octets),
	    0);
}

/* Straight to whom the web role asks. */
static int
ask_live(void *ctx, struct job *j, struct span request, struct span *response)
{
	struct live_lab *lab = ctx;

	*response = live_answer(j, lab->live, request);
	return 0;
}

struct span
live_lab_spki_in(struct job *j, struct span request)
{
	struct span spki = { NULL, 0 };
	EVP_PKEY *key;

	EXPECT(j, responder_request_read(j, j->arena, request, &spki, &key), 0);
	return spki;
}

void
live_lab_certify(struct live_lab *lab)
{
	struct job *j = lab->j;
	struct responder r;
	struct span request, spki;

	EXPECT(j, live_key(j, lab->live, &request), 1);
	spki = live_lab_spki_in(j, request);
	EXPECT(j, responder_prepare_for(j, j->arena, lab->ca, spki, &r), 0);
	EXPECT(j, responder_sign(j, j->arena, lab->ca, &r), 0);
	EXPECT(j, live_adopt(j, lab->live, r.certificate), 0);
}

void
live_lab_init(struct live_lab *lab, struct job *j)
{
	struct conf_issuer *c = &lab->conf.issuer;
	static const uint8_t segments[] = { GOOD, REVOKED, ENDED, ENDING,
		NEVER };

	*lab = (struct live_lab){ .j = j, .ca = lab_ca("p256") };
	*c = status_lab_conf(j, "p256");
	c->crl_file = "/nonexistent.crl";
	c->ocsp_mode = CONF_OCSP_LIVE;
	c->ocsp_nonce_min = 1;
	c->max_live_answers = 1000;
	EXPECT(j, mkdir(c->ocsp_folder, 0700), 0);
	j->conf = &lab->conf;
	status_lab_at(lab->j, LAB_NOW);
	for (size_t i = 0; i < sizeof(segments); i++)
		live_lab_write_segment(lab, lab->ca, segments[i]);
	lab->live = live_new(j->arena, c, lab->ca);
	EXPECT(
	    j, status_service_new(j, j->arena, &lab->conf, &lab->service), 0);
	status_service_live(lab->service, ask_live, lab);
}

struct span
live_lab_request_of(struct live_lab *lab, const struct live_lab_question *q)
{
	const struct ca *ca = q->ca != NULL ? q->ca : lab->ca;
	OCSP_REQUEST *r = OCSP_REQUEST_new();
	unsigned char *der = NULL;
	int len;

	for (size_t i = 0; i < q->count; i++) {
		ASN1_INTEGER *n = ASN1_INTEGER_new();

		ASN1_INTEGER_set(n, 0x010200 + q->last[i]);
		OCSP_request_add0_id(
		    r, OCSP_cert_id_new(i % 2 ? EVP_sha1() : EVP_sha256(),
			   X509_get_subject_name(ca->certificate),
			   X509_get0_pubkey_bitstr(ca->certificate), n));
		ASN1_INTEGER_free(n);
	}
	if (q->nonce.p != NULL) {
		union {
			const char *in;
			unsigned char *out;
		} u = { .in = q->nonce.p };

		OCSP_request_add1_nonce(r, u.out, (int)q->nonce.n);
	}
	len = i2d_OCSP_REQUEST(r, &der);
	struct span out = span_mem(
	    arena_memdup(lab->j->arena, der, (size_t)len), (size_t)len);
	OPENSSL_free(der);
	OCSP_REQUEST_free(r);
	return out;
}

const char *
live_lab_verdict(
    struct live_lab *lab, struct span request, struct span response)
{
	const unsigned char *p = (const unsigned char *)response.p;
	const unsigned char *rp = (const unsigned char *)request.p;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &p, (long)response.n);
	OCSP_REQUEST *q = d2i_OCSP_REQUEST(NULL, &rp, (long)request.n);
	struct buf b;
	int nonce;

	assert_non_null(r);
	buf_init(&b, lab->j->arena, 1000);
	if (OCSP_response_status(r) != 0) {
		buf_addf(&b, "error %d", OCSP_response_status(r));
		OCSP_RESPONSE_free(r);
		OCSP_REQUEST_free(q);
		return b.p;
	}
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(r);
	X509_STORE *store = lab->ca->store;
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), lab->j->now);
	assert_int_equal(OCSP_basic_verify(basic, NULL, store, 0), 1);
	assert_int_equal(OCSP_resp_count(basic), OCSP_request_onereq_count(q));
	for (int i = 0; i < OCSP_request_onereq_count(q); i++) {
		ASN1_GENERALIZEDTIME *rev, *this_update, *next_update;
		int status, reason = -1;
		OCSP_CERTID *id =
		    OCSP_onereq_get0_id(OCSP_request_onereq_get0(q, i));

		assert_int_equal(OCSP_resp_find_status(basic, id, &status,
				     &reason, &rev, &this_update, &next_update),
		    1);
		assert_true(
		    ASN1_TIME_cmp_time_t(this_update, lab->j->now) <= 0);
		assert_true(
		    ASN1_TIME_cmp_time_t(next_update, lab->j->now) >= 0);
		if (i > 0)
			buf_add_char(&b, ' ');
		if (status == V_OCSP_CERTSTATUS_GOOD)
			buf_add_str(&b, "good");
		else if (status == V_OCSP_CERTSTATUS_UNKNOWN)
			buf_add_str(&b, "unknown");
		else
			buf_addf(&b, "revoked %d", reason);
	}
	nonce = OCSP_check_nonce(q, basic);
	assert_int_not_equal(nonce, 0); /* another one */
	if (nonce == 1)
		buf_add_str(&b, " nonce");
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(r);
	OCSP_REQUEST_free(q);
	return b.p;
}

struct status_result
live_lab_post(struct live_lab *lab, struct span body)
{
	struct status_query q = {
		.method = "POST", .target = SPAN("/ocsp"), .body = body
	};
	struct status_result r;

	status_answer(lab->j, lab->service, &q, &r);
	assert_int_equal(r.status, 200);
	return r;
}

const char *
live_lab_ask(struct live_lab *lab, const struct live_lab_question *q)
{
	struct span request = live_lab_request_of(lab, q);

	return live_lab_verdict(lab, request, live_lab_post(lab, request).body);
}

const char *
live_lab_ask_one(struct live_lab *lab, uint8_t last, size_t nonce)
{
	const struct live_lab_question q = { .last = { last },
		.count = 1,
		.nonce = span_mem(
		    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
		    "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123"
		    "456789abcdef0123456789abcdef",
		    nonce) };
	struct live_lab_question bare = q;

	bare.nonce = (struct span){ NULL, 0 };
	return live_lab_ask(lab, nonce == 0 ? &bare : &q);
}

void
live_lab_end(struct live_lab *lab)
{
	live_free(lab->live);
}
