#include "config.h"

#include "mail/auth_results.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"

#include <string.h>

#define FIELD_MAX 4096
#define COMMENT_DEPTH_MAX 8

/* A place in the field's body. */
struct reader {
	struct job *j;
	struct span s;
	size_t at;
};

/* --- words --------------------------------------------------------------- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the comment that begins at r->at: 0 or -1. */
static int
skip_comment(struct reader *r)
{
	int depth = 0;

	for (; r->at < r->s.n; r->at++) {
		char c = r->s.p[r->at];

		if (c == '\\') {
			r->at++;
		} else if (c == '(') {
			if (++depth > COMMENT_DEPTH_MAX)
				return -1;
		} else if (c == ')' && --depth == 0) {
			r->at++;
			return 0;
		}
	}
	return -1;
}

/* CFWS: 0 or -1. */
static int
skip(struct reader *r)
{
	while (r->at < r->s.n) {
		if (is_space(r->s.p[r->at]))
			r->at++;
		else if (r->s.p[r->at] != '(')
			break;
		else if (skip_comment(r) < 0)
			return -1;
	}
	return 0;
}

/* RFC 2045's token. */
static bool
is_token_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct span
take_while(struct reader *r, bool (*fits)(char c))
{
	size_t from = r->at;

	while (r->at < r->s.n && fits(r->s.p[r->at]))
		r->at++;
	return span_cut(r->s, from, r->at);
}

static bool
take_char(struct reader *r, char c)
{
	if (r->at >= r->s.n || r->s.p[r->at] != c)
		return false;
	r->at++;
	return true;
}

/* Without its quotation marks: 0 or -1. */
static int
take_quoted(struct reader *r, struct span *out)
{
	struct buf b;

	buf_init(&b, r->j->arena, FIELD_MAX);
	for (r->at++; r->at < r->s.n; r->at++) {
		char c = r->s.p[r->at];

		if (c == '"') {
			r->at++;
			*out = buf_span(&b);
			return 0;
		}
		if (c == '\\' && ++r->at < r->s.n)
			c = r->s.p[r->at];
		buf_add_char(&b, c);
	}
	return -1;
}

/* token / quoted-string */
static int
take_value(struct reader *r, struct span *out)
{
	if (skip(r) < 0)
		return -1;
	if (r->at < r->s.n && r->s.p[r->at] == '"')
		return take_quoted(r, out);
	*out = take_while(r, is_token_char);
	return out->n > 0 ? 0 : -1;
}

/* Servers in use write more without quotes than the grammar lets them. */
static bool
is_property_char(char c)
{
	return c > ' ' && c != 0x7f && strchr(";()\"", c) == NULL;
}

static int
take_property_value(struct reader *r, struct span *out)
{
	if (skip(r) < 0)
		return -1;
	if (r->at < r->s.n && r->s.p[r->at] == '"')
		return take_quoted(r, out);
	*out = take_while(r, is_property_char);
	return 0;
}

/* --- one field ----------------------------------------------------------- */

/* "d.example", "@d.example", "alice@d.example" → canonical, or NULL. */
static const char *
domain_in(struct job *j, struct span value)
{
	const char *domain;
	size_t at = value.n;

	while (at > 0 && value.p[at - 1] != '@')
		at--;
	if (addr_domain(j, span_from(value, at), &domain) == 0)
		return domain;
	job_recover(j);
	return NULL;
}

/* Which property names the domain that the method speaks of. */
static bool
names_domain(struct span method, struct span ptype, struct span property)
{
	if (span_caseeq_str(method, "dkim"))
		return span_caseeq_str(ptype, "header") &&
		       (span_caseeq_str(property, "d") ||
			   span_caseeq_str(property, "i"));
	if (span_caseeq_str(method, "dmarc"))
		return span_caseeq_str(ptype, "header") &&
		       span_caseeq_str(property, "from");
	return span_caseeq_str(method, "spf") &&
	       span_caseeq_str(ptype, "smtp") &&
	       span_caseeq_str(property, "mailfrom");
}

/* ptype "." property "=" value, or reason "=" value: 0 or -1. */
static int
read_property(struct reader *r, struct auth_result *a)
{
	struct span ptype = SPAN(""), property, value = SPAN("");
	bool is_property;

	if (take_value(r, &ptype) < 0)
		return -1;
	/* A token holds the dot as well. */
	property = span_from(ptype, span_find(ptype, 0, '.') + 1);
	is_property = span_find(ptype, 0, '.') < ptype.n;
	ptype = span_cut(ptype, 0, span_find(ptype, 0, '.'));
	if (skip(r) < 0 || !take_char(r, '=') ||
	    take_property_value(r, &value) < 0)
		return -1;
	if (is_property && a->domain == NULL &&
	    names_domain(a->method, ptype, property))
		a->domain = domain_in(r->j, value);
	return 0;
}

