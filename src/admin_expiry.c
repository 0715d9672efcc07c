#include "config.h"

#include "src/admin_expiry.h"

#include "db/store_admin_key.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/log.h"

const char *
admin_expiry_advice(struct job *j, const char *name, int64_t not_after)
{
	char at[CLOCK_RFC3339_MAX];

	if (not_after == 0 || not_after >= j->now + ADMIN_EXPIRY_SECS)
		return NULL;
	clock_format_rfc3339(not_after, at);
	return not_after >= j->now
		   ? arena_printf(j->arena,
			 "the client certificate of %s ends at %s: until then "
			 "%s gives countersign admin key --client-key FILE %s, "
			 "with a new one",
			 name, at, name, name)
		   : arena_printf(j->arena,
			 "the client certificate of %s has expired at %s: "
			 "where no two others are left %s gives countersign "
			 "admin key --client-key FILE %s, with a new one; else "
			 "they make another account with countersign admin "
			 "add, "
			 "and give countersign admin disable %s",
			 name, at, name, name, name);
}

static void
tell(struct job *j, const struct admin_expiry *e)
{
	const char *advice = admin_expiry_advice(j, e->name, e->not_after);

	if (advice == NULL)
		return;
	if (e->not_after < j->now)
		log_error("admin's certificate expired", "admin=%s next=\"%s\"",
		    e->name, advice);
	else
		log_warning("admin's certificate ends soon",
		    "admin=%s next=\"%s\"", e->name, advice);
}

int
admin_expiry_alarm(struct job *j)
{
	struct admin_expiry *list;
	size_t count;

	if (store_admin_key_expiring(j, j->now + ADMIN_EXPIRY_SECS,
		ADMIN_EXPIRY_MAX, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		tell(j, &list[i]);
	return 0;
}
