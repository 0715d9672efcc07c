/*
 * A segment of OCSP answers while the issuer changes it: what was said before,
 * what is said now, and by which responder.  Without the database.
 */
#ifndef SRC_ANSWERS_BLOCK_H
#define SRC_ANSWERS_BLOCK_H

#include "pki/crl.h"
#include "pki/ocsp_segment.h"
#include "pki/responder.h"

struct block {
	int64_t segment;
	int64_t former; /* its generation; 0: there was none */
	int64_t oldest; /* thisUpdate, after block_finish() */
	size_t changed; /* answers signed */
	const struct responder *responder;
	const struct ocsp_ca *ca;
	struct ocsp_segment head; /* its records are not looked at */
	struct ocsp_record *records;
	bool *is_new;
	size_t count, max;
	struct ocsp_record *before; /* block_restart() */
	size_t before_count;
};

/* Of a number in hexadecimal. */
int64_t block_segment_of(const char *serial);

/* `octets` as stored; none, or ones that are no segment, are an empty one
 * (then `head.generation` is 0 and all of it has to be made again). */
void block_open(struct job *j, struct block *b, const struct responder *r,
    const struct ocsp_ca *ca, struct span octets);
/* May `next` take the place of `former`, which was served?  Not if it is none,
 * has an older answer, or takes a revocation back.  Anything may follow what is
 * no segment of this CA. */
bool block_follows(const struct ocsp_ca *ca, struct span former,
    struct span next, int64_t now);
/* Everything is to be signed again: `count` answers, more or less.  Nothing
 * that was revoked becomes anything else. */
void block_restart(struct job *j, struct block *b, size_t count);

/* Afterwards: revoked numbers of which nothing is known any more stay what they
 * were until their certificate has ended.  0, or -1. */
int block_keep_revoked(struct job *j, struct block *b);

/* What is said about this number now, or was before block_restart(). */
const struct ocsp_status *block_find(
    const struct block *b, const struct ocsp_status *s);
/* What was said to be revoked stays so; a reason may become keyCompromise
 * (AC-157, PK-180), which does not change any more.  `where` is for the log,
 * which tells of rows that say otherwise: "the list says". */
void block_keep_revocation(struct job *j, struct ocsp_status *now,
    const char *where, int64_t revoked_at, uint8_t reason);
/* Signs it, in the place of what was said: 0, or -1.  A revocation is not
 * taken back. */
int block_put(struct job *j, struct block *b, const struct ocsp_status *s);

/* The next generation, after a sample of the new answers was checked as
 * clients read them (PK-141): 0, or -1. */
int block_finish(
    struct job *j, const struct ca *ca, struct block *b, struct span *octets);

/* The whole OCSPResponse about one of the new answers, for others to judge
 * (PK-141); `draw` is any number, and says which.  0, or -1. */
int block_sample(struct job *j, const struct block *b, uint32_t draw,
    enum ocsp_hash hash, struct span *der);

#endif
