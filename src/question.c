#include "config.h"

#include "src/question.h"

#include <string.h>

#include "db/store_authz.h"
#include "db/store_caa.h"
#include "db/store_reply.h"
#include "dns/quorum.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rnd.h"
#include "mail/dkim_key.h"
#include "mail/dkim_tags.h"
#include "src/caa_rules.h"

int
question_key(struct job *j, struct span record, struct span *out)
{
	static const enum dkim_key_type types[] = { DKIM_KEY_RSA,
		DKIM_KEY_ED25519 };

	for (size_t i = 0; i < COUNT(types); i++) {
		struct dkim_key key;
		struct finding f = { 0 };

		if (dkim_key_parse(j, record, types[i], &key, &f) == 0) {
			*out = key.public_key;
			return 0;
		}
	}
	return -1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The text of p= as the record has it, but for white space in it. */
static void
read_key_text(struct job *j, struct span record, struct question *q)
{
	struct dkim_tags t;
	const struct dkim_tag *p;
	struct buf b;

	if (dkim_tags_parse(record, &t) != DKIM_TAGS_OK ||
	    (p = dkim_tags_get(&t, "p")) == NULL)
		return;
	buf_init(&b, j->arena, p->value.n);
	for (size_t i = 0; i < p->value.n; i++)
		if (!is_blank(p->value.p[i]))
			buf_add_char(&b, p->value.p[i]);
	q->key_text = buf_span(&b);
	q->key_has_blanks = b.n < p->value.n;
}

/* Does d= speak for the mailbox's domain?  Itself, or one above it. */
static bool
speaks_for(const char *d, const char *domain)
{
	size_t n = strlen(d), all = strlen(domain);

	return n > 0 && n <= all && strcmp(domain + all - n, d) == 0 &&
	       (n == all || domain[all - n - 1] == '.');
}

static int
unproven(struct job *j, const char *why)
{
	return job_fail(j, ERR_UNAUTHORIZED, "corroboration: %s", why);
}

/*
 * The signature that the verdict rests on: of those that speak for the domain
 * the verifier goes no further than to the first that passes.  One whose key
 * cannot be read is not passed over: nobody would be asked about it.
 */
static int
find_key(struct job *j, const struct json *judgement, const char *domain,
    struct question *q)
{
	const struct json *list = json_get(judgement, "signatures");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *s = json_at(list, i);
		const char *d =
		    span_dup(j->arena, json_string(json_get(s, "d")));
		struct span text = json_string(json_get(s, "key_record"));
		struct span record;

		if (!span_eq_str(json_string(json_get(s, "result")), "pass") ||
		    !speaks_for(d, domain))
			continue;
		if (b64_parse_fws(j->arena, text, &record) < 0 ||
		    question_key(j, record, &q->key) < 0 || q->key.n == 0)
			return unproven(j,
			    "the key that authenticated the reply cannot be "
			    "read from the evidence");
		read_key_text(j, record, q);
		q->request.dkim_domain = d;
		q->request.dkim_selector =
		    span_dup(j->arena, json_string(json_get(s, "s")));
		return 0;
	}
	/* MA-76: then there is no key in the DNS to be confirmed. */
	if (json_bool(
		json_get(json_get(judgement, "smime"), "instead_of_dkim")))
		return 0;
	return unproven(
	    j, "the evidence holds no key that authenticated the reply");
}

static int
add_key(struct job *j, const struct caa_row *c, struct question *q)
{
	const struct json *evidence;
	struct reply_record r;
	struct authz a;
	int found = store_authz_by_id(j, c->authz_id, NULL, &a);

	if (found > 0)
		found = store_reply_proof(j, a.challenge.id, &r);
	if (found < 0)
		return -1;
	if (found == 0)
		return unproven(j, "there is no reply that proves anything");
	if (json_parse_object(j, span_str(r.evidence), "evidence", &evidence) <
	    0)
		return -1;
	return find_key(j, json_get(evidence, "judgement"), c->domain, q);
}

static struct question
question_about(const struct caa_row *c, const struct caa_policy *policy,
    const char *account_url, bool is_open_mpic)
{
	return (struct question){
		.request = { .ca = *policy->issuer_domains,
		    .caa_domain = c->domain,
		    .account_url = account_url,
		    .method = "email-reply-00" },
		.policy = *policy,
		.is_open_mpic = is_open_mpic,
	};
}

/* A service is asked for keys only where that is wanted: its API has no
 * question that is meant for them. */
