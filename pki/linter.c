#include "config.h"

#include "pki/linter.h"

#include "lib/b64.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/utf8.h"
#include "pki/ossl.h"

#include <string.h>

/* zlint 3.7 has 427 lints, two members each. */
#define ITEMS_MAX 20000
/* An exit status has eight bits. */
#define STATUSES 256

#define LINE_OCTETS 48

/* --- what they judge ------------------------------------------------------ */

static const struct {
	const char *kind, *template, *pem;
} objects[LINT_OBJECTS] = {
	[LINT_STRICT] = { "certificate", "MAILBOX-STRICT", "CERTIFICATE" },
	[LINT_MULTIPURPOSE] = { "certificate", "MAILBOX-MULTIPURPOSE",
	    "CERTIFICATE" },
	[LINT_RESPONDER] = { "responder", NULL, "CERTIFICATE" },
	[LINT_ROOT] = { "ca", NULL, "CERTIFICATE" },
	[LINT_ISSUING] = { "ca", NULL, "CERTIFICATE" },
	[LINT_CRL] = { "crl", "CRL", "X509 CRL" },
	[LINT_ROOT_CRL] = { "root-crl", "ARL", "X509 CRL" },
	[LINT_OCSP] = { "ocsp", NULL, NULL },
};

const char *
linter_template(enum lint_object what)
{
	return objects[what].template;
}

const char *
linter_kind(enum lint_object what)
{
	return objects[what].kind;
}

bool
linter_kind_is_known(const char *kind)
{
	for (size_t i = 0; i < LINT_OBJECTS; i++)
		if (strcmp(objects[i].kind, kind) == 0)
			return true;
	return false;
}

bool
linter_takes(const struct conf_linter *l, enum lint_object what)
{
	if (l->lints.n > 0)
		return conf_list_has(&l->lints, objects[what].kind);
	if (what == LINT_STRICT || what == LINT_MULTIPURPOSE)
		return true;
	return what == LINT_RESPONDER &&
	       !conf_list_has(&l->exec, LINTER_TEMPLATE_WORD);
}

void
linter_input(struct buf *b, enum lint_object what, struct span der)
{
	if (objects[what].pem != NULL) {
		pem_add(b, objects[what].pem, der);
		return;
	}
	for (size_t i = 0; i < der.n; i += LINE_OCTETS) {
		b64_add(b, span_cut(der, i, i + LINE_OCTETS));
		buf_add_char(b, '\n');
	}
}

/* --- what they print ------------------------------------------------------ */

bool
linter_name_is_good(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_is_alnum(name.p[i]) &&
		    span_find(SPAN("-.:_"), 0, name.p[i]) == 4)
			return false;
	return name.n > 0 && name.n <= LINTER_NAME_MAX;
}

bool
linter_version_is_good(struct span version)
{
	return version.n > 0 && version.n <= LINTER_VERSION_MAX &&
	       span_is_ascii(version) && !span_has_control(version);
}

static int
nonsense(struct job *j, const char *what)
{
	return job_fail(j, ERR_MALFORMED, "its answer is no verdict: %s", what);
}

static int
add(struct job *j, struct linter_findings *out, bool is_error, struct span lint)
{
	if (!linter_name_is_good(lint))
		return nonsense(j, "the name of a lint");
	if (out->n == LINTER_FINDINGS_MAX)
		return nonsense(j, "more than 200 findings");
	out->v[out->n++] = (struct linter_finding){ is_error, lint };
	return 0;
}

/* A word of the list: its index, or -1. */
static int
index_of(const char *const *words, size_t n, struct span word)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_str(word, words[i]))
			return (int)i;
	return -1;
}

/* {"e_some_lint":{"result":"pass"},…} */
static int
read_zlint(struct job *j, const struct json *v, struct linter_findings *out)
{
	/* What refuses stands first, then what may be allowed. */
	static const char *const results[] = { "fatal", "error", "warn", "pass",
		"info", "notice", "NA", "NE" };

	if (json_count(v) == 0)
		return nonsense(j, "no lint was run");
	for (size_t i = 0; i < json_count(v); i++) {
		const char *name = json_name_at(v, i);
		int result = index_of(results, COUNT(results),
		    json_string(json_get(json_at(v, i), "result")));

		if (result < 0)
			return nonsense(j, "a lint without a known result");
		if (result < 3 && add(j, out, result < 2, span_str(name)) < 0)
			return -1;
	}
	return 0;
}

/* {"severity":"ERROR","code":"cabf.smime.…","message":…} */
static int
read_description(
    struct job *j, const struct json *v, struct linter_findings *out)
{
	static const char *const severities[] = { "FATAL", "ERROR", "WARNING",
		"NOTICE", "INFO", "DEBUG" };
	int severity = index_of(severities, COUNT(severities),
	    json_string(json_get(v, "severity")));

	if (severity < 0)
		return nonsense(j, "a finding without a known severity");
	if (severity > 2)
		return 0;
	return add(j, out, severity < 2, json_string(json_get(v, "code")));
}

/* {"results":[{"finding_descriptions":[…],…},…]}, and its exit status is how
 * many findings there are. */
static int
read_pkilint(struct job *j, const struct json *v, int status,
    struct linter_findings *out)
{
	const struct json *results = json_get(v, "results");
	size_t count = 0;

	if (json_type(results) != JSON_T_ARRAY)
		return nonsense(j, "no list of results");
	for (size_t i = 0; i < json_count(results); i++) {
		const struct json *list =
		    json_get(json_at(results, i), "finding_descriptions");

		if (json_type(list) != JSON_T_ARRAY)
			return nonsense(j, "a result without findings");
		for (size_t k = 0; k < json_count(list); k++)
			if (read_description(j, json_at(list, k), out) < 0)
				return -1;
		count += json_count(list);
	}
	if (count % STATUSES != (size_t)status)
		return nonsense(j, "its exit status is not their number");
	return 0;
}

int
linter_read(struct job *j, enum conf_linter_output kind, int status,
    struct span output, struct linter_findings *out)
{
	const struct json *v;

	out->n = 0;
	if (kind == CONF_LINTER_ZLINT && status != 0)
		return nonsense(j, "it ended with an error");
	if (!utf8_is_valid(output))
		return nonsense(j, "octets that are no text");
	if (json_parse_many(j, output, "its answer", ITEMS_MAX, &v) < 0)
		return -1;
	return kind == CONF_LINTER_ZLINT ? read_zlint(j, v, out)
					 : read_pkilint(j, v, status, out);
}

int
linter_read_version(struct job *j, struct span output, struct span *out)
{
	*out = span_trim_fws(span_cut(output, 0, span_find(output, 0, '\n')));
	return linter_version_is_good(*out)
		   ? 0
		   : job_fail(j, ERR_MALFORMED,
			 "what it prints is no version: one line of at most "
			 "100 letters");
}
