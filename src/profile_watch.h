/*
 * Which profiles are new, changed or retired since the issuer looked last
 * (PK-19): at its start, and with a new configuration.
 */
#ifndef SRC_PROFILE_WATCH_H
#define SRC_PROFILE_WATCH_H

struct job;

/* Those of j->conf before those of the rows: 0 with a record for each
 * difference, or -1. */
int profile_watch(struct job *j);

#endif
