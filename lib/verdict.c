#include "config.h"

#include "lib/verdict.h"

#include "lib/count.h"

static const char *const names[] = {
	[VERDICT_MATCH] = "match",
	[VERDICT_MISMATCH] = "mismatch",
	[VERDICT_STALE_KEY] = "stale-key",
	[VERDICT_NO_RESPONSE] = "no-response",
	[VERDICT_UNAUTHENTICATED] = "unauthenticated",
	[VERDICT_UNKNOWN] = "unknown",
	[VERDICT_DEFERRED] = "deferred",
	[VERDICT_EXPIRED] = "expired",
	[VERDICT_LATE] = "late",
	[VERDICT_REPEATED] = "repeated",
	[VERDICT_DSN_FAILED] = "dsn-failed",
	[VERDICT_DSN_DELAYED] = "dsn-delayed",
	[VERDICT_DSN_NOTED] = "dsn-noted",
};

const char *
verdict_name(enum verdict v)
{
	return names[v];
}

int
verdict_parse(struct span name, enum verdict *out)
{
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		if (span_eq_str(name, names[i])) {
			*out = (enum verdict)i;
			return 1;
		}
	}
	return 0;
}
