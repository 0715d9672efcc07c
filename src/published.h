/*
 * Before the roles start: does the DNS have the keys that our DKIM signatures
 * are made with (MA-101)?  The sender, which has the private keys, has no
 * DNS; so a child process asks, which keeps the public keys only.
 *
 * A definite "no" ends the start, for every mail would be refused.  A DNS
 * that does not answer does not: the child asks again until it does, while
 * the server works (decision 12).
 */
#ifndef SRC_PUBLISHED_H
#define SRC_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct dkim_signer;
struct job;
struct resolver;

enum published { PUBLISHED_YES, PUBLISHED_UNKNOWN, PUBLISHED_NO };

struct published_keys {
	const struct dkim_signer *signers[2]; /* public keys suffice */
	size_t count;
	const char *domain;
	bool relay_signs; /* then ours are only a help */
};

/* Asks for each key and logs what is wrong; the worst answer. */
enum published published_ask(
    struct job *j, const struct published_keys *keys, struct resolver *r);

/* Seconds until the next question: 5, 10, 20 … at most half an
 * hour. */
int64_t published_pause(unsigned attempts);

/* The whole of it: 0, or -1 (logged) if the server must not start.  Returns
 * within 15 seconds. */
int published_check(const struct conf *conf);

#endif
