#include "config.h"

#include "src/conf_note.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "db/store_conf_use.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/conf_file.h"
#include "src/errand.h"
#include "src/role_life.h"
#include "src/worker.h"

/* How soon a change of the file is seen, and a failure tried again. */
#define LOOK_MS 60000

void
conf_note_open(struct conf_note *n, const struct conf *used)
{
	*n = (struct conf_note){ .used = used, .is_due = true };
}

static void
decided(struct conf_note *n)
{
	n->is_due = true;
	n->look_ms = n->tell_ms = 0;
}

/* Cut where it must be, but not within a character. */
__attribute__((format(printf, 2, 3))) static void
put_why(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, ERR_INTERNAL, fmt, ap);
	va_end(ap);
}

void
conf_note_refused(struct conf_note *n, const char *why)
{
	n->refused_at = clock_now();
	put_why(&n->refused, "%s", why);
	decided(n);
}

void
conf_note_taken(
    struct conf_note *n, const struct conf *used, const char *restart)
{
	size_t len = strlen(restart);

	n->used = used;
	n->refused_at = 0;
	n->refused = (struct err){ .kind = ERR_NONE };
	if (len >= sizeof(n->restart))
		restart = "several options";
	memcpy(n->restart, restart, strlen(restart) + 1);
	decided(n);
}

/* --- the file ------------------------------------------------------------- */

static bool
is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       is_same_time(a->st_mtim, b->st_mtim) &&
	       is_same_time(a->st_ctim, b->st_ctim);
}

static void
hash_file(const char *path, char out[CONF_NOTE_HASH_MAX])
{
	uint8_t hash[SHA256_LEN];
	struct span text;
	struct job j;

	out[0] = '\0';
	job_init(&j, NULL, NULL);
	if (file_read(&j, path, CONF_TEXT_MAX, &text) == 0) {
		sha256(text, hash);
		hex_format(out, span_mem(hash, sizeof(hash)));
	}
	job_done(&j);
}

/* It is read when it may have changed only. */
static void
look(struct conf_note *n)
{
	char hash[CONF_NOTE_HASH_MAX];
	struct stat now = { 0 };

	if (stat(n->used->file, &now) == 0 && n->looked_at != 0 &&
	    is_same_file(&now, &n->file))
		return;
	n->file = now;
	hash_file(n->used->file, hash);
	if (n->looked_at != 0 && strcmp(hash, n->seen) == 0)
		return;
	memcpy(n->seen, hash, sizeof(n->seen));
	n->looked_at = clock_now();
	n->is_due = true;
}

/* --- telling -------------------------------------------------------------- */

static int
put(struct job *j, const struct conf_note *n)
{
	const struct conf_use u = { .host = role_life_host(j),
		.file = n->used->file,
		.used_sha256 = n->used->sha256,
		.file_sha256 = n->seen,
		.restart = n->restart,
		.looked_at = n->looked_at,
		.refused_at = n->refused_at,
		.refused = n->refused.text };

	if (store_begin(j) < 0)
		return -1;
	return store_conf_use_put(j, &u) < 0 ? worker_undo(j) : store_commit(j);
}

static int
tell(struct job *j, void *ctx)
{
	struct store_login login;
	int result = -1;

	if (errand_settle(j, &login) == 0 &&
	    store_open_as(j, &login, &j->store) == 0)
		result = put(j, ctx);
	if (result < 0)
		log_warning("state of the configuration not told",
		    "error=\"%s\" next=\"nothing: it is tried again\"",
		    j->err.text);
	store_close(j->store);
	return result;
}

int
conf_note_turn(struct conf_note *n)
{
	int64_t now = clock_mono_ms(), next;

	if (now >= n->look_ms) {
		look(n);
		n->look_ms = now + LOOK_MS;
	}
	if (n->is_due && n->pid == 0 && now >= n->tell_ms) {
		n->pid = errand_start(n->used, tell, n);
		n->is_due = n->pid < 0;
		n->tell_ms = now + (n->pid < 0 ? LOOK_MS : 0);
		if (n->pid < 0)
			n->pid = 0;
	}
	next = n->look_ms;
	if (n->is_due && n->pid == 0 && n->tell_ms < next)
		next = n->tell_ms;
	return next > now ? (int)(next - now) : 0;
}

/* One that was decided meanwhile is not put off. */
void
conf_note_ended(struct conf_note *n, pid_t pid, int status)
{
	if (pid != n->pid)
		return;
	n->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
		return;
	if (!n->is_due)
		n->tell_ms = clock_mono_ms() + LOOK_MS;
	n->is_due = true;
}
