/*
 * The daily look at all unexpired certificates (PK-188).  It walks through
 * them by their ids, some at a time and only while there is nothing else to
 * do; the row says how far it is.
 *
 * New lints and a new list of weak keys come with a start, which begins a
 * walk.  A key that is blocked takes its certificates with it in the same
 * transaction (PK-181); what slipped through is found a day later.
 */
#include "config.h"

#include "db/store_cert.h"
#include "db/store_incident.h"
#include "db/store_key.h"
#include "db/store_order.h"
#include "db/store_profile.h"
#include "db/store_recheck.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/ca.h"
#include "pki/certview.h"
#include "pki/csr.h"
#include "pki/issue.h"
#include "pki/keycheck.h"
#include "pki/profile.h"
#include "pki/profile_read.h"
#include "pki/relint.h"
#include "pki/weakkeys.h"
#include "src/evidence.h"
#include "src/former.h"
#include "src/incident_open.h"
#include "src/linters.h"
#include "src/linters_hold.h"
#include "src/recheck_row.h"
#include "src/role_issuer.h"
#include "src/worker.h"

#include <inttypes.h>
#include <string.h>

#define DAY INT64_C(86400)
#define BITE 20 /* certificates a step */
#define PAUSE_SECS 300
#define NO_VERDICT 2

#define BLOCKED "key-compromise"
#define WEAK "weak-key"
#define QUALITY "key-quality"
#define MISISSUED "misissued"
static const char *const causes[] = { BLOCKED, WEAK, QUALITY, MISISSUED };
#define CAUSE_COUNT COUNT(causes)

/* --- one certificate ----------------------------------------------------- */

/* 1 with *f filled, 0, -1. */
static int
check_key(const struct issuer *i, struct job *j, const struct cert *c,
    struct recheck_finding *f)
{
	struct certview view;
	enum key_type type;
	EVP_PKEY *key;
	uint8_t bare[SHA256_LEN];
	bool is_read = certview_parse(c->der, &view) == 0;
	/* Rows of earlier versions lack it. */
	bool has_bare = is_read && spki_bare_sha256(view.spki, bare) == 0;
	const struct key_hash hash = { c->spki_sha256,
		has_bare ? span_mem(bare, SHA256_LEN) : c->bare_sha256 };
	int blocked = store_key_is_blocked(j, &hash, NULL);

	if (blocked < 0)
		return -1;
	if (blocked > 0) {
		f->cause = BLOCKED;
		f->detail = "its key is blocked";
		return 1;
	}
	if (!is_read) {
		f->cause = MISISSUED;
		f->detail = "it cannot be read";
		return 1;
	}
	if (weakkeys_has(i->weak_keys, view.spki)) {
		f->cause = WEAK;
		f->detail = "its key is on the list of weak keys";
		return 1;
	}
	/* The profile of then may have taken any exponent (PK-70). */
	f->cause = QUALITY;
	f->detail = keycheck_spki(
	    j->arena, view.spki, KEYCHECK_ANY_EXPONENT, &type, &key);
	return f->detail != NULL;
}

static bool
is_text_of(struct span text, const struct cert *c)
{
	uint8_t hash[SHA256_LEN];

	sha256(text, hash);
	return span_eq(c->profile_sha256, span_mem(hash, SHA256_LEN));
}

/* The CA of ours that made it, this one or a former one; NULL: another's.  What
 * that made was compared when it came (PK-216); our lints are not all meant for
 * it. */
static const struct issuer *
signer_of(const struct issuer *i, const struct job *j, const struct cert *c)
{
	if (strcmp(c->ca_label, ca_key_label(i->ca)) != 0)
		return former_of(i, c->ca_label);
	return issuer_is_external(j) ? NULL : i;
}

/* As it was when the certificate was made: that of today, or the one on
 * record.  The lints of another one would find what is no mistake.  1, 0 there
 * is none, -1. */
static int
profile_of(struct job *j, const struct cert *c, const struct profile **out)
{
	const struct profile_row row = { c->profile, c->profile_sha256 };
	struct profile *former;
	struct span text;
	int found;

	*out = profile_find(j->conf, span_str(c->profile));
	if (*out != NULL &&
	    is_text_of(span_str(profile_text(j->arena, *out)), c))
		return 1;
	found = store_profile_text(j, &row, &text);
	if (found <= 0 || !is_text_of(text, c))
		return found < 0 ? -1 : 0;
	former = arena_alloc(j->arena, sizeof(*former));
	*out = former;
	return profile_read(j->arena, text, former) == 0;
}

