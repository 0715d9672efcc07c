#include "config.h"

#include "src/enroll_line.h"

#include "lib/arena.h"
#include "lib/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void
enroll_lines_init(struct enroll_lines *l, int fd)
{
	*l = (struct enroll_lines){ .fd = fd };
}

/* The bytes up to `n`, and `skip` more that nobody wants. */
static struct span
take(struct enroll_lines *l, struct arena *a, size_t n, size_t skip)
{
	struct span line =
	    span_str(span_dup(a, span_trim_fws(span_mem(l->bytes, n))));

	l->n -= n + skip;
	memmove(l->bytes, l->bytes + n + skip, l->n);
	return line;
}

static bool
wait_for_input(int fd, int64_t ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (ms < 0)
		ms = 0;
	return poll(&p, 1, ms > INT_MAX ? INT_MAX : (int)ms) > 0;
}

int
enroll_lines_next(struct enroll_lines *l, struct arena *a, int64_t timeout_ms,
    struct span *line)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;
	ssize_t got;

	for (;;) {
		size_t end = span_find(span_mem(l->bytes, l->n), 0, '\n');

		if (end < l->n || l->n == sizeof(l->bytes)) {
			*line = take(l, a, end, end < l->n ? 1 : 0);
			return 1;
		}
		if (l->at_end && l->n > 0) {
			*line = take(l, a, l->n, 0);
			return 1;
		}
		if (l->at_end)
			return -1;
		if (!wait_for_input(l->fd, deadline - clock_mono_ms())) {
			if (clock_mono_ms() >= deadline)
				return 0;
			continue;
		}
		got = read(l->fd, l->bytes + l->n, sizeof(l->bytes) - l->n);
		if (got > 0)
			l->n += (size_t)got;
		else if (got == 0 || errno != EINTR)
			l->at_end = true;
	}
}
