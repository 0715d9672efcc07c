#include "config.h"

#include "src/rehearsal.h"

#include "acme/revoke.h"
#include "db/store_audit.h"
#include "db/store_copy.h"
#include "db/store_incident.h"
#include "db/store_notice.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "src/incident_open.h"
#include "src/incident_tell.h"
#include "src/worker.h"

#define BITE 500
#define OBJECT "rehearsal:incident"
#define YEAR_SECS ((int64_t)366 * 86400)
#define DETAIL_MAX 1024

/* --- on the copy --------------------------------------------------------- */

static int
revoke_some(struct job *j, const struct incident *i)
{
	int more;

	if (store_begin(j) < 0)
		return -1;
	more = revoke_incident(j, i, BITE);
	if (more < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : more;
}

/* Each bite in a job of its own: a set may be large. */
static int
revoke_all(struct job *j, const struct incident *i)
{
	struct job one;
	int more;

	do {
		job_init(&one, j->store, j->conf);
		one.now = j->now;
		more = revoke_some(&one, i);
		j->err = one.err;
		job_done(&one);
	} while (more == 1);
	return more;
}

static int
carry_out(struct job *j, const struct incident *i,
    const struct incident_selector *s, struct rehearsal_signer *signer,
    struct rehearsal *out)
{
	struct notice_counts mails;
	struct incident_opened opened;
	int64_t replaced, from;
	int more;

	if (rehearsal_sign_before(j, signer, &out->sign) < 0)
		return -1;
	from = clock_mono_ms();
	if (incident_open(j, i, s, false, &opened) < 0)
		return -1;
	while ((more = incident_tell(j, i)) == 1)
		continue;
	if (more < 0)
		return -1;
	out->open_ms = clock_mono_ms() - from;
	out->certificates = opened.certificates;
	from = clock_mono_ms();
	if (revoke_all(j, i) < 0)
		return -1;
	out->revoke_ms = clock_mono_ms() - from;
	if (store_incident_progress(j, i->id, &out->revoked, &replaced) < 0 ||
	    store_notice_count(j, i->id, &mails) < 0)
		return -1;
	out->mails = mails.all;
	return rehearsal_sign_after(j, signer, &out->sign);
}

/* --- the record ---------------------------------------------------------- */

static int
record(struct job *j, const struct incident *i, const struct rehearsal *r)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "cause", i->cause);
	json_member_int(&w, "certificates", r->certificates);
	json_member_int(&w, "revoked", r->revoked);
	json_member_int(&w, "mails", r->mails);
	json_member_int(&w, "copy_ms", r->copy_ms);
	json_member_int(&w, "open_ms", r->open_ms);
	json_member_int(&w, "revoke_ms", r->revoke_ms);
	json_member_int(&w, "answers", r->sign.answers);
	json_member_int(&w, "lists", r->sign.lists);
	json_member_int(&w, "prepare_ms", r->sign.prepare_ms);
	json_member_int(&w, "answers_ms", r->sign.answers_ms);
	json_member_int(&w, "lists_ms", r->sign.lists_ms);
	json_object_end(&w);
	return worker_record(
	    j, i->opened_by, "incident rehearsed", OBJECT, "ok", b.p);
}

static int
run_on_copy(struct job *j, const struct store_login *login,
    const struct incident *i, const struct incident_selector *s,
    struct rehearsal_signer *signer, struct rehearsal *out)
{
	struct store_copy copy;
	struct job inside;
	struct err why = { .kind = ERR_NONE };
	int64_t from = clock_mono_ms();
	int result;

	result = store_copy_make(j, login, &copy);
	out->copy_ms = clock_mono_ms() - from;
	if (result == 0) {
		job_init(&inside, copy.store, j->conf);
		inside.now = j->now;
		result = carry_out(&inside, i, s, signer, out);
		j->err = inside.err;
		job_done(&inside);
	}
	/* The first failure is what is told. */
	if (result < 0) {
		why = j->err;
		job_recover(j);
	}
	if (store_copy_drop(j, &copy) < 0 && result == 0)
		return -1;
	if (result < 0) {
		job_recover(j);
		j->err = why;
	}
	return result;
}

int
rehearsal_run(struct job *j, const struct store_login *login,
    const struct incident *i, const struct incident_selector *s,
    struct rehearsal *out)
{
	struct rehearsal_signer *signer;
	int result;

	*out = (struct rehearsal){ 0 };
	if (rehearsal_signer_new(j, &signer) < 0)
		return -1;
	result = run_on_copy(j, login, i, s, signer, out);
	rehearsal_signer_free(signer);
	return result < 0 ? -1 : record(j, i, out);
}

/* --- when it was --------------------------------------------------------- */

int
rehearsal_last(struct job *j, int64_t *at)
{
	struct audit_row *rows;
	size_t count;

	*at = 0;
	if (store_audit_list(j, OBJECT, &rows, &count) < 0)
		return -1;
	if (count == 0)
		return 0;
	*at = rows[count - 1].at_ms / 1000;
	return 1;
}

int
rehearsal_advice(struct job *j, const char **out)
{
	int64_t at;
	int found = rehearsal_last(j, &at);

	*out = NULL;
	if (found < 0)
		return -1;
	if (found == 0)
		*out = "no incident has been rehearsed; countersign incident "
		       "rehearse does it on a copy, once a year";
	else if (j->now - at > YEAR_SECS)
		*out = "the last rehearsal is older than 12 months; "
		       "countersign incident rehearse";
	return 0;
}
