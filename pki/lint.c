#include "config.h"

#include "pki/lint.h"

#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "pki/issue.h"
#include "pki/lint_private.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "pki/profile.h"
#include "pki/version.h"

#define REPORT_MAX (16 * 1024)

const char lint_not_applicable[] = "not applicable";

static const struct {
	const char *id;
	const char *(*run)(struct lint_subject *s);
	enum lint_severity severity;
} lints[] = {
	{ "L-01", lint_encoding, LINT_ERROR },
	{ "L-02", lint_form, LINT_ERROR },
	{ "L-10", lint_signature_algorithm, LINT_ERROR },
	{ "L-11", lint_serial, LINT_ERROR },
	{ "L-12", lint_validity, LINT_ERROR },
	{ "L-13", lint_key, LINT_ERROR },
	{ "L-14", lint_key_encoding, LINT_ERROR },
	{ "L-15", lint_issuer, LINT_ERROR },
	{ "L-20", lint_subject_attributes, LINT_ERROR },
	{ "L-21", lint_common_name, LINT_ERROR },
	{ "L-22", lint_subject_in_san, LINT_ERROR },
	{ "L-23", lint_san_forms, LINT_ERROR },
	{ "L-24", lint_san_set, LINT_ERROR },
	{ "L-25", lint_attribute_text, LINT_ERROR },
	{ "L-30", lint_extension_set, LINT_ERROR },
	{ "L-31", lint_key_usage, LINT_ERROR },
	{ "L-32", lint_policies, LINT_ERROR },
	{ "L-33", lint_ext_key_usage, LINT_ERROR },
	{ "L-34", lint_smime_capabilities, LINT_ERROR },
	{ "L-35", lint_san_criticality, LINT_ERROR },
	{ "L-36", lint_crl_point, LINT_ERROR },
	{ "L-37", lint_authority_info, LINT_ERROR },
	{ "L-38", lint_key_identifiers, LINT_ERROR },
	{ "L-40", lint_size, LINT_WARNING },
	{ "L-41", lint_verify_sign, LINT_ERROR },
	{ "L-42", lint_verify_encrypt, LINT_ERROR },
};

#define LINT_COUNT COUNT(lints)

enum lint_severity
lint_severity(const char *id)
{
	for (size_t i = 0; i < LINT_COUNT; i++)
		if (strcmp(lints[i].id, id) == 0)
			return lints[i].severity;
	return LINT_UNKNOWN;
}

int
lint_until(const char *day, int64_t *out)
{
	char text[sizeof "2027-03-31T00:00:00Z"];

	if (snprintf(text, sizeof text, "%sT00:00:00Z", day) != sizeof text - 1)
		return -1;
	return rfc3339_parse(span_str(text), out);
}

/* PK-139: the section that allows what lint i found, or NULL. */
static const struct conf_allow_lint *
allowance(const struct job *j, size_t i)
{
	const struct conf *conf = j->conf;
	int64_t until;

	if (conf == NULL || lints[i].severity != LINT_WARNING)
		return NULL;
	for (size_t k = 0; k < conf->allow_lint_count; k++) {
		const struct conf_allow_lint *a = &conf->allow_lints[k];

		if (strcmp(a->name, lints[i].id) == 0 &&
		    lint_until(a->until, &until) == 0 && j->now < until)
			return a;
	}
	return NULL;
}

static void
read_certificate(struct lint_subject *s)
{
	struct span rdns;
	struct span oid;
	struct der value;

	s->certificate = ossl_x509(s->j->arena, s->der);
	s->is_read =
	    s->certificate != NULL && certview_parse(s->der, &s->v) == 0;
	if (!s->is_read)
		return;
	rdns = lint_subject_rdns(s);
	while (lint_next_attribute(&rdns, &oid, &value) == 1) {
		if (!span_eq(oid, OID_COMMON_NAME))
			continue;
		s->common_name = value.body;
		s->common_name_tag = value.tag;
	}
}

