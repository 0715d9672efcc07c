/*
 * What the files of src/answers.h share: answers.c is what the role calls and
 * what is due when, answers_responder.c the key that signs and its certificate,
 * answers_segment.c one segment from its rows to its file, answers_announce.c
 * what happens before a certificate is handed out.
 */
#ifndef SRC_ANSWERS_PRIVATE_H
#define SRC_ANSWERS_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "db/store_ocsp.h"
#include "pki/ocsp_segment.h"
#include "pki/responder.h"
#include "src/answers.h"
#include "src/answers_block.h"
#include "src/ceiling.h"

struct certview;

struct answers {
	struct arena *own; /* of the responder in use; NULL: none yet */
	struct responder responder;
	struct ocsp_ca ca;
	bool has_ca;
	int64_t written[OCSP_SEGMENTS]; /* generation in the file */
	int64_t late_told_at;           /* 0: none is late */
	/* PK-204 */
	struct ceiling signatures;
	bool held;
	int64_t numbers[OCSP_SEGMENTS];
	int64_t renewed_at[OCSP_SEGMENTS]; /* by this process */
	int64_t responder_at; /* start of the process, or the last one made */
	int64_t linted_at;    /* a sample, by others' linters; 0: none yet */
};

/* The CA's in the database. */
const char *answers_label(const struct issuer *i);

/* --- answers_responder.c -------------------------------------------------- */

/* 0: a->ca, or a->responder as well, are there; -1. */
int answers_need_ca(struct issuer *i, struct job *j);
int answers_need_responder(struct issuer *i, struct job *j);

/* --- answers_segment.c ---------------------------------------------------- */

/* What another process wrote before, or another issuer on this machine. */
void answers_look_at_file(struct issuer *i, struct job *j, int64_t segment);
/*
 * The committed segment: 1, or 0 and what is served instead, or -1.  Old
 * answers have good signatures for days: whoever can write rows must not bring
 * them back (PK-169).
 */
int answers_read_committed(struct issuer *i, struct job *j, int64_t segment,
    int64_t *generation, struct span *octets);
/* To the file that is served: 0 or -1. */
int answers_write_segment(struct issuer *i, struct job *j, int64_t segment,
    int64_t generation, struct span octets);

/* A block over what is committed (src/answers_block.h): 0 or -1. */
int answers_open_block(
    struct issuer *i, struct job *j, int64_t segment, struct block *b);
/* Its octets, after others' linters have seen a sample: 0 or -1. */
int answers_finish_block(
    struct issuer *i, struct job *j, struct block *b, struct span *octets);
/* Both in the caller's transaction: 0 or -1. */
int answers_put_block(const struct issuer *i, struct job *j,
    const struct block *b, struct span octets);
int answers_audit_block(
    const struct issuer *i, struct job *j, const struct block *b);
/* All of that for one block, with the rows that are done by it: 0 or -1. */
int answers_commit_block(struct issuer *i, struct job *j, struct block *b,
    const struct ocsp_row *rows, size_t count);

/* From hexadecimal: 0, or -1 if it does not fit. */
int answers_set_serial(struct ocsp_status *s, const char *hex);
/* Is what the row says the issuer's own, by the row alone? */
bool answers_row_is_proven(const struct issuer *i, struct job *j,
    const struct ocsp_row *row, struct certview *view);
/* 1: status is set; 0: nothing is said of this row. */
int answers_status_of_row(const struct issuer *i, struct job *j,
    const struct ocsp_row *row, const struct block *b, struct ocsp_status *s);

#endif
