#include "config.h"

#include "src/answers_private.h"

#include "db/store_cert.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "src/role_issuer.h"
#include "src/status_proof.h"
#include "src/worker.h"

static int
announce(struct issuer *i, struct job *j, const struct cert *c)
{
	struct ocsp_status s = { .not_after = c->not_after,
		.this_update = j->now };
	struct block b;

	if (answers_set_serial(&s, c->serial) < 0)
		return job_fail(j, ERR_INTERNAL, "serial %s", c->serial);
	if (answers_open_block(i, j, block_segment_of(c->serial), &b) < 0)
		return -1;
	/* Revoked before it was handed out, or announced by a process that
	 * was stopped then. */
	if (block_find(&b, &s) != NULL &&
	    i->answers->written[b.segment] == b.former)
		return 0;
	if (block_find(&b, &s) == NULL && block_put(j, &b, &s) < 0)
		return -1;
	return answers_commit_block(i, j, &b, NULL, 0);
}

/* Several, a block for each segment that they are in. */
struct announcement {
	const struct cert *const *certs;
	size_t cert_count;
	struct block *blocks;
	struct span *octets;
	size_t count;
};

/* Those of one segment, if there are some. */
static int
fill_block(
    struct issuer *i, struct job *j, struct announcement *a, int64_t segment)
{
	struct block *b = NULL;

	for (size_t k = 0; k < a->cert_count; k++) {
		const struct cert *c = a->certs[k];
		struct ocsp_status s = { .not_after = c->not_after,
			.this_update = j->now };

		if (block_segment_of(c->serial) != segment ||
		    answers_set_serial(&s, c->serial) < 0)
			continue;
		if (b == NULL) {
			b = &a->blocks[a->count];
			if (answers_open_block(i, j, segment, b) < 0)
				return -1;
		}
		if (block_find(b, &s) == NULL && block_put(j, b, &s) < 0)
			return -1;
	}
	if (b == NULL || b->changed == 0)
		return 0;
	return answers_finish_block(i, j, b, &a->octets[a->count++]);
}

/* Rows in the sequence of segments, then the audit: two issuers wait for each
 * other in no ring (db/store.h). */
static int
commit_announcement(
    const struct issuer *i, struct job *j, const struct announcement *a)
{
	if (store_begin(j) < 0)
		return -1;
	for (size_t k = 0; k < a->count; k++)
		if (answers_put_block(i, j, &a->blocks[k], a->octets[k]) < 0)
			return worker_undo(j);
	for (size_t k = 0; k < a->count; k++)
		if (answers_audit_block(i, j, &a->blocks[k]) < 0)
			return worker_undo(j);
	return store_commit(j);
}

int
answers_announce(struct issuer *i, struct job *j,
    const struct cert *const *certs, size_t count)
{
	struct announcement a = { .certs = certs, .cert_count = count };

	if (i->answers == NULL || count == 0)
		return 0;
	a.blocks = arena_calloc(j->arena, count, sizeof(*a.blocks));
	a.octets = arena_calloc(j->arena, count, sizeof(*a.octets));
	for (int64_t s = 0; s < OCSP_SEGMENTS; s++)
		if (fill_block(i, j, &a, s) < 0)
			return -1;
	if (a.count == 0)
		return 0;
	if (commit_announcement(i, j, &a) < 0)
		return -1;
	for (size_t k = 0; k < a.count; k++)
		if (answers_write_segment(i, j, a.blocks[k].segment,
			a.blocks[k].former + 1, a.octets[k]) < 0)
			return -1;
	return 0;
}

int
status_is_ready(struct issuer *i, struct job *j, const struct cert *c)
{
	int out = issuer_list_is_out(i, j, c->shard);

	if (out != 1 || i->answers == NULL)
		return out;
	return announce(i, j, c) < 0 ? -1 : 1;
}