static void
report_one(struct json_out *o, size_t i, const char *problem,
    const struct conf_allow_lint *allow)
{
	json_object_begin(o);
	json_member_str(o, "lint", lints[i].id);
	if (problem == NULL)
		json_member_str(o, "result", "pass");
	else if (problem == lint_not_applicable)
		json_member_str(o, "result", "not-applicable");
	else {
		json_member_str(o, "result",
		    lints[i].severity == LINT_WARNING ? "warning" : "error");
		json_member_str(o, "detail", problem);
	}
	if (allow != NULL) {
		json_member_str(o, "allowed", allow->reason);
		json_member_str(o, "until", allow->until);
	}
	json_object_end(o);
}

/* What a certificate of another CA is not asked: numbers, URLs, policies and
 * the sequence of extensions and names are its own business (PK-216 compares
 * the rest, and the chain, by itself). */
static bool
is_of_ours_alone(const char *id)
{
	static const char *const ids[] = { "L-10", "L-11", "L-12", "L-24",
		"L-30", "L-32", "L-34", "L-36", "L-37", "L-38", "L-40", "L-41",
		"L-42" };

	for (size_t i = 0; i < COUNT(ids); i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return false;
}

/* All lints, one after the other. */
struct run {
	struct lint_subject s;
	bool is_ours;
	struct json_out o;
	struct buf allowed;
	const char *first; /* that refuses */
	const char *first_problem;
};

static void
run_one(struct run *run, size_t i)
{
	const char *problem;
	const struct conf_allow_lint *allow;
	bool found;

	if (!run->is_ours && is_of_ours_alone(lints[i].id))
		return;
	problem = lints[i].run(&run->s);
	found = problem != NULL && problem != lint_not_applicable;
	allow = found && run->is_ours ? allowance(run->s.j, i) : NULL;
	report_one(&run->o, i, problem, allow);
	if (allow != NULL)
		buf_addf(&run->allowed, "%s%s until %s: %s",
		    run->allowed.n > 0 ? ", " : "", lints[i].id, allow->until,
		    allow->reason);
	else if (found && run->first == NULL) {
		run->first = lints[i].id;
		run->first_problem = problem;
	}
}

static int
run_all(struct run *run, const char **report)
{
	struct job *j = run->s.j;
	struct buf b;

	read_certificate(&run->s);
	buf_init(&b, j->arena, REPORT_MAX);
	buf_init(&run->allowed, j->arena, REPORT_MAX);
	json_out_init(&run->o, &b);
	json_object_begin(&run->o);
	json_member_str(&run->o, "linter", "countersign " PACKAGE_VERSION);
	json_member_str(&run->o, "sbr", PKI_SBR_VERSION);
	json_member_str(&run->o, "profile", run->s.in->profile->name);
	json_key(&run->o, "lints");
	json_array_begin(&run->o);
	/* Nothing but the first has something to look at in what is none. */
	for (size_t i = 0; i < (run->s.is_read ? LINT_COUNT : 1); i++)
		run_one(run, i);
	json_array_end(&run->o);
	json_object_end(&run->o);
	*report = b.p;
	if (run->first != NULL)
		return job_fail(j, ERR_INTERNAL, "lint %s: %s", run->first,
		    run->first_problem);
	return buf_ok(&b) && buf_ok(&run->allowed)
		   ? 0
		   : job_fail(j, ERR_INTERNAL, "the lint report is too long");
}

int
lint_certificate(struct job *j, const struct ca *ca,
    const struct issue_input *in, struct span der, struct lint_result *out)
{
	struct run run = { .s = { .j = j, .ca = ca, .in = in, .der = der },
		.is_ours = true };
	int result = run_all(&run, &out->report);

	out->allowed = run.allowed.n > 0 ? run.allowed.p : NULL;
	out->certificate = run.s.certificate;
	return result;
}

int
lint_returned(struct job *j, const struct ca *ca, const struct issue_input *in,
    struct span der, const char **report)
{
	struct run run = { .s = { .j = j, .ca = ca, .in = in, .der = der } };

	return run_all(&run, report);
}