/* method [/ version] = result, then properties, up to the next ";". */
static int
read_result(struct reader *r, struct auth_result *a)
{
	struct span version;

	*a = (struct auth_result){ .domain = NULL };
	if (take_value(r, &a->method) < 0 || skip(r) < 0)
		return -1;
	if (take_char(r, '/') && (take_value(r, &version) < 0 ||
				     !span_eq_str(version, "1") || skip(r) < 0))
		return -1;
	if (!take_char(r, '=') || take_value(r, &a->result) < 0 ||
	    a->method.n == 0 || a->result.n == 0) /* also "" in quotes */
		return -1;
	for (;;) {
		if (skip(r) < 0)
			return -1;
		if (r->at == r->s.n || r->s.p[r->at] == ';')
			return 0;
		if (read_property(r, a) < 0)
			return -1;
	}
}

/* Is the field one of that server, in a version that we know? */
static bool
is_of(struct reader *r, const char *authserv_id)
{
	struct span id, version = SPAN("1");

	if (take_value(r, &id) < 0 || !span_eq_str(id, authserv_id) ||
	    skip(r) < 0)
		return false;
	if (r->at < r->s.n && r->s.p[r->at] != ';' &&
	    take_value(r, &version) < 0)
		return false;
	return span_eq_str(version, "1") && skip(r) == 0;
}

static bool
is_none(const struct reader *r)
{
	struct reader ahead = *r;
	struct span word;

	return take_value(&ahead, &word) == 0 &&
	       span_caseeq_str(word, "none") && skip(&ahead) == 0 &&
	       ahead.at == ahead.s.n;
}

/* Results up to the end: 0, or -1 if something is not well-formed. */
static int
read_results(struct reader *r, struct auth_results *out)
{
	while (take_char(r, ';')) {
		if (skip(r) < 0)
			return -1;
		if (r->at == r->s.n || is_none(r))
			return 0;
		if (out->count == AUTH_RESULTS_MAX ||
		    read_result(r, &out->v[out->count]) < 0)
			return -1;
		out->count++;
	}
	return r->at == r->s.n ? 0 : -1;
}

/* As servers write it. */
static bool
speaks_of_failure(struct span body)
{
	static const struct span failures[] = { SPAN_INIT("dkim=fail"),
		SPAN_INIT("dmarc=fail") };

	for (size_t at = 0; at < body.n; at++)
		for (size_t i = 0; i < COUNT(failures); i++)
			if (span_casestarts(span_from(body, at), failures[i]))
				return true;
	return false;
}

/* All of the field's results, or none of them. */
static void
read_field(struct job *j, struct span body, const char *authserv_id,
    struct auth_results *out)
{
	struct reader r = { j, body, 0 };
	size_t before = out->count;

	if (!is_of(&r, authserv_id) ||
	    (body.n <= FIELD_MAX && read_results(&r, out) == 0))
		return;
	out->count = before;
	out->has_unread_failure |= speaks_of_failure(body);
}

/* --- the message --------------------------------------------------------- */

void
auth_results_read(struct job *j, const struct message *m,
    const struct auth_results_conf *conf, struct auth_results *out)
{
	size_t received = 0;

	out->count = 0;
	out->has_unread_failure = false;
	if (conf->authserv_id == NULL)
		return;
	for (size_t i = 0; i < m->field_count; i++) {
		const struct field *f = &m->fields[i];

		if (span_caseeq_str(f->name, "Received") &&
		    ++received >= conf->hops)
			return;
		if (span_caseeq_str(f->name, "Authentication-Results"))
			read_field(j, f->body, conf->authserv_id, out);
	}
	/* No such Received: nothing says where the own systems begin. */
	out->count = 0;
	out->has_unread_failure = false;
}

static bool
says(const struct auth_result *a, const char *method, const char *result)
{
	return span_caseeq_str(a->method, method) &&
	       span_caseeq_str(a->result, result);
}

static bool
is_about(const struct auth_result *a, const char *domain)
{
	return a->domain == NULL || strcmp(a->domain, domain) == 0;
}

static bool
has(const struct auth_results *r, const char *method, const char *result,
    const char *domain)
{
	for (size_t i = 0; i < r->count; i++)
		if (says(&r->v[i], method, result) && r->v[i].domain != NULL &&
		    strcmp(r->v[i].domain, domain) == 0)
			return true;
	return false;
}

int
auth_results_veto(const struct auth_results *r, const char *from_domain,
    const char *dkim_domain, struct finding *f)
{
	if (r->has_unread_failure)
		return finding_set(f, FINDING_DEFER, "ar.disagrees",
		    "the own mail server recorded a failure in a field that "
		    "cannot be read, and the signature verifies here");
	for (size_t i = 0; i < r->count; i++) {
		const struct auth_result *a = &r->v[i];

		/* A domain may sign twice, and one of the two may fail. */
		if (says(a, "dkim", "fail") && is_about(a, dkim_domain) &&
		    !has(r, "dkim", "pass", dkim_domain))
			return finding_set(f, FINDING_DEFER, "ar.disagrees",
			    "the own mail server recorded dkim=fail, and the "
			    "signature verifies here");
		if (says(a, "dmarc", "fail") && is_about(a, from_domain))
			return finding_set(f, FINDING_DEFER, "ar.disagrees",
			    "the own mail server recorded dmarc=fail, and the "
			    "signature verifies here");
	}
	return 0;
}

bool
auth_results_spf(const struct auth_results *r, const char *from_domain)
{
	return has(r, "spf", "pass", from_domain);
}
