/*
 * Waiting for somebody else until a deadline, and no longer than a moment once
 * this process is to end.  A signal may come between a look at that and poll(),
 * so that is waited in turns.
 */
#ifndef LIB_TURN_H
#define LIB_TURN_H

#include <stdbool.h>
#include <stdint.h>

struct turn {
	int64_t deadline;        /* of clock_mono_ms() */
	bool (*is_ending)(void); /* NULL: never */
};

/* Milliseconds to wait now, at most, and then to ask again; 0 or less: it is
 * over.  Once it ends, a second is left. */
int64_t turn_left(struct turn *t);

/* Until poll() sees one of `events`: 1, 0 it is over, -1 errno. */
int turn_wait(struct turn *t, int fd, short events);

#endif
