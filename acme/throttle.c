#include "config.h"

#include "acme/throttle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/netaddr.h"
#include "lib/rate.h"
#include "lib/rnd.h"

#define SETS 4096 /* a power of two */
#define WAYS 4
#define KEY_LEN 16
#define SECOND_US 1000000
#define MS 1000

struct visitor {
	uint64_t hash; /* 0: nobody */
	/* When each bucket is full again. */
	int64_t requests_us;
	int64_t renewal_info_us;
	int64_t failures_ms;
	int64_t blocked_since_ms;
	int64_t blocked_until_ms;
};

struct throttle {
	uint8_t key[KEY_LEN];
	pthread_mutex_t lock;
	struct visitor visitors[SETS][WAYS];
};

struct throttle *
throttle_new(void)
{
	struct throttle *t = xcalloc(1, sizeof(*t));

	rnd_bytes(t->key, sizeof(t->key));
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void
throttle_free(struct throttle *t)
{
	if (t == NULL)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* --- the table ------------------------------------------------------------ */

static uint64_t
hash_of(const struct throttle *t, const char *client_address)
{
	char counted[NETADDR_MAX];
	uint8_t mac[SHA256_LEN];
	uint64_t hash;

	(void)netaddr_counted(client_address, 64, counted);
	hmac_sha256(span_mem(t->key, sizeof(t->key)), span_str(counted), mac);
	memcpy(&hash, mac, sizeof(hash));
	return hash != 0 ? hash : 1;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* After this moment the entry says nothing any more. */
static int64_t
useful_until_ms(const struct visitor *v)
{
	int64_t us = later(v->requests_us, v->renewal_info_us);

	return later(us / MS, later(v->failures_ms, v->blocked_until_ms));
}

/* The address's entry, made in place of the least useful one.  Locked. */
static struct visitor *
visitor_of(struct throttle *t, uint64_t hash)
{
	struct visitor *set = t->visitors[hash & (SETS - 1)];
	struct visitor *least = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
		if (useful_until_ms(&set[i]) < useful_until_ms(least))
			least = &set[i];
	}
	*least = (struct visitor){ .hash = hash };
	return least;
}

/* --- buckets -------------------------------------------------------------- */

/* One of `rate` a second, `burst` at once: the seconds to wait, or 0. */
static int64_t
take(int64_t *full_at_us, int64_t rate, int64_t burst, int64_t now_us)
{
	int64_t one = SECOND_US / rate;
	int64_t empty = now_us + burst * one;

	/* A clock that stepped back leaves no bucket more than empty. */
	if (*full_at_us > empty)
		*full_at_us = empty;
	*full_at_us = later(*full_at_us, now_us);
	if (*full_at_us + one > empty)
		return (*full_at_us + one - empty + SECOND_US - 1) / SECOND_US;
	*full_at_us += one;
	return 0;
}

int64_t
throttle_request(struct throttle *t, const struct conf_limits *conf,
    const char *client_address, enum throttle_kind kind, int64_t now_ms)
{
	int64_t rate = kind == THROTTLE_REQUEST ? conf->request_rate
						: conf->renewal_info_rate;
	int64_t burst = kind == THROTTLE_REQUEST ? conf->request_burst : rate;
	uint64_t hash = hash_of(t, client_address);
	struct visitor *v;
	int64_t wait;

	if (rate == 0)
		return 0;
	pthread_mutex_lock(&t->lock);
	v = visitor_of(t, hash);
	wait = take(
	    kind == THROTTLE_REQUEST ? &v->requests_us : &v->renewal_info_us,
	    rate, burst, now_ms * MS);
	pthread_mutex_unlock(&t->lock);
	return wait;
}

int64_t
throttle_blocked(struct throttle *t, const char *client_address, int64_t now_ms)
{
	uint64_t hash = hash_of(t, client_address);
	struct visitor *v;
	int64_t until;

	pthread_mutex_lock(&t->lock);
	v = visitor_of(t, hash);
	/* A clock that stepped back does not make it last longer; the next
	 * failure begins anew. */
	until = v->blocked_since_ms <= now_ms ? v->blocked_until_ms : 0;
	pthread_mutex_unlock(&t->lock);
	return until > now_ms ? (until - now_ms + MS - 1) / MS : 0;
}

void
throttle_failure(struct throttle *t, const struct conf_limits *conf,
    const char *client_address, int64_t now_ms)
{
	const struct conf_rate *rate = &conf->failed_authentications.v[0];
	uint64_t hash = hash_of(t, client_address);
	struct visitor *v;

	if (conf->failed_authentications.n == 0)
		return;
	pthread_mutex_lock(&t->lock);
	v = visitor_of(t, hash);
	v->failures_ms = bucket_take(rate, v->failures_ms, now_ms, 1);
	if (bucket_wait(rate, v->failures_ms, now_ms, 1) > 0) {
		v->blocked_since_ms = now_ms;
		v->blocked_until_ms = now_ms + rate->secs * MS;
	}
	pthread_mutex_unlock(&t->lock);
}
