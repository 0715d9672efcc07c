#include "config.h"

#include "pki/caa.h"

#include <stdio.h>
#include <string.h>

#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/caa_value.h"
#include "pki/version.h"

#define TRACE_MAX (1024 * 1024)
#define RECORD_TEXT_MAX (256 * 1024)
#define TRACE_ITEMS_MAX 100000
#define ASK_AGAIN 2 /* times, 4.2 step 2.3 */
#define FLAG_CRITICAL 128
#define FLAG_ONE 1

static const char *const result_names[] = {
	[CAA_PERMIT] = "permit",
	[CAA_DENY] = "deny",
	[CAA_FAIL] = "fail",
};

const char *
caa_result_name(enum caa_result r)
{
	return result_names[r];
}

int
caa_result_parse(struct span name, enum caa_result *out)
{
	for (int i = CAA_PERMIT; i <= CAA_FAIL; i++) {
		if (span_eq_str(name, result_names[i])) {
			*out = (enum caa_result)i;
			return 1;
		}
	}
	return 0;
}

/* --- one record set ------------------------------------------------------ */

static bool
is_critical(const struct caa_property *p, const struct caa_policy *policy)
{
	return (p->flags & FLAG_CRITICAL) ||
	       (policy->flag1_critical && (p->flags & FLAG_ONE));
}

/* PK-32: those that we process or know to be without meaning here.  A
 * malformed tag is in no list (PK-33). */
static bool
tag_is_known(struct span tag)
{
	static const char *const known[] = { "issue", "issuewild", "issuemail",
		"iodef", "issuevmc", "contactemail", "contactphone" };

	for (size_t i = 0; i < COUNT(known); i++)
		if (span_caseeq_str(tag, known[i]))
			return true;
	return false;
}

static void
decide(struct caa_decision *out, enum caa_result result, const char *reason,
    const char *detail)
{
	out->result = result;
	out->reason = reason;
	snprintf(out->detail, sizeof out->detail, "%s", detail);
}

/* Step 4; 1 when it decided. */
static int
decide_critical(const struct span *rdata, size_t count,
    const struct caa_policy *policy, struct caa_decision *out)
{
	struct caa_property p;

	for (size_t i = 0; i < count; i++) {
		if (caa_property_parse(rdata[i], &p) < 0) {
			decide(out, CAA_DENY, "critical",
			    "a CAA record cannot be parsed");
			return 1;
		}
		if (is_critical(&p, policy) && !tag_is_known(p.tag)) {
			decide(out, CAA_DENY, "critical",
			    "a critical property is not known here");
			return 1;
		}
	}
	return 0;
}

static void
note_parameter(struct caa_decision *out, const struct caa_judgement *judged)
{
	snprintf(out->detail, sizeof out->detail, "the parameter %.*s %s",
	    judged->parameter.n < 64 ? (int)judged->parameter.n : 64,
	    judged->parameter.p, judged->refusal);
}

void
caa_decide(const struct span *rdata, size_t count, const char *account_url,
    const struct caa_policy *policy, struct caa_decision *out)
{
	struct caa_property p;
	struct caa_judgement judged;
	bool restricts = false;

	if (decide_critical(rdata, count, policy, out))
		return;
	decide(out, CAA_DENY, "not-authorized",
	    "no issuemail property names this CA");
	for (size_t i = 0; i < count; i++) {
		if (caa_property_parse(rdata[i], &p) < 0 ||
		    !span_caseeq_str(p.tag, "issuemail"))
			continue;
		restricts = true;
		if (caa_value_judge(p.value, account_url, policy, &judged) <
			0 ||
		    !judged.names_us)
			continue;
		if (judged.refusal == NULL) {
			decide(out, CAA_PERMIT, "issuemail", "");
			snprintf(out->detail, sizeof out->detail,
			    "record %zu of %zu allows it", i + 1, count);
			return;
		}
		note_parameter(out, &judged);
	}
	if (!restricts)
		decide(out, CAA_PERMIT, "no-issuemail",
		    "no property is about mail");
}

/* --- the climb ----------------------------------------------------------- */

