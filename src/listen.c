#include "config.h"

#include "src/listen.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/conf_listen.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The kernel makes it smaller if net.core.somaxconn says so. */
#define BACKLOG 4096
#define UNIX_MODE 0660

/* What is being opened, for the messages. */
struct opening {
	struct job *job;
	const char *option, *value, *group;
};

static int
refuse(const struct opening *o)
{
	return job_fail(o->job, ERR_INTERNAL, "%s %s: %s", o->option, o->value,
	    strerror(errno));
}

const char *
listen_advice(int error)
{
	switch (error) {
	case EADDRNOTAVAIL:
		return "this host does not have that address: see ip address, "
		       "or write 0.0.0.0 or [::] for all that it has";
	case EADDRINUSE:
		return "another program has it (ss -ltnp says which): stop "
		       "that one, or take another port";
	case EINVAL:
		return "write an IPv4 address as one, 192.0.2.1, and a "
		       "link-local one with its interface, fe80::1%eth0";
	case EACCES:
		return "a port below 1024 is for root, and for who has "
		       "CAP_NET_BIND_SERVICE";
	default:
		return NULL;
	}
}

static int
refuse_address(const struct opening *o)
{
	const char *advice = listen_advice(errno);

	return job_fail(o->job, ERR_INTERNAL, "%s %s: %s%s%s", o->option,
	    o->value, strerror(errno), advice != NULL ? "; " : "",
	    advice != NULL ? advice : "");
}

/* --- TCP --- */

static int
bind_address(const struct opening *o, const struct addrinfo *a)
{
	int on = 1;
	int fd = socket(a->ai_family,
	    a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);

	if (fd < 0)
		return refuse(o);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	refuse_address(o);
	close(fd);
	return -1;
}

static int
open_tcp(const struct opening *o, struct listener *out)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	const char *host, *port;
	int error;

	if (conf_parse_listen(o->job->arena, o->value, &host, &port) < 0)
		return job_fail(
		    o->job, ERR_INTERNAL, "%s %s", o->option, o->value);
	error = getaddrinfo(host, port, &hints, &found);
	if (error != 0)
		return job_fail(o->job, ERR_INTERNAL, "%s %s: %s", o->option,
		    o->value, gai_strerror(error));
	out->fd = bind_address(o, found);
	freeaddrinfo(found);
	return out->fd < 0 ? -1 : 0;
}

/* --- Unix --- */

/* Is somebody there?  What a killed server left is taken away. */
static int
clear_way(const struct opening *o, const struct sockaddr_un *a)
{
	struct stat st;
	int fd, error;

	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : refuse(o);
	if (!S_ISSOCK(st.st_mode))
		return job_fail(o->job, ERR_INTERNAL,
		    "%s %s: exists and is no socket", o->option, o->value);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return refuse(o);
	error =
	    connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 ? errno : 0;
	close(fd);
	if (error != ECONNREFUSED)
		return job_fail(o->job, ERR_INTERNAL,
		    "%s %s: another process listens there", o->option,
		    o->value);
	return unlink(a->sun_path) == 0 ? 0 : refuse(o);
}

static int
find_group(const struct opening *o, gid_t *gid)
{
	const struct group *g = getgrnam(o->group);

	if (g == NULL)
		return job_fail(o->job, ERR_INTERNAL,
		    "%s %s: there is no group %s", o->option, o->value,
		    o->group);
	*gid = g->gr_gid;
	return 0;
}

/* Whom the socket file is to belong to: -1 is whoever makes it. */
struct owner {
	uid_t uid;
	gid_t gid;
};

/* The user of the roles, who can remove it in a folder of its own; its group
 * may connect. */
static int
find_owner(const struct opening *o, struct owner *out)
{
	const char *user = o->job->conf->user;
	const struct passwd *pw =
	    user != NULL && geteuid() == 0 ? getpwnam(user) : NULL;

	*out = (struct owner){ (uid_t)-1, (gid_t)-1 };
	if (pw != NULL)
		*out = (struct owner){ pw->pw_uid, pw->pw_gid };
	return o->group != NULL ? find_group(o, &out->gid) : 0;
}

/*
 * In a folder of that user the file is made with that user's rights: who may
 * rename in there could put a link in the place of a file whose owner or mode
 * root is about to change.
 */
static int
bind_as(int fd, const struct sockaddr_un *a, const struct owner *owner)
{
	mode_t before = umask(0777 & ~UNIX_MODE);
	int bound = -1, saved;

	if (setegid(owner->gid) == 0) {
		if (seteuid(owner->uid) == 0)
			bound =
			    bind(fd, (const struct sockaddr *)a, sizeof(*a));
		saved = errno;
		if (seteuid(0) < 0 || setegid(0) < 0)
			abort();
		errno = saved;
	}
	umask(before);
	return bound;
}

/* Where that user cannot write; the file is given away afterwards, and nobody
 * may connect before. */
static int
bind_and_give(int fd, const struct sockaddr_un *a, const struct owner *owner)
{
	mode_t before = umask(0777);
	int bound = bind(fd, (const struct sockaddr *)a, sizeof(*a));

	umask(before);
	/* The owner first: a change of owner may clear bits of the mode. */
	if (bound < 0 || lchown(a->sun_path, owner->uid, owner->gid) < 0)
		return -1;
	return chmod(a->sun_path, UNIX_MODE);
}

static int
bind_unix(
    const struct opening *o, const struct sockaddr_un *a, struct listener *out)
{
	struct owner owner;
	struct stat st;
	int bound = -1;

	if (find_owner(o, &owner) < 0)
		return -1;
	out->fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (out->fd < 0)
		return refuse(o);
	errno = EACCES;
	if (geteuid() == 0 && owner.uid != (uid_t)-1)
		bound = bind_as(out->fd, a, &owner);
	if (bound < 0 && errno == EACCES)
		bound = bind_and_give(out->fd, a, &owner);
	if (bound < 0 || lstat(a->sun_path, &st) < 0)
		return refuse(o);
	out->path = arena_strdup(o->job->arena, a->sun_path);
	out->device = st.st_dev;
	out->inode = st.st_ino;
	return listen(out->fd, BACKLOG) == 0 ? 0 : refuse(o);
}

static int
open_unix(const struct opening *o, const char *path, struct listener *out)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = strlen(path);

	if (n >= sizeof(a.sun_path))
		return job_fail(o->job, ERR_INTERNAL, "%s %s: is too long",
		    o->option, o->value);
	memcpy(a.sun_path, path, n);
	if (clear_way(o, &a) < 0)
		return -1;
	if (bind_unix(o, &a, out) == 0)
		return 0;
	if (out->fd >= 0)
		close(out->fd);
	listen_remove(out);
	return -1;
}

/* --- both --- */

int
listen_open(struct job *j, const char *option, const char *value,
    const char *group, struct listener *out)
{
	const struct opening o = { j, option, value, group };
	const char *path = conf_listen_path(value);

	*out = (struct listener){ .fd = -1 };
	return path != NULL ? open_unix(&o, path, out) : open_tcp(&o, out);
}

void
listen_remove(const struct listener *l)
{
	struct stat st;

	if (l->path == NULL || lstat(l->path, &st) < 0 ||
	    st.st_dev != l->device || st.st_ino != l->inode)
		return;
	if (unlink(l->path) < 0)
		log_warning("socket not removed",
		    "file=%s error=\"%s\" next=\"let its folder belong to "
		    "the user of the roles; the next start replaces it\"",
		    l->path, strerror(errno));
}
