/*
 * OCSP answers that are made for one client (issuer.ocsp_mode = live): PK-168,
 * PK-170 to PK-173, PK-204; L-70 to L-75.
 */
#include "config.h"

#include "tests/unit/live_lab.h"

#include <string.h>

#include <openssl/ocsp.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "pki/ocsp_client.h"
#include "pki/responder.h"
#include "src/live_answer.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "src/status_place.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"
#include "tests/unit/store_fixture.h"

#define DAY ((int64_t)86400)

/* PK-173: a nonce of 1 to 128 octets comes back as it was; PK-171: without a
 * certified key nobody signs; PK-170: "unknown". */
static void
test_nonce(struct job *j)
{
	static const size_t lengths[] = { 1, 15, 16, 32, 128 };
	struct live_lab lab;

	live_lab_init(&lab, j);
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 16), "error 3");
	/* what was signed in advance is there all the same */
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 0), "good");
	live_lab_certify(&lab);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		unit_case("%zu octets", lengths[i]);
		assert_string_equal(
		    live_lab_ask_one(&lab, GOOD, lengths[i]), "good nonce");
		assert_string_equal(live_lab_ask_one(&lab, REVOKED, lengths[i]),
		    "revoked 4 nonce");
	}
	assert_string_equal(live_lab_ask_one(&lab, NEVER, 0), "unknown");
	assert_string_equal(live_lab_ask_one(&lab, NEVER, 16), "unknown nonce");
	/* PK-174: its status as it was, until a day after its end */
	assert_string_equal(live_lab_ask_one(&lab, ENDING, 0), "good");
	assert_string_equal(live_lab_ask_one(&lab, ENDING, 16), "good nonce");
	assert_string_equal(live_lab_ask_one(&lab, ENDED, 16), "error 6");
	assert_string_equal(live_lab_ask_one(&lab, NO_FILE, 16), "error 3");
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 129), "error 1");
	/* those that are too short to help are passed over */
	lab.conf.issuer.ocsp_nonce_min = 16;
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 15), "good");
	assert_string_equal(live_lab_ask_one(&lab, NEVER, 15), "unknown");
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 16), "good nonce");
	live_lab_end(&lab);
}

/* PK-170, PK-171: a number that no certificate can have is not one of ours, and
 * no broken DER: unsigned, as an answer about it would be none. */
static void
test_negative_number(struct job *j)
{
	static const struct live_lab_question q = { .last = { GOOD },
		.count = 1 };
	static const struct span good = SPAN_INIT("\x02\x03\x01\x02");
	struct live_lab lab;
	struct span request;
	char *octets;

	live_lab_init(&lab, j);
	live_lab_certify(&lab);
	request = live_lab_request_of(&lab, &q);
	octets = arena_memdup(j->arena, request.p, request.n);
	octets[span_find_span(request, 0, good) + 2] = (char)0x81;
	request = span_mem(octets, request.n);
	assert_string_equal(
	    live_lab_verdict(&lab, request, live_lab_post(&lab, request).body),
	    "error 6");
	lab.conf.issuer.ocsp_mode = CONF_OCSP_PRESIGNED;
	assert_string_equal(
	    live_lab_verdict(&lab, request, live_lab_post(&lab, request).body),
	    "error 6");
	live_lab_end(&lab);
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
	struct live_lab lab;

	live_lab_init(&lab, j);
	live_lab_certify(&lab);
	for (size_t i = 0; i < COUNT(table); i++)
		for (int h = 0; h < OCSP_HASHES; h++) {
			struct ocsp_said said;
			struct span request;

			EXPECT(j,
			    ocsp_client_request(j, lab.ca, (enum ocsp_hash)h,
				table[i].serial, &request),
			    0);
			EXPECT(j,
			    ocsp_client_read(j, lab.ca, (enum ocsp_hash)h,
				table[i].serial,
				live_lab_post(&lab, request).body, &said),
			    0);
			assert_int_equal(said.error, 0);
			assert_int_equal(said.is_unknown, table[i].is_unknown);
			assert_int_equal(said.is_revoked, table[i].is_revoked);
		}
	live_lab_end(&lab);
}

/* PK-173: one that is none is an error here, and is passed over where nobody
 * answers with it. */
static void
test_bad_nonce(struct job *j)
{
	struct live_lab lab;
	struct live_lab_question q = {
		.last = { GOOD }, .count = 1, .nonce = SPAN("0123456789abcdef")
	};
	struct span request;
	size_t place;
	char *octets;

	live_lab_init(&lab, j);
	live_lab_certify(&lab);
	request = live_lab_request_of(&lab, &q);
	place = span_find_span(request, 0, q.nonce) - 2;
	octets = arena_memdup(j->arena, request.p, request.n);
	octets[place] = 0x0c; /* a UTF8String in the place of octets */
	request = span_mem(octets, request.n);
	assert_string_equal(
	    live_lab_verdict(&lab, live_lab_request_of(&lab, &q),
		live_lab_post(&lab, request).body),
	    "error 1");
	assert_string_equal(
	    live_lab_verdict(&lab, live_lab_request_of(&lab, &q),
		live_answer(j, lab.live, request)),
	    "error 1");
	lab.conf.issuer.ocsp_mode = CONF_OCSP_PRESIGNED;
	q.nonce = (struct span){ NULL, 0 };
	assert_string_equal(
	    live_lab_verdict(&lab, live_lab_request_of(&lab, &q),
		live_lab_post(&lab, request).body),
	    "good");
	live_lab_end(&lab);
}

/* PK-172: up to eight numbers, if all of them are ours; PK-170: those that were
 * never issued are counted. */
