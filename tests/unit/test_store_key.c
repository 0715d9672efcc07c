/* Blocked keys, and keys that stand in certificates. */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <poll.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_key.h"

#define KEY SPAN("0123456789abcdef0123456789abcdef")
#define OTHER SPAN("fedcba9876543210fedcba9876543210")

/* AC-44, AC-158: for everybody, or for one account. */
static void
test_blocked(struct job *j)
{
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(KEY), NULL), 0);
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(KEY), "alice"), 0);

	COMMITTED(j, store_key_block(j, KEY_BY_SPKI(KEY), "alice", "operator"));
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(KEY), "alice"), 1);
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(KEY), "bob"), 0);
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(KEY), NULL), 0);
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(OTHER), "alice"), 0);

	COMMITTED(j, store_key_block(j, KEY_BY_SPKI(KEY), NULL, "operator"));
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(KEY), "bob"), 1);
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(KEY), NULL), 1);

	/* again: the first record stays */
	j->now++;
	COMMITTED(j,
	    store_key_block(j, KEY_BY_SPKI(KEY), KEY_BLOCKED_FOR_ALL, "again"));
	assert_int_equal(
	    fixture_count(j,
		"SELECT COUNT(*) FROM blocked_key WHERE source = 'operator'"),
	    2);
}

/* PK-76: by the bare key too, whatever encoding it was blocked in; and the
 * second hash is added once it is known. */
static void
test_bare(struct job *j)
{
	const struct key_hash key = { KEY, SPAN("modulus") },
			      other = { OTHER, SPAN("modulus") },
			      another = { OTHER, SPAN("another modulus") };

	COMMITTED(j, store_key_block(j, &key, "alice", "operator"));
	EXPECT(j, store_key_is_blocked(j, &other, "alice"), 1);
	EXPECT(j, store_key_is_blocked(j, &other, "bob"), 0);
	EXPECT(j, store_key_is_blocked(j, &another, "alice"), 0);
	EXPECT(j, store_key_is_blocked(j, KEY_BY_SPKI(OTHER), "alice"), 0);

	COMMITTED(j, store_key_block(j, KEY_BY_SPKI(KEY), NULL, "operator"));
	EXPECT(j, store_key_is_blocked(j, &other, "bob"), 0);
	COMMITTED(j, store_key_block(j, &key, NULL, "revoked certificate x"));
	EXPECT(j, store_key_is_blocked(j, &other, "bob"), 1);
	/* Known, it stays. */
	COMMITTED(j, store_key_block(j, KEY_BY_SPKI(KEY), NULL, "operator"));
	EXPECT(j, store_key_is_blocked(j, &other, "bob"), 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM blocked_key "
					  "WHERE source = 'operator'"),
	    2);
}

/* AC-135: from the moment that it is decided, until it expires. */
static void
test_in_certificate(struct job *j)
{
	struct order *o = fixture_order(j, fixture_account(j), 1);
	struct cert c = fixture_cert(j, o->id, o->account_id);
	bool serial_taken;

	c.spki_sha256 = KEY;
	c.bare_sha256 = SPAN("modulus");
	c.not_after = j->now + 1000;
	EXPECT(j, store_key_in_certificate(j, KEY_BY_SPKI(KEY)), 0);
	COMMITTED(j, store_order_finalize(j, o->id, SPAN("csr"), SPAN("jws")));
	COMMITTED(j, store_cert_reserve(j, &c, &serial_taken));
	EXPECT(j, store_key_in_certificate(j, KEY_BY_SPKI(KEY)), 1);
	EXPECT(j, store_key_in_certificate(j, KEY_BY_SPKI(OTHER)), 0);
	/* PK-76: with another exponent. */
	EXPECT(j,
	    store_key_in_certificate(
		j, &(struct key_hash){ OTHER, SPAN("modulus") }),
	    1);
	EXPECT(j,
	    store_key_is_certified(
		j, &(struct key_hash){ OTHER, SPAN("modulus") }),
	    1);
	fixture_sql(j, "UPDATE cert SET revoked_at = 5");
	EXPECT(j, store_key_is_certified(j, KEY_BY_SPKI(KEY)), 0);
	EXPECT(j, store_key_in_certificate(j, KEY_BY_SPKI(KEY)), 1);
	fixture_sql(j, "UPDATE cert SET revoked_at = 0");
	EXPECT(j, store_key_is_certified(j, KEY_BY_SPKI(KEY)), 1);
	j->now += 999;
	EXPECT(j, store_key_in_certificate(j, KEY_BY_SPKI(KEY)), 1);
	j->now += 1;
	EXPECT(j, store_key_in_certificate(j, KEY_BY_SPKI(KEY)), 0);
	j->now += 1;
	EXPECT(j, store_key_is_certified(j, KEY_BY_SPKI(KEY)), 0);
	/* PK-78: for ever. */
	EXPECT(j, store_key_is_of_other(j, KEY, o->account_id), 0);
	EXPECT(j, store_key_is_of_other(j, KEY, "another"), 1);
	EXPECT(j, store_key_is_of_other(j, OTHER, "another"), 0);
}

struct pipes {
	int go[2], got[2];
};

static int
lock_and_say(struct job *j, void *ctx)
{
	const struct pipes *p = ctx;
	char c;

	if (read(p->go[0], &c, 1) != 1)
		return 1;
	/* Told to come back later, which is now. */
	while (store_begin(j) < 0) {
		if (j->err.kind != ERR_BUSY)
			return 2;
		job_recover(j);
	}
	if (store_key_lock(j, KEY) < 0)
		return 3;
	if (write(p->got[1], "x", 1) != 1)
		return 4;
	return store_commit(j) < 0 ? 5 : 0;
}

/* PK-78: of two transactions that lock one key, the second waits for the
 * first. */
static void
test_lock(struct job *j)
{
	struct pollfd got = { .events = POLLIN };
	struct pipes p;
	int pid;
	char c;

	assert_int_equal(pipe(p.go), 0);
	assert_int_equal(pipe(p.got), 0);
	pid = fixture_fork(lock_and_say, &p);
	close(p.got[1]);
	got.fd = p.got[0];
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_key_lock(j, KEY), 0);
	assert_int_equal(write(p.go[1], "x", 1), 1);
	assert_int_equal(poll(&got, 1, 500), 0);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(read(p.got[0], &c, 1), 1);
	assert_int_equal(fixture_wait(pid), 0);
	close(p.got[0]);
	close(p.go[0]);
	close(p.go[1]);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_bare),
	STORE_TEST(test_lock),
	STORE_TEST(test_blocked),
	STORE_TEST(test_in_certificate),
};

UNIT_MAIN(tests)
