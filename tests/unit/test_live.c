/*
 * OCSP answers that are made for one client (issuer.ocsp_mode = live): PK-141,
 * PK-168, PK-170 to PK-173, PK-177, PK-204; L-70 to L-75.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <openssl/ocsp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "pki/key.h"
#include "pki/ocsp_client.h"
#include "pki/responder.h"
#include "pki/responder_request.h"
#include "src/answers.h"
#include "src/answers_block.h"
#include "src/live_answer.h"
#include "src/live_key.h"
#include "src/live_link.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "src/status_place.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define DAY ((int64_t)86400)

/* The last octet is the segment. */
#define GOOD 0x11
#define REVOKED 0x22
#define ENDED 0x33
#define ENDING 0x66 /* since half a day */
#define NEVER 0x44  /* issued; its segment has others */
#define NO_FILE 0x55

struct lab {
	struct job *j;
	struct conf conf;
	const struct ca *ca;
	struct live *live;
	struct status_service *service;
};

static void
write_segment(struct lab *lab, const struct ca *signed_by, uint8_t last)
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
	struct lab *lab = ctx;

	*response = live_answer(j, lab->live, request);
	return 0;
}

/* Of a request that verifies. */
static struct span
spki_in(struct job *j, struct span request)
{
	struct span spki = { NULL, 0 };
	EVP_PKEY *key;

	EXPECT(j, responder_request_read(j, j->arena, request, &spki, &key), 0);
	return spki;
}

static void
certify(struct lab *lab)
{
	struct job *j = lab->j;
	struct responder r;
	struct span request, spki;

	EXPECT(j, live_key(j, lab->live, &request), 1);
	spki = spki_in(j, request);
	EXPECT(j, responder_prepare_for(j, j->arena, lab->ca, spki, &r), 0);
	EXPECT(j, responder_sign(j, j->arena, lab->ca, &r), 0);
	EXPECT(j, live_adopt(j, lab->live, r.certificate), 0);
}

static void
lab_init(struct lab *lab, struct job *j)
{
	struct conf_issuer *c = &lab->conf.issuer;
	static const uint8_t segments[] = { GOOD, REVOKED, ENDED, ENDING,
		NEVER };

	*lab = (struct lab){ .j = j, .ca = lab_ca("p256") };
	*c = status_lab_conf(j, "p256");
	c->crl_file = "/nonexistent.crl";
	c->ocsp_mode = CONF_OCSP_LIVE;
	c->ocsp_nonce_min = 1;
	c->max_live_answers = 1000;
	EXPECT(j, mkdir(c->ocsp_folder, 0700), 0);
	j->conf = &lab->conf;
	status_lab_at(lab->j, LAB_NOW);
	for (size_t i = 0; i < sizeof(segments); i++)
		write_segment(lab, lab->ca, segments[i]);
	lab->live = live_new(j->arena, c, lab->ca);
	EXPECT(
	    j, status_service_new(j, j->arena, &lab->conf, &lab->service), 0);
	status_service_live(lab->service, ask_live, lab);
}

/* --- asking --------------------------------------------------------------- */

struct question {
	const struct ca *ca; /* NULL: ours */
	uint8_t last[10];
	size_t count;
	struct span nonce; /* p NULL: none */
};

static struct span
request_of(struct lab *lab, const struct question *q)
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

/* "good", "revoked 4", "unknown", for each number, then " nonce" if it has the
 * request's; "error 6".  OpenSSL verifies. */
static const char *
verdict(struct lab *lab, struct span request, struct span response)
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

static struct status_result
post(struct lab *lab, struct span body)
{
	struct status_query q = {
		.method = "POST", .target = SPAN("/ocsp"), .body = body
	};
	struct status_result r;

	status_answer(lab->j, lab->service, &q, &r);
	assert_int_equal(r.status, 200);
	return r;
}

static const char *
ask(struct lab *lab, const struct question *q)
{
	struct span request = request_of(lab, q);

	return verdict(lab, request, post(lab, request).body);
}

