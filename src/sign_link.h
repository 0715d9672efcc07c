/*
 * The way of the issuer, and of the responder, to the process that has its keys
 * in tokens (src/role_signer.h): a question, and the wait for its answer.
 */
#ifndef SRC_SIGN_LINK_H
#define SRC_SIGN_LINK_H

#include "lib/job.h"

struct arena;
struct remote_key;

/*
 * How ca_load() and former_open() reach the keys over this descriptor; lives
 * as long as `keep`, which goes on owning it; `who` is at the other end.  While
 * nobody answers, what is asked gives ERR_BUSY, with pauses of 1 s that double
 * to 60 s between two tries (PK-200).
 */
const struct remote_key *sign_link_new(
    struct arena *keep, int fd, enum role who);

/* Of the supervisor, over the signer's end: who waits for an answer need not
 * wait any more. */
void sign_link_gone(int fd);

#endif
