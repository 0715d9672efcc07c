/*
 * Records whose date has come go (PK-22, db/store_purge.h): once an hour, some
 * at a time, each bite a transaction of its own, and only while there is
 * nothing else to do.
 *
 * The issuer does it because it is the one role that reads nothing from
 * strangers, and because what is deleted is what it must be able to believe:
 * see doc/decisions/0023-who-deletes.md.
 */
#include "config.h"

#include "src/purge.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <inttypes.h>
#include <string.h>

#define HOUR 3600
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
bite(struct job *j, struct issuer_purge *p)
{
	struct purge_rules rules = purge_rules_of(j);

	if (store_begin(j) < 0)
		return -1;
	if (store_purge(j, p->kind, &rules, BITE, &p->walk) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static void
next_kind(struct job *j, struct issuer_purge *p)
{
	if (p->walk.purged > 0)
		log_info("records purged", "kind=\"%s\" count=%" PRId64,
		    purge_kind_name(p->kind), p->walk.purged);
	purge_walk_init(&p->walk);
	if (++p->kind < PURGE_KINDS)
		return;
	p->kind = PURGE_CERTIFICATES;
	p->due_at = j->now + HOUR;
}

/* 1 something went, or there is more to look at; 0 on to the next kind; -1. */
static int
step_of_kind(struct job *j, struct issuer_purge *p)
{
	int64_t before = p->walk.purged;
	bool went;

	if (bite(j, p) < 0) {
		/* One kind that cannot be purged keeps no other. */
		next_kind(j, p);
		return -1;
	}
	went = p->walk.purged > before || !p->walk.is_done;
	if (p->walk.is_done)
		next_kind(j, p);
	else
		keep_walk(p);
	return went ? 1 : 0;
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
		result = step_of_kind(j, p);
	return result;
}
