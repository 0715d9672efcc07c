#include "config.h"

#include "acme/refused.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "acme/request.h"
#include "db/store_account.h"
#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"

#define SETS 256 /* a power of two */
#define WAYS 4
#define DETAIL_MAX 4096

struct refuser {
	struct refused_sum sum; /* since the first that is in it */
	int64_t hour;           /* when his began; 0: nobody */
	int64_t recorded;       /* in it, by themselves */
};

/* REFUSED_TOTAL records in an hour. */
struct budget {
	int64_t since, used;
};

struct refused {
	pthread_mutex_t lock;
	struct refuser sets[SETS][WAYS];
	struct refuser others; /* for whom there was no place */
	struct budget each, sums;
};

struct refused *
refused_new(void)
{
	struct refused *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void
refused_free(struct refused *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* --- the table ------------------------------------------------------------ */

/* A clock that stepped back ends it too. */
static bool
is_over(int64_t since, int64_t secs, int64_t now)
{
	return now >= since + secs || now < since;
}

static bool
has_counted(const struct refused_sum *s)
{
	for (size_t i = 0; i < REFUSED_KINDS; i++)
		if (s->counts[i] > 0)
			return true;
	return false;
}

static struct refuser *
set_of(struct refused *r, const char *account_id)
{
	uint8_t hash[SHA256_LEN];

	sha256(span_str(account_id), hash);
	return r->sets[hash[0] & (SETS - 1)];
}

static void
count(struct refuser *a, enum refused_what what, int64_t n, int64_t since)
{
	if (!has_counted(&a->sum) || since < a->sum.since)
		a->sum.since = since;
	a->sum.counts[what] += n;
}

static void
count_all(struct refuser *a, const struct refused_sum *s)
{
	for (size_t i = 0; i < REFUSED_KINDS; i++)
		if (s->counts[i] > 0)
			count(a, (enum refused_what)i, s->counts[i], s->since);
}

static void
begin(struct refuser *a, const char *account_id, int64_t now)
{
	size_t n = strlen(account_id);

	*a = (struct refuser){ .hour = now };
	memcpy(a->sum.account_id, account_id, n < RND_ID_LEN ? n : RND_ID_LEN);
}

/* Its place, made where nothing is left to be told. */
static struct refuser *
place_of(struct refused *r, const char *account_id, int64_t now)
{
	struct refuser *set = set_of(r, account_id), *room = NULL;

	for (size_t i = 0; i < WAYS; i++) {
		struct refuser *a = &set[i];
		bool is_free =
		    a->hour == 0 || (is_over(a->hour, REFUSED_SECS, now) &&
					!has_counted(&a->sum));

		if (!is_free && strcmp(a->sum.account_id, account_id) == 0)
			return a;
		if (is_free && room == NULL)
			room = a;
	}
	if (room == NULL)
		return &r->others;
	begin(room, account_id, now);
	return room;
}

static bool
take_of(struct budget *b, int64_t now)
{
	if (is_over(b->since, REFUSED_SECS, now))
		*b = (struct budget){ .since = now };
	if (b->used >= REFUSED_TOTAL)
		return false;
	b->used++;
	return true;
}

bool
refused_take(struct refused *r, const char *account_id, enum refused_what what,
    int64_t now)
{
	struct refuser *a;
	bool is_own;

	pthread_mutex_lock(&r->lock);
	a = place_of(r, account_id, now);
	is_own = a != &r->others && !is_over(a->hour, REFUSED_SECS, now) &&
		 a->recorded < REFUSED_EACH && take_of(&r->each, now);
	if (is_own)
		a->recorded++;
	else
		count(a, what, 1, now);
	pthread_mutex_unlock(&r->lock);
	return is_own;
}

/* --- what was counted ----------------------------------------------------- */

static bool
is_due(const struct refuser *a, int64_t now, bool all)
{
	return has_counted(&a->sum) &&
	       (all || is_over(a->sum.since, REFUSED_COUNT_SECS, now));
}

/* His hour goes on: what was recorded in it stays recorded. */
static void
forget(struct refuser *a)
{
	memset(a->sum.counts, 0, sizeof(a->sum.counts));
}

bool
refused_next(struct refused *r, int64_t now, bool all, struct refused_sum *out)
{
	struct refuser *found = NULL;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < (size_t)SETS * WAYS && found == NULL; i++) {
		struct refuser *a = &r->sets[i / WAYS][i % WAYS];

		if (!is_due(a, now, all))
			continue;
		if (take_of(&r->sums, now)) {
			found = a;
		} else {
			count_all(&r->others, &a->sum);
			forget(a);
		}
	}
	if (found == NULL && is_due(&r->others, now, all))
		found = &r->others;
	if (found != NULL) {
		*out = found->sum;
		forget(found);
	}
	pthread_mutex_unlock(&r->lock);
	return found != NULL;
}

void
refused_put_back(struct refused *r, const struct refused_sum *sum, int64_t now)
{
	struct refuser *a = &r->others;

	pthread_mutex_lock(&r->lock);
	if (sum->account_id[0] != '\0') {
		a = place_of(r, sum->account_id, now);
		if (r->sums.used > 0)
			r->sums.used--;
	}
	count_all(a, sum);
	pthread_mutex_unlock(&r->lock);
}

/* --- on record ------------------------------------------------------------ */

static const char *const events[REFUSED_KINDS] = { "order rejected",
	"revocation rejected" };

/* Which certificate, whether it is one of ours or not. */
static void
put_certificate(struct job *j, const struct json *payload, struct json_out *o)
{
	struct span text = json_string(json_get(payload, "certificate")), der;

	if (text.n == 0 || b64url_parse(j->arena, text, &der) < 0)
		return;
	json_member_sha256(o, "certificate_sha256", der);
}

static int
record(struct job *j, const struct request *req, enum refused_what what,
    const struct err *why)
{
	const char *account =
	    arena_printf(j->arena, "account:%s", req->account->id);
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "reason", why->text);
	if (what == REFUSED_REVOCATION)
		put_certificate(j, req->payload, &o);
	json_object_end(&o);
	return store_audit_add(j, account, events[what], account,
	    err_kind_name(why->kind), buf_ok(&b) ? b.p : NULL);
}

