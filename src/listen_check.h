/*
 * Could countersignd listen where the options say, web.listen among them?  For
 * `countersign check`.
 */
#ifndef SRC_LISTEN_CHECK_H
#define SRC_LISTEN_CHECK_H

struct job;

typedef void listen_check_fn(void *ctx, const char *message);

/*
 * Reports each address that this host does not have, and each that another
 * program has: how many.  While countersignd works on the same database, or
 * could (PostgreSQL), one that is in use may be its own, and is not reported.
 * Nothing listens meanwhile.
 */
unsigned listen_check(struct job *j, listen_check_fn *report, void *ctx);

#endif
