/*
 * Records whose date has come go (PK-22, db/store_purge.h): once a day and
 * after a start, some at a time, each bite a transaction of its own, and only
 * while there is nothing else to do.
 *
 * The issuer does it because it is the one role that reads nothing from
 * strangers, and because what is deleted is what it must be able to believe:
 * see doc/decisions/0023-who-deletes.md.
 */
#include "config.h"

#include "src/purge.h"

#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <inttypes.h>
#include <string.h>

#define DAY INT64_C(86400)
#define BITE 20

struct purge_rules
purge_rules_of(const struct job *j)
{
	return (struct purge_rules){ .retention = j->conf->retention,
		.retain_final = j->conf->retain_final };
}

/* The walk outlives the job. */
static void
keep_walk(struct issuer_purge *p)
{
	size_t n = strlen(p->walk.id);

	/* Ids are ours, and short; a row that others wrote is skipped. */
	if (n >= sizeof(p->id))
		n = 0;
	memcpy(p->id, p->walk.id, n);
	p->id[n] = '\0';
	p->walk.id = p->id;
}

static int
bite(const struct issuer *i, struct job *j, struct issuer_purge *p)
{
	struct purge_rules rules = purge_rules_of(j);

	rules.seal = i->seal;
	rules.signer = i->head_signer;
	if (store_begin(j) < 0)
		return -1;
	if (store_purge(j, p->kind, &rules, BITE, &p->walk) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* That records went is a record. */
static int
tell(struct job *j, const struct issuer_purge *p)
{
	const char *kind = purge_kind_name(p->kind);

	log_info("records purged", "kind=\"%s\" count=%" PRId64, kind,
	    p->walk.purged);
	if (store_begin(j) < 0)
		return -1;
	if (purge_audit_add(j, "issuer", p->kind, p->walk.purged) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static int
next_kind(struct job *j, struct issuer_purge *p)
{
	int result = p->walk.purged > 0 ? tell(j, p) : 0;

	purge_walk_init(&p->walk);
	if (++p->kind == PURGE_KINDS) {
		p->kind = PURGE_CERTIFICATES;
		p->due_at = j->now + DAY;
	}
	return result;
}

/* 1 something went, or there is more to look at; 0 on to the next kind; -1. */
static int
step_of_kind(const struct issuer *i, struct job *j, struct issuer_purge *p)
{
	int64_t before = p->walk.purged;
	bool went;

	if (bite(i, j, p) < 0) {
		struct err why = j->err;

		/* One kind that cannot be purged keeps no other. */
		job_recover(j);
		(void)next_kind(j, p);
		j->err = why;
		return -1;
	}
	went = p->walk.purged > before || !p->walk.is_done;
	if (!p->walk.is_done)
		keep_walk(p);
	else if (next_kind(j, p) < 0)
		return -1;
	return went ? 1 : 0;
}

int
purge_audit_add(
    struct job *j, const char *actor, enum purge_kind kind, int64_t count)
{
	return store_audit_add(j, actor, "records purged",
	    arena_printf(j->arena, "purge:%s", purge_kind_name(kind)), "ok",
	    arena_printf(j->arena, "{\"count\":%" PRId64 "}", count));
}

int
issuer_purge_step(struct issuer *i, struct job *j)
{
	struct issuer_purge *p = &i->purge;
	int result = 0;

	/* A configuration that does not say how long keeps everything. */
	if (j->conf->retention == 0)
		return 0;
	if (p->walk.id == NULL)
		purge_walk_init(&p->walk);
	while (result == 0 && j->now >= p->due_at)
		result = step_of_kind(i, j, p);
	return result;
}
