#include "config.h"

#include "src/intake_check.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "mail/fetch.h"
#include "src/conf_listen.h"
#include "src/intake.h"
#include "src/intake_imap.h"
#include "src/intake_maildir.h"
#include "src/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of those that wait, so many are tried. */
#define FILES_TRIED 100

static int
check_imap(struct job *j, const struct conf_imap *m)
{
	struct fetch *fetch;
	int result;

	if (intake_imap_open(j, m, &fetch) < 0)
		return -1;
	result = fetch_check(fetch, j);
	fetch_free(fetch);
	return result;
}

/* --- LMTP ---------------------------------------------------------------- */

/* Whose members may connect; 0 and *gid, or -1. */
static int
socket_group(struct job *j, gid_t *gid)
{
	const char *name = j->conf->validator.lmtp_group;
	const struct group *g;
	const struct passwd *pw;

	*gid = getegid();
	if (name != NULL) {
		g = getgrnam(name);
		if (g == NULL)
			return job_fail(j, ERR_INTERNAL,
			    "validator.lmtp_group: there is no group %s", name);
		*gid = g->gr_gid;
	} else if (j->conf->user != NULL) {
		pw = getpwnam(j->conf->user);
		if (pw == NULL)
			return job_fail(j, ERR_INTERNAL, "there is no user %s",
			    j->conf->user);
		*gid = pw->pw_gid;
	}
	return 0;
}

/* Members of the group must get through every folder above the socket. */
static int
check_way(struct job *j, const char *path, gid_t gid)
{
	const struct group *g = getgrgid(gid);
	struct stat st;

	for (size_t i = 1; path[i] != '\0'; i++) {
		const char *folder;

		if (path[i] != '/')
			continue;
		folder = span_dup(j->arena, span_mem(path, i));
		if (stat(folder, &st) < 0)
			return job_fail(j, ERR_INTERNAL,
			    "%s: %s: make this folder, for the user of the "
			    "roles",
			    folder, strerror(errno));
		if ((st.st_mode & S_IXOTH) == 0 &&
		    (st.st_gid != gid || (st.st_mode & S_IXGRP) == 0))
			return job_fail(j, ERR_INTERNAL,
			    "group %s cannot pass the folder %s, in which "
			    "the socket is: chgrp it to that group and "
			    "chmod g+x, or name the mail server's group in "
			    "validator.lmtp_group",
			    g != NULL ? g->gr_name : "?", folder);
	}
	return 0;
}

static int
check_lmtp(struct job *j)
{
	const struct conf_list *l = &j->conf->validator.lmtp_listen;
	gid_t gid;

	for (size_t i = 0; i < l->n; i++) {
		const char *path = conf_listen_path(l->v[i]);

		if (path != NULL &&
		    (socket_group(j, &gid) < 0 || check_way(j, path, gid) < 0))
			return -1;
	}
	return 0;
}

/* --- Maildir ------------------------------------------------------------- */

/* What the role will do, tried by a process with its rights. */
static int
try_maildir(struct job *j, const char *path)
{
	const struct maildir m = maildir_of(j->conf, path);
	const char *parts[] = { "new", "cur" }, *part;
	struct maildir_file file;
	const char **names;
	size_t count;

	if (privilege_drop(j, j->conf->user) < 0 ||
	    maildir_list(j, &m, FILES_TRIED, &names, &count) < 0)
		return -1;
	for (size_t i = 0; i < 2; i++) {
		part = arena_printf(j->arena, "%s/%s", path, parts[i]);
		if (access(part, W_OK | X_OK) < 0)
			return job_fail(j, ERR_INTERNAL,
			    "%s: %s: messages are renamed there", part,
			    strerror(errno));
	}
	if (m.disposal == CONF_DISPOSAL_MOVE && access(path, W_OK) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: %s: the folder .%s is made there", path,
		    strerror(errno), m.processed);
	for (size_t i = 0; i < count; i++)
		if (maildir_load(j, &m, names[i],
			(size_t)j->conf->validator.max_message, &file) < 0)
			return job_context(j,
			    "let the mail server deliver as the user of the "
			    "roles");
	return 0;
}

/* Rights that are given up do not come back: a process of its own. */
static int
check_maildir(struct job *j, const char *path)
{
	char why[sizeof(j->err.text)] = "";
	int fds[2] = { -1, -1 }, status = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(fds) < 0)
		return job_fail(j, ERR_INTERNAL, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		if (try_maildir(j, path) == 0)
			_exit(0);
		n = write(fds[1], j->err.text, strlen(j->err.text));
		_exit(n > 0 ? 1 : 2);
	}
	close(fds[1]);
	n = pid < 0 ? -1 : read(fds[0], why, sizeof(why) - 1);
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return job_fail(j, ERR_INTERNAL, "fork: %s", strerror(errno));
	why[n > 0 ? n : 0] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return job_fail(j, ERR_INTERNAL, "%s", why);
}

/* --- all of them --------------------------------------------------------- */

const char *
intake_check_name(struct job *j, const struct intake *in)
{
	switch (in->kind) {
	case INTAKE_IMAP:
		return in->imap->name == NULL
			   ? "IMAP mailbox"
			   : arena_printf(
				 j->arena, "IMAP mailbox %s", in->imap->name);
	case INTAKE_MAILDIR:
		return arena_printf(j->arena, "Maildir %s", in->maildir);
	case INTAKE_LMTP:
		return "LMTP";
	case INTAKE_PERSPECTIVES:
	case INTAKE_DEFERRED:
		break;
	}
	return NULL;
}

int
intake_check(struct job *j, const struct intake *in)
{
	switch (in->kind) {
	case INTAKE_IMAP:
		return check_imap(j, in->imap);
	case INTAKE_MAILDIR:
		return check_maildir(j, in->maildir);
	case INTAKE_LMTP:
		return check_lmtp(j);
	case INTAKE_PERSPECTIVES:
	case INTAKE_DEFERRED:
		break;
	}
	return 0;
}
