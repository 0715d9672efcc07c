/*
 * What became of one received message, in one word.
 *
 * The first six are the verdicts of AC-124; the rest are finer courses of
 * email-reply.md.  The exact reason is a code of mail-authentication.md
 * ("dkim.body-hash"), stored beside the verdict.
 */
#ifndef LIB_VERDICT_H
#define LIB_VERDICT_H

#include "lib/buf.h"

enum verdict {
	VERDICT_MATCH,       /* authenticated, digest right */
	VERDICT_MISMATCH,    /* authenticated, digest wrong: final (ER-31) */
	VERDICT_STALE_KEY,   /* digest of the former account key (AC-82) */
	VERDICT_NO_RESPONSE, /* authenticated, no usable block */
	VERDICT_UNAUTHENTICATED, /* right part1, proves nothing (ER-30) */
	VERDICT_UNKNOWN,         /* no live challenge for it */
	VERDICT_DEFERRED,        /* DNS or crypto trouble: judged again later */
	VERDICT_EXPIRED,         /* right part1, after its life (ER-7) */
	VERDICT_LATE,            /* after a final verdict (ER-33) */
	VERDICT_REPEATED,        /* same covered part as one judged (MA-64) */
	VERDICT_DSN_FAILED,      /* a genuine bounce (ER-24) */
	VERDICT_DSN_DELAYED,
	VERDICT_DSN_NOTED, /* a report that decides nothing */
};

/* "match", "mismatch", "stale-key", "no-response", "unauthenticated",
 * "unknown", "deferred", "expired", "late", "repeated", "dsn-failed",
 * "dsn-delayed", "dsn-noted". */
const char *verdict_name(enum verdict v);
/* 1 and the verdict, or 0. */
int verdict_parse(struct span name, enum verdict *out);

#endif
