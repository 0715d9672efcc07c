#include "config.h"

#include "db/store_secret.h"

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/rnd.h"

int
store_secret(struct job *j, const char *name, struct span *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT octets FROM secret WHERE name = $1", ARGS(v_text(name)));

	if (found == 1)
		*out = query_secret(&q);
	query_end(&q);
	if (found == 0 || (found == 1 && out->n != SECRET_LEN))
		return job_fail(j, ERR_INTERNAL,
		    "the database has lost its secret \"%s\": countersignd "
		    "makes a new one when it starts",
		    name);
	return found < 0 ? -1 : 0;
}

static int
make_secret(struct job *j, const char *name)
{
	char *octets = arena_alloc_secret(j->arena, SECRET_LEN);

	rnd_bytes(octets, SECRET_LEN);
	return store_change(j, NULL,
	    "INSERT INTO secret (name, octets) VALUES ($1, $2) "
	    "ON CONFLICT DO NOTHING",
	    ARGS(v_text(name), v_bytes(span_mem(octets, SECRET_LEN))));
}

int
secrets_make(struct job *j)
{
	return make_secret(j, SECRET_CURSOR) < 0 ? -1
						 : make_secret(j, SECRET_NONCE);
}
