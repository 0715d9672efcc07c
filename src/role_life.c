#include "config.h"

#include "src/role_life.h"

#include "db/store_audit.h"
#include "db/store_life.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/json.h"
#include "lib/utf8.h"
#include "src/worker.h"

#include <string.h>
#include <unistd.h>

#define QUIET_SECS 60
#define HOST_MAX 256
#define DETAIL_MAX 1024

const char *
role_life_name(struct arena *a, enum role role, const char *intake)
{
	return intake == NULL
		   ? role_name(role)
		   : arena_printf(a, "%s %s", role_name(role), intake);
}

const char *
role_life_host(struct job *j)
{
	char *name = arena_calloc(j->arena, 1, HOST_MAX);

	if (gethostname(name, HOST_MAX - 1) < 0)
		name[0] = '\0';
	return name;
}

/* {"first":"text","second":"text"} */
static const char *
two(struct job *j, const char *const names[2], const char *const texts[2])
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	for (size_t i = 0; i < 2; i++)
		json_member_str(&o, names[i], texts[i]);
	json_object_end(&o);
	return buf_ok(&b) ? b.p : NULL;
}

static int
add(struct job *j, const char *name, const char *event, const char *result,
    const char *detail)
{
	return store_audit_add(j, name, event,
	    arena_printf(j->arena, "role:%s", name), result, detail);
}

/* All roles have the same: one record is of all of them. */
static int
add_change(struct job *j, const char *actor, const char *before)
{
	return store_audit_add(j, actor, "configuration changed",
	    "configuration", "ok",
	    two(j, (const char *const[]){ "before", "after" },
		(const char *const[]){ before, j->conf->sha256 }));
}

static int
add_start(struct job *j, const char *name)
{
	return add(j, name, "role started", "ok",
	    two(j, (const char *const[]){ "version", "configuration_sha256" },
		(const char *const[]){ PACKAGE_VERSION, j->conf->sha256 }));
}

static int
add_crash(struct job *j, const struct role_life *l)
{
	return add(j, l->role, "role crashed", "restarted",
	    arena_printf(j->arena, "{\"started_at\":%lld,\"crashes\":%lld}",
		(long long)l->started_at, (long long)l->crashes));
}

/* A moment to come was written by a clock that is set by now. */
static bool
is_recent(const struct job *j, int64_t at)
{
	return at <= j->now && j->now - at < QUIET_SECS;
}

/* What began when that one had ended, or later, is another one. */
static bool
has_crashed(const struct role_life *l, int64_t ended_at)
{
	return l->is_running && l->started_at >= ended_at;
}

static int
begin(struct job *j, const char *name, int64_t ended_at, bool *told)
{
	const char *host = role_life_host(j);
	struct role_life l;
	bool crashed, same;
	int found;

	if (!store_is_shared(j) && store_life_rename(j, host) < 0)
		return -1;
	found = store_life_find(j, host, name, &l);
	if (found < 0)
		return -1;
	crashed = found > 0 && has_crashed(&l, ended_at);
	if (crashed)
		l.crashes++;
	if (crashed && !is_recent(j, l.crash_told_at)) {
		if (add_crash(j, &l) < 0)
			return -1;
		l.crash_told_at = j->now;
		l.crashes = 0;
	}
	same = found > 0 && strcmp(l.conf_sha256, j->conf->sha256) == 0;
	if (found > 0 && !same && strcmp(name, role_name(ROLE_ISSUER)) == 0 &&
	    add_change(j, name, l.conf_sha256) < 0)
		return -1;
	*told = !crashed || !same || strcmp(l.version, PACKAGE_VERSION) != 0 ||
		!is_recent(j, l.told_at);
	if (*told && add_start(j, name) < 0)
		return -1;
	if (*told)
		l.told_at = j->now;
	l.version = PACKAGE_VERSION;
	l.conf_sha256 = j->conf->sha256;
	l.is_running = true;
	l.started_at = j->now;
	l.seen_at = j->now;
	l.trouble = NULL;
	l.trouble_at = 0;
	return store_life_put(j, &l);
}

int
role_life_begin(struct job *j, const char *name, int64_t ended_at, bool *told)
{
	*told = false;
	if (store_begin(j) < 0)
		return -1;
	if (begin(j, name, ended_at, told) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* The next start of that role finds nothing new in it. */
static int
put_conf(struct job *j, const char *name)
{
	struct role_life l;
	int found = store_life_find(j, role_life_host(j), name, &l);

	if (found <= 0)
		return found;
	l.conf_sha256 = j->conf->sha256;
	return store_life_put(j, &l);
}

static int
finish(struct job *j, int result)
{
	return result < 0 ? worker_undo(j) : store_commit(j);
}

int
role_life_conf(struct job *j, const char *name)
{
	return store_begin(j) < 0 ? -1 : finish(j, put_conf(j, name));
}

int
role_life_change(struct job *j, const char *before)
{
	return add_change(j, "supervisor", before) < 0
		   ? -1
		   : put_conf(j, role_name(ROLE_ISSUER));
}

int
role_life_seen(struct job *j, const char *name)
{
	return store_begin(j) < 0
		   ? -1
		   : finish(j, store_life_seen(j, role_life_host(j), name));
}

/* What a server has said stands in it: PostgreSQL takes UTF-8 alone. */
int
role_life_trouble(struct job *j, const char *name, const char *why)
{
	if (why != NULL && !utf8_is_valid(span_str(why)))
		why = "its log says what";
	return store_begin(j) < 0
		   ? -1
		   : finish(j,
			 store_life_trouble(j, role_life_host(j), name, why));
}

int
role_life_end(struct job *j, const char *name)
{
	return store_begin(j) < 0
		   ? -1
		   : finish(j, store_life_end(j, role_life_host(j), name));
}
