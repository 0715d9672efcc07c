/*
 * Which files each role may still reach once it is confined (src/sandbox.h), as
 * rules for Landlock: what its options name, what the libraries read, and the
 * files of its own connection to the database.
 */
#ifndef SRC_SANDBOX_RULES_H
#define SRC_SANDBOX_RULES_H

#include "lib/job.h"
#include "src/landlock.h"

struct conf;

#define SANDBOX_RULES_MAX 256

struct sandbox_rules {
	struct arena *arena;
	struct landlock_rule v[SANDBOX_RULES_MAX];
	size_t n;
};

/*
 * All that the role may reach, with this configuration and way in (as for
 * sandbox_enter()), behind what `r` has already.  `r->arena` is the caller's;
 * paths live there or in the configuration.
 */
void sandbox_rules_collect(struct sandbox_rules *r, const struct conf *c,
    enum role role, const char *intake);

/* The files of the job's connection, which must be possible to make again: kept
 * as long as the process, for every call that follows. */
void sandbox_rules_remember(struct job *j);

#endif
