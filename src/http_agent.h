/*
 * The HTTPS front of a perspective: TLS with certificates on both sides, one
 * resource, one request for each connection, everything bounded (PK-51,
 * mpic-open-api.md 4).  A thread for each connection, since each of them only
 * waits.
 */
#ifndef SRC_HTTP_AGENT_H
#define SRC_HTTP_AGENT_H

struct agent_pool;
struct http_agent;
struct job;

/* Before rights are given up: the certificates and the sockets.  0, or -1. */
int http_agent_open(struct job *j, struct http_agent **out);
/* Serves: 0, or -1.  `pool` is borrowed. */
int http_agent_start(
    struct http_agent *h, struct job *j, struct agent_pool *pool);
/* To be called once a second: cuts connections that take too long. */
void http_agent_tend(struct http_agent *h);
void http_agent_stop(struct http_agent *h); /* NULL-safe */

#endif
