#include "config.h"

#include "src/admin_door.h"

#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/rate.h"
#include "src/admin_login.h"
#include "src/worker.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define EVENT "admin page login"
#define DETAIL_MAX 2048
#define STRANGER "the client key is not that admin's"

/* Whoever has not the key that goes with a name: so many, then one a minute;
 * what is above it is summed up once in this time. */
static const struct conf_rate strangers = { .count = 10, .secs = 600 };

struct admin_door {
	pthread_mutex_t lock;
	int64_t full_at_ms; /* of the strangers' bucket */
	/* Tries that are only counted. */
	int64_t more, more_since;
};

struct admin_door *
admin_door_new(void)
{
	struct admin_door *d = xcalloc(1, sizeof(*d));

	pthread_mutex_init(&d->lock, NULL);
	return d;
}

void
admin_door_free(struct admin_door *d)
{
	if (d == NULL)
		return;
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* --- the record ----------------------------------------------------------- */

static const char *
detail(struct job *j, struct span key, const char *address, const char *wrong)
{
	uint8_t hash[SHA256_LEN];
	struct json_out w;
	struct buf b;

	sha256(key, hash);
	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	if (wrong != NULL)
		json_member_str(&w, "reason", wrong);
	if (key.n > 0)
		json_member_str(
		    &w, "key", hex_dup(j->arena, span_mem(hash, sizeof(hash))));
	json_member_str(&w, "client", address);
	json_object_end(&w);
	return buf_ok(&b) ? b.p : NULL;
}

/* In the caller's transaction. */
static int
record(struct job *j, const struct admin_knock *k, const char *wrong)
{
	const char *who = admin_actor(j, k->name);

	return store_audit_add(j, wrong == NULL ? who : role_name(ROLE_ADMIN),
	    EVENT, who, wrong == NULL ? "ok" : "refused",
	    detail(j, k->key, k->address, wrong));
}

/* --- the key -------------------------------------------------------------- */

/* One that has signed a command before, as for the commands themselves: what
 * somebody else has registered counts only from then on. */
static bool
is_key_of(const struct admin *a, struct span key)
{
	return key.n > 0 && a->key.proven_at > 0 && span_eq(a->key.spki, key);
}

/* 1 and *out: a live admin's own key; 0; -1. */
static int
look_up(struct job *j, const struct admin_knock *k, struct admin *out)
{
	int found = admin_name_is_good(k->name)
			? store_admin_by_name(j, k->name, out)
			: 0;

	if (found == 1)
		found = admin_is_live(out) && is_key_of(out, k->key);
	return found;
}

static bool
may_be_told(struct admin_door *d)
{
	int64_t now = clock_now_ms();
	bool may;

	pthread_mutex_lock(&d->lock);
	may = bucket_wait(&strangers, d->full_at_ms, now, 1) == 0;
	if (may)
		d->full_at_ms = bucket_take(&strangers, d->full_at_ms, now, 1);
	else if (d->more++ == 0)
		d->more_since = now / 1000;
	pthread_mutex_unlock(&d->lock);
	return may;
}

static int
refuse(struct job *j)
{
	return job_fail(j, ERR_UNAUTHORIZED,
	    "Not accepted. Both factors are needed: the password, and the "
	    "client certificate of this account, whose key has signed a "
	    "command before.");
}

static int
refuse_stranger(
    struct admin_door *d, struct job *j, const struct admin_knock *k)
{
	struct admin_knock told = *k;

	/* What strangers call somebody does not stand in the record. */
	if (!admin_name_is_good(k->name))
		told.name = "";
	if (!may_be_told(d))
		return refuse(j);
	log_warning("admin page login refused",
	    "admin=%s client=%s reason=\"" STRANGER "\"", told.name,
	    k->address);
	if (store_begin(j) < 0)
		return -1;
	if (record(j, &told, STRANGER) < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : refuse(j);
}

/* A clock that stepped back ends the time too.  0: nothing to be told. */
static int64_t
take_more(struct admin_door *d, int64_t now, bool is_end, int64_t *since)
{
	int64_t more = 0;

	pthread_mutex_lock(&d->lock);
	if (is_end || now >= d->more_since + strangers.secs ||
	    now < d->more_since) {
		more = d->more;
		*since = d->more_since;
		d->more = 0;
	}
	pthread_mutex_unlock(&d->lock);
	return more;
}

static void
put_more_back(struct admin_door *d, int64_t more, int64_t since)
{
	pthread_mutex_lock(&d->lock);
	d->more += more;
	d->more_since = since;
	pthread_mutex_unlock(&d->lock);
}

int
admin_door_tell_strangers(struct admin_door *d, struct job *j, bool is_end)
{
	int64_t since = 0, more = take_more(d, j->now, is_end, &since);
	struct json_out w;
	struct buf b;

	if (more == 0)
		return 0;
	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "reason", STRANGER);
	json_member_int(&w, "more", more);
	json_member_time(&w, "since", since);
	json_object_end(&w);
	if (worker_record(j, role_name(ROLE_ADMIN), EVENT, "admins", "several",
		b.p) < 0) {
		put_more_back(d, more, since);
		return -1;
	}
	log_warning("admin page logins refused",
	    "more=%" PRId64 " since=%s reason=\"" STRANGER "\"", more,
	    clock_rfc3339(j->arena, since));
	return 0;
}

/* --- the password --------------------------------------------------------- */

/* Once in each pause: else whoever goes on trying would fill the audit. */
static int
record_pause(struct job *j, const struct admin_knock *k)
{
	int is_first = store_admin_try_tell(j, k->name);

	if (is_first <= 0)
		return is_first;
	log_warning("admin page login refused",
	    "admin=%s client=%s reason=\"" ADMIN_TOO_MANY "\"", k->name,
	    k->address);
	return record(j, k, ADMIN_TOO_MANY);
}

/* Counts the try before it is looked at. */
static int
count_try(struct job *j, const struct admin_knock *k)
{
	int64_t until = 0;
	int may;

	if (store_begin(j) < 0)
		return -1;
	may = store_admin_try(j, k->name, &until);
	if (may < 0 || (may == 0 && record_pause(j, k) < 0))
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	return may == 1 ? 0
			: job_fail(j, ERR_RATE_LIMITED,
			      "Too many wrong tries: the next one is looked at "
			      "from %s on.",
			      clock_rfc3339(j->arena, until));
}

static void
take_in(struct job *j, const struct admin *a, struct admin_insider *out)
{
	struct buf b;

	*out = (struct admin_insider){ .name = "" };
	memcpy(out->name, a->name, strnlen(a->name, ADMIN_NAME_MAX));
	/* The salt has one length: what is hashed has one meaning. */
	buf_init(&b, j->arena, PASSWORD_SALT_LEN + PASSWORD_HASH_LEN);
	buf_add(&b, a->password.salt);
	buf_add(&b, a->password.hash);
	sha256(buf_span(&b), out->password);
}

/* Is that the account which is there now? */
static bool
is_same(struct job *j, const struct admin_insider *who, const struct admin *a)
{
	struct admin_insider now;

	take_in(j, a, &now);
	return ct_equal(span_mem(who->password, SHA256_LEN),
	    span_mem(now.password, SHA256_LEN));
}

/* The account may have changed while the password was looked at. */
static int
conclude(struct job *j, const struct admin_knock *k, bool is_right,
    const struct admin_insider *who, const char **wrong)
{
	struct admin a;
	int found = look_up(j, k, &a);

	if (found < 0)
		return -1;
	*wrong = NULL;
	if (found == 0 || !is_same(j, who, &a))
		*wrong = "the account has changed meanwhile";
	else if (!is_right)
		*wrong = k->password.n == 0 ? "one factor only: no password"
					    : "wrong password";
	else if (!admin_key_is_good(&a.key, j->now))
		*wrong = "the client certificate has expired";
	if (is_right && store_admin_try_good(j, k->name) < 0)
		return -1;
	return record(j, k, *wrong);
}

static int
decide(struct job *j, const struct admin_knock *k, bool is_right,
    const struct admin_insider *who)
{
	const char *wrong;

	j->now = clock_now();
	if (store_begin(j) < 0)
		return -1;
	if (conclude(j, k, is_right, who, &wrong) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	if (wrong == NULL)
		return 0;
	log_warning("admin page login refused",
	    "admin=%s client=%s reason=\"%s\"", k->name, k->address, wrong);
	/* Only to whoever has shown both factors is said what is wrong. */
	return is_right ? job_fail(j, ERR_UNAUTHORIZED,
			      "The client certificate of this account has "
			      "expired: countersign admin key names a new one.")
			: refuse(j);
}

int
admin_door_enter(struct admin_door *d, struct job *j,
    const struct admin_knock *k, struct admin_insider *out)
{
	struct admin a;
	int found = look_up(j, k, &a), right;

	if (found < 0)
		return -1;
	if (found == 0)
		return refuse_stranger(d, j, k);
	if (count_try(j, k) < 0)
		return -1;
	take_in(j, &a, out);
	right = password_check(j, k->password, &a.password);
	return right < 0 ? -1 : decide(j, k, right == 1, out);
}

/* --- inside --------------------------------------------------------------- */

int
admin_door_still(
    struct job *j, const struct admin_insider *who, struct span key)
{
	const struct admin_knock k = { .name = who->name, .key = key };
	struct admin a;
	int found = look_up(j, &k, &a);

	return found == 1
		   ? is_same(j, who, &a) && admin_key_is_good(&a.key, j->now)
		   : found;
}

int
admin_door_stolen(
    struct job *j, const char *name, struct span key, const char *address)
{
	log_warning("admin page session refused",
	    "admin=%s client=%s reason=\"shown with another client key\" "
	    "next=\"it has ended; ask %s how it could get there\"",
	    name, address, name);
	return worker_record(j, role_name(ROLE_ADMIN), "admin page session",
	    admin_actor(j, name), "refused",
	    detail(j, key, address, "shown with another client key"));
}

int
admin_door_left(struct job *j, const char *name, const char *address)
{
	return worker_record(j, admin_actor(j, name), "admin page logout",
	    admin_actor(j, name), "ok",
	    detail(j, (struct span){ NULL, 0 }, address, NULL));
}
