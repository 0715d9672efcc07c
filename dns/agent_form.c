#include "config.h"

#include "dns/agent_form.h"

#include <string.h>

#include "dns/packet.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rnd.h"

#define SELECTOR_MAX 240 /* whether the name is too long, the DNS says */
#define LABEL_MAX 63
#define NAME_MAX_LEN 255
#define ITEMS_MAX 8192 /* more than 64 KiB hold of what is meant */

/* --- the request --------------------------------------------------------- */

const char *
agent_request_format(struct job *j, const struct agent_request *r)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, AGENT_REQUEST_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "id", r->id);
	json_key(&o, "ca");
	json_array_begin(&o);
	for (size_t i = 0; i < r->ca.n; i++)
		json_put_string(&o, span_str(r->ca.v[i]));
	json_array_end(&o);
	if (r->caa_domain != NULL) {
		json_key(&o, "caa");
		json_object_begin(&o);
		json_member_str(&o, "domain", r->caa_domain);
		json_member_str(&o, "accounturi", r->account_url);
		json_member_str(&o, "method", r->method);
		json_object_end(&o);
	}
	if (r->dkim_domain != NULL) {
		json_key(&o, "dkim");
		json_object_begin(&o);
		json_member_str(&o, "selector", r->dkim_selector);
		json_member_str(&o, "domain", r->dkim_domain);
		json_object_end(&o);
	}
	if (r->mx_domain != NULL) {
		json_key(&o, "mx");
		json_object_begin(&o);
		json_member_str(&o, "domain", r->mx_domain);
		json_object_end(&o);
	}
	json_object_end(&o);
	if (buf_ok(&b))
		return b.p;
	job_fail(j, ERR_INTERNAL, "a request to a perspective is too long");
	return NULL;
}

static int
read_text(struct job *j, const struct json *object, const char *name,
    const char **out)
{
	struct span s;
	int found = json_get_string(j, object, name, &s);

	if (found <= 0)
		return found < 0
			   ? -1
			   : job_fail(j, ERR_MALFORMED, "%s: is missing", name);
	if (span_has_control(s) || !span_is_ascii(s))
		return job_fail(
		    j, ERR_MALFORMED, "%s: must be printable ASCII", name);
	*out = span_dup(j->arena, s);
	return 0;
}

/* Names that only one network knows: no perspective can say anything about
 * them, and nobody asks it about its own. */
static bool
is_special(const char *domain)
{
	static const char *const ends[] = { ".arpa", ".internal", ".invalid",
		".local", ".localhost", ".onion" };

	for (size_t i = 0; i < COUNT(ends); i++)
		if (span_ends(span_str(domain), span_str(ends[i])))
			return true;
	/* No top-level domain is a number: the name is an address. */
	return ascii_is_digit(domain[strlen(domain) - 1]);
}

static int
read_domain(struct job *j, const struct json *object, const char **out)
{
	const char *given = "";

	if (read_text(j, object, "domain", &given) < 0)
		return -1;
	if (addr_domain(j, span_str(given), out) < 0)
		return -1;
	if (strcmp(given, *out) != 0 || strchr(*out, '.') == NULL ||
	    is_special(*out))
		return job_fail(j, ERR_MALFORMED,
		    "domain: must be a public host name in lower-case "
		    "A-labels");
	return 0;
}

/* RFC 6376 3.1: sub-domains; an underscore is seen in practice. */
static int
read_selector(struct job *j, const struct json *object, const char **out)
{
	char before = '.';

	if (read_text(j, object, "selector", out) < 0)
		return -1;
	for (const char *p = *out; *p != '\0'; p++) {
		if (!ascii_is_alnum(*p) && *p != '-' && *p != '_' &&
		    (*p != '.' || before == '.'))
			return job_fail(
			    j, ERR_MALFORMED, "selector: is no DKIM selector");
		before = *p;
	}
	if (before == '.' || strlen(*out) > SELECTOR_MAX)
		return job_fail(
		    j, ERR_MALFORMED, "selector: is no DKIM selector");
	return 0;
}

