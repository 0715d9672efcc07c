#include "config.h"

#include "dns/open_mpic_form.h"

#include "dns/packet.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/json.h"

#include <string.h>

#define REQUEST_MAX ((size_t)16 * 1024)
#define FLAGS_MAX 255
#define TAG_MAX 255
#define RECORDS_MAX 5000 /* more than a DNS message holds */
#define RECORD_MAX 5000  /* octets of text */
#define TXT_MAX 65535
/* Five perspectives may see as many records as there can be. */
#define ITEMS_MAX 40000
#define NS_IN_MS 1000000
#define ATTEMPTS 1

/* --- the request --------------------------------------------------------- */

const char *
open_mpic_check_name(enum open_mpic_check check)
{
	return check == OPEN_MPIC_CAA ? "caa" : "dcv";
}

static void
put_caa(struct json_out *o, const struct open_mpic_request *r)
{
	json_key(o, "caa_check_parameters");
	json_object_begin(o);
	json_member_str(o, "certificate_type", "s-mime");
	json_key(o, "caa_domains");
	json_array_begin(o);
	for (size_t i = 0; i < r->ca.n; i++)
		json_put_string(o, span_str(r->ca.v[i]));
	json_array_end(o);
	json_object_end(o);
}

static const char *
key_prefix(struct job *j, const struct open_mpic_request *r)
{
	return arena_printf(j->arena, "%s._domainkey", r->selector);
}

/* Does a TXT record contain this?  A key's has other tags, too. */
static void
put_key(struct job *j, struct json_out *o, const struct open_mpic_request *r)
{
	json_key(o, "dcv_check_parameters");
	json_object_begin(o);
	json_member_str(o, "validation_method", "dns-change");
	json_member_str(o, "dns_record_type", "TXT");
	json_member_str(o, "dns_name_prefix", key_prefix(j, r));
	json_member_string(o, "challenge_value", r->key_text);
	json_member_bool(o, "require_exact_match", false);
	json_member_bool(o, "require_exact_case", true);
	json_object_end(o);
}

const char *
open_mpic_request_format(struct job *j, const struct open_mpic_request *r)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, REQUEST_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "check_type", open_mpic_check_name(r->check));
	json_member_str(&o, "domain_or_ip_target", r->domain);
	json_member_str(&o, "trace_identifier", r->trace);
	json_key(&o, "orchestration_parameters");
	json_object_begin(&o);
	json_member_int(&o, "perspective_count", (int64_t)r->perspectives);
	json_member_int(&o, "quorum_count", (int64_t)r->quorum);
	/* One that repeats by itself hides dissent. */
	json_member_int(&o, "max_attempts", ATTEMPTS);
	json_object_end(&o);
	if (r->check == OPEN_MPIC_CAA)
		put_caa(&o, r);
	else
		put_key(j, &o, r);
	json_object_end(&o);
	if (buf_ok(&b))
		return b.p;
	job_fail(
	    j, ERR_INTERNAL, "a request to the Open MPIC service is too long");
	return NULL;
}

/* --- JSON ----------------------------------------------------------------- */

int
open_mpic_read(struct job *j, struct span text, const struct json **out)
{
	if (span_starts(text, SPAN("[")))
		return json_parse_list(j, text, "answer", ITEMS_MAX, out);
	return json_parse_many(j, text, "answer", ITEMS_MAX, out);
}

/* --- a record as zone files have it -------------------------------------- */

static int
unreadable(struct job *j, const char *what)
{
	return job_fail(j, ERR_MALFORMED, "answer: %s", what);
}

/* The next octet of a character-string: \" and \DDD stand for one. */
static int
take_octet(struct span *in, char *out)
{
	int64_t value;

	*out = in->p[0];
	*in = span_from(*in, 1);
	if (*out != '\\')
		return 0;
	if (in->n == 0)
		return -1;
	if (!ascii_is_digit(in->p[0])) {
		*out = in->p[0];
		*in = span_from(*in, 1);
		return 0;
	}
	if (in->n < 3 || span_to_int(span_cut(*in, 0, 3), 0, 255, &value) < 0)
		return -1;
	*out = (char)(unsigned char)value;
	*in = span_from(*in, 3);
	return 0;
}

