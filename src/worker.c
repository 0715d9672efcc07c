#include "config.h"

#include "src/worker.h"

#include "db/store.h"
#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "src/wake.h"

#include <stdio.h>

#define POLL_MS 10000
/* What is due already and was not taken is another one's for a moment. */
#define HELD_MS 20
/* After a failure the database or the relay gets a rest. */
#define PAUSE_MS 1000
#define PAUSE_MAX_MS 30000
#define DETAIL_MAX 4096
/* So many in a row are not what passes by itself. */
#define TROUBLE_STEPS 3

int
worker_undo(struct job *j)
{
	store_rollback(j);
	return -1;
}

int
worker_record(struct job *j, const char *actor, const char *event,
    const char *object, const char *result, const char *detail)
{
	if (store_begin(j) < 0)
		return -1;
	if (store_audit_add(j, actor, event, object, result, detail) < 0)
		return worker_undo(j);
	return store_commit(j);
}

const char *
worker_detail(struct job *j, const char *name, const char *text)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, name, text);
	json_object_end(&o);
	return buf_ok(&b) ? b.p : NULL;
}

/* One item in a job of its own; afterwards its wake-ups are sent. */
static int
do_one(struct role_env *env, worker_step_fn *step)
{
	struct job j;
	int result;

	job_init(&j, env->store, env->conf);
	result = step(env->role, &j);
	if (result < 0) {
		store_rollback(&j);
		log_error("step failed",
		    "job=%s error=\"%s\" next=\"mend what the error says; it "
		    "is tried again\"",
		    j.id, j.err.text);
		snprintf(env->failed, sizeof(env->failed), "%s", j.err.text);
	} else {
		wake_send(j.wake);
	}
	job_done(&j);
	return result;
}

int
worker_once(struct role_env *env, worker_step_fn *step, unsigned *failures)
{
	int result = do_one(env, step);

	*failures = result < 0 ? *failures + 1 : 0;
	return result;
}

int64_t
worker_timeout(struct role_env *env, worker_due_fn *next_due)
{
	struct job j;
	int64_t at, ms = POLL_MS;

	job_init(&j, env->store, env->conf);
	if (next_due(env->role, &j, &at) > 0) {
		ms = at * 1000 - clock_now_ms();
		if (ms < HELD_MS)
			ms = HELD_MS;
		if (ms > POLL_MS)
			ms = POLL_MS;
	}
	job_done(&j);
	return ms;
}

static int64_t
pause_after(unsigned failures)
{
	int64_t ms = PAUSE_MS;

	for (unsigned i = 1; i < failures && ms < PAUSE_MAX_MS; i++)
		ms *= 2;
	return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

int64_t
worker_timeout_after(
    struct role_env *env, worker_due_fn *next_due, unsigned failures)
{
	return failures > 0 ? pause_after(failures)
			    : worker_timeout(env, next_due);
}

static void
tell_trouble(struct role_env *env, unsigned failures)
{
	if (failures == 0)
		role_trouble(env, NULL);
	else if (failures >= TROUBLE_STEPS)
		role_trouble(env, env->failed);
}

int
worker_loop(struct role_env *env, enum role role, worker_step_fn *step,
    worker_due_fn *next_due)
{
	unsigned failures = 0;
	int result;

	role_ready();
	while (!role_is_stopping()) {
		/* Also between two items: much work hides no life, and keeps
		 * no configuration waiting. */
		role_tend(env);
		if (role_is_stopping())
			break;
		result = worker_once(env, step, &failures);
		tell_trouble(env, failures);
		if (result > 0 || role_is_stopping())
			continue;
		wake_wait(role, worker_timeout_after(env, next_due, failures));
	}
	return 0;
}
