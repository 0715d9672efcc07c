/*
 * The story of one order for an admin: each step, when, the mail's fate, the
 * verdict and why.  Printed as text or JSON by `countersign order`; that of
 * one authorization by `countersign authz`.
 */
#ifndef SRC_STORY_H
#define SRC_STORY_H

#include "lib/buf.h"

struct authz;
struct job;
struct order;

/* Its status; of a pre-authorization (AC-106): that of its authorization. */
const char *story_status(struct job *j, const struct order *o);
/* What the order waits for, in a few words: "a reply from alice@…"; of one
 * that is done, why it waits for nothing: "nothing: the certificate was
 * issued". */
const char *story_waits_for(struct job *j, const struct order *o);
/* The same of an authorization. */
const char *story_authz_waits_for(struct job *j, const struct authz *a);
/* The same of a pending order without its mailboxes: "a reply". */
const char *story_lacks(struct job *j, const struct order *o);
/* The `detail` of a stored problem document; NULL of NULL. */
const char *story_problem(struct job *j, const char *problem);
/* One thing that happened. */
struct story_step {
	int64_t at;
	size_t rank; /* keeps the order of what happened in one second */
	const char *what;
	const char *detail; /* or NULL; may hold what strangers said */
};
/* All of them, as they happened: 0, or -1. */
int story_steps(struct job *j, const struct order *o,
    const struct story_step **out, size_t *count);
/* The whole story: 0, or -1. */
int story_text(struct job *j, const struct order *o, struct buf *out);
int story_json(struct job *j, const struct order *o, struct buf *out);
int story_authz_text(struct job *j, const struct authz *a, struct buf *out);
int story_authz_json(struct job *j, const struct authz *a, struct buf *out);

#endif
