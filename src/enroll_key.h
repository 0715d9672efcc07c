/*
 * The mailbox owner's private keys: made here, kept in files with mode 0600,
 * never shown.
 */
#ifndef SRC_ENROLL_KEY_H
#define SRC_ENROLL_KEY_H

#include <stdbool.h>

struct evp_pkey_st;
struct job;

enum enroll_key_type {
	ENROLL_P256,
	ENROLL_P384,
	ENROLL_RSA2048,
	ENROLL_RSA3072
};

/* 1 and the value, or 0. */
int enroll_key_type_parse(const char *name, enum enroll_key_type *out);
const char *enroll_key_type_name(enum enroll_key_type type);

/*
 * The private key in `path` (PEM, mode 0600), which belongs to the job's
 * arena.  load: 1, 0 if there is no such file, -1.  create: the file must
 * not exist; it is on the disk before the function returns.
 */
int enroll_key_load(struct job *j, const char *path, struct evp_pkey_st **out);
int enroll_key_create(struct job *j, const char *path,
    enum enroll_key_type type, struct evp_pkey_st **out);
/* Is the key of this type? */
bool enroll_key_is(const struct evp_pkey_st *key, enum enroll_key_type type);

#endif
