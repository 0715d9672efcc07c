#include "config.h"

#include "acme/revoke.h"
#include "db/store_audit.h"
#include "db/store_cert.h"
#include "db/store_crl.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/certfield.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "src/answers.h"
#include "src/linters.h"
#include "src/linters_hold.h"
#include "src/list_rows.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <inttypes.h>
#include <string.h>

#define HOUR_SECS 3600
#define PAUSE_MIN_SECS 5
#define PAUSE_MAX_SECS 300
#define HELD_SECS 300 /* PK-156, PK-182: nothing waits for longer */
#define OCTETS_PER_SEC 20000
#define LATE_SECS 600 /* PK-182 */
#define SWEEP_MAX 1000
#define LISTED_BITE 1000                /* certificates a transaction */
#define SWEEP_SECS 3600                 /* longer than any signature takes */
#define SIZE_WARN ((size_t)1000 * 1000) /* PK-162 */
#define SIZE_MAX_LIST ((size_t)10 * 1000 * 1000)
#define FILE_MAX ((size_t)64 << 20)
#define POINT_MAX ((size_t)4096) /* octets of an extension */

/* The first revocation after a while is published at once.  Many in a row are
 * collected: the longer the list, the rarer it is made. */
int64_t
issuer_list_pause(size_t octets)
{
	size_t secs = PAUSE_MIN_SECS + octets / OCTETS_PER_SEC;

	return secs < PAUSE_MAX_SECS ? (int64_t)secs : PAUSE_MAX_SECS;
}

static const char *
label_of(const struct issuer *i)
{
	return ca_key_label(i->ca);
}

/* PK-156: the lists of a former CA end with one that is later than the end of
 * all its certificates. */
static int
next_regular(
    const struct issuer *i, struct job *j, const struct crl *last, int64_t *at)
{
	int64_t end = INT64_MAX;

	if (i->is_former && store_cert_last_end(j, label_of(i), &end) < 0)
		return -1;
	*at = last->this_update > end ? INT64_MAX
				      : last->this_update + CRL_EVERY_SECS;
	/* Whatever the row says: one that is over has a next one now. */
	if (*at != INT64_MAX && *at > last->next_update)
		*at = last->next_update;
	return 0;
}

/* When it is due for what the rows say. */
static int
find_due_by_rows(const struct issuer *i, struct job *j, int64_t shard,
    struct crl *last, int64_t *at)
{
	int64_t since, after;
	int found = store_crl_head(j, label_of(i), shard, last);

	*at = 0;
	if (found == 0)
		*last = (struct crl){ .shard = shard };
	if (found <= 0)
		return found;
	if (next_regular(i, j, last, at) < 0)
		return -1;
	found = store_crl_due(j, label_of(i), shard, &since);
	after = last->this_update + issuer_list_pause((size_t)last->size);
	/* Revoked under a clock that was ahead: the regular one has it. */
	if (found == 1 && since > after)
		after = since;
	if (found == 1 && *at > after)
		*at = after;
	return found < 0 ? -1 : 0;
}

/* PK-204: while lists are on hold.  The rows may say anything, and this is the
 * reserve by which a revocation gets out. */
static int64_t
not_before(const struct issuer *i, int64_t shard)
{
	return i->lists_held && i->list_at[shard] != 0
		   ? i->list_at[shard] + HELD_SECS
		   : 0;
}

/* 0 and *at: when the next list of the shard is due; *last is empty if there
 * is none. */
static int
find_due(const struct issuer *i, struct job *j, int64_t shard, struct crl *last,
    int64_t *at)
{
	if (find_due_by_rows(i, j, shard, last, at) < 0)
		return -1;
	if (*at < not_before(i, shard))
		*at = not_before(i, shard);
	return 0;
}

/* 1: the list may be signed now, 0, -1. */
static int
check_ceiling(struct issuer *i, struct job *j, int64_t shard)
{
	int64_t max = ceiling_max_lists(&j->conf->issuer);
	int64_t count, mine = ceiling_sum(&i->lists, j->now);

	if (store_crl_count_since(
		j, label_of(i), j->now - HOUR_SECS, max, &count) < 0 ||
	    ceiling_hold(&ceiling_lists, j, count > mine ? count : mine, max,
		&i->lists_held) < 0)
		return -1;
	return not_before(i, shard) <= j->now;
}

/* --- the list before this one --------------------------------------------- */

