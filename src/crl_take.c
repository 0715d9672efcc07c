#include "config.h"

#include "src/crl_take.h"

#include "acme/revoke.h"
#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_key.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/certview.h"
#include "pki/crl.h"
#include "pki/crl_lint.h"
#include "pki/key.h"
#include "src/former.h"
#include "src/role_issuer.h"
#include "src/status_place.h"
#include "src/status_proof.h"
#include "src/worker.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)64 * 1024 * 1024)
/* Other roles wait for a transaction. */
#define BITE ((size_t)100)

/* The others are counted: one fault may be that of very many rows. */
#define TOLD_MAX 10

struct taking {
	const struct issuer *i;
	const char *by;
	struct crl_taken *out;
};

/* Entries whose number stands in another certificate's row. */
struct lost {
	const struct crl_entry **v;
	size_t count;
};

#define ROW_IS_FOREIGN 2

/* --- whose row it is ------------------------------------------------------ */

static void
tell_foreign(const struct taking *t, const char *serial, const char *id)
{
	if (t->out->foreign++ < TOLD_MAX)
		log_error("revocation row not ours",
		    "cert=%s serial=%s next=\"the row of this number holds no "
		    "certificate of it, and was not touched; find out who "
		    "wrote it, and write its number as its certificate "
		    "says\"",
		    id, serial);
}

/* The row of the certificate that the entry means, by what it holds under the
 * issuer's seal or signature: two rows whose numbers were swapped must not have
 * an innocent one revoked.  1; 0 no row has the number; ROW_IS_FOREIGN; -1. */
static int
find_row(const struct taking *t, struct job *j, const struct crl_entry *e,
    struct cert *out)
{
	const char *serial = hex_dup(j->arena, e->serial);
	struct certview view;
	int found =
	    store_cert_by_reserved(j, ca_key_label(t->i->ca), serial, out);

	if (found <= 0 || status_prove(t->i, j, out, &view) == 0)
		return found;
	job_recover(j);
	tell_foreign(t, serial, out->id);
	return ROW_IS_FOREIGN;
}

/* Not in the transaction: others wait for that one.  Of those that are not
 * there id is NULL. */
static int
find_rows(const struct taking *t, struct job *j, const struct crl_entry *e,
    size_t count, struct cert *out, struct lost *lost)
{
	for (size_t k = 0; k < count; k++) {
		int found = find_row(t, j, &e[k], &out[k]);

		if (found < 0)
			return -1;
		if (found != 1)
			out[k].id = NULL;
		t->out->unknown += found == 0;
		if (found == ROW_IS_FOREIGN)
			lost->v[lost->count++] = &e[k];
	}
	return 0;
}

/* --- what is revoked ------------------------------------------------------ */

/* Its key is blocked too, which the database has forgotten as well. */
static int
block(struct job *j, const struct cert *c, const struct revocation *r,
    bool changed)
{
	const struct key_hash key = { c->spki_sha256, c->bare_sha256 };
	struct revoked_sum others;
	int blocked = changed ? 0 : store_key_is_blocked(j, &key, NULL);

	if (blocked != 0)
		return blocked < 0 ? -1 : 0;
	return revoke_key(j, &key, r, r->by, &others);
}

/* A reason becomes keyCompromise, and nothing else, and is never taken back
 * (PK-180). */
static int
take_one(const struct taking *t, struct job *j, const struct crl_entry *e,
    const struct cert *c)
{
	const struct revocation r = { .reason = e->reason, .by = t->by };
	bool compromised = e->reason == REASON_KEY_COMPROMISE;
	int changed = revoke_certificate(j, c, &r, compromised);

	if (changed < 0 || (compromised && block(j, c, &r, changed > 0) < 0))
		return -1;
	if (changed == 0)
		t->out->known++;
	else if (c->revoked_at != 0)
		t->out->raised++;
	else
		t->out->revoked++;
	return 0;
}

static int
take_found(const struct taking *t, struct job *j,
    const struct crl_entry *const *e, size_t count, const struct cert *rows)
{
	if (store_begin(j) < 0)
		return -1;
	for (size_t k = 0; k < count; k++)
		if (rows[k].id != NULL && take_one(t, j, e[k], &rows[k]) < 0)
			return worker_undo(j);
	return store_commit(j);
}

static int
find_and_take(const struct taking *t, struct job *j, const struct crl_entry *e,
    size_t count, struct lost *lost)
{
	const struct crl_entry **each =
	    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	    arena_calloc(j->arena, count, sizeof(*each));
	struct cert *rows = arena_calloc(j->arena, count, sizeof(*rows));

	for (size_t k = 0; k < count; k++)
		each[k] = &e[k];
	return find_rows(t, j, e, count, rows, lost) < 0
		   ? -1
		   : take_found(t, j, each, count, rows);
}

/* In a job of its own: there may be very many. */
static void
begin_one(struct job *j, struct job *one)
{
	job_init(one, j->store, j->conf);
	one->now = j->now;
}

static int
end_one(struct job *j, struct job *one, int result)
{
	j->wake |= one->wake;
	j->err = one->err;
	job_done(one);
	return result;
}

static int
take_bite(const struct taking *t, struct job *j, const struct crl_entry *e,
    size_t count, struct lost *lost)
{
	struct job one;

	begin_one(j, &one);
	return end_one(j, &one, find_and_take(t, &one, e, count, lost));
}

/* --- what stands in another row --------------------------------------------
 */

static int
by_serial(const void *a, const void *b)
{
	const struct crl_entry *const *x = a, *const *y = b;

	return crl_serial_compare((*x)->serial, (*y)->serial);
}