static const char *
ask_one(struct lab *lab, uint8_t last, size_t nonce)
{
	const struct question q = { .last = { last },
		.count = 1,
		.nonce = span_mem(
		    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
		    "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123"
		    "456789abcdef0123456789abcdef",
		    nonce) };
	struct question bare = q;

	bare.nonce = (struct span){ NULL, 0 };
	return ask(lab, nonce == 0 ? &bare : &q);
}

static void
lab_end(struct lab *lab)
{
	live_free(lab->live);
}

/* --- tests ---------------------------------------------------------------- */

/* PK-173: a nonce of 1 to 128 octets comes back as it was; PK-171: without a
 * certified key nobody signs; PK-170: "unknown". */
static void
test_nonce(struct job *j)
{
	static const size_t lengths[] = { 1, 15, 16, 32, 128 };
	struct lab lab;

	lab_init(&lab, j);
	assert_string_equal(ask_one(&lab, GOOD, 16), "error 3");
	/* what was signed in advance is there all the same */
	assert_string_equal(ask_one(&lab, GOOD, 0), "good");
	certify(&lab);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		unit_case("%zu octets", lengths[i]);
		assert_string_equal(
		    ask_one(&lab, GOOD, lengths[i]), "good nonce");
		assert_string_equal(
		    ask_one(&lab, REVOKED, lengths[i]), "revoked 4 nonce");
	}
	assert_string_equal(ask_one(&lab, NEVER, 0), "unknown");
	assert_string_equal(ask_one(&lab, NEVER, 16), "unknown nonce");
	/* PK-174: its status as it was, until a day after its end */
	assert_string_equal(ask_one(&lab, ENDING, 0), "good");
	assert_string_equal(ask_one(&lab, ENDING, 16), "good nonce");
	assert_string_equal(ask_one(&lab, ENDED, 16), "error 6");
	assert_string_equal(ask_one(&lab, NO_FILE, 16), "error 3");
	assert_string_equal(ask_one(&lab, GOOD, 129), "error 1");
	/* those that are too short to help are passed over */
	lab.conf.issuer.ocsp_nonce_min = 16;
	assert_string_equal(ask_one(&lab, GOOD, 15), "good");
	assert_string_equal(ask_one(&lab, NEVER, 15), "unknown");
	assert_string_equal(ask_one(&lab, GOOD, 16), "good nonce");
	lab_end(&lab);
}

/* PK-133, PK-170: what countersign ca check-urls takes for the right answer. */
static void
test_as_check_urls_reads_it(struct job *j)
{
	const struct {
		struct span serial;
		bool is_unknown, is_revoked;
	} table[] = { { SPAN("\x01\x02\x44"), true, false },
		{ SPAN("\x01\x02\x22"), false, true },
		{ SPAN("\x01\x02\x11"), false, false } };
	struct lab lab;

	lab_init(&lab, j);
	certify(&lab);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (int h = 0; h < OCSP_HASHES; h++) {
			struct ocsp_said said;
			struct span request;

			EXPECT(j,
			    ocsp_client_request(j, lab.ca, (enum ocsp_hash)h,
				table[i].serial, &request),
			    0);
			EXPECT(j,
			    ocsp_client_read(j, lab.ca, (enum ocsp_hash)h,
				table[i].serial, post(&lab, request).body,
				&said),
			    0);
			assert_int_equal(said.error, 0);
			assert_int_equal(said.is_unknown, table[i].is_unknown);
			assert_int_equal(said.is_revoked, table[i].is_revoked);
		}
	lab_end(&lab);
}

/* PK-173: one that is none is an error here, and is passed over where nobody
 * answers with it. */
static void
test_bad_nonce(struct job *j)
{
	struct lab lab;
	struct question q = {
		.last = { GOOD }, .count = 1, .nonce = SPAN("0123456789abcdef")
	};
	struct span request;
	size_t place;
	char *octets;

	lab_init(&lab, j);
	certify(&lab);
	request = request_of(&lab, &q);
	place = span_find_span(request, 0, q.nonce) - 2;
	octets = arena_memdup(j->arena, request.p, request.n);
	octets[place] = 0x0c; /* a UTF8String in the place of octets */
	request = span_mem(octets, request.n);
	assert_string_equal(
	    verdict(&lab, request_of(&lab, &q), post(&lab, request).body),
	    "error 1");
	assert_string_equal(verdict(&lab, request_of(&lab, &q),
				live_answer(j, lab.live, request)),
	    "error 1");
	lab.conf.issuer.ocsp_mode = CONF_OCSP_PRESIGNED;
	q.nonce = (struct span){ NULL, 0 };
	assert_string_equal(
	    verdict(&lab, request_of(&lab, &q), post(&lab, request).body),
	    "good");
	lab_end(&lab);
}

