#include "config.h"

#include "acme/nonce.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "acme/acme.h"
#include "db/store_nonce.h"
#include "db/store_secret.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rnd.h"

#define STAMP_LEN 8
#define RANDOM_LEN 8
#define MAC_LEN 16
#define SIGNED_LEN (STAMP_LEN + RANDOM_LEN)
#define RAW_LEN (SIGNED_LEN + MAC_LEN)
#define KEY_LEN 32

_Static_assert(B64URL_LEN(RAW_LEN) == NONCE_LEN, "43 characters (AC-54)");

#define STAMP_SHIFT 20 /* below the milliseconds */

/* In the store: what no machine accepts, whatever its clock says. */
#define SKEW_MS ((int64_t)3600 * 1000)
#define FORGET_EVERY_MS ((int64_t)60 * 1000)
#define FORGET_MAX 10000 /* in one transaction */

#define TABLE_FIRST 1024 /* a power of two; the heap holds half of it */

struct nonces {
	uint8_t key[KEY_LEN];
	int64_t ttl_ms;
	size_t bound;
	bool is_shared;
	int64_t forgot_ms; /* nonces_forget() */

	pthread_mutex_t lock; /* for all that follows */
	uint64_t last;        /* stamp issued */
	uint64_t floor;       /* stamps up to it are not accepted */
	uint64_t *table;      /* redeemed stamps, open addressing; 0: free */
	size_t table_size;    /* a power of two, at least twice count */
	uint64_t *heap;       /* the same stamps, the oldest first */
	size_t count;
	char *test; /* nonce_test_accept() */
};

struct nonces *
nonces_new(int64_t ttl, size_t bound)
{
	struct nonces *n = xcalloc(1, sizeof(*n));

	rnd_bytes(n->key, sizeof(n->key));
	n->ttl_ms = ttl * 1000;
	n->bound = bound;
	n->table_size = TABLE_FIRST;
	n->table = xcalloc(n->table_size, sizeof(*n->table));
	n->heap = xcalloc(n->table_size / 2, sizeof(*n->heap));
	pthread_mutex_init(&n->lock, NULL);
	return n;
}

_Static_assert(SECRET_LEN == KEY_LEN, "a shared key is one of ours");

void
nonces_share(struct nonces *n, struct span key)
{
	memcpy(n->key, key.p, KEY_LEN);
	n->is_shared = true;
}

void
nonces_free(struct nonces *n)
{
	if (n == NULL)
		return;
	wipe(n->key, sizeof(n->key));
	pthread_mutex_destroy(&n->lock);
	free(n->table);
	free(n->heap);
	free(n->test);
	free(n);
}

static int64_t
stamp_ms(uint64_t stamp)
{
	return (int64_t)(stamp >> STAMP_SHIFT);
}

/* --- the redeemed set: hash table ---------------------------------------- */

static size_t
slot_of(const struct nonces *n, uint64_t stamp)
{
	/* Stamps of one millisecond differ in their low bits only, those of
	 * one client in the others: mix them (splitmix64's constant). */
	return (size_t)((stamp * 0x9e3779b97f4a7c15u) >> 32) &
	       (n->table_size - 1);
}

/* The slot that holds the stamp, or the free one where it belongs. */
static size_t
find(const struct nonces *n, uint64_t stamp)
{
	size_t i = slot_of(n, stamp);

	while (n->table[i] != 0 && n->table[i] != stamp)
		i = (i + 1) & (n->table_size - 1);
	return i;
}

/* Closes the gap, so that every later entry is still found from its slot. */
static void
table_remove(struct nonces *n, uint64_t stamp)
{
	size_t mask = n->table_size - 1;
	size_t gap = find(n, stamp);

	for (size_t i = (gap + 1) & mask; n->table[i] != 0;
	     i = (i + 1) & mask) {
		size_t home = slot_of(n, n->table[i]);

		/* May it move into the gap: is its home not behind it? */
		if (((i - home) & mask) >= ((i - gap) & mask)) {
			n->table[gap] = n->table[i];
			gap = i;
		}
	}
	n->table[gap] = 0;
}

