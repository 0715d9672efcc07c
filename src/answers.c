#include "config.h"

#include "src/answers.h"

#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_ocsp.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/rnd.h"
#include "pki/crl.h"
#include "pki/responder.h"
#include "src/answers_block.h"
#include "src/evidence.h"
#include "src/linters.h"
#include "src/linters_hold.h"
#include "src/own_keys.h"
#include "src/role_issuer.h"
#include "src/status_proof.h"
#include "src/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DUE_MAX 1000
#define DAY_SECS ((int64_t)86400)
#define LATE_AGAIN_SECS 3600
#define HOUR_SECS 3600
#define HELD_SECS ((int64_t)12 * HOUR_SECS)
#define RESPONDER_HELD_SECS 600
#define HEAD_MAX ((size_t)64 << 20)
#define LINT_EVERY_SECS 60

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

static const char *
label_of(const struct issuer *i)
{
	return ca_key_label(i->ca);
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

/* 1, 0: on hold, -1. */
static int
may_make_responder(struct issuer *i, struct job *j)
{
	struct answers *a = i->answers;
	int64_t count;
	bool held;

	if (a->responder_at == 0)
		a->responder_at = j->now;
	if (store_responder_count_since(
		j, label_of(i), j->now - HOUR_SECS, &count) < 0 ||
	    ceiling_hold(&ceiling_responders, j, count,
		ceiling_max_responders(&j->conf->issuer), &held) < 0)
		return -1;
	return !held || j->now >= a->responder_at + RESPONDER_HELD_SECS;
}

/* --- the responder -------------------------------------------------------- */

/* PK-136: none of them has refused what the CA's key is to sign. */
static int
lint_responder(const struct issuer *i, struct job *j, const struct responder *r,
    const char **report, const char **allowed)
{
	const struct linters_subject subject = { LINT_RESPONDER,
		r->lint_certificate, true };

	*report = r->lint_report;
	*allowed = NULL;
	return linters_hold_check(i->linters, j, &subject, report, allowed);
}

/* The number is committed before the CA's key is used (PK-144).  Without spki
 * the key is made as well. */
static int
make_responder(struct issuer *i, struct job *j, struct arena *own,
    struct span spki, struct responder *r)
{
	const char *object = arena_printf(j->arena, "ca:%s", label_of(i));
	struct responder_row row = { .ca_label = label_of(i),
		.br_version = BR_VERSION };
	const char *allowed;

	if (linters_hold_may(i->linters, j, LINT_RESPONDER) < 0 ||
	    (spki.n == 0 ? responder_prepare(j, own, i->ca, r)
			 : responder_prepare_for(j, own, i->ca, spki, r)) < 0 ||
	    lint_responder(i, j, r, &row.lint_report, &allowed) < 0)
		return -1;
	row.serial = r->serial;
	row.tbs = r->tbs;
	row.not_after = r->not_after;
	if (store_begin(j) < 0 || store_responder_reserve(j, &row) < 0 ||
	    own_keys_add_responder(j, r->serial, r->lint_certificate) < 0 ||
	    linters_hold_allowed(j, LINT_RESPONDER, allowed) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0 || responder_sign(j, own, i->ca, r) < 0)
		return -1;
	if (store_begin(j) < 0 ||
	    store_responder_record(j, r->serial, row.ca_label, r->certificate) <
		0 ||
	    store_audit_add(j, "issuer", "responder certificate", object,
		"issued", worker_detail(j, "serial", r->serial)) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static int
hold_responder(struct job *j)
{
	return job_fail(j, ERR_BUSY,
	    "certificates of OCSP responders are on hold: issuer."
	    "max_responders_per_hour");
}

int
answers_certify(
    struct issuer *i, struct job *j, struct span spki, struct span *certificate)
{
	struct responder r;
	int may = may_make_responder(i, j);

	if (may == 0)
		return hold_responder(j);
	if (may < 0 || make_responder(i, j, j->arena, spki, &r) < 0)
		return -1;
	i->answers->responder_at = j->now;
	*certificate = r.certificate;
	log_info("OCSP responder", "serial=%s key=\"of the role responder\"",
	    r.serial);
	return 0;
}

static int
need_ca(struct issuer *i, struct job *j)
{
	struct answers *a = i->answers;

	if (!a->has_ca && responder_ca(j, i->ca, &a->ca) < 0)
		return -1;
	a->has_ca = true;
	return 0;
}

/* PK-118: thirty days, renewed after fifteen. */
static int
need_responder(struct issuer *i, struct job *j)
{
	struct answers *a = i->answers;
	struct responder r;
	struct arena *own;
	int may;

	if (need_ca(i, j) < 0)
		return -1;
	if (a->own != NULL && j->now >= a->responder.not_before &&
	    j->now < a->responder.not_before + RESPONDER_RENEW_DAYS * DAY_SECS)
		return 0;
	may = may_make_responder(i, j);
	if (may < 0)
		return -1;
	if (may == 0 && a->own != NULL && j->now >= a->responder.not_before &&
	    ocsp_next_update(j->now) < a->responder.not_after)
		return 0;
	if (may == 0)
		return hold_responder(j);
	own = arena_new();
	if (make_responder(i, j, own, (struct span){ NULL, 0 }, &r) < 0) {
		arena_free(own);
		return -1;
	}
	arena_free(a->own);
	a->own = own;
	a->responder = r;
	a->responder_at = j->now;
	/* The first answer of each is looked at. */
	a->linted_at = 0;
	log_info("OCSP responder", "serial=%s", r.serial);
	return 0;
}

/* --- files ---------------------------------------------------------------- */

static int
write_segment(struct issuer *i, struct job *j, int64_t segment,
    int64_t generation, struct span octets)
{
	const struct conf_issuer *c = &j->conf->issuer;

	if (mkdir(c->ocsp_folder, 0755) < 0 && errno != EEXIST)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", c->ocsp_folder, strerror(errno));
	if (file_write(
		j, status_segment_file(j->arena, c, segment), 0644, octets) < 0)
		return -1;
	i->answers->written[segment] = generation;
	return 0;
}

/* What is served; empty if nothing is.  The issuer alone writes it. */
static struct span
read_served(struct job *j, int64_t segment)
{
	const char *file =
	    status_segment_file(j->arena, &j->conf->issuer, segment);
	struct span octets = { NULL, 0 };

	if (!file_is_regular(file) ||
	    file_read_regular(j, file, HEAD_MAX, &octets) < 0)
		octets = (struct span){ NULL, 0 };
	job_recover(j);
	return octets;
}

/* What another process wrote before, or another issuer on this machine. */
static void
look_at_file(struct issuer *i, struct job *j, int64_t segment)
{
	struct ocsp_segment s;

	if (ocsp_segment_parse(read_served(j, segment), &s) == 0)
		i->answers->written[segment] = s.generation;
}

/*
 * The committed segment: 1, or 0 and what is served instead, or -1.  Old
 * answers have good signatures for days: whoever can write rows must not bring
 * them back (PK-169).
 */
static int
read_committed(struct issuer *i, struct job *j, int64_t segment,
    int64_t *generation, struct span *octets)
{
	struct span served = read_served(j, segment);

	if (store_ocsp_get(j, label_of(i), segment, generation, octets) < 0)
		return -1;
	if (block_follows(&i->answers->ca, served, *octets, j->now))
		return 1;
	log_error("OCSP answers taken back",
	    "segment=%02x next=\"the database has older answers than were "
	    "served; find out who wrote them\"",
	    (unsigned)segment & 0xff);
	*octets = served;
	return 0;
}

/* --- batches -------------------------------------------------------------- */

static int
open_block(struct issuer *i, struct job *j, int64_t segment, struct block *b)
{
	struct span octets;

	*b = (struct block){ .segment = segment };
	if (need_responder(i, j) < 0)
		return -1;
	if (read_committed(i, j, segment, &b->former, &octets) < 0)
		return -1;
	block_open(j, b, &i->answers->responder, &i->answers->ca, octets);
	return 0;
}

/* PK-141: one answer of the batch, drawn at random, but not more often than
 * once a minute; nothing of a batch goes out whose sample is refused. */
static int
lint_sample(struct issuer *i, struct job *j, const struct block *b)
{
	struct answers *a = i->answers;
	enum ocsp_hash hash;
	uint32_t draw[2];
	struct span der;

	if (b->changed == 0 || linters_count(j->conf, LINT_OCSP) == 0 ||
	    (a->linted_at != 0 && a->linted_at <= j->now &&
		j->now < a->linted_at + LINT_EVERY_SECS))
		return 0;
	rnd_bytes(draw, sizeof(draw));
	hash = (enum ocsp_hash)(draw[0] % OCSP_HASHES);
	if (block_sample(j, b, draw[1], hash, &der) < 0 ||
	    linters_hold_pass(i->linters, j, LINT_OCSP, der) < 0)
		return -1;
	a->linted_at = j->now;
	return 0;
}

static int
finish_block(
    struct issuer *i, struct job *j, struct block *b, struct span *octets)
{
	ceiling_add(
	    &i->answers->signatures, j->now, OCSP_HASHES * (int64_t)b->changed);
	i->answers->numbers[b->segment] = (int64_t)b->count;
	return block_finish(j, i->ca, b, octets) < 0 ? -1
						     : lint_sample(i, j, b);
}

static int
put_block(const struct issuer *i, struct job *j, const struct block *b,
    struct span octets)
{
	return store_ocsp_put(j, label_of(i), b->segment, b->former,
	    b->oldest + OCSP_REFRESH_SECS, octets);
}

static int
audit_block(const struct issuer *i, struct job *j, const struct block *b)
{
	return store_audit_add(j, "issuer", "OCSP answers signed",
	    arena_printf(j->arena, "ca:%s", label_of(i)), "ok",
	    arena_printf(j->arena, "{\"segment\":%" PRId64 ",\"answers\":%zu}",
		b->segment, b->changed));
}

static int
commit_block(struct issuer *i, struct job *j, struct block *b,
    const struct ocsp_row *rows, size_t count)
{
	struct span octets;

	if (finish_block(i, j, b, &octets) < 0)
		return -1;
	if (store_begin(j) < 0 || put_block(i, j, b, octets) < 0)
		return worker_undo(j);
	for (size_t k = 0; k < count; k++)
		if (store_ocsp_done(j, &rows[k]) < 0)
			return worker_undo(j);
	if (audit_block(i, j, b) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	return write_segment(i, j, b->segment, b->former + 1, octets);
}

/* The certificate's own words, or -1 (nothing is said of such a row). */
static int
prove_row(const struct issuer *i, struct job *j, const struct ocsp_row *row,
    struct certview *view)
{
	const struct cert c = { .id = row->id,
		.order_id = row->order_id,
		.serial = row->serial,
		.signature_alg = row->signature_alg,
		.tbs = row->tbs,
		.evidence = row->evidence };

	if (status_prove(i, j, &c, view) == 0)
		return 0;
	job_recover(j);
	log_error("certificate row not ours",
	    "cert=%s serial=%s next=\"find out who wrote the row; no OCSP "
	    "answer was signed for it\"",
	    row->id, row->serial);
	return -1;
}

static int
set_serial(struct ocsp_status *s, const char *hex)
{
	size_t n = strlen(hex) / 2;

	s->serial_len = (uint8_t)n;
	return n <= OCSP_SERIAL_MAX
		   ? hex_parse_fixed(span_str(hex), s->serial, n)
		   : -1;
}

static void
set_status(struct job *j, const struct ocsp_row *row, struct ocsp_status *s)
{
	s->this_update = j->now;
	s->is_revoked = row->revoked_at > 0;
	if (!s->is_revoked)
		return;
	s->reason = (uint8_t)status_reason(row->serial, row->reason);
	/* As the list has it (PK-174). */
	s->revoked_at = row->revoked_at < j->now ? row->revoked_at : j->now;
}

/* 1: status is set; 0: nothing is said of this row. */
static int
status_of_row(const struct issuer *i, struct job *j, const struct ocsp_row *row,
    const struct block *b, struct ocsp_status *s)
{
	struct certview view;

	*s = (struct ocsp_status){ .not_after = row->not_after };
	if (set_serial(s, row->serial) < 0)
		return 0;
	set_status(j, row, s);
	if (block_find(b, s) != NULL && s->is_revoked)
		return 1; /* it was proven when it was put there */
	if (prove_row(i, j, row, &view) < 0)
		return 0;
	s->not_after = view.not_after;
	return 1;
}

/* --- revocations (PK-169) ------------------------------------------------- */

/* Those of the oldest one's segment: 1, 0, -1. */
static int
follow_some(struct issuer *i, struct job *j)
{
	const char *oldest;
	struct ocsp_row *rows;
	size_t count;
	struct block b;
	int found = store_ocsp_due_first(j, label_of(i), &oldest);

	if (found <= 0)
		return found;
	if (check_ceiling(i, j) < 0 ||
	    open_block(i, j, block_segment_of(oldest), &b) < 0 ||
	    store_ocsp_due_rows(
		j, label_of(i), oldest, DUE_MAX, &rows, &count) < 0)
		return -1;
	for (size_t k = 0; k < count; k++) {
		struct ocsp_status s;

		if (rows[k].not_after + OCSP_AFTER_SECS > j->now &&
		    status_of_row(i, j, &rows[k], &b, &s) == 1 &&
		    (!i->answers->held || is_news(&b, &s)) &&
		    block_put(j, &b, &s) < 0)
			return -1;
	}
	return commit_block(i, j, &b, rows, count) < 0 ? -1 : 1;
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

/* PK-169: what a list of this CA says is never taken back here, whatever the
 * row says now. */
static void
agree_with_lists(struct job *j, struct ocsp_status *s,
    const struct crl_input *lists, size_t count)
{
	for (size_t k = 0; k < count && !s->is_revoked; k++) {
		const struct crl_entry *e = crl_find(&lists[k], ocsp_serial(s));

		if (e == NULL)
			continue;
		log_error("revocation taken back",
		    "serial=%s next=\"the row says that the certificate is not "
		    "revoked, the list says that it is; find out who changed "
		    "the row\"",
		    hex_dup(j->arena, ocsp_serial(s)));
		s->is_revoked = true;
		s->revoked_at = e->revoked_at;
		s->reason = (uint8_t)e->reason;
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
	if (open_block(i, j, segment, &b) < 0 ||
	    read_lists(i, j, &lists, &list_count) < 0 ||
	    store_ocsp_rows(j, label_of(i), segment,
		j->now - OCSP_AFTER_SECS + 1, &rows, &count) < 0)
		return -1;
	block_restart(j, &b, count);
	for (size_t k = 0; k < count; k++) {
		struct ocsp_status s;

		if (status_of_row(i, j, &rows[k], &b, &s) == 0)
			continue;
		agree_with_lists(j, &s, lists, list_count);
		if (block_put(j, &b, &s) < 0)
			return -1;
	}
	if (block_keep_revoked(j, &b) < 0 ||
	    commit_block(i, j, &b, rows, 0) < 0)
		return -1;
	i->answers->renewed_at[segment] = j->now;
	return 1;
}

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
			look_at_file(i, j, s);
		if (is_out(i, j, s, states[s].generation))
			continue;
		found = need_ca(i, j) < 0
			    ? -1
			    : read_committed(i, j, s, &generation, &octets);
		if (found == 1)
			return write_segment(i, j, s, generation, octets) < 0
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
	if (store_ocsp_states(j, label_of(i), states) < 0)
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
	return store_ocsp_states(j, label_of(i), states) < 0
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
	found = store_ocsp_due(j, label_of(i), &revoked);
	if (found < 0 || store_ocsp_states(j, label_of(i), states) < 0)
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

/* --- before a certificate is handed out ----------------------------------- */

static int
announce(struct issuer *i, struct job *j, const struct cert *c)
{
	struct ocsp_status s = { .not_after = c->not_after,
		.this_update = j->now };
	struct block b;

	if (set_serial(&s, c->serial) < 0)
		return job_fail(j, ERR_INTERNAL, "serial %s", c->serial);
	if (open_block(i, j, block_segment_of(c->serial), &b) < 0)
		return -1;
	/* Revoked before it was handed out, or announced by a process that
	 * was stopped then. */
	if (block_find(&b, &s) != NULL &&
	    i->answers->written[b.segment] == b.former)
		return 0;
	if (block_find(&b, &s) == NULL && block_put(j, &b, &s) < 0)
		return -1;
	return commit_block(i, j, &b, NULL, 0);
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
		    set_serial(&s, c->serial) < 0)
			continue;
		if (b == NULL) {
			b = &a->blocks[a->count];
			if (open_block(i, j, segment, b) < 0)
				return -1;
		}
		if (block_find(b, &s) == NULL && block_put(j, b, &s) < 0)
			return -1;
	}
	if (b == NULL || b->changed == 0)
		return 0;
	return finish_block(i, j, b, &a->octets[a->count++]);
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
		if (put_block(i, j, &a->blocks[k], a->octets[k]) < 0)
			return worker_undo(j);
	for (size_t k = 0; k < a->count; k++)
		if (audit_block(i, j, &a->blocks[k]) < 0)
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
		if (write_segment(i, j, a.blocks[k].segment,
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
