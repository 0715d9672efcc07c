#include "config.h"

#include "src/http_listen.h"

#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "src/activation.h"
#include "src/conf_listen.h"
#include "src/http_linger.h"
#include "src/http_status.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Per thread: the database's files, and one libmicrohttpd waits with. */
#define FILES_PER_THREAD 8
#define FILES_BESIDES (64 + HTTP_STATUS_FILES)

static int
add(struct job *j, struct http_sockets *s, struct http_socket socket)
{
	if (s->n == HTTP_SOCKETS_MAX) {
		close(socket.listener.fd);
		return job_fail(j, ERR_INTERNAL,
		    "web.listen: at most %d sockets", HTTP_SOCKETS_MAX);
	}
	s->v[s->n++] = socket;
	return 0;
}

/* TCP speaks TLS; a Unix socket is for a proxy that ends it. */
static int
listen_here(struct job *j, const char *value, struct http_sockets *out)
{
	struct http_socket s = { .is_tls = conf_listen_path(value) == NULL };

	if (listen_open(j, "web.listen", value, NULL, &s.listener) < 0)
		return -1;
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
			(struct http_socket){ .listener = { .fd = fd },
			    .is_tls = family != AF_UNIX,
			    .is_passed = true }) < 0)
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

	if (conf_list_has(l, CONF_LISTEN_SYSTEMD) || activation_count() == 0)
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
		int result = strcmp(l->v[i], CONF_LISTEN_SYSTEMD) == 0
				 ? listen_passed(j, out)
				 : listen_here(j, l->v[i], out);

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
		close(out->v[i].listener.fd);
	out->n = 0;
	return -1;
}

void
http_unlisten(const struct http_sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		listen_remove(&s->v[i].listener);
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
