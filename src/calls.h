/*
 * Which system calls a role may still make (seccomp).  src/calls.c alone
 * knows libseccomp.
 *
 * What a role does not need is refused with EPERM, so that a fault shows as an
 * error in the log; what only an attacker wants ends the process.
 */
#ifndef SRC_CALLS_H
#define SRC_CALLS_H

#include <stdbool.h>

struct job;

struct calls {
	bool short_list; /* only what is listed: files and memory (issuer) */
	bool sockets;    /* may open some: AF_UNIX, AF_INET, AF_INET6 */
	bool local_only; /* of these AF_UNIX alone */
	bool accepts;    /* takes connections */
	bool executes;   /* starts programs */
	bool signals;    /* sends others signals; not with the short list */
};

/* Does the kernel have filters? */
bool calls_supported(void);

/* For this thread and all that it starts, for ever: 0, or -1 ERR_INTERNAL. */
int calls_limit(struct job *j, const struct calls *calls);

/*
 * For a process that is about to become a program which judges strangers'
 * octets: it and all that it starts stay in its process group, so that one
 * signal ends them, and send none to others; they have no network, whatever
 * this process has.  0, or a negative errno.
 */
int calls_leash(void);

#endif
