#include "config.h"

#include "db/store_admin.h"

#include <string.h>

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/count.h"

/* So many wrong tries cost nothing: fingers slip. */
#define FREE_TRIES 3
#define PAUSE_MAX 900
#define FORGET_SECS (24 * 3600)

static const char *const role_names[] = { [ADMIN_AUDITOR] = "auditor",
	[ADMIN_OPERATOR] = "operator",
	[ADMIN_APPROVER] = "approver" };

const char *
admin_role_name(enum admin_role role)
{
	return role_names[role];
}

int
admin_role_parse(const char *name, enum admin_role *out)
{
	for (size_t i = 0; i < COUNT(role_names); i++) {
		if (strcmp(role_names[i], name) != 0)
			continue;
		*out = (enum admin_role)i;
		return 1;
	}
	return 0;
}

bool
admin_is_live(const struct admin *a)
{
	return a->approved_at != 0 && a->disabled_at == 0;
}

bool
admin_may_act(const struct admin *a, int64_t now)
{
	return admin_is_live(a) && a->role != ADMIN_AUDITOR &&
	       admin_key_is_good(&a->key, now);
}

/* --- rows ----------------------------------------------------------------- */

#define KEY(k)                                                                 \
	k ".spki, " k ".not_after, " k ".set_by, " k ".set_at, " k             \
	  ".proven_at, " k ".ended_at"

#define SELECT_ADMIN                                                           \
	"SELECT a.name, a.role, a.scrypt_n, a.scrypt_r, a.scrypt_p, a.salt, "  \
	"a.hash, a.asked_by, a.asked_at, a.approved_by, a.approved_at, "       \
	"a.disabled_by, a.disabled_at, " KEY("k") ", " KEY(                    \
	    "n") " FROM admin a "                                              \
		 "LEFT JOIN admin_key k ON k.name = a.name "                   \
		 "AND k.proven_at > 0 AND k.ended_at = 0 "                     \
		 "LEFT JOIN admin_key n ON n.name = a.name "                   \
		 "AND n.proven_at = 0 AND n.ended_at = 0 "

static int
admin_read(struct query *q, struct admin *out)
{
	const char *role;

	*out = (struct admin){ .name = query_text(q) };
	role = query_text(q);
	out->password.n = query_int(q);
	out->password.r = query_int(q);
	out->password.p = query_int(q);
	out->password.salt = query_bytes(q);
	out->password.hash = query_secret(q);
	out->asked_by = query_text(q);
	out->asked_at = query_int(q);
	out->approved_by = query_text(q);
	out->approved_at = query_int(q);
	out->disabled_by = query_text(q);
	out->disabled_at = query_int(q);
	admin_key_read(q, &out->key);
	admin_key_read(q, &out->next);
	if (admin_role_parse(role, &out->role) == 1)
		return 1;
	return job_fail(q->j, ERR_SPOILED,
	    "admin %s: the database names a role that there is not", out->name);
}

int
store_admin_add(struct job *j, const struct admin *a)
{
	int64_t added;

	if (store_change(j, &added,
		"INSERT INTO admin (name, role, scrypt_n, scrypt_r, scrypt_p, "
		"salt, hash, asked_by, asked_at, approved_by, approved_at) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
		"ON CONFLICT DO NOTHING",
		ARGS(v_text(a->name), v_text(admin_role_name(a->role)),
		    v_int(a->password.n), v_int(a->password.r),
		    v_int(a->password.p), v_bytes(a->password.salt),
		    v_bytes(a->password.hash), v_text(a->asked_by),
		    v_int(j->now), v_text(a->approved_by),
		    v_int(a->approved_at))) < 0)
		return -1;
	if (added != 1)
		return job_fail(j, ERR_CONFLICT,
		    "admin %s: there is, or was, one of this name; names are "
		    "never given again",
		    a->name);
	return store_admin_key_set(j, a->name, &a->next, a->asked_by);
}

