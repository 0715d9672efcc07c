#include "config.h"

#include "src/http_linger.h"

#include "lib/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_MS 2000
#define READ_SIZE 16384
/* Of one connection each time, so that none holds up the others. */
#define READS_MAX 8

struct waiting {
	int fd;
	int64_t until_ms;
};

struct http_linger {
	pthread_mutex_t lock;
	struct waiting v[HTTP_LINGER_MAX];
	int n;
};

struct http_linger *
http_linger_new(void)
{
	struct http_linger *l = xcalloc(1, sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void
http_linger_free(struct http_linger *l)
{
	if (l == NULL)
		return;
	for (int i = 0; i < l->n; i++)
		close(l->v[i].fd);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void
http_linger_add(struct http_linger *l, int fd, int64_t now_ms)
{
	pthread_mutex_lock(&l->lock);
	if (l->n < HTTP_LINGER_MAX) {
		int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

		if (copy >= 0) {
			shutdown(copy, SHUT_WR);
			l->v[l->n++] =
			    (struct waiting){ copy, now_ms + LINGER_MS };
		}
	}
	pthread_mutex_unlock(&l->lock);
}

/* Throws away what came; false at the end of the stream. */
static bool
drain(int fd)
{
	char buffer[READ_SIZE];
	ssize_t n = 1;

	for (int i = 0; i < READS_MAX && n > 0; i++)
		n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

bool
http_linger_tend(struct http_linger *l, int64_t now_ms)
{
	bool any;

	pthread_mutex_lock(&l->lock);
	for (int i = 0; i < l->n;) {
		if (drain(l->v[i].fd) && now_ms < l->v[i].until_ms) {
			i++;
			continue;
		}
		close(l->v[i].fd);
		l->v[i] = l->v[--l->n];
	}
	any = l->n > 0;
	pthread_mutex_unlock(&l->lock);
	return any;
}
