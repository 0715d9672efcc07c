#include "config.h"

#include "src/audit_look.h"

#include "db/store_cert.h"
#include "db/store_order.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/profile.h"
#include "src/dossier.h"
#include "src/linters.h"
#include "src/relied.h"
#include "src/role_issuer.h"

#define TEXT_MAX ((size_t)64 * 1024)
#define ITEMS_MAX 4000

/* One link of the chain, or one linter's word. */
struct line {
	const char *what; /* "lints", "linter zlint 3.7", "authorization …" */
	const char *result;
	bool is_finding;
};

struct lines {
	struct line *v;
	size_t n, max;
	size_t findings;
};

static void
say(struct lines *l, const char *what, const char *result, bool is_finding)
{
	if (l->n == l->max)
		return;
	l->v[l->n++] = (struct line){ what, result, is_finding };
	l->findings += is_finding;
}

/* --- lints ---------------------------------------------------------------- */

static int
lint_ours(const struct audit_look *l, struct job *j, const struct cert *c,
    struct lines *lines)
{
	struct relint_verdict v;
	int found = issuer_relint(l->issuer, j, c, &v);

	if (found < 0)
		return -1;
	say(lines, "lints of countersign " PACKAGE_VERSION,
	    found > 0  ? v.why
	    : v.linted ? "pass"
		       : "not looked at: its profile, its CA or the rules for "
			 "its request are others today",
	    found > 0);
	return 0;
}

static const char *
in_words(struct job *j, const struct lint_answer *a)
{
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	for (size_t i = 0; i < a->findings.n; i++)
		buf_addf(&b, "%s%.*s (%s)", i > 0 ? ", " : "",
		    (int)a->findings.v[i].lint.n, a->findings.v[i].lint.p,
		    a->findings.v[i].is_error ? "error" : "warning");
	return b.p;
}

static void
say_linter(struct job *j, const struct lint_answer *a, struct lines *lines)
{
	const char *what = arena_printf(j->arena, "linter %.*s%s%.*s",
	    (int)a->name.n, a->name.p, a->version.n > 0 ? ", " : "",
	    (int)a->version.n, a->version.p);
	struct buf allowed;

	buf_init(&allowed, j->arena, TEXT_MAX);
	if (a->has_failed)
		say(lines, what,
		    arena_printf(j->arena, "no verdict: %s",
			span_dup(j->arena, a->detail)),
		    true);
	else if (linters_refusal(j, a, true, &allowed) != NULL)
		say(lines, what, in_words(j, a), true);
	else if (allowed.n > 0)
		say(lines, what,
		    arena_printf(j->arena, "allowed: %s", allowed.p), false);
	else
		say(lines, what, "pass", false);
}

static void
lint_external(const struct audit_look *l, struct job *j, const struct cert *c,
    struct lines *lines)
{
	const struct profile *p = profile_find(j->conf, span_str(c->profile));
	struct linters_question q = { .fd = l->linters_fd,
		.object = p == NULL || p->generation == GENERATION_STRICT
			      ? LINT_STRICT
			      : LINT_MULTIPURPOSE,
		.der = c->der,
		.is_ours = true };
	struct lint_answer *answers =
	    arena_calloc(j->arena, LINTERS_MAX, sizeof(*answers));
	size_t count = linters_ask(j, &q, answers);

	for (size_t i = 0; i < count; i++)
		say_linter(j, &answers[i], lines);
}

/* --- the evidence --------------------------------------------------------- */

static int
trace_one(const struct audit_look *l, struct job *j, const char *id,
    struct lines *lines)
{
	struct dossier d;
	int found = dossier_load(j, id, &d);
	const char *what;

	if (found < 0)
		return -1;
	if (found == 0) {
		say(lines, arena_printf(j->arena, "authorization %s", id),
		    "gap: it is not there any more", true);
		return 0;
	}
	what =
	    arena_printf(j->arena, "authorization %s, %s", id, d.authz.mailbox);
	if (dossier_verify(j, &d, l->seal, l->seal_why) < 0)
		return -1;
	say(lines, what,
	    d.verified
		? arena_printf(j->arena,
		      "proven by the reply with SHA-256 %s; seal: %s",
		      hex_dup(j->arena, d.reply.raw_sha256), d.seal_result)
		: arena_printf(j->arena, "gap: %s", d.verdict),
	    !d.verified);
	return 0;
}

static bool
names(const struct json *list, const char *id)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (span_eq_str(json_string(json_at(list, i)), id))
			return true;
	return false;
}

/* PK-18: rows are named; whether they are what they were is asked for each
 * authorization. */
static int
trace_relied(const struct audit_look *l, struct job *j, const struct cert *c,
    struct lines *lines)
{
	struct relied_list all;
	int found = relied_parse(j, l->seal, c->order_id, c->evidence, &all);
	int recorded = found < 0 ? RELIED_RECORDED : relied_is_recorded(j, c);