int
store_admin_by_name(struct job *j, const char *name, struct admin *out)
{
	struct query q;
	int found = query_first(
	    &q, j, SELECT_ADMIN "WHERE a.name = $1", ARGS(v_text(name)));

	if (found == 1)
		found = admin_read(&q, out);
	query_end(&q);
	return found;
}

int
store_admin_list(struct job *j, size_t max, struct admin **out, size_t *count)
{
	struct query q;
	int found;

	*count = 0;
	*out = arena_calloc(j->arena, max, sizeof(**out));
	found = query_first(&q, j, SELECT_ADMIN "ORDER BY a.name LIMIT $1",
	    ARGS(v_int((int64_t)max)));
	while (found == 1) {
		found = admin_read(&q, &(*out)[*count]);
		if (found == 1) {
			(*count)++;
			found = query_next(&q);
		}
	}
	query_end(&q);
	return found;
}

int
store_admin_exists(struct job *j)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM admin_key WHERE proven_at > 0 LIMIT 1", NO_ARGS);
}

int
store_admin_forget_unproven(struct job *j)
{
	if (store_change(j, NULL,
		"DELETE FROM admin_key WHERE NOT EXISTS "
		"(SELECT 1 FROM admin_key k WHERE k.proven_at > 0)",
		NO_ARGS) < 0)
		return -1;
	return store_change(j, NULL,
	    "DELETE FROM admin WHERE NOT EXISTS (SELECT 1 FROM admin_key)",
	    NO_ARGS);
}

/* --- changes -------------------------------------------------------------- */

int
store_admin_approve(struct job *j, const char *name, const char *by)
{
	return store_change_one(j, "admin",
	    "UPDATE admin SET approved_by = $2, approved_at = $3 "
	    "WHERE name = $1 AND approved_at = 0 AND disabled_at = 0 "
	    "AND asked_by <> $2",
	    ARGS(v_text(name), v_text(by), v_int(j->now)));
}

int
store_admin_disable(struct job *j, const char *name, const char *by)
{
	if (store_change_one(j, "admin",
		"UPDATE admin SET disabled_by = $2, disabled_at = $3 "
		"WHERE name = $1 AND disabled_at = 0",
		ARGS(v_text(name), v_text(by), v_int(j->now))) < 0)
		return -1;
	return store_change(j, NULL,
	    "UPDATE admin_key SET ended_at = $2 "
	    "WHERE name = $1 AND ended_at = 0",
	    ARGS(v_text(name), v_int(j->now)));
}

int
store_admin_set_password(
    struct job *j, const char *name, const struct password_hash *p)
{
	return store_change_one(j, "admin",
	    "UPDATE admin SET scrypt_n = $2, scrypt_r = $3, scrypt_p = $4, "
	    "salt = $5, hash = $6 WHERE name = $1 AND disabled_at = 0",
	    ARGS(v_text(name), v_int(p->n), v_int(p->r), v_int(p->p),
		v_bytes(p->salt), v_bytes(p->hash)));
}

/* Live, the key has signed once, and its certificate has not ended before $2.
 */
#define IS_PROVEN(x)                                                           \
	x ".approved_at > 0 AND " x ".disabled_at = 0 AND EXISTS "             \
	  "(SELECT 1 FROM admin_key k WHERE k.name = " x ".name "              \
	  "AND k.proven_at > 0 AND k.ended_at = 0 "                            \
	  "AND (k.not_after = 0 OR k.not_after >= $2))"

static int
is_pair(struct job *j, const char *without, int64_t ends_from)
{
	const char *name = without == NULL ? "" : without;
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM admin a JOIN admin b ON b.name <> a.name "
	    "WHERE a.role = 'approver' AND b.role <> 'auditor' "
	    "AND " IS_PROVEN("a") " AND " IS_PROVEN(
		"b") " AND a.name <> $1 AND b.name <> $1 LIMIT 1",
	    ARGS(v_text(name), v_int(ends_from)));
}

int
store_admin_is_pair(struct job *j, const char *without)
{
	return is_pair(j, without, 0);
}

