/*
 * The issuer's side of live OCSP: certificates for the responder's key
 * (PK-177), samples for other people's linters (PK-141), and what goes between
 * the two.
 */
#include "config.h"

#include "tests/unit/live_lab.h"

#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "pki/responder.h"
#include "pki/responder_request.h"
#include "src/answers.h"
#include "src/live_answer.h"
#include "src/live_key.h"
#include "src/live_link.h"
#include "src/role_issuer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"
#include "tests/unit/store_fixture.h"

#define DAY ((int64_t)86400)

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
	for (size_t i = 0; i < COUNT(rows); i++) {
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

/* PK-141: the first with each key, then one an hour; each is given once. */
static void
test_sample(struct job *j)
{
	static const struct live_lab_question q = {
		.last = { GOOD }, .count = 1, .nonce = SPAN_INIT("0123456789ab")
	};
	struct live_lab lab;
	struct span request, response, sample;

	live_lab_init(&lab, j);
	live_lab_certify(&lab);
	assert_false(live_take_sample(j, lab.live, &sample));
	request = live_lab_request_of(&lab, &q);
	response = live_lab_post(&lab, request).body;
	assert_true(live_take_sample(j, lab.live, &sample));
	assert_true(span_eq(sample, response));
	assert_false(live_take_sample(j, lab.live, &sample));
	status_lab_at(lab.j, LAB_NOW + 3599);
	(void)live_lab_post(&lab, request);
	assert_false(live_take_sample(j, lab.live, &sample));
	status_lab_at(lab.j, LAB_NOW + 3600);
	response = live_lab_post(&lab, request).body;
	(void)live_lab_post(&lab, request);
	assert_true(live_take_sample(j, lab.live, &sample));
	assert_true(span_eq(sample, response));
	/* what is no answer of ours is no sample */
	status_lab_at(lab.j, LAB_NOW + 2 * 3600);
	assert_string_equal(live_lab_ask_one(&lab, NO_FILE, 16), "error 3");
	assert_string_equal(live_lab_ask_one(&lab, GOOD, 0), "good");
	assert_false(live_take_sample(j, lab.live, &sample));
	/* another key */
	status_lab_at(lab.j, LAB_NOW + 15 * DAY);
	EXPECT(j, live_key(j, lab.live, &sample), 1);
	status_lab_at(lab.j, LAB_NOW + 3 * 3600 - 1);
	live_lab_certify(&lab);
	(void)live_lab_post(&lab, request);
	assert_true(live_take_sample(j, lab.live, &sample));
	live_lab_end(&lab);
}

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
	STORE_TEST_SQLITE(test_sample),
	STORE_TEST(test_certified),
	STORE_TEST(test_certified_again),
	STORE_TEST_SQLITE(test_possession),
	cmocka_unit_test(test_link),
};
UNIT_MAIN(tests)
