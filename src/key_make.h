/*
 * The key of live OCSP answers in its token, as the admin's commands see it
 * (PK-177): countersign key make makes it there, countersign check looks at it.
 */
#ifndef SRC_KEY_MAKE_H
#define SRC_KEY_MAKE_H

#include <stdbool.h>

struct job;

/*
 * Makes it inside the token that section responder names, for signing alone
 * (PK-198), and records it.  Refused where there is one of that label and id.
 * 0 and what it is, in words, in the job's arena; or -1.
 */
int key_make(struct job *j, const char **made);

/* Would the token sign with it now, and is it as it should be?  1; 0: not
 * looked at, its PIN is in no file and there is no terminal; -1. */
int key_make_check(struct job *j);

#endif