static int
read_ca(struct job *j, const struct json *request, struct conf_list *out)
{
	const struct json *list;
	int found = json_get_array(j, request, "ca", &list);

	if (found < 0)
		return -1;
	if (found == 0 || json_count(list) > AGENT_CA_MAX)
		return job_fail(j, ERR_MALFORMED,
		    "ca: must be an array of at most %d names", AGENT_CA_MAX);
	out->n = json_count(list);
	out->v = arena_calloc(j->arena, out->n + 1, sizeof(*out->v));
	for (size_t i = 0; i < out->n; i++) {
		struct span s = json_string(json_at(list, i));

		if (s.n == 0 || span_has_control(s) || !span_is_ascii(s))
			return job_fail(
			    j, ERR_MALFORMED, "ca: must hold domain names");
		out->v[i] = span_dup(j->arena, s);
	}
	return 0;
}

static int
read_questions(
    struct job *j, const struct json *request, struct agent_request *out)
{
	const struct json *caa, *dkim, *mx;
	int has_caa = json_get_object(j, request, "caa", &caa);
	int has_dkim = json_get_object(j, request, "dkim", &dkim);
	int has_mx = json_get_object(j, request, "mx", &mx);

	if (has_caa < 0 || has_dkim < 0 || has_mx < 0)
		return -1;
	if (has_caa + has_dkim + has_mx == 0)
		return job_fail(
		    j, ERR_MALFORMED, "asks for none of caa, dkim, mx");
	if (has_caa > 0 &&
	    (read_domain(j, caa, &out->caa_domain) < 0 ||
		read_text(j, caa, "accounturi", &out->account_url) < 0 ||
		read_text(j, caa, "method", &out->method) < 0))
		return -1;
	if (has_dkim > 0 &&
	    (read_domain(j, dkim, &out->dkim_domain) < 0 ||
		read_selector(j, dkim, &out->dkim_selector) < 0))
		return -1;
	return has_mx > 0 ? read_domain(j, mx, &out->mx_domain) : 0;
}

int
agent_request_parse(struct job *j, struct span text, struct agent_request *out)
{
	const struct json *request;

	*out = (struct agent_request){ 0 };
	if (text.n > AGENT_REQUEST_MAX)
		return job_fail(j, ERR_MALFORMED, "request: longer than %zu",
		    AGENT_REQUEST_MAX);
	if (json_parse_object(j, text, "request", &request) < 0 ||
	    read_text(j, request, "id", &out->id) < 0)
		return -1;
	if (strlen(out->id) != RND_ID_LEN ||
	    !b64url_is_alphabet(span_str(out->id)))
		return job_fail(j, ERR_MALFORMED,
		    "id: must be %d characters base64url", RND_ID_LEN);
	if (read_ca(j, request, &out->ca) < 0)
		return -1;
	return read_questions(j, request, out);
}

/* --- the answer: writing ------------------------------------------------- */

static void
put_base64(struct job *j, struct json_out *o, struct span octets)
{
	struct buf b;

	buf_init(&b, j->arena, AGENT_ANSWER_MAX * 2);
	b64_add(&b, octets);
	json_put_string(o, buf_span(&b));
}

static void
put_state(struct json_out *o, const struct dns_answer *a)
{
	json_member_str(o, "rcode", dns_rcode_name(a));
	json_member_str(o, "dnssec", dns_dnssec_name(a));
}

static void
put_property(struct job *j, struct json_out *o, struct span rdata)
{
	size_t tag_len = rdata.n >= 2 ? (uint8_t)rdata.p[1] : 0;

	json_object_begin(o);
	json_member_int(o, "flags", rdata.n > 0 ? (uint8_t)rdata.p[0] : 0);
	/* Base64 too: strangers' octets that need not be a tag's. */
	json_key(o, "tag");
	put_base64(j, o, span_cut(rdata, 2, 2 + tag_len));
	json_key(o, "value");
	put_base64(j, o, span_from(rdata, 2 + tag_len));
	json_object_end(o);
}

static void
put_step(struct job *j, struct json_out *o, const struct dns_answer *a)
{
	json_object_begin(o);
	json_member_str(o, "name", a->name);
	put_state(o, a);
	json_key(o, "chain");
	json_array_begin(o);
	for (size_t i = 0; i < a->alias_count; i++)
		json_put_string(o, span_str(a->aliases[i]));
	json_array_end(o);
	json_member_int(o, "ttl", a->ttl);
	json_key(o, "records");
	json_array_begin(o);
	for (size_t i = 0; i < a->count; i++)
		put_property(j, o, a->rdata[i]);
	json_array_end(o);
	json_object_end(o);
}

