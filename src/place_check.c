#include "config.h"

#include "src/place_check.h"

#include "db/store_login.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "src/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID_MAX ((size_t)64 * 1024)

struct looking {
	struct job *job;
	struct buf said; /* messages, each with its NUL */
	int count;       /* of them */
	int vital;       /* of them: without those places nothing works */
};

static const char *
user_of(const struct job *j)
{
	return j->conf->user != NULL ? j->conf->user : "the user of the roles";
}

/* access() by the rights that open() would have. */
static int
may(const char *path, int how)
{
	return faccessat(AT_FDCWD, path, how, AT_EACCESS);
}

static void
say(struct looking *l, const char *text)
{
	buf_add_mem(&l->said, text, strlen(text) + 1);
	l->count++;
}

static void
look_at_folder(struct looking *l, const char *option, const char *path)
{
	struct job *j = l->job;

	/* What is no folder has nothing in it. */
	if (may(arena_printf(j->arena, "%s/.", path), R_OK | W_OK | X_OK) == 0)
		return;
	if (errno == ENOENT)
		say(l,
		    arena_printf(j->arena,
			"%s: there is no folder %s: make it, and let it belong "
			"to %s",
			option, path, user_of(j)));
	else if (errno == ENOTDIR)
		say(l, arena_printf(j->arena,
			   "%s: %s is no folder: name one that belongs to %s",
			   option, path, user_of(j)));
	else if (errno == EROFS)
		say(l, arena_printf(j->arena,
			   "%s: the file system of the folder %s is read-only: "
			   "mount it for writing, or name another folder",
			   option, path));
	else
		say(l, arena_printf(j->arena,
			   "%s: %s cannot write in the folder %s (%s): let it "
			   "belong to that user, with mode 0755 or 0700",
			   option, user_of(j), path, strerror(errno)));
}

/* What is not there yet is made, in a folder that is looked at anyway. */
static void
look_at_file(struct looking *l, const char *option, const char *path)
{
	struct job *j = l->job;

	if (may(path, R_OK | W_OK) == 0 || errno == ENOENT)
		return;
	say(l,
	    arena_printf(j->arena,
		"%s: %s cannot write the file %s (%s): let it belong to that "
		"user, with mode 0600",
		option, user_of(j), path, strerror(errno)));
}

static void
look_at_database(struct looking *l, const char *database)
{
	const char *path = store_url_file(database);

	if (path == NULL)
		return;
	look_at_folder(l, "database", file_folder(l->job->arena, path));
	look_at_file(l, "database", path);
	look_at_file(
	    l, "database", arena_printf(l->job->arena, "%s-wal", path));
	look_at_file(
	    l, "database", arena_printf(l->job->arena, "%s-shm", path));
}

/* Lists and answers are new files that take the names of the old ones. */
static void
look_at_issuer(
    struct looking *l, const char *section, const struct conf_issuer *i)
{
	struct job *j = l->job;

	if (i->crl_file != NULL)
		look_at_folder(l,
		    arena_printf(j->arena, "%s.crl_file", section),
		    file_folder(j->arena, i->crl_file));
	if (i->ocsp_folder != NULL)
		/* The issuer makes it, if it is not there. */
		look_at_folder(l,
		    arena_printf(j->arena, "%s.ocsp_folder", section),
		    may(i->ocsp_folder, F_OK) < 0 && errno == ENOENT
			? file_folder(j->arena, i->ocsp_folder)
			: i->ocsp_folder);
}

/* Of what is not there others tell. */
static void
look_at_reading(struct looking *l, const char *option, const char *path)
{
	struct job *j = l->job;

	if (path == NULL || may(path, R_OK) == 0 || errno != EACCES)
		return;
	say(l,
	    arena_printf(j->arena,
		"%s: %s cannot read %s (%s): name a copy with mode 0444, in a "
		"folder that this user can enter",
		option, user_of(j), path, strerror(EACCES)));
}

/* What clients get; web has only the rights of that user by then. */
static void
look_at_certificates(
    struct looking *l, const char *section, const struct conf_issuer *i)
{
	struct arena *a = l->job->arena;
	const char *option = arena_printf(a, "%s.alternate_chains", section);

	look_at_reading(l, arena_printf(a, "%s.ca_certificate", section),
	    i->ca_certificate);
	look_at_reading(
	    l, arena_printf(a, "%s.ca_chain", section), i->ca_chain);
	for (size_t n = 0; n < i->alternate_chains.n; n++)
		look_at_reading(l, option, i->alternate_chains.v[n]);
}

static void
look_at_former(struct looking *l, const struct conf_former *f)
{
	const char *section =
	    arena_printf(l->job->arena, "former_ca %s", f->name);

	look_at_issuer(l, section, &f->issuer);
	look_at_certificates(l, section, &f->issuer);
}

static void
look(struct looking *l, struct job *j)
{
	const struct conf *conf = j->conf;

	l->job = j;
	buf_init(&l->said, j->arena, SAID_MAX);
	look_at_database(l, conf->database);
	look_at_issuer(l, "issuer", &conf->issuer);
	look_at_certificates(l, "issuer", &conf->issuer);
	l->vital = l->count;
	look_at_reading(l, "issuer.root_crl", conf->issuer.root_crl);
	for (size_t i = 0; i < conf->former_count; i++)
		look_at_former(l, &conf->formers[i]);
}

static int
report_each(struct span said, place_check_fn *report, void *ctx)
{
	int count = 0;

	for (size_t at = 0; at < said.n; count++) {
		report(ctx, said.p + at);
		at += strlen(said.p + at) + 1;
	}
	return count;
}

int
place_check_here(struct job *j, place_check_fn *report, void *ctx)
{
	struct looking l = { .count = 0 };

	look(&l, j);
	report_each(buf_span(&l.said), report, ctx);
	return l.vital;
}

/* --- the child ------------------------------------------------------------ */

static int
look_as_user(struct job *j, int fd)
{
	struct looking l = { .count = 0 };
	size_t sent = 0;

	if (privilege_drop(j, j->conf->user) < 0)
		return EXIT_FAILURE;
	look(&l, j);
	while (sent < l.said.n) {
		ssize_t n = write(fd, l.said.p + sent, l.said.n - sent);

		if (n < 0)
			return EXIT_FAILURE;
		sent += (size_t)n;
	}
	return EXIT_SUCCESS;
}

/* --- who asks ------------------------------------------------------------- */

static int
hear(struct job *j, int fd, pid_t pid, struct span *said)
{
	int result = fd_read_all(j, fd, "places to write", SAID_MAX, said);
	int status;

	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != EXIT_SUCCESS)
		return job_fail(j, ERR_INTERNAL,
		    "%s cannot be asked what it may write", user_of(j));
	return result;
}

int
place_check(struct job *j, place_check_fn *report, void *ctx)
{
	struct span said = { NULL, 0 };
	int fds[2], result;
	pid_t pid;

	if (privilege_check(j, j->conf->user) < 0)
		return -1;
	if (pipe(fds) < 0)
		return job_fail(j, ERR_INTERNAL, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		_exit(look_as_user(j, fds[1]));
	}
	close(fds[1]);
	result = pid < 0
		     ? job_fail(j, ERR_INTERNAL, "fork: %s", strerror(errno))
		     : hear(j, fds[0], pid, &said);
	close(fds[0]);
	return result < 0 ? -1 : report_each(said, report, ctx);
}
