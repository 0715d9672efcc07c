#include "config.h"

#include "src/wake.h"

#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int wake_fds[ROLE_COUNT] = { -1, -1, -1, -1 };

int
wake_create(int fds[ROLE_COUNT])
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK);
		if (fds[i] < 0)
			return -1;
	}
	return 0;
}

void
wake_adopt(const int fds[ROLE_COUNT])
{
	for (int i = 0; i < ROLE_COUNT; i++)
		wake_fds[i] = fds[i];
}

void
wake_send(unsigned mask)
{
	static const uint64_t one = 1;

	for (unsigned i = 0; i < ROLE_COUNT; i++) {
		if (!(mask & 1u << i) || wake_fds[i] < 0)
			continue;
		/* It can fail only when it is full, and is then readable. */
		if (write(wake_fds[i], &one, sizeof(one)) < 0)
			continue;
	}
}

int
wake_fd(enum role role)
{
	return wake_fds[role];
}

void
wake_drain(enum role role)
{
	uint64_t count;

	if (wake_fds[role] >= 0 &&
	    read(wake_fds[role], &count, sizeof(count)) < 0)
		return; /* nothing there: just as well */
}

void
wake_wait(enum role role, int64_t timeout_ms)
{
	struct pollfd p = { .fd = wake_fds[role], .events = POLLIN };

	if (timeout_ms > INT_MAX)
		timeout_ms = INT_MAX;
	poll(&p, 1, timeout_ms < 0 ? 0 : (int)timeout_ms);
	wake_drain(role);
}
