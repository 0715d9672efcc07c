#include "config.h"

#include "dns/record.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"

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
	struct resolver *inner;
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

/* All look-ups of one message share its time: eight dead name servers must
 * not stop the mailbox for eight times as long. */
static int
ask(struct recorder *r, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	if (clock_mono_ms() >= r->deadline) {
		*out = no_answer(name, "no time left for this message");
		return 0;
	}
	if (resolver_query(r->inner, j, name, type, out) < 0)
		return -1;
	if (is_too_large(out))
		*out = no_answer(name, "the answer is too large");
	return 0;
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
recorder_new(struct job *j, struct resolver *inner, int64_t budget_ms)
{
	struct recorder *r = arena_alloc(j->arena, sizeof(*r));

	r->inner = inner;
	r->deadline = clock_mono_ms() + budget_ms;
	r->front = arena_own(
	    j->arena, resolver_new_custom(record_query, r), release_resolver);
	return r;
}

struct resolver *
recorder_resolver(struct recorder *r)
{
	return r->front;
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
	json_key(o, "rdata");
	json_array_begin(o);
	for (size_t i = 0; i < a->count; i++)
		json_put_string(o, span_str(hex_dup(j->arena, a->rdata[i])));
	json_array_end(o);
	json_object_end(o);
}

const char *
recorder_text(struct job *j, const struct recorder *r)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	json_out_init(&o, &b);
	json_array_begin(&o);
	for (size_t i = 0; i < r->count; i++)
		write_answer(j, &o, &r->asked[i]);
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
	a->ttl = (uint32_t)json_integer(json_get(v, "ttl"));
	if (read_status(j, json_string(json_get(v, "status")), &a->status) < 0)
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
