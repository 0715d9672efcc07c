#include "config.h"

#include "dns/record.h"

#include "dns/packet.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"

#include <stdlib.h>
#include <string.h>

/* A reply has at most eight signatures, each with one key to look up. */
#define ANSWERS_MAX 32
/* A key record has at most 8 KiB (MA-33); more than this is nobody's DNS, but
 * somebody's attempt to make evidence that cannot be stored or read. */
#define RECORDS_MAX 16
#define OCTETS_MAX (16 * 1024)
#define TEXT_MAX (512 * 1024)

struct asked {
	enum dns_type type;
	struct dns_answer answer;
};

struct recorder {
	struct record_sources sources;
	struct resolver *front;
	int64_t deadline; /* monotonic ms */
	struct asked asked[ANSWERS_MAX];
	size_t count;
};

static void
release_resolver(void *r)
{
	resolver_free(r);
}

static bool
is_too_large(const struct dns_answer *a)
{
	size_t octets = 0;

	for (size_t i = 0; i < a->count; i++)
		octets += a->rdata[i].n;
	return a->count > RECORDS_MAX || octets > OCTETS_MAX;
}

static struct dns_answer
no_answer(const char *name, const char *why)
{
	return (struct dns_answer){ .status = DNS_TEMPORARY,
		.name = name,
		.canonical = name,
		.why = why };
}

static int
compare_rdata(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

/* Servers give the records of a set in any order. */
static const struct span *
sorted(struct job *j, const struct dns_answer *a)
{
	struct span *v = arena_calloc(j->arena, a->count, sizeof(*v));

	for (size_t i = 0; i < a->count; i++)
		v[i] = a->rdata[i];
	if (a->count > 1)
		qsort(v, a->count, sizeof(*v), compare_rdata);
	return v;
}

static bool
is_same(struct job *j, const struct dns_answer *a, const struct dns_answer *b)
{
	const struct span *x, *y;

	if (a->status != b->status || a->count != b->count)
		return false;
	x = sorted(j, a);
	y = sorted(j, b);
	for (size_t i = 0; i < a->count; i++)
		if (!span_eq(x[i], y[i]))
			return false;
	return true;
}

static bool
is_late(const struct recorder *r)
{
	return clock_mono_ms() >= r->deadline;
}

/* MA-32 */
static int
ask_second(const struct recorder *r, struct job *j, const char *name,
    enum dns_type type, struct dns_answer *out)
{
	struct dns_answer other;

	if (r->sources.second == NULL || out->status == DNS_TEMPORARY)
		return 0;
	if (is_late(r)) {
		*out = no_answer(name, "no time left for the second resolver");
		return 0;
	}
	if (resolver_query(r->sources.second, j, name, type, &other) < 0)
		return -1;
	if (other.status == DNS_TEMPORARY)
		*out = no_answer(
		    name, arena_printf(j->arena, "the second resolver: %s",
			      other.why != NULL ? other.why : "no answer"));
	else
		out->disagrees = !is_same(j, out, &other);
	return 0;
}

/* All look-ups of one message share its time: eight dead name servers must
 * not stop the mailbox for eight times as long. */
static int
ask(struct recorder *r, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	if (is_late(r)) {
		*out = no_answer(name, "no time left for this message");
		return 0;
	}
	if (resolver_query(r->sources.first, j, name, type, out) < 0)
		return -1;
	if (is_too_large(out)) {
		*out = no_answer(name, "the answer is too large");
		out->too_large = true;
	}
	return ask_second(r, j, name, type, out);
}

static int
record_query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct recorder *r = ctx;

	if (r->count == ANSWERS_MAX)
		return job_fail(j, ERR_INTERNAL,
		    "more than %d look-ups for one message", ANSWERS_MAX);
	if (ask(r, j, name, type, out) < 0)
		return -1;
	r->asked[r->count].type = type;
	r->asked[r->count].answer = *out;
	r->count++;
	return 0;
}

struct recorder *
recorder_new(struct job *j, const struct record_sources *sources)
{
	struct recorder *r = arena_alloc(j->arena, sizeof(*r));

	r->sources = *sources;
	r->deadline = clock_mono_ms() + sources->budget_ms;
	r->front = arena_own(
	    j->arena, resolver_new_custom(record_query, r), release_resolver);
	return r;
}

struct resolver *
recorder_resolver(struct recorder *r)
{
	return r->front;
}

/* The way to the canonical name (MA-86). */
static void
put_aliases(struct json_out *o, const struct dns_answer *a)
{
	if (a->alias_count == 0)
		return;
	json_key(o, "aliases");
	json_array_begin(o);
	for (size_t i = 0; i < a->alias_count; i++)
		json_put_string(o, span_str(a->aliases[i]));
	json_array_end(o);
}

static void
write_answer(struct job *j, struct json_out *o, const struct asked *asked)
{
	const struct dns_answer *a = &asked->answer;

	json_object_begin(o);
	json_member_str(o, "name", a->name);
	json_member_int(o, "type", asked->type);
	json_member_str(o, "status", dns_status_name(a->status));
	json_member_bool(o, "secure", a->secure);
	json_member_int(o, "ttl", a->ttl);
	if (a->canonical != NULL)
		json_member_str(o, "canonical", a->canonical);
	if (a->disagrees)
		json_member_bool(o, "disagrees", true);
	if (a->too_large)
		json_member_bool(o, "too_large", true);
	put_aliases(o, a);
	json_key(o, "rdata");
	json_array_begin(o);
	for (size_t i = 0; i < a->count; i++)
		json_put_string(o, span_str(hex_dup(j->arena, a->rdata[i])));
	json_array_end(o);
	json_object_end(o);
}

