#include "config.h"

#include "lib/turn.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>

#include "lib/clock.h"

#define TURN_MS 500
#define END_MS 1000

int64_t
turn_left(struct turn *t)
{
	int64_t now = clock_mono_ms();

	if (t->is_ending == NULL)
		return t->deadline - now;
	if (t->is_ending() && t->deadline > now + END_MS)
		t->deadline = now + END_MS;
	return t->deadline > now + TURN_MS ? TURN_MS : t->deadline - now;
}

int
turn_wait(struct turn *t, int fd, short events)
{
	for (;;) {
		struct pollfd p = { fd, events, 0 };
		int64_t left = turn_left(t);
		int n;

		if (left <= 0)
			return 0;
		n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
		if (n > 0)
			return 1;
		if (n < 0 && errno != EINTR)
			return -1;
	}
}
