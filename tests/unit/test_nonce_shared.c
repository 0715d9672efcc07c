/* AC-59: nonces of machines that share a database. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include "acme/nonce.h"
#include "db/store_nonce.h"
#include "db/store_secret.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"

#define TTL 7200
#define SKEW 3600
#define MANY 25000 /* more than go in one transaction */

/* A machine's. */
static struct nonces *
join(struct job *j)
{
	struct nonces *n = nonces_new(TTL, 16);
	struct span key;

	EXPECT(j, store_secret(j, SECRET_NONCE, &key), 0);
	nonces_share(n, key);
	return n;
}

/* ERR_NONE: accepted. */
static enum err_kind
redeem(struct nonces *n, struct job *j, const char *nonce)
{
	const struct json *object;
	enum err_kind kind;

	assert_int_equal(
	    json_parse_object(j,
		span_str(arena_printf(j->arena, "{\"nonce\":\"%s\"}", nonce)),
		"test", &object),
	    0);
	(void)nonce_redeem(n, j, json_get(object, "nonce"));
	kind = j->err.kind;
	job_recover(j);
	return kind;
}

static int64_t
remembered(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(*) FROM nonce");
}

static void
test_once(struct job *j)
{
	struct nonces *a = join(j), *b = join(j), *alone = nonces_new(TTL, 16);
	char nonce[NONCE_LEN + 1];

	nonce_issue(a, nonce);
	assert_int_equal(redeem(alone, j, nonce), ERR_BAD_NONCE);
	assert_int_equal(remembered(j), 0);
	assert_int_equal(redeem(b, j, nonce), ERR_NONE);
	assert_int_equal(redeem(b, j, nonce), ERR_BAD_NONCE);
	assert_int_equal(redeem(a, j, nonce), ERR_BAD_NONCE);
	/* One that starts later has the same key and the same set. */
	nonces_free(b);
	b = join(j);
	assert_int_equal(redeem(b, j, nonce), ERR_BAD_NONCE);
	nonce_issue(alone, nonce);
	assert_int_equal(redeem(a, j, nonce), ERR_BAD_NONCE);
	nonce_issue(a, nonce);
	nonce[0] = nonce[0] == 'A' ? 'B' : 'A';
	assert_int_equal(redeem(a, j, nonce), ERR_BAD_NONCE);
	assert_int_equal(redeem(a, j, "AAAA"), ERR_BAD_NONCE);
	assert_int_equal(redeem(a, j, ""), ERR_BAD_NONCE);
	assert_int_equal(redeem(a, j, "a b"), ERR_MALFORMED);
	assert_int_equal(remembered(j), 1);
	assert_int_equal(nonce_count(a) + nonce_count(b), 0);
	nonces_free(a);
	nonces_free(b);
	nonces_free(alone);
}

/* Two machines make nonces in the same millisecond. */
static void
test_same_moment(struct job *j)
{
	struct nonces *a = join(j), *b = join(j);
	char of_a[NONCE_LEN + 1], of_b[NONCE_LEN + 1];

	clock_set(FIXTURE_NOW);
	nonce_issue(a, of_a);
	nonce_issue(b, of_b);
	assert_int_equal(redeem(a, j, of_a), ERR_NONE);
	assert_int_equal(redeem(a, j, of_b), ERR_NONE);
	nonces_free(a);
	nonces_free(b);
}

/* AC-55, AC-58: what has expired is refused for its age, and forgotten only
 * when a machine whose clock is late refuses it, too. */
static void
test_expiry(struct job *j)
{
	struct nonces *a = join(j), *b = join(j);
	char used[NONCE_LEN + 1], kept[NONCE_LEN + 1];

	clock_set(FIXTURE_NOW);
	nonce_issue(a, used);
	nonce_issue(a, kept);
	assert_int_equal(redeem(a, j, used), ERR_NONE);
	clock_set(FIXTURE_NOW + TTL + 1);
	assert_int_equal(redeem(b, j, kept), ERR_BAD_NONCE);
	EXPECT(j, nonces_forget(a, j), 0);
	clock_set(FIXTURE_NOW + TTL);
	assert_int_equal(redeem(b, j, used), ERR_BAD_NONCE);
	assert_int_equal(remembered(j), 1);

	clock_set(FIXTURE_NOW + TTL + SKEW + 2);
	nonce_issue(a, used);
	assert_int_equal(redeem(a, j, used), ERR_NONE);
	EXPECT(j, nonces_forget(b, j), 0);
	assert_int_equal(remembered(j), 1);
	assert_int_equal(redeem(a, j, used), ERR_BAD_NONCE);
	nonces_free(a);
	nonces_free(b);
}

/* A busy hour is forgotten in small transactions, all of it. */
static void
test_many(struct job *j)
{
	struct nonces *n = join(j);

	assert_int_equal(store_begin(j), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		uint8_t octets[16] = { 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
			(uint8_t)i };

		EXPECT(j, store_nonce_redeem(j, span_mem(octets, 16)), 1);
	}
	assert_int_equal(store_commit(j), 0);
	assert_int_equal(remembered(j), MANY);
	EXPECT(j, nonces_forget(n, j), 0);
	assert_int_equal(remembered(j), 0);
	nonces_free(n);
}

/* One that keeps its own has nothing to forget, and asks nobody. */
static void
test_alone(struct job *j)
{
	struct nonces *n = nonces_new(TTL, 16);
	struct store *store = j->store;
	char nonce[NONCE_LEN + 1];

	j->store = NULL;
	nonce_issue(n, nonce);
	assert_int_equal(redeem(n, j, nonce), ERR_NONE);
	EXPECT(j, nonces_forget(n, j), 0);
	j->store = store;
	nonces_free(n);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_once),
	STORE_TEST(test_same_moment),
	STORE_TEST(test_expiry),
	STORE_TEST(test_many),
	STORE_TEST(test_alone),
};
UNIT_MAIN(tests)