void
refused_record(struct refused *r, struct job *j, const struct request *req,
    enum refused_what what)
{
	const struct err why = j->err;

	if (!err_is_theirs(why.kind) || why.kind == ERR_RATE_LIMITED ||
	    why.http_status == 404 ||
	    !refused_take(r, req->account->id, what, j->now))
		return;
	job_recover(j);
	if (store_savepoint(j) < 0 ||
	    (record(j, req, what, &why) < 0 ? store_savepoint_undo(j)
					    : store_savepoint_keep(j)) < 0)
		log_warning("refusal not recorded", "account=%s error=\"%s\"",
		    req->account->id, j->err.text);
	j->err = why;
}

static int
record_sum(struct job *j, const struct refused_sum *s)
{
	const char *account =
	    s->account_id[0] == '\0'
		? "accounts"
		: arena_printf(j->arena, "account:%s", s->account_id);

	for (size_t i = 0; i < REFUSED_KINDS; i++) {
		struct json_out o;
		struct buf b;

		if (s->counts[i] == 0)
			continue;
		buf_init(&b, j->arena, DETAIL_MAX);
		json_out_init(&o, &b);
		json_object_begin(&o);
		json_member_int(&o, "more", s->counts[i]);
		json_member_time(&o, "since", s->since);
		json_object_end(&o);
		if (store_audit_add(
			j, account, events[i], account, "several", b.p) < 0)
			return -1;
	}
	return 0;
}

int
refused_record_sums(struct refused *r, struct job *j, bool all)
{
	struct refused_sum s;

	while (refused_next(r, j->now, all, &s)) {
		if (store_begin(j) < 0) {
			refused_put_back(r, &s, j->now);
			return -1;
		}
		if (record_sum(j, &s) < 0) {
			store_rollback(j);
			refused_put_back(r, &s, j->now);
			return -1;
		}
		if (store_commit(j) < 0) {
			refused_put_back(r, &s, j->now);
			return -1;
		}
	}
	return 0;
}
