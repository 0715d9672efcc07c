/*
 * The links of the audit chain (PK-21) and the gaps that purged records leave
 * in it.  For db/ only.
 */
#ifndef DB_AUDIT_CHAIN_H
#define DB_AUDIT_CHAIN_H

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/seal.h"

struct job;
struct query;

/*
 * hash(n) = SHA-256(hash(n - 1) and every field of row n, each with its
 * length before it, so that no two rows have the same octets).  Before the
 * first row stand 32 zero octets.
 */
struct audit_link {
	int64_t seq, at_ms;
	struct span actor, event, object, result, detail;
	bool has_detail;
	struct span stored; /* hash, as it was read */
};
#define AUDIT_LINK_COLUMNS                                                     \
	"seq, at_ms, actor, event, object, result, detail, hash"
void audit_link_read(struct query *q, struct audit_link *out);
void audit_link_hash(struct arena *a, const uint8_t before[SHA256_LEN],
    const struct audit_link *l, uint8_t out[SHA256_LEN]);

/*
 * Records from_seq to to_seq were purged.  Who can write rows can delete them
 * and write another gap; but not its seal.
 */
struct audit_gap {
	int64_t from_seq, to_seq;
	struct span before; /* hash of record from_seq - 1 */
	struct span after;  /* hash of record to_seq */
	struct span seal;
};
int audit_gap_from(
    struct job *j, int64_t from_seq, struct audit_gap *out); /* 1, 0, -1 */
int audit_gap_to(struct job *j, int64_t to_seq, struct audit_gap *out);
bool audit_gap_is_sealed(const struct seal_key *k, const struct audit_gap *g);
/* In place of those that it takes in; seals it. */
int audit_gap_put(
    struct job *j, const struct seal_key *k, const struct audit_gap *g);

#endif