/* PK-172: up to eight numbers, if all of them are ours; PK-170: those that were
 * never issued are counted. */
static void
test_several(struct job *j)
{
	static const struct question all = { .last = { GOOD, REVOKED, NEVER,
						 GOOD },
		.count = 4,
		.nonce = SPAN_INIT("0123456789abcdef") };
	struct question q = { .count = 8 };
	struct lab lab;

	lab_init(&lab, j);
	certify(&lab);
	assert_string_equal(
	    ask(&lab, &all), "good revoked 4 unknown good nonce");
	memset(q.last, GOOD, sizeof(q.last));
	assert_string_equal(
	    ask(&lab, &q), "good good good good good good good good");
	q.count = 9;
	assert_string_equal(ask(&lab, &q), "error 6");
	/* one of them has ended, or has no file: no part of an answer */
	q.count = 2;
	q.last[1] = ENDED;
	assert_string_equal(ask(&lab, &q), "error 6");
	q.last[1] = NO_FILE;
	assert_string_equal(ask(&lab, &q), "error 3");
	/* another CA's */
	q.last[1] = GOOD;
	q.ca = lab_ca("p384");
	assert_string_equal(ask(&lab, &q), "error 6");
	lab.conf.issuer.ocsp_mode = CONF_OCSP_PRESIGNED;
	assert_string_equal(ask(&lab, &all), "error 6");
	unit_log_begin();
	status_lab_at(lab.j, LAB_NOW + 2 * DAY);
	status_report(j, lab.service);
	assert_non_null(strstr(unit_log_end(), "serial=010244 count=2"));
	lab_end(&lab);
}

/* The record of a segment's only number: one bit, so far from the
 * end. */
static void
spoil(struct lab *lab, uint8_t last, size_t from_end)
{
	struct job *j = lab->j;
	const char *file =
	    status_segment_file(j->arena, &lab->conf.issuer, last);
	struct span octets;
	char *copy;

	EXPECT(j, file_read(j, file, 100000, &octets), 0);
	copy = arena_memdup(j->arena, octets.p, octets.n);
	copy[octets.n - from_end] ^= 1;
	EXPECT(j, file_write(j, file, 0644, span_mem(copy, octets.n)), 0);
}

/* A responder that is known already vouches for its own signatures only. */
static void
test_known(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j);
	certify(&lab);
	for (int i = 0; i < 3; i++)
		assert_string_equal(ask_one(&lab, GOOD, 16), "good nonce");
	/* the last octet is one of the signature for SHA-256, which asks */
	spoil(&lab, GOOD, 1);
	unit_log_begin();
	assert_string_equal(ask_one(&lab, GOOD, 16), "error 3");
	assert_non_null(strstr(unit_log_end(), "not ours"));
	spoil(&lab, GOOD, 1);
	assert_string_equal(ask_one(&lab, GOOD, 16), "good nonce");
	lab_end(&lab);
}

/* What it says it has from the issuer, whoever writes the files. */
static void
test_forged(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j);
	certify(&lab);
	write_segment(&lab, lab_ca("p384"), REVOKED);
	unit_log_begin();
	assert_string_equal(ask_one(&lab, REVOKED, 16), "error 3");
	assert_non_null(strstr(unit_log_end(), "not ours"));
	assert_string_equal(ask_one(&lab, GOOD, 16), "good nonce");
	lab_end(&lab);
}

/* PK-204: so many numbers a second and no more; what was signed in advance goes
 * on. */
