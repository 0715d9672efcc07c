#include "config.h"

#include "db/store_destroyed.h"

#include "db/store_private.h"

int
store_destroyed_by_key(
    struct job *j, struct span spki_sha256, struct destroyed_key *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT spki_sha256, spki, ca_label, method, witnesses, "
	    "is_compromised, asked_by, asked_at, approved_by, begun_at, "
	    "destroyed_at FROM destroyed_key WHERE spki_sha256 = $1",
	    ARGS(v_bytes(spki_sha256)));

	if (found == 1) {
		out->spki_sha256 = query_bytes(&q);
		out->spki = query_bytes(&q);
		out->ca_label = query_text(&q);
		out->method = query_text(&q);
		out->witnesses = query_text(&q);
		out->is_compromised = query_int(&q) != 0;
		out->asked_by = query_text(&q);
		out->asked_at = query_int(&q);
		out->approved_by = query_text(&q);
		out->begun_at = query_int(&q);
		out->destroyed_at = query_int(&q);
	}
	query_end(&q);
	return found;
}

int
store_destroyed_ask(struct job *j, const struct destroyed_key *k)
{
	int64_t changed;

	if (store_change(j, &changed,
		"INSERT INTO destroyed_key (spki_sha256, spki, ca_label, "
		"method, witnesses, is_compromised, asked_by, asked_at) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
		"ON CONFLICT (spki_sha256) DO UPDATE SET method = $4, "
		"witnesses = $5, is_compromised = $6, asked_by = $7, "
		"asked_at = $8 WHERE destroyed_key.begun_at = 0",
		ARGS(v_bytes(k->spki_sha256), v_bytes(k->spki),
		    v_text(k->ca_label), v_text(k->method),
		    v_text(k->witnesses), v_int(k->is_compromised),
		    v_text(k->asked_by), v_int(j->now))) < 0)
		return -1;
	return changed == 1 ? 0
			    : job_fail(j, ERR_CONFLICT,
				  "its destruction has begun already");
}

int
store_destroyed_begin(struct job *j, struct span spki_sha256, const char *by)
{
	int64_t changed;

	if (store_change(j, &changed,
		"UPDATE destroyed_key SET approved_by = $2, begun_at = $3 "
		"WHERE spki_sha256 = $1 AND begun_at = 0 AND asked_by <> $2 "
		"AND asked_at >= $4",
		ARGS(v_bytes(spki_sha256), v_text(by), v_int(j->now),
		    v_int(j->now - DESTROY_ASKED_SECS))) < 0)
		return -1;
	return changed == 1
		   ? 0
		   : job_fail(j, ERR_CONFLICT,
			 "no other admin has asked for it in the last day");
}

int
store_destroyed_finish(
    struct job *j, const struct destroyed_key *k, int64_t ended_at)
{
	int64_t changed;

	if (store_change(j, &changed,
		"UPDATE destroyed_key SET destroyed_at = $2 "
		"WHERE spki_sha256 = $1 AND begun_at > 0 AND destroyed_at = 0",
		ARGS(v_bytes(k->spki_sha256), v_int(j->now))) < 0)
		return -1;
	if (changed != 1)
		return job_fail(j, ERR_CONFLICT, "it is on record already");
	return store_change(j, NULL,
	    "INSERT INTO ca_key_end (ca_label, ended_at) VALUES ($1, $2) "
	    "ON CONFLICT (ca_label) DO UPDATE SET ended_at = $2 "
	    "WHERE ca_key_end.ended_at < $2",
	    ARGS(v_text(k->ca_label), v_int(ended_at)));
}

int
store_destroyed_is(struct job *j, struct span spki_sha256)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM destroyed_key WHERE spki_sha256 = $1 "
	    "AND begun_at > 0",
	    ARGS(v_bytes(spki_sha256)));
}

int
store_destroyed_last_use(
    struct job *j, const char *ca_label, int64_t *not_after)
{
	return store_get_int(j, not_after,
	    "SELECT MAX(not_after) FROM cert "
	    "WHERE ca_label = $1 AND not_after >= $2",
	    ARGS(v_text(ca_label), v_int(j->now)));
}
