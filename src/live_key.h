/*
 * The issuer's side of OCSP answers for single clients: it certifies the key of
 * the process that gives them (src/role_responder.h), which asks over a
 * descriptor that both inherited.  That it is not asked by anybody else is what
 * makes a certificate for OCSP signing harmless.
 */
#ifndef SRC_LIVE_KEY_H
#define SRC_LIVE_KEY_H

struct arena;
struct issuer;
struct job;
struct live_keys;

/* fd -1: nobody asks; NULL then. */
struct live_keys *live_keys_new(struct arena *keep, int fd);

/* A certificate that was asked for, or a sample of the answers for the linters
 * of others (PK-141): 1, 0: nothing has come, -1. */
int live_keys_step(struct issuer *i, struct job *j);

#endif