/* From the file that is served: the issuer alone writes it. */
static bool
read_served(
    const struct issuer *i, struct job *j, int64_t shard, struct crl_input *l)
{
	const char *file = status_shard_file(j->arena, &j->conf->issuer, shard);
	struct span der;
	bool ok = file_is_regular(file) &&
		  file_read_regular(j, file, FILE_MAX, &der) == 0 &&
		  crl_read(j, i->ca, der, l) == 0;

	job_recover(j);
	return ok;
}

/*
 * The newest list of the shard that carries this CA's signature, from the
 * database or from the file.  Neither can be made by who merely writes there,
 * and the newer one cannot be hidden without access to both.
 */
int
issuer_list_former(const struct issuer *i, struct job *j, int64_t shard,
    struct crl_input *former, bool *found)
{
	struct crl_input served;
	struct crl row;
	bool has_file = read_served(i, j, shard, &served);
	int has_row = store_crl_latest(j, label_of(i), shard, &row);

	*found = false;
	if (has_row < 0)
		return -1;
	if (has_row == 1 && crl_read(j, i->ca, row.der, former) < 0) {
		log_error("revocation list not ours",
		    "shard=%" PRId64 " number=%" PRId64
		    " error=\"%s\" next=\"find out who wrote the row\"",
		    shard, row.number, j->err.text);
		if (!has_file)
			return -1;
		job_recover(j);
		has_row = 0;
	}
	if (has_file && (has_row == 0 || served.number > former->number)) {
		*former = served;
		has_row = 1;
	}
	*found = has_row == 1;
	return 0;
}

/*
 * One that was set aside (PK-147) counts as the oldest there can be, whatever
 * its clock said; its number and its entries count as ever.  So nothing leaves
 * the next one because it ended before that moment, and what left for that
 * reason comes back.
 */
static int
place_in_time(const struct issuer *i, struct job *j, struct crl_input *former)
{
	int aside = store_crl_is_aside(j, label_of(i), former->number);

	if (aside < 0)
		return -1;
	if (aside == 1)
		former->this_update = 0;
	if (former->this_update <= j->now)
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "L-66: the former list, number %" PRIu64 ", is of a time to come, "
	    "%s; if the clock is right now, and the database was restored from "
	    "a backup that has no list of that number, give countersign crl "
	    "take, and then countersign clock",
	    former->number, clock_rfc3339(j->arena, former->this_update));
}

/* --- making it ------------------------------------------------------------ */

/* The number comes before the contents: a list with a greater number is never
 * the older one. */
static int
reserve(
    struct job *j, const struct crl *last, uint64_t former, struct crl *list)
{
	uint64_t above =
	    former > CRL_NUMBER_OF_CEREMONY ? former : CRL_NUMBER_OF_CEREMONY;
	size_t swept;

	if (store_begin(j) < 0 ||
	    revoke_blocked(
		j, last->this_update - SWEEP_SECS, SWEEP_MAX, &swept) < 0 ||
	    store_crl_reserve(j, list, (int64_t)above, &list->number) < 0)
		return worker_undo(j);
	return store_commit(j);
}

void
issuer_list_warn_of_size(const struct crl *list)
{
	size_t size = list->der.n;

	if (size < SIZE_WARN)
		return;
	if (size < SIZE_MAX_LIST)
		log_warning("revocation list large",
		    "shard=%" PRId64 " octets=%zu next=\"raise "
		    "issuer.crl_shards for new certificates\"",
		    list->shard, size);
	else
		log_error("revocation list too large",
		    "shard=%" PRId64 " octets=%zu next=\"raise "
		    "issuer.crl_shards; mail programs may refuse the list\"",
		    list->shard, size);
}

static void
alarm_if_late(struct job *j, int64_t since)
{
	if (since + LATE_SECS < j->now)
		log_error("revocation list late",
		    "seconds=%" PRId64
		    " next=\"find out what kept the issuer; the list must be "
		    "out within 10 minutes of a revocation\"",
		    j->now - since);
}

/* Runs in a transaction. */
static int
audit(struct job *j, const struct crl *list, const char *event)
{
	return store_audit_add(j, "issuer", event,
	    arena_printf(j->arena, "ca:%s", list->ca_label), "ok",
	    arena_printf(j->arena,
		"{\"shard\":%" PRId64 ",\"number\":%" PRId64 "}", list->shard,
		list->number));
}

/* Those that waited for a list, in place of all. */
static size_t
pick_due(struct revoked *rows, size_t count)
{
	size_t n = 0;

	for (size_t k = 0; k < count; k++)
		if (rows[k].is_due)
			rows[n++] = rows[k];
	return n;
}