	if (recorded < 0)
		return -1;
	if (recorded == RELIED_CHANGED) {
		say(lines, "evidence",
		    "gap: it was changed after the certificate was issued: the "
		    "audit has another hash of it",
		    true);
		return 0;
	}
	if (recorded == RELIED_NO_RECORD)
		say(lines, "evidence", RELIED_NO_RECORD_TEXT, false);
	if (found < 0 && j->err.kind != ERR_UNAUTHORIZED)
		return -1;
	if (found < 0)
		say(lines, "evidence",
		    arena_printf(j->arena, "gap: %s", j->err.text), true);
	if (found == 0)
		say(lines, "evidence",
		    "it does not name reply and CAA check: an earlier version "
		    "wrote it",
		    false);
	job_recover(j);
	return 0;
}

/* What it relied on is what its order has, mailbox by mailbox. */
static int
trace(const struct audit_look *l, struct job *j, const struct cert *c,
    struct lines *lines)
{
	const struct json *evidence, *list;
	struct order o;
	int found = store_order_by_id(j, c->order_id, NULL, &o);

	if (found < 0 && j->err.kind != ERR_SPOILED)
		return -1;
	job_recover(j);
	if (found <= 0) {
		say(lines, "order", "gap: it is not there, or spoiled", true);
		return 0;
	}
	if (json_parse_many(j, span_str(c->evidence), "evidence", ITEMS_MAX,
		&evidence) < 0) {
		say(lines, "evidence",
		    arena_printf(j->arena, "gap: %s", j->err.text), true);
		job_recover(j);
		return 0;
	}
	if (trace_relied(l, j, c, lines) < 0)
		return -1;
	list = json_get(evidence, "authorizations");
	if (json_count(list) != o.identifier_count)
		say(lines, "evidence",
		    "gap: it names not as many authorizations as the order",
		    true);
	for (size_t i = 0; i < o.identifier_count; i++) {
		const char *id = o.identifiers[i].authz.id;

		if (!names(list, id))
			say(lines,
			    arena_printf(j->arena, "authorization %s", id),
			    "gap: the certificate's evidence does not name it",
			    true);
		if (trace_one(l, j, id, lines) < 0)
			return -1;
	}
	return 0;
}

/* --- what is printed ------------------------------------------------------ */

static void
print_text(const struct cert *c, const struct lines *lines, struct buf *out)
{
	char issued[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(c->issued_at, issued);
	buf_addf(out,
	    "certificate %s\n  id: %s\n  issued: %s\n  profile: %s\n"
	    "  order: %s\n  account: %s\n  CA: %s\n  rules: %s\n",
	    c->serial, c->id, issued, c->profile, c->order_id, c->account_id,
	    c->ca_label, c->br_version);
	for (size_t i = 0; i < lines->n; i++)
		buf_addf(out, "%s%s: %s\n",
		    lines->v[i].is_finding ? "! " : "  ", lines->v[i].what,
		    lines->v[i].result);
}

static void
print_json(struct job *j, const struct cert *c, const struct lines *lines,
    struct buf *out)
{
	struct json_out w;

	json_out_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "serial", c->serial);
	json_member_str(&w, "id", c->id);
	json_member_time(&w, "issued", c->issued_at);
	json_member_str(&w, "sha256", hex_dup(j->arena, c->sha256));
	json_member_str(&w, "profile", c->profile);
	json_member_str(
	    &w, "profile_sha256", hex_dup(j->arena, c->profile_sha256));
	json_member_str(&w, "order", c->order_id);
	json_member_str(&w, "account", c->account_id);
	json_member_str(&w, "ca", c->ca_label);
	json_member_str(&w, "rules", c->br_version);
	json_key(&w, "checks");
	json_array_begin(&w);
	for (size_t i = 0; i < lines->n; i++) {
		json_object_begin(&w);
		json_member_str(&w, "what", lines->v[i].what);
		json_member_str(&w, "result", lines->v[i].result);
		json_member_bool(&w, "finding", lines->v[i].is_finding);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	buf_add_char(out, '\n');
}

int
audit_look(const struct audit_look *l, struct job *j, const char *cert_id,
    bool json, struct buf *out)
{
	struct cert c;
	struct lines lines = { .max = 1000 };
	int found = store_cert_by_id(j, cert_id, NULL, &c);

	if (found == 0)
		return job_fail(j, ERR_INTERNAL,
		    "certificate %s is not there any more", cert_id);
	if (found < 0)
		return -1;
	lines.v = arena_calloc(j->arena, lines.max, sizeof(*lines.v));
	if (lint_ours(l, j, &c, &lines) < 0)
		return -1;
	lint_external(l, j, &c, &lines);
	if (trace(l, j, &c, &lines) < 0)
		return -1;
	if (json)
		print_json(j, &c, &lines, out);
	else
		print_text(&c, &lines, out);
	if (!buf_ok(out))
		return job_fail(j, ERR_INTERNAL, "too much to print");
	return lines.findings > 0;
}
