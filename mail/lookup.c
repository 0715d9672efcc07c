#include "config.h"

#include "mail/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/turn.h"

struct lookup {
	pthread_t thread;
	pthread_mutex_t lock;
	bool is_left; /* nobody waits: it is the thread's */
	bool is_done;
	int done_fd; /* readable then */
	char *host, *service;
	int result, error;
	struct addrinfo *found;
};

static struct lookup *
lookup_new(const char *host, const char *service)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	l->host = xstrdup(host);
	l->service = xstrdup(service);
	l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return l;
}

static void
lookup_free(struct lookup *l)
{
	if (l->found != NULL)
		freeaddrinfo(l->found);
	if (l->done_fd >= 0)
		close(l->done_fd);
	pthread_mutex_destroy(&l->lock);
	free(l->service);
	free(l->host);
	free(l);
}

static int
ask(const char *host, const char *service, int flags, struct addrinfo **out)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | flags };

	return getaddrinfo(host, service, &hints, out);
}

static void *
lookup_main(void *ctx)
{
	struct lookup *l = ctx;
	struct addrinfo *found = NULL;
	int result = ask(l->host, l->service, 0, &found), error = errno;
	bool is_left;

	pthread_mutex_lock(&l->lock);
	l->result = result;
	l->error = error;
	l->found = found;
	l->is_done = true;
	is_left = l->is_left;
	if (!is_left)
		eventfd_write(l->done_fd, 1);
	pthread_mutex_unlock(&l->lock);
	if (is_left)
		lookup_free(l);
	return NULL;
}

/* Signals are for who waits. */
static int
start(struct lookup *l)
{
	sigset_t all, before;
	int error;

	if (l->done_fd < 0)
		return errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&l->thread, NULL, lookup_main, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* Until it is done, or is the thread's: true if that. */
static bool
leave(struct lookup *l, struct turn until)
{
	bool is_left;

	until.deadline = INT64_MAX;
	(void)turn_wait(&until, l->done_fd, POLLIN);
	pthread_mutex_lock(&l->lock);
	is_left = l->is_left = !l->is_done;
	/* Once it has the lock it may be gone at once. */
	if (is_left)
		pthread_detach(l->thread);
	pthread_mutex_unlock(&l->lock);
	return is_left;
}

static int
failed(int error)
{
	errno = error;
	return EAI_SYSTEM;
}

static int
lookup_beside(const char *host, const char *service, const struct turn *until,
    struct addrinfo **out)
{
	struct lookup *l = lookup_new(host, service);
	int result, error = start(l);

	if (error != 0) {
		lookup_free(l);
		return failed(error);
	}
	if (leave(l, *until))
		return failed(ECANCELED);
	pthread_join(l->thread, NULL);
	result = l->result;
	error = l->error;
	*out = l->found;
	l->found = NULL;
	lookup_free(l);
	errno = error;
	return result;
}

int
lookup_host(const char *host, const char *service, const struct turn *until,
    struct addrinfo **out)
{
	int result = ask(host, service, AI_NUMERICHOST, out);

	if (result != EAI_NONAME)
		return result;
	return until->is_ending == NULL
		   ? ask(host, service, 0, out)
		   : lookup_beside(host, service, until, out);
}
