#include "config.h"

#include "dns/unbound_loop.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unbound.h>

/* After unbound.h, which it needs. */
#include <unbound-event.h>

#include "lib/arena.h"
#include "lib/clock.h"

/* What libunbound calls an event: a socket, a timer, or both. */
struct event {
	struct ub_event super;
	struct event *next;
	struct unbound_loop *loop;
	int fd;
	short bits;
	void (*callback)(int, short, void *);
	void *arg;
	bool active;
	/* Each activation has its number: a callback may free an event, end
	 * it, or start it again while others wait for their turn. */
	uint64_t activation;
	int64_t due; /* on clock_mono_ms(); -1: no timer */
	int64_t interval;
};

struct unbound_loop {
	struct ub_event_base super;
	struct event *events;
	uint64_t activations;
	struct pollfd *fds;
	uint64_t *fd_activations;
	size_t fd_room;
};

static struct event *
as_event(struct ub_event *super)
{
	/* The first member of the struct that we handed out. */
	return (struct event *)(void *)super;
}

static struct unbound_loop *
as_loop(struct ub_event_base *super)
{
	return (struct unbound_loop *)(void *)super;
}

static int
event_del(struct ub_event *super)
{
	as_event(super)->active = false;
	return 0;
}

static int
event_add(struct ub_event *super, struct timeval *after)
{
	struct event *ev = as_event(super);

	ev->active = true;
	ev->activation = ++ev->loop->activations;
	ev->due = ev->interval = -1;
	if (after != NULL) {
		ev->interval = (int64_t)after->tv_sec * 1000 +
			       (after->tv_usec + 999) / 1000;
		ev->due = clock_mono_ms() + ev->interval;
	}
	return 0;
}

static void
event_add_bits(struct ub_event *super, short bits)
{
	event_del(super);
	as_event(super)->bits |= bits;
}

static void
event_del_bits(struct ub_event *super, short bits)
{
	event_del(super);
	as_event(super)->bits = (short)(as_event(super)->bits & ~bits);
}

static void
event_set_fd(struct ub_event *super, int fd)
{
	event_del(super);
	as_event(super)->fd = fd;
}

static void
event_free(struct ub_event *super)
{
	struct event *ev = as_event(super);

	for (struct event **p = &ev->loop->events; *p != NULL; p = &(*p)->next)
		if (*p == ev) {
			*p = ev->next;
			break;
		}
	free(ev);
}

static int
timer_add(struct ub_event *super, struct ub_event_base *base,
    void (*callback)(int, short, void *), void *arg, struct timeval *after)
{
	struct event *ev = as_event(super);

	(void)base;
	ev->callback = callback;
	ev->arg = arg;
	return event_add(super, after);
}

static int
signal_refused(struct ub_event *super, struct timeval *after)
{
	(void)super;
	(void)after;
	return -1;
}

static int
signal_del_refused(struct ub_event *super)
{
	(void)super;
	return -1;
}

static void
wsaevent_nothing(struct ub_event *super)
{
	(void)super;
}

static void
wouldblock_nothing(struct ub_event *super, int bit)
{
	(void)super;
	(void)bit;
}

static struct ub_event_vmt event_vmt = {
	.add_bits = event_add_bits,
	.del_bits = event_del_bits,
	.set_fd = event_set_fd,
	.free = event_free,
	.add = event_add,
	.del = event_del,
	.add_timer = timer_add,
	.del_timer = event_del,
	.add_signal = signal_refused,
	.del_signal = signal_del_refused,
	.winsock_unregister_wsaevent = wsaevent_nothing,
	.winsock_tcp_wouldblock = wouldblock_nothing,
};

static struct ub_event *
loop_new_event(struct ub_event_base *base, int fd, short bits,
    void (*callback)(int, short, void *), void *arg)
{
	struct unbound_loop *loop = as_loop(base);
	struct event *ev = xcalloc(1, sizeof(*ev));

	ev->super = (struct ub_event){ UB_EVENT_MAGIC, &event_vmt };
	ev->loop = loop;
	ev->fd = fd;
	ev->bits = bits;
	ev->callback = callback;
	ev->arg = arg;
	ev->next = loop->events;
	loop->events = ev;
	return &ev->super;
}

static struct ub_event *
loop_new_signal(struct ub_event_base *base, int fd,
    void (*callback)(int, short, void *), void *arg)
{
	(void)base;
	(void)fd;
	(void)callback;
	(void)arg;
	return NULL;
}

static struct ub_event *
loop_new_wsaevent(struct ub_event_base *base, void *wsaevent,
    void (*callback)(int, short, void *), void *arg)
{
	(void)base;
	(void)wsaevent;
	(void)callback;
	(void)arg;
	return NULL;
}

static void
loop_free_nothing(struct ub_event_base *base)
{
	(void)base;
}

static int
loop_dispatch_nothing(struct ub_event_base *base)
{
	(void)base;
	return -1;
}

