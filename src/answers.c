#include "config.h"

#include "src/answers.h"

#include <inttypes.h>
#include <string.h>

#include "db/store_cert.h"
#include "db/store_ocsp.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/certview.h"
#include "pki/crl.h"
#include "src/answers_private.h"
#include "src/role_issuer.h"
#include "src/status_proof.h"

#define DUE_MAX 1000
#define LATE_AGAIN_SECS 3600
#define HELD_SECS ((int64_t)12 * 3600)

struct answers *
answers_new(struct arena *keep)
{
	return arena_alloc(keep, sizeof(struct answers));
}

void
answers_free(struct answers *a)
{
	if (a == NULL)
		return;
	arena_free(a->own);
	a->own = NULL;
}

/* --- ceilings (PK-204) ---------------------------------------------------- */

int64_t
answers_signed(const struct answers *a, int64_t now)
{
	return ceiling_sum(&a->signatures, now);
}

static int
check_ceiling(struct issuer *i, struct job *j)
{
	struct answers *a = i->answers;
	int64_t numbers = 0;

	for (size_t s = 0; s < OCSP_SEGMENTS; s++)
		numbers += a->numbers[s];
	return ceiling_hold(&ceiling_answers, j, answers_signed(a, j->now),
	    ceiling_max_answers(&j->conf->issuer, numbers), &a->held);
}

/* When the segment may be signed anew, whatever the rows say: its answers do
 * not end for want of it. */
static int64_t
renewal_from(const struct answers *a, int64_t segment)
{
	return a->held && a->renewed_at[segment] != 0
		   ? a->renewed_at[segment] + HELD_SECS
		   : 0;
}

/* While answers are on hold: what can happen to a number once.  A revocation
 * does not end, and its reason changes to keyCompromise only (PK-180). */
static bool
is_news(const struct block *b, const struct ocsp_status *s)
{
	const struct ocsp_status *before = block_find(b, s);

	if (before == NULL || !s->is_revoked)
		return before == NULL;
	return !before->is_revoked ||
	       (s->reason == REASON_KEY_COMPROMISE &&
		   before->reason != REASON_KEY_COMPROMISE);
}

/* --- revocations (PK-169) ------------------------------------------------- */

static int
put_row(const struct issuer *i, struct job *j, struct block *b,
    const struct ocsp_row *row)
{
	struct ocsp_status s;

	if (row->not_after + OCSP_AFTER_SECS > j->now &&
	    answers_status_of_row(i, j, row, b, &s) == 1 &&
	    (!i->answers->held || is_news(b, &s)))
		return block_put(j, b, &s);
	return 0;
}

/* Does the row say another number than what it holds?  *right is the row with
 * that, by the same proof as on the list: 1, 0, -1. */
static int
is_spoiled(const struct issuer *i, struct job *j, const struct ocsp_row *row,
    struct ocsp_row *right)
{
	struct certview view;
	struct cert c;
	int found;

	*right = *row;
	if (answers_row_is_proven(i, j, row, &view))
		return 0;
	found = store_cert_by_id(j, row->id, NULL, &c);
	if (found <= 0 || status_prove_contents(i, j, &c, &view) == 0)
		return found < 0 ? -1 : 0;
	right->serial = hex_dup(j->arena, view.serial);
	return strcmp(right->serial, row->serial) != 0;
}

/* L-72: the list goes by what such a row holds (src/list_rows.h).  1 or -1. */
static int
follow_spoiled(struct issuer *i, struct job *j, const struct ocsp_row *right)
{
	struct block b;

	if (answers_open_block(i, j, block_segment_of(right->serial), &b) < 0 ||
	    put_row(i, j, &b, right) < 0)
		return -1;
	return answers_commit_block(i, j, &b, right, 1) < 0 ? -1 : 1;
}

