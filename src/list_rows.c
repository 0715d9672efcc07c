#include "config.h"

#include "src/list_rows.h"

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/certview.h"
#include "pki/crl.h"
#include "pki/crl_lint.h"
#include "pki/key.h"
#include "src/role_issuer.h"
#include "src/status_place.h"
#include "src/status_proof.h"
#include "src/worker.h"

#include <inttypes.h>
#include <stdlib.h>

/* The others are counted: one fault may be that of very many rows. */
#define TOLD_MAX 10

/* --- rows that contradict their certificates ------------------------------ */

static void
tell_spoiled(const struct revoked *r, int64_t shard, const char *stored,
    const char *listed_as)
{
	struct log_quoted q;

	log_error("revocation row spoiled",
	    "cert=%s shard=%" PRId64 " serial=%s listed_as=%s next=\"%s: find "
	    "out who wrote the row, and write its number as its certificate "
	    "says\"",
	    r->id, shard, log_quote(&q, span_str(stored)),
	    listed_as != NULL ? listed_as : "none",
	    listed_as != NULL ? "its certificate is on the list"
			      : "it is on no list, and what was revoked may "
				"still be good for whoever meets it");
}

/* PK-155: where there is one list only, it is everybody's, whatever its URL
 * was. */
static bool
is_on_list(struct job *j, const struct certview *view, int64_t shard)
{
	return j->conf->issuer.crl_shards == 1 ||
	       status_names_shard(j, &j->conf->issuer, view, shard);
}

static void
tell_stray(
    const struct revoked *r, int64_t shard, const char *number, const char *why)
{
	log_error("revocation row not ours",
	    "cert=%s serial=%s shard=%" PRId64 " error=\"%s\" next=\"what was "
	    "revoked may still be good for whoever meets it: find out who "
	    "wrote the row, write number and shard as the certificate says, "
	    "and list_due_at, so that the right list is made\"",
	    r->id, number, shard, why);
}

static void
set_serial(struct job *j, struct revoked *r, struct span serial)
{
	r->serial =
	    span_mem(arena_memdup(j->arena, serial.p, serial.n), serial.n);
}

/* What is wrong with a row of which `found` and `view` are the contents. */
static void
judge(struct job *j, int64_t shard, struct revoked *r, int found,
    const struct certview *view, const char *stored, struct list_rows *rows)
{
	bool is_number = crl_serial_is_proper(r->serial);
	const char *why = NULL;

	if (found == 1 && !span_eq(view->serial, r->serial)) {
		set_serial(j, r, view->serial);
		/* Next time as well, it can be seen of this one alone. */
		r->stays_due = is_number;
	} else if (!is_number) {
		r->serial = (struct span){ NULL, 0 };
	} else {
		if (found == 0)
			why = "it is no certificate's of this CA";
		else if (!is_on_list(j, view, shard))
			why = "its certificate names another list, where it "
			      "is not";
		if (why != NULL && rows->strays++ < TOLD_MAX)
			tell_stray(r, shard, stored, why);
		return;
	}
	if (rows->spoiled++ < TOLD_MAX)
		tell_spoiled(r, shard, stored,
		    found == 1 ? hex_dup(j->arena, r->serial) : NULL);
}

static const struct cert *
find_row(const struct cert *list, size_t count, const char *id)
{
	for (size_t k = 0; k < count; k++)
		if (strcmp(list[k].id, id) == 0)
			return &list[k];
	return NULL;
}

/* Some rows that one statement reads. */
struct look {
	const struct issuer *i;
	int64_t shard;
	struct list_rows *rows;
	struct revoked *at[CERT_IDS_MAX];
	size_t count;
};

static int
look_within(const struct look *l, struct job *j, struct job *one)
{
	const char *ids[CERT_IDS_MAX];
	struct cert list[CERT_IDS_MAX];
	size_t count;

	for (size_t k = 0; k < l->count; k++)
		ids[k] = l->at[k]->id;
	if (store_cert_by_ids(one, ids, l->count, list, &count) < 0)
		return -1;
	for (size_t k = 0; k < l->count; k++) {
		const struct cert *c = find_row(list, count, ids[k]);
		struct certview view;
		int found =
		    c == NULL ? 0 : status_prove_contents(l->i, one, c, &view);

		judge(j, l->shard, l->at[k], found, &view,
		    c == NULL ? "" : c->serial, l->rows);
	}
	return 0;
}

