/* What a client is told when CAA records forbid a certificate. */
#ifndef SRC_CAA_REFUSAL_H
#define SRC_CAA_REFUSAL_H

/* Reasons of a CAA row beside those of pki/caa.h: remote perspectives did not
 * agree; or too few said anything. */
#define CAA_REASON_UNCORROBORATED "corroboration"
#define CAA_REASON_UNCORROBORATED_SILENT "corroboration-silent"

#include "lib/err.h"

struct caa_row;
struct job;
struct order;

/* Of a check that does not permit: what kind of refusal it is (MP-6), and one
 * sentence: where, for which domain, and why. */
enum err_kind caa_refusal_kind(const struct caa_row *c);
const char *caa_refusal_text(struct job *j, const struct caa_row *c);

/*
 * The error of an order that CAA refuses, as stored: the job's error, with a
 * subproblem for each identifier whose domain forbids it when the order has
 * several (PK-36).  NULL for a failure of the store; the job's error is then
 * that.
 */
const char *caa_refusal_problem(struct job *j, const struct order *o);

#endif