/* The entry that is meant by these contents, or NULL. */
static const struct crl_entry *
find_lost(const struct lost *lost, struct span serial)
{
	const struct crl_entry key = { .serial = serial }, *pointer = &key;
	const struct crl_entry **found;

	if (serial.n == 0)
		return NULL;
	found = bsearch(&pointer, lost->v, lost->count,
	    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	    sizeof(*lost->v), by_serial);
	return found == NULL ? NULL : *found;
}

static bool
may_hold_lost(const struct cert *row, const struct lost *lost)
{
	struct certview view;

	return (certview_parse_tbs(row->tbs, &view) == 0 &&
		   find_lost(lost, view.serial) != NULL) ||
	       (certview_parse(row->der, &view) == 0 &&
		   find_lost(lost, view.serial) != NULL);
}

/* Whoever gave its number to another row gave it another one: 1 and *e, 0, -1.
 */
static int
find_by_contents(const struct taking *t, struct job *j, const struct cert *row,
    const struct lost *lost, const struct crl_entry **e)
{
	struct certview view;
	int found;

	if (!may_hold_lost(row, lost))
		return 0;
	found = status_prove_contents(t->i, j, row, &view);
	if (found != 1)
		return found;
	*e = find_lost(lost, view.serial);
	return *e != NULL &&
	       strcmp(hex_dup(j->arena, view.serial), row->serial) != 0;
}

/* One page of the CA's rows; *last is empty behind the end. */
static int
look_at_page(const struct taking *t, struct job *j, const struct lost *lost,
    const char **last, size_t *found)
{
	const struct crl_entry **e;
	struct cert *rows;
	size_t count, n = 0;

	if (store_cert_of_ca(
		j, ca_key_label(t->i->ca), *last, BITE, &rows, &count) < 0)
		return -1;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	e = arena_calloc(j->arena, BITE, sizeof(*e));
	*last = count > 0 ? rows[count - 1].serial : "";
	for (size_t k = 0; k < count; k++) {
		int is = find_by_contents(t, j, &rows[k], lost, &e[n]);

		if (is < 0)
			return -1;
		if (is == 1)
			rows[n++] = rows[k];
	}
	*found += n;
	return n == 0 ? 0 : take_found(t, j, e, n, rows);
}

/* All rows of the CA, once for all that are lost. */
static int
take_lost(const struct taking *t, struct job *j, struct lost *lost)
{
	const char *last = "";
	size_t found = 0;
	int result;

	if (lost->count == 0)
		return 0;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	qsort(lost->v, lost->count, sizeof(*lost->v), by_serial);
	do {
		struct job one;

		begin_one(j, &one);
		result = look_at_page(t, &one, lost, &last, &found);
		last = arena_strdup(j->arena, last);
		result = end_one(j, &one, result);
	} while (result == 0 && last[0] != '\0');
	t->out->unknown += found < lost->count ? lost->count - found : 0;
	return result;
}

/* --- lists ---------------------------------------------------------------- */

/* The next one goes on from it, and one of a time to come can be set aside
 * (PK-147). */
static int
put_on_record(struct job *j, const struct ca *ca, int64_t shard,
    const struct crl_input *l, struct span der)
{
	const struct crl list = { .ca_label = ca_key_label(ca),
		.shard = shard,
		.number = (int64_t)l->number,
		.this_update = l->this_update,
		.next_update = l->next_update,
		.der = der };
	int is;

	if (store_begin(j) < 0)
		return -1;
	is = store_crl_import(j, &list);
	if (is < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	return is != CRL_IS_OTHER
		   ? 0
		   : job_fail(j, ERR_CONFLICT,
			 "the database has another list of number %" PRIu64
			 ": what this one has was revoked, but it is not on "
			 "record; it is not the newest one",
			 l->number);
}

static int
take_list(const struct taking *t, struct job *j, int64_t shard)
{
	const struct ca *ca = t->i->ca;
	const char *file = status_shard_file(j->arena, &j->conf->issuer, shard);
	struct lost lost = { .count = 0 };
	struct crl_input l;
	struct span der;

	if (!file_is_regular(file))
		return job_fail(j, ERR_CONFLICT,
		    "%s: is not there: put the newest list that was published "
		    "there",
		    file);
	if (file_read_regular(j, file, FILE_MAX, &der) < 0 ||
	    crl_read(j, ca, der, &l) < 0)
		return job_context(j, "%s", file);
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	lost.v = arena_calloc(j->arena, l.count + 1, sizeof(*lost.v));
	for (size_t from = 0; from < l.count; from += BITE)
		if (take_bite(t, j, &l.entries[from],
			l.count - from < BITE ? l.count - from : BITE,
			&lost) < 0)
			return -1;
	if (take_lost(t, j, &lost) < 0)
		return -1;
	if (put_on_record(j, ca, shard, &l, der) < 0)
		return job_context(j, "%s", file);
	t->out->lists++;
	return 0;
}

/* Under the configuration of this CA. */
static int
take_ca(const struct issuer *i, struct job *j, void *arg)
{
	struct taking t = *(const struct taking *)arg;

	t.i = i;
	for (int64_t s = 0; s < j->conf->issuer.crl_shards; s++)
		if (take_list(&t, j, s) < 0)
			return -1;
	return 0;
}

int
crl_take(struct job *j, const struct issuer *i, const char *by,
    struct crl_taken *out)
{
	struct taking t = { .i = i, .by = by, .out = out };
	bool external = j->conf->external.kind != CONF_EXTERNAL_NONE;

	*out = (struct crl_taken){ .lists = 0 };
	if (external && i->former_count == 0)
		return job_fail(j, ERR_CONFLICT,
		    "another CA issues, and has the lists (PK-220)");
	if (!external && take_ca(i, j, &t) < 0)
		return -1;
	return former_each(i, j, take_ca, &t);
}
