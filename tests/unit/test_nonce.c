/* AC-54 to AC-60. */
#include "config.h"

#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/acme.h"
#include "acme/nonce.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/json.h"

#define TTL 7200
#define NOW ((int64_t)1772445600)

/* {"nonce": …} → its member, as a header has it. */
static const struct json *
member(struct job *j, const char *json)
{
	const struct json *object;

	assert_int_equal(
	    json_parse_object(j, span_str(json), "test", &object), 0);
	return json_get(object, "nonce");
}

/* ERR_NONE: accepted. */
static enum err_kind
redeem_json(struct nonces *n, const char *json)
{
	struct job *j = unit_job();
	enum err_kind kind;
	int result;

	result = nonce_redeem(n, j, member(j, json));
	kind = j->err.kind;
	assert_int_equal(result, kind == ERR_NONE ? 0 : -1);
	job_recover(j);
	return kind;
}

static enum err_kind
redeem(struct nonces *n, const char *nonce)
{
	char json[256];

	snprintf(json, sizeof(json), "{\"nonce\":\"%s\"}", nonce);
	return redeem_json(n, json);
}

/* AC-54 */
static void
test_form(void **state)
{
	struct nonces *n = nonces_new(TTL, 16);
	char a[NONCE_LEN + 1], b[NONCE_LEN + 1];
	unsigned char octets[32];

	(void)state;
	nonce_issue(n, a);
	nonce_issue(n, b);
	assert_int_equal(strlen(a), 43);
	assert_int_equal(b64url_parse_fixed(span_str(a), octets, 32), 0);
	assert_string_not_equal(a, b);
	assert_int_equal(nonce_count(n), 0);
	nonces_free(n);
	nonces_free(NULL);
}

/* AC-55: each fault and its kind. */
static void
test_faults(void **state)
{
	static const struct {
		const char *json;
		enum err_kind kind;
	} rows[] = {
		{ "{}", ERR_BAD_NONCE },
		{ "{\"nonce\":null}", ERR_MALFORMED },
		{ "{\"nonce\":1}", ERR_MALFORMED },
		{ "{\"nonce\":[]}", ERR_MALFORMED },
		{ "{\"nonce\":\"abc=\"}", ERR_MALFORMED },
		{ "{\"nonce\":\"a b\"}", ERR_MALFORMED },
		{ "{\"nonce\":\"A\"}", ERR_MALFORMED },
		{ "{\"nonce\":\"AB\"}", ERR_MALFORMED },
		{ "{\"nonce\":\"\"}", ERR_BAD_NONCE },
		{ "{\"nonce\":\"AA\"}", ERR_BAD_NONCE },
		{ "{\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		  "\"}",
		    ERR_BAD_NONCE },
		{ "{\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		  "\"}",
		    ERR_BAD_NONCE },
	};
	struct nonces *n = nonces_new(TTL, 16);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%s", rows[i].json);
		assert_int_equal(redeem_json(n, rows[i].json), rows[i].kind);
	}
	assert_int_equal(nonce_count(n), 0);
	nonces_free(n);
}

/* AC-55, AC-60: once, whoever asks; every octet is under the MAC. */
static void
test_once(void **state)
{
	struct nonces *n = nonces_new(TTL, 16);
	char a[NONCE_LEN + 1];

	(void)state;
	nonce_issue(n, a);
	for (size_t i = 0; i < NONCE_LEN; i++) {
		char changed[NONCE_LEN + 1];

		memcpy(changed, a, sizeof(changed));
		changed[i] = changed[i] == 'A' ? 'E' : 'A';
		unit_case("character %zu", i);
		assert_int_not_equal(redeem(n, changed), ERR_NONE);
		changed[i] = '\0';
		assert_int_not_equal(redeem(n, changed), ERR_NONE);
	}
	assert_int_equal(redeem(n, a), ERR_NONE);
	assert_int_equal(redeem(n, a), ERR_BAD_NONCE);
	assert_int_equal(nonce_count(n), 1);
	nonces_free(n);
}

/* AC-59: a new process key. */
static void
test_restart(void **state)
{
	struct nonces *old = nonces_new(TTL, 16);
	struct nonces *new = nonces_new(TTL, 16);
	char a[NONCE_LEN + 1];

	(void)state;
	nonce_issue(old, a);
	assert_int_equal(redeem(new, a), ERR_BAD_NONCE);
	assert_int_equal(redeem(old, a), ERR_NONE);
	nonces_free(old);
	nonces_free(new);
}

/* AC-55, AC-58: old ones are refused, and need no memory any more. */
static void
test_expiry(void **state)
{
	struct nonces *n = nonces_new(TTL, 16);
	char a[NONCE_LEN + 1], b[NONCE_LEN + 1], c[NONCE_LEN + 1];

	(void)state;
	clock_set(NOW);
	nonce_issue(n, a);
	nonce_issue(n, b);
	nonce_issue(n, c);
	assert_int_equal(redeem(n, a), ERR_NONE);
	clock_set(NOW + TTL);
	assert_int_equal(redeem(n, b), ERR_NONE);
	clock_set(NOW + TTL + 1);
	assert_int_equal(redeem(n, c), ERR_BAD_NONCE);
	assert_int_equal(nonce_count(n), 0);
	assert_int_equal(redeem(n, a), ERR_BAD_NONCE);
	/* A clock that steps back makes nothing acceptable again. */
	clock_set(NOW);
	assert_int_equal(redeem(n, a), ERR_BAD_NONCE);
	assert_int_equal(redeem(n, b), ERR_BAD_NONCE);
	nonce_issue(n, a);
	assert_int_equal(redeem(n, a), ERR_NONE);
	nonces_free(n);
}

