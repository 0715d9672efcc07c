#include "config.h"

#include "src/answers_private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

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
#include "src/linters.h"
#include "src/linters_hold.h"
#include "src/role_issuer.h"
#include "src/status_proof.h"
#include "src/worker.h"

#define HEAD_MAX ((size_t)64 << 20)
#define LINT_EVERY_SECS 60

const char *
answers_label(const struct issuer *i)
{
	return ca_key_label(i->ca);
}

/* --- files ---------------------------------------------------------------- */

int
answers_write_segment(struct issuer *i, struct job *j, int64_t segment,
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

void
answers_look_at_file(struct issuer *i, struct job *j, int64_t segment)
{
	struct ocsp_segment s;

	if (ocsp_segment_parse(read_served(j, segment), &s) == 0)
		i->answers->written[segment] = s.generation;
}

int
answers_read_committed(struct issuer *i, struct job *j, int64_t segment,
    int64_t *generation, struct span *octets)
{
	struct span served = read_served(j, segment);

	if (store_ocsp_get(j, answers_label(i), segment, generation, octets) <
	    0)
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

int
answers_open_block(
    struct issuer *i, struct job *j, int64_t segment, struct block *b)
{
	struct span octets;

	*b = (struct block){ .segment = segment };
	if (answers_need_responder(i, j) < 0)
		return -1;
	if (answers_read_committed(i, j, segment, &b->former, &octets) < 0)
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

int
answers_finish_block(
    struct issuer *i, struct job *j, struct block *b, struct span *octets)
{
	ceiling_add(
	    &i->answers->signatures, j->now, OCSP_HASHES * (int64_t)b->changed);
	i->answers->numbers[b->segment] = (int64_t)b->count;
	return block_finish(j, i->ca, b, octets) < 0 ? -1
						     : lint_sample(i, j, b);
}

int
answers_put_block(const struct issuer *i, struct job *j, const struct block *b,
    struct span octets)
{
	return store_ocsp_put(j, answers_label(i), b->segment, b->former,
	    b->oldest + OCSP_REFRESH_SECS, octets);
}

int
answers_audit_block(
    const struct issuer *i, struct job *j, const struct block *b)
{
	return store_audit_add(j, "issuer", "OCSP answers signed",
	    arena_printf(j->arena, "ca:%s", answers_label(i)), "ok",
	    arena_printf(j->arena, "{\"segment\":%" PRId64 ",\"answers\":%zu}",
		b->segment, b->changed));
}

int
answers_commit_block(struct issuer *i, struct job *j, struct block *b,
    const struct ocsp_row *rows, size_t count)
{
	struct span octets;

	if (answers_finish_block(i, j, b, &octets) < 0)
		return -1;
	if (store_begin(j) < 0 || answers_put_block(i, j, b, octets) < 0)
		return worker_undo(j);
	for (size_t k = 0; k < count; k++)
		if (store_ocsp_done(j, &rows[k]) < 0)
			return worker_undo(j);
	if (answers_audit_block(i, j, b) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	return answers_write_segment(i, j, b->segment, b->former + 1, octets);
}

/* --- one number ----------------------------------------------------------- */

int
answers_set_serial(struct ocsp_status *s, const char *hex)
{
	size_t n = strlen(hex) / 2;

	s->serial_len = (uint8_t)n;
	return n <= OCSP_SERIAL_MAX
		   ? hex_parse_fixed(span_str(hex), s->serial, n)
		   : -1;
}

bool
answers_row_is_proven(const struct issuer *i, struct job *j,
    const struct ocsp_row *row, struct certview *view)
{
	const struct cert c = { .id = row->id,
		.order_id = row->order_id,
		.serial = row->serial,
		.signature_alg = row->signature_alg,
		.tbs = row->tbs,
		.evidence = row->evidence };

	if (status_prove(i, j, &c, view) == 0)
		return true;
	job_recover(j);
	return false;
}

/* By its certificate, which the row alone does not bring along. */
static bool
is_proven_whole(const struct issuer *i, struct job *j,
    const struct ocsp_row *row, struct certview *view)
{
	struct cert c;
	bool proven = store_cert_by_id(j, row->id, NULL, &c) == 1 &&
		      status_prove_contents(i, j, &c, view) == 1 &&
		      strcmp(hex_dup(j->arena, view->serial), row->serial) == 0;

	job_recover(j);
	return proven;
}

/* The certificate's own words, or -1 (nothing is said of such a row). */
static int
prove_row(const struct issuer *i, struct job *j, const struct ocsp_row *row,
    struct certview *view)
{
	if (answers_row_is_proven(i, j, row, view) ||
	    is_proven_whole(i, j, row, view))
		return 0;
	log_error("certificate row not ours",
	    "cert=%s serial=%s next=\"find out who wrote the row; no OCSP "
	    "answer was signed for it\"",
	    row->id, row->serial);
	return -1;
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

int
answers_status_of_row(const struct issuer *i, struct job *j,
    const struct ocsp_row *row, const struct block *b, struct ocsp_status *s)
{
	struct certview view;

	*s = (struct ocsp_status){ .not_after = row->not_after };
	if (answers_set_serial(s, row->serial) < 0)
		return 0;
	set_status(j, row, s);
	if (block_find(b, s) != NULL && s->is_revoked)
		return 1; /* it was proven when it was put there */
	if (prove_row(i, j, row, &view) < 0)
		return 0;
	s->not_after = view.not_after;
	return 1;
}
