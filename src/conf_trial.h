/*
 * Whether all roles can take a configuration that was read while they run: a
 * process with their rights looks at what it names as they will, and records
 * the change in the audit (PK-19).  What it refuses is refused for all.
 */
#ifndef SRC_CONF_TRIAL_H
#define SRC_CONF_TRIAL_H

#include <sys/types.h>

struct conf;
struct job;

/*
 * Starts it: its process, which ends with EXIT_SUCCESS where the configuration
 * is taken, or else with a line in the log; or -1.  `before` is the hash of the
 * one in use.  From *why, which the caller closes, why it is refused can be
 * read when the process has ended.
 */
pid_t conf_trial_start(const struct conf *conf, const char *before, int *why);

/* What it looks at with the rights of root, where it has them, and what
 * without: 0, or -1 with the job's error.  j->conf is tried. */
int conf_trial_files(struct job *j);
int conf_trial_as_user(struct job *j, const char *before);

#endif
