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
#include "pki/der.h"
#include "pki/key.h"
#include "src/former.h"
#include "src/role_issuer.h"
#include "src/status_place.h"
#include "src/status_proof.h"
#include "src/worker.h"

#include <inttypes.h>

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

/* Whoever gave its number to another row gave it another one: 1, 0, -1.  It
 * reads all rows of the CA, and is asked for where one is spoiled. */
static int
find_by_contents(
    const struct taking *t, struct job *j, struct span serial, struct cert *out)
{
	struct cert *rows;
	struct certview view;
	size_t count;
	struct buf b;

	buf_init(&b, j->arena, serial.n + 16);
	der_add(&b, DER_INTEGER, serial);
	if (store_cert_that_hold(j, ca_key_label(t->i->ca),
		hex_dup(j->arena, serial), buf_span(&b), &rows, &count) < 0)
		return -1;
	for (size_t k = 0; k < count; k++) {
		if (status_prove_contents(t->i, j, &rows[k], &view) != 1 ||
		    !span_eq(view.serial, serial))
			continue;
		*out = rows[k];
		return 1;
	}
	return 0;
}

/* The row of the certificate that the entry means, by what it holds under the
 * issuer's seal or signature: two rows whose numbers were swapped must not have
 * an innocent one revoked.  1, 0, -1. */
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
	return find_by_contents(t, j, e->serial, out);
}

/* Not in the transaction: others wait for that one.  Of those that are not
 * there id is NULL. */
static int
find_rows(const struct taking *t, struct job *j, const struct crl_entry *e,
    size_t count, struct cert *out)
{
	for (size_t k = 0; k < count; k++) {
		int found = find_row(t, j, &e[k], &out[k]);

		if (found < 0)
			return -1;
		if (found == 0)
			out[k].id = NULL;
		t->out->unknown += found == 0;
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

/* In a job of its own: there may be very many. */
static int
take_bite(const struct taking *t, struct job *j, const struct crl_entry *e,
    size_t count)
{
	struct cert *rows;
	struct job one;
	int result;

	job_init(&one, j->store, j->conf);
	one.now = j->now;
	rows = arena_calloc(one.arena, count, sizeof(*rows));
	result = find_rows(t, &one, e, count, rows);
	if (result == 0)
		result = store_begin(&one);
	for (size_t k = 0; result == 0 && k < count; k++)
		if (rows[k].id != NULL &&
		    take_one(t, &one, &e[k], &rows[k]) < 0)
			result = worker_undo(&one);
	if (result == 0)
		result = store_commit(&one);
	j->wake |= one.wake;
	j->err = one.err;
	job_done(&one);
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
	for (size_t from = 0; from < l.count; from += BITE)
		if (take_bite(t, j, &l.entries[from],
			l.count - from < BITE ? l.count - from : BITE) < 0)
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
