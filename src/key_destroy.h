/* countersign key destroy: two admins end the CA's key (PK-207). */
#ifndef SRC_KEY_DESTROY_H
#define SRC_KEY_DESTROY_H

#include "lib/buf.h"

struct job;

struct key_destroy {
	const char *witnesses; /* who sees it, beside the two */
	bool is_compromised;
};

struct key_destroyed {
	const char *key;    /* "ca:" and its label, as in records */
	const char *method; /* in words */
	bool is_done;       /* else it is asked for */
	bool is_file;
};

/*
 * The key of the configuration.  The first admin asks; another one gives the
 * same command within a day, and it is done.  Of two admins one is an approver
 * (src/two_persons.h).
 * 0, or -1.
 */
int key_destroy(
    struct job *j, const struct key_destroy *in, struct key_destroyed *out);

#endif
