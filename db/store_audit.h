/*
 * Audit records: append-only, hash-chained (PK-19 to PK-21).  Each row's hash
 * covers the one before it and all of its own fields.
 */
#ifndef DB_STORE_AUDIT_H
#define DB_STORE_AUDIT_H

#include "db/store.h"

struct audit_verifier;
struct seal_key;

/*
 * Appends one record, in the caller's transaction.  `actor`: role or
 * "account:<id>"; `event`: "order received"; `object`: "order:<id>"; `result`:
 * "ok" or a reason; `detail`: JSON or NULL.  Never a token half.
 */
int store_audit_add(struct job *j, const char *actor, const char *event,
    const char *object, const char *result, const char *detail);

struct audit_row {
	int64_t seq;
	int64_t at_ms;
	const char *actor, *event, *object, *result, *detail;
};
/* Rows about an object, oldest first. */
int store_audit_list(
    struct job *j, const char *object, struct audit_row **out, size_t *count);
/*
 * Recomputes the chain: 0, or -1 ERR_INTERNAL naming the first bad row.
 * *count is the number of the last good one; *purged of those up to it were
 * purged (db/store_purge.h).  seal NULL: that it was the issuer who purged them
 * is not checked, only that what is left fits.
 */
int store_audit_verify_sealed(struct job *j, const struct seal_key *seal,
    int64_t *count, int64_t *purged);
/*
 * The same, and heads and gaps against the keys of signatures
 * (db/audit_mark.h): each that is signed verifies; behind a signed head there
 * is none that is not; and if anything is signed, each gap is. NULL in place of
 * either: that is not checked.
 */
struct audit_trust {
	const struct seal_key *seal;
	const struct audit_verifier *heads;
};
int store_audit_verify_with(struct job *j, const struct audit_trust *trust,
    int64_t *count, int64_t *purged);
/* At most `max` of them, those after the record `after`. */
int store_audit_list_after(struct job *j, const char *object, int64_t after,
    size_t max, struct audit_row **out, size_t *count);
/* store_audit_verify_sealed() without a seal. */
int store_audit_verify(struct job *j, int64_t *count);

#endif