/* --- the redeemed set: heap ---------------------------------------------- */

static void
heap_add(struct nonces *n, uint64_t stamp)
{
	size_t i = n->count++;

	while (i > 0 && n->heap[(i - 1) / 2] > stamp) {
		n->heap[i] = n->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	n->heap[i] = stamp;
}

static uint64_t
heap_take(struct nonces *n)
{
	uint64_t least = n->heap[0];
	uint64_t last = n->heap[--n->count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < n->count) {
		if (child + 1 < n->count && n->heap[child + 1] < n->heap[child])
			child++;
		if (n->heap[child] >= last)
			break;
		n->heap[i] = n->heap[child];
		i = child;
	}
	n->heap[i] = last;
	return least;
}

static void
grow(struct nonces *n)
{
	free(n->table);
	n->table_size *= 2;
	n->table = xcalloc(n->table_size, sizeof(*n->table));
	n->heap = xrealloc(n->heap, n->table_size / 2 * sizeof(*n->heap));
	for (size_t i = 0; i < n->count; i++)
		n->table[find(n, n->heap[i])] = n->heap[i];
}

static void
forget_oldest(struct nonces *n)
{
	n->floor = heap_take(n);
	table_remove(n, n->floor);
}

/* What has expired needs no memory: it is refused for its age. */
static void
forget_expired(struct nonces *n, int64_t now_ms)
{
	while (n->count > 0 && now_ms - stamp_ms(n->heap[0]) > n->ttl_ms)
		forget_oldest(n);
}

static bool
redeem_stamp(struct nonces *n, uint64_t stamp, int64_t now_ms)
{
	size_t slot;

	forget_expired(n, now_ms);
	if (now_ms - stamp_ms(stamp) > n->ttl_ms || stamp <= n->floor)
		return false;
	slot = find(n, stamp);
	if (n->table[slot] != 0)
		return false;
	if (n->count == n->bound) {
		/* Older than all that we remember: then it is the one that
		 * the floor stands for from now on. */
		if (stamp < n->heap[0]) {
			n->floor = stamp;
			return true;
		}
		forget_oldest(n);
	}
	if (n->count == n->table_size / 2)
		grow(n);
	n->table[find(n, stamp)] = stamp;
	heap_add(n, stamp);
	return true;
}

/* --- issue, redeem -------------------------------------------------------- */

static void
make_mac(const struct nonces *n, const uint8_t *raw, uint8_t mac[MAC_LEN])
{
	uint8_t sum[SHA256_LEN];

	hmac_sha256(
	    span_mem(n->key, sizeof(n->key)), span_mem(raw, SIGNED_LEN), sum);
	memcpy(mac, sum, MAC_LEN);
}

static uint64_t
next_stamp(struct nonces *n)
{
	uint64_t stamp = (uint64_t)clock_now_ms() << STAMP_SHIFT;

	pthread_mutex_lock(&n->lock);
	if (stamp <= n->last)
		stamp = n->last + 1;
	n->last = stamp;
	pthread_mutex_unlock(&n->lock);
	return stamp;
}

static void
write_stamp(uint64_t stamp, uint8_t out[STAMP_LEN])
{
	for (int i = 0; i < STAMP_LEN; i++)
		out[i] = (uint8_t)(stamp >> (8 * (STAMP_LEN - 1 - i)));
}

static uint64_t
read_stamp(const uint8_t *raw)
{
	uint64_t stamp = 0;

	for (int i = 0; i < STAMP_LEN; i++)
		stamp = stamp << 8 | raw[i];
	return stamp;
}

void
nonce_issue(struct nonces *n, char out[NONCE_LEN + 1])
{
	uint64_t stamp = next_stamp(n);
	uint8_t raw[RAW_LEN];

	write_stamp(stamp, raw);
	rnd_bytes(raw + STAMP_LEN, RANDOM_LEN);
	make_mac(n, raw, raw + SIGNED_LEN);
	b64url_format(out, span_mem(raw, sizeof(raw)));
}

static bool
is_ours(const struct nonces *n, struct span octets)
{
	uint8_t mac[MAC_LEN];

	if (octets.n != RAW_LEN)
		return false;
	make_mac(n, (const uint8_t *)octets.p, mac);
	return ct_equal(span_mem(mac, MAC_LEN), span_from(octets, SIGNED_LEN));
}

/* The hook of the tests: a given text, once. */
static bool
redeem_test(struct nonces *n, struct span text)
{
	bool ok = n->test != NULL && span_eq_str(text, n->test);

	if (ok) {
		free(n->test);
		n->test = NULL;
	}
	return ok;
}

static bool
redeem(struct nonces *n, struct span octets, struct span text)
{
	bool ours = is_ours(n, octets);
	int64_t now_ms = clock_now_ms();
	bool ok;

	pthread_mutex_lock(&n->lock);
	ok = ours ? redeem_stamp(
			n, read_stamp((const uint8_t *)octets.p), now_ms)
		  : redeem_test(n, text);
	pthread_mutex_unlock(&n->lock);
	return ok;
}

/* 1; 0: it is not acceptable; -1. */
static int
redeem_shared(const struct nonces *n, struct job *j, struct span octets)
{
	int fresh;

	if (!is_ours(n, octets) ||
	    clock_now_ms() - stamp_ms(read_stamp((const uint8_t *)octets.p)) >
		n->ttl_ms)
		return 0;
	if (store_begin(j) < 0)
		return -1;
	fresh = store_nonce_redeem(j, span_mem(octets.p, SIGNED_LEN));
	if (fresh <= 0) {
		store_rollback(j);
		return fresh;
	}
	return store_commit(j) < 0 ? -1 : 1;
}

int
nonce_redeem(struct nonces *n, struct job *j, const struct json *member)
{
	struct span text, octets;
	int ok;

	if (json_type(member) == JSON_T_ABSENT)
		return job_fail(
		    j, ERR_BAD_NONCE, "protected header lacks nonce");
	text = json_string(member);
	if (json_type(member) != JSON_T_STRING ||
	    b64url_parse(j->arena, text, &octets) < 0)
		return job_fail(
		    j, ERR_MALFORMED, "nonce is not valid base64url");
	ok = n->is_shared ? redeem_shared(n, j, octets)
			  : redeem(n, octets, text);
	if (ok == 0)
		return job_fail(
		    j, ERR_BAD_NONCE, "the nonce is not acceptable");
	return ok < 0 ? -1 : 0;
}

static int
forget_some(struct job *j, struct span before, int64_t *count)
{
	if (store_begin(j) < 0)
		return -1;
	if (store_nonce_forget(j, before, FORGET_MAX, count) < 0) {
		store_rollback(j);
		return -1;
	}
	return store_commit(j);
}

int
nonces_forget(struct nonces *n, struct job *j)
{
	int64_t now_ms = clock_now_ms(), count;
	uint8_t before[STAMP_LEN];

	if (!n->is_shared || now_ms - n->forgot_ms < FORGET_EVERY_MS)
		return 0;
	write_stamp(
	    (uint64_t)(now_ms - n->ttl_ms - SKEW_MS) << STAMP_SHIFT, before);
	do {
		if (forget_some(j, span_mem(before, STAMP_LEN), &count) < 0)
			return -1;
	} while (count == FORGET_MAX);
	n->forgot_ms = now_ms;
	return 0;
}

size_t
nonce_count(struct nonces *n)
{
	size_t count;

	pthread_mutex_lock(&n->lock);
	count = n->count;
	pthread_mutex_unlock(&n->lock);
	return count;
}

void
nonce_test_accept(struct acme *a, const char *nonce)
{
	struct nonces *n = a->nonces;

	pthread_mutex_lock(&n->lock);
	free(n->test);
	n->test = xstrdup(nonce);
	pthread_mutex_unlock(&n->lock);
}
