#include "config.h"

#include "lib/child.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/clock.h"

bool
child_has_ended(pid_t pid, int64_t deadline_ms, int *status)
{
	struct timespec nap = { 0, 2000000 };

	for (;;) {
		pid_t got = waitpid(pid, status, WNOHANG);

		if (got == pid)
			return true;
		if ((got < 0 && errno != EINTR) ||
		    clock_mono_ms() >= deadline_ms)
			return false;
		nanosleep(&nap, NULL);
	}
}
