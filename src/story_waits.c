#include "config.h"

#include "src/story.h"

#include "acme/status.h"
#include "db/store_order.h"
#include "db/store_reply.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"
#include "mail/status_words.h"

const char *
story_problem(struct job *j, const char *problem)
{
	const struct json *v;

	if (problem == NULL)
		return NULL;
	if (json_parse_object(j, span_str(problem), "problem", &v) < 0) {
		job_recover(j);
		return problem;
	}
	return span_dup(j->arena, json_string(json_get(v, "detail")));
}

/* What a pending authorization lacks. */
enum lack {
	LACK_RELAY,
	LACK_MAIL,
	LACK_REPLY,
	LACK_VERDICT,
	LACK_NETWORKS,
	LACK_CLIENT
};

/* *why: of a reply that came and could not be judged yet (MA-31). */
static enum lack
lack_of(struct job *j, const struct authz *a, const char **why)
{
	const struct challenge *c = &a->challenge;
	int found;

	*why = NULL;
	if (c->mail_sent_at == 0)
		return c->mail_error != NULL ? LACK_RELAY : LACK_MAIL;
	if (c->proven_at != 0)
		return a->valid_at != 0 ? LACK_NETWORKS : LACK_CLIENT;
	found = store_reply_waiting_of(j, c->id, why);
	if (found < 0) /* what follows fails as well, and says why */
		job_recover(j);
	return found > 0 ? LACK_VERDICT : LACK_REPLY;
}

static const char *
pending_waits_for(struct job *j, const struct authz *a)
{
	const struct challenge *c = &a->challenge;
	const char *why;

	switch (lack_of(j, a, &why)) {
	case LACK_RELAY:
		return arena_printf(j->arena,
		    "the relay to take the mail to %s: %s", a->mailbox,
		    status_explain(j, c->mail_error));
	case LACK_MAIL:
		return arena_printf(
		    j->arena, "the mail to %s to leave", a->mailbox);
	case LACK_REPLY:
		return arena_printf(j->arena, "a reply from %s", a->mailbox);
	case LACK_VERDICT:
		return arena_printf(j->arena,
		    "the reply from %s to be judged again: %s", a->mailbox,
		    why);
	case LACK_NETWORKS:
		return arena_printf(j->arena,
		    "other networks to confirm what is seen here%s%s",
		    c->error != NULL ? ": " : "",
		    c->error != NULL ? story_problem(j, c->error) : "");
	case LACK_CLIENT:
		break;
	}
	return arena_printf(
	    j->arena, "the client to say that %s is ready", a->mailbox);
}

/* Why an authorization with this status waits for nothing. */
static const char *
authz_ended_by(struct job *j, const struct authz *a, enum authz_status s)
{
	const struct deadline *missed;
	const char *error;

	switch (s) {
	case AUTHZ_VALID:
		return "nothing: the mailbox is proven";
	case AUTHZ_DEACTIVATED:
	case AUTHZ_REVOKED:
		return arena_printf(j->arena,
		    "nothing: the authorization of %s was %s", a->mailbox,
		    authz_status_name(s));
	case AUTHZ_INVALID:
		error = challenge_error(a, j->now, &missed);
		if (error != NULL)
			return arena_printf(
			    j->arena, "nothing: %s", story_problem(j, error));
		break;
	case AUTHZ_PENDING:
	case AUTHZ_EXPIRED:
		break;
	}
	return "nothing: its time is over";
}

const char *
story_authz_waits_for(struct job *j, const struct authz *a)
{
	enum authz_status s = authz_status(a, j->now);

	return s == AUTHZ_PENDING ? pending_waits_for(j, a)
				  : authz_ended_by(j, a, s);
}

/* The first of the order, or NULL. */
static const struct authz *
first_pending(const struct order *o, int64_t now)
{
	for (size_t i = 0; i < o->identifier_count; i++)
		if (authz_status(&o->identifiers[i].authz, now) ==
		    AUTHZ_PENDING)
			return &o->identifiers[i].authz;
	return NULL;
}

/* Why an invalid order waits for nothing. */
static const char *
ended_by(struct job *j, const struct order *o)
{
	if (o->error != NULL)
		return arena_printf(
		    j->arena, "nothing: %s", story_problem(j, o->error));
	for (size_t i = 0; i < o->identifier_count; i++) {
		const struct authz *a = &o->identifiers[i].authz;
		enum authz_status s = authz_status(a, j->now);

		if (s != AUTHZ_PENDING && s != AUTHZ_VALID)
			return authz_ended_by(j, a, s);
	}
	return "nothing: its time is over";
}

const char *
story_waits_for(struct job *j, const struct order *o)
{
	const struct authz *a;

	/* What a pre-authorization is for has not come yet. */
	if (o->is_preauth)
		return story_authz_waits_for(j, &o->identifiers[0].authz);
	switch (order_status(o, j->now)) {
	case ORDER_PENDING:
		a = first_pending(o, j->now);
		return a != NULL ? pending_waits_for(j, a) : "";
	case ORDER_READY:
		return "the client's certificate request";
	case ORDER_PROCESSING:
		return "the issuer";
	case ORDER_VALID:
		return "nothing: the certificate was issued";
	case ORDER_INVALID:
		return ended_by(j, o);
	}
	return "";
}

const char *
story_lacks(struct job *j, const struct order *o)
{
	static const char *const texts[] = {
		[LACK_RELAY] = "the relay to take the mail",
		[LACK_MAIL] = "the mail to leave",
		[LACK_REPLY] = "a reply",
		[LACK_VERDICT] = "a reply to be judged again",
		[LACK_NETWORKS] = "other networks to confirm what is seen here",
		[LACK_CLIENT] = "the client to say that it is ready",
	};
	const struct authz *a;
	const char *why;

	switch (order_status(o, j->now)) {
	case ORDER_PENDING:
		a = first_pending(o, j->now);
		return a != NULL ? texts[lack_of(j, a, &why)] : "nothing";
	case ORDER_READY:
		return "the client's certificate request";
	case ORDER_PROCESSING:
		return "the issuer";
	case ORDER_VALID:
	case ORDER_INVALID:
		break;
	}
	return "nothing";
}