/* In a job of their own: there may be very many. */
static int
look_at(struct look *l, struct job *j)
{
	struct job one;
	int result;

	if (l->count == 0)
		return 0;
	job_init(&one, j->store, j->conf);
	one.now = j->now;
	result = look_within(l, j, &one);
	j->err = one.err;
	job_done(&one);
	l->count = 0;
	return result;
}

/* Those that a list is to show for the first time, and those that nobody
 * could look for. */
static int
look_at_all(const struct issuer *i, struct job *j, int64_t shard,
    struct list_rows *rows)
{
	struct look l = { .i = i, .shard = shard, .rows = rows };

	for (size_t k = 0; k < rows->count; k++) {
		struct revoked *r = &rows->v[k];

		if (!r->is_due && crl_serial_is_proper(r->serial))
			continue;
		l.at[l.count++] = r;
		if (l.count == CERT_IDS_MAX && look_at(&l, j) < 0)
			return -1;
	}
	return look_at(&l, j);
}

/* --- entries -------------------------------------------------------------- */

static int
by_serial(const void *a, const void *b)
{
	const struct crl_entry *x = a, *y = b;

	return crl_serial_compare(x->serial, y->serial);
}

/* The database sorts text, where a number of another length stands anywhere. */
static void
make_entries(struct job *j, int64_t this_update, struct list_rows *rows)
{
	struct crl_entry *v = arena_calloc(j->arena, rows->count, sizeof(*v));
	size_t n = 0, unique = 0;

	for (size_t k = 0; k < rows->count; k++) {
		const struct revoked *r = &rows->v[k];

		if (r->serial.n == 0)
			continue;
		/* Committed after this step began, or by another machine
		 * whose clock is ahead (PK-159). */
		v[n++] = (struct crl_entry){ .serial = r->serial,
			.revoked_at = r->revoked_at < this_update
					  ? r->revoked_at
					  : this_update,
			.reason = status_reason(
			    hex_dup(j->arena, r->serial), r->reason) };
	}
	if (n > 1)
		qsort(v, n, sizeof(*v), by_serial);
	for (size_t k = 0; k < n; k++)
		if (unique == 0 || by_serial(&v[unique - 1], &v[k]) != 0)
			v[unique++] = v[k];
	rows->entries = v;
	rows->entry_count = unique;
}

int
list_rows_collect(const struct issuer *i, struct job *j, const struct crl *list,
    int64_t last_update, struct list_rows *out)
{
	*out = (struct list_rows){ .v = NULL };
	if (store_cert_revoked(j, list, last_update, &out->v, &out->count) <
		0 ||
	    look_at_all(i, j, list->shard, out) < 0)
		return -1;
	make_entries(j, list->this_update, out);
	return 0;
}

/* --- what leaves the list ------------------------------------------------- */

/* What the issuer can prove of a number. */
struct proven {
	struct span serial;
	int64_t not_after;
	bool is_on_list; /* that of the shard, by its certificate */
};

/* The number in what the row holds, which is the issuer's own: 1 and *view, 0
 * none, -1. */
static int
prove_contents(const struct issuer *i, struct job *j, const char *id,
    struct certview *view)
{
	struct cert c;
	int found = store_cert_by_id(j, id, NULL, &c);

	return found <= 0 ? found : status_prove_contents(i, j, &c, view);
}

struct keeping {
	const struct issuer *i;
	int64_t shard;
	const struct crl_input *former;
	/* Of revoked rows whose number is none, sorted; looked for once, when
	 * the first entry is lost. */
	struct proven *spoiled;
	size_t spoiled_count;
};

static int
by_proven_serial(const void *a, const void *b)
{
	const struct proven *x = a, *y = b;

	return crl_serial_compare(x->serial, y->serial);
}

/* In a job of its own: there may be very many.  1 and *out, in the job's
 * memory, 0, -1. */
static int
prove_spoiled(const struct keeping *k, struct job *j, const struct revoked *r,
    struct proven *out)
{
	struct certview view;
	struct job one;
	int found;

