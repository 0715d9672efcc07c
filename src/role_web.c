#include "config.h"

#include "src/role_web.h"

#include "lib/aead.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "pki/weakkeys.h"
#include "src/ca_conf.h"
#include "src/http.h"
#include "src/http_listen.h"
#include "src/http_status.h"
#include "src/list_watch.h"
#include "src/tls.h"
#include "src/tls_watch.h"
#include "src/wake.h"

#include <unistd.h>

struct web {
	struct http_sockets sockets;
	struct http *http;
	struct http_sockets status_sockets;
	struct http_status *status; /* plain HTTP: lists and OCSP */
	struct http_secrets secrets;
	struct list_watch lists;
	struct tls_watch tls;
};

/* Without a certificate there are Unix sockets only (conf_check_address.c). */
static int
load_tls(struct job *j)
{
	const struct conf_web *c = &j->conf->web;

	if (c->tls_certificate == NULL)
		return 0;
	return tls_load(j, c->tls_certificate, c->tls_key);
}

static int
load_eab_key(struct job *j, struct arena *keep, const struct aead_key **out)
{
	const char *file = j->conf->web.eab_key_file;

	return file == NULL ? 0 : aead_key_load(j, keep, file, out);
}

/* Ports below 1024, the TLS key and that of the EAB secrets need the rights
 * that are given up next. */
static int
web_open(struct job *j, struct role_env *env)
{
	struct web *w = arena_alloc(env->keep, sizeof(*w));

	env->role = w;
	env->reads_alone = true;
	w->secrets.login = &env->login;
	w->tls = (struct tls_watch){ .looked_ms = 0 };
	if (load_tls(j) < 0 ||
	    load_eab_key(j, env->keep, &w->secrets.eab_key) < 0 ||
	    weakkeys_load(
		j, env->keep, j->conf->weak_keys, &w->secrets.weak_keys) < 0 ||
	    http_listen(j, &w->sockets) < 0 ||
	    http_status_listen(j, &w->status_sockets) < 0)
		return -1;
	return http_raise_limit(j, &w->sockets);
}

static void
web_reloaded(struct role_env *env)
{
	const struct web *w = env->role;
	const struct conf_web *c = &env->conf->web;
	struct job j;

	job_init(&j, env->store, env->conf);
	if (c->tls_certificate != NULL)
		tls_reload(&j, c->tls_certificate, c->tls_key);
	job_done(&j);
	http_set_conf(w->http, env->conf);
}

static void
watch_lists(struct web *w, struct role_env *env)
{
	struct job j;

	job_init(&j, env->store, env->conf);
	if (list_watch_look(&w->lists, &j) < 0)
		log_error("revocations not looked at",
		    "error=\"%s\" next=\"the database must answer\"",
		    j.err.text);
	job_done(&j);
}

/* A proxy that clients see has a certificate of its own. */
static void
watch_certificate(struct web *w, struct role_env *env)
{
	const char *file = env->conf->web.tls_certificate;
	struct job j;

	if (file == NULL)
		return;
	job_init(&j, env->store, env->conf);
	role_trouble(env, tls_watch(&w->tls, &j, file));
	job_done(&j);
}

static int
tell_refused(void *http, struct job *j, bool is_end)
{
	return http_tell_refused(http, j, is_end);
}

static int
web_run(struct role_env *env)
{
	struct web *w = env->role;
	struct job j;

	w->secrets.is_held = env->is_owed;
	job_init(&j, env->store, env->conf);
	if (http_start(&j, &w->sockets, &w->secrets, &w->http) < 0 ||
	    http_status_start(&j, env->keep, &w->status_sockets, &env->live,
		&w->status) < 0) {
		log_error("role cannot start", "error=\"%s\"", j.err.text);
		job_done(&j);
		return -1;
	}
	job_done(&j);
	env->reloaded = web_reloaded;
	role_ready();
	while (!role_is_stopping()) {
		int64_t ms, status_ms;

		role_tend(env);
		if (role_is_stopping())
			break;
		http_hold(w->http, env->is_owed);
		watch_lists(w, env);
		watch_certificate(w, env);
		role_tell_refused(env, tell_refused, w->http, false);
		ms = http_tend(w->http, env->store);
		status_ms = http_status_tend(w->status);
		if (env->is_owed && ms > ROLE_OWED_MS)
			ms = ROLE_OWED_MS;
		wake_wait(ROLE_WEB, ms < status_ms ? ms : status_ms);
	}
	role_tell_refused(env, tell_refused, w->http, true);
	return 0;
}

static void
web_close(struct role_env *env)
{
	struct web *w = env->role;

	http_stop(w->http);
	http_status_stop(w->status);
	http_unlisten(&w->sockets);
	http_unlisten(&w->status_sockets);
}

const struct role_ops web_ops = { ROLE_WEB, web_open, NULL, web_run,
	web_close };
