/* Giving up rights, and keeping secrets out of cores. */
#ifndef SRC_PRIVILEGE_H
#define SRC_PRIVILEGE_H

struct job;

/* No core dumps, not readable by debuggers, no new privileges by exec. */
void privilege_no_dumps(void);

/*
 * When root: becomes `user` with its groups and its home in HOME, for ever; the
 * user must be given then.  When not root: nothing to give up; a different
 * `user` is an error.  0, or -1 ERR_INTERNAL saying what to do.
 */
int privilege_drop(struct job *j, const char *user);

/* Would it?  The same answers, and nothing is given up. */
int privilege_check(struct job *j, const char *user);

#endif
