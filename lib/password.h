/*
 * Passwords of people, kept as scrypt hashes (RFC 7914) with the parameters
 * that they were made with, so that these can grow.
 */
#ifndef LIB_PASSWORD_H
#define LIB_PASSWORD_H

#include "lib/buf.h"

struct job;

#define PASSWORD_MIN 12 /* octets */
#define PASSWORD_MAX 1024
#define PASSWORD_SALT_LEN 16
#define PASSWORD_HASH_LEN 32

struct password_hash {
	int64_t n, r, p; /* scrypt's cost, block size and parallelization */
	struct span salt;
	struct span hash;
};

/* With a new salt and today's parameters; in the job's arena.  0; -1
 * ERR_MALFORMED if the password is too short, too long or holds a NUL. */
int password_hash(
    struct job *j, struct span password, struct password_hash *out);

/* The same with other parameters: scrypt's N and p. */
int password_hash_at(struct job *j, struct span password, int64_t cost,
    int64_t lanes, struct password_hash *out);

/*
 * 1: it is the password; 0; -1 ERR_INTERNAL (parameters out of bounds).  The
 * time that it takes depends on the parameters only.  `h` NULL: takes as long
 * as today's parameters do, and is 0.
 */
int password_check(
    struct job *j, struct span password, const struct password_hash *h);

#endif
