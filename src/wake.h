/*
 * Wake-ups between roles: one eventfd each, made by the supervisor and
 * inherited.  A wake-up means "look into the database"; many are one, none
 * carries meaning, and a lost one costs a poll interval, never work.
 */
#ifndef SRC_WAKE_H
#define SRC_WAKE_H

#include "lib/job.h"

/* The supervisor: makes the descriptors (kept across exec). 0 or -1. */
int wake_create(int fds[ROLE_COUNT]);
/* A role: takes over what it inherited. */
void wake_adopt(const int fds[ROLE_COUNT], enum role own);

/* Wakes the roles of the mask (bits of job.wake); harmless where there are
 * no descriptors (commands, tests). */
void wake_send(unsigned mask);
/* This process alone, from a signal's handler: several validators share the
 * descriptor of their role, and any of them drains it. */
void wake_self(void);
/* Readable when the role was woken; -1 where there is none. */
int wake_fd(enum role role);
void wake_drain(enum role role);

/*
 * Waits until the role is woken, a signal arrives or timeout_ms passed.
 */
void wake_wait(enum role role, int64_t timeout_ms);

#endif
