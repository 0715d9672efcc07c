/*
 * The loop of a role: wait for a wake-up or the time, take one item, do it,
 * commit, next.
 */
#ifndef SRC_WORKER_H
#define SRC_WORKER_H

#include "src/role.h"

typedef int worker_step_fn(void *role, struct job *j);
typedef int worker_due_fn(void *role, struct job *j, int64_t *at);

/* Until the role is told to stop: 0. */
int worker_loop(struct role_env *env, enum role role, worker_step_fn *step,
    worker_due_fn *next_due);

/*
 * Milliseconds until next_due says there is work, never more than the poll
 * interval that makes lost wake-ups harmless.
 */
int64_t worker_timeout(struct role_env *env, worker_due_fn *next_due);

/* The same after so many failed steps: at least a pause that grows. */
int64_t worker_timeout_after(
    struct role_env *env, worker_due_fn *next_due, unsigned failures);

/* One item: 1 done, 0 there was none, -1 (in the log; *failures grows). */
int worker_once(struct role_env *env, worker_step_fn *step, unsigned *failures);
/* After a failed step of a transaction: rolls back, returns -1. */
int worker_undo(struct job *j);
/* One audit record in a transaction of its own, as store_audit_add().  0, or
 * -1 with nothing written. */
int worker_record(struct job *j, const char *actor, const char *event,
    const char *object, const char *result, const char *detail);
/* {"name":"text"} with outside text made printable, for the audit. */
const char *worker_detail(struct job *j, const char *name, const char *text);

#endif
