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
#include "pki/crl.h"
#include "pki/key.h"
#include "src/status_place.h"
#include "src/worker.h"

#include <inttypes.h>

#define FILE_MAX ((size_t)64 * 1024 * 1024)
/* Other roles wait for a transaction. */
#define BITE ((size_t)100)

/* Its key is blocked too, which the database has forgotten as well. */
static int
revoke(struct job *j, const struct cert *c, const struct crl_entry *e,
    const char *by)
{
	const struct revocation r = { .reason = e->reason, .by = by };
	const struct key_hash key = { c->spki_sha256, c->bare_sha256 };
	struct revoked_sum others;

	if (revoke_certificate(j, c, &r, false) < 0)
		return -1;
	return e->reason == REASON_KEY_COMPROMISE
		   ? revoke_key(j, &key, &r, by, &others)
		   : 0;
}

static int
take_one(struct job *j, const struct crl_entry *e, const char *by,
    struct crl_taken *out)
{
	struct cert c;
	int found = store_cert_by_number(j, hex_dup(j->arena, e->serial), &c);

	if (found < 0)
		return -1;
	if (found == 0)
		out->unknown++;
	else if (c.revoked_at != 0)
		out->known++;
	else if (revoke(j, &c, e, by) < 0)
		return -1;
	else
		out->revoked++;
	return 0;
}

/* In a job of its own: there may be very many. */
static int
take_bite(struct job *j, const struct crl_entry *e, size_t count,
    const char *by, struct crl_taken *out)
{
	struct job one;
	int result;

	job_init(&one, j->store, j->conf);
	one.now = j->now;
	result = store_begin(&one);
	for (size_t k = 0; result == 0 && k < count; k++)
		if (take_one(&one, &e[k], by, out) < 0)
			result = worker_undo(&one);
	if (result == 0)
		result = store_commit(&one);
	j->wake |= one.wake;
	j->err = one.err;
	job_done(&one);
	return result;
}

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
take_list(struct job *j, const struct ca *ca, int64_t shard, const char *by,
    struct crl_taken *out)
{
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
		if (take_bite(j, &l.entries[from],
			l.count - from < BITE ? l.count - from : BITE, by,
			out) < 0)
			return -1;
	if (put_on_record(j, ca, shard, &l, der) < 0)
		return job_context(j, "%s", file);
	out->lists++;
	return 0;
}

int
crl_take(
    struct job *j, const struct ca *ca, const char *by, struct crl_taken *out)
{
	*out = (struct crl_taken){ .lists = 0 };
	for (int64_t s = 0; s < j->conf->issuer.crl_shards; s++)
		if (take_list(j, ca, s, by, out) < 0)
			return -1;
	return 0;
}