/* Those of the oldest one's segment: 1, 0, -1. */
static int
follow_some(struct issuer *i, struct job *j)
{
	const char *oldest;
	struct ocsp_row *rows;
	size_t count;
	struct block b;
	int found = store_ocsp_due_first(j, answers_label(i), &oldest);

	if (found <= 0)
		return found;
	if (check_ceiling(i, j) < 0 || store_ocsp_due_rows(j, answers_label(i),
					   oldest, DUE_MAX, &rows, &count) < 0)
		return -1;
	for (size_t k = 0; k < count; k++) {
		struct ocsp_row right;
		int spoiled = is_spoiled(i, j, &rows[k], &right);

		if (spoiled != 0)
			return spoiled < 0 ? -1 : follow_spoiled(i, j, &right);
	}
	if (answers_open_block(i, j, block_segment_of(oldest), &b) < 0)
		return -1;
	for (size_t k = 0; k < count; k++)
		if (put_row(i, j, &b, &rows[k]) < 0)
			return -1;
	return answers_commit_block(i, j, &b, rows, count) < 0 ? -1 : 1;
}

/* In a job of its own: a segment may need megabytes, and there are many. */
static int
follow_apart(struct issuer *i, struct job *j)
{
	struct job one;
	int result;

	job_init(&one, j->store, j->conf);
	one.now = j->now;
	result = follow_some(i, &one);
	j->err = one.err;
	job_done(&one);
	return result;
}

void
answers_follow(struct issuer *i, struct job *j)
{
	int result;

	if (i->answers == NULL)
		return;
	while ((result = follow_apart(i, j)) == 1)
		continue;
	if (result == 0)
		return;
	log_error("OCSP answers late",
	    "error=\"%s\" next=\"revocations are not in the answers yet\"",
	    j->err.text);
	job_recover(j);
}

/* --- all of a segment (PK-168) -------------------------------------------- */

/* PK-169, PK-180: what a list of this CA says is never taken back here, nor is
 * keyCompromise, of which the list tells, whatever the row says now. */
static void
agree_with_lists(struct job *j, struct ocsp_status *s,
    const struct crl_input *lists, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		const struct crl_entry *e = crl_find(&lists[k], ocsp_serial(s));

		if (e != NULL)
			block_keep_revocation(j, s, "the list says",
			    e->revoked_at, (uint8_t)e->reason);
	}
}

static int
read_lists(const struct issuer *i, struct job *j, struct crl_input **out,
    size_t *count)
{
	size_t shards = (size_t)j->conf->issuer.crl_shards;

	*count = 0;
	*out = arena_calloc(j->arena, shards, sizeof(**out));
	for (size_t s = 0; s < shards; s++) {
		bool found;

		if (issuer_list_former(
			i, j, (int64_t)s, &(*out)[*count], &found) < 0)
			return -1;
		*count += found;
	}
	return 0;
}

/* 1, -1, or 0: not now. */
static int
refresh(struct issuer *i, struct job *j, int64_t segment)
{
	struct crl_input *lists;
	struct ocsp_row *rows;
	size_t count, list_count;
	struct block b;

	if (check_ceiling(i, j) < 0)
		return -1;
	if (renewal_from(i->answers, segment) > j->now)
		return 0;
	if (answers_open_block(i, j, segment, &b) < 0 ||
	    read_lists(i, j, &lists, &list_count) < 0 ||
	    store_ocsp_rows(j, answers_label(i), segment,
		j->now - OCSP_AFTER_SECS + 1, &rows, &count) < 0)
		return -1;
	block_restart(j, &b, count);
	for (size_t k = 0; k < count; k++) {
		struct ocsp_status s;

		if (answers_status_of_row(i, j, &rows[k], &b, &s) == 0)
			continue;
		agree_with_lists(j, &s, lists, list_count);
		if (block_put(j, &b, &s) < 0)
			return -1;
	}
	if (block_keep_revoked(j, &b) < 0 ||
	    answers_commit_block(i, j, &b, rows, 0) < 0)
		return -1;
	i->answers->renewed_at[segment] = j->now;
	return 1;
}

/* --- what is served ------------------------------------------------------- */

/* In the file as far as this process knows, and the file is there: somebody may
 * have tidied up. */
static bool
is_out(
    const struct issuer *i, struct job *j, int64_t segment, int64_t generation)
{
	return i->answers->written[segment] == generation &&
	       file_is_regular(
		   status_segment_file(j->arena, &j->conf->issuer, segment));
}