int
issuer_relint(const struct issuer *i, struct job *j, const struct cert *c,
    struct relint_verdict *v)
{
	const struct issuer *signer = signer_of(i, j, c);
	const struct profile *profile = NULL;
	struct relint_input in = { .der = c->der };
	struct csr csr;
	struct order o;
	int found;

	*v = (struct relint_verdict){ .linted = false };
	found = signer == NULL ? 0 : profile_of(j, c, &profile);
	if (found <= 0)
		return found;
	in.profile = profile;
	found = store_order_by_id(j, c->order_id, NULL, &o);
	/* One that cannot be read keeps no other from being looked at. */
	if (found < 0 && j->err.kind == ERR_SPOILED) {
		job_recover(j);
		return 0;
	}
	if (found <= 0)
		return found;
	/* Its rules may have changed since; the key was looked at. */
	if (issuer_check_csr(i, j, &o, profile, &csr) < 0) {
		job_recover(j);
		return 0;
	}
	v->linted = true;
	in.csr = &csr;
	in.mailbox_count = o.identifier_count;
	in.subject_number = issue_subject_number(j->arena, o.account_id);
	issuer_mailboxes(j, &o, &in.mailboxes);
	if (relint(j, signer->ca, &in, &v->report) == 0)
		return 0;
	v->why = arena_strdup(j->arena, j->err.text);
	job_recover(j);
	return 1;
}

int
issuer_linters_question(const struct issuer *i, struct job *j,
    const struct cert *c, struct linters_question *q)
{
	bool is_external = strcmp(c->ca_label, ca_key_label(i->ca)) == 0 &&
			   issuer_is_external(j);
	const struct profile *profile;
	int found = is_external || signer_of(i, j, c) != NULL
			? profile_of(j, c, &profile)
			: 0;

	*q =
	    (struct linters_question){ .fd = i->linters != NULL ? i->linters->fd
								: -1,
		    .der = c->der,
		    .is_ours = !is_external };
	if (found > 0)
		q->object = linters_object(profile);
	return found;
}

/* PK-136, PK-188: those that are not ours, as they are today.  1 and which one
 * refuses, 0, -1; NO_VERDICT with the job's error where one fails. */
static int
ask_linters(const struct issuer *i, struct job *j, const struct cert *c,
    const char **why)
{
	const struct linters_verdict own = { .report = "{\"lints\":[]}" };
	struct linters_verdict all;
	struct linters_question q;
	int found = issuer_linters_question(i, j, c, &q);

	if (found <= 0)
		return found;
	if (linters_check(j, &q, &own, &all) == 0)
		return 0;
	if (!all.refuses)
		return j->err.kind == ERR_BUSY ? NO_VERDICT : -1;
	*why = arena_strdup(j->arena, j->err.text);
	job_recover(j);
	return 1;
}

static int
check_lints(const struct issuer *i, struct job *j, const struct cert *c,
    struct recheck_finding *f, bool *linted)
{
	struct relint_verdict v;
	int found = issuer_relint(i, j, c, &v);

	*linted = v.linted;
	f->detail = v.why;
	f->cause = MISISSUED;
	return found != 0 ? found : ask_linters(i, j, c, &f->detail);
}

/* 1 with *f filled, 0, -1, NO_VERDICT. */
static int
check_one(const struct issuer *i, struct job *j, const char *id,
    struct recheck *r, struct recheck_finding *f)
{
	bool linted = true;
	struct cert c;
	int found = store_cert_by_id(j, id, NULL, &c);

	*f = (struct recheck_finding){ .cert_id = id };
	if (found <= 0)
		return found;
	found = check_key(i, j, &c, f);
	if (found == 0)
		found = check_lints(i, j, &c, f, &linted);
	if (found < 0 || found == NO_VERDICT)
		return found;
	r->checked++;
	r->unlinted += !linted;
	/* One without a verdict is looked at again and again. */
	recheck_row(i, j, &c, r);
	return found;
}

/* --- the walk ------------------------------------------------------------ */

static int
draft(struct job *j, const char *cause)
{
	struct incident i;
	int64_t count;

	if (store_recheck_count(j, cause, &count) < 0)
		return -1;
	if (count == 0)
		return 0;
	if (incident_draft(j, cause, &i, &count) < 0)
		return -1;
	log_error("certificates found that must go",
	    "incident=%s cause=%s certificates=%" PRId64
	    " next=\"countersign incident show, then confirm or cancel: the "
	    "deadline counts from now\"",
	    i.id, cause, count);
	return 0;
}

