#include "config.h"

#include "src/overview_replies.h"

#include <inttypes.h>

#include "db/store_reply.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "src/remarks.h"

/* Never wrong: the name servers of one mailbox's domain may be away. */
int
overview_replies(struct job *j, struct remarks *r)
{
	struct reply_waiting w;

	if (store_reply_waiting(j, &w) < 0)
		return -1;
	if (w.count == 0 || j->now - w.since <= OVERVIEW_REPLIES_SECS)
		return 0;
	remark(r, REMARK_WARN, "judgement of replies",
	    arena_printf(j->arena,
		"%s%" PRId64 " wait to be judged again, the first since %s: "
		"%s (countersign check asks the DNS)",
		w.count == REPLY_WAITING_MAX ? "at least " : "", w.count,
		clock_rfc3339(j->arena, w.since), w.why));
	return 0;
}
