/* The keys that an account has and had, for whoever verifies what they
 * signed (acme/proof.h). */
#ifndef SRC_ACCOUNT_KEYS_H
#define SRC_ACCOUNT_KEYS_H

struct job;
struct signing_keys;

/* 1, 0 if there is no such account, -1. */
int account_keys_load(
    struct job *j, const char *account_id, struct signing_keys *keys);

#endif
