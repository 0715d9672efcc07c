/*
 * The listener of web.status_listen: plain HTTP for what src/status_answer.h
 * answers.  One thread of its own, no database: it goes on while all else
 * stands still (PK-176).
 */
#ifndef SRC_HTTP_STATUS_H
#define SRC_HTTP_STATUS_H

#include "src/http_listen.h"
#include "src/live_link.h"

struct arena;
struct job;
struct http_status;

/* Descriptors that it may have open. */
#define HTTP_STATUS_FILES 600

/* Binds the addresses (none: nothing is served): 0, or -1. */
int http_status_listen(struct job *j, struct http_sockets *out);
/* Starts the thread; takes the descriptors over.  `live`: whom each listener
 * asks for what is signed for single clients; none: nobody.  0, or -1. */
int http_status_start(struct job *j, struct arena *keep,
    const struct http_sockets *sockets, const struct live_ends *live,
    struct http_status **out);
void http_status_stop(struct http_status *h); /* NULL-safe */
/* Cuts connections that take too long: the milliseconds until it is to be
 * called again.  Call it early when the role is woken. */
int64_t http_status_tend(struct http_status *h);

#endif
