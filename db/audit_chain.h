/*
 * The links of the audit chain (PK-21) and the gaps that purged records leave
 * in it.  For db/ only.
 */
#ifndef DB_AUDIT_CHAIN_H
#define DB_AUDIT_CHAIN_H

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/seal.h"

struct audit_signer;
struct audit_verifier;
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
 * and write another gap; but not its seal, and who has the seal's key as the
 * validator does, not its signature (decision 34).
 */
struct audit_gap {
	int64_t from_seq, to_seq;
	struct span before; /* hash of record from_seq - 1 */
	struct span after;  /* hash of record to_seq */
	int64_t newest_at;  /* when the newest of them was written, seconds */
	int64_t purged_at;  /* when the last of them went */
	struct span seal;
	struct span spki_sha256; /* of the key that signed it; empty: none */
	struct span signature;
};
/* No configuration keeps records for less (PK-22). */
#define AUDIT_KEPT_MIN_SECS ((int64_t)2 * 366 * 86400)
int audit_gap_from(
    struct job *j, int64_t from_seq, struct audit_gap *out); /* 1, 0, -1 */
int audit_gap_to(struct job *j, int64_t to_seq, struct audit_gap *out);
/* The first one from a record behind `seq` on: 1, 0, -1. */
int audit_gap_after(struct job *j, int64_t seq, struct audit_gap *out);
/* Is any signed?  1, 0, -1. */
int audit_gap_any_signed(struct job *j);
/*
 * What is sealed and signed:
 *
 *	countersign audit gap 2
 *	records 17 to 18
 *	before 0123...
 *	after 4567...
 *	newest 2027-01-31T12:00:00Z
 *	purged 2029-07-31T12:00:00Z
 */
const char *audit_gap_text(struct job *j, const struct audit_gap *g);
bool audit_gap_is_sealed(
    struct job *j, const struct seal_key *k, const struct audit_gap *g);
/* Of one that has a signature: 1 good, 0 not good, -1 by a key that is not
 * known. */
int audit_gap_is_signed(
    struct job *j, const struct audit_verifier *v, const struct audit_gap *g);
/* In place of those that it takes in; seals it, and signs it unless signer is
 * NULL. */
int audit_gap_put(struct job *j, const struct seal_key *k,
    const struct audit_signer *signer, const struct audit_gap *g);

#endif
