/*
 * `countersignd --role perspective`: answers look-ups for validators elsewhere
 * (pki.md 6, mpic-open-api.md 4).  It stands alone: no database, no other
 * roles.  Three kinds of processes: this one, which starts the others again; a
 * front, which speaks HTTPS; and those that ask the DNS (src/agent_pool.h).
 */
#ifndef SRC_ROLE_PERSPECTIVE_H
#define SRC_ROLE_PERSPECTIVE_H

#include <stdbool.h>

/* Of the sandbox: which half.  The front has none. */
#define PERSPECTIVE_LOOKUPS "look-ups"

/* The whole life of the process; returns the exit status. */
int perspective_main(const char *conf_file, bool check_only);

#endif
