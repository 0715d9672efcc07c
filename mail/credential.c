#include "config.h"

#include "mail/credential.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"

int
credential_copy(
    struct job *j, const char *what, struct span value, size_t max, char **out)
{
	if (value.n == 0 || value.n > max || span_has_control(value))
		return job_fail(j, ERR_INTERNAL,
		    "relay %s: it must have 1 to %zu octets and no control "
		    "characters",
		    what, max);
	*out = xmalloc(value.n + 1);
	memcpy(*out, value.p, value.n);
	(*out)[value.n] = '\0';
	return 0;
}
