#include "config.h"

#include "src/incident_open.h"

#include "db/store_audit.h"
#include "db/store_incident.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/rnd.h"
#include "src/incident_drop.h"
#include "src/incident_tell.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <string.h>
#include <time.h>

#define BITE 300 /* certificates that a transaction looks at */
#define DROP_BITE 100
#define UNDO_BITE 1000
#define PAUSE_MS 2
#define STUCK_SECS ((int64_t)300)
#define HOUR ((int64_t)3600)

/* --- causes -------------------------------------------------------------- */

static const struct incident_cause causes[] = {
	{ "request", 24, 0 },
	{ "unauthorized", 24, 0 },
	{ "key-compromise", 24, 1 },
	{ "weak-key", 24, 1 },
	{ INCIDENT_VALIDATION, 24, 4 },
	{ "key-quality", 120, 4 },
	{ "misuse", 120, 9 },
	{ "terms", 120, 9 },
	{ "name", 120, 5 },
	{ "misissued", 120, 4 },
};

const struct incident_cause *
incident_cause_find(const char *name)
{
	for (size_t i = 0; i < COUNT(causes); i++)
		if (strcmp(causes[i].name, name) == 0)
			return &causes[i];
	return NULL;
}

int
incident_cause_read(
    struct job *j, const char *name, const struct incident_cause **out)
{
	const char *known = "";

	*out = name == NULL ? NULL : incident_cause_find(name);
	if (*out != NULL)
		return 0;
	for (size_t i = 0; i < COUNT(causes); i++)
		known = arena_printf(j->arena, "%s%s%s", known,
		    i > 0 ? ", " : "", causes[i].name);
	return job_fail(j, ERR_MALFORMED, "--cause%s%s: give one of %s",
	    name == NULL ? "" : " ", name == NULL ? "" : name, known);
}

/* --- at once -------------------------------------------------------------- */

static bool
drops(const struct incident *i)
{
	return strcmp(i->cause, INCIDENT_VALIDATION) == 0;
}

/* Its set is there. */
static int
finish_opening(
    struct job *j, const struct incident *i, struct incident_opened *out)
{
	if (out->certificates == 0)
		return job_fail(j, ERR_MALFORMED,
		    "no certificate is like that; nothing was opened");
	if (incident_tell_within(j, i) < 0)
		return -1;
	return store_audit_add(j, i->opened_by, "incident opened",
	    arena_printf(j->arena, "incident:%s", i->id), "ok", i->selector);
}

static int64_t
first_due(const struct job *j, const struct incident *i, int64_t certificates)
{
	struct incident counted = *i;

	counted.cert_count = certificates;
	return issuer_incident_due(&counted, j->now);
}

int
incident_open_within(struct job *j, const struct incident *i,
    const struct incident_selector *s, struct incident_opened *out)
{
	*out = (struct incident_opened){ 0 };
	if (store_incident_open(j, i, s,
		issuer_incident_next(i->deadline, j->now),
		&out->certificates) < 0 ||
	    store_incident_set_due(
		j, i->id, first_due(j, i, out->certificates)) < 0 ||
	    (drops(i) && incident_drop_all(j, i->id, &out->dropped) < 0))
		return -1;
	return finish_opening(j, i, out);
}

static int
open_at_once(struct job *j, const struct incident *i,
    const struct incident_selector *s, bool dry_run,
    struct incident_opened *out)
{
	if (store_begin(j) < 0)
		return -1;
	if (incident_open_within(j, i, s, out) < 0)
		return worker_undo(j);
	if (!dry_run)
		return store_commit(j);
	store_rollback(j);
	return 0;
}

/* --- in bites ------------------------------------------------------------- */

/* What may be a part of all certificates. */
static bool
may_be_many(const struct incident_selector *s)
{
	return s->cert_id == NULL && s->aside_at == 0 && s->found_cause == NULL;
}

/* With SQLite one writes at a time, and who waits only looks from time to time
 * whether it may (decision 55). */
static void
let_others_write(void)
{
	const struct timespec pause = { 0, PAUSE_MS * 1000000L };

	nanosleep(&pause, NULL);
}