static int
loop_exit_nothing(struct ub_event_base *base, struct timeval *after)
{
	(void)base;
	(void)after;
	return 0;
}

static struct ub_event_base_vmt loop_vmt = {
	.free = loop_free_nothing,
	.dispatch = loop_dispatch_nothing,
	.loopexit = loop_exit_nothing,
	.new_event = loop_new_event,
	.new_signal = loop_new_signal,
	.winsock_register_wsaevent = loop_new_wsaevent,
};

static short
poll_events(const struct event *ev)
{
	int events = 0;

	if ((ev->bits & UB_EV_READ) != 0)
		events |= POLLIN;
	if ((ev->bits & UB_EV_WRITE) != 0)
		events |= POLLOUT;
	return (short)events;
}

/* What poll() is to watch, and how long at most. */
static size_t
loop_prepare(struct unbound_loop *loop, int64_t now, int64_t *wait_ms)
{
	size_t n = 0, all = 0;

	for (const struct event *ev = loop->events; ev != NULL; ev = ev->next)
		all++;
	if (all > loop->fd_room) {
		loop->fds = xrealloc(loop->fds, all * sizeof(*loop->fds));
		loop->fd_activations = xrealloc(
		    loop->fd_activations, all * sizeof(*loop->fd_activations));
		loop->fd_room = all;
	}
	for (const struct event *ev = loop->events; ev != NULL; ev = ev->next) {
		if (!ev->active)
			continue;
		if (ev->due >= 0 && ev->due - now < *wait_ms)
			*wait_ms = ev->due > now ? ev->due - now : 0;
		if (ev->fd < 0 || poll_events(ev) == 0)
			continue;
		loop->fds[n] = (struct pollfd){ ev->fd, poll_events(ev), 0 };
		loop->fd_activations[n++] = ev->activation;
	}
	return n;
}

static struct event *
loop_find(const struct unbound_loop *loop, uint64_t activation)
{
	for (struct event *ev = loop->events; ev != NULL; ev = ev->next)
		if (ev->active && ev->activation == activation)
			return ev;
	return NULL;
}

/* Calls back; an event that is not persistent has ended by then. */
static void
event_fire(struct event *ev, short bits)
{
	if ((ev->bits & UB_EV_PERSIST) == 0)
		ev->active = false;
	else if (ev->interval >= 0)
		ev->due = clock_mono_ms() + ev->interval;
	ev->callback(ev->fd, bits, ev->arg);
}

static void
loop_fire_fd(
    struct unbound_loop *loop, const struct pollfd *fd, uint64_t activation)
{
	struct event *ev = loop_find(loop, activation);
	int bits = 0;

	if (ev == NULL || fd->revents == 0)
		return;
	/* An error or a hang-up is found by reading or writing. */
	if ((fd->revents & ~POLLOUT) != 0)
		bits |= ev->bits & UB_EV_READ;
	if ((fd->revents & ~POLLIN) != 0)
		bits |= ev->bits & UB_EV_WRITE;
	if (bits != 0)
		event_fire(ev, (short)bits);
}

static void
loop_fire_timers(struct unbound_loop *loop)
{
	int64_t now = clock_mono_ms();
	uint64_t newest = loop->activations;
	struct event *ev;

	do {
		for (ev = loop->events; ev != NULL; ev = ev->next)
			if (ev->active && ev->due >= 0 && ev->due <= now &&
			    ev->activation <= newest)
				break;
		if (ev != NULL)
			event_fire(ev, UB_EV_TIMEOUT);
	} while (ev != NULL);
}

/* Sockets come before timers: between two questions nobody polls, so an answer
 * may lie there whose timer has run out as well. */
int
unbound_loop_turn(struct unbound_loop *loop, int64_t wait_ms)
{
	size_t n = loop_prepare(loop, clock_mono_ms(), &wait_ms);

	if (poll(loop->fds, (nfds_t)n, (int)wait_ms) < 0)
		return errno == EINTR ? 0 : -1;
	for (size_t i = 0; i < n; i++)
		loop_fire_fd(loop, &loop->fds[i], loop->fd_activations[i]);
	loop_fire_timers(loop);
	return 0;
}

struct unbound_loop *
unbound_loop_new(void)
{
	struct unbound_loop *loop = xcalloc(1, sizeof(*loop));

	loop->super = (struct ub_event_base){ UB_EVENT_MAGIC, &loop_vmt };
	return loop;
}

struct ub_event_base *
unbound_loop_base(struct unbound_loop *loop)
{
	return &loop->super;
}

void
unbound_loop_free(struct unbound_loop *loop)
{
	if (loop == NULL)
		return;
	for (struct event *ev = loop->events, *next; ev != NULL; ev = next) {
		next = ev->next;
		free(ev);
	}
	free(loop->fds);
	free(loop->fd_activations);
	free(loop);
}
