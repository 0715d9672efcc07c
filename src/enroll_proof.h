/*
 * Proving one mailbox: the challenge mail is answered for the user, or the
 * user is told how.
 */
#ifndef SRC_ENROLL_PROOF_H
#define SRC_ENROLL_PROOF_H

struct enroll;

/* `url` is of the authorization: 0 when the server calls it valid, -1 with
 * the job's error. */
int enroll_prove(struct enroll *e, const char *url);

#endif
