/*
 * The HTTPS front: threads and transactions around acme/route.h.  The files
 * http*.c alone know libmicrohttpd:
 *
 *	http.c         one request, from its first line to its answer
 *	http_write.c   what waits for the writer, and for the issuer
 *	http_head.c    what a well-formed request is (AC-3 to AC-5)
 *	http_listen.c  the sockets
 *	http_watch.c   deadlines; http_linger.c: closing without a reset
 *	http_direct.c  an answer in the middle of a body
 *	http_status.c  the listener for lists and OCSP, apart from all that
 *
 * Requests that only read are answered on the thread that got them, with that
 * thread's own connection to the store; requests that write are parked and
 * go through the writer (src/writer.h).
 */
#ifndef SRC_HTTP_H
#define SRC_HTTP_H

#include "lib/conf.h"

struct aead_key;
struct ca;
struct http;
struct http_sockets;
struct job;
struct store;
struct store_login;

/* What was read before the rights were given up; each may be NULL, as in
 * acme/route.h. */
struct http_secrets {
	const struct aead_key *eab_key;
	const struct weakkeys *weak_keys;
	const struct store_login *login; /* never NULL; each thread's */
	bool is_held;                    /* http_hold(), from the beginning */
};

/* Starts threads and serves: 0, or -1.  Takes the descriptors over. */
int http_start(struct job *j, const struct http_sockets *sockets,
    const struct http_secrets *secrets, struct http **out);
/*
 * To be called once a second while there are connections, and when the role
 * is woken: ends requests that take too long, answers a parked finalize when
 * its certificate is there or its time is over.  `store` is the caller's.
 * Returns the milliseconds until it wants to be called again.
 */
int64_t http_tend(struct http *h, struct store *store);
/* While it is held, what changes nothing is answered, and all else is told to
 * come again. */
void http_hold(struct http *h, bool yes);
/* As acme_tend(). */
int http_tell_refused(struct http *h, struct job *j, bool is_end);
/* The issuing CA whose chain it serves. */
const struct ca *http_ca(const struct http *h);
/* New configuration for requests that begin from now on. */
void http_set_conf(struct http *h, const struct conf *conf);
/* Takes nothing new, finishes what is begun, ends.  NULL-safe. */
void http_stop(struct http *h);

#endif
