/*
 * Replies that the mail server delivers by LMTP (ER-21, ER-34): no polling.
 * 250 is answered after the commit of verdict and evidence; what fails for
 * reasons of our own is answered 451, and the mail server comes again.
 *
 * A message's identity is its octets: one that is delivered again because
 * its answer was lost finds its row and is answered 250, and nothing else.
 *
 * One process serves all connections, and judges one message at a time.  A
 * judgement that waits for slow name servers is cut short and deferred: the
 * process for INTAKE_DEFERRED goes on with it, so that the other connections
 * do not wait.
 */
#ifndef SRC_INTAKE_LMTP_H
#define SRC_INTAKE_LMTP_H

struct intake_lmtp;
struct job;
struct received;
struct role_env;

/* Binds the sockets; before rights are given up.  0 or -1. */
int intake_lmtp_open(struct job *j, struct intake_lmtp **out);
void intake_lmtp_close(struct intake_lmtp *in); /* NULL-safe */
/* The validator's loop over its connections, until it is told to stop. */
int intake_lmtp_run(struct role_env *env);

/* Sets source, uidvalidity and uid from m->raw. */
void intake_lmtp_identify(struct received *m);

#endif