static int
finish_question(struct job *j, const struct caa_row *c, struct question *q)
{
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);
	int plain;

	rnd_id(id);
	q->request.id = id;
	plain = q->is_open_mpic ? caa_trace_is_plain(j, c->trace) : 1;
	q->needs_records = plain == 0;
	if (plain < 0)
		return -1;
	return q->is_open_mpic && !q->via_dcv ? 0 : add_key(j, c, q);
}

/* The round that is part of a check's trace already: NULL, there is none. */
static int
read_round(struct job *j, const struct caa_row *c, const struct json **out)
{
	const struct json *trace;

	if (caa_trace_parse(j, c->trace, &trace) < 0)
		return -1;
	*out = json_get(trace, "corroboration");
	return 0;
}

static bool
is_via_dcv(const struct json *round)
{
	return json_bool(json_get(round, QUESTION_VIA_DCV));
}

int
question_of(struct job *j, const struct caa_row *c, struct question *out)
{
	const struct conf_mpic *m = &j->conf->mpic;
	const struct json *round = NULL;
	const struct caa_policy policy = caa_rules_policy(j->conf);

	*out = question_about(c, &policy, caa_rules_account(j, c->account_id),
	    m->service_count > 0);
	/* What was asked for the key stays a question about it, also where
	 * that is not wanted any more. */
	if (out->is_open_mpic && read_round(j, c, &round) < 0)
		return -1;
	out->via_dcv = m->dkim_via_dcv || is_via_dcv(round);
	out->takes_flat = m->open_mpic_flat;
	return finish_question(j, c, out);
}

int
question_was(struct job *j, const struct caa_row *c, struct question *out)
{
	struct caa_rules *then = arena_alloc(j->arena, sizeof(*then));
	const struct json *round;

	if (caa_rules_read(j, c->trace, then) < 0 ||
	    read_round(j, c, &round) < 0)
		return -1;
	*out = question_about(c, &then->policy, then->account_url,
	    span_eq_str(
		json_string(json_get(round, "dialect")), QUESTION_OPEN_MPIC));
	out->via_dcv = is_via_dcv(round);
	return finish_question(j, c, out);
}

bool
question_has_key(const struct question *q)
{
	return q->request.dkim_domain != NULL;
}

void
question_leave_key(struct question *q)
{
	q->request.dkim_domain = q->request.dkim_selector = NULL;
	q->key = q->key_text = (struct span){ NULL, 0 };
	q->key_has_blanks = false;
}

struct question *
question_keep(struct arena *a, const struct question *q)
{
	struct question *k = arena_memdup(a, q, sizeof(*q));
	struct agent_request *r = &k->request;

	r->id = arena_strdup(a, r->id);
	r->caa_domain = arena_strdup(a, r->caa_domain);
	r->account_url = arena_strdup(a, r->account_url);
	r->dkim_selector = r->dkim_domain = NULL; /* judging needs the key */
	k->key = span_mem(arena_memdup(a, q->key.p, q->key.n), q->key.n);
	k->key_text = (struct span){ NULL, 0 };
	return k;
}

/* --- to a service -------------------------------------------------------- */

/* It travels to a third party: nothing but the round's random id. */
static const char *
trace_of(struct job *j, const char *id)
{
	uint8_t octets[16];
	struct buf b;

	if (b64url_parse_fixed(span_str(id), octets, sizeof(octets)) < 0) {
		job_fail(j, ERR_INTERNAL, "the id of a round is none");
		return NULL;
	}
	buf_init(&b, j->arena, B64URL_LEN(2 * sizeof(octets)));
	b32_add(&b, span_mem(octets, sizeof(octets)));
	return b.p;
}

/* Of what a record says, a service compares the lower case. */
static struct conf_list
lower_case(struct job *j, const struct conf_list *names)
{
	struct conf_list out = { .n = names->n };

	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	out.v = arena_calloc(j->arena, out.n + 1, sizeof(*out.v));
	for (size_t i = 0; i < out.n; i++) {
		char *name = arena_strdup(j->arena, names->v[i]);

		for (char *p = name; *p != '\0'; p++)
			*p = ascii_lower(*p);
		out.v[i] = name;
	}
	return out;
}

int
question_to_service(
    struct job *j, const struct question *q, struct open_mpic_request *r)
{
	bool is_key = r->check == OPEN_MPIC_KEY;

	r->trace = trace_of(j, q->request.id);
	if (r->trace == NULL)
		return -1;
	r->quorum = r->perspectives - quorum_dissent(r->perspectives);
	r->domain = is_key ? q->request.dkim_domain : q->request.caa_domain;
	r->ca = lower_case(j, &q->request.ca);
	r->selector = q->request.dkim_selector;
	r->key_text = q->key_text;
	return 0;
}