/* Quoted, or one word without quotes, to the end of the text. */
static int
take_value(struct span in, struct buf *out)
{
	bool quoted = in.n > 0 && in.p[0] == '"';
	char c;

	if (quoted)
		in = span_from(in, 1);
	while (in.n > 0) {
		if (quoted && in.p[0] == '"')
			return in.n == 1 ? 0 : -1;
		if (!quoted && (in.p[0] == ' ' || in.p[0] == '"'))
			return -1;
		if (take_octet(&in, &c) < 0)
			return -1;
		buf_add_char(out, c);
	}
	return quoted ? -1 : 0;
}

/* 0 issuemail "ca.example" */
static int
read_record(struct job *j, struct span text, struct span *rdata)
{
	size_t blank = span_find(text, 0, ' ');
	struct span rest = span_from(text, blank + 1);
	size_t end = span_find(rest, 0, ' ');
	struct span tag = span_cut(rest, 0, end);
	int64_t flags;
	struct buf b;

	if (text.n > RECORD_MAX || end >= rest.n || tag.n == 0 ||
	    tag.n > TAG_MAX ||
	    span_to_int(span_cut(text, 0, blank), 0, FLAGS_MAX, &flags) < 0)
		return unreadable(j, "a CAA record that cannot be read");
	for (size_t i = 0; i < tag.n; i++)
		if (!ascii_is_alnum(tag.p[i]))
			return unreadable(j, "a CAA record with no tag");
	buf_init(&b, j->arena, RECORD_MAX + 2 + TAG_MAX);
	buf_add_char(&b, (char)(unsigned char)flags);
	buf_add_char(&b, (char)(unsigned char)tag.n);
	buf_add(&b, tag);
	if (take_value(span_from(rest, end + 1), &b) < 0 || !buf_ok(&b))
		return unreadable(j, "a CAA record whose value cannot be read");
	*rdata = buf_span(&b);
	return 0;
}

static bool
is_there(const struct json *v)
{
	return json_type(v) != JSON_T_ABSENT && json_type(v) != JSON_T_NULL;
}

/* The strings of one TXT record are joined, which is all that is known of how
 * they were cut. */
static int
read_txt(struct job *j, struct span text, struct span *rdata)
{
	if (text.n > TXT_MAX)
		return unreadable(j, "a TXT record that is too long");
	*rdata = dns_txt_rdata(j, text);
	return 0;
}

/* An array of texts; the schema once calls it one text. */
static int
read_records(struct job *j, const struct json *v, enum open_mpic_check check,
    struct open_mpic_view *out)
{
	bool is_one = json_type(v) == JSON_T_STRING;
	size_t n = is_one ? 1 : json_count(v);

	if (!is_there(v))
		return 0;
	if ((!is_one && json_type(v) != JSON_T_ARRAY) || n > RECORDS_MAX)
		return unreadable(j, "records_seen is no list of records");
	out->rdata = arena_calloc(j->arena, n + 1, sizeof(*out->rdata));
	for (size_t i = 0; i < n; i++) {
		const struct json *one = is_one ? v : json_at(v, i);
		struct span text = json_string(one);

		if (json_type(one) != JSON_T_STRING)
			return unreadable(j, "a record that is no text");
		if ((check == OPEN_MPIC_CAA
			    ? read_record(j, text, &out->rdata[i])
			    : read_txt(j, text, &out->rdata[i])) < 0)
			return -1;
	}
	out->count = n;
	out->shows_records = true;
	return 0;
}

/* --- the answer ---------------------------------------------------------- */

/* Where an element says what was found: in its check_response, or in itself
 * where the flat form is taken. */
struct place {
	const struct json *response;
	bool is_flat;
	enum open_mpic_check check;
};

static int
find_place(struct job *j, const struct json *element, bool takes_flat,
    struct place *out)
{
	int found =
	    json_get_object(j, element, "check_response", &out->response);

