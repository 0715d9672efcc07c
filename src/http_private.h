/* Shared by http.c and http_write.c: the front, and a request in it. */
#ifndef SRC_HTTP_PRIVATE_H
#define SRC_HTTP_PRIVATE_H

#include "acme/route.h"
#include "lib/job.h"
#include "src/client_address.h"
#include "src/http_gate.h"
#include "src/http_head.h"
#include "src/http_listen.h"
#include "src/writer.h"

#include <pthread.h>
#include <stdatomic.h>

struct MHD_Connection;
struct MHD_Daemon;

struct http {
	struct http_sockets sockets;
	struct MHD_Daemon *daemons[HTTP_SOCKETS_MAX]; /* one a socket */
	size_t daemon_count;
	struct acme *acme;
	struct writer *writer;
	_Atomic(const struct conf *) conf;
	pthread_key_t thread_store;
	const struct store_login *login;
	struct http_gate gate;
	struct client_trust trust;
	pthread_mutex_t lock;    /* of the next two */
	struct exchange *parked; /* wait for the issuer (AC-143) */
	bool stopping;
	const struct ca *ca; /* for its chain only: no key */
	struct arena *keep;
	atomic_int connections;
	atomic_int exchanges;
	atomic_int timers;
};

/* One request, from its first line to its answer's last octet. */
struct exchange {
	struct write_item item; /* first: the writer hands it back */
	struct http *http;
	struct MHD_Connection *connection;
	struct http_watch *watch;
	struct job job;
	struct http_head head;
	struct request request;
	struct response response;
	struct buf body;
	char address[NETADDR_MAX];
	int64_t body_until; /* monotonic ms */
	bool has_timer;     /* of its own in libmicrohttpd */
	bool begun;         /* header seen */
	bool last;          /* the connection ends with this answer */
	bool answered;      /* response is complete */
	struct exchange *next_parked;
	int64_t park_until; /* monotonic ms */
	int64_t began_ms;
};

/* Suspends the connection, and gives the request to the writer. */
void http_write(struct exchange *x);
/* Looks whether the issuer is done; milliseconds until the next one's time is
 * over, `most` if there is none. */
int64_t http_parked_tend(struct http *h, struct store *store, int64_t most);
/* They are answered as they stand, and no others wait from now on. */
void http_parked_end(struct http *h);

#endif
