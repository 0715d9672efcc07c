/*
 * Signed heads of the audit chain (PK-21): what its newest record was on a day.
 * Who can write every row can compute a whole chain anew, or cut its end off
 * and set the head back; but not to what a seal says.  The validator has the
 * seal's key too; a signature is the issuer's alone (decision 34).
 */
#ifndef DB_AUDIT_MARK_H
#define DB_AUDIT_MARK_H

#include "lib/buf.h"

struct job;
struct seal_key;

struct audit_mark {
	int64_t seq, at;  /* the record, and when it was the newest */
	struct span hash; /* the record's */
	struct span seal;
	struct span spki_sha256; /* of the key that signed it; empty: none */
	struct span signature;
};

/* The keys of signatures, which are not known here (pki/head_key.h). */
struct audit_signer {
	int (*sign)(struct job *j, const void *ctx, struct span text,
	    struct span *signature);
	const void *ctx;
	struct span spki_sha256;
	/* Of this key and those before it. */
	const struct audit_verifier *verifier;
};
struct audit_verifier {
	/* 1 good, 0 not good, -1 none of the keys has this hash. */
	int (*verify)(const void *ctx, struct span spki_sha256,
	    struct span text, struct span signature);
	const void *ctx;
};

/*
 * What is signed: lines of text that other programs can verify.
 *
 *	countersign audit head 2
 *	record 17
 *	at 2027-01-31T12:00:00Z
 *	sha256 0123...
 */
const char *audit_mark_text(struct job *j, const struct audit_mark *m);

/* Writes one, in the caller's transaction, unless there is one for the newest
 * record already or there is no record.  *out is what stands there then: 1,
 * 0 there is none, -1.  signer NULL: sealed only. */
int audit_mark_put(struct job *j, const struct seal_key *k,
    const struct audit_signer *signer, struct audit_mark *out);
/*
 * In the transaction of the first head that is signed, before it: gaps of
 * before get the signature too, and a record tells that it begins here.  1, 0
 * there is a signed head already, -1.  Who deletes all that is signed makes it
 * begin anew: the record shows when.
 */
int audit_mark_begin(
    struct job *j, const struct seal_key *k, const struct audit_signer *signer);
/* Of the first record behind `seq`: 1, 0, -1. */
int audit_mark_after(struct job *j, int64_t seq, struct audit_mark *out);
int audit_mark_newest(struct job *j, struct audit_mark *out); /* the same */
int audit_mark_newest_signed(struct job *j, struct audit_mark *out);
/* What a missing head may be late by, for the issuer was not running. */
#define AUDIT_MARK_LATE_SECS ((int64_t)2 * 86400)
/* Is there a record, older than that, that no head covers, or where heads are
 * signed no such one?  Where none is, records that were purged count too.  1
 * and when it was written, 0, -1. */
int audit_mark_is_late(struct job *j, bool are_signed, int64_t *since);
bool audit_mark_is_sealed(const struct seal_key *k, const struct audit_mark *m);

#endif
