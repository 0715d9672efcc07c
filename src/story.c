#include "config.h"

#include "src/story.h"

#include "acme/revoke.h"
#include "acme/status.h"
#include "db/store_account.h"
#include "db/store_audit.h"
#include "db/store_caa.h"
#include "db/store_cert.h"
#include "db/store_order.h"
#include "db/store_reply.h"
#include "db/store_suppressed.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/json.h"
#include "mail/status_words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 400

struct story {
	struct job *job;
	struct story_step steps[STEPS_MAX];
	size_t count;
};

static void
add(struct story *s, int64_t at, const char *what, const char *detail)
{
	if (at == 0 || s->count == STEPS_MAX)
		return;
	s->steps[s->count] = (struct story_step){ at, s->count, what, detail };
	s->count++;
}

static int
by_time(const void *a, const void *b)
{
	const struct story_step *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static const char *
verdict_words(enum verdict v)
{
	switch (v) {
	case VERDICT_MATCH:
		return "a reply proved the mailbox";
	case VERDICT_MISMATCH:
		return "a reply held a wrong digest: the attempt is over";
	case VERDICT_STALE_KEY:
		return "a reply answered for the former account key";
	case VERDICT_NO_RESPONSE:
		return "a reply held no usable response";
	case VERDICT_UNAUTHENTICATED:
		return "a reply proved nothing";
	case VERDICT_UNKNOWN:
		return "a message was about nothing here";
	case VERDICT_DEFERRED:
		return "a reply waits to be judged again";
	case VERDICT_EXPIRED:
		return "a reply came too late";
	case VERDICT_LATE:
		return "a reply came after the decision";
	case VERDICT_REPEATED:
		return "a reply was seen before";
	case VERDICT_DSN_FAILED:
		return "the mail bounced";
	case VERDICT_DSN_DELAYED:
		return "the mail is delayed on its way";
	case VERDICT_DSN_NOTED:
		return "a delivery report came; it decides nothing";
	}
	return "";
}

static int
add_replies(struct story *s, const struct authz *a)
{
	struct job *j = s->job;
	struct reply_record *list;
	size_t count;

	if (store_reply_list(j, a->challenge.id, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const char *name = verdict_name(list[i].verdict);
		const char *code = list[i].code != NULL ? list[i].code : "";
		const char *why = list[i].detail != NULL ? list[i].detail : "";
		/* A match is of one kind only, and has its name. */
		bool tells_more = code[0] != '\0' && strcmp(code, name) != 0;

		add(s, list[i].recorded_at, verdict_words(list[i].verdict),
		    arena_printf(j->arena, "%s%s%s%s%s", name,
			tells_more ? ", " : "", tells_more ? code : "",
			why[0] ? ": " : "", why));
	}
	return 0;
}

static int
add_caa(struct story *s, const struct authz *a)
{
	struct caa_row c;
	int found = store_caa_latest(s->job, a->id, &c);

	if (found > 0)
		add(s, c.checked_at,
		    arena_printf(
			s->job->arena, "CAA of %s: %s", c.domain, c.result),
		    c.detail != NULL && c.detail[0] != '\0' ? c.detail
							    : c.reason);
	return found < 0 ? -1 : 0;
}

/* AC-189: whoever said STOP hardly answers, but while it can be answered the
 * authorization waits. */
static int
add_suppression(struct story *s, const struct authz *a)
{
	struct job *j = s->job;
	struct suppressed p;
	int found = store_suppressed_find(j, addr_counted(j, a->mailbox), &p);

	if (found > 0 && p.since >= a->created_at && p.since <= a->expires_at)
		add(s, p.since,
		    arena_printf(j->arena, "%s was put on the suppression list",
			a->mailbox),
		    arena_printf(j->arena, "until %s, by %s",
			clock_rfc3339(j->arena, p.until), p.source));
	return found < 0 ? -1 : 0;
}

static void
add_mail(struct story *s, const struct authz *a)
{
	const struct challenge *c = &a->challenge;
	struct job *j = s->job;

	add(s, c->mail_sent_at,
	    arena_printf(j->arena,
		"the challenge mail to %s was accepted by "
		"the relay",
		a->mailbox),
	    c->relay_answer);
	/* The code alone reaches the client (AC-119); an admin may know. */
	if (c->mail_sent_at == 0 && c->relay_answer != NULL)
		add(s, c->failed_at,
		    arena_printf(j->arena,
			"the challenge mail to %s was refused", a->mailbox),
		    c->relay_answer);
	if (c->mail_sent_at == 0 && c->failed_at == 0 && c->mail_error != NULL)
		add(s, j->now,
		    arena_printf(j->arena,
			"the challenge mail waits: attempt %" PRId64 " failed",
			c->mail_attempts),
		    status_explain(j, c->mail_error));
}

static int
add_authz(struct story *s, const struct authz *a)
{
	const struct challenge *c = &a->challenge;
	struct job *j = s->job;

	add_mail(s, a);
	add(s, c->posted_at,
	    arena_printf(
		j->arena, "the client says that %s is ready", a->mailbox),
	    NULL);
	if (add_replies(s, a) < 0 || add_suppression(s, a) < 0)
		return -1;
	add(s, a->valid_at,
	    arena_printf(j->arena, "%s is validated", a->mailbox), NULL);
	add(s, c->failed_at,
	    arena_printf(j->arena, "the validation of %s failed", a->mailbox),
	    story_problem(j, c->error));
	add(s, a->deactivated_at,
	    arena_printf(j->arena, "the authorization of %s was deactivated",
		a->mailbox),
	    NULL);
	add(s, a->revoked_at,
	    arena_printf(
		j->arena, "the authorization of %s was revoked", a->mailbox),
	    NULL);
	return add_caa(s, a);
}

static int
add_cert(struct story *s, const struct order *o)
{
	struct job *j = s->job;
	struct cert c;
	const char *reason;
	int found = store_cert_by_order(j, o->id, &c);

	if (found <= 0)
		return found;
	add(s, c.reserved_at, "the certificate's contents were fixed",
	    arena_printf(j->arena, "serial %s", c.serial));
	add(s, c.issued_at, "the certificate was issued", NULL);
	reason = revoke_reason_name(c.reason);
	add(s, c.revoked_at, "the certificate was revoked",
	    arena_printf(j->arena, "reason %" PRId64 " (%s), by %s", c.reason,
		reason != NULL ? reason : "unknown",
		c.revoked_by != NULL ? c.revoked_by : "nobody known"));
	return 0;
}

/* --- beside the steps ---------------------------------------------------- */

/* What an order is about, beyond its mailboxes. */
struct terms {
	const char *replaced_by; /* an order, or NULL */
	const char *eab_kid;     /* that the account is bound to, or NULL */
	char not_before[CLOCK_RFC3339_MAX], not_after[CLOCK_RFC3339_MAX];
};

static int
terms_load(struct job *j, const struct order *o, struct terms *t)
{
	struct account account;
	int found = store_account_by_id(j, o->account_id, &account);

	*t = (struct terms){ .replaced_by = NULL };
	if (found < 0 ||
	    (o->cert_id != NULL &&
		store_cert_replaced_by(j, o->cert_id, &t->replaced_by) < 0))
		return -1;
	if (found > 0)
		t->eab_kid = account.eab_kid;
	if (o->not_before != 0)
		clock_format_rfc3339(o->not_before, t->not_before);
	if (o->not_after != 0)
		clock_format_rfc3339(o->not_after, t->not_after);
	return 0;
}

static void
print_term(struct buf *out, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		buf_addf(out, "  %s: %s\n", name, value);
}

static void
put_term(struct json_out *w, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		json_member_str(w, name, value);
}

/* --- of one order -------------------------------------------------------- */

static int
collect(struct job *j, const struct order *o, struct story *s)
{
	s->job = j;
	add(s, o->created_at,
	    o->is_preauth ? "the client asked for an authorization"
			  : "the order came",
	    arena_printf(j->arena, "account %s", o->account_id));
	for (size_t i = 0; i < o->identifier_count; i++)
		if (add_authz(s, &o->identifiers[i].authz) < 0)
			return -1;
	add(s, o->csr_at, "the client sent its certificate request", NULL);
	if (add_cert(s, o) < 0)
		return -1;
	add(s, o->failed_at, "the order failed", story_problem(j, o->error));
	qsort(s->steps, s->count, sizeof(s->steps[0]), by_time);
	return 0;
}

const char *
story_status(struct job *j, const struct order *o)
{
	if (o->is_preauth)
		return authz_status_name(
		    authz_status(&o->identifiers[0].authz, j->now));
	return order_status_name(order_status(o, j->now));
}

int
story_steps(struct job *j, const struct order *o, const struct story_step **out,
    size_t *count)
{
	struct story *s = arena_alloc(j->arena, sizeof(*s));

	if (collect(j, o, s) < 0)
		return -1;
	*out = s->steps;
	*count = s->count;
	return 0;
}

static void
print_steps(const struct story *s, struct buf *out)
{
	char time[CLOCK_RFC3339_MAX];

	for (size_t i = 0; i < s->count; i++) {
		clock_format_rfc3339(s->steps[i].at, time);
		buf_addf(out, "%s  %s\n", time, s->steps[i].what);
		if (s->steps[i].detail != NULL)
			buf_addf(out, "%*s  (%s)\n", CLOCK_RFC3339_MAX - 1, "",
			    s->steps[i].detail);
	}
}

static void
put_steps(const struct story *s, struct json_out *w)
{
	json_key(w, "steps");
	json_array_begin(w);
	for (size_t i = 0; i < s->count; i++) {
		json_object_begin(w);
		json_member_time(w, "at", s->steps[i].at);
		json_member_str(w, "what", s->steps[i].what);
		if (s->steps[i].detail != NULL)
			json_member_str(w, "detail", s->steps[i].detail);
		json_object_end(w);
	}
	json_array_end(w);
}

static void
print_identifiers(const struct order *o, int64_t now, struct buf *out)
{
	for (size_t i = 0; i < o->identifier_count; i++) {
		const struct authz *a = &o->identifiers[i].authz;

		buf_addf(out, "  %s: %s (authorization %s)\n", a->mailbox,
		    authz_status_name(authz_status(a, now)), a->id);
	}
}

int
story_text(struct job *j, const struct order *o, struct buf *out)
{
	struct story *s = arena_alloc(j->arena, sizeof(*s));
	char time[CLOCK_RFC3339_MAX];
	struct terms t;

	if (collect(j, o, s) < 0 || terms_load(j, o, &t) < 0)
		return -1;
	clock_format_rfc3339(order_expires(o, j->now), time);
	buf_addf(out, "%s %s: %s\n",
	    o->is_preauth ? "pre-authorization" : "order", o->id,
	    story_status(j, o));
	print_identifiers(o, j->now, out);
	print_term(out, "account is bound to", t.eab_kid);
	buf_addf(out, "  profile: %s\n", o->profile);
	print_term(out, "valid from, as asked for", t.not_before);
	print_term(out, "valid until, as asked for", t.not_after);
	print_term(out, "replaces the certificate", o->replaces);
	print_term(out, "replaced by the order", t.replaced_by);
	buf_addf(out, "  expires: %s\n  waits for: %s\n\n", time,
	    story_waits_for(j, o));
	print_steps(s, out);
	return 0;
}

static void
json_identifiers(const struct order *o, int64_t now, struct json_out *w)
{
	json_key(w, "identifiers");
	json_array_begin(w);
	for (size_t i = 0; i < o->identifier_count; i++) {
		const struct authz *a = &o->identifiers[i].authz;

		json_object_begin(w);
		json_member_str(w, "mailbox", a->mailbox);
		json_member_str(w, "authorization", a->id);
		json_member_str(w, "challenge", a->challenge.id);
		json_member_str(
		    w, "status", authz_status_name(authz_status(a, now)));
		json_object_end(w);
	}
	json_array_end(w);
}

int
story_json(struct job *j, const struct order *o, struct buf *out)
{
	struct story *s = arena_alloc(j->arena, sizeof(*s));
	struct json_out w;
	struct terms t;

	if (collect(j, o, s) < 0 || terms_load(j, o, &t) < 0)
		return -1;
	json_out_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "order", o->id);
	if (o->is_preauth)
		json_member_bool(&w, "preauthorization", true);
	json_member_str(&w, "status", story_status(j, o));
	json_member_str(&w, "account", o->account_id);
	put_term(&w, "eab_kid", t.eab_kid);
	json_member_str(&w, "profile", o->profile);
	put_term(&w, "not_before", t.not_before);
	put_term(&w, "not_after", t.not_after);
	put_term(&w, "replaces", o->replaces);
	put_term(&w, "replaced_by", t.replaced_by);
	json_member_time(&w, "created", o->created_at);
	json_member_time(&w, "expires", order_expires(o, j->now));
	json_member_str(&w, "waits_for", story_waits_for(j, o));
	if (o->cert_id != NULL)
		json_member_str(&w, "certificate", o->cert_id);
	json_identifiers(o, j->now, &w);
	put_steps(s, &w);
	json_object_end(&w);
	buf_add_char(out, '\n');
	return 0;
}

/* --- of one authorization ------------------------------------------------- */

static int
collect_authz(struct job *j, const struct authz *a, struct story *s)
{
	s->job = j;
	add(s, a->created_at, "the authorization was asked for",
	    arena_printf(j->arena, "account %s", a->account_id));
	if (add_authz(s, a) < 0)
		return -1;
	qsort(s->steps, s->count, sizeof(s->steps[0]), by_time);
	return 0;
}

int
story_authz_text(struct job *j, const struct authz *a, struct buf *out)
{
	struct story *s = arena_alloc(j->arena, sizeof(*s));
	char time[CLOCK_RFC3339_MAX];

	if (collect_authz(j, a, s) < 0)
		return -1;
	clock_format_rfc3339(authz_expires(a), time);
	buf_addf(out,
	    "authorization %s: %s\n  mailbox: %s\n  order: %s\n"
	    "  expires: %s\n  waits for: %s\n\n",
	    a->id, authz_status_name(authz_status(a, j->now)), a->mailbox,
	    a->order_id, time, story_authz_waits_for(j, a));
	print_steps(s, out);
	return 0;
}

int
story_authz_json(struct job *j, const struct authz *a, struct buf *out)
{
	struct story *s = arena_alloc(j->arena, sizeof(*s));
	struct json_out w;

	if (collect_authz(j, a, s) < 0)
		return -1;
	json_out_init(&w, out);
	json_object_begin(&w);
	json_member_str(&w, "authorization", a->id);
	json_member_str(
	    &w, "status", authz_status_name(authz_status(a, j->now)));
	json_member_str(&w, "mailbox", a->mailbox);
	json_member_str(&w, "account", a->account_id);
	json_member_str(&w, "order", a->order_id);
	json_member_str(&w, "challenge", a->challenge.id);
	json_member_time(&w, "created", a->created_at);
	json_member_time(&w, "expires", authz_expires(a));
	json_member_str(&w, "waits_for", story_authz_waits_for(j, a));
	put_steps(s, &w);
	json_object_end(&w);
	buf_add_char(out, '\n');
	return 0;
}
