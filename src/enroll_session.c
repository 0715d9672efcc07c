#include "config.h"

#include "src/enroll_session.h"

#include "lib/clock.h"
#include "lib/job.h"
#include "src/enroll_options.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

/* Where the server does not say when to ask again. */
#define POLL_SECS 3

void
enroll_tell(const char *text)
{
	fprintf(stderr, "%s\n", text);
}

void
enroll_tellf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int64_t
enroll_time_left(const struct enroll *e)
{
	int64_t left = e->deadline - clock_mono_ms();

	return left > 0 ? left : 0;
}

void
enroll_pause(const struct enroll *e, int64_t retry_after)
{
	int64_t secs = retry_after > 0 ? retry_after : POLL_SECS;
	int64_t left = enroll_time_left(e);

	if (secs < left / 1000)
		left = secs * 1000;
	poll(NULL, 0, left < INT_MAX ? (int)left : INT_MAX);
}

bool
enroll_again(struct enroll *e)
{
	if (e->j->err.kind != ERR_BUSY || enroll_time_left(e) == 0)
		return false;
	enroll_tellf("%s; trying again", e->j->err.text);
	job_recover(e->j);
	enroll_pause(e, -1);
	return true;
}

int
enroll_out_of_time(struct enroll *e, const char *what, const char *last)
{
	return job_fail(e->j, ERR_BUSY,
	    "gave up after %lld seconds: %s%s%s; the same command can be run "
	    "again, --timeout gives it longer",
	    (long long)e->o->timeout_secs, what,
	    last != NULL ? "; the server's last word: " : "",
	    last != NULL ? last : "");
}