int
store_admin_is_pair_now(struct job *j, const char *without)
{
	return is_pair(j, without, j->now);
}

int
store_admin_is_other(struct job *j, const char *name)
{
	int64_t one;

	return store_get_int(j, &one,
	    "SELECT 1 FROM admin a JOIN admin_key k ON k.name = a.name "
	    "WHERE a.name <> $1 AND a.role <> 'auditor' "
	    "AND a.approved_at > 0 AND a.disabled_at = 0 "
	    "AND k.proven_at > 0 AND k.ended_at = 0 "
	    "AND (k.not_after = 0 OR k.not_after >= $2) LIMIT 1",
	    ARGS(v_text(name), v_int(j->now)));
}

/* --- one login ------------------------------------------------------------ */

static int64_t
pause_after(int64_t failures)
{
	int64_t over = failures - FREE_TRIES;

	if (over <= 0)
		return 0;
	return over > 10 || (INT64_C(1) << over) > PAUSE_MAX
		   ? PAUSE_MAX
		   : INT64_C(1) << over;
}

/* Names that nobody tries any more go, so that invented ones do not stay. */
static int
forget_old(struct job *j)
{
	return store_change(j, NULL,
	    "DELETE FROM admin_try WHERE until_at < $1",
	    ARGS(v_int(j->now - FORGET_SECS)));
}

int
store_admin_try(struct job *j, const char *name, int64_t *until)
{
	struct query q;
	int64_t failures = 0;
	int found;

	*until = 0;
	if (forget_old(j) < 0)
		return -1;
	/* Also the lock: two tries at once are counted as two. */
	found = query_first_write(&q, j,
	    "INSERT INTO admin_try (name, failures, until_at) "
	    "VALUES ($1, 1, $2) ON CONFLICT (name) DO UPDATE SET failures = "
	    "admin_try.failures + CASE WHEN admin_try.until_at <= $2 "
	    "THEN 1 ELSE 0 END RETURNING failures, until_at",
	    ARGS(v_text(name), v_int(j->now)));
	if (found == 1) {
		failures = query_int(&q);
		*until = query_int(&q);
	}
	query_end(&q);
	if (found != 1)
		return -1;
	if (*until > j->now)
		return 0;
	return store_change_one(j, "admin",
		   "UPDATE admin_try SET until_at = $2 WHERE name = $1",
		   ARGS(v_text(name), v_int(j->now + pause_after(failures)))) <
		       0
		   ? -1
		   : 1;
}

int
store_admin_try_tell(struct job *j, const char *name)
{
	int64_t changed;

	if (store_change(j, &changed,
		"UPDATE admin_try SET told_until = until_at "
		"WHERE name = $1 AND told_until < until_at",
		ARGS(v_text(name))) != 0)
		return -1;
	return changed > 0;
}

int
store_admin_try_good(struct job *j, const char *name)
{
	return store_change(j, NULL, "DELETE FROM admin_try WHERE name = $1",
	    ARGS(v_text(name)));
}

int
store_admin_nonce_add(struct job *j, const char *nonce, const char *name)
{
	if (store_change(j, NULL, "DELETE FROM admin_nonce WHERE made_at < $1",
		ARGS(v_int(j->now - ADMIN_NONCE_SECS))) < 0)
		return -1;
	return store_change(j, NULL,
	    "INSERT INTO admin_nonce (nonce, name, made_at) "
	    "VALUES ($1, $2, $3)",
	    ARGS(v_text(nonce), v_text(name), v_int(j->now)));
}

int
store_admin_nonce_use(struct job *j, const char *nonce, const char *name)
{
	int64_t used;

	if (store_change(j, &used,
		"DELETE FROM admin_nonce WHERE nonce = $1 AND name = $2 "
		"AND made_at >= $3",
		ARGS(v_text(nonce), v_text(name),
		    v_int(j->now - ADMIN_NONCE_SECS))) < 0)
		return -1;
	return used == 1;
}
