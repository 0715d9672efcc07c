#include "config.h"

#include "src/intake_maildir.h"

#include "db/store.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "mail/field.h"
#include "src/role_validator.h"
#include "src/wake.h"
#include "src/worker.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Names that are looked at before new/ is read again. */
#define LIST_MAX 10000
/* With a pause of a minute after each: a fault of the disk passes. */
#define TRIES_MAX 10
#define ASIDE_MAX 256
#define ASIDE_MS 60000
/* The folder or the database failed, not one message. */
#define PAUSE_MS 1000

/* A message that could not be read, judged or moved: the others must not wait
 * for it. */
struct aside {
	int64_t id;
	unsigned tries;
	int64_t until_ms;
};

struct intake_maildir {
	const char *path;
	int inotify; /* -1: there is none, and the folder is only polled */
	struct aside aside[ASIDE_MAX];
	size_t aside_next;
	bool is_away; /* the folder could not be read; it was said */
};

struct maildir
maildir_of(const struct conf *c, const char *path)
{
	return (struct maildir){ .path = path,
		.disposal = c->validator.imap.disposal,
		.processed = c->validator.imap.processed_folder };
}

/* What is too large is not loaded, and lies there as it was put. */
void
intake_maildir_identify(struct job *j, const char *path, const char *name,
    const struct maildir_file *file, struct received *m)
{
	uint8_t hash[SHA256_LEN] = { 0 };
	char *what;

	if (!file->too_large)
		sha256(file->raw, hash);
	what =
	    arena_printf(j->arena, "%.*s/%s/%lld", (int)maildir_unique(name).n,
		name, hex_dup(j->arena, span_mem(hash, sizeof(hash))),
		(long long)(file->too_large ? file->delivered_at : 0));
	m->source = arena_printf(j->arena, "maildir:%s", path);
	received_identify(m, span_str(what));
}

/* --- set aside ----------------------------------------------------------- */

/* Here a name is enough. */
static int64_t
aside_id(const char *name)
{
	struct received m = { .uid = 0 };

	received_identify(&m, maildir_unique(name));
	return m.uid;
}

static struct aside *
find_aside(struct intake_maildir *in, const char *name)
{
	int64_t id = aside_id(name);

	for (size_t i = 0; i < ASIDE_MAX; i++)
		if (in->aside[i].tries > 0 && in->aside[i].id == id)
			return &in->aside[i];
	return NULL;
}

static void
set_aside(struct intake_maildir *in, const char *name)
{
	struct aside *a = find_aside(in, name);

	if (a == NULL) {
		/* The oldest makes room, and is tried again at once. */
		a = &in->aside[in->aside_next++ % ASIDE_MAX];
		*a = (struct aside){ .id = aside_id(name) };
	}
	a->tries++;
	a->until_ms = clock_mono_ms() + ASIDE_MS;
}

static void
forget_aside(struct intake_maildir *in, const char *name)
{
	struct aside *a = find_aside(in, name);

	if (a != NULL)
		*a = (struct aside){ 0 };
}

/* --- one message --------------------------------------------------------- */

/* MA-3: line ends are converted only where the configuration says so. */
static struct span
as_received(struct job *j, struct span raw)
{
	const char *ends = j->conf->validator.maildir_line_ends;

	return ends != NULL && strcmp(ends, "lf") == 0 ? message_from_lf(j, raw)
						       : raw;
}

enum outcome { DONE, TROUBLE, STOP };

static enum outcome
take_trouble(struct intake_maildir *in, struct job *j, const char *what,
    const char *name)
{
	struct log_quoted q;

	log_error(what,
	    "job=%s file=%s error=\"%s\" next=\"it is tried again every "
	    "minute; the others go on\"",
	    j->id, log_quote(&q, span_str(name)), j->err.text);
	set_aside(in, name);
	return TROUBLE;
}

/* Judged and committed, then moved away. */
static enum outcome
take_loaded(struct intake_maildir *in, struct role_env *env, struct job *j,
    const struct received *m, const char *name)
{
	const struct maildir folder = maildir_of(j->conf, in->path);
	enum verdict verdict = VERDICT_UNKNOWN;
	int result;

	patience_begin(env->role);
	result = validator_take(env->role, j, m, &verdict);
	patience_end(env->role, env->conf);
	if (result < 0) {
		store_rollback(j);
		if (j->err.kind != ERR_BUSY && j->err.kind != ERR_CONFLICT)
			return take_trouble(in, j, "reply not judged", name);
		log_warning("reply not judged", "job=%s error=\"%s\"", j->id,
		    j->err.text);
		return STOP;
	}
	wake_send(j->wake);
	if (maildir_dispose(j, &folder, name) < 0)
		return take_trouble(in, j, "reply not moved away", name);
	forget_aside(in, name);
	return DONE;
}