	job_init(&one, j->store, j->conf);
	one.now = j->now;
	found = prove_contents(k->i, &one, r->id, &view);
	j->err = one.err;
	if (found == 1)
		*out = (struct proven){
			.serial = span_mem(arena_memdup(j->arena, view.serial.p,
					       view.serial.n),
			    view.serial.n),
			.not_after = view.not_after,
			.is_on_list = is_on_list(&one, &view, k->shard),
		};
	job_done(&one);
	return found;
}

static int
collect_spoiled(struct keeping *k, struct job *j)
{
	const struct crl list = { .ca_label = ca_key_label(k->i->ca),
		.shard = k->shard };
	struct revoked *rows;
	size_t count;

	if (store_cert_revoked(j, &list, 0, &rows, &count) < 0)
		return -1;
	k->spoiled = arena_calloc(j->arena, count + 1, sizeof(*k->spoiled));
	for (size_t n = 0; n < count; n++) {
		int found = crl_serial_is_proper(rows[n].serial)
				? 0
				: prove_spoiled(k, j, &rows[n],
				      &k->spoiled[k->spoiled_count]);

		if (found < 0)
			return -1;
		k->spoiled_count += found == 1;
	}
	if (k->spoiled_count > 1)
		qsort(k->spoiled, k->spoiled_count, sizeof(*k->spoiled),
		    by_proven_serial);
	return 0;
}

enum fate { MAY_LEAVE, GOES_ON, ROW_IS_ELSEWHERE };

static bool
may_leave(const struct keeping *k, int64_t not_after, bool is_there)
{
	return not_after < k->former->this_update || !is_there;
}

/* The row of this number is gone, or holds nothing of the issuer's with it. */
static int
fate_of_spoiled(const struct keeping *k, const struct crl_entry *e)
{
	const struct proven key = { .serial = e->serial };
	const struct proven *p =
	    k->spoiled_count == 0 ? NULL
				  : bsearch(&key, k->spoiled, k->spoiled_count,
					sizeof(*p), by_proven_serial);

	return p != NULL && may_leave(k, p->not_after, p->is_on_list)
		   ? MAY_LEAVE
		   : GOES_ON;
}

/* Of an entry that the next list lacks: or -1. */
static int
fate_of(const struct keeping *k, struct job *j, const struct crl_entry *e)
{
	const char *serial = hex_dup(j->arena, e->serial);
	struct certview view;
	struct cert row;
	int found =
	    store_cert_by_reserved(j, ca_key_label(k->i->ca), serial, &row);

	if (found < 0)
		return -1;
	if (found == 0 || status_prove(k->i, j, &row, &view) < 0) {
		job_recover(j);
		return fate_of_spoiled(k, e);
	}
	if (may_leave(k, view.not_after, is_on_list(j, &view, k->shard)))
		return MAY_LEAVE;
	if (row.revoked_at > 0)
		return ROW_IS_ELSEWHERE;
	return job_fail(j, ERR_INTERNAL,
	    "list refused: L-66: certificate %s is on the former list (number "
	    "%" PRIu64 ") and may not leave it yet; find out who changed its "
	    "row, or which backup the database is from, and take over what is "
	    "on the list with countersign crl take",
	    serial, k->former->number);
}

/* In a job of its own: there may be very many. */
static int
look_at_lost(const struct keeping *k, struct job *j, const struct crl_entry *e)
{
	struct job one;
	int fate;

	job_init(&one, j->store, j->conf);
	one.now = j->now;
	fate = fate_of(k, &one, e);
	j->err = one.err;
	job_done(&one);
	return fate;
}

static void
tell_lost(const struct keeping *k, struct job *j, const struct crl_entry *e,
    int fate, size_t told)
{
	if (told < TOLD_MAX)
		log_error("revocation lost",
		    "serial=%s shard=%" PRId64 " next=\"the row of a revoked "
		    "certificate %s, and it stays on the list: find out "
		    "who %s it, or which backup the database is from\"",
		    hex_dup(j->arena, e->serial), k->shard,
		    fate == ROW_IS_ELSEWHERE
			? "says another list or another end than its "
			  "certificate"
			: "is gone",
		    fate == ROW_IS_ELSEWHERE ? "changed" : "removed");
}

