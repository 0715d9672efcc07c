#include "config.h"

#include "pki/pkimetal.h"

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/utf8.h"

#define ITEMS_MAX 20000
#define SERVICE_LINTERS_MAX 32
#define SERVICE "pkimetal"
#define SHORT_LEN 4 /* octets of a hash, where a name is too long */

static const struct {
	const char *path, *profile;
} objects[LINT_OBJECTS] = {
	[LINT_STRICT] = { "/lintcert", "sbr_leaf_smime_mv_strict" },
	[LINT_MULTIPURPOSE] = { "/lintcert", "sbr_leaf_smime_mv_multipurpose" },
	[LINT_RESPONDER] = { "/lintcert", "rfc5280_leaf_ocspsigning" },
	[LINT_ROOT] = { "/lintcert", "sbr_root_smime" },
	[LINT_ISSUING] = { "/lintcert", "sbr_subordinate_smime" },
	[LINT_CRL] = { "/lintcrl", "rfc5280_crl" },
	[LINT_ROOT_CRL] = { "/lintcrl", "rfc5280_arl" },
	[LINT_OCSP] = { "/lintocsp", "rfc6960_ocspresponse" },
};

const char *
pkimetal_path(enum lint_object what)
{
	return objects[what].path;
}

const char *
pkimetal_profile(enum lint_object what)
{
	return objects[what].profile;
}

void
pkimetal_add_form(struct buf *b, enum lint_object what, struct span text)
{
	/* The least severe, "meta", is what it says of itself. */
	buf_addf(b, "format=json&severity=meta&profile=%s&b64input=",
	    pkimetal_profile(what));
	for (size_t i = 0; i < text.n; i++) {
		if (ascii_is_alnum(text.p[i]))
			buf_add_char(b, text.p[i]);
		else
			buf_addf(b, "%%%02X", (unsigned char)text.p[i]);
	}
}

static int
nonsense(struct job *j, const char *what)
{
	return job_fail(j, ERR_MALFORMED, "its answer is no verdict: %s", what);
}

/* --- its linters ---------------------------------------------------------- */

struct service {
	struct span names[SERVICE_LINTERS_MAX]; /* those that are there */
	bool has_ended[SERVICE_LINTERS_MAX];
	size_t n;
	bool was_used; /* one of them */
};

/* [{"Name":"zlint","Instances":1,"Version":"v3.7.3","Url":"…"},…] */
static int
read_linters(struct job *j, const struct json *v, struct service *s)
{
	for (size_t i = 0; i < json_count(v); i++) {
		const struct json *one = json_at(v, i);
		struct span name = json_string(json_get(one, "Name"));
		const struct json *instances = json_get(one, "Instances");

		if (!linter_name_is_good(name) ||
		    json_type(instances) != JSON_T_INTEGER)
			return nonsense(j, "a linter without a name");
		if (json_integer(instances) <= 0)
			continue;
		if (s->n == SERVICE_LINTERS_MAX)
			return nonsense(j, "more than 32 linters");
		s->names[s->n++] = name;
	}
	return 0;
}

/* "Queued: …; Runtime: …; Version: …" of one that has come to its end, or
 * "zlint: Not used [Available:true, Applicable:false]". */
static void
take_word(struct service *s, struct span name, struct span finding)
{
	bool has_run = span_starts(finding, SPAN("Queued: "));
	bool unused =
	    span_find_span(finding, 0, SPAN(": Not used [")) == name.n &&
	    span_starts(finding, name);

	s->was_used |= has_run;
	for (size_t i = 0; i < s->n; i++)
		if (span_eq(s->names[i], name))
			s->has_ended[i] |= has_run || unused;
}

static int
check_all_ended(struct job *j, const struct service *s)
{
	if (!s->was_used)
		return nonsense(j, "none of its linters was used");
	for (size_t i = 0; i < s->n; i++)
		if (!s->has_ended[i])
			return job_fail(j, ERR_MALFORMED,
			    "its answer is no verdict: its linter %.*s has not "
			    "come to an end",
			    (int)s->names[i].n, s->names[i].p);
	return 0;
}

/* --- its findings --------------------------------------------------------- */

/* Lints without a code are called after their words, and two whose words begin
 * alike have not one name. */