/* Committed, and not in the file: 1, 0, -1. */
static int
write_out(struct issuer *i, struct job *j, const struct ocsp_state *states)
{
	struct span octets = { NULL, 0 };
	int64_t generation = 0;
	int found;

	for (int64_t s = 0; s < OCSP_SEGMENTS; s++) {
		if (states[s].generation == 0 ||
		    is_out(i, j, s, states[s].generation))
			continue;
		if (i->answers->written[s] == 0)
			answers_look_at_file(i, j, s);
		if (is_out(i, j, s, states[s].generation))
			continue;
		found =
		    answers_need_ca(i, j) < 0
			? -1
			: answers_read_committed(i, j, s, &generation, &octets);
		if (found == 1)
			return answers_write_segment(
				   i, j, s, generation, octets) < 0
				   ? -1
				   : 1;
		/* Nobody can make others: it stays as it is. */
		if (found == 0 && i->is_gone) {
			i->answers->written[s] = states[s].generation;
			continue;
		}
		/* On hold, what is served stays as it is. */
		if (found < 0 || (found = refresh(i, j, s)) != 0)
			return found;
	}
	return 0;
}

static bool
is_late(const struct ocsp_state *s, int64_t now)
{
	return s->generation > 0 && s->refresh_at + ANSWERS_LATE_SECS <= now;
}

/* What makes one segment late makes most of them late: one alarm, again every
 * hour for as long as it lasts. */
static void
alarm_if_late(struct answers *a, struct job *j, const struct ocsp_state *states)
{
	int64_t secs = 0;
	int count = 0;

	for (int64_t s = 0; s < OCSP_SEGMENTS; s++) {
		if (!is_late(&states[s], j->now))
			continue;
		count++;
		if (j->now - states[s].refresh_at > secs)
			secs = j->now - states[s].refresh_at;
	}
	if (count == 0) {
		a->late_told_at = 0;
		return;
	}
	if (a->late_told_at != 0 && j->now < a->late_told_at + LATE_AGAIN_SECS)
		return;
	a->late_told_at = j->now;
	log_error("OCSP answers late",
	    "segments=%d seconds=%" PRId64 " next=\"find out what kept the "
	    "issuer; answers end 96 hours after they were signed\"",
	    count, secs);
}

/* The one that waits longest, or -1. */
static int64_t
find_refresh(
    const struct answers *a, const struct ocsp_state *states, int64_t now)
{
	int64_t found = -1;

	for (int64_t s = 0; s < OCSP_SEGMENTS; s++)
		if (states[s].refresh_at <= now && renewal_from(a, s) <= now &&
		    (found < 0 ||
			states[s].refresh_at < states[found].refresh_at))
			found = s;
	return found;
}

/* --- the role's ----------------------------------------------------------- */

int
answers_step(struct issuer *i, struct job *j)
{
	struct ocsp_state states[OCSP_SEGMENTS];
	int64_t segment;
	int result;

	if (i->answers == NULL)
		return 0;
	result = follow_some(i, j);
	if (result != 0)
		return result;
	if (store_ocsp_states(j, answers_label(i), states) < 0)
		return -1;
	result = write_out(i, j, states);
	if (result != 0)
		return result;
	alarm_if_late(i->answers, j, states);
	segment = find_refresh(i->answers, states, j->now);
	return segment < 0 ? 0 : refresh(i, j, segment);
}

int
answers_restore(struct issuer *i, struct job *j)
{
	struct ocsp_state states[OCSP_SEGMENTS];

	if (i->answers == NULL)
		return 0;
	return store_ocsp_states(j, answers_label(i), states) < 0
		   ? -1
		   : write_out(i, j, states);
}

int
answers_due(const struct issuer *i, struct job *j, int64_t *at)
{
	struct ocsp_state states[OCSP_SEGMENTS];
	int64_t revoked;
	int found;

	*at = INT64_MAX;
	if (i->answers == NULL)
		return 0;
	found = store_ocsp_due(j, answers_label(i), &revoked);
	if (found < 0 || store_ocsp_states(j, answers_label(i), states) < 0)
		return -1;
	if (found == 1)
		*at = revoked;
	for (int64_t s = 0; s < OCSP_SEGMENTS; s++) {
		int64_t from = renewal_from(i->answers, s);

		if (from < states[s].refresh_at)
			from = states[s].refresh_at;
		if (from < *at)
			*at = from;
	}
	return 0;
}