static int
end_walk(struct job *j, struct recheck *r)
{
	int64_t drafts;

	for (size_t k = 0; k < CAUSE_COUNT; k++)
		if (draft(j, causes[k]) < 0)
			return -1;
	if (store_incident_drafts(j, &drafts) < 0 || recheck_row_sum(j, r) < 0)
		return -1;
	log_info("certificates checked again",
	    "checked=%" PRId64 " not_linted=%" PRId64 " spoiled_rows=%" PRId64
	    " drafts=%" PRId64,
	    r->checked, r->unlinted, r->spoiled, drafts);
	r->due_at =
	    r->started_at + DAY > j->now ? r->started_at + DAY : j->now + DAY;
	r->started_at = 0;
	r->after_id = "";
	return 0;
}

/* Others' linters take their time, and the issuer has other work. */
static size_t
bite_size(const struct job *j)
{
	return linters_count(j->conf, LINT_STRICT) > 0 ? 1 : BITE;
}

/* The walk stands still, and orders do not wait for it. */
static int
stand_still(struct job *j, struct recheck *r)
{
	log_error("certificates not checked again",
	    "after=%s error=\"%s\" next=\"mend the linter, or find out which "
	    "certificate it cannot judge; it is tried again in %d seconds\"",
	    r->after_id, j->err.text, PAUSE_SECS);
	job_recover(j);
	r->due_at = j->now + PAUSE_SECS;
	if (store_begin(j) < 0)
		return -1;
	if (store_recheck_put(j, r) < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : 1;
}

struct bite {
	const char **ids;
	size_t count;
	const char *last;
	struct recheck_finding found[BITE];
	size_t found_count;
};

/* Outside of a transaction: nobody waits for the lints. */
static int
take_bite(
    const struct issuer *i, struct job *j, struct recheck *r, struct bite *b)
{
	if (store_recheck_page(
		j, r->after_id, bite_size(j), &b->ids, &b->count, &b->last) < 0)
		return -1;
	for (size_t k = 0; k < b->count; k++) {
		int found = b->ids[k] == NULL ? 0
					      : check_one(i, j, b->ids[k], r,
						    &b->found[b->found_count]);

		if (found < 0 || found == NO_VERDICT)
			return found;
		b->found_count += found > 0;
	}
	return 0;
}

static int
record(struct job *j, struct recheck *r, const struct bite *b)
{
	for (size_t k = 0; k < b->found_count; k++)
		if (store_recheck_found(j, &b->found[k]) < 0)
			return -1;
	if (b->count == 0 && end_walk(j, r) < 0)
		return -1;
	if (b->count > 0)
		r->after_id = b->last;
	return store_recheck_put(j, r);
}

int
issuer_recheck_step(const struct issuer *i, struct job *j)
{
	struct bite b = { .count = 0 };
	struct recheck r;
	int result, found = store_recheck_get(j, &r);

	if (found <= 0 || r.due_at > j->now)
		return found < 0 ? -1 : 0;
	if (r.started_at == 0) {
		r.started_at = j->now;
		r.checked = r.unlinted = r.spoiled = 0;
	}
	result = take_bite(i, j, &r, &b);
	if (result == NO_VERDICT)
		return stand_still(j, &r);
	if (result < 0 || store_begin(j) < 0)
		return -1;
	if (record(j, &r, &b) < 0)
		return worker_undo(j);
	return store_commit(j) < 0 ? -1 : 1;
}

int
issuer_recheck_due(struct job *j, int64_t *at)
{
	struct recheck r;
	int found = store_recheck_get(j, &r);

	if (found > 0)
		*at = r.due_at;
	return found;
}

int
issuer_recheck_start(const struct issuer *i, struct job *j)
{
	const char *rules = arena_printf(j->arena, "%s; %s; %s",
	    PACKAGE_VERSION, BR_VERSION, weakkeys_checksum(i->weak_keys));
	struct recheck r;
	int found = store_recheck_get(j, &r);

	if (found < 0)
		return -1;
	if (found > 0 && strcmp(r.rules, rules) == 0)
		return 0;
	r = (struct recheck){
		.rules = rules, .due_at = j->now, .after_id = ""
	};
	if (store_begin(j) < 0)
		return -1;
	if (store_recheck_put(j, &r) < 0)
		return worker_undo(j);
	return store_commit(j);
}
