#include "config.h"

#include "src/incident_lint.h"

#include <string.h>

#include "db/store_cert.h"
#include "db/store_incident.h"
#include "db/store_recheck.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/lint.h"
#include "src/ca_conf.h"
#include "src/command.h"
#include "src/former.h"
#include "src/linters.h"
#include "src/linters_hold.h"
#include "src/role_issuer.h"
#include "src/role_linter.h"

#define PAGE 200
#define ALLOWED_MAX ((size_t)64 * 1024)

/* A warning that the configuration allows refuses nothing (PK-139). */
static bool
is_refusal(const struct json *one)
{
	struct span result = json_string(json_get(one, "result"));

	return span_eq_str(result, "error") ||
	       (span_eq_str(result, "warning") &&
		   json_get(one, "allowed") == NULL);
}

bool
incident_lint_refuses(struct job *j, const char *report, const char *lint)
{
	const struct json *doc, *list, *one;

	if (json_parse_object(j, span_str(report), "lint report", &doc) < 0) {
		job_recover(j);
		return false;
	}
	list = json_get(doc, "lints");
	for (size_t i = 0;
	     json_type(list) == JSON_T_ARRAY && i < json_count(list); i++) {
		one = json_at(list, i);
		if (span_eq_str(json_string(json_get(one, "lint")), lint))
			return is_refusal(one);
	}
	return false;
}

/* 1, 0, -1. */
static int
ask_own(const struct issuer *i, struct job *j, const struct cert *c,
    const char *lint, struct incident_lint_set *set)
{
	struct relint_verdict v = { .linted = false };
	int found = issuer_relint(i, j, c, &v);

	if (found < 0)
		return -1;
	set->unlinted += !v.linted;
	return found > 0 && v.report != NULL &&
	       incident_lint_refuses(j, v.report, lint);
}

/* --- linters that are not ours: "zlint:e_x" ------------------------------ */

static struct span
linter_of(const char *lint)
{
	struct span text = span_str(lint);
	size_t colon = span_find(text, 0, ':');

	return colon < text.n ? span_cut(text, 0, colon)
			      : (struct span){ NULL, 0 };
}

/* Does it judge certificates of subscribers? */
static bool
is_configured(const struct conf *conf, struct span linter)
{
	for (size_t i = 0; i < conf->linter_count; i++)
		if (span_eq_str(linter, conf->linters[i].name))
			return linter_takes(&conf->linters[i], LINT_STRICT) ||
			       linter_takes(
				   &conf->linters[i], LINT_MULTIPURPOSE);
	return false;
}

/* What is allowed refuses nothing here either (PK-139). */
static bool
answer_refuses(
    struct job *j, const struct lint_answer *a, struct span lint, bool is_ours)
{
	struct lint_answer *one = arena_memdup(j->arena, a, sizeof(*a));
	struct buf allowed;

	buf_init(&allowed, j->arena, ALLOWED_MAX);
	for (size_t i = 0; i < a->findings.n; i++) {
		one->findings.v[0] = a->findings.v[i];
		one->findings.n = 1;
		if (span_eq(a->findings.v[i].lint, lint) &&
		    linters_refusal(j, one, is_ours, &allowed) != NULL)
			return true;
	}
	return false;
}

/* 1, 0, -1: also where it gives no verdict, since that certificate might be
 * one of the set. */
static int
ask_linter(const struct issuer *i, struct job *j, const struct cert *c,
    const char *lint, struct incident_lint_set *set)
{
	struct lint_answer *answers =
	    arena_calloc(j->arena, LINTERS_MAX, sizeof(*answers));
	struct span linter = linter_of(lint);
	struct linters_question q;
	int found = issuer_linters_question(i, j, c, &q);
	size_t count;

	set->unlinted += found == 0;
	if (found <= 0)
		return found;
	count = linters_ask(j, &q, answers);
	for (size_t k = 0; k < count; k++) {
		const struct lint_answer *a = &answers[k];

		if (!span_eq(a->name, linter))
			continue;
		if (a->has_failed)
			return job_fail(j, ERR_BUSY,
			    "linter %.*s gives no verdict on certificate %s: "
			    "%.*s",
			    (int)a->name.n, a->name.p, c->serial,
			    (int)a->detail.n, a->detail.p);
		return answer_refuses(
		    j, a, span_from(span_str(lint), linter.n + 1), q.is_ours);
	}
	/* It does not judge certificates of that profile. */
	set->unlinted++;
	return 0;
}

