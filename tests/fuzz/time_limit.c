#include "config.h"

#include "tests/fuzz/time_limit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* How often an input that does not end is looked at, in processor time. */
#define TICK_USECS 10000

time_limit_fn __real_LLVMFuzzerTestOneInput, __wrap_LLVMFuzzerTestOneInput;

struct time_limit time_limit = { .max_usecs = 1000000 };

static struct {
	volatile sig_atomic_t is_inside;
	size_t n;
	int64_t begun;
} now;

/* May be called by a signal handler. */
static int64_t
cpu_usecs(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) < 0)
		abort();
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Nothing but write(): the input may have been interrupted anywhere. */
static void
say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(1);
}

static void
say_number(int64_t n)
{
	char digits[24], *p = digits + sizeof(digits);

	*--p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	say(p);
}

static void
end(int64_t usecs)
{
	now.is_inside = 0;
	say("time limit: an input of ");
	say_number((int64_t)now.n);
	say(" octets, of ");
	say(time_limit.what == NULL ? "the fuzzer" : time_limit.what);
	say(", took ");
	say_number(usecs / 1000);
	say(" ms of processor time; the limit is ");
	say_number(time_limit.max_usecs / 1000);
	say(" ms (MA-92)\n");
	abort();
}

static void
tick(int sig)
{
	int64_t usecs;

	(void)sig;
	if (!now.is_inside)
		return;
	usecs = cpu_usecs() - now.begun;
	if (usecs > time_limit.max_usecs)
		end(usecs);
}

static void
start_ticking(void)
{
	const struct itimerval t = { { 0, TICK_USECS }, { 0, TICK_USECS } };
	struct sigaction s = { .sa_handler = tick, .sa_flags = SA_RESTART };

	if (sigaction(SIGPROF, &s, NULL) < 0 ||
	    setitimer(ITIMER_PROF, &t, NULL) < 0)
		abort();
}

static void
note_slowest(int64_t usecs)
{
	if (usecs < time_limit.slowest_usecs)
		return;
	time_limit.slowest_usecs = usecs;
	time_limit.slowest_len = now.n;
	snprintf(time_limit.slowest_what, sizeof(time_limit.slowest_what), "%s",
	    time_limit.what == NULL ? "" : time_limit.what);
}

int
time_limit_call(time_limit_fn *one, const uint8_t *data, size_t n)
{
	static const uint8_t nothing[1];
	static time_limit_fn *begun;
	int64_t usecs;
	int result;

	if (begun != one) {
		begun = one;
		(void)one(nothing, 0);
		start_ticking();
	}
	now.n = n;
	now.begun = cpu_usecs();
	now.is_inside = 1;
	result = one(data, n);
	now.is_inside = 0;
	usecs = cpu_usecs() - now.begun;
	note_slowest(usecs);
	if (usecs > time_limit.max_usecs)
		end(usecs);
	return result;
}

int
__wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return time_limit_call(__real_LLVMFuzzerTestOneInput, data, n);
}
