/*
 * Between the two halves of a perspective: the front, which speaks HTTPS and
 * holds the TLS key, and processes without any secret that read the question
 * and ask the DNS.  Each of them has one question at a time, and works on it
 * in a child with a resolver of its own: nothing is left of one question when
 * the next one comes, neither in a cache nor after a fault (PK-49).
 */
#ifndef SRC_AGENT_POOL_H
#define SRC_AGENT_POOL_H

#include "dns/agent_form.h"

struct agent_pool;

/* Pairs of sockets for as many processes: x_new/x_free.  Before the forks;
 * NULL with the job's error. */
struct agent_pool *agent_pool_new(struct job *j, size_t count);
void agent_pool_free(struct agent_pool *p); /* NULL-safe */

/* A question that was answered, or not. */
struct agent_reply {
	int status;       /* of HTTP: 200, 400, 500, 503 */
	struct span body; /* JSON, or the text of an error; the job's */
};

/* The front, from any thread: waits for a process that is free, and for its
 * answer, but not longer than a validator would. */
void agent_pool_ask(struct agent_pool *p, struct job *j, struct span question,
    struct agent_reply *out);

/* A process: looks once whether the resolver can be had, and validates (PK-43).
 * 0, or -1. */
int agent_pool_try(struct job *j);
/* A process: closes all sockets but its own.  What parses strangers' bytes in
 * it can neither read nor answer the questions of others. */
void agent_pool_keep(struct agent_pool *p, size_t i);
/* A process: answers what comes to its socket until stop() says so. */
void agent_pool_serve(struct agent_pool *p, size_t i, const struct conf *conf,
    bool (*stop)(void));

/* One question, whatever its octets: what agent_pool_serve() sends back. */
void agent_reply_make(struct job *j, struct resolver *resolver,
    struct span question, struct agent_reply *out);

#endif
