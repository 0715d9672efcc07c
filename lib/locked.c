#include "config.h"

#include "lib/locked.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/log.h"

struct locked {
	void *p;
	size_t n;
};

static void
release(void *x)
{
	const struct locked *l = x;

	wipe(l->p, l->n);
	(void)munmap(l->p, l->n);
}

static void
warn(const char *what, const char *next)
{
	log_warning("secret not guarded", "what=%s error=\"%s\" next=\"%s\"",
	    what, strerror(errno), next);
}

int
locked_alloc(struct job *j, struct arena *a, size_t n, void **out)
{
	struct locked *l = arena_alloc(a, sizeof(*l));
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Out of memory: the supervisor starts the process again. */
	if (p == MAP_FAILED)
		abort();
	*l = (struct locked){ p, n };
	arena_own(a, l, release);
	*out = NULL;
	if (madvise(p, n, MADV_WIPEONFORK) != 0)
		return job_fail(j, ERR_INTERNAL,
		    "memory for a secret: children would have it "
		    "(MADV_WIPEONFORK: %s): Linux 4.14 or later is needed",
		    strerror(errno));
	if (madvise(p, n, MADV_DONTDUMP) != 0)
		warn("MADV_DONTDUMP", "it may get into a core: allow none");
	if (mlock(p, n) != 0)
		warn("mlock", "it may get into the swap: raise the limit "
			      "(LimitMEMLOCK=) or encrypt the swap");
	*out = p;
	return 0;
}
