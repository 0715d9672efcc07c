#include "config.h"

#include "src/profile_watch.h"

#include "db/store_audit.h"
#include "db/store_profile.h"
#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "pki/profile.h"
#include "src/worker.h"

#include <string.h>

#define EMPTY ((struct span){ NULL, 0 })

/* The hashes of before and after, where there is one. */
static int
add(struct job *j, const char *event, const char *name, struct span before,
    struct span after)
{
	const char *detail = arena_printf(j->arena, "{%s%s%s%s%s%s%s}",
	    before.n > 0 ? "\"before\":\"" : "",
	    before.n > 0 ? hex_dup(j->arena, before) : "",
	    before.n > 0 ? "\"" : "", before.n > 0 && after.n > 0 ? "," : "",
	    after.n > 0 ? "\"after\":\"" : "",
	    after.n > 0 ? hex_dup(j->arena, after) : "",
	    after.n > 0 ? "\"" : "");

	return store_audit_add(j, "issuer", event,
	    arena_printf(j->arena, "profile:%s", name), "ok", detail);
}

static const struct profile_row *
row_of(const struct profile_row *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* One of the configuration. */
static int
look_at(struct job *j, const struct profile *p, const struct profile_row *row)
{
	const char *text = profile_text(j->arena, p);
	uint8_t hash[SHA256_LEN];
	const struct profile_row now = { p->name,
		span_mem(hash, sizeof(hash)) };

	sha256(span_str(text), hash);
	if (row != NULL && span_eq(row->sha256, now.sha256))
		return 0;
	if (row != NULL && store_profile_retire(j, row) < 0)
		return -1;
	if (store_profile_put(j, &now, text) < 0)
		return -1;
	return row == NULL
		   ? add(j, "profile introduced", p->name, EMPTY, now.sha256)
		   : add(j, "profile changed", p->name, row->sha256,
			 now.sha256);
}

static int
watch(struct job *j)
{
	struct profile_row *rows;
	size_t count;
	const char *name;

	if (store_profile_list(j, &rows, &count) < 0)
		return -1;
	for (size_t i = 0; (name = profile_name(j->conf, i)) != NULL; i++)
		if (look_at(j, profile_find(j->conf, span_str(name)),
			row_of(rows, count, name)) < 0)
			return -1;
	for (size_t i = 0; i < count; i++)
		if (profile_find(j->conf, span_str(rows[i].name)) == NULL &&
		    (store_profile_retire(j, &rows[i]) < 0 ||
			add(j, "profile retired", rows[i].name, rows[i].sha256,
			    EMPTY) < 0))
			return -1;
	return 0;
}

int
profile_watch(struct job *j)
{
	if (store_begin(j) < 0)
		return -1;
	if (watch(j) < 0)
		return worker_undo(j);
	return store_commit(j);
}
