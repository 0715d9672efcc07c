#include "config.h"

#include "src/report_change.h"

#include <inttypes.h>
#include <string.h>

#include "db/store_audit.h"
#include "db/store_incident.h"
#include "db/store_key.h"
#include "db/store_notice.h"
#include "db/store_report.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "src/incident_open.h"
#include "src/worker.h"

#define HOUR ((int64_t)3600)
/* A relay that is away for as long as that. */
#define MAIL_SECS ((int64_t)2 * 86400)

int
report_find(struct job *j, int64_t number, struct report *out)
{
	int found = store_report_by_number(j, number, out);

	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "there is no report %" PRId64
		    "; countersign report list --all shows them",
		    number);
	return found < 0 ? -1 : 0;
}

static int
find_open(struct job *j, int64_t number, struct report *out)
{
	if (report_find(j, number, out) < 0)
		return -1;
	if (out->closed_at != 0)
		return job_fail(
		    j, ERR_MALFORMED, "report %" PRId64 " is closed", number);
	return 0;
}

static int
tell(struct job *j, const struct report *r, const char *step, const char *words)
{
	const struct notice_report n = { .about = notice_of_report(
					     j, r->number, step),
		.reporter = r->reporter,
		.cert_id = r->cert_id,
		.spki_sha256 = r->spki_sha256,
		.bare_sha256 = r->bare_sha256,
		.words = words,
		.expires_at = j->now + MAIL_SECS };

	return store_notice_report(j, &n);
}

static int
note(struct job *j, const struct report *r, const char *by, const char *what,
    const char *detail)
{
	return store_audit_add(j, by, "problem report",
	    arena_printf(j->arena, "report:%" PRId64, r->number), what, detail);
}

/* --- the preliminary answer ---------------------------------------------- */

static int
answer(struct job *j, int64_t number, const char *by, const char *words)
{
	struct report r;

	if (find_open(j, number, &r) < 0)
		return -1;
	if (r.answered_at != 0)
		return job_fail(j, ERR_MALFORMED,
		    "report %" PRId64 " has been answered", number);
	r.answered_by = by;
	if (store_report_answered(j, &r) < 0 ||
	    tell(j, &r, NOTICE_ANSWER, words) < 0)
		return -1;
	return note(j, &r, by, "answered", worker_detail(j, "words", words));
}

int
report_answer(struct job *j, int64_t number, const char *by, const char *words)
{
	if (store_begin(j) < 0)
		return -1;
	if (answer(j, number, by, words) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* --- the decision -------------------------------------------------------- */

/* A key that is compromised is so in every certificate. */
static int
open_incident(struct job *j, struct report *r, const char *by,
    const struct incident_cause *cause, bool now)
{
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);
	const struct incident_selector s = { .cert_id = r->cert_id,
		.spki_sha256 = r->spki_sha256 };
	struct incident i = { .id = id,
		.cause = cause->name,
		.selector = arena_printf(
		    j->arena, "{\"report\":%" PRId64 "}", r->number),
		.reason = cause->reason,
		.known_at = r->received_at,
		.deadline = r->received_at + cause->hours * HOUR,
		.opened_by = by };
	struct incident_opened opened;

	if (r->cert_id == NULL && r->spki_sha256.n == 0)
		return job_fail(j, ERR_MALFORMED,
		    "report %" PRId64 " names no certificate and no key: "
		    "revoke with countersign cert or incident, then decide "
		    "--no-action and say so",
		    r->number);
	if (now || i.deadline < j->now)
		i.deadline = j->now;
	rnd_id(id);
	r->incident_id = id;
	r->cause = cause->name;
	r->deadline = i.deadline;
	return incident_open_within(j, &i, &s, &opened);
}

static int
decide(struct job *j, int64_t number, const char *by,
    const struct report_decision *d, struct report *r)
{
	const struct incident_cause *cause = NULL;

	if (d->cause != NULL && incident_cause_read(j, d->cause, &cause) < 0)
		return -1;
	if (find_open(j, number, r) < 0)
		return -1;
	if (r->decided_at != 0)
		return job_fail(j, ERR_MALFORMED,
		    "report %" PRId64 " has been decided", number);
	r->decided_by = by;
	r->decision = cause == NULL ? REPORT_NONE : REPORT_REVOKE;
	if (cause != NULL && open_incident(j, r, by, cause, d->now) < 0)
		return -1;
	if (store_report_decided(j, r) < 0 ||
	    tell(j, r, NOTICE_DECISION, d->words) < 0)
		return -1;
	return note(j, r, by,
	    cause == NULL ? "decided: no action" : "decided: revoke",
	    worker_detail(j, "words", d->words));
}

int
report_decide(struct job *j, int64_t number, const char *by,
    const struct report_decision *d, struct report *out)
{
	if (store_begin(j) < 0)
		return -1;
	if (decide(j, number, by, d, out) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* --- the end ------------------------------------------------------------- */

static int
end(struct job *j, int64_t number, const char *by)
{
	struct report r;

	if (find_open(j, number, &r) < 0)
		return -1;
	if (r.answered_at == 0 || r.decided_at == 0)
		return job_fail(j, ERR_MALFORMED,
		    "report %" PRId64 " must be answered and decided first",
		    number);
	r.closed_by = by;
	if (store_report_closed(j, &r) < 0)
		return -1;
	return note(j, &r, by, "closed", NULL);
}

int
report_close(struct job *j, int64_t number, const char *by)
{
	if (store_begin(j) < 0)
		return -1;
	if (end(j, number, by) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* --- what a proof decides ------------------------------------------------ */

static const char proven[] =
    "The private key was proven to be known to others.\n"
    "\n"
    "Every certificate of ours with this key has been revoked, and the key "
    "gets no other one.  If you had such a certificate: make a new key, and "
    "ask for a certificate for that.  Whoever has the old key can read what "
    "was encrypted to it, and could sign in your name.\n";

/* Subscribers are told once of a key, however often its proof is handed in:
 * whoever has it must not make us write mails.  An earlier row whose proof does
 * not hold keeps nobody from being told.  Whoever reports it is told. */
static int
tell_proven(struct job *j, const struct report *r)
{
	const struct key_hash key = { r->spki_sha256, r->bare_sha256 };
	struct report told = *r;
	int found = store_report_was_proven(j, &key);

	if (found < 0)
		return -1;
	if (found > 0)
		told.spki_sha256 = told.bare_sha256 = (struct span){ NULL, 0 };
	return tell(j, &told, NOTICE_DECISION, proven);
}

int
report_settle(struct job *j, struct report *r, const char *by)
{
	r->answered_by = r->decided_by = r->closed_by = by;
	r->decision = REPORT_REVOKE;
	r->cause = "key-compromise";
	r->deadline = j->now;
	if (store_report_answered(j, r) < 0 || store_report_decided(j, r) < 0 ||
	    tell_proven(j, r) < 0 || store_report_closed(j, r) < 0)
		return -1;
	return note(
	    j, r, by, "proven", worker_detail(j, "proof", r->proof_kind));
}
