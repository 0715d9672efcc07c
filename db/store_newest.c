#include "config.h"

#include "db/store_newest.h"

#include "db/store_private.h"

int
store_newest(
    struct job *j, const char *ca_label, int64_t *made, int64_t *audited)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT COALESCE((SELECT reserved_at FROM cert "
	    "WHERE aside_at = 0 ORDER BY reserved_at DESC LIMIT 1), 0), "
	    "COALESCE((SELECT this_update FROM crl WHERE ca_label = $1 "
	    "AND aside_at = 0 ORDER BY number DESC LIMIT 1), 0), "
	    "COALESCE((SELECT at_ms / 1000 FROM audit "
	    "ORDER BY seq DESC LIMIT 1), 0)",
	    ARGS(v_text(ca_label)));

	*made = *audited = 0;
	if (found == 1) {
		int64_t reserved = query_int(&q), listed = query_int(&q);

		*made = reserved > listed ? reserved : listed;
		*audited = query_int(&q);
	}
	query_end(&q);
	return found == 1 ? 0 : -1;
}
