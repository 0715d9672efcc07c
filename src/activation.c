#include "config.h"

#include "src/activation.h"

#include "lib/buf.h"
#include "lib/fdio.h"

#include <stdlib.h>
#include <unistd.h>

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

static int count;

static int
number_of(const char *variable)
{
	int64_t n;

	if (span_to_int(span_str(getenv(variable)), 1, INT32_MAX, &n) < 0)
		return 0;
	return (int)n;
}

int
activation_take(void)
{
	/* A supervisor that was started by somebody who forgot to take the
	 * variables away must not take what is not its own. */
	if (number_of("LISTEN_PID") == getpid())
		activation_adopt(number_of("LISTEN_FDS"));
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return count;
}

void
activation_pass(void)
{
	for (int i = 0; i < count; i++)
		fd_set_cloexec(FIRST_FD + i, false);
}

void
activation_adopt(int n)
{
	count = n < ACTIVATION_MAX ? n : ACTIVATION_MAX;
	for (int i = 0; i < count; i++)
		fd_set_cloexec(FIRST_FD + i, true);
}

int
activation_count(void)
{
	return count;
}

int
activation_fd(int i)
{
	return FIRST_FD + i;
}