static void
test_several(struct job *j)
{
	static const struct live_lab_question all = { .last = { GOOD, REVOKED,
							  NEVER, GOOD },
		.count = 4,
		.nonce = SPAN_INIT("0123456789abcdef") };
	struct live_lab_question q = { .count = 8 };
	struct live_lab lab;

	live_lab_init(&lab, j);
	live_lab_certify(&lab);
	assert_string_equal(
	    live_lab_ask(&lab, &all), "good revoked 4 unknown good nonce");
	memset(q.last, GOOD, sizeof(q.last));
	assert_string_equal(
	    live_lab_ask(&lab, &q), "good good good good good good good good");
	q.count = 9;
	assert_string_equal(live_lab_ask(&lab, &q), "error 6");
	/* one of them has ended, or has no file: no part of an answer */
	q.count = 2;
	q.last[1] = ENDED;
	assert_string_equal(live_lab_ask(&lab, &q), "error 6");
	q.last[1] = NO_FILE;
	assert_string_equal(live_lab_ask(&lab, &q), "error 3");
	/* another CA's */
	q.last[1] = GOOD;
	q.ca = lab_ca("p384");
	assert_string_equal(live_lab_ask(&lab, &q), "error 6");
	lab.conf.issuer.ocsp_mode = CONF_OCSP_PRESIGNED;
	assert_string_equal(live_lab_ask(&lab, &all), "error 6");
	unit_log_begin();
	status_lab_at(lab.j, LAB_NOW + 2 * DAY);
	status_report(j, lab.service);
	assert_non_null(strstr(unit_log_end(), "serial=010244 count=2"));
	live_lab_end(&lab);
}

/* The record of a segment's only number: one bit, so far from the
 * end. */
static void
spoil(struct live_lab *lab, uint8_t last, size_t from_end)
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
	struct live_lab lab;

	live_lab_init(&lab, j);
	live_lab_certify(&lab);
	for (int i = 0; i < 3; i++)
		assert_string_equal(
		    live_lab_ask_one(&lab, GOOD, 16), "good nonce");
	/* the last octet is one of the signature for SHA-256, which asks */
	spoil(&lab, GOOD, 1);
	unit_log_begin();
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 16), "error 3");
	assert_non_null(strstr(unit_log_end(), "not ours"));
	spoil(&lab, GOOD, 1);
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 16), "good nonce");
	live_lab_end(&lab);
}

/* What it says it has from the issuer, whoever writes the files. */
static void
test_forged(struct job *j)
{
	struct live_lab lab;

	live_lab_init(&lab, j);
	live_lab_certify(&lab);
	live_lab_write_segment(&lab, lab_ca("p384"), REVOKED);
	unit_log_begin();
	assert_string_equal(live_lab_ask_one(&lab, REVOKED, 16), "error 3");
	assert_non_null(strstr(unit_log_end(), "not ours"));
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 16), "good nonce");
	live_lab_end(&lab);
}

/* PK-204: so many numbers a second and no more; what was signed in advance goes
 * on. */
static void
test_rate(struct job *j)
{
	static const struct live_lab_question four = {
		.last = { GOOD, GOOD, GOOD, GOOD }, .count = 4
	};
	struct live_lab lab;

	live_lab_init(&lab, j);
	live_lab_certify(&lab);
	lab.conf.issuer.max_live_answers = 3;
	/* more at once than there are in a second */
	assert_string_equal(live_lab_ask(&lab, &four), "error 3");
	for (int i = 0; i < 3; i++)
		assert_string_equal(
		    live_lab_ask_one(&lab, GOOD, 16), "good nonce");
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 16), "error 3");
	assert_string_equal(live_lab_ask_one(&lab, NEVER, 0), "error 3");
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 0), "good");
	status_lab_at(lab.j, LAB_NOW + 1);
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 16), "good nonce");
	assert_int_equal(live_take_count(lab.live), 4);
	assert_int_equal(live_take_count(lab.live), 0);
	live_lab_end(&lab);
}

/* PK-118: renewed at half of its life; the former key answers meanwhile. */
static void
test_renewal(struct job *j)
{
	struct live_lab lab;
	struct responder r;
	struct span first, again, other;

	live_lab_init(&lab, j);
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
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 16), "error 3");
	/* of another CA */
	EXPECT(j,
	    responder_prepare_for(
		j, j->arena, lab_ca("p384"), live_lab_spki_in(j, first), &r),
	    0);
	EXPECT(j, responder_sign(j, j->arena, lab_ca("p384"), &r), 0);
	assert_int_equal(live_adopt(j, lab.live, r.certificate), -1);
	job_recover(j);
	live_lab_certify(&lab);
	assert_int_equal(live_key(j, lab.live, &again), 0);
	assert_int_equal(
	    live_adopt(j, lab.live, r.certificate), -1); /* nobody waits */
	job_recover(j);
	status_lab_at(lab.j, LAB_NOW + 15 * DAY);
	EXPECT(j, live_key(j, lab.live, &other), 1);
	assert_false(span_eq(first, other));
	status_lab_at(lab.j, LAB_NOW + 3 * DAY);
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 16), "good nonce");
	live_lab_certify(&lab);
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 16), "good nonce");
	/* the issuer is late: its answers are at their end, and so is this */
	status_lab_at(lab.j, LAB_NOW + 4 * DAY);
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 16), "error 3");
	live_lab_end(&lab);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_nonce),
	STORE_TEST_SQLITE(test_negative_number),
	STORE_TEST_SQLITE(test_as_check_urls_reads_it),
	STORE_TEST_SQLITE(test_bad_nonce),
	STORE_TEST_SQLITE(test_several),
	STORE_TEST_SQLITE(test_known),
	STORE_TEST_SQLITE(test_forged),
	STORE_TEST_SQLITE(test_rate),
	STORE_TEST_SQLITE(test_renewal),
};
UNIT_MAIN(tests)
