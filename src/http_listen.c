#include "config.h"

#include "src/http_listen.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/activation.h"
#include "src/conf_check.h"
#include "src/http_linger.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The kernel makes it smaller if net.core.somaxconn says so. */
#define BACKLOG 4096
#define UNIX_MODE 0660
/* Per thread: the database's files, and one libmicrohttpd waits with. */
#define FILES_PER_THREAD 8
#define FILES_BESIDES 64

static int
refuse(struct job *j, const char *name)
{
	return job_fail(
	    j, ERR_INTERNAL, "web.listen %s: %s", name, strerror(errno));
}

static int
add(struct job *j, struct http_sockets *s, struct http_socket socket)
{
	if (s->n == HTTP_SOCKETS_MAX) {
		close(socket.fd);
		return job_fail(j, ERR_INTERNAL,
		    "web.listen: at most %d sockets", HTTP_SOCKETS_MAX);
	}
	s->v[s->n++] = socket;
	return 0;
}

/* --- TCP --- */

static int
bind_address(struct job *j, const struct addrinfo *a, const char *name)
{
	int on = 1;
	int fd = socket(a->ai_family,
	    a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);

	if (fd < 0)
		return refuse(j, name);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	refuse(j, name);
	close(fd);
	return -1;
}

static int
listen_tcp(struct job *j, const char *name, struct http_sockets *out)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	const char *host, *port;
	int error, fd;

	if (conf_parse_listen(j->arena, name, &host, &port) < 0)
		return job_fail(j, ERR_INTERNAL, "web.listen %s", name);
	error = getaddrinfo(host, port, &hints, &found);
	if (error != 0)
		return job_fail(j, ERR_INTERNAL, "web.listen %s: %s", name,
		    gai_strerror(error));
	fd = bind_address(j, found, name);
	freeaddrinfo(found);
	if (fd < 0)
		return -1;
	return add(j, out, (struct http_socket){ .fd = fd, .is_tls = true });
}

/* --- Unix --- */

/* Is somebody there?  What a killed server left is taken away. */
static int
clear_way(struct job *j, const struct sockaddr_un *a, const char *name)
{
	struct stat st;
	int fd, error;

	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : refuse(j, name);
	if (!S_ISSOCK(st.st_mode))
		return job_fail(j, ERR_INTERNAL,
		    "web.listen %s: exists and is no socket", name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return refuse(j, name);
	error =
	    connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 ? errno : 0;
	close(fd);
	if (error != ECONNREFUSED)
		return job_fail(j, ERR_INTERNAL,
		    "web.listen %s: another process listens there", name);
	return unlink(a->sun_path) == 0 ? 0 : refuse(j, name);
}

/* The file belongs to the user of the roles, who can remove it in a folder of
 * its own; its group may connect. */
static int
give_away(struct job *j, const char *path, const char *name)
{
	const struct passwd *pw =
	    j->conf->user != NULL ? getpwnam(j->conf->user) : NULL;

	if (chmod(path, UNIX_MODE) < 0)
		return refuse(j, name);
	if (geteuid() == 0 && pw != NULL &&
	    lchown(path, pw->pw_uid, pw->pw_gid) < 0)
		return refuse(j, name);
	return 0;
}

static int
bind_unix(struct job *j, const struct sockaddr_un *a, const char *name,
    struct http_socket *out)
{
	mode_t before = umask(0777 & ~UNIX_MODE);
	struct stat st;
	int bound;

	out->fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bound = out->fd < 0
		    ? -1
		    : bind(out->fd, (const struct sockaddr *)a, sizeof(*a));
	umask(before);
	if (bound < 0 || lstat(a->sun_path, &st) < 0)
		return refuse(j, name);
	out->path = arena_strdup(j->arena, a->sun_path);
	out->device = st.st_dev;
	out->inode = st.st_ino;
	if (give_away(j, a->sun_path, name) < 0)
		return -1;
	return listen(out->fd, BACKLOG) == 0 ? 0 : refuse(j, name);
}

static int
listen_unix(
    struct job *j, const char *path, const char *name, struct http_sockets *out)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct http_socket s = { .fd = -1 };
	size_t n = strlen(path);

	if (n >= sizeof(a.sun_path))
		return job_fail(
		    j, ERR_INTERNAL, "web.listen %s: is too long", name);
	memcpy(a.sun_path, path, n);
	if (clear_way(j, &a, name) < 0)
		return -1;
	if (bind_unix(j, &a, name, &s) < 0) {
		if (s.fd >= 0)
			close(s.fd);
		return -1;
	}
	return add(j, out, s);
}