	out->is_flat = found == 0 && takes_flat;
	if (out->is_flat)
		out->response = element;
	return found > 0 || out->is_flat ? 0 : -1;
}

/* The flat form has "response" for them.  Of two that may differ, neither. */
static int
find_records(struct job *j, const struct json *details, bool is_flat,
    const struct json **out)
{
	const struct json *flat = json_get(details, "response");

	*out = json_get(details, "records_seen");
	if (!is_flat || !is_there(flat))
		return 0;
	if (is_there(*out))
		return unreadable(j, "both records_seen and response");
	*out = flat;
	return 0;
}

static int
read_details(
    struct job *j, const struct place *place, struct open_mpic_view *out)
{
	const struct json *details, *records;
	int found = json_get_object(j, place->response, "details", &details);
	int has;

	if (found <= 0)
		return found;
	has =
	    json_get_bool(j, details, "caa_record_present", &out->has_records);
	if (has < 0)
		return -1;
	out->has_details = has > 0;
	if (find_records(j, details, place->is_flat, &records) < 0)
		return -1;
	return read_records(j, records, place->check, out);
}

/* What the service says of one that it could not reach.  Of all other errors,
 * those that nobody knows too, it is only said that the look-up failed. */
static bool
says_unreached(const struct json *check)
{
	static const char *const types[] = {
		"mpic_error:coordinator:remote_check",
		"mpic_error:coordinator:communication",
	};
	const struct json *list = json_get(check, "errors");

	for (size_t i = 0; i < json_count(list); i++) {
		struct span type =
		    json_string(json_get(json_at(list, i), "error_type"));

		for (size_t k = 0; k < COUNT(types); k++)
			if (span_eq_str(type, types[k]))
				return true;
	}
	return false;
}

/* MP-2: where it says what kind of check it was. */
static bool
is_of_kind(const struct place *place)
{
	const struct json *type = json_get(place->response, "check_type");

	return place->check == OPEN_MPIC_CAA || !is_there(type) ||
	       span_eq_str(
		   json_string(type), open_mpic_check_name(place->check));
}

int
open_mpic_view_parse(struct job *j, const struct json *element,
    enum open_mpic_check check, bool takes_flat, struct open_mpic_view *out)
{
	struct place place = { .check = check };
	struct span code;
	int64_t at_ns = 0;

	*out = (struct open_mpic_view){ 0 };
	if (json_type(element) != JSON_T_OBJECT ||
	    json_get_string(j, element, "perspective_code", &code) <= 0 ||
	    code.n == 0 || span_has_control(code) || !span_is_ascii(code) ||
	    find_place(j, element, takes_flat, &place) < 0) {
		job_recover(j);
		return unreadable(j, "a perspective without code or response");
	}
	out->code = span_dup(j->arena, code);
	if (!is_of_kind(&place))
		return unreadable(j, "a response about something else");
	if (json_get_bool(
		j, place.response, "check_completed", &out->completed) <= 0 ||
	    json_get_bool(j, place.response, "check_passed", &out->passed) <
		0 ||
	    json_get_integer(j, place.response, "timestamp_ns", &at_ns) < 0) {
		job_recover(j);
		return unreadable(j, "a response that cannot be read");
	}
	out->at_ms = at_ns / NS_IN_MS;
	out->unreached = !out->completed && says_unreached(place.response);
	return read_details(j, &place, out);
}

static bool
has_string(const struct json *v, const char *name, const char *value)
{
	return span_caseeq_str(json_string(json_get(v, name)), value);
}

static bool
is_same_count(const struct json *v, const char *name, int64_t value)
{
	const struct json *member = json_get(v, name);

	return !is_there(member) || json_integer(member) == value;
}

static bool
has_count(const struct json *v, const char *name, size_t least)
{
	return json_integer(json_get(v, name)) >= (int64_t)least;
}