/* --- all of them ---------------------------------------------------------- */

/* 1, 0, -1. */
static int
look_at(const struct issuer *i, struct job *j, const char *id, const char *lint,
    struct incident_lint_set *set)
{
	struct cert c;
	int found = store_cert_by_id(j, id, NULL, &c);

	if (found <= 0) /* purged meanwhile */
		return found;
	set->checked++;
	return linter_of(lint).n > 0 ? ask_linter(i, j, &c, lint, set)
				     : ask_own(i, j, &c, lint, set);
}

static void
add(struct job *j, const char *id, size_t *max, struct incident_lint_set *set)
{
	if (set->count == *max) {
		const char **more;

		*max = *max == 0 ? PAGE : 2 * *max;
		more = arena_calloc(j->arena, *max, sizeof(*more));
		if (set->count > 0)
			memcpy(more, set->ids, set->count * sizeof(*more));
		set->ids = more;
	}
	set->ids[set->count++] = arena_strdup(j->arena, id);
}

/* In a job of its own: what it has read goes. */
static int
look_at_page(const struct issuer *i, struct job *j, const char *lint,
    const char **after, size_t *max, struct incident_lint_set *set)
{
	struct job page;
	const char **ids, *last;
	size_t count;
	int result;

	job_init(&page, j->store, j->conf);
	page.now = j->now;
	result = store_recheck_page(&page, *after, PAGE, &ids, &count, &last);
	for (size_t k = 0; result >= 0 && k < count; k++) {
		if (ids[k] == NULL)
			continue;
		result = look_at(i, &page, ids[k], lint, set);
		if (result > 0)
			add(j, ids[k], max, set);
	}
	if (result < 0)
		job_fail(j, page.err.kind, "%s", page.err.text);
	*after = result < 0 || count == 0 ? NULL : arena_strdup(j->arena, last);
	job_done(&page);
	return result < 0 ? -1 : 0;
}

int
incident_lint_find(const struct issuer *i, struct job *j, const char *lint,
    struct incident_lint_set *out)
{
	const char *after = "";
	size_t max = 0;

	*out = (struct incident_lint_set){ .ids = NULL };
	if (linter_of(lint).n > 0 && !is_configured(j->conf, linter_of(lint)))
		return job_fail(j, ERR_MALFORMED,
		    "--lint %s: there is no section linter of that name that "
		    "judges certificates",
		    lint);
	if (linter_of(lint).n == 0 && lint_severity(lint) == LINT_UNKNOWN)
		return job_fail(j, ERR_MALFORMED,
		    "--lint %s: there is no such lint of a certificate; give "
		    "one as L-31, or a configured linter's as zlint:e_x",
		    lint);
	while (after != NULL)
		if (look_at_page(i, j, lint, &after, &max, out) < 0)
			return -1;
	return 0;
}

/* With linters of its own, where one of them is asked. */
static int
find_with_linters(struct issuer *i, struct job *j, const char *lint,
    struct incident_lint_set *set)
{
	struct linters_hold hold = { .fd = -1 };
	pid_t pid = 0;
	int result = 0;

	i->linters = &hold;
	if (linter_of(lint).n > 0 && is_configured(j->conf, linter_of(lint)))
		result = linter_start(j, &pid, &hold.fd);
	if (result == 0)
		result = incident_lint_find(i, j, lint, set);
	linter_stop(pid, hold.fd);
	i->linters = NULL;
	return result;
}

int
incident_lint_select(
    struct job *j, const char *lint, struct incident_selector *s)
{
	const struct ca_files files = ca_conf_certificates(j->conf);
	struct issuer issuer = { .ca = NULL };
	struct incident_lint_set set = { .ids = NULL };

	if (ca_load(j, j->arena, &files, &issuer.ca) < 0 ||
	    former_open_to_look(j, j->arena, &issuer) < 0 ||
	    find_with_linters(&issuer, j, lint, &set) < 0)
		return -1;
	/* These may be as wrong. */
	if (set.unlinted > 0)
		command_fail("warning: %zu of %zu certificates could not be "
			     "linted: they are another CA's, or their profile "
			     "is not on record",
		    set.unlinted, set.checked);
	if (set.count == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s refuses none of %zu certificates; nothing was opened",
		    lint, set.checked);
	*s = (struct incident_selector){ .cert_ids = set.ids,
		.cert_id_count = set.count };
	return 0;
}
