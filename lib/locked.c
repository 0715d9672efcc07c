#include "config.h"

#include "lib/locked.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/arena.h"
#include "lib/digest.h"
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

void *
locked_alloc(struct arena *a, size_t n)
{
	struct locked *l = arena_alloc(a, sizeof(*l));
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Out of memory: the supervisor starts the process again. */
	if (p == MAP_FAILED)
		abort();
	*l = (struct locked){ p, n };
	arena_own(a, l, release);
	if (madvise(p, n, MADV_DONTDUMP) != 0 ||
	    madvise(p, n, MADV_WIPEONFORK) != 0 || mlock(p, n) != 0)
		log_warning("memory not locked",
		    "error=\"%s\" next=\"a secret may get into the swap: "
		    "raise the limit (LimitMEMLOCK=) or encrypt the swap\"",
		    strerror(errno));
	return p;
}
