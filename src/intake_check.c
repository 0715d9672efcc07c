#include "config.h"

#include "src/intake_check.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "mail/fetch.h"
#include "src/conf_check.h"
#include "src/intake.h"
#include "src/intake_imap.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	case INTAKE_LMTP:
		return "LMTP";
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
	case INTAKE_LMTP:
		return check_lmtp(j);
	case INTAKE_DEFERRED:
		break;
	}
	return 0;
}