static bool
is_caa_of(const struct json *v, const struct open_mpic_request *asked)
{
	const struct json *caa = json_get(v, "caa_check_parameters");
	const struct json *names = json_get(caa, "caa_domains");

	/* An extension, never sent: a failed look-up would pass. */
	if (json_bool(json_get(caa, "allow_lookup_failure")) ||
	    !has_string(caa, "certificate_type", "s-mime") ||
	    json_count(names) != asked->ca.n)
		return false;
	for (size_t i = 0; i < asked->ca.n; i++)
		if (!span_eq_str(
			json_string(json_at(names, i)), asked->ca.v[i]))
			return false;
	return true;
}

static bool
has_bool(const struct json *v, const char *name, bool value)
{
	const struct json *member = json_get(v, name);

	return json_type(member) == JSON_T_BOOL && json_bool(member) == value;
}

static bool
is_key_of(
    struct job *j, const struct json *v, const struct open_mpic_request *asked)
{
	const struct json *dcv = json_get(v, "dcv_check_parameters");

	return has_string(dcv, "validation_method", "dns-change") &&
	       has_string(dcv, "dns_record_type", "TXT") &&
	       has_string(dcv, "dns_name_prefix", key_prefix(j, asked)) &&
	       span_eq(json_string(json_get(dcv, "challenge_value")),
		   asked->key_text) &&
	       has_bool(dcv, "require_exact_match", false) &&
	       has_bool(dcv, "require_exact_case", true);
}

/* Where it repeats how it was asked to go about it, it repeats that; and it has
 * not done less, nor tried more than once. */
static bool
is_done_so(const struct json *v, const struct open_mpic_request *asked)
{
	const struct json *request =
	    json_get(v, "request_orchestration_parameters");
	const struct json *actual =
	    json_get(v, "actual_orchestration_parameters");

	return is_same_count(request, "perspective_count",
		   (int64_t)asked->perspectives) &&
	       is_same_count(request, "quorum_count", (int64_t)asked->quorum) &&
	       is_same_count(request, "max_attempts", ATTEMPTS) &&
	       has_count(actual, "perspective_count", asked->perspectives) &&
	       has_count(actual, "quorum_count", asked->quorum) &&
	       json_integer(json_get(actual, "attempt_count")) == ATTEMPTS;
}

/* What was asked, in its own words (MP-2). */
static bool
is_about(
    struct job *j, const struct json *v, const struct open_mpic_request *asked)
{
	return has_string(
		   v, "check_type", open_mpic_check_name(asked->check)) &&
	       has_string(v, "domain_or_ip_target", asked->domain) &&
	       span_eq_str(json_string(json_get(v, "trace_identifier")),
		   asked->trace) &&
	       (asked->check == OPEN_MPIC_CAA ? is_caa_of(v, asked)
					      : is_key_of(j, v, asked)) &&
	       is_done_so(v, asked);
}

int
open_mpic_answer_parse(struct job *j, struct span text,
    const struct open_mpic_request *asked, struct open_mpic_answer *out)
{
	const struct json *v = NULL, *list;

	*out = (struct open_mpic_answer){ 0 };
	if (text.n > OPEN_MPIC_ANSWER_MAX)
		return job_fail(j, ERR_MALFORMED, "answer: longer than 1 MiB");
	if (json_parse_many(j, text, "answer", ITEMS_MAX, &v) < 0)
		return -1;
	if (!is_about(j, v, asked))
		return unreadable(j, "answers another question");
	if (json_count(json_get(v, "previous_attempt_results")) > 0)
		return unreadable(j, "it has tried more than once");
	if (json_get_bool(j, v, "mpic_completed", &out->completed) <= 0 ||
	    json_get_bool(j, v, "is_valid", &out->is_valid) < 0 ||
	    json_get_array(j, v, "perspectives", &list) <= 0 ||
	    json_count(list) > OPEN_MPIC_VIEWS_MAX) {
		job_recover(j);
		return unreadable(j, "no perspectives, or too many");
	}
	out->count = json_count(list);
	for (size_t i = 0; i < out->count; i++)
		out->elements[i] = json_at(list, i);
	return 0;
}