static void
put_caa(struct job *j, struct json_out *o, const struct agent_answer *a)
{
	json_key(o, "caa");
	json_object_begin(o);
	json_member_str(o, "decision", a->caa_decision);
	json_member_str(o, "reason", a->caa_reason);
	json_key(o, "steps");
	json_array_begin(o);
	for (size_t i = 0; i < a->step_count; i++)
		put_step(j, o, &a->steps[i]);
	json_array_end(o);
	json_object_end(o);
}

/* The character-strings of one TXT record, joined. */
static struct span
join_strings(struct job *j, struct span rdata)
{
	struct buf b;

	buf_init(&b, j->arena, rdata.n + 1);
	for (size_t at = 0; at < rdata.n;) {
		size_t n = (uint8_t)rdata.p[at];

		buf_add(&b, span_cut(rdata, at + 1, at + 1 + n));
		at += 1 + n;
	}
	return buf_span(&b);
}

static void
put_dkim(struct job *j, struct json_out *o, const struct dns_answer *a)
{
	json_key(o, "dkim");
	json_object_begin(o);
	put_state(o, a);
	json_key(o, "records");
	json_array_begin(o);
	for (size_t i = 0; i < a->count; i++)
		put_base64(j, o, join_strings(j, a->rdata[i]));
	json_array_end(o);
	json_object_end(o);
}

/* A name in wire form as text; one that is no host name's spelling is "". */
static const char *
name_text(struct job *j, struct span wire)
{
	struct buf b;

	buf_init(&b, j->arena, NAME_MAX_LEN);
	for (size_t at = 0; at < wire.n && wire.p[at] != 0;) {
		size_t end = at + 1 + (uint8_t)wire.p[at];

		if (at > 0)
			buf_add_char(&b, '.');
		for (at++; at < end && at < wire.n; at++) {
			if (!ascii_is_alnum(wire.p[at]) && wire.p[at] != '-' &&
			    wire.p[at] != '_')
				return "";
			buf_add_char(&b, ascii_lower(wire.p[at]));
		}
	}
	return buf_ok(&b) ? b.p : "";
}

static void
put_exchanger(struct job *j, struct json_out *o, struct span rdata)
{
	unsigned high = rdata.n > 0 ? (uint8_t)rdata.p[0] : 0;
	unsigned low = rdata.n > 1 ? (uint8_t)rdata.p[1] : 0;

	json_object_begin(o);
	json_member_int(o, "preference", (int64_t)(high << 8 | low));
	json_member_str(o, "name", name_text(j, span_from(rdata, 2)));
	json_object_end(o);
}

static void
put_mx(struct job *j, struct json_out *o, const struct dns_answer *a)
{
	json_key(o, "mx");
	json_object_begin(o);
	put_state(o, a);
	json_key(o, "records");
	json_array_begin(o);
	for (size_t i = 0; i < a->count; i++)
		put_exchanger(j, o, a->rdata[i]);
	json_array_end(o);
	json_object_end(o);
}

static void
put_time(struct job *j, struct json_out *o, int64_t now_ms)
{
	char text[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(now_ms / 1000, text);
	text[strlen(text) - 1] = '\0'; /* without the Z */
	json_member_str(o, "time",
	    arena_printf(j->arena, "%s.%03dZ", text, (int)(now_ms % 1000)));
}

const char *
agent_answer_format(struct job *j, const struct agent_answer *a, int64_t now_ms)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, AGENT_ANSWER_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "id", a->id);
	json_member_str(&o, "code", a->code);
	json_member_str(&o, "version", a->version);
	put_time(j, &o, now_ms);
	if (a->has_caa)
		put_caa(j, &o, a);
	if (a->has_dkim)
		put_dkim(j, &o, &a->dkim);
	if (a->has_mx)
		put_mx(j, &o, &a->mx);
	json_object_end(&o);
	return buf_ok(&b) ? b.p : NULL;
}

/* --- the answer: reading ------------------------------------------------- */

static int
not_an_answer(struct job *j, const char *what)
{
	return job_fail(j, ERR_MALFORMED, "answer: %s", what);
}

