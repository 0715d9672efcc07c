#include "config.h"

#include "db/store_key_sweep.h"

#include "db/store_private.h"
#include "lib/rnd.h"

int
store_key_sweep_add(
    struct job *j, const struct key_hash *key, const struct revocation *r)
{
	char id[RND_ID_LEN + 1];

	rnd_id(id);
	return store_change(j, NULL,
	    "INSERT INTO key_sweep (id, spki_sha256, bare_sha256, revoked_by, "
	    "revocation, begun_at) VALUES ($1, $2, $3, $4, $5, $6)",
	    ARGS(v_text(id), v_bytes(key->spki_sha256),
		v_bytes(key->bare_sha256), v_text(r->by), v_bytes(r->request),
		v_int(j->now)));
}

int
store_key_sweep_has(struct job *j, const struct key_hash *key)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM key_sweep WHERE spki_sha256 = $1 "
	    "AND COALESCE(bare_sha256, $1) = COALESCE($2, $1) LIMIT 1",
	    ARGS(v_bytes(key->spki_sha256), v_bytes(key->bare_sha256)));
}

int
store_key_sweep_waits(struct job *j)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM key_sweep WHERE begun_at > 0 LIMIT 1", NO_ARGS);
}

#define OLDEST                                                                 \
	"SELECT id, spki_sha256, bare_sha256, revoked_by, revocation "         \
	"FROM key_sweep WHERE begun_at > 0 ORDER BY begun_at, id LIMIT 1"

/* Two at the same key would wait for each other's certificates.  Not a lease:
 * the row is held for a bite, and whoever dies lets go of it. */
int
store_key_sweep_take(struct job *j, struct key_sweep *out)
{
	struct query q;
	int found = query_first_write(&q, j,
	    store_is_exclusive(j) ? OLDEST : OLDEST " FOR UPDATE SKIP LOCKED",
	    NO_ARGS);

	if (found == 1) {
		out->id = query_text(&q);
		out->key.spki_sha256 = query_bytes(&q);
		out->key.bare_sha256 = query_bytes(&q);
		out->by = query_text(&q);
		out->request = query_bytes(&q);
	}
	query_end(&q);
	return found;
}

int
store_key_sweep_end(struct job *j, const char *id)
{
	return store_change(
	    j, NULL, "DELETE FROM key_sweep WHERE id = $1", ARGS(v_text(id)));
}
