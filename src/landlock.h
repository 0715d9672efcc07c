/*
 * Landlock (Linux 5.13, landlock(7)): which files this process may still
 * reach, whatever their modes say.  src/landlock.c alone makes the calls, for
 * the C library has none.
 *
 * Rules only take away, for ever, and for children too.  What is open stays
 * open.
 */
#ifndef SRC_LANDLOCK_H
#define SRC_LANDLOCK_H

#include <stddef.h>

struct job;

enum {
	LANDLOCK_READ = 1,
	LANDLOCK_WRITE = 2, /* and make, rename and remove what is beneath */
	LANDLOCK_EXECUTE = 4,
	LANDLOCK_REMOVE = 8, /* only that */
};

struct landlock_rule {
	const char *path; /* a file, or a folder with all beneath it */
	unsigned rights;  /* of the above */
};

/* The kernel's version of the interface; 0: it has none, or it is off. */
int landlock_version(void);

/*
 * From now on only what the rules allow; a path that does not exist allows
 * nothing.  Needs version 2; with version 6 no signals reach other processes
 * either.  0, or -1 ERR_INTERNAL.
 */
int landlock_enter(
    struct job *j, const struct landlock_rule *rules, size_t count);

#endif