static void
test_rate(struct job *j)
{
	static const struct question four = {
		.last = { GOOD, GOOD, GOOD, GOOD }, .count = 4
	};
	struct lab lab;

	lab_init(&lab, j);
	certify(&lab);
	lab.conf.issuer.max_live_answers = 3;
	/* more at once than there are in a second */
	assert_string_equal(ask(&lab, &four), "error 3");
	for (int i = 0; i < 3; i++)
		assert_string_equal(ask_one(&lab, GOOD, 16), "good nonce");
	assert_string_equal(ask_one(&lab, GOOD, 16), "error 3");
	assert_string_equal(ask_one(&lab, NEVER, 0), "error 3");
	assert_string_equal(ask_one(&lab, GOOD, 0), "good");
	status_lab_at(lab.j, LAB_NOW + 1);
	assert_string_equal(ask_one(&lab, GOOD, 16), "good nonce");
	assert_int_equal(live_take_count(lab.live), 4);
	assert_int_equal(live_take_count(lab.live), 0);
	lab_end(&lab);
}

/* PK-118: renewed at half of its life; the former key answers meanwhile. */
static void
test_renewal(struct job *j)
{
	struct lab lab;
	struct responder r;
	struct span first, again, other;

	lab_init(&lab, j);
	assert_int_equal(live_key_due(lab.live), 0);
	EXPECT(j, live_key(j, lab.live, &first), 1);
	first = span_mem(arena_memdup(j->arena, first.p, first.n), first.n);
	EXPECT(j, live_key(j, lab.live, &again), 1);
	assert_true(span_eq(first, again));
	/* a certificate, and not for this key */
	EXPECT(j, responder_prepare(j, j->arena, lab.ca, &r), 0);
	EXPECT(j, responder_sign(j, j->arena, lab.ca, &r), 0);
	assert_int_equal(live_adopt(j, lab.live, r.certificate), -1);
	job_recover(j);
	assert_int_equal(live_adopt(j, lab.live, SPAN("nonsense")), -1);
	job_recover(j);
	assert_string_equal(ask_one(&lab, GOOD, 16), "error 3");
	/* of another CA */
	EXPECT(j,
	    responder_prepare_for(
		j, j->arena, lab_ca("p384"), spki_in(j, first), &r),
	    0);
	EXPECT(j, responder_sign(j, j->arena, lab_ca("p384"), &r), 0);
	assert_int_equal(live_adopt(j, lab.live, r.certificate), -1);
	job_recover(j);
	certify(&lab);
	assert_int_equal(live_key(j, lab.live, &again), 0);
	assert_int_equal(
	    live_adopt(j, lab.live, r.certificate), -1); /* nobody waits */
	job_recover(j);
	status_lab_at(lab.j, LAB_NOW + 15 * DAY);
	EXPECT(j, live_key(j, lab.live, &other), 1);
	assert_false(span_eq(first, other));
	status_lab_at(lab.j, LAB_NOW + 3 * DAY);
	assert_string_equal(ask_one(&lab, GOOD, 16), "good nonce");
	certify(&lab);
	assert_string_equal(ask_one(&lab, GOOD, 16), "good nonce");
	/* the issuer is late: its answers are at their end, and so is this */
	status_lab_at(lab.j, LAB_NOW + 4 * DAY);
	assert_string_equal(ask_one(&lab, GOOD, 16), "error 3");
	lab_end(&lab);
}

/* --- the issuer's side ---------------------------------------------------- */

/* PK-177, PK-144: a number and contents on record before the CA signs; the same
 * key is certified once; PK-204: not without end. */
