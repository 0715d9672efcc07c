#include "config.h"

#include "db/store_recheck.h"

#include "db/store_private.h"
#include "lib/arena.h"

int
store_recheck_get(struct job *j, struct recheck *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT rules, due_at, started_at, after_id, checked, unlinted, "
	    "spoiled FROM recheck WHERE id = 1",
	    NO_ARGS);

	*out = (struct recheck){ .rules = "", .after_id = "" };
	if (found == 1) {
		out->rules = query_text(&q);
		out->due_at = query_int(&q);
		out->started_at = query_int(&q);
		out->after_id = query_text(&q);
		out->checked = query_int(&q);
		out->unlinted = query_int(&q);
		out->spoiled = query_int(&q);
	}
	query_end(&q);
	return found;
}

int
store_recheck_put(struct job *j, const struct recheck *r)
{
	return store_change(j, NULL,
	    "INSERT INTO recheck (id, rules, due_at, started_at, after_id, "
	    "checked, unlinted, spoiled) "
	    "VALUES (1, $1, $2, $3, $4, $5, $6, $7) "
	    "ON CONFLICT (id) DO UPDATE SET rules = $1, due_at = $2, "
	    "started_at = $3, after_id = $4, checked = $5, unlinted = $6, "
	    "spoiled = $7",
	    ARGS(v_text(r->rules), v_int(r->due_at), v_int(r->started_at),
		v_text(r->after_id), v_int(r->checked), v_int(r->unlinted),
		v_int(r->spoiled)));
}

int
store_recheck_page(struct job *j, const char *after, size_t max,
    const char ***ids, size_t *count, const char **last)
{
	struct query q;
	int found;

	*count = 0;
	*last = NULL;
	*ids = arena_calloc(j->arena, max, sizeof(**ids));
	found = query_first(&q, j,
	    "SELECT id, CASE WHEN issued_at > 0 AND revoked_at = 0 "
	    "AND not_after >= $2 THEN 1 ELSE 0 END "
	    "FROM cert WHERE id > $1 ORDER BY id LIMIT $3",
	    ARGS(v_text(after), v_int(j->now), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		*last = query_text(&q);
		(*ids)[(*count)++] = query_int(&q) != 0 ? *last : NULL;
	}
	query_end(&q);
	return found;
}

int
store_recheck_found(struct job *j, const struct recheck_finding *f)
{
	return store_change(j, NULL,
	    "INSERT INTO recheck_finding (cert_id, cause, detail, found_at) "
	    "VALUES ($1, $2, $3, $4) ON CONFLICT (cert_id) DO UPDATE SET "
	    "cause = excluded.cause, detail = excluded.detail, "
	    "found_at = excluded.found_at, incident_id = NULL "
	    "WHERE recheck_finding.cause <> excluded.cause",
	    ARGS(v_text(f->cert_id), v_text(f->cause), v_text(f->detail),
		v_int(j->now)));
}

int
store_recheck_count(struct job *j, const char *cause, int64_t *count)
{
	return store_get_int(j, count,
		   "SELECT COUNT(*) FROM recheck_finding f "
		   "JOIN cert c ON c.id = f.cert_id "
		   "WHERE f.cause = $1 AND f.incident_id IS NULL "
		   "AND c.revoked_at = 0 AND c.not_after >= $2",
		   ARGS(v_text(cause), v_int(j->now))) < 0
		   ? -1
		   : 0;
}

int
store_recheck_list(struct job *j, const char *incident_id, size_t max,
    struct recheck_finding **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j,
	    "SELECT f.cert_id, f.cause, f.detail FROM incident_cert i "
	    "JOIN recheck_finding f ON f.cert_id = i.cert_id "
	    "WHERE i.incident_id = $1 AND f.incident_id = $1 "
	    "ORDER BY f.cert_id LIMIT $2",
	    ARGS(v_text(incident_id), v_int((int64_t)max)));
	for (; found == 1; found = query_next(&q)) {
		struct recheck_finding *f = &(*out)[(*count)++];

		f->cert_id = query_text(&q);
		f->cause = query_text(&q);
		f->detail = query_text(&q);
	}
	query_end(&q);
	return found;
}
