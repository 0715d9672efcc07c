#include "config.h"

#include "db/store_audit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "db/audit_chain.h"
#include "db/audit_mark.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/clock.h"

/* --- appending ----------------------------------------------------------- */

/* Takes the next number, which makes other writers wait for the end of this
 * transaction, and the hash to go on from. */
static int
head_take(struct job *j, struct audit_head *head)
{
	struct query q;
	int found = query_first_write(&q, j,
	    "UPDATE audit_head SET seq = seq + 1 WHERE id = 1 "
	    "RETURNING seq, hash",
	    NO_ARGS);
	struct span stored = { NULL, 0 };

	*head = (struct audit_head){ .is_taken = false };
	if (found == 1) {
		head->seq = query_int(&q);
		stored = query_bytes(&q);
	}
	query_end(&q);
	if (found < 0)
		return -1;
	if (found == 0 || (stored.n != SHA256_LEN && head->seq != 1))
		return job_fail(j, ERR_INTERNAL, "audit: the head is damaged");
	if (stored.n == SHA256_LEN)
		memcpy(head->hash, stored.p, SHA256_LEN);
	head->is_taken = true;
	return 0;
}

int
audit_head_write(struct job *j)
{
	struct audit_head *head = &j->store->audit_head;

	if (!head->is_changed)
		return 0;
	head->is_changed = false;
	return store_change(j, NULL,
	    "UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1",
	    ARGS(v_int(head->seq), v_bytes(span_mem(head->hash, SHA256_LEN))));
}

/* The first record of a transaction takes the head, the others go on from it:
 * it is ours until the end. */
int
store_audit_add(struct job *j, const char *actor, const char *event,
    const char *object, const char *result, const char *detail)
{
	struct audit_head *head = &j->store->audit_head;
	struct audit_link l = { .at_ms = clock_now_ms(),
		.actor = store_text(j, span_str(actor)),
		.event = store_text(j, span_str(event)),
		.object = store_text(j, span_str(object)),
		.result = store_text(j, span_str(result)),
		.detail = store_text(j, span_str(detail)),
		.has_detail = detail != NULL };

	if (head->is_taken)
		head->seq++;
	else if (head_take(j, head) != 0)
		return -1;
	l.seq = head->seq;
	audit_link_hash(j->arena, head->hash, &l, head->hash);
	head->is_changed = true;
	return store_change(j, NULL,
	    "INSERT INTO audit (seq, at_ms, actor, event, object, result, "
	    "detail, hash, keep_from) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	    ARGS(v_int(l.seq), v_int(l.at_ms), v_text(actor), v_text(event),
		v_text(object), v_text(result), v_text(detail),
		v_bytes(span_mem(head->hash, SHA256_LEN)),
		v_int(l.at_ms / 1000)));
}

/* --- reading ------------------------------------------------------------- */

/* More events than the longest life of one object has. */
#define AUDIT_LIST_MAX 1000

int
store_audit_list(
    struct job *j, const char *object, struct audit_row **out, size_t *count)
{
	return store_audit_list_after(j, object, 0, AUDIT_LIST_MAX, out, count);
}

int
store_audit_list_after(struct job *j, const char *object, int64_t after,
    size_t max, struct audit_row **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT seq, at_ms, actor, event, object, result, detail "
	    "FROM audit WHERE object = $1 AND seq > $2 ORDER BY seq LIMIT $3",
	    ARGS(v_text(object), v_int(after), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		struct audit_row *r = &(*out)[(*count)++];

		r->seq = query_int(&q);
		r->at_ms = query_int(&q);
		r->actor = query_text(&q);
		r->event = query_text(&q);
		r->object = query_text(&q);
		r->result = query_text(&q);
		r->detail = query_text(&q);
	}
	query_end(&q);
	return found;
}

/* --- the chain ----------------------------------------------------------- */

#define VERIFY_BATCH 500

struct chain {
	const struct seal_key *seal;
	const struct audit_verifier *heads;
	bool are_signed; /* heads, from here on */
	bool are_gaps_signed;
	int64_t seq; /* of the last good row */
	uint8_t hash[SHA256_LEN];
	int64_t head_seq;
	struct span head_hash;
	int64_t purged;         /* rows that gaps stand for */
	struct audit_mark mark; /* the next one; seq INT64_MAX: there is none */
	uint8_t mark_hash[SHA256_LEN];
};

static int
chain_broken(struct job *j, int64_t seq, const char *why)
{
	return job_fail(
	    j, ERR_INTERNAL, "audit: row %lld %s", (long long)seq, why);
}