static void
test_certified(struct job *j)
{
	static const char count[] = "SELECT COUNT(*) FROM responder";
	struct issuer issuer = { .ca = lab_ca("p256"),
		.seal = status_lab_seal_key(j),
		.answers = answers_new(j->arena) };
	struct conf conf = { .issuer = { .max_responders_per_hour = 2,
				 .max_per_hour = 10 } };
	struct responder key;
	struct live_pairs pairs;
	struct span der, again;
	int end, issuers;

	j->conf = &conf;
	EXPECT(j, live_pairs_make(j, 1, &pairs), 0);
	end = pairs.responder.fds[0];
	issuers = pairs.issuer.fds[0];
	issuer.live = live_keys_new(j->arena, issuers);
	assert_int_equal(live_keys_step(&issuer, j), 0);
	EXPECT(j, responder_new_key(j, j->arena, &key), 0);
	EXPECT(j, responder_request(j, j->arena, &key), 0);
	EXPECT(j, live_tell(j->arena, end, LIVE_KEY, key.request), 0);
	EXPECT(j, live_keys_step(&issuer, j), 1);
	EXPECT(j, live_take(j, end, LIVE_CERTIFICATE_MAX, &der), 1);
	EXPECT(j, responder_adopt(j, j->arena, issuer.ca, der, &key), 0);
	assert_int_equal(fixture_count(j, count), 1);
	/* asked twice, and once more */
	EXPECT(j, live_tell(j->arena, end, LIVE_KEY, key.request), 0);
	EXPECT(j, live_tell(j->arena, end, LIVE_KEY, key.request), 0);
	EXPECT(j, live_keys_step(&issuer, j), 1);
	assert_int_equal(live_keys_step(&issuer, j), 0);
	EXPECT(j, live_take(j, end, LIVE_CERTIFICATE_MAX, &again), 1);
	assert_true(span_eq(der, again));
	assert_int_equal(fixture_count(j, count), 1);
	/* no key, and one of another kind */
	EXPECT(j, live_tell(j->arena, end, LIVE_KEY, SPAN("no key")), 0);
	assert_int_equal(live_keys_step(&issuer, j), -1);
	assert_int_equal(j->err.kind, ERR_MALFORMED);
	job_recover(j);
	assert_int_equal(live_take(j, end, LIVE_CERTIFICATE_MAX, &again), 0);
	for (int i = 0; i < 3; i++) {
		EXPECT(j, responder_new_key(j, j->arena, &key), 0);
		EXPECT(j, responder_request(j, j->arena, &key), 0);
		EXPECT(j, live_tell(j->arena, end, LIVE_KEY, key.request), 0);
		if (live_keys_step(&issuer, j) < 0)
			assert_int_equal(j->err.kind, ERR_BUSY);
		job_recover(j);
	}
	assert_int_equal(fixture_count(j, count), 2);
	for (size_t i = 0; i < 2; i++) {
		close(pairs.responder.fds[i]);
		close(i == 0 ? issuers : pairs.web.fds[0]);
	}
	answers_free(issuer.answers);
}

/* PK-177, PK-118: a key that stays, as one in a token does, gets another
 * certificate halfway, and no earlier one. */
static void
test_certified_again(struct job *j)
{
	static const struct {
		int64_t at;
		int count;
	} rows[] = { { 0, 1 }, { 15 * DAY - 301, 1 }, { 15 * DAY, 2 },
		{ 15 * DAY, 2 }, { 30 * DAY, 3 }, { 0, 4 } };
	struct issuer issuer = { .ca = lab_ca("p256"),
		.seal = status_lab_seal_key(j),
		.answers = answers_new(j->arena) };
	struct conf conf = { .issuer = { .max_responders_per_hour = 100,
				 .max_per_hour = 100 } };
	struct live_pairs pairs;
	struct responder key;
	struct span der;

	j->conf = &conf;
	EXPECT(j, live_pairs_make(j, 0, &pairs), 0);
	issuer.live = live_keys_new(j->arena, pairs.issuer.fds[0]);
	EXPECT(j, responder_new_key(j, j->arena, &key), 0);
	EXPECT(j, responder_request(j, j->arena, &key), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_case("%zu", i);
		status_lab_at(j, LAB_NOW + rows[i].at);
		EXPECT(j,
		    live_tell(j->arena, pairs.responder.fds[0], LIVE_KEY,
			key.request),
		    0);
		EXPECT(j, live_keys_step(&issuer, j), 1);
		EXPECT(j,
		    live_take(
			j, pairs.responder.fds[0], LIVE_CERTIFICATE_MAX, &der),
		    1);
		EXPECT(
		    j, responder_adopt(j, j->arena, issuer.ca, der, &key), 0);
		assert_int_equal(
		    fixture_count(j,
			"SELECT COUNT(*) FROM responder WHERE holder = "
			"'responder'"),
		    rows[i].count);
	}
	close(pairs.responder.fds[0]);
	close(pairs.issuer.fds[0]);
	answers_free(issuer.answers);
}

