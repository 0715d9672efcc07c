/* Waiting for a process that was started, and no longer than a deadline. */
#ifndef LIB_CHILD_H
#define LIB_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * For one that has closed its output and should be gone in a moment: true and
 * *status as of waitpid(); false once clock_mono_ms() has reached the deadline,
 * and the process is still to be waited for.
 */
bool child_has_ended(pid_t pid, int64_t deadline_ms, int *status);

#endif