/* About. */
static size_t
text_length(const struct recorder *r)
{
	size_t n = 16;

	for (size_t i = 0; i < r->count; i++) {
		const struct dns_answer *a = &r->asked[i].answer;

		n += 300;
		for (size_t k = 0; k < a->count; k++)
			n += 2 * a->rdata[k].n + 4;
	}
	return n;
}

const char *
recorder_text(struct job *j, const struct recorder *r)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	buf_reserve(&b, text_length(r));
	json_out_init(&o, &b);
	json_array_begin(&o);
	for (size_t i = 0; i < r->count; i++)
		write_answer(j, &o, &r->asked[i]);
	json_array_end(&o);
	return buf_ok(&b) ? b.p : "[]";
}

const char *
recorder_names(struct job *j, const struct recorder *r)
{
	const struct record_sources *s = &r->sources;
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, 4096);
	json_out_init(&o, &b);
	json_array_begin(&o);
	json_put_string(&o, span_str(resolver_name(s->first)));
	if (s->second != NULL)
		json_put_string(&o, span_str(resolver_name(s->second)));
	json_array_end(&o);
	return buf_ok(&b) ? b.p : "[]";
}

static int
replay_query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	const struct recorder *r = ctx;

	(void)j;
	for (size_t i = 0; i < r->count; i++) {
		if (r->asked[i].type == type &&
		    strcmp(r->asked[i].answer.name, name) == 0) {
			*out = r->asked[i].answer;
			return 0;
		}
	}
	*out = no_answer(name, "was not asked at the time");
	return 0;
}

static int
read_status(struct job *j, struct span name, enum dns_status *out)
{
	for (int s = DNS_OK; s <= DNS_BOGUS; s++) {
		if (span_eq_str(name, dns_status_name((enum dns_status)s))) {
			*out = (enum dns_status)s;
			return 0;
		}
	}
	return job_fail(j, ERR_MALFORMED, "stored answer: unknown status");
}

static int
read_rdata(struct job *j, const struct json *list, struct dns_answer *a)
{
	a->count = json_count(list);
	a->rdata = arena_calloc(j->arena, a->count, sizeof(*a->rdata));
	for (size_t i = 0; i < a->count; i++) {
		struct span text = json_string(json_at(list, i));
		char *octets = arena_alloc(j->arena, text.n / 2 + 1);

		if (hex_parse_fixed(text, octets, text.n / 2) < 0)
			return job_fail(j, ERR_MALFORMED,
			    "stored answer: record %zu is not hexadecimal",
			    i + 1);
		a->rdata[i] = span_mem(octets, text.n / 2);
	}
	return 0;
}

static int
read_aliases(struct job *j, const struct json *list, struct dns_answer *a)
{
	a->alias_count = json_count(list);
	if (a->alias_count > DNS_ALIAS_MAX)
		return job_fail(
		    j, ERR_MALFORMED, "stored answer: too many aliases");
	a->aliases =
	    arena_calloc(j->arena, a->alias_count, sizeof(*a->aliases));
	for (size_t i = 0; i < a->alias_count; i++)
		a->aliases[i] =
		    span_dup(j->arena, json_string(json_at(list, i)));
	return 0;
}

static int
read_answer(struct job *j, const struct json *v, struct asked *asked)
{
	struct dns_answer *a = &asked->answer;

	asked->type = (enum dns_type)json_integer(json_get(v, "type"));
	a->name = span_dup(j->arena, json_string(json_get(v, "name")));
	a->canonical = a->name;
	if (json_get(v, "canonical") != NULL)
		a->canonical =
		    span_dup(j->arena, json_string(json_get(v, "canonical")));
	a->secure = json_bool(json_get(v, "secure"));
	a->disagrees = json_bool(json_get(v, "disagrees"));
	a->too_large = json_bool(json_get(v, "too_large"));
	a->ttl = (uint32_t)json_integer(json_get(v, "ttl"));
	if (read_status(j, json_string(json_get(v, "status")), &a->status) <
		0 ||
	    read_aliases(j, json_get(v, "aliases"), a) < 0)
		return -1;
	return read_rdata(j, json_get(v, "rdata"), a);
}

int
replay_new(struct job *j, const struct json *answers, struct resolver **out)
{
	struct recorder *r = arena_alloc(j->arena, sizeof(*r));

	r->count = json_count(answers);
	if (r->count > ANSWERS_MAX)
		return job_fail(j, ERR_MALFORMED,
		    "stored answers: more than %d", ANSWERS_MAX);
	for (size_t i = 0; i < r->count; i++)
		if (read_answer(j, json_at(answers, i), &r->asked[i]) < 0)
			return -1;
	*out = arena_own(
	    j->arena, resolver_new_custom(replay_query, r), release_resolver);
	return 0;
}
