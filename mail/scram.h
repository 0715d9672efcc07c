/*
 * SCRAM, the client's side (RFC 5802, RFC 7677), without channel binding.
 *
 * The server learns neither the password nor what would do instead of it, and
 * proves in scram_check() that it knows its part.
 */
#ifndef MAIL_SCRAM_H
#define MAIL_SCRAM_H

#include "lib/buf.h"

struct job;
struct scram;

enum scram_hash { SCRAM_SHA1, SCRAM_SHA256 };

#define SCRAM_ITERATIONS_MIN 4096
#define SCRAM_ITERATIONS_MAX 1000000

/* `nonce` NULL: a random one, as it must be outside of tests.  User and
 * password are ASCII without controls, and borrowed. */
struct scram *scram_new(struct job *j, enum scram_hash hash, struct span user,
    struct span password, const char *nonce);
struct span scram_first(struct scram *s);
/* From the server's first message: 0 and the client's final one; -1 *why. */
int scram_final(struct scram *s, struct span server_first, struct span *out,
    const char **why);
/* The server's final message: 0 if it knows the password's keys; -1 *why. */
int scram_check(struct scram *s, struct span server_final, const char **why);

#endif
