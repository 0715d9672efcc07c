/*
 * The issuer's side of OCSP (pki.md section 14): answers signed in advance for
 * every number, in segments (pki/ocsp_segment.h) that are committed, then
 * written to files for the web role.
 *
 * With OCSP off, issuer.answers is NULL and nothing here does anything.
 */
#ifndef SRC_ANSWERS_H
#define SRC_ANSWERS_H

#include <stdint.h>

#include "lib/buf.h"

struct answers;
struct arena;
struct cert;
struct issuer;
struct responder;
struct job;

/* A segment that should have been signed again so long ago is an alarm: 60
 * hours after thisUpdate (PK-168). */
#define ANSWERS_LATE_SECS ((int64_t)12 * 3600)

struct answers *answers_new(struct arena *keep);
/* Wipes the responder's key.  NULL-safe. */
void answers_free(struct answers *a);

/* One batch that is due, or one file that is not written yet: 1, 0, -1. */
int answers_step(struct issuer *i, struct job *j);
/* The files alone, from what was signed before: 1, 0, -1. */
int answers_restore(struct issuer *i, struct job *j);
/* 0 and *at: when the next one is due, INT64_MAX for never; -1. */
int answers_due(const struct issuer *i, struct job *j, int64_t *at);

/* A responder's certificate for a key that another process holds (PK-177), in
 * the job's arena: 0; -1 ERR_BUSY on hold (PK-204), ERR_MALFORMED for no key.
 */
int answers_certify(
    struct issuer *i, struct job *j, struct span spki, struct responder *out);

/* PK-204: signatures of answers by this process within an hour. */
int64_t answers_signed(const struct answers *a, int64_t now);

/* Every revocation that is committed is in the answers and in the files
 * (PK-169).  What goes wrong is an alarm, not a reason to keep a list back. */
void answers_follow(struct issuer *i, struct job *j);

/*
 * PK-149: before a certificate is handed out, the status side knows it: its
 * shard's list is out, and its number is answered with good.  `c` is signed or
 * about to be; an answer about a revoked number stays.  1, 0: not yet, -1.
 */
int status_is_ready(struct issuer *i, struct job *j, const struct cert *c);

/* Before that, for several: their answers share a commit.  0, or -1: then some
 * of them may not be there yet, and status_is_ready() makes each by itself. */
int answers_announce(struct issuer *i, struct job *j,
    const struct cert *const *certs, size_t count);

#endif
