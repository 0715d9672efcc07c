#include "config.h"

#include "src/list_rows.h"

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/certview.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "src/role_issuer.h"
#include "src/status_place.h"
#include "src/status_proof.h"
#include "src/worker.h"

#include <inttypes.h>

/* The others are counted: one fault may be that of very many rows. */
#define TOLD_MAX 10

/* The certificate of this number, in its own words: 1, 0 no row of it is ours,
 * -1.  It points into the job's arena. */
static int
find_certificate(const struct issuer *i, struct job *j, struct span serial,
    struct certview *view)
{
	struct left row;
	int found = store_crl_left(j, ca_key_label(i->ca), serial, &row);
	const struct cert c = { .id = row.id,
		.order_id = row.order_id,
		.serial = row.serial,
		.signature_alg = row.signature_alg,
		.tbs = row.tbs,
		.evidence = row.evidence,
		.der = row.der };

	if (found <= 0 || status_prove(i, j, &c, view) == 0)
		return found;
	job_recover(j);
	return 0;
}

/* PK-155: where there is one list only, it is everybody's, whatever its URL
 * was. */
static bool
is_on_list(struct job *j, const struct certview *view, int64_t shard)
{
	return j->conf->issuer.crl_shards == 1 ||
	       status_names_shard(j, view, shard);
}

int
list_rows_may_lose(const struct issuer *i, struct job *j, int64_t shard,
    const struct crl_input *former, const struct crl_entry *e)
{
	struct certview view;
	int found = find_certificate(i, j, e->serial, &view);

	if (found < 0)
		return -1;
	if (found == 1 && (view.not_after < former->this_update ||
			      !is_on_list(j, &view, shard)))
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "list refused: L-66: certificate %s is on the former list (number "
	    "%" PRIu64 ") and may not leave it yet",
	    hex_dup(j->arena, e->serial), former->number);
}

/* What is wrong with it, NULL: nothing; 0, or -1. */
static int
find_fault(const struct issuer *i, struct job *j, int64_t shard,
    const struct revoked *r, const char **why)
{
	struct certview view;
	int found = find_certificate(i, j, r->serial, &view);

	*why = NULL;
	if (found == 0)
		*why = "it is no certificate's of this CA";
	else if (found == 1 && !is_on_list(j, &view, shard))
		*why = "its certificate names another list, where it is not";
	return found < 0 ? -1 : 0;
}

/* In a job of its own: there may be very many. */
static int
look_at(const struct issuer *i, struct job *j, int64_t shard,
    const struct revoked *r, bool is_told, bool *is_stray)
{
	const char *why;
	struct job one;
	int result;

	job_init(&one, j->store, j->conf);
	one.now = j->now;
	result = find_fault(i, &one, shard, r, &why);
	j->err = one.err;
	*is_stray = result == 0 && why != NULL;
	if (*is_stray && is_told)
		log_error("revocation row not ours",
		    "serial=%s shard=%" PRId64 " error=\"%s\" next=\"what was "
		    "revoked may still be good for whoever meets it: find out "
		    "who wrote the row, write number and shard as the "
		    "certificate says, and list_due_at, so that the right list "
		    "is made\"",
		    hex_dup(one.arena, r->serial), shard, why);
	job_done(&one);
	return result;
}

static int
record(const struct issuer *i, struct job *j, int64_t shard, size_t strays)
{
	return worker_record(j, "issuer", "revocation rows",
	    arena_printf(j->arena, "ca:%s", ca_key_label(i->ca)), "not ours",
	    arena_printf(j->arena, "{\"shard\":%" PRId64 ",\"rows\":%zu}",
		shard, strays));
}

int
list_rows_tell_strays(const struct issuer *i, struct job *j, int64_t shard,
    const struct revoked *rows, size_t count)
{
	size_t strays = 0;

	for (size_t k = 0; k < count; k++) {
		bool is_stray = false;

		if (rows[k].is_due && look_at(i, j, shard, &rows[k],
					  strays < TOLD_MAX, &is_stray) < 0)
			return -1;
		strays += is_stray;
	}
	if (strays > TOLD_MAX)
		log_error("revocation rows not ours",
		    "shard=%" PRId64 " rows=%zu", shard, strays);
	return strays > 0 ? record(i, j, shard, strays) : 0;
}
