#include "config.h"

#include "src/http_peers.h"

#include "lib/arena.h"
#include "lib/rnd.h"
#include "src/client_address.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096
/* Of an address, that count: all of IPv4, 64 bits of IPv6. */
#define KEY_OCTETS 8

struct peer {
	struct peer *next;
	unsigned char key[KEY_OCTETS];
	bool is_ipv6;
	int64_t count;
};

struct http_peers {
	pthread_mutex_t lock;
	const struct client_trust *trust;
	int64_t most;
	uint64_t seed; /* so that nobody can choose who shares a bucket */
	struct peer *buckets[BUCKETS];
};

bool
http_peer_address(const struct sockaddr *a, struct netaddr *out)
{
	const struct sockaddr_in *four = (const void *)a;
	const struct sockaddr_in6 *six = (const void *)a;

	if (a != NULL && a->sa_family == AF_INET)
		netaddr_from_octets(&four->sin_addr, 4, out);
	else if (a != NULL && a->sa_family == AF_INET6)
		netaddr_from_octets(&six->sin6_addr, 16, out);
	else
		return false;
	return true;
}

struct http_peers *
http_peers_new(int64_t most, const struct client_trust *trust)
{
	struct http_peers *p = xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	p->most = most;
	p->trust = trust;
	rnd_bytes(&p->seed, sizeof(p->seed));
	return p;
}

void
http_peers_free(struct http_peers *p)
{
	struct peer *next;

	if (p == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct peer *k = p->buckets[i]; k != NULL; k = next) {
			next = k->next;
			free(k);
		}
	}
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static struct peer **
bucket_of(struct http_peers *p, const struct netaddr *a)
{
	uint64_t hash;

	memcpy(&hash, a->octets, KEY_OCTETS);
	hash = (hash ^ p->seed) * 0x9e3779b97f4a7c15u;
	hash = (hash ^ hash >> 32) * (p->seed | 1);
	return &p->buckets[hash >> 52];
}

/* The link that holds it, or that ends the bucket. */
static struct peer **
find(struct http_peers *p, const struct netaddr *a)
{
	struct peer **k = bucket_of(p, a);

	while (*k != NULL && ((*k)->is_ipv6 != a->is_ipv6 ||
				 memcmp((*k)->key, a->octets, KEY_OCTETS) != 0))
		k = &(*k)->next;
	return k;
}

bool
http_peers_may(struct http_peers *p, const struct netaddr *a)
{
	struct peer *k;
	bool may;

	if (client_is_trusted(p->trust, a))
		return true;
	pthread_mutex_lock(&p->lock);
	k = *find(p, a);
	may = k == NULL || k->count < p->most;
	pthread_mutex_unlock(&p->lock);
	return may;
}

void
http_peers_enter(struct http_peers *p, const struct netaddr *a)
{
	struct peer **k;

	if (client_is_trusted(p->trust, a))
		return;
	pthread_mutex_lock(&p->lock);
	k = find(p, a);
	if (*k == NULL) {
		*k = xcalloc(1, sizeof(**k));
		memcpy((*k)->key, a->octets, KEY_OCTETS);
		(*k)->is_ipv6 = a->is_ipv6;
	}
	(*k)->count++;
	pthread_mutex_unlock(&p->lock);
}

void
http_peers_leave(struct http_peers *p, const struct netaddr *a)
{
	struct peer **k, *gone;

	if (client_is_trusted(p->trust, a))
		return;
	pthread_mutex_lock(&p->lock);
	k = find(p, a);
	gone = *k;
	if (gone != NULL && --gone->count == 0) {
		*k = gone->next;
		free(gone);
	}
	pthread_mutex_unlock(&p->lock);
}