/* Both are sorted, and nothing is in both. */
static void
merge(struct job *j, struct crl_input *next,
    const struct crl_entry *const *more, size_t count)
{
	struct crl_entry *all =
	    arena_calloc(j->arena, next->count + count, sizeof(*all));
	size_t n = 0, from = 0;

	for (size_t k = 0; k < next->count; k++) {
		while (from < count && crl_serial_compare(more[from]->serial,
					   next->entries[k].serial) < 0)
			all[n++] = *more[from++];
		all[n++] = next->entries[k];
	}
	while (from < count)
		all[n++] = *more[from++];
	next->entries = all;
	next->count = n;
}

/* PK-180: a reason becomes keyCompromise and nothing else.  Of *next, which
 * has what the rows say. */
static void
keep_compromised(struct job *j, int64_t shard, const struct crl_input *former,
    struct crl_input *next)
{
	struct crl_entry *all =
	    arena_calloc(j->arena, next->count + 1, sizeof(*all));
	size_t weaker = 0;

	for (size_t k = 0; k < next->count; k++) {
		const struct crl_entry *before =
		    crl_find(former, next->entries[k].serial);

		all[k] = next->entries[k];
		if (before == NULL || all[k].reason == REASON_KEY_COMPROMISE ||
		    before->reason != REASON_KEY_COMPROMISE)
			continue;
		all[k].reason = REASON_KEY_COMPROMISE;
		if (weaker++ < TOLD_MAX)
			log_error("revocation reason lost",
			    "serial=%s shard=%" PRId64 " next=\"the row has "
			    "another reason than keyCompromise, with which "
			    "the certificate stays on the list: find out who "
			    "changed it, or which backup the database is "
			    "from, and take over what is on the list with "
			    "countersign crl take\"",
			    hex_dup(j->arena, all[k].serial), shard);
	}
	if (weaker > TOLD_MAX)
		log_error("revocation reasons lost",
		    "shard=%" PRId64 " rows=%zu", shard, weaker);
	next->entries = all;
}

int
list_rows_keep(const struct issuer *i, struct job *j, int64_t shard,
    const struct crl_input *former, struct crl_input *next)
{
	struct keeping k = { .i = i, .shard = shard, .former = former };
	const struct crl_entry **lost;
	size_t count, kept = 0;

	if (crl_compare(j, former, next, &lost, &count) < 0 ||
	    (count > 0 && collect_spoiled(&k, j) < 0))
		return -1;
	keep_compromised(j, shard, former, next);
	for (size_t n = 0; n < count; n++) {
		int fate = look_at_lost(&k, j, lost[n]);

		if (fate < 0)
			return -1;
		if (fate == MAY_LEAVE)
			continue;
		tell_lost(&k, j, lost[n], fate, kept);
		lost[kept++] = lost[n];
	}
	if (kept > TOLD_MAX)
		log_error("revocations lost", "shard=%" PRId64 " rows=%zu",
		    shard, kept);
	if (kept > 0)
		merge(j, next, lost, kept);
	return 0;
}

/* --- on record ------------------------------------------------------------ */

static int
record(const struct issuer *i, struct job *j, int64_t shard, const char *what,
    size_t rows)
{
	return worker_record(j, "issuer", "revocation rows",
	    arena_printf(j->arena, "ca:%s", ca_key_label(i->ca)), what,
	    arena_printf(
		j->arena, "{\"shard\":%" PRId64 ",\"rows\":%zu}", shard, rows));
}

int
list_rows_record(const struct issuer *i, struct job *j, int64_t shard,
    const struct list_rows *rows)
{
	if (rows->spoiled > TOLD_MAX || rows->strays > TOLD_MAX)
		log_error("revocation rows not ours",
		    "shard=%" PRId64 " rows=%zu", shard,
		    rows->spoiled + rows->strays);
	if (rows->spoiled > 0 &&
	    record(i, j, shard, "spoiled", rows->spoiled) < 0)
		return -1;
	return rows->strays > 0 ? record(i, j, shard, "not ours", rows->strays)
				: 0;
}