/* A set that is being opened, and how far that is. */
struct opening {
	struct incident i;
	const struct incident_selector *s;
	struct incident_fill f;
	struct id_range range; /* whose authorizations are dropped next */
	struct incident_opened *out;
};

static struct opening
opening_of(const struct job *j, const struct incident *i,
    const struct incident_selector *s, struct incident_opened *out)
{
	struct opening o = { .i = *i, .s = s, .out = out };

	o.i.opened_at = j->now;
	*out = (struct incident_opened){ 0 };
	return o;
}

typedef int act_fn(struct job *j, struct opening *o);

/* What the act says, or -1 and nothing of it is there. */
static int
in_transaction(struct job *j, act_fn *act, struct opening *o)
{
	int result;

	if (store_begin(j) < 0)
		return -1;
	result = act(j, o);
	if (result < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : result;
}

static int
begin(struct job *j, struct opening *o)
{
	return store_incident_begin(j, &o->i);
}

static int
fill(struct job *j, struct opening *o)
{
	return store_incident_fill(j, &o->i, o->s, BITE, &o->f);
}

static int
fill_once(struct job *j, struct opening *o)
{
	return in_transaction(j, fill, o);
}

/* Whoever counts changes nothing, and keeps nobody waiting. */
static int
count_once(struct job *j, struct opening *o)
{
	return store_incident_count(j, o->s, o->i.opened_at, BITE, &o->f);
}

/* Each bite in a job of its own: there may be very many. */
static int
take_bites(struct job *j, act_fn *take, struct opening *o)
{
	int result = 0;

	while (result == 0 && !o->f.is_done) {
		struct job one;

		job_init(&one, j->store, j->conf);
		result = take(&one, o);
		if (o->f.after.id != NULL)
			o->f.after.id = arena_strdup(j->arena, o->f.after.id);
		j->err = one.err;
		job_done(&one);
		if (result == 0)
			let_others_write();
	}
	return result;
}

static int
drop(struct job *j, struct opening *o)
{
	return store_incident_go_on(j, o->i.id) < 0
		   ? -1
		   : incident_drop(j, o->i.id, &o->range, &o->out->dropped);
}

static int
drop_once(struct job *j, struct opening *o, const char *after)
{
	int found =
	    store_incident_range(j, o->i.id, after, DROP_BITE, &o->range);

	if (found <= 0)
		return found;
	return in_transaction(j, drop, o) < 0 ? -1 : 1;
}

/* Before it is open: what is dropped stays so if it is undone, and then another
 * reply is asked for once. */
static int
drop_in_bites(struct job *j, struct opening *o)
{
	const char *after = "";
	int found;

	do {
		struct job one;

		job_init(&one, j->store, j->conf);
		found = drop_once(&one, o, after);
		if (found == 1)
			after = arena_strdup(j->arena, o->range.to);
		j->err = one.err;
		job_done(&one);
		let_others_write();
	} while (found == 1);
	return found;
}

static int
drop_late(struct job *j, struct opening *o)
{
	for (size_t k = 0; k < o->f.late_count; k++) {
		const struct id_range one = { o->f.late[k], o->f.late[k] };

		if (incident_drop(j, o->i.id, &one, &o->out->dropped) < 0)
			return -1;
	}
	return 0;
}

static int
end(struct job *j, struct opening *o)
{
	int64_t due_at = first_due(j, &o->i, o->f.count);

	if (store_incident_filled(j, &o->i, o->s, due_at, &o->f) < 0 ||
	    (drops(&o->i) && drop_late(j, o) < 0))
		return -1;
	o->out->certificates = o->f.count;
	return finish_opening(j, &o->i, o->out);
}

static int
undo(struct job *j, struct opening *o)
{
	return store_incident_undo(j, o->i.id, INT64_MAX, UNDO_BITE);
}

/* What was begun leaves nothing, or the issuer does it later. */
static void
undo_all(struct job *j, struct opening *o)
{
	int more;

	do {
		struct job one;

		job_init(&one, j->store, j->conf);
		more = in_transaction(&one, undo, o);
		job_done(&one);
		let_others_write();
	} while (more > 0);
}

static int
open_in_bites(struct job *j, const struct incident *i,
    const struct incident_selector *s, struct incident_opened *out)
{
	struct opening o = opening_of(j, i, s, out);

	if (in_transaction(j, begin, &o) < 0)
		return -1;
	if (take_bites(j, fill_once, &o) == 0 &&
	    (!drops(i) || drop_in_bites(j, &o) == 0) &&
	    in_transaction(j, end, &o) == 0)
		return 0;
	undo_all(j, &o);
	return -1;
}

static int
count_all(struct job *j, const struct incident *i,
    const struct incident_selector *s, struct incident_opened *out)
{
	struct opening o = opening_of(j, i, s, out);

	o.f.count = (int64_t)s->cert_id_count;
	if (s->cert_ids == NULL && take_bites(j, count_once, &o) < 0)
		return -1;
	out->certificates = o.f.count;
	return o.f.count > 0
		   ? 0
		   : job_fail(j, ERR_MALFORMED,
			 "no certificate is like that; nothing was opened");
}

int
incident_open(struct job *j, const struct incident *i,
    const struct incident_selector *s, bool dry_run,
    struct incident_opened *out)
{
	if (!may_be_many(s))
		return open_at_once(j, i, s, dry_run, out);
	return dry_run ? count_all(j, i, s, out) : open_in_bites(j, i, s, out);
}

/* --- what nobody fills any more --------------------------------------------
 */

int
issuer_incident_undo_due(struct job *j, int64_t *at)
{
	int found = store_incident_opening(j, at);

	if (found == 1)
		*at += STUCK_SECS;
	return found;
}

static int
note_undone(struct job *j, const struct incident *i)
{
	log_error("incident not opened",
	    "incident=%s by=%s next=\"the command that opened it has ended "
	    "before its set was complete, and nothing is left of it: open it "
	    "again\"",
	    i->id, i->opened_by);
	return store_audit_add(j, "issuer", "incident not opened",
	    arena_printf(j->arena, "incident:%s", i->id), "ended", NULL);
}

int
issuer_incident_undo_step(struct job *j)
{
	const int64_t until = j->now - STUCK_SECS;
	struct incident i;
	int more = store_incident_stuck(j, until, &i);

	if (more <= 0)
		return more;
	if (store_begin(j) < 0)
		return -1;
	/* It may have been opened meanwhile, or be filled right now. */
	more = store_incident_take_stuck(j, until, &i);
	if (more < 0)
		return worker_undo(j);
	if (more == 0) {
		store_rollback(j);
		return 0;
	}
	more = store_incident_undo(j, i.id, until, UNDO_BITE);
	if (more < 0 || (more == 0 && note_undone(j, &i) < 0))
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : 1;
}

/* --- drafts -------------------------------------------------------------- */

/* The CA knows from now on: confirming it does not move the deadline. */
int
incident_draft(struct job *j, const char *cause_name, struct incident *out,
    int64_t *certificates)
{
	const struct incident_cause *cause = incident_cause_find(cause_name);
	const struct incident_selector s = { .found_cause = cause_name };
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);

	*certificates = 0;
	rnd_id(id);
	*out = (struct incident){ .id = id,
		.cause = cause->name,
		.selector =
		    arena_printf(j->arena, "{\"found\":\"%s\"}", cause->name),
		.reason = cause->reason,
		.known_at = j->now,
		.deadline = j->now + cause->hours * HOUR,
		.opened_by = "issuer" };
	if (store_incident_open(j, out, &s, 0, certificates) < 0)
		return -1;
	return store_audit_add(j, "issuer", "incident drafted",
	    arena_printf(j->arena, "incident:%s", id), "ok", out->selector);
}

int
incident_confirm(struct job *j, const struct incident *i, const char *by)
{
	if (!incident_is_draft(i))
		return job_fail(
		    j, ERR_MALFORMED, "%s: the incident is no draft", i->id);
	if (store_incident_confirm(
		j, i->id, by, issuer_incident_due(i, j->now)) < 0 ||
	    incident_tell_within(j, i) < 0)
		return -1;
	return store_audit_add(j, by, "incident confirmed",
	    arena_printf(j->arena, "incident:%s", i->id), "ok", NULL);
}