static int
record(struct job *j, const struct crl *list, const struct revoked *rows,
    size_t count)
{
	if (store_begin(j) < 0 ||
	    store_crl_record(j, list->ca_label, list->number, list->der) < 0 ||
	    store_cert_listed(j, list, rows, count) < 0 ||
	    audit(j, list, "revocation list signed") < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* PK-155: with one shard only, the list is complete and needs no point. */
static const char *
point_of(struct job *j, int64_t shard)
{
	const struct conf_issuer *c = &j->conf->issuer;

	return c->crl_shards > 1 ? status_shard_url(j->arena, c, shard) : NULL;
}

/* PK-141: no linter refuses it; else the old list stays. */
static int
ask_linters(const struct issuer *i, struct job *j, const struct crl_input *in)
{
	struct span der;

	if (linters_count(j->conf, LINT_CRL) == 0)
		return 0;
	if (crl_lint_sign(j, i->ca, in, &der) < 0)
		return -1;
	return linters_hold_pass(i->linters, j, LINT_CRL, der);
}

/* --- putting it out ------------------------------------------------------- */

/* Each time that the file is written, also after a start: where the record
 * fails, both are done again. */
static int
record_published(struct job *j, const struct crl *list)
{
	if (store_begin(j) < 0 ||
	    audit(j, list, "revocation list published") < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* A list of this CA that was put there again under a new number would take
 * back what came after it. */
static int
check_committed(const struct issuer *i, struct job *j, const struct crl *row,
    struct crl_input *l, bool *was_out)
{
	struct crl_input served;
	bool has_file;

	if (crl_read(j, i->ca, row->der, l) < 0)
		return -1;
	has_file = read_served(i, j, row->shard, &served);
	*was_out = has_file && served.number >= l->number;
	if (l->number == (uint64_t)row->number &&
	    (!has_file || served.number <= l->number))
		return 0;
	if (l->number == (uint64_t)row->number)
		return job_fail(j, ERR_CONFLICT,
		    "shard %" PRId64 ": list number %" PRIu64
		    " is served, and the newest row is %" PRId64
		    ", as after a restore from an older backup",
		    row->shard, served.number, row->number);
	return job_fail(j, ERR_CONFLICT,
	    "shard %" PRId64 ": the newest row, %" PRId64
	    ", has list number %" PRIu64,
	    row->shard, row->number, l->number);
}

/*
 * The shard's file is written from the committed list, whoever signed it:
 * after a crash between the two, after a write that failed, and where another
 * issuer has made a newer one.  Not before that is it published (PK-157).
 */
static int
write_out(struct issuer *i, struct job *j, const struct crl *last)
{
	const char *file =
	    status_shard_file(j->arena, &j->conf->issuer, last->shard);
	struct crl_input l;
	struct crl row;
	bool was_out;

	if (last->number == 0 ||
	    (i->written[last->shard] == last->number && file_is_regular(file)))
		return 0;
	if (store_crl_latest(j, label_of(i), last->shard, &row) != 1 ||
	    check_committed(i, j, &row, &l, &was_out) < 0)
		return -1;
	/* The ceremony's waited for the service, and nobody for it. */
	if (!was_out && row.number != CRL_NUMBER_OF_CEREMONY)
		alarm_if_late(j, l.this_update);
	if (file_write(j, file, 0644, row.der) < 0 ||
	    record_published(j, &row) < 0)
		return -1;
	i->written[last->shard] = row.number;
	log_info("revocation list",
	    "shard=%" PRId64 " number=%" PRId64 " file=%s", last->shard,
	    row.number, file);
	return 1;
}

static int
note_listed(struct job *j, const struct crl *list, const struct revoked *rows,
    size_t count)
{
	if (store_begin(j) < 0 || store_cert_listed(j, list, rows, count) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/*
 * Behind the first bite.  Very many are noted in bites, since every other role
 * waits for a transaction; the list, which waits for none of them, is put out
 * before (PK-182).  Whoever is killed in between, or cannot write it, has them
 * still due, and makes another list.
 */
static int
note_rest(struct issuer *i, struct job *j, const struct crl *list,
    const struct revoked *rows, size_t count)
{
	if (count > LISTED_BITE && write_out(i, j, list) < 0)
		return -1;
	for (size_t from = LISTED_BITE; from < count; from += LISTED_BITE) {
		size_t left = count - from;

		if (note_listed(j, list, rows + from,
			left < LISTED_BITE ? left : LISTED_BITE) < 0)
			return -1;
	}
	return 0;
}

/* --- one list ------------------------------------------------------------- */

/* 1, -1, or 0: not now. */
static int
publish(struct issuer *i, struct job *j, const struct crl *last)
{
	struct crl_input in = { .this_update = j->now,
		.next_update = crl_next_update(j->now),
		.point = point_of(j, last->shard) };
	struct crl list = { .ca_label = label_of(i),
		.shard = last->shard,
		.this_update = in.this_update,
		.next_update = in.next_update };
	int64_t since = j->now;
	struct crl_input former = { 0 };
	struct list_rows rows;
	size_t due, bite;
	bool has_former;
	int signed_one, allowed = check_ceiling(i, j, last->shard);

	if (allowed <= 0)
		return allowed;
	if (linters_hold_may(i->linters, j, LINT_CRL) < 0 ||
	    issuer_list_former(i, j, last->shard, &former, &has_former) < 0 ||
	    place_in_time(i, j, &former) < 0 ||
	    reserve(j, last, former.number, &list) < 0 ||
	    store_crl_due(j, list.ca_label, list.shard, &since) < 0 ||
	    list_rows_collect(i, j, &list, former.this_update, &rows) < 0)
		return -1;
	in.number = (uint64_t)list.number;
	in.entries = rows.entries;
	in.count = rows.entry_count;
	if (has_former && list_rows_keep(i, j, last->shard, &former, &in) < 0)
		return -1;
	if (list_rows_record(i, j, last->shard, &rows) < 0 ||
	    ask_linters(i, j, &in) < 0)
		return -1;
	/* PK-169: what the list will say is in the answers before. */
	answers_follow(i, j);
	/* PK-183: also while the key's token is away. */
	alarm_if_late(j, since);
	signed_one = crl_sign(j, i->ca, &in, &list.der);
	/* A token that is away made none; any other fault may have. */
	if (signed_one == 0 || j->err.kind != ERR_BUSY) {
		ceiling_count(&i->lists, j->now);
		i->list_at[last->shard] = j->now;
	}
	due = pick_due(rows.v, rows.count);
	bite = due < LISTED_BITE ? due : LISTED_BITE;
	if (signed_one < 0 || record(j, &list, rows.v, bite) < 0)
		return -1;
	issuer_list_warn_of_size(&list);
	log_info("revocation list signed",
	    "shard=%" PRId64 " number=%" PRId64 " entries=%zu", list.shard,
	    list.number, in.count);
	return note_rest(i, j, &list, rows.v, due) < 0 ? -1 : 1;
}

/* Not what its row says that it is: another one takes its place. */
static int
write_out_or_replace(struct issuer *i, struct job *j, const struct crl *last)
{
	int result = write_out(i, j, last);

	if (result == 0 || j->err.kind != ERR_CONFLICT)
		return result;
	log_error("revocation list not ours",
	    "error=\"%s\" next=\"find out who wrote the row; a new list is "
	    "made\"",
	    j->err.text);
	job_recover(j);
	return publish(i, j, last);
}

/* --- the role's ----------------------------------------------------------- */

int
issuer_list_due(const struct issuer *i, struct job *j, int64_t *at)
{
	*at = INT64_MAX;
	for (int64_t s = 0; s < j->conf->issuer.crl_shards; s++) {
		struct crl last;
		int64_t due;

		if (find_due(i, j, s, &last, &due) < 0)
			return -1;
		if (due < *at)
			*at = due;
	}
	return 0;
}

/* Nobody takes a list that is over: it is not put out, and the next one is
 * made.  After a former CA's last list there is none. */
static bool
is_over(const struct job *j, const struct crl *last, int64_t due)
{
	return last->number != 0 && last->next_update <= j->now &&
	       due != INT64_MAX;
}

static int
shard_step(struct issuer *i, struct job *j, int64_t shard)
{
	struct crl last;
	int64_t due;

	if (find_due(i, j, shard, &last, &due) < 0)
		return -1;
	if (is_over(j, &last, due))
		return due <= j->now ? publish(i, j, &last) : 0;
	/* A committed list that is not out yet goes first. */
	if (last.number != 0 && i->written[shard] != last.number)
		return write_out_or_replace(i, j, &last);
	if (due <= j->now)
		return publish(i, j, &last);
	return write_out_or_replace(i, j, &last);
}

int
issuer_list_step(struct issuer *i, struct job *j)
{
	struct err why = { .kind = ERR_NONE };

	for (int64_t s = 0; s < j->conf->issuer.crl_shards; s++) {
		int result = shard_step(i, j, s);

		if (result > 0)
			return result;
		/* It keeps its old list; the other shards go on. */
		if (result < 0 && why.kind == ERR_NONE)
			why = j->err;
		job_recover(j);
	}
	if (why.kind == ERR_NONE)
		return 0;
	j->err = why;
	return -1;
}

int
issuer_list_restore(struct issuer *i, struct job *j)
{
	for (int64_t s = 0; s < j->conf->issuer.crl_shards; s++) {
		struct crl last;
		int64_t due;
		int result = find_due(i, j, s, &last, &due);

		if (result == 0 && !is_over(j, &last, due))
			result = write_out(i, j, &last);
		if (result != 0)
			return result;
	}
	return 0;
}

int
issuer_list_is_out(const struct issuer *i, struct job *j, int64_t shard)
{
	struct crl last;
	int found;

	if (shard < 0 || shard >= j->conf->issuer.crl_shards)
		return 0;
	found = store_crl_head(j, label_of(i), shard, &last);
	if (found <= 0)
		return found;
	return last.next_update > j->now && i->written[shard] == last.number &&
	       file_is_regular(
		   status_shard_file(j->arena, &j->conf->issuer, shard));
}

/* --- shards that certificates name ---------------------------------------- */

static int
check_shard(const struct issuer *i, struct job *j, int64_t shard)
{
	const struct conf_issuer *c = &j->conf->issuer;
	const char *url = status_shard_url(j->arena, c, shard);
	const char *known;
	int found = store_shard_url(j, label_of(i), shard, &known);

	if (found < 0)
		return -1;
	if (found == 1 && strcmp(known, url) == 0)
		return 0;
	if (found == 1 && c->crl_shards > 1)
		return job_fail(j, ERR_INTERNAL,
		    "issuer.crl_url: certificates name shard %" PRId64
		    " of the revocation list by %s, not by %s; write the "
		    "former URL (PK-155)",
		    shard, known, url);
	if (store_begin(j) < 0 ||
	    store_shard_set(j, label_of(i), shard, url) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* With one list for all it may have had other URLs before.  One of several says
 * whose it is, and who names another URL than that takes it for a stranger's
 * (L-62). */
static int
check_growth(const struct issuer *i, struct job *j)
{
	const char *url = status_shard_url(j->arena, &j->conf->issuer, 0);
	struct buf point;
	int lacks;

	buf_init(&point, j->arena, POINT_MAX);
	extension_crl_point(&point, url);
	lacks = store_shard_lacks(j, label_of(i), 0, buf_span(&point));
	if (lacks <= 0)
		return lacks;
	return job_fail(j, ERR_INTERNAL,
	    "issuer.crl_shards: there are certificates that name the "
	    "revocation list by another URL than %s, and could not be checked "
	    "against one of several lists; until they have expired there is "
	    "one list (PK-155)",
	    url);
}

/*
 * A database that was emptied looks like a new one, and what was issued could
 * not be revoked any more.  What is served says otherwise, with this CA's
 * signature; number 1 is of the ceremony that made the CA (PK-209).
 */
static int
check_not_lost(const struct issuer *i, struct job *j)
{
	for (int64_t s = 0; s < j->conf->issuer.crl_shards; s++) {
		struct crl_input served;

		if (read_served(i, j, s, &served) &&
		    served.number > CRL_NUMBER_OF_CEREMONY)
			return job_fail(j, ERR_INTERNAL,
			    "the database knows nothing of this CA, which has "
			    "signed list number %" PRIu64
			    " in %s: restore the database from its backup; if "
			    "it is to begin anew, what was issued before can "
			    "never be revoked: then move that file away",
			    served.number,
			    status_shard_file(j->arena, &j->conf->issuer, s));
	}
	return 0;
}

int
issuer_list_start(const struct issuer *i, struct job *j)
{
	int64_t shards = j->conf->issuer.crl_shards, count;

	if (store_shard_count(j, label_of(i), &count) < 0)
		return -1;
	if (shards < count)
		return job_fail(j, ERR_INTERNAL,
		    "issuer.crl_shards: certificates name %" PRId64
		    " shards of the revocation list; their number can only "
		    "grow (PK-154)",
		    count);
	if (count == 0 && check_not_lost(i, j) < 0)
		return -1;
	if (count == 1 && shards > 1 && check_growth(i, j) < 0)
		return -1;
	for (int64_t s = 0; s < shards; s++)
		if (check_shard(i, j, s) < 0)
			return -1;
	return 0;
}