/* PK-177: nobody gets a certificate for a key that he has not. */
static void
test_possession(struct job *j)
{
	struct responder own, other;
	struct span spki = { NULL, 0 }, der;
	EVP_PKEY *read;
	char *changed;

	EXPECT(j, responder_new_key(j, j->arena, &own), 0);
	EXPECT(j, responder_new_key(j, j->arena, &other), 0);
	EXPECT(j, responder_request(j, j->arena, &own), 0);
	EXPECT(j, responder_request(j, j->arena, &other), 0);
	der = own.request;
	EXPECT(j, responder_request_read(j, j->arena, der, &spki, &read), 0);
	assert_int_equal(EVP_PKEY_eq(read, own.key), 1);
	/* with the other's key in its place */
	changed = arena_memdup(j->arena, der.p, der.n);
	memcpy(changed + (spki.p - der.p), other.request.p + (spki.p - der.p),
	    spki.n);
	assert_int_equal(responder_request_read(j, j->arena,
			     span_mem(changed, der.n), &spki, &read),
	    -1);
	assert_job_error(j, ERR_MALFORMED,
	    "OCSP responder: its key has not signed its request");
	job_recover(j);
	for (size_t n = 0; n < der.n; n++) {
		assert_int_equal(responder_request_read(j, j->arena,
				     span_cut(der, 0, n), &spki, &read),
		    -1);
		job_recover(j);
		changed = arena_memdup(j->arena, der.p, der.n);
		changed[n] ^= 1;
		assert_int_equal(responder_request_read(j, j->arena,
				     span_mem(changed, der.n), &spki, &read),
		    -1);
		assert_int_equal(j->err.kind, ERR_MALFORMED);
		job_recover(j);
	}
}

/* --- linters of others ---------------------------------------------------- */

/* PK-141: the first with each key, then one an hour; each is given once. */
static void
test_sample(struct job *j)
{
	static const struct question q = {
		.last = { GOOD }, .count = 1, .nonce = SPAN_INIT("0123456789ab")
	};
	struct lab lab;
	struct span request, response, sample;

	lab_init(&lab, j);
	certify(&lab);
	assert_false(live_take_sample(j, lab.live, &sample));
	request = request_of(&lab, &q);
	response = post(&lab, request).body;
	assert_true(live_take_sample(j, lab.live, &sample));
	assert_true(span_eq(sample, response));
	assert_false(live_take_sample(j, lab.live, &sample));
	status_lab_at(lab.j, LAB_NOW + 3599);
	(void)post(&lab, request);
	assert_false(live_take_sample(j, lab.live, &sample));
	status_lab_at(lab.j, LAB_NOW + 3600);
	response = post(&lab, request).body;
	(void)post(&lab, request);
	assert_true(live_take_sample(j, lab.live, &sample));
	assert_true(span_eq(sample, response));
	/* what is no answer of ours is no sample */
	status_lab_at(lab.j, LAB_NOW + 2 * 3600);
	assert_string_equal(ask_one(&lab, NO_FILE, 16), "error 3");
	assert_string_equal(ask_one(&lab, GOOD, 0), "good");
	assert_false(live_take_sample(j, lab.live, &sample));
	/* another key */
	status_lab_at(lab.j, LAB_NOW + 15 * DAY);
	EXPECT(j, live_key(j, lab.live, &sample), 1);
	status_lab_at(lab.j, LAB_NOW + 3 * 3600 - 1);
	certify(&lab);
	(void)post(&lab, request);
	assert_true(live_take_sample(j, lab.live, &sample));
	lab_end(&lab);
}

/* --- between the processes ------------------------------------------------ */