/* `flags tag "value"`, everything that is not printable as \DDD. */
static const char *
record_text(struct arena *a, struct span rdata)
{
	struct caa_property p;
	struct buf b;

	buf_init(&b, a, RECORD_TEXT_MAX);
	if (caa_property_parse(rdata, &p) < 0)
		return "";
	buf_addf(&b, "%u ", p.flags);
	for (size_t i = 0; i < p.tag.n + p.value.n; i++) {
		unsigned char c = i < p.tag.n
				      ? (unsigned char)p.tag.p[i]
				      : (unsigned char)p.value.p[i - p.tag.n];
		if (i == p.tag.n)
			buf_add_str(&b, " \"");
		if (c == '"' || c == '\\')
			buf_addf(&b, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			buf_addf(&b, "\\%03u", c);
		else
			buf_add_char(&b, (char)c);
	}
	buf_add_str(&b, p.value.n == 0 ? " \"\"" : "\"");
	return buf_ok(&b) ? b.p : "";
}

static void
trace_answer(struct job *j, struct json_out *o, const struct dns_answer *a,
    unsigned tries)
{
	json_object_begin(o);
	json_member_str(o, "name", a->name);
	json_member_int(o, "type", DNS_TYPE_CAA);
	json_member_str(o, "status", dns_status_name(a->status));
	json_member_str(o, "rcode", dns_rcode_name(a));
	json_member_bool(o, "secure", a->secure);
	json_member_str(o, "dnssec", dns_dnssec_name(a));
	json_member_int(o, "ttl", a->ttl);
	json_key(o, "aliases");
	json_array_begin(o);
	for (size_t i = 0; i < a->alias_count; i++)
		json_put_string(o, span_str(a->aliases[i]));
	json_array_end(o);
	if (a->canonical != NULL)
		json_member_str(o, "canonical", a->canonical);
	if (a->why != NULL)
		json_member_str(o, "why", a->why);
	json_member_int(o, "tries", tries);
	json_key(o, "rdata");
	json_array_begin(o);
	for (size_t i = 0; i < a->count; i++)
		json_put_string(o, span_str(hex_dup(j->arena, a->rdata[i])));
	json_array_end(o);
	json_key(o, "records");
	json_array_begin(o);
	for (size_t i = 0; i < a->count; i++)
		json_put_string(
		    o, span_str(record_text(j->arena, a->rdata[i])));
	json_array_end(o);
	json_object_end(o);
}

struct climb {
	const char *domain;
	const char *account_url;
	const struct caa_policy *policy;
	struct caa_decision *out;
	int64_t deadline_ms; /* monotonic */
};

static bool
is_late(const struct climb *c)
{
	return c->policy->budget_ms > 0 && clock_mono_ms() >= c->deadline_ms;
}

/* A failure to look up is asked again; a bogus answer is not (4.2).  *tries
 * counts questions, 0 where no time was left for one. */
static int
ask(struct job *j, struct resolver *resolver, const char *name,
    const struct climb *c, struct dns_answer *answer, unsigned *tries)
{
	static const int64_t pauses[ASK_AGAIN] = { 1000, 4000 };

	*answer = (struct dns_answer){ .status = DNS_TEMPORARY,
		.canonical = name,
		.why = "no time was left for this name" };
	for (*tries = 0; !is_late(c);) {
		if (resolver_query(resolver, j, name, DNS_TYPE_CAA, answer) < 0)
			return -1;
		if (++*tries > ASK_AGAIN || answer->status != DNS_TEMPORARY)
			break;
		if (c->policy->pause != NULL)
			c->policy->pause(pauses[*tries - 1]);
	}
	answer->name = name;
	return 0;
}

/* PK-31: a set with a record that nobody can read is a failed look-up. */
static bool
set_is_readable(const struct dns_answer *a)
{
	struct caa_property p;

	for (size_t i = 0; i < a->count; i++)
		if (caa_property_parse(a->rdata[i], &p) < 0)
			return false;
	return true;
}

/* 1 when the answer ended the climb. */
static int
judge_answer(
    const struct climb *c, const char *name, const struct dns_answer *a)
{
	struct caa_decision *out = c->out;

	switch (a->status) {
	case DNS_BOGUS:
		decide(out, CAA_FAIL, "bogus",
		    "the answer failed DNSSEC validation");
		break;
	case DNS_TEMPORARY:
		decide(out, CAA_FAIL, "temporary",
		    a->why == NULL ? "the look-up failed" : a->why);
		break;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return 0;
	case DNS_OK:
		if (a->count == 0)
			return 0;
		if (set_is_readable(a))
			caa_decide(
			    a->rdata, a->count, c->account_url, c->policy, out);
		else
			decide(out, CAA_FAIL, "temporary",
			    "a CAA record cannot be parsed");
		break;
	}
	out->found_at = name;
	out->ttl = a->ttl;
	return 1;
}

/* PK-37: contacts for a refusal, as they stand in the records; what is not
 * printable or too long is none.  Nothing is done here but keeping them. */
static void
keep_contacts(struct job *j, const struct dns_answer *a, struct conf_list *out)
{
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	const char **v = arena_calloc(j->arena, CAA_CONTACTS_MAX, sizeof(*v));
	struct caa_property p;

	*out = (struct conf_list){ v, 0 };
	for (size_t i = 0; i < a->count && out->n < CAA_CONTACTS_MAX; i++)
		if (caa_property_parse(a->rdata[i], &p) == 0 &&
		    span_caseeq_str(p.tag, "iodef") && p.value.n > 0 &&
		    p.value.n <= CAA_CONTACT_MAX && span_is_ascii(p.value) &&
		    !span_has_control(p.value))
			v[out->n++] = span_dup(j->arena, p.value);
}

static int
climb(struct job *j, struct resolver *resolver, const struct climb *c,
    struct json_out *o)
{
	const char *name = arena_strdup(j->arena, c->domain);
	struct dns_answer answer;
	unsigned tries;

	for (;;) {
		if (ask(j, resolver, name, c, &answer, &tries) < 0)
			return -1;
		trace_answer(j, o, &answer, tries);
		if (judge_answer(c, name, &answer)) {
			if (c->out->result == CAA_DENY)
				keep_contacts(j, &answer, &c->out->contacts);
			return 0;
		}
		/* Up by a label of the name, not of an alias's target. */
		name = strchr(name, '.');
		if (name == NULL || name[1] == '\0')
			break;
		name++;
	}
	decide(c->out, CAA_PERMIT, "no-record", "no CAA records");
	return 0;
}

static void
trace_list(struct json_out *o, const char *name, const struct conf_list *list)
{
	json_key(o, name);
	json_array_begin(o);
	for (size_t i = 0; list != NULL && i < list->n; i++)
		json_put_string(o, span_str(list->v[i]));
	json_array_end(o);
}

static void
trace_begin(struct job *j, struct json_out *o, const struct climb *c)
{
	json_object_begin(o);
	json_member_str(o, "sbr", PKI_SBR_VERSION);
	json_member_str(o, "tbr", PKI_TBR_VERSION);
	json_member_time(o, "time", j->now);
	json_member_str(o, "domain", c->domain);
	json_member_str(o, "account", c->account_url);
	if (c->policy->mailbox_count > 0)
		json_member_int(
		    o, "mailboxes", (int64_t)c->policy->mailbox_count);
	json_member_str(o, "method", CAA_METHOD);
	json_member_bool(o, "flag1_critical", c->policy->flag1_critical);
	json_member_bool(o, "ignore_unknown", c->policy->ignore_unknown);
	trace_list(o, "issuer_domains", c->policy->issuer_domains);
	trace_list(o, "account_prefixes", c->policy->account_prefixes);
}

static void
trace_end(struct json_out *o, const struct caa_decision *d)
{
	json_member_str(o, "result", caa_result_name(d->result));
	json_member_str(o, "reason", d->reason);
	json_member_str(o, "detail", d->detail);
	if (d->found_at != NULL)
		json_member_str(o, "found_at", d->found_at);
	if (d->result == CAA_DENY)
		trace_list(o, "iodef", &d->contacts);
	json_object_end(o);
}

int
caa_check(struct job *j, struct resolver *resolver, const char *domain,
    const char *account_url, const struct caa_policy *policy,
    struct caa_decision *out)
{
	const struct climb c = { domain, account_url, policy, out,
		clock_mono_ms() + policy->budget_ms };
	struct json_out o;
	struct buf b;

	*out = (struct caa_decision){ .result = CAA_FAIL };
	buf_init(&b, j->arena, TRACE_MAX);
	json_out_init(&o, &b);
	trace_begin(j, &o, &c);
	json_key(&o, "answers");
	json_array_begin(&o);
	if (climb(j, resolver, &c, &o) < 0)
		return -1;
	json_array_end(&o);
	trace_end(&o, out);
	if (!buf_ok(&b))
		decide(out, CAA_FAIL, "temporary",
		    "the answers are too large to be kept");
	out->trace = buf_ok(&b) ? b.p : "{}";
	return 0;
}

int
caa_trace_parse(struct job *j, const char *trace, const struct json **out)
{
	return json_parse_many(
	    j, span_str(trace), "trace", TRACE_ITEMS_MAX, out);
}

int
caa_trace_is_plain(struct job *j, const char *trace)
{
	const struct json *t, *answers, *list;

	if (caa_trace_parse(j, trace, &t) < 0)
		return -1;
	/* The climb ends with the set. */
	answers = json_get(t, "answers");
	list = json_get(json_at(answers, json_count(answers) - 1), "rdata");
	for (size_t i = 0; i < json_count(list); i++) {
		struct span text = json_string(json_at(list, i));
		char *octets = arena_alloc(j->arena, text.n / 2 + 1);

		if (hex_parse_fixed(text, octets, text.n / 2) < 0)
			return job_fail(j, ERR_MALFORMED,
			    "trace: a record is not hexadecimal");
		if (caa_has_parameters(span_mem(octets, text.n / 2)))
			return 0;
	}
	return json_count(list) > 0;
}
