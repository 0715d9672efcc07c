/*
 * The way of `countersign enroll` (RFC 8555, RFC 8823), in its order: keys,
 * account, mailbox login, order, a reply for each mailbox, certificate
 * request, certificate, checks, files.
 *
 * A run that was broken off at any point can be repeated: keys are on the
 * disk before they are used, and are used again.
 */
#ifndef SRC_ENROLL_H
#define SRC_ENROLL_H

struct enroll_options;
struct job;

/*
 * 0 with a verified certificate on the disk and the final line printed; 1 if
 * it is not time yet to renew, and the line says until when; -1
 * with the job's error, and in *details the lines that it has no room for.
 */
int enroll_run(
    struct job *j, const struct enroll_options *o, const char **details);

#endif
