#include "config.h"

#include "src/wake.h"

#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int wake_fds[ROLE_COUNT];
static bool is_adopted;
/* This process's own, and an epoll descriptor: readable when it or that of
 * its role is. */
static int self_fd = -1, both_fd = -1;
static enum role own_role;

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

/* -1 where nothing was inherited, and of roles that have none. */
static int
fd_of(enum role role)
{
	return is_adopted && role < ROLE_COUNT ? wake_fds[role] : -1;
}

static bool
watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return fd < 0 || epoll_ctl(both_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void
wake_adopt(const int fds[ROLE_COUNT], enum role own)
{
	for (int i = 0; i < ROLE_COUNT; i++)
		wake_fds[i] = fds[i];
	is_adopted = true;
	own_role = own;
	self_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	both_fd = epoll_create1(EPOLL_CLOEXEC);
	if (both_fd >= 0 && watch(self_fd) && watch(fd_of(own)))
		return;
	/* A signal is then noticed when the wait ends. */
	close(both_fd);
	both_fd = -1;
}

void
wake_send(unsigned mask)
{
	static const uint64_t one = 1;

	for (unsigned i = 0; i < ROLE_COUNT; i++) {
		int fd = fd_of((enum role)i);

		if (!(mask & 1u << i) || fd < 0)
			continue;
		/* It can fail only when it is full, and is then readable. */
		if (write(fd, &one, sizeof(one)) < 0)
			continue;
	}
}

void
wake_self(void)
{
	static const uint64_t one = 1;

	if (self_fd >= 0 && write(self_fd, &one, sizeof(one)) < 0)
		return; /* full, and so readable */
}

int
wake_fd(enum role role)
{
	return role == own_role && both_fd >= 0 ? both_fd : fd_of(role);
}

static void
drain(int fd)
{
	uint64_t count;

	if (fd >= 0 && read(fd, &count, sizeof(count)) < 0)
		return; /* nothing there: just as well */
}

void
wake_drain(enum role role)
{
	drain(fd_of(role));
	if (role == own_role)
		drain(self_fd);
}

void
wake_wait(enum role role, int64_t timeout_ms)
{
	struct pollfd p = { .fd = wake_fd(role), .events = POLLIN };

	if (timeout_ms > INT_MAX)
		timeout_ms = INT_MAX;
	poll(&p, 1, timeout_ms < 0 ? 0 : (int)timeout_ms);
	wake_drain(role);
}