static bool
was_tried_enough(const char *name, const struct aside *a)
{
	struct log_quoted q;

	if (a == NULL || a->tries < TRIES_MAX)
		return false;
	log_error("reply passed over",
	    "file=%s next=\"the errors before this line say why; the "
	    "message is put away as the option disposal says\"",
	    log_quote(&q, span_str(name)));
	return true;
}

static enum outcome
take_file(struct intake_maildir *in, struct role_env *env, struct job *j,
    const char *name)
{
	const struct maildir folder = maildir_of(j->conf, in->path);
	size_t max = (size_t)j->conf->validator.max_message;
	struct received m = { .is_gone = true };
	struct maildir_file file;
	const struct aside *a;
	int found;

	a = find_aside(in, name);
	if (a != NULL && a->until_ms > clock_mono_ms())
		return TROUBLE;
	found = maildir_load(j, &folder, name, max, &file);
	if (found == 0)
		return DONE;
	if (found < 0)
		return take_trouble(in, j, "reply not read", name);
	intake_maildir_identify(j, in->path, name, &file, &m);
	m.arrival = file.delivered_at;
	if (file.too_large)
		m.refused = "msg.too-large";
	else if (was_tried_enough(name, a))
		m.refused = "internal";
	else
		m.raw = as_received(j, file.raw);
	return take_loaded(in, env, j, &m, name);
}

/* --- the loop ------------------------------------------------------------ */

static void
say_whether_away(struct intake_maildir *in, struct role_env *env,
    const struct job *j, bool away)
{
	role_trouble(env, away ? j->err.text : NULL);
	if (away == in->is_away)
		return;
	in->is_away = away;
	if (away)
		log_error("maildir",
		    "error=\"%s\" next=\"let the user of the roles read it; "
		    "countersign check tries it\"",
		    j->err.text);
	else
		log_info("maildir open", "source=maildir:%s", in->path);
}

/* Everything in new/, oldest first: 0, or -1 if it has to be tried again. */
static int
ingest(struct intake_maildir *in, struct role_env *env)
{
	const struct maildir folder = maildir_of(env->conf, in->path);
	enum outcome outcome = DONE;
	const char **names;
	struct job list, j;
	size_t count = 0;
	int result;

	job_init(&list, env->store, env->conf);
	result = maildir_list(&list, &folder, LIST_MAX, &names, &count);
	say_whether_away(in, env, &list, result < 0);
	for (size_t i = 0; i < count && outcome != STOP && !role_is_stopping();
	     i++) {
		job_init(&j, env->store, env->conf);
		outcome = take_file(in, env, &j, names[i]);
		job_done(&j);
		role_tend(env);
	}
	job_done(&list);
	return result < 0 || outcome == STOP ? -1 : 0;
}

/* Before new/ is read: what comes later is told.  Repeated each time, because
 * the folder may be another one by now. */
static void
watch(const struct intake_maildir *in)
{
	char path[PATH_MAX];

	if (in->inotify < 0 || strlen(in->path) + 5 > sizeof(path))
		return;
	memcpy(path, in->path, strlen(in->path));
	memcpy(path + strlen(in->path), "/new", 5);
	/* Without it (NFS) there is the poll. */
	(void)inotify_add_watch(
	    in->inotify, path, IN_MOVED_TO | IN_CREATE | IN_ONLYDIR);
}

static void
drain(int fd)
{
	char room[4096];

	while (fd >= 0 && read(fd, room, sizeof(room)) > 0)
		continue;
}

/* Until something is put there, a wake-up, or the time. */
static void
wait_for_mail(const struct intake_maildir *in, int64_t ms)
{
	struct pollfd p[] = { { .fd = wake_fd(ROLE_VALIDATOR),
				  .events = POLLIN },
		{ .fd = in->inotify, .events = POLLIN } };

	poll(p, 2, (int)ms);
	wake_drain(ROLE_VALIDATOR);
	if (p[1].revents != 0)
		drain(in->inotify);
}

int
intake_maildir_run(struct role_env *env)
{
	struct validator *v = env->role;
	struct intake_maildir *in = v->maildir;
	unsigned step_failures = 0;
	bool more_work;

	in->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	in->is_away = true;
	watch(in);
	/* What waits for slow name servers holds up no start. */
	role_ready();
	while (!role_is_stopping()) {
		role_tend(env);
		/* One item between two looks into the folder: what waits for
		 * slow name servers must not hold up new mail. */
		more_work =
		    worker_once(env, validator_step, &step_failures) > 0;
		watch(in);
		if (ingest(in, env) < 0)
			wait_for_mail(in, PAUSE_MS);
		else if (!more_work)
			wait_for_mail(
			    in, worker_timeout_after(
				    env, validator_next_due, step_failures));
	}
	if (in->inotify >= 0)
		close(in->inotify);
	return 0;
}

struct intake_maildir *
intake_maildir_new(struct role_env *env, const char *path)
{
	struct intake_maildir *in = arena_alloc(env->keep, sizeof(*in));

	in->path = arena_strdup(env->keep, path);
	in->inotify = -1;
	return in;
}