/* PK-21: what the holder of the seal's key alone could not have made. */
static int
signature_check(struct job *j, const struct audit_mark *m, struct chain *chain)
{
	const struct audit_verifier *v = chain->heads;
	int good;

	if (v == NULL)
		return 0;
	if (m->signature.n == 0)
		return chain->are_signed ? chain_broken(j, m->seq,
					       "has a head of its day that is "
					       "not signed, while one before "
					       "it is")
					 : 0;
	chain->are_signed = true;
	good = v->verify(v->ctx, m->spki_sha256,
	    span_str(audit_mark_text(j, m)), m->signature);
	if (good < 0)
		return chain_broken(j, m->seq,
		    "has a head of its day by a key that is not among those "
		    "of issuer.audit_public_keys");
	return good == 1 ? 0
			 : chain_broken(j, m->seq,
			       "has a head of its day that carries no good "
			       "signature");
}

static int
mark_next(struct job *j, struct chain *chain)
{
	struct audit_mark *m = &chain->mark;
	int found = audit_mark_after(j, chain->seq, m);

	if (found == 0)
		m->seq = INT64_MAX;
	if (found <= 0)
		return found;
	if (m->hash.n != SHA256_LEN ||
	    (chain->seal != NULL && !audit_mark_is_sealed(chain->seal, m)))
		return chain_broken(j, m->seq,
		    "has a head of its day that carries no good seal");
	if (signature_check(j, m, chain) < 0)
		return -1;
	/* It outlives the memory that it was read into. */
	memcpy(chain->mark_hash, m->hash.p, SHA256_LEN);
	m->hash = span_mem(chain->mark_hash, SHA256_LEN);
	return 0;
}

/* A step has been made to chain->seq. */
static int
mark_check(struct job *j, struct chain *chain)
{
	if (chain->seq < chain->mark.seq)
		return 0;
	if (chain->seq == chain->mark.seq &&
	    !span_eq(chain->mark.hash, span_mem(chain->hash, SHA256_LEN)))
		return chain_broken(
		    j, chain->seq, "is not what the head of its day says");
	return mark_next(j, chain);
}

static int
link_check(struct job *j, const struct audit_link *l, struct chain *chain)
{
	uint8_t hash[SHA256_LEN];

	audit_link_hash(j->arena, chain->hash, l, hash);
	if (!span_eq(l->stored, span_mem(hash, sizeof(hash))))
		return chain_broken(j, l->seq,
		    "was changed, or does not follow the one before it");
	if (l->seq == chain->head_seq && !span_eq(l->stored, chain->head_hash))
		return chain_broken(j, l->seq, "is not what the head says");
	chain->seq = l->seq;
	memcpy(chain->hash, hash, sizeof(hash));
	return 0;
}

/* PK-21: it was the issuer who purged, and what it may.  Once it signs, it has
 * signed the gaps of before too (audit_mark_begin()). */
static int
gap_check(struct job *j, const struct audit_gap *g, const struct chain *chain)
{
	int good;

	if (chain->seal != NULL && !audit_gap_is_sealed(j, chain->seal, g))
		return chain_broken(j, g->from_seq,
		    "is missing, and what says that it was purged carries no "
		    "good seal");
	if (chain->heads != NULL && g->signature.n == 0 &&
	    chain->are_gaps_signed)
		return chain_broken(j, g->from_seq,
		    "is missing, and what says that it was purged is not "
		    "signed");
	if (chain->heads != NULL && g->signature.n > 0) {
		good = audit_gap_is_signed(j, chain->heads, g);
		if (good < 0)
			return chain_broken(j, g->from_seq,
			    "is missing, and what says that it was purged is "
			    "signed by a key that is not among those of "
			    "issuer.audit_public_keys");
		if (good == 0)
			return chain_broken(j, g->from_seq,
			    "is missing, and what says that it was purged "
			    "carries no good signature");
	}
	return g->newest_at >= 0 && g->purged_at >= AUDIT_KEPT_MIN_SECS &&
		       g->newest_at <= g->purged_at - AUDIT_KEPT_MIN_SECS
		   ? 0
		   : chain_broken(j, g->from_seq,
			 "is missing, and what says that it was purged does "
			 "not say that it was two years old");
}