/* AC-58: at the bound the floor rises; nothing is accepted twice, and what
 * is issued afterwards is always good (AC-56). */
static void
test_bound(void **state)
{
	enum { BOUND = 8, COUNT = 40 };
	struct nonces *n = nonces_new(TTL, BOUND);
	char all[COUNT][NONCE_LEN + 1];

	(void)state;
	clock_set(NOW); /* all in one millisecond */
	for (int i = 0; i < COUNT; i++)
		nonce_issue(n, all[i]);
	for (int i = 1; i < COUNT; i += 2) {
		unit_case("nonce %d", i);
		assert_int_equal(redeem(n, all[i]), ERR_NONE);
		assert_true(nonce_count(n) <= BOUND);
		for (int k = 1; k <= i; k += 2)
			assert_int_equal(redeem(n, all[k]), ERR_BAD_NONCE);
	}
	/* Below the floor: 1, 3 … 23 were forgotten, so 22 is too old. */
	assert_int_equal(redeem(n, all[22]), ERR_BAD_NONCE);
	assert_int_equal(redeem(n, all[38]), ERR_NONE);
	assert_int_equal(redeem(n, all[38]), ERR_BAD_NONCE);
	nonce_issue(n, all[0]);
	assert_int_equal(redeem(n, all[0]), ERR_NONE);
	nonces_free(n);
}

/* A full set, and a nonce older than all in it: accepted once at most. */
static void
test_bound_oldest(void **state)
{
	struct nonces *n = nonces_new(TTL, 2);
	char a[NONCE_LEN + 1], b[NONCE_LEN + 1], c[NONCE_LEN + 1];

	(void)state;
	nonce_issue(n, a);
	nonce_issue(n, b);
	nonce_issue(n, c);
	assert_int_equal(redeem(n, b), ERR_NONE);
	assert_int_equal(redeem(n, c), ERR_NONE);
	assert_int_equal(redeem(n, a), ERR_NONE);
	assert_int_equal(redeem(n, a), ERR_BAD_NONCE);
	assert_int_equal(redeem(n, b), ERR_BAD_NONCE);
	assert_int_equal(redeem(n, c), ERR_BAD_NONCE);
	nonces_free(n);
}

/* The table grows, and entries are taken from it in any order. */
static void
test_many(void **state)
{
	enum { COUNT = 5000, BOUND = 3000 };
	struct nonces *n = nonces_new(TTL, BOUND);
	char(*all)[NONCE_LEN + 1] = malloc(COUNT * sizeof(*all));
	int accepted = 0;

	(void)state;
	assert_non_null(all);
	for (int i = 0; i < COUNT; i++)
		nonce_issue(n, all[i]);
	/* 2027 and 5000 have no common factor: every one, shuffled. */
	for (int i = 0; i < COUNT; i++)
		accepted += redeem(n, all[i * 2027 % COUNT]) == ERR_NONE;
	assert_true(accepted >= BOUND);
	assert_int_equal(nonce_count(n), BOUND);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(redeem(n, all[i]), ERR_BAD_NONCE);
	free(all);
	nonces_free(n);
}

/* --- AC-59: 64 threads, one nonce ----------------------------------------- */

enum { THREADS = 64 };

struct racer {
	pthread_t thread;
	pthread_barrier_t *start;
	struct nonces *nonces;
	const char *nonce;
	int won;
};

static void *
race(void *x)
{
	struct racer *r = x;
	const struct json *object;
	char json[128];
	struct job j;

	job_init(&j, NULL, NULL);
	snprintf(json, sizeof(json), "{\"nonce\":\"%s\"}", r->nonce);
	if (json_parse_object(&j, span_str(json), "test", &object) == 0) {
		pthread_barrier_wait(r->start);
		r->won =
		    nonce_redeem(r->nonces, &j, json_get(object, "nonce")) == 0;
	}
	job_done(&j);
	return NULL;
}

static void
test_threads(void **state)
{
	struct nonces *n = nonces_new(TTL, 16);
	struct racer racers[THREADS];
	pthread_barrier_t start;
	char nonce[NONCE_LEN + 1];

	(void)state;
	for (int round = 0; round < 10; round++) {
		int won = 0;

		nonce_issue(n, nonce);
		pthread_barrier_init(&start, NULL, THREADS);
		for (int i = 0; i < THREADS; i++) {
			racers[i] = (struct racer){
				.start = &start, .nonces = n, .nonce = nonce
			};
			assert_int_equal(pthread_create(&racers[i].thread, NULL,
					     race, &racers[i]),
			    0);
		}
		for (int i = 0; i < THREADS; i++) {
			pthread_join(racers[i].thread, NULL);
			won += racers[i].won;
		}
		pthread_barrier_destroy(&start);
		assert_int_equal(won, 1);
	}
	nonces_free(n);
}

/* The hook of the vectors: once, and only that text. */
static void
test_hook(void **state)
{
	const struct conf conf = { .web.nonce_ttl = TTL };
	struct acme *a = acme_new(&conf);

	(void)state;
	nonce_test_accept(a, "AA");
	assert_int_equal(redeem(a->nonces, "AAAA"), ERR_BAD_NONCE);
	assert_int_equal(redeem(a->nonces, "AA"), ERR_NONE);
	assert_int_equal(redeem(a->nonces, "AA"), ERR_BAD_NONCE);
	acme_free(a);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_form),
	cmocka_unit_test(test_faults),
	cmocka_unit_test(test_once),
	cmocka_unit_test(test_restart),
	cmocka_unit_test(test_expiry),
	cmocka_unit_test(test_bound),
	cmocka_unit_test(test_bound_oldest),
	cmocka_unit_test(test_many),
	cmocka_unit_test(test_threads),
	cmocka_unit_test(test_hook),
};
UNIT_MAIN(tests)
