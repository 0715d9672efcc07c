#include "config.h"

#include "src/incident_lint.h"

#include <string.h>

#include "db/store_cert.h"
#include "db/store_incident.h"
#include "db/store_recheck.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/lint.h"
#include "src/ca_conf.h"
#include "src/command.h"
#include "src/former.h"
#include "src/role_issuer.h"

#define PAGE 200

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
look_at(const struct issuer *i, struct job *j, const char *id, const char *lint,
    struct incident_lint_set *set)
{
	struct relint_verdict v = { .linted = false };
	struct cert c;
	int found = store_cert_by_id(j, id, NULL, &c);

	if (found <= 0) /* purged meanwhile */
		return found;
	found = issuer_relint(i, j, &c, &v);
	if (found < 0)
		return -1;
	set->checked++;
	set->unlinted += !v.linted;
	return found > 0 && v.report != NULL &&
	       incident_lint_refuses(j, v.report, lint);
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
	if (lint_severity(lint) == LINT_UNKNOWN)
		return job_fail(j, ERR_MALFORMED,
		    "--lint %s: there is no such lint of a certificate; give "
		    "one as L-31",
		    lint);
	while (after != NULL)
		if (look_at_page(i, j, lint, &after, &max, out) < 0)
			return -1;
	return 0;
}

int
incident_lint_select(
    struct job *j, const char *lint, struct incident_selector *s)
{
	const struct ca_files files = ca_conf_certificates(j->conf);
	struct issuer issuer = { .ca = NULL };
	struct incident_lint_set set;

	if (ca_load(j, j->arena, &files, &issuer.ca) < 0 ||
	    former_open_to_look(j, j->arena, &issuer) < 0 ||
	    incident_lint_find(&issuer, j, lint, &set) < 0)
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