static void
test_link(void **state)
{
	struct job *j = lab_job();
	struct live_ends ends;
	struct live_pairs pairs;
	struct live_asker asker;
	struct span message, number, request, response;
	enum live_kind kind;
	char *key;
	(void)state;

	assert_int_equal(live_ends_parse("3,4,17", &ends), 0);
	assert_int_equal(ends.n, 3);
	assert_string_equal(live_ends_text(j->arena, &ends), "3,4,17");
	assert_int_equal(live_ends_parse("3,x", &ends), -1);
	assert_int_equal(live_ends_parse("", &ends), -1);
	assert_int_equal(live_ends_parse("2", &ends), -1);

	EXPECT(j, live_pairs_make(j, 2, &pairs), 0);
	assert_int_equal(pairs.responder.n, 3);
	assert_int_equal(pairs.web.n, 2);
	live_asker_init(&asker, pairs.web.fds[1]);
	/* An answer that is late, and one that is nothing, come first. */
	asker.number = 41;
	EXPECT(j,
	    live_give(pairs.responder.fds[2], SPAN("\051\0\0\0\0\0\0\0late")),
	    0);
	EXPECT(j, live_give(pairs.responder.fds[2], SPAN("x")), 0);
	EXPECT(j,
	    live_give(pairs.responder.fds[2], SPAN("\052\0\0\0\0\0\0\0this")),
	    0);
	EXPECT(j, live_ask(j, &asker, SPAN("request"), &response), 0);
	assert_true(span_eq(response, SPAN("this")));
	EXPECT(j, live_take(j, pairs.responder.fds[2], 1000, &message), 1);
	EXPECT(j, live_question(message, &number, &request), 0);
	assert_true(span_eq(request, SPAN("request")));
	assert_true(span_eq(live_reply(j->arena, number, SPAN("that")),
	    SPAN("\052\0\0\0\0\0\0\0that")));
	assert_int_equal(
	    live_question(SPAN("12345678"), &number, &request), -1);
	/* What the issuer is told. */
	EXPECT(j,
	    live_tell(
		j->arena, pairs.responder.fds[0], LIVE_SAMPLE, SPAN("answer")),
	    0);
	EXPECT(j, live_take(j, pairs.issuer.fds[0], 1000, &message), 1);
	EXPECT(j, live_told(message, &kind, &response), 0);
	assert_int_equal(kind, LIVE_SAMPLE);
	assert_true(span_eq(response, SPAN("answer")));
	assert_int_equal(live_told(SPAN("k"), &kind, &response), -1);
	assert_int_equal(live_told(SPAN("xanswer"), &kind, &response), -1);
	key = arena_calloc(j->arena, 1, LIVE_KEY_MAX + 2);
	key[0] = LIVE_KEY;
	EXPECT(
	    j, live_told(span_mem(key, LIVE_KEY_MAX + 1), &kind, &response), 0);
	assert_int_equal(
	    live_told(span_mem(key, LIVE_KEY_MAX + 2), &kind, &response), -1);
	/* What is too long is nothing. */
	EXPECT(j, live_give(pairs.web.fds[0], SPAN("0123456789")), 0);
	EXPECT(j, live_take(j, pairs.responder.fds[1], 9, &message), 1);
	assert_int_equal(message.n, 0);
	/* Nobody answers: the next one does not wait. */
	asker.silent_until_ms = 0;
	close(pairs.responder.fds[2]);
	assert_int_equal(live_ask(j, &asker, SPAN("r"), &response), -1);
	assert_true(asker.silent_until_ms > 0);
	for (size_t i = 0; i < 2; i++) {
		close(pairs.web.fds[i]);
		close(pairs.responder.fds[i]);
	}
	close(pairs.issuer.fds[0]);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_nonce),
	STORE_TEST_SQLITE(test_as_check_urls_reads_it),
	STORE_TEST_SQLITE(test_bad_nonce),
	STORE_TEST_SQLITE(test_several),
	STORE_TEST_SQLITE(test_known),
	STORE_TEST_SQLITE(test_forged),
	STORE_TEST_SQLITE(test_rate),
	STORE_TEST_SQLITE(test_renewal),
	STORE_TEST_SQLITE(test_sample),
	STORE_TEST(test_certified),
	STORE_TEST(test_certified_again),
	STORE_TEST_SQLITE(test_possession),
	cmocka_unit_test(test_link),
};
UNIT_MAIN(tests)
