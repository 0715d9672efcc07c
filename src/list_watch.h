/*
 * PK-182, PK-183: has a revocation waited too long for its list?  The issuer
 * says so itself, unless it is dead or hangs; so the web role looks as well.
 */
#ifndef SRC_LIST_WATCH_H
#define SRC_LIST_WATCH_H

#include <stdint.h>

struct job;

/* All 0 at the start. */
struct list_watch {
	int64_t looked_at;
	int64_t told_at; /* 0: nothing waits too long */
};

/* To be called often: looks once a minute.  An alarm in the log when one has
 * waited for more than ten minutes, and then every hour.  0, or -1 if the
 * database cannot be asked. */
int list_watch_look(struct list_watch *w, struct job *j);

#endif
