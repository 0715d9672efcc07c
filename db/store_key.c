#include "config.h"

#include "db/store_key.h"

#include <assert.h>
#include <string.h>

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/hex.h"

int
store_key_is_blocked(
    struct job *j, const struct key_hash *key, const char *account_id)
{
	const char *whose =
	    account_id != NULL ? account_id : KEY_BLOCKED_FOR_ALL;
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM blocked_key WHERE spki_sha256 = $1 "
	    "AND account_id IN ('', $2) UNION ALL "
	    "SELECT 1 FROM blocked_key WHERE bare_sha256 = $3 "
	    "AND account_id IN ('', $2) LIMIT 1",
	    ARGS(v_bytes(key->spki_sha256), v_text(whose),
		v_bytes(key->bare_sha256)));
}

int
store_key_block(struct job *j, const struct key_hash *key,
    const char *account_id, const char *source)
{
	const char *whose =
	    account_id != NULL ? account_id : KEY_BLOCKED_FOR_ALL;

	return store_change(j, NULL,
	    "INSERT INTO blocked_key (spki_sha256, account_id, blocked_at, "
	    "source, bare_sha256) VALUES ($1, $2, $3, $4, $5) "
	    "ON CONFLICT (spki_sha256, account_id) DO UPDATE "
	    "SET bare_sha256 = excluded.bare_sha256 "
	    "WHERE blocked_key.bare_sha256 IS NULL",
	    ARGS(v_bytes(key->spki_sha256), v_text(whose), v_int(j->now),
		v_text(source), v_bytes(key->bare_sha256)));
}

int
store_key_in_certificate(struct job *j, const struct key_hash *key)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM cert WHERE spki_sha256 = $1 AND not_after > $2 "
	    "UNION ALL "
	    "SELECT 1 FROM cert WHERE bare_sha256 = $3 AND not_after > $2 "
	    "LIMIT 1",
	    ARGS(v_bytes(key->spki_sha256), v_int(j->now),
		v_bytes(key->bare_sha256)));
}

int
store_key_is_certified(struct job *j, const struct key_hash *key)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM cert WHERE spki_sha256 = $1 AND not_after >= $2 "
	    "AND revoked_at = 0 UNION ALL "
	    "SELECT 1 FROM cert WHERE bare_sha256 = $3 AND not_after >= $2 "
	    "AND revoked_at = 0 LIMIT 1",
	    ARGS(v_bytes(key->spki_sha256), v_int(j->now),
		v_bytes(key->bare_sha256)));
}

/* SQLite's transactions keep every other writer out. */
int
store_key_lock(struct job *j, struct span spki_sha256)
{
	int64_t number = 0, length;

	assert(j->store->in_transaction && spki_sha256.n >= sizeof(number));
	if (store_is_exclusive(j))
		return 0;
	memcpy(&number, spki_sha256.p, sizeof(number));
	/* The function's type is void; its text is empty, not NULL. */
	return store_get_int(j, &length,
		   "SELECT length(CAST(pg_advisory_xact_lock("
		   "CAST($1 AS BIGINT)) AS TEXT))",
		   ARGS(v_int(number))) == 1
		   ? 0
		   : -1;
}

int
store_key_is_of_other(
    struct job *j, struct span spki_sha256, const char *account_id)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM cert WHERE spki_sha256 = $1 AND account_id <> $2 "
	    "LIMIT 1",
	    ARGS(v_bytes(spki_sha256), v_text(account_id)));
}

int
store_key_certificates(struct job *j, struct span spki_sha256,
    const char *account_id, size_t max, struct span *out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	found = query_first(&q, j,
	    "SELECT tbs FROM cert WHERE spki_sha256 = $1 AND account_id = $2 "
	    "ORDER BY not_after DESC LIMIT $3",
	    ARGS(
		v_bytes(spki_sha256), v_text(account_id), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q))
		out[(*count)++] = query_bytes(&q);
	query_end(&q);
	return found;
}

int
store_key_list(
    struct job *j, size_t max, struct blocked_key **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT spki_sha256, account_id, blocked_at, source "
	    "FROM blocked_key ORDER BY blocked_at DESC, spki_sha256 LIMIT $1",
	    ARGS(v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		struct blocked_key *k = &(*out)[(*count)++];

		k->spki_sha256 = hex_dup(j->arena, query_bytes(&q));
		k->account_id = query_text(&q);
		k->blocked_at = query_int(&q);
		k->source = query_text(&q);
	}
	query_end(&q);
	return found;
}