/* Status and security from their names and the number of records. */
static int
read_state(struct job *j, const struct json *v, struct dns_answer *a)
{
	const char *rcode = "", *dnssec = "";

	if (read_text(j, v, "rcode", &rcode) < 0 ||
	    read_text(j, v, "dnssec", &dnssec) < 0)
		return -1;
	a->secure = strcmp(dnssec, "secure") == 0;
	if (!a->secure && strcmp(dnssec, "insecure") != 0)
		a->status =
		    strcmp(dnssec, "bogus") == 0 ? DNS_BOGUS : DNS_TEMPORARY;
	else if (strcmp(rcode, "NXDOMAIN") == 0)
		a->status = DNS_NXDOMAIN;
	else if (strcmp(rcode, "NOERROR") == 0)
		a->status = a->count > 0 ? DNS_OK : DNS_NODATA;
	else
		a->status = DNS_TEMPORARY;
	if (a->count > 0 && a->status != DNS_OK)
		return not_an_answer(j, "records beside an error");
	return 0;
}

static int
read_base64(struct job *j, const struct json *v, struct span *out)
{
	if (json_type(v) != JSON_T_STRING ||
	    b64_parse_fws(j->arena, json_string(v), out) < 0)
		return not_an_answer(j, "a record is not base64");
	return 0;
}

static int
read_property(struct job *j, const struct json *v, struct span *rdata)
{
	struct span tag, value;
	struct buf b;
	int64_t flags;

	if (json_get_integer(j, v, "flags", &flags) <= 0 || flags < 0 ||
	    flags > UINT8_MAX)
		return not_an_answer(j, "a CAA record without flags");
	if (read_base64(j, json_get(v, "tag"), &tag) < 0 ||
	    read_base64(j, json_get(v, "value"), &value) < 0)
		return -1;
	if (tag.n > UINT8_MAX)
		return not_an_answer(j, "a tag longer than 255");
	buf_init(&b, j->arena, 2 + tag.n + value.n);
	buf_add_char(&b, (char)flags);
	buf_add_char(&b, (char)tag.n);
	buf_add(&b, tag);
	buf_add(&b, value);
	*rdata = buf_span(&b);
	return 0;
}

static int
read_strings(struct job *j, const struct json *v, struct span *rdata)
{
	struct span text = { NULL, 0 };

	if (read_base64(j, v, &text) < 0)
		return -1;
	*rdata = dns_txt_rdata(j, text);
	return 0;
}

/* Back to RDATA: "" is the root. */
static int
read_exchanger(struct job *j, const struct json *v, struct span *rdata)
{
	int64_t preference = 0;
	const char *name = "";
	struct span s;
	struct buf b;

	if (json_get_integer(j, v, "preference", &preference) <= 0 ||
	    preference < 0 || preference > UINT16_MAX)
		return not_an_answer(j, "an MX record without preference");
	if (read_text(j, v, "name", &name) < 0)
		return -1;
	buf_init(&b, j->arena, 2 + NAME_MAX_LEN);
	buf_add_char(&b, (char)(preference >> 8));
	buf_add_char(&b, (char)(preference & 0xff));
	for (s = span_str(name); s.n > 0;) {
		struct span label = span_cut(s, 0, span_find(s, 0, '.'));

		if (label.n == 0 || label.n > LABEL_MAX)
			return not_an_answer(j, "an MX record of no host");
		buf_add_char(&b, (char)label.n);
		buf_add(&b, label);
		s = span_from(s, label.n + 1);
	}
	buf_add_char(&b, '\0');
	*rdata = buf_span(&b);
	return buf_ok(&b) ? 0 : not_an_answer(j, "an MX name too long");
}

typedef int read_record_fn(
    struct job *j, const struct json *v, struct span *rdata);

static int
read_records(struct job *j, const struct json *v, read_record_fn *read,
    struct dns_answer *a)
{
	const struct json *list;

	if (json_get_array(j, v, "records", &list) <= 0)
		return not_an_answer(j, "no records");
	a->count = json_count(list);
	a->rdata = arena_calloc(j->arena, a->count + 1, sizeof(*a->rdata));
	for (size_t i = 0; i < a->count; i++)
		if (read(j, json_at(list, i), &a->rdata[i]) < 0)
			return -1;
	return read_state(j, v, a);
}

