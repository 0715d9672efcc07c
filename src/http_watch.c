#include "config.h"

#include "src/http_watch.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "src/http_linger.h"
#include "src/wake.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct http_watch {
	struct http_watch *prev, *next;
	int fd;
	bool linger; /* of the connection's own thread */
	int64_t deadline;
};

struct http_watches {
	pthread_mutex_t lock;
	enum role role;
	struct http_watch *first;
	struct http_linger *linger;
};

struct http_watches *
http_watches_new(enum role role)
{
	struct http_watches *ws = xcalloc(1, sizeof(*ws));

	ws->role = role;
	pthread_mutex_init(&ws->lock, NULL);
	ws->linger = http_linger_new();
	return ws;
}

void
http_watches_free(struct http_watches *ws)
{
	if (ws == NULL)
		return;
	http_linger_free(ws->linger);
	pthread_mutex_destroy(&ws->lock);
	free(ws);
}

struct http_watch *
http_watch_start(struct http_watches *ws, int fd, int64_t deadline)
{
	struct http_watch *w = xcalloc(1, sizeof(*w));

	w->fd = fd;
	w->deadline = deadline;
	pthread_mutex_lock(&ws->lock);
	w->next = ws->first;
	if (w->next != NULL)
		w->next->prev = w;
	else /* http_tend() sleeps long while there are none */
		wake_send(1u << ws->role);
	ws->first = w;
	pthread_mutex_unlock(&ws->lock);
	return w;
}

void
http_watch_end(struct http_watches *ws, struct http_watch *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&ws->lock);
	if (w->prev != NULL)
		w->prev->next = w->next;
	else
		ws->first = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	pthread_mutex_unlock(&ws->lock);
	if (w->linger) {
		http_linger_add(ws->linger, w->fd, clock_mono_ms());
		wake_send(1u << ws->role);
	}
	free(w);
}

void
http_watch_until(
    struct http_watches *ws, struct http_watch *w, int64_t deadline)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&ws->lock);
	w->deadline = deadline;
	pthread_mutex_unlock(&ws->lock);
}

void
http_watch_linger(struct http_watch *w)
{
	if (w != NULL)
		w->linger = true;
}

bool
http_watches_tend(struct http_watches *ws, bool *soon)
{
	int64_t now = clock_mono_ms();
	bool any;

	pthread_mutex_lock(&ws->lock);
	for (struct http_watch *w = ws->first; w != NULL; w = w->next) {
		if (w->deadline > now)
			continue;
		/* libmicrohttpd sees the end of the stream and cleans up; the
		 * descriptor stays its own, so no other gets hit. */
		shutdown(w->fd, SHUT_RDWR);
		w->deadline = INT64_MAX;
	}
	any = ws->first != NULL;
	pthread_mutex_unlock(&ws->lock);
	*soon = http_linger_tend(ws->linger, now);
	return any || *soon;
}
