#include "config.h"

#include "src/ca_left.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"

#include <stdbool.h>
#include <string.h>

static bool
is_known(const char *label, const char *const *known, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(known[i], label) == 0)
			return true;
	return false;
}

int
ca_left_find(struct job *j, const char *const *known, size_t known_count,
    struct ca_end out[CA_LEFT_MAX], size_t *count)
{
	struct ca_end *all;
	size_t n;

	*count = 0;
	if (store_shard_cas(j, &all, &n) < 0)
		return -1;
	for (size_t i = 0; i < n && *count < CA_LEFT_MAX; i++)
		if (all[i].not_after >= j->now &&
		    !is_known(all[i].ca_label, known, known_count))
			out[(*count)++] = all[i];
	return 0;
}

const char *
ca_left_text(struct job *j, const struct ca_end *e)
{
	return arena_printf(j->arena,
	    "certificates of it are valid until %s, and no section of the "
	    "configuration names it: its lists and OCSP answers end, and none "
	    "of them can be revoked; give it a section former_ca, or have them "
	    "replaced and its own certificate revoked by the CA above",
	    clock_rfc3339(j->arena, e->not_after));
}
