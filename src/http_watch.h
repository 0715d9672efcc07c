/*
 * Deadlines of connections.  libmicrohttpd's own limit counts only
 * inactivity: one octet a second would live for ever.  A watch is one
 * connection; what has passed its deadline is cut by http_watches_tend().
 */
#ifndef SRC_HTTP_WATCH_H
#define SRC_HTTP_WATCH_H

#include "lib/job.h"

#include <stdbool.h>
#include <stdint.h>

struct http_watches;
struct http_watch;

/* `role`: whose loop calls http_watches_tend() and is woken for it. */
struct http_watches *http_watches_new(enum role role);
void http_watches_free(struct http_watches *ws); /* NULL-safe; empty */

/* A connection that has until then (clock_mono_ms()) to say something. */
struct http_watch *http_watch_start(
    struct http_watches *ws, int fd, int64_t deadline);
/* Its owner is about to close the descriptor. */
void http_watch_end(struct http_watches *ws, struct http_watch *w);
/* INT64_MAX while we work ourselves.  w may be NULL. */
void http_watch_until(
    struct http_watches *ws, struct http_watch *w, int64_t deadline);
/* Its last answer was queued although the client may still send. */
void http_watch_linger(struct http_watch *w);

/* Cuts what took too long: are there any connections, or such that linger?
 * *soon: call again within a fraction of a second. */
bool http_watches_tend(struct http_watches *ws, bool *soon);

#endif
