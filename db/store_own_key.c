#include "config.h"

#include "db/store_own_key.h"

#include "db/store_private.h"

int
store_own_key_put(struct job *j, const struct key_hash *key, const char *owner)
{
	return store_change(j, NULL,
	    "INSERT INTO own_key (spki_sha256, bare_sha256, owner, "
	    "recorded_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
	    ARGS(v_bytes(key->spki_sha256), v_bytes(key->bare_sha256),
		v_text(owner), v_int(j->now)));
}

int
store_own_key_is(struct job *j, const struct key_hash *key)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM own_key WHERE spki_sha256 = $1 UNION ALL "
	    "SELECT 1 FROM own_key WHERE bare_sha256 = $2 LIMIT 1",
	    ARGS(v_bytes(key->spki_sha256), v_bytes(key->bare_sha256)));
}