static int
read_chain(struct job *j, const struct json *v, struct dns_answer *a)
{
	const struct json *list;

	if (json_get_array(j, v, "chain", &list) <= 0 ||
	    json_count(list) > DNS_ALIAS_MAX)
		return not_an_answer(j, "no chain, or one too long");
	a->alias_count = json_count(list);
	a->aliases =
	    arena_calloc(j->arena, a->alias_count + 1, sizeof(*a->aliases));
	for (size_t i = 0; i < a->alias_count; i++) {
		struct span s = json_string(json_at(list, i));

		if (s.n == 0 || span_has_control(s))
			return not_an_answer(j, "a chain of no names");
		a->aliases[i] = span_dup(j->arena, s);
	}
	a->canonical =
	    a->alias_count > 0 ? a->aliases[a->alias_count - 1] : a->name;
	return 0;
}

static int
read_step(struct job *j, const struct json *v, struct dns_answer *a)
{
	int64_t ttl;

	if (read_text(j, v, "name", &a->name) < 0)
		return -1;
	if (json_get_integer(j, v, "ttl", &ttl) <= 0 || ttl < 0 ||
	    ttl > UINT32_MAX)
		return not_an_answer(j, "a step without its time to live");
	a->ttl = (uint32_t)ttl;
	if (read_chain(j, v, a) < 0)
		return -1;
	return read_records(j, v, read_property, a);
}

static int
read_caa(struct job *j, const struct json *caa, struct agent_answer *out)
{
	const struct json *steps;

	if (read_text(j, caa, "decision", &out->caa_decision) < 0 ||
	    read_text(j, caa, "reason", &out->caa_reason) < 0)
		return -1;
	if (json_get_array(j, caa, "steps", &steps) <= 0 ||
	    json_count(steps) > AGENT_STEPS_MAX)
		return not_an_answer(j, "no steps, or too many");
	out->step_count = json_count(steps);
	out->steps =
	    arena_calloc(j->arena, out->step_count + 1, sizeof(*out->steps));
	for (size_t i = 0; i < out->step_count; i++)
		if (read_step(j, json_at(steps, i), &out->steps[i]) < 0)
			return -1;
	return 0;
}

int
agent_answer_parse(struct job *j, struct span text, struct agent_answer *out)
{
	const struct json *v, *caa, *dkim, *mx;
	int has_caa, has_dkim, has_mx;

	*out = (struct agent_answer){ 0 };
	if (text.n > AGENT_ANSWER_MAX)
		return not_an_answer(j, "longer than 64 KiB");
	if (json_parse_many(j, text, "answer", ITEMS_MAX, &v) < 0 ||
	    read_text(j, v, "id", &out->id) < 0 ||
	    read_text(j, v, "code", &out->code) < 0 ||
	    read_text(j, v, "version", &out->version) < 0)
		return -1;
	has_caa = json_get_object(j, v, "caa", &caa);
	has_dkim = json_get_object(j, v, "dkim", &dkim);
	has_mx = json_get_object(j, v, "mx", &mx);
	if (has_caa < 0 || has_dkim < 0 || has_mx < 0)
		return -1;
	out->has_caa = has_caa > 0;
	out->has_dkim = has_dkim > 0;
	out->has_mx = has_mx > 0;
	if (out->has_caa && read_caa(j, caa, out) < 0)
		return -1;
	if (out->has_dkim &&
	    read_records(j, dkim, read_strings, &out->dkim) < 0)
		return -1;
	return out->has_mx ? read_records(j, mx, read_exchanger, &out->mx) : 0;
}

/* --- as a resolver ------------------------------------------------------- */

static int
replay(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	const struct agent_answer *a = ctx;

	(void)j;
	for (size_t i = 0; type == DNS_TYPE_CAA && i < a->step_count; i++)
		if (strcmp(a->steps[i].name, name) == 0) {
			*out = a->steps[i];
			return 0;
		}
	*out = (struct dns_answer){ .status = DNS_TEMPORARY,
		.name = name,
		.canonical = name,
		.why = "is not among the steps" };
	return 0;
}

static void
release(void *r)
{
	resolver_free(r);
}

struct resolver *
agent_replay(struct job *j, const struct agent_answer *a)
{
	void *kept = arena_memdup(j->arena, a, sizeof(*a));

	return arena_own(j->arena, resolver_new_custom(replay, kept), release);
}
