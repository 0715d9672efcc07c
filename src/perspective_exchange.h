/*
 * HTTPS exchanges with perspectives and services that ask them (MP-1): each by
 * a connection of its own, at most ten seconds.
 *
 *	while (exchanges_open(all) < EXCHANGES_MAX && …)
 *		x = exchange_begin(all, &target, request);
 *	exchanges_wait(all);
 *	exchanges_collect(all);
 *	… whichever is_done …
 *	exchange_end(all, x);
 */
#ifndef SRC_PERSPECTIVE_EXCHANGE_H
#define SRC_PERSPECTIVE_EXCHANGE_H

#include "lib/buf.h"

struct arena;

#define EXCHANGES_MAX 16 /* at one time: MP-9 */

/* Whom to ask, and how to be known there: by a certificate or a field. */
struct exchange_target {
	const char *url, *ca_file;
	const char *certificate, *key;
	const char *login;
	size_t answer_max;
};

struct exchange {
	struct buf body;
	bool is_done;
	const char *failure; /* why body is of no use, or NULL */
	bool is_unreached;   /* no answer came at all (PK-52) */
	bool is_alarming;    /* somebody should look (MP-2) */
	int64_t took_ms;
	struct exchange_inside *inside;
};

struct exchanges;
struct exchanges *exchanges_new(void);      /* NULL: HTTPS cannot be used */
void exchanges_free(struct exchanges *all); /* NULL-safe */
/* For tests: a deadline of so many ms, in place of MP-1's. */
void exchanges_hasten(struct exchanges *all, long deadline_ms);
/* Begun, and not done. */
size_t exchanges_open(const struct exchanges *all);
/* For something to happen, at most a second. */
void exchanges_wait(struct exchanges *all);
/* Marks what is done. */
void exchanges_collect(struct exchanges *all);

/* A POST of JSON; NULL: it cannot be. */
struct exchange *exchange_begin(struct exchanges *all,
    const struct exchange_target *to, const char *request);
void exchange_end(struct exchanges *all, struct exchange *x); /* NULL-safe */

#endif