/* --- systemd --- */

static int
socket_option(int fd, int option)
{
	int value = -1;
	socklen_t n = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &n) == 0 ? value : -1;
}

static int
listen_passed(struct job *j, struct http_sockets *out)
{
	if (activation_count() == 0)
		return job_fail(j, ERR_INTERNAL,
		    "web.listen systemd: no socket was passed; start the "
		    "socket unit, or write the address here");
	for (int i = 0; i < activation_count(); i++) {
		int fd = activation_fd(i);
		int family = socket_option(fd, SO_DOMAIN);

		if (socket_option(fd, SO_ACCEPTCONN) != 1 ||
		    socket_option(fd, SO_TYPE) != SOCK_STREAM ||
		    (family != AF_INET && family != AF_INET6 &&
			family != AF_UNIX))
			return job_fail(j, ERR_INTERNAL,
			    "web.listen systemd: socket %d of the unit is no "
			    "stream that listens: use ListenStream= without "
			    "Accept=yes",
			    i + 1);
		fd_set_nonblocking(fd, true);
		if (add(j, out,
			(struct http_socket){
			    .fd = fd, .is_tls = family != AF_UNIX }) < 0)
			return -1;
	}
	return 0;
}

/* --- all of them --- */

/* Better said than that the address is in use. */
static int
check_passed(struct job *j)
{
	const struct conf_list *l = &j->conf->web.listen;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], CONF_LISTEN_SYSTEMD) == 0)
			return 0;
	if (activation_count() == 0)
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "systemd passed a socket, but web.listen does not say systemd");
}

static int
listen_all(struct job *j, struct http_sockets *out)
{
	const struct conf_list *l = &j->conf->web.listen;

	if (check_passed(j) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		const char *path = conf_listen_path(l->v[i]);
		int result;

		if (strcmp(l->v[i], CONF_LISTEN_SYSTEMD) == 0)
			result = listen_passed(j, out);
		else if (path != NULL)
			result = listen_unix(j, path, l->v[i], out);
		else
			result = listen_tcp(j, l->v[i], out);
		if (result < 0)
			return -1;
	}
	return 0;
}

int
http_listen(struct job *j, struct http_sockets *out)
{
	out->n = 0;
	if (listen_all(j, out) == 0)
		return 0;
	http_unlisten(out);
	for (size_t i = 0; i < out->n; i++)
		close(out->v[i].fd);
	out->n = 0;
	return -1;
}

void
http_unlisten(const struct http_sockets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct http_socket *k = &s->v[i];
		struct stat st;

		if (k->path == NULL || lstat(k->path, &st) < 0 ||
		    st.st_dev != k->device || st.st_ino != k->inode)
			continue;
		if (unlink(k->path) < 0)
			log_warning("socket not removed",
			    "file=%s error=\"%s\" next=\"let its folder "
			    "belong to the user of the roles; the next start "
			    "replaces it\"",
			    k->path, strerror(errno));
	}
}

int
http_raise_limit(struct job *j, const struct http_sockets *s)
{
	const struct conf_web *c = &j->conf->web;
	int64_t threads = c->threads * (int64_t)s->n;
	rlim_t need =
	    (rlim_t)(c->max_connections + HTTP_LINGER_MAX +
		     FILES_PER_THREAD * (threads + 2) + FILES_BESIDES);
	struct rlimit now, wanted;

	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "getrlimit: %s", strerror(errno));
	if (now.rlim_cur >= need)
		return 0;
	wanted =
	    (struct rlimit){ need, now.rlim_max > need ? now.rlim_max : need };
	if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "web.max_connections = %lld needs %llu open files, but this "
	    "process may have %llu: raise the limit (LimitNOFILE= of a "
	    "systemd unit) or lower the option",
	    (long long)c->max_connections, (unsigned long long)need,
	    (unsigned long long)now.rlim_max);
}