/* Over the gap behind the last good row: 1, 0 there is none, -1. */
static int
chain_leap(struct job *j, struct chain *chain)
{
	struct audit_gap g;
	int found = audit_gap_from(j, chain->seq + 1, &g);

	if (found <= 0)
		return found;
	if (gap_check(j, &g, chain) < 0)
		return -1;
	/* The newest row is never purged. */
	if (g.to_seq < g.from_seq || g.to_seq >= chain->head_seq ||
	    g.after.n != SHA256_LEN ||
	    !span_eq(g.before, span_mem(chain->hash, SHA256_LEN)))
		return chain_broken(j, g.from_seq,
		    "is missing, and what says that it was purged does not "
		    "fit");
	chain->purged += g.to_seq - chain->seq;
	chain->seq = g.to_seq;
	memcpy(chain->hash, g.after.p, SHA256_LEN);
	return 1;
}

static int
walk_rows(struct job *j, struct chain *chain)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " AUDIT_LINK_COLUMNS
	    " FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2",
	    ARGS(v_int(chain->seq), v_int(VERIFY_BATCH)));
	bool is_next = true;

	for (; found == 1 && is_next; found = query_next(&q)) {
		struct audit_link l;

		audit_link_read(&q, &l);
		is_next = l.seq == chain->seq + 1;
		if (is_next && link_check(j, &l, chain) != 0) {
			found = -1;
			break;
		}
		if (!is_next) /* perhaps a gap is */
			break;
		if (chain->seq == chain->mark.seq)
			break;
	}
	query_end(&q);
	return found < 0 ? -1 : is_next ? 0 : 1;
}

/* Some rows further: 1 there may be more, 0 that was the end, -1. */
static int
chain_walk(struct job *j, struct chain *chain)
{
	struct arena *kept = j->arena;
	int64_t before = chain->seq;
	int found;

	/* A long chain must not pile up in the caller's memory. */
	j->arena = arena_new();
	found = walk_rows(j, chain);
	if (found >= 0 && mark_check(j, chain) < 0)
		found = -1;
	if (found >= 0) {
		int leapt = chain_leap(j, chain);

		if (leapt == 0 && found > 0)
			leapt = chain_broken(j, chain->seq + 1, "is missing");
		if (leapt > 0)
			leapt = mark_check(j, chain);
		if (leapt < 0)
			found = -1;
	}
	arena_free(j->arena);
	j->arena = kept;
	return found < 0 ? -1 : chain->seq > before;
}

static int
head_read(struct job *j, struct chain *chain)
{
	struct query q;
	int found;

	if (audit_head_write(j) < 0)
		return -1;
	found = query_first(
	    &q, j, "SELECT seq, hash FROM audit_head WHERE id = 1", NO_ARGS);
	if (found == 1) {
		chain->head_seq = query_int(&q);
		chain->head_hash = query_bytes(&q);
	}
	query_end(&q);
	return found == 0 ? job_fail(j, ERR_INTERNAL, "audit: there is no head")
			  : found;
}

/* Whoever deletes heads, or gaps, leaves the others. */
static int
are_gaps_signed(struct job *j, struct chain *chain)
{
	struct audit_mark m;
	int found = 0;

	if (chain->heads == NULL)
		return 0;
	found = audit_mark_newest_signed(j, &m);
	if (found == 0)
		found = audit_gap_any_signed(j);
	chain->are_gaps_signed = found > 0;
	return found < 0 ? -1 : 0;
}

/* Rows cut off at the end leave a chain that is whole but too short; rows
 * appended while this runs are checked too. */
int
store_audit_verify_with(struct job *j, const struct audit_trust *trust,
    int64_t *count, int64_t *purged)
{
	struct chain chain = { .seal = trust->seal, .heads = trust->heads };
	int more;

	*purged = 0;
	if (head_read(j, &chain) < 0 || are_gaps_signed(j, &chain) < 0 ||
	    mark_next(j, &chain) < 0)
		return -1;
	while ((more = chain_walk(j, &chain)) == 1)
		;
	*count = chain.seq;
	*purged = chain.purged;
	if (more == 0 && chain.seq < chain.head_seq)
		return chain_broken(j, chain.seq + 1, "is missing");
	/* The end was cut off, and the head set back. */
	if (more == 0 && chain.mark.seq != INT64_MAX)
		return chain_broken(j, chain.mark.seq,
		    "is missing, and was the newest one of its day");
	return more;
}

int
store_audit_verify_sealed(
    struct job *j, const struct seal_key *seal, int64_t *count, int64_t *purged)
{
	const struct audit_trust trust = { .seal = seal };

	return store_audit_verify_with(j, &trust, count, purged);
}

int
store_audit_verify(struct job *j, int64_t *count)
{
	int64_t purged;

	return store_audit_verify_sealed(j, NULL, count, &purged);
}
