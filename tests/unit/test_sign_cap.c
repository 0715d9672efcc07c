/*
 * How much the process that has the keys in tokens signs, whoever asks
 * (PK-204).
 */
#include "config.h"

#include <string.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "pki/remote_key.h"
#include "src/sign_cap.h"
#include "tests/unit/unit.h"

#define HOUR 3600

/* PK-204: twice what the issuer has; then not before an admin's SIGHUP, and
 * then not at once. */
static void
test_cap(void **state)
{
	struct conf_issuer conf = { .crl_shards = 1,
		.max_lists_per_hour = 3,
		.max_responders_per_hour = 2 };
	static const struct {
		char tag;
		int64_t max;
	} rows[] = { { REMOTE_SUBSCRIBER, 10 }, { REMOTE_RESPONDER, 4 },
		{ REMOTE_LIST, 30 }, { REMOTE_REQUEST, 200 } };
	struct sign_cap cap = { .max = { 0 } };
	struct job *j = unit_job();
	int64_t began = j->now;
	(void)state;

	sign_cap_set(&cap, &conf, 5);
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%c", rows[i].tag);
		j->now = began;
		for (int64_t n = 0; n < rows[i].max; n++) {
			assert_int_equal(
			    sign_cap_check(j, &cap, rows[i].tag), 0);
			sign_cap_count(&cap, j->now, rows[i].tag);
		}
		assert_int_equal(sign_cap_check(j, &cap, rows[i].tag), -1);
		assert_int_equal(j->err.kind, ERR_BUSY);
		job_recover(j);
		/* It does not begin again by itself. */
		j->now = began + HOUR;
		assert_int_equal(sign_cap_check(j, &cap, rows[i].tag), -1);
		job_recover(j);
	}
	j->now = began;
	sign_cap_set(&cap, &conf, 5);
	assert_int_equal(sign_cap_check(j, &cap, REMOTE_SUBSCRIBER), -1);
	job_recover(j);
	sign_cap_set(&cap, &conf, 6);
	assert_int_equal(sign_cap_check(j, &cap, REMOTE_SUBSCRIBER), 0);
	assert_int_equal(sign_cap_check(j, &cap, REMOTE_LIST), -1);
	job_recover(j);
	j->now = began + HOUR;
	sign_cap_set(&cap, &conf, 5);
	assert_int_equal(sign_cap_check(j, &cap, REMOTE_LIST), 0);
}

/* PK-204: ending the signer again and again gives twice its ceiling at most,
 * and once does not keep an issuer from what its own ceiling allows. */
static void
test_cap_after_ends(void **state)
{
	struct conf_issuer conf = { .crl_shards = 1 };
	const char tags[] = { REMOTE_SUBSCRIBER, REMOTE_RESPONDER, REMOTE_LIST,
		REMOTE_REQUEST };
	struct job *j = unit_job();
	int64_t began = j->now;
	(void)state;

	for (size_t i = 0; i < COUNT(tags); i++) {
		int64_t all = 0, max = 0;

		for (int64_t ends = 0; ends < 100; ends++) {
			struct sign_cap cap = { .max = { 0 } };
			int64_t may = 0;

			unit_case("%c after %d", tags[i], (int)ends);
			sign_cap_set(&cap, &conf, 100);
			sign_cap_resume(&cap, j->now, ends);
			for (; sign_cap_check(j, &cap, tags[i]) == 0; may++)
				sign_cap_count(&cap, j->now, tags[i]);
			job_recover(j);
			all += may;
			if (ends == 0)
				max = may;
			if (ends == 1)
				assert_int_equal(may, max / 2);
			assert_true(ends < 50 || may == 0);
			/* An hour later they are forgotten. */
			sign_cap_set(&cap, &conf, 100);
			j->now = began + HOUR;
			assert_int_equal(sign_cap_check(j, &cap, tags[i]), 0);
			j->now = began;
		}
		assert_in_range(all, max, 2 * max);
	}
}

/* PK-204: whoever has taken over the responder gets no signatures without
 * limit by asking for requests; answers go on. */
static void
test_requests(void **state)
{
	struct conf_issuer conf = { .max_live_answers = 1 };
	struct sign_cap cap = { .max = { 0 } };
	struct job *j = unit_job();
	const char *log;
	int asked = 0;
	(void)state;

	sign_cap_set(&cap, &conf, 5);
	unit_log_begin();
	for (; asked < 1000 && sign_cap_check(j, &cap, REMOTE_REQUEST) == 0;
	     asked++)
		sign_cap_count(&cap, j->now, REMOTE_REQUEST);
	log = unit_log_end();
	assert_int_equal(asked, 200);
	assert_non_null(strstr(j->err.text,
	    "the signer signs no more requests of an OCSP responder until "
	    "SIGHUP (PK-204)"));
	assert_non_null(strstr(log, "next=\"find out what asks so often; then "
				    "send SIGHUP\""));
	job_recover(j);
	assert_int_equal(sign_cap_check(j, &cap, REMOTE_ANSWER), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_cap),
	cmocka_unit_test(test_cap_after_ends),
	cmocka_unit_test(test_requests),
};

UNIT_MAIN(tests)
