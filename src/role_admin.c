#include "config.h"

#include "src/role_admin.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "src/admin_front.h"
#include "src/http_admin.h"
#include "src/tls.h"
#include "src/tls_watch.h"
#include "src/wake.h"

struct admin_role {
	struct http_admin *http;
	struct admin_front *front;
	struct tls_watch tls;
};

/* Ports below 1024 and the TLS key need the rights that are given up next. */
static int
admin_open(struct job *j, struct role_env *env)
{
	struct admin_role *a = arena_alloc(env->keep, sizeof(*a));

	env->role = a;
	a->front = admin_front_new();
	a->tls = (struct tls_watch){ .looked_ms = 0 };
	return http_admin_open(j, &a->http);
}

static void
admin_reloaded(struct role_env *env)
{
	const struct admin_role *a = env->role;
	const struct conf_admin *c = &env->conf->admin;
	struct job j;

	job_init(&j, env->store, env->conf);
	tls_reload(&j, c->tls_certificate, c->tls_key);
	job_done(&j);
	http_admin_set_conf(a->http, env->conf);
}

static int
tell_refused(void *front, struct job *j, bool is_end)
{
	return admin_front_tend(front, j, is_end);
}

static void
watch_certificate(struct admin_role *a, struct role_env *env)
{
	struct job j;

	job_init(&j, env->store, env->conf);
	role_trouble(
	    env, tls_watch(&a->tls, &j, env->conf->admin.tls_certificate));
	job_done(&j);
}

static int
admin_run(struct role_env *env)
{
	struct admin_role *a = env->role;
	struct job j;
	int result;

	job_init(&j, env->store, env->conf);
	result = http_admin_start(a->http, &j, a->front, &env->login);
	if (result < 0)
		log_error("role cannot start", "error=\"%s\"", j.err.text);
	job_done(&j);
	if (result < 0)
		return -1;
	env->reloaded = admin_reloaded;
	role_ready();
	while (!role_is_stopping()) {
		role_tend(env);
		if (role_is_stopping())
			break;
		role_tell_refused(env, tell_refused, a->front, false);
		watch_certificate(a, env);
		wake_wait(ROLE_ADMIN, http_admin_tend(a->http));
	}
	return 0;
}

static void
admin_close(struct role_env *env)
{
	struct admin_role *a = env->role;

	/* From here on nobody is refused any more. */
	http_admin_stop(a->http);
	if (env->store != NULL)
		role_tell_refused(env, tell_refused, a->front, true);
	admin_front_free(a->front);
}

const struct role_ops admin_ops = { ROLE_ADMIN, admin_open, NULL, admin_run,
	admin_close };
