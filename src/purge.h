/* Records whose date has come go (PK-22): src/purge.c. */
#ifndef SRC_PURGE_H
#define SRC_PURGE_H

#include "db/store_purge.h"

struct issuer;
struct job;

/* How far the issuer is; it begins anew after a start. */
struct issuer_purge {
	int64_t due_at;
	enum purge_kind kind;
	struct purge_walk walk;
	char id[64]; /* what walk.id points to */
};

/* Some rows of one kind: 1 there may be more, 0 nothing is due, -1. */
int issuer_purge_step(struct issuer *i, struct job *j);

/* Records it, in the caller's transaction. */
int purge_audit_add(
    struct job *j, const char *actor, enum purge_kind kind, int64_t count);

/* By the configuration; nothing else is set. */
struct purge_rules purge_rules_of(const struct job *j);

#endif
