#include "config.h"

#include "src/clock_aside.h"

#include <inttypes.h>

#include "db/store_admin.h"
#include "db/store_audit.h"
#include "db/store_authz.h"
#include "db/store_incident.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rnd.h"
#include "src/command.h"
#include "src/incident_open.h"
#include "src/two_persons.h"
#include "src/worker.h"

#define PAGE 500
#define ASKED_SECS 86400
#define DETAIL_MAX 8192
#define OBJECT "clock"

/* --- what is done --------------------------------------------------------- */

static int
check_moment(struct job *j, int64_t moment, struct clock_ahead *ahead)
{
	if (store_clock_ahead(j, ahead) < 0)
		return -1;
	if (ahead->moment == 0)
		return job_fail(j, ERR_CONFLICT,
		    "no number and no list is of a moment to come; nothing was "
		    "changed");
	if (ahead->moment != moment)
		return job_fail(j, ERR_CONFLICT,
		    "the newest moment on record is %s, another one than was "
		    "given; look again with countersign clock; nothing was "
		    "changed",
		    clock_rfc3339(j->arena, ahead->moment));
	return 0;
}

/* Their thirty days would begin at a moment to come. */
static int
drop_proofs(struct job *j, size_t *total)
{
	const struct authz_range range = { .from =
					       j->now + CLOCK_TOLERANCE_SECS };
	const char *after = NULL;
	const char **ids;
	size_t count = PAGE;
	struct authz a;

	for (*total = 0; count == PAGE; *total += count) {
		if (store_authz_live(j, &range, after, PAGE, &ids, &count) < 0)
			return -1;
		for (size_t i = 0; i < count; i++) {
			int found = store_authz_lock(j, ids[i], &a);

			if (found < 0 ||
			    (found == 1 && store_authz_revoke(j, &a) < 0))
				return -1;
		}
		after = count > 0 ? ids[count - 1] : NULL;
	}
	return 0;
}

/* None of them is valid yet, so nobody loses one that works. */
static int
open_incident(struct job *j, int64_t moment, struct clock_aside *out)
{
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);
	const struct incident_selector s = { .aside_at = j->now };
	const struct incident i = { .id = id,
		.cause = "misissued",
		.selector = arena_printf(j->arena, "{\"clock\":\"%s\"}",
		    clock_rfc3339(j->arena, moment)),
		.reason = 4,
		.known_at = j->now,
		.deadline = j->now,
		.opened_by = command_operator(j) };
	struct incident_opened opened;

	rnd_id(id);
	if (incident_open_within(j, &i, &s, &opened) < 0)
		return -1;
	out->incident = id;
	out->certificates = opened.certificates;
	return 0;
}

static const char *
detail_of(struct job *j, int64_t moment, const struct clock_request *r,
    const struct clock_aside *a)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_time(&w, "moment", moment);
	json_member_time(&w, "now", j->now);
	json_member_str(&w, "reason", r->reason);
	json_member_str(&w, "asked_by", r->asked_by);
	json_member_int(&w, "numbers", a->marked.certs);
	json_member_int(&w, "lists", a->marked.lists);
	json_member_int(&w, "answers", a->ahead.answers);
	json_member_int(&w, "authorizations", (int64_t)a->authz);
	json_member_int(&w, "work", a->ahead.work);
	if (a->incident != NULL)
		json_member_str(&w, "incident", a->incident);
	json_object_end(&w);
	return b.p;
}

static int
set_aside(struct job *j, int64_t moment, const struct clock_request *r,
    struct clock_aside *out)
{
	if (store_clock_set_aside(
		j, moment, command_operator(j), &out->marked) < 0 ||
	    drop_proofs(j, &out->authz) < 0 ||
	    (out->marked.signed_certs > 0 && open_incident(j, moment, out) < 0))
		return -1;
	return store_audit_add(j, command_operator(j), "clock set aside",
	    OBJECT, "ok", detail_of(j, moment, r, out));
}

/* --- who does it ---------------------------------------------------------- */

/* 1 / 0 / -1 */
static int
needs_two(struct job *j)
{
	return j->conf->mode == CONF_MODE_PUBLIC ? 1
						 : store_admin_is_pair(j, NULL);
}

static int
ask(struct job *j, int64_t moment, const char *reason)
{
	if (reason == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "say with --reason why the clock was wrong, and that it is "
		    "right now");
	if (store_clock_ask(j, moment, command_operator(j), reason) < 0)
		return -1;
	return store_audit_add(j, command_operator(j), "clock set-aside asked",
	    OBJECT, "ok", worker_detail(j, "reason", reason));
}

/* *request of whoever has asked: 1 it may be done, 0 it was asked for, -1. */
static int
may_do(
    struct job *j, int64_t moment, const char *reason, struct clock_request *r)
{
	int two = needs_two(j), found = store_clock_request(j, moment, r),
	    first;

	if (two < 0 || found < 0)
		return -1;
	if (found == 1 && r->asked_at < j->now - ASKED_SECS)
		r->asked_by = NULL;
	first = two == 0 ? 1 : request_is_first(j, r->asked_by);
	if (first < 0)
		return -1;
	if (first == 0)
		return request_may_confirm(j, r->asked_by) < 0 ? -1 : 1;
	if (ask(j, moment, reason) < 0 || store_clock_request(j, moment, r) < 0)
		return -1;
	return two == 0;
}

static int
act(struct job *j, int64_t moment, const char *reason, struct clock_aside *out)
{
	struct clock_request r;
	int may;

	*out = (struct clock_aside){ .incident = NULL };
	if (check_moment(j, moment, &out->ahead) < 0)
		return -1;
	may = may_do(j, moment, reason, &r);
	out->is_asked = may == 0;
	return may <= 0 ? may : set_aside(j, moment, &r, out);
}

int
clock_set_aside(
    struct job *j, int64_t moment, const char *reason, struct clock_aside *out)
{
	if (store_begin(j) < 0)
		return -1;
	if (act(j, moment, reason, out) < 0)
		return worker_undo(j);
	return store_commit(j);
}
