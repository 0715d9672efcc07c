#include "config.h"

#include "db/store_nonce.h"

#include "db/store_private.h"

/* With PostgreSQL this waits for one that redeems the same nonce and has not
 * committed. */
int
store_nonce_redeem(struct job *j, struct span octets)
{
	int64_t added;

	if (store_change(j, &added,
		"INSERT INTO nonce (octets) VALUES ($1) ON CONFLICT DO NOTHING",
		ARGS(v_bytes(octets))) < 0)
		return -1;
	return added == 1;
}

int
store_nonce_forget(
    struct job *j, struct span before, int64_t max, int64_t *count)
{
	return store_change(j, count,
	    "DELETE FROM nonce WHERE octets IN (SELECT octets FROM nonce "
	    "WHERE octets < $1 ORDER BY octets LIMIT $2)",
	    ARGS(v_bytes(before), v_int(max)));
}