static struct span
name_of(struct job *j, struct span linter, struct span words)
{
	const size_t max = LINTER_NAME_MAX - 2 * SHORT_LEN - 1;
	uint8_t hash[SHA256_LEN];
	struct span name;
	struct buf b;

	buf_init(&b, j->arena, linter.n + words.n + 2);
	buf_addf(&b, "%.*s:", (int)linter.n, linter.p);
	for (size_t i = 0; i < words.n; i++)
		buf_add_char(&b, ascii_is_alnum(words.p[i]) ||
					 words.p[i] == '.' || words.p[i] == '-'
				     ? words.p[i]
				     : '_');
	name = buf_span(&b);
	if (name.n <= LINTER_NAME_MAX)
		return name;
	sha256(words, hash);
	return span_str(arena_printf(j->arena, "%.*s-%s", (int)max, name.p,
	    hex_dup(j->arena, span_mem(hash, SHORT_LEN))));
}

/* What refuses stands first, then what may be allowed, then what refuses
 * nothing.  "bug" is the linter's own. */
static const char *const severities[] = { "fatal", "error", "warning", "notice",
	"info", "debug", "meta" };
#define SEVERITY_COUNT COUNT(severities)

static size_t
severity_of(struct span word)
{
	size_t i = 0;

	while (i < SEVERITY_COUNT && !span_eq_str(word, severities[i]))
		i++;
	return i;
}

/* {"Linter":"zlint","Finding":"…","Code":"e_x","Severity":"error"}; the
 * service's own "fatal" is that a linter of it has failed. */
static int
read_finding(struct job *j, const struct json *v, struct service *s,
    struct linter_findings *out)
{
	struct span linter = json_string(json_get(v, "Linter"));
	struct span finding = json_string(json_get(v, "Finding"));
	struct span code = json_string(json_get(v, "Code"));
	size_t severity = severity_of(json_string(json_get(v, "Severity")));
	struct span lint;

	if (!linter_name_is_good(linter) || severity == SEVERITY_COUNT)
		return nonsense(j, "a finding without linter and severity");
	if (severity == SEVERITY_COUNT - 1)
		take_word(s, linter, finding);
	if (severity > 2)
		return 0;
	if (span_eq_str(linter, SERVICE))
		return nonsense(j, "it has failed itself");
	lint = name_of(j, linter, code.n > 0 ? code : finding);
	if (!linter_name_is_good(lint))
		return nonsense(j, "the name of a lint");
	if (out->n == LINTER_FINDINGS_MAX)
		return nonsense(j, "more than 200 findings");
	out->v[out->n++] = (struct linter_finding){ severity < 2, lint };
	return 0;
}

/* "Profile: rfc5280_crl; Version: v1.20.0" stands first. */
static int
read_head(struct job *j, enum lint_object what, const struct json *v,
    struct span *version)
{
	struct span s = json_string(json_get(v, "Finding"));
	struct span head = span_str(arena_printf(
	    j->arena, "Profile: %s; Version: ", pkimetal_profile(what)));

	if (!span_eq_str(json_string(json_get(v, "Linter")), SERVICE) ||
	    !span_eq_str(json_string(json_get(v, "Severity")), "meta") ||
	    !span_starts(s, head))
		return nonsense(j, "not of the profile that was asked for");
	*version = span_from(s, head.n);
	return linter_version_is_good(*version)
		   ? 0
		   : nonsense(j, "the service's version");
}

static int
parse(struct job *j, struct span text, const struct json **out)
{
	if (!utf8_is_valid(text))
		return nonsense(j, "octets that are no text");
	return json_parse_list(j, text, "its answer", ITEMS_MAX, out);
}

int
pkimetal_read(struct job *j, enum lint_object what, struct span linters,
    struct span answer, struct linter_findings *out, struct span *version)
{
	struct service s = { .n = 0 };
	const struct json *list = NULL, *v = NULL;

	out->n = 0;
	if (parse(j, linters, &list) < 0 || read_linters(j, list, &s) < 0 ||
	    parse(j, answer, &v) < 0)
		return -1;
	if (read_head(j, what, json_at(v, 0), version) < 0)
		return -1;
	for (size_t i = 0; i < json_count(v); i++)
		if (read_finding(j, json_at(v, i), &s, out) < 0)
			return -1;
	return check_all_ended(j, &s);
}
