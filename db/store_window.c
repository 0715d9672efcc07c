#include "config.h"

#include "db/store_window.h"

#include "db/store_private.h"

int
store_window_add(struct job *j, const char *cert_id, int64_t due_at)
{
	return store_change(j, NULL,
	    "INSERT INTO upstream_window (cert_id, due_at) VALUES ($1, $2)",
	    ARGS(v_text(cert_id), v_int(due_at)));
}

static int
read_certificate(struct job *j, struct window *w)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT ca_label, serial, not_after, revoked_at FROM cert "
	    "WHERE id = $1",
	    ARGS(v_text(w->cert_id)));

	if (found == 1) {
		w->ca_label = query_text(&q);
		w->serial = query_text(&q);
		w->not_after = query_int(&q);
		w->revoked_at = query_int(&q);
	}
	query_end(&q);
	return found;
}

int
store_window_lease(struct job *j, int64_t lease_until, struct window *out)
{
	static const struct lease_text take =
	    LEASE_TEXT("UPDATE upstream_window SET due_at = $2 "
		       "WHERE cert_id = (SELECT cert_id FROM upstream_window "
		       "WHERE due_at <= $1 ORDER BY due_at LIMIT 1",
		"due_at <= $1 "
		"RETURNING cert_id, start_at, end_at");
	struct query q;
	int found = store_lease(&q, j, lease_until, &take);

	*out = (struct window){ .cert_id = NULL };
	if (found == 1) {
		out->cert_id = query_text(&q);
		out->start_at = query_int(&q);
		out->end_at = query_int(&q);
	}
	query_end(&q);
	return found == 1 ? read_certificate(j, out) : found;
}

/* PK-191: whoever must be told of the window's start looks no later. */
static int
look_earlier(struct job *j, const struct window *w)
{
	return w->start_at == 0
		   ? 0
		   : store_change(j, NULL,
			 "UPDATE cert SET notice_at = 0 "
			 "WHERE id = $1 AND notice_at > $2",
			 ARGS(v_text(w->cert_id), v_int(w->start_at)));
}

int
store_window_put(struct job *j, const struct window *w, int64_t due_at)
{
	if (look_earlier(j, w) < 0)
		return -1;
	return store_change_one(j, "renewal window",
	    "UPDATE upstream_window SET start_at = $2, end_at = $3, "
	    "due_at = $4 WHERE cert_id = $1",
	    ARGS(v_text(w->cert_id), v_int(w->start_at), v_int(w->end_at),
		v_due(due_at)));
}

int
store_window_next_due(struct job *j, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT MIN(due_at) FROM upstream_window "
	    "WHERE due_at IS NOT NULL",
	    NO_ARGS);
}

int
store_window_get(
    struct job *j, const char *cert_id, int64_t *start_at, int64_t *end_at)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT start_at, end_at FROM upstream_window "
	    "WHERE cert_id = $1 AND end_at > 0",
	    ARGS(v_text(cert_id)));

	if (found == 1) {
		*start_at = query_int(&q);
		*end_at = query_int(&q);
	}
	query_end(&q);
	return found;
}
